/* Marks from tags, leases, holds and the manifests of local repositories, then sweeps. A mark of a
 * manifest marks what it names; a referrer is marked with its subject. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/json.h"
#include "oci/store_int.h"

struct mark {
    struct image_store *store;
    struct map seen;   /* digests */
    struct map layers; /* folder names of diff ids */
    int64_t before_ms;
};

static void mark_digest(struct mark *m, const char *digest, unsigned depth);

static void mark_layers(struct mark *m, const char *config_digest)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    char *json, name[33];
    size_t n;
    struct value *config;
    if (blob_read(m->store->blobs, config_digest, 8 << 20, a, &json, &n, NULL) < 0 ||
        json_parse(a, json, n, 0, &config, NULL) < 0)
        return;
    VALUE_EACH_ITEM (id, value_at(config, "rootfs.diff_ids")) {
        if (blob_digest_check(value_str(id, ""), NULL) == 0) {
            (void)snprintf(name, sizeof name, "%s", value_str(id, "") + 7);
            (void)map_put(&m->layers, name, m);
        }
    }
}

static void mark_children(struct mark *m, const char *digest, unsigned depth)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct manifest doc;
    struct descriptor d;
    char *json;
    size_t n;
    uint64_t size;
    if (!blob_has(m->store->blobs, digest, &size) || size > MANIFEST_MAX_BYTES ||
        blob_read(m->store->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, NULL) < 0 ||
        json[0] != '{' || manifest_parse(a, json, n, NULL, &doc, NULL) < 0)
        return;
    if (doc.kind == MANIFEST_IMAGE)
        mark_layers(m, value_at_str(doc.doc, "config.digest", ""));
    for (size_t i = 0; manifest_next(&doc, &i, &d);)
        mark_digest(m, d.digest, depth + 1);
}

static void mark_digest(struct mark *m, const char *digest, unsigned depth)
{
    if (!*digest || depth > 8 || map_has(&m->seen, digest))
        return;
    (void)map_put(&m->seen, digest, m);
    mark_children(m, digest, depth);
}

static void mark_names(struct mark *m, const char *prefix)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct ref *list;
    size_t n = refs_list(m->store->refs, prefix, a, &list);
    for (size_t i = 0; i < n; i++)
        mark_digest(m, list[i].digest, 0);
}

static void mark_held(struct mark *m)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    size_t n = 0, cursor = 0;
    const char **list = NULL;
    {
        LOCK_SCOPE(&m->store->lock);
        list = ARENA_ARRAY(a, const char *, map_size(&m->store->held) + 1);
        for (const struct map_entry *h; (h = map_next(&m->store->held, &cursor));)
            list[n++] = arena_strdup(a, h->key);
    }
    for (size_t i = 0; i < n; i++)
        mark_digest(m, list[i], 0);
}

static bool is_marked(void *arg, const char *digest)
{
    return map_has(&((struct mark *)arg)->seen, digest);
}

/* Names whose blob is going to be swept go first, so that no name outlives its blob. */
static int drop_names(struct mark *m, const char *prefix, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct ref *list;
    size_t n = refs_list(m->store->refs, prefix, a, &list), drop = 0;
    struct ref_change *c = ARENA_ARRAY(a, struct ref_change, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (!is_marked(m, list[i].digest) && list[i].set_ms < m->before_ms)
            c[drop++].name = list[i].name;
    }
    return drop ? refs_change(m->store->refs, c, drop, e) : 0;
}

static bool layer_is_old(int folder, const char *name, int64_t before_ms)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return (int64_t)st.st_ctim.tv_sec * 1000 < before_ms;
}

static bool maker_is_gone(int folder, const char *name)
{
    AUTO_FD int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Renamed first: a layer folder is whole or not there. NULL: it stays. */
static char *take_away(struct mark *m, int folder, const char *name, struct arena *a)
{
    LOCK_SCOPE(&m->store->lock);
    if (!layer_is_old(folder, name, m->before_ms) || (*name == '.' && !maker_is_gone(folder, name)))
        return NULL;
    char *from = arena_printf(a, "%s/%s", m->store->layers, name);
    if (*name == '.')
        return from;
    char *to = arena_printf(a, "%s/.old-%s", m->store->layers, name);
    return rename(from, to) == 0 ? to : NULL;
}

static int sweep_layers(struct mark *m, struct image_gc_result *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    DIR *d = opendir(m->store->layers);
    if (!d)
        return err_sys(e, errno, "open %s", m->store->layers);
    for (struct dirent *entry; (entry = readdir(d));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || map_has(&m->layers, name))
            continue;
        char *going = take_away(m, dirfd(d), name, a);
        out->layers += going && fs_remove_tree(going, NULL) == 0;
    }
    (void)closedir(d);
    return 0;
}

static void mark_roots(struct mark *m)
{
    mark_names(m, "t/");
    mark_names(m, "l/");
    mark_held(m);
}

void collect__mark_named(struct image_store *s, struct map *digests)
{
    struct mark m = {.store = s, .seen = *digests};
    map_init(&m.layers);
    mark_roots(&m);
    map_done(&m.layers);
    *digests = m.seen;
}

int image_store_collect(struct image_store *s, int64_t grace_ms, struct image_gc_result *out,
                        struct err *e)
{
    struct mark m = {.store = s, .before_ms = clock_real_ms() - grace_ms};
    struct image_gc_result result = {0};
    map_init(&m.seen);
    map_init(&m.layers);
    mark_roots(&m);
    mark_names(&m, "m/");
    mark_names(&m, "c/");
    int rc = drop_names(&m, "b/", e);
    if (rc == 0)
        rc = blob_collect(s->blobs, is_marked, &m, m.before_ms, &result.blobs, &result.bytes, e);
    if (rc == 0)
        rc = sweep_layers(&m, &result, e);
    map_done(&m.seen);
    map_done(&m.layers);
    if (rc == 0)
        *out = result;
    return rc;
}
