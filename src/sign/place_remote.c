/* place_remote.c - a repository of a registry, over HTTP. */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "oci/media.h"
#include "sign/place.h"

#define ACCEPT                                                                                     \
    MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

static struct remote *remote_of(struct sign_place *p)
{
    return ((struct sign_remote *)p)->remote;
}

/* A GET whose answer is 200, or the error it stands for. */
static int get(struct sign_place *p, const char *path, const char *accept, const char *what,
               struct http_answer *out, struct err *e)
{
    const struct remote_call call = {.method = "GET", .path = path, .accept = accept};
    int r = remote_do(remote_of(p), &call, out, e);
    if (r < 0)
        return r;
    if (out->status != 200)
        return remote_refused(remote_of(p), out, what, e);
    if (out->body_len > SIGN_DOCUMENT_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s is larger than %d bytes", what, SIGN_DOCUMENT_MAX);
    return 0;
}

static int check_digest(const char *want, const struct http_answer *got, struct err *e)
{
    char is[DIGEST_MAX];
    blob_digest_of(got->body, got->body_len, is);
    if (strncmp(want, "sha256:", 7) == 0 && strcmp(is, want) != 0)
        return err_set(e, ERR_INVALID, "the registry gave %s for %s", is, want);
    return 0;
}

static int get_manifest(struct sign_place *p, const char *reference, struct arena *a,
                        struct sign_manifest *out, struct err *e)
{
    struct http_answer answer;
    struct value *doc;
    int r = get(p, arena_printf(a, "/manifests/%s", reference), ACCEPT, reference, &answer, e);
    if (r == 0)
        r = check_digest(reference, &answer, e);
    if (r == 0)
        r = json_parse(a, answer.body, answer.body_len, 0, &doc, e);
    if (r < 0)
        return r;
    const char *type = http_answer_header(&answer, "content-type");
    out->doc = doc;
    out->media_type = arena_strdup(a, value_at_str(doc, "mediaType", type ? type : ""));
    if (blob_digest_check(reference, NULL) == 0)
        (void)snprintf(out->digest, DIGEST_MAX, "%s", reference);
    else
        blob_digest_of(answer.body, answer.body_len, out->digest);
    out->size = answer.body_len;
    return 0;
}

static int get_blob(struct sign_place *p, const char *digest, struct arena *a, char **out,
                    size_t *n, struct err *e)
{
    struct http_answer answer;
    int r = blob_digest_check(digest, e);
    if (r == 0)
        r = get(p, arena_printf(a, "/blobs/%s", digest), NULL, digest, &answer, e);
    if (r == 0)
        r = check_digest(digest, &answer, e);
    if (r < 0)
        return r;
    *out = arena_strndup(a, answer.body, answer.body_len);
    *n = answer.body_len;
    return 0;
}

static int put_blob(struct sign_place *p, const char *digest, const char *bytes, size_t n,
                    struct err *e)
{
    return remote_put_blob(remote_of(p), digest, bytes, n, e);
}

static int put_manifest(struct sign_place *p, const char *json, size_t n, const char *tag,
                        const char *digest, struct err *e)
{
    struct http_answer answer;
    const struct remote_call call = {
        .method = "PUT",
        .path = arena_printf(remote_of(p)->arena, "/manifests/%s", tag ? tag : digest),
        .type = MEDIA_OCI_MANIFEST,
        .body = json,
        .body_len = n};
    int r = remote_do(remote_of(p), &call, &answer, e);
    if (r < 0)
        return r;
    if (answer.status / 100 != 2)
        return remote_refused(remote_of(p), &answer, "manifest", e);
    if (!tag && !http_answer_header(&answer, "oci-subject"))
        return err_set(e, ERR_UNSUPPORTED,
                       "the registry keeps no list of referrers: store signatures by tag instead");
    return 0;
}

/* The API, or the index that stands in for it where a registry has none. */
static int referrers(struct sign_place *p, const char *digest, struct arena *a,
                     const struct value **out, struct err *e)
{
    struct http_answer answer;
    struct value *doc;
    int r = get(p, arena_printf(a, "/referrers/%s", digest), NULL, "referrers", &answer, e);
    if (r == ERR_NOT_FOUND) {
        char *tag = arena_printf(a, "/manifests/%s", digest);
        *strrchr(tag, ':') = '-';
        r = get(p, tag, MEDIA_OCI_INDEX, "referrers", &answer, e);
    }
    *out = NULL;
    if (r == ERR_NOT_FOUND)
        return 0;
    if (r == 0)
        r = json_parse(a, answer.body, answer.body_len, 0, &doc, e);
    if (r == 0)
        *out = value_get(doc, "manifests");
    return r;
}

struct sign_remote sign_remote(struct remote *remote)
{
    static const struct sign_place_ops ops = {get_manifest, get_blob, put_blob, put_manifest,
                                              referrers};
    return (struct sign_remote){{&ops}, remote};
}
