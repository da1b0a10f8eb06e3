/* check.c - whether what the store holds is what it says: every blob's bytes against its digest,
 * every name and manifest against what it needs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blob/digest.h"
#include "oci/manifest.h"
#include "oci/store_int.h"

enum { CHUNK = 1 << 20, SENTENCE = 512 };

struct check {
    struct image_store *store;
    const struct image_check_opts *opts;
    struct image_check_result *result;
    unsigned char *chunk;
    struct map seen; /* manifests that were looked at */
};

static void bad(struct check *c, const char *fmt, ...) PRINTF(2, 3);
static void bad(struct check *c, const char *fmt, ...)
{
    char line[SENTENCE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->result->bad++;
    c->opts->report(c->opts->arg, line);
}

static void check_blob(void *arg, const char *digest)
{
    struct check *c = arg;
    struct digest_state state;
    char is[DIGEST_MAX];
    uint64_t size;
    ssize_t n = 0;
    AUTO_FD int fd = -1;
    struct err e = {0};
    if (blob_open(c->store->blobs, digest, &fd, &size, &e) < 0) {
        if (e.code != ERR_NOT_FOUND) /* collected meanwhile */
            bad(c, "blob %s: %s", digest, e.msg);
        return;
    }
    digest_init(&state, digest_kind_of(digest));
    while ((n = read(fd, c->chunk, CHUNK)) > 0)
        digest_add(&state, c->chunk, (size_t)n);
    digest_text(&state, is);
    c->result->blobs++;
    c->result->bytes += size;
    if (n < 0)
        bad(c, "blob %s cannot be read", digest);
    else if (strcmp(is, digest) != 0)
        bad(c, "blob %s holds the bytes of %s", digest, is);
    if (c->opts->progress)
        c->opts->progress(c->opts->arg, c->result);
}

static void check_manifest(struct check *c, const char *by, const char *digest, unsigned depth)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct manifest m;
    struct descriptor d;
    struct err e = {0};
    char *json;
    size_t n;
    if (depth > 4 || map_put(&c->seen, digest, c))
        return;
    int r = blob_read(c->store->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, &e);
    if (r == 0)
        r = manifest_parse(a, json, n, NULL, &m, &e);
    if (r < 0) {
        bad(c, "%s: manifest %s: %s", by, digest, e.msg);
        return;
    }
    c->result->manifests++;
    for (size_t i = 0; manifest_next(&m, &i, &d);) {
        bool here = blob_has(c->store->blobs, d.digest, NULL);
        /* Of an index that was pulled only this machine's platform need be here. */
        if (d.is_manifest && here)
            check_manifest(c, by, d.digest, depth + 1);
        else if (!d.is_manifest && !here && !d.foreign)
            bad(c, "%s: %s of manifest %s is not here", by, d.digest, digest);
    }
}

/* Parts of a copy come when they are asked for. `name` is "[HOST/]PATH:TAG" or "PATH@DIGEST". */
static bool is_copy(struct check *c, const char *name, struct arena *a)
{
    const char *local = IMAGES_LOCAL_HOST "/";
    if (strncmp(name, local, strlen(local)) == 0)
        name += strlen(local);
    return refs_has(c->store->refs, arena_printf(a, "u/%.*s", (int)strcspn(name, ":@"), name));
}

static void check_names(struct check *c, const char *prefix)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct ref *refs;
    size_t n = refs_list(c->store->refs, prefix, a, &refs);
    for (size_t i = 0; i < n; i++) {
        c->result->names++;
        const char *name = refs[i].name + strlen(prefix);
        if (!is_copy(c, name, a))
            check_manifest(c, name, refs[i].digest, 0);
    }
}

int image_store_check(struct image_store *s, const struct image_check_opts *o,
                      struct image_check_result *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    *out = (struct image_check_result){0};
    struct check c = {.store = s, .opts = o, .result = out, .chunk = arena_alloc(a, CHUNK)};
    map_init(&c.seen);
    int r = blob_each(s->blobs, check_blob, &c, e);
    check_names(&c, "t/"); /* tags */
    check_names(&c, "m/"); /* manifests of repositories */
    map_done(&c.seen);
    return r;
}
