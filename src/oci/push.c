#include <string.h>

#include "codec/json.h"
#include "oci/media.h"
#include "oci/remote_int.h"

struct push {
    struct image_store *store;
    struct remote remote;
    const struct reference *target;
    image_progress progress;
    void *progress_arg;
};

static bool is_there(struct push *p, const char *path)
{
    struct http_answer answer;
    const struct remote_call call = {.method = "HEAD",
                                     .path = path,
                                     .accept = MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST
                                                               ", " MEDIA_DOCKER_LIST
                                                               ", " MEDIA_DOCKER_MANIFEST};
    return remote_do(&p->remote, &call, &answer, NULL) == 0 && answer.status == 200;
}

static int push_blob(struct push *p, const char *digest, struct err *e)
{
    struct arena *a = p->remote.arena;
    struct http_answer answer;
    uint64_t size;
    AUTO_FD int fd = -1;
    if (is_there(p, arena_printf(a, "/blobs/%s", digest)))
        return 0;
    int rc = blob_open(p->store->blobs, digest, &fd, &size, e);
    if (rc < 0)
        return rc;
    if (p->progress)
        p->progress(p->progress_arg, arena_printf(a, "pushing %.19s", digest));
    const struct remote_call begin = {.method = "POST", .path = "/blobs/uploads/"};
    if ((rc = remote_do(&p->remote, &begin, &answer, e)) < 0)
        return rc;
    const char *location = http_answer_header(&answer, "location");
    if (answer.status != 202 || !location)
        return remote_refused(&p->remote, &answer, "upload", e);
    const struct remote_call put = {.method = "PUT",
                                    .path = remote_upload_url(&p->remote, location, digest),
                                    .type = "application/octet-stream",
                                    .body_fd = fd,
                                    .has_body_fd = true,
                                    .body_len = size};
    if ((rc = remote_do(&p->remote, &put, &answer, e)) < 0)
        return rc;
    return answer.status == 201 ? 0 : remote_refused(&p->remote, &answer, digest, e);
}

static int put_manifest(struct push *p, const char *reference, const char *media_type,
                        const char *json, size_t n, struct err *e)
{
    struct http_answer answer;
    const struct remote_call put = {.method = "PUT",
                                    .path =
                                        arena_printf(p->remote.arena, "/manifests/%s", reference),
                                    .type = media_type,
                                    .body = json,
                                    .body_len = n};
    int rc = remote_do(&p->remote, &put, &answer, e);
    if (rc < 0)
        return rc;
    return answer.status / 100 == 2 ? 0 : remote_refused(&p->remote, &answer, "manifest", e);
}

static int push_manifest(struct push *p, const char *digest, const char *reference, unsigned depth,
                         struct err *e)
{
    struct manifest m;
    struct descriptor d;
    char *json;
    size_t n;
    struct arena *a = p->remote.arena;
    int rc = blob_read(p->store->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, e);
    if (rc < 0 || (rc = manifest_parse(a, json, n, NULL, &m, e)) < 0)
        return rc;
    for (size_t i = 0; rc == 0 && manifest_next(&m, &i, &d);) {
        if (!d.is_manifest)
            rc = d.foreign && !blob_has(p->store->blobs, d.digest, NULL)
                     ? 0
                     : push_blob(p, d.digest, e);
        else if (blob_has(p->store->blobs, d.digest, NULL) && depth < 4)
            rc = push_manifest(p, d.digest, d.digest, depth + 1, e);
    }
    return rc < 0 ? rc : put_manifest(p, reference, m.media_type, json, n, e);
}

static int find_source(struct image_store *s, const char *source, struct arena *a, const char **out,
                       struct err *e)
{
    struct image image;
    if (blob_digest_check(source, NULL) == 0) {
        *out = source;
        return 0;
    }
    int rc = image_store_find(s, source, a, &image, e);
    if (rc == 0)
        *out = image.index_digest ? image.index_digest : image.digest;
    return rc;
}

int image_store_push(struct image_store *s, const char *source, const char *target,
                     const struct image_auth *auth, image_progress progress, void *progress_arg,
                     struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct reference r;
    const char *digest = NULL;
    int rc = find_source(s, source, a, &digest, e);
    if (rc < 0 || (rc = store__resolve(s, target, a, &r, e)) < 0)
        return rc;
    if (strcmp(r.host, IMAGES_LOCAL_HOST) == 0)
        return image_store_tag(s, reference_print(&r, a), digest, e);
    struct push p = {.store = s, .target = &r, .progress = progress, .progress_arg = progress_arg};
    if ((rc = store__remote(s, &r, NULL, "pull,push", auth, &p.remote, e)) < 0)
        return rc;
    rc = push_manifest(&p, digest, r.tag ? r.tag : digest, 0, e);
    remote_close(&p.remote);
    return rc < 0 ? err_wrap(e, rc, "push %s", reference_familiar(&r, a)) : 0;
}
