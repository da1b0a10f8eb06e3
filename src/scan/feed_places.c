#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "oci/media.h"
#include "scan/feed_int.h"

/* ---- a folder ---- */

static const char *folder_of(struct feed_place *p)
{
    return ((struct feed_folder *)p)->path;
}

static int folder_manifest(struct feed_place *p, struct arena *a, char **out, size_t *n,
                           struct err *e)
{
    return fs_read(arena_printf(a, "%s/index.json", folder_of(p)), FEED_MANIFEST_MAX, a, out, n, e);
}

static const char *blob_file(struct feed_place *p, const char *digest, struct arena *a)
{
    return arena_printf(a, "%s/blobs/sha256/%s", folder_of(p), strchr(digest, ':') + 1);
}

static int folder_fetch(struct feed_place *p, const char *digest, feed_sink to, void *arg,
                        struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = blob_file(p, digest, a);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *room = arena_alloc(a, FEED_PIECE);
    ssize_t n;
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    while ((n = read(fd, room, FEED_PIECE)) > 0)
        if (to(arg, room, (size_t)n) != 0)
            return err_set(e, ERR_CANCELLED, "stopped");
    return n < 0 ? err_sys(e, errno, "read %s", path) : 0;
}

static int folder_store(struct feed_place *p, const char *digest, const void *bytes, size_t n,
                        struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int r = fs_mkdirs(arena_printf(a, "%s/blobs/sha256", folder_of(p)), 0755, e);
    return r < 0 ? r : fs_write_atomic(blob_file(p, digest, a), 0644, bytes, n, e);
}

static int folder_publish(struct feed_place *p, const char *manifest, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return fs_write_atomic(arena_printf(a, "%s/index.json", folder_of(p)), 0644, manifest, n, e);
}

struct feed_folder feed_folder(const char *path)
{
    static const struct feed_place_ops ops = {folder_manifest, folder_fetch, folder_store,
                                              folder_publish};
    return (struct feed_folder){{&ops}, path};
}

/* ---- a web server ---- */

static int web_get(struct feed_place *p, const char *path, const struct http_call *how,
                   struct arena *a, struct http_answer *out, struct err *e)
{
    const struct feed_web *w = (const struct feed_web *)p;
    struct http_call call = *how;
    call.method = "GET";
    call.url = arena_printf(a, "%s/%s", w->url, path);
    call.follow = true;
    int r = http_do(w->http, &call, a, out, e);
    if (r == 0 && out->status != 200)
        r = err_set(e, out->status == 404 ? ERR_NOT_FOUND : ERR_AGAIN, "%s answers %d", call.url,
                    out->status);
    return r;
}

static int web_manifest(struct feed_place *p, struct arena *a, char **out, size_t *n, struct err *e)
{
    struct http_answer answer;
    int r = web_get(p, "index.json", &(struct http_call){.max_answer = FEED_MANIFEST_MAX}, a,
                    &answer, e);
    if (r == 0) {
        *out = arena_strndup(a, answer.body, answer.body_len);
        *n = answer.body_len;
    }
    return r;
}

static int web_fetch(struct feed_place *p, const char *digest, feed_sink to, void *arg,
                     struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct http_answer answer;
    const char *path = arena_printf(a, "blobs/sha256/%s", strchr(digest, ':') + 1);
    return web_get(p, path, &(struct http_call){.on_data = to, .arg = arg}, a, &answer, e);
}

struct feed_web feed_web(struct http_client *http, const char *url)
{
    static const struct feed_place_ops ops = {web_manifest, web_fetch, NULL, NULL};
    return (struct feed_web){{&ops}, http, url};
}

/* ---- a registry ---- */

static int registry_call(struct feed_place *p, const struct remote_call *call, const char *what,
                         struct http_answer *out, struct err *e)
{
    struct remote *remote = ((struct feed_registry *)p)->remote;
    int r = remote_do(remote, call, out, e);
    return r == 0 && out->status / 100 != 2 ? remote_refused(remote, out, what, e) : r;
}

static int registry_manifest(struct feed_place *p, struct arena *a, char **out, size_t *n,
                             struct err *e)
{
    const struct feed_registry *f = (const struct feed_registry *)p;
    const struct remote_call call = {.method = "GET",
                                     .path = arena_printf(a, "/manifests/%s", f->tag),
                                     .accept = MEDIA_OCI_MANIFEST};
    struct http_answer answer;
    int r = registry_call(p, &call, f->tag, &answer, e);
    if (r == 0 && answer.body_len > FEED_MANIFEST_MAX)
        r = err_set(e, ERR_TOO_LARGE, "the manifest is larger than %d bytes", FEED_MANIFEST_MAX);
    if (r == 0) {
        *out = arena_strndup(a, answer.body, answer.body_len);
        *n = answer.body_len;
    }
    return r;
}

static int registry_fetch(struct feed_place *p, const char *digest, feed_sink to, void *arg,
                          struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct http_answer answer;
    const struct remote_call call = {.method = "GET",
                                     .path = arena_printf(a, "/blobs/%s", digest),
                                     .on_data = to,
                                     .arg = arg,
                                     .once = true};
    return registry_call(p, &call, digest, &answer, e);
}

static int registry_store(struct feed_place *p, const char *digest, const void *bytes, size_t n,
                          struct err *e)
{
    return remote_put_blob(((struct feed_registry *)p)->remote, digest, bytes, n, e);
}

static int registry_publish(struct feed_place *p, const char *manifest, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct http_answer answer;
    const char *tag = ((struct feed_registry *)p)->tag;
    const struct remote_call call = {.method = "PUT",
                                     .path = arena_printf(a, "/manifests/%s", tag),
                                     .type = MEDIA_OCI_MANIFEST,
                                     .body = manifest,
                                     .body_len = n};
    return registry_call(p, &call, tag, &answer, e);
}

struct feed_registry feed_registry(struct remote *remote, const char *tag)
{
    static const struct feed_place_ops ops = {registry_manifest, registry_fetch, registry_store,
                                              registry_publish};
    return (struct feed_registry){{&ops}, remote, tag};
}
