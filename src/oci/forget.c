#include <string.h>

#include "oci/store_int.h"

/* "sha256-<hex>.sig": cosign's signatures and attestations, where they are tags. */
static bool is_about(const char *tag, const char *digest)
{
    size_t n = strlen(digest + 7);
    return strncmp(tag, digest, 6) == 0 && tag[6] == '-' && strncmp(tag + 7, digest + 7, n) == 0;
}

int image_store_forget(struct image_store *s, const char *repository_path, const char *digest,
                       struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct ref *tags;
    struct manifest m = {0};
    char *json;
    size_t size, n = 0;
    const char *name = arena_printf(a, "m/%s@%s", repository_path, digest);
    const char *prefix = arena_printf(a, "t/" IMAGES_LOCAL_HOST "/%s:", repository_path);
    if (!refs_has(s->refs, name))
        return err_set(e, ERR_NOT_FOUND, "repository %s has no manifest %s", repository_path,
                       digest);
    size_t n_tags = refs_list(s->refs, prefix, a, &tags);
    struct ref_change *list = ARENA_ARRAY(a, struct ref_change, n_tags + 2);
    list[n++].name = name;
    if (blob_read(s->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &size, NULL) == 0 &&
        manifest_parse(a, json, size, NULL, &m, NULL) == 0 && m.subject)
        list[n++].name = arena_printf(a, "r/%s@%s/%s", repository_path, m.subject, digest);
    for (size_t i = 0; i < n_tags; i++) {
        if (strcmp(tags[i].digest, digest) == 0 || is_about(tags[i].name + strlen(prefix), digest))
            list[n++].name = tags[i].name;
    }
    return refs_change(s->refs, list, n, e);
}

/* Does it refer to something that is reached, however many steps away? */
static bool refers_to_live(struct image_store *s, const struct map *live, const char *digest,
                           unsigned depth)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct manifest m;
    char *json;
    size_t n;
    if (depth > 8 || blob_read(s->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, NULL) < 0 ||
        manifest_parse(a, json, n, NULL, &m, NULL) < 0 || !m.subject)
        return false;
    return map_has(live, m.subject) || refers_to_live(s, live, m.subject, depth + 1);
}

static int forget_dead(struct image_store *s, const struct map *live, int64_t before_ms,
                       size_t *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct ref *list;
    size_t n = refs_list(s->refs, "m/", a, &list), gone = 0;
    for (size_t i = 0; i < n; i++) {
        const char *path = list[i].name + 2, *at = strchr(path, '@');
        if (!at || list[i].set_ms >= before_ms || map_has(live, list[i].digest) ||
            refers_to_live(s, live, list[i].digest, 0))
            continue;
        path = arena_strndup(a, path, (size_t)(at - path));
        int rc = image_store_forget(s, path, list[i].digest, e);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
        gone++;
    }
    *out = gone;
    return 0;
}

int image_store_forget_untagged(struct image_store *s, int64_t before_ms, size_t *out,
                                struct err *e)
{
    struct map live;
    map_init(&live);
    collect__mark_named(s, &live);
    int rc = forget_dead(s, &live, before_ms, out, e);
    map_done(&live);
    return rc;
}
