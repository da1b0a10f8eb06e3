/* What is added to rendered objects, and what is said of all of them: digest, images, kinds. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "codec/json.h"
#include "ctl/gitops/app_int.h"

/* ---- which kinds have namespaces ---- */

static int scope_of(struct app *p, const char *version, const char *kind)
{
    const struct resource *res;
    return kube_find(p->c->kube, version, kind, &res, NULL) == 0 ? res->namespaced : -1;
}

static const struct app_kind *kind_of(struct app *p, struct app_manifests *m, struct arena *a,
                                      const struct value *o)
{
    const char *version = value_at_str(o, "apiVersion", ""), *kind = value_at_str(o, "kind", "");
    for (size_t i = 0; i < m->n_kinds; i++)
        if (strcmp(m->kinds[i].kind, kind) == 0 && strcmp(m->kinds[i].version, version) == 0)
            return &m->kinds[i];
    size_t size = sizeof *m->kinds;
    m->kinds = arena_grow(a, m->kinds, m->n_kinds * size, (m->n_kinds + 1) * size);
    m->kinds[m->n_kinds] = (struct app_kind){version, kind, scope_of(p, version, kind)};
    return &m->kinds[m->n_kinds++];
}

/* Kinds that come with the same sync are not known to the cluster yet. */
static bool namespaced(const struct app_kind *kind, const struct app_manifests *m)
{
    if (kind->namespaced >= 0)
        return kind->namespaced;
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(value_at_str(m->objects[i], "kind", ""), "CustomResourceDefinition") == 0 &&
            strcmp(value_at_str(m->objects[i], "spec.names.kind", ""), kind->kind) == 0)
            return strcmp(value_at_str(m->objects[i], "spec.scope", ""), "Namespaced") == 0;
    return true;
}

bool manifests__kinds_are_same(struct app *p, const struct app_manifests *m)
{
    for (size_t i = 0; i < m->n_kinds; i++)
        if (scope_of(p, m->kinds[i].version, m->kinds[i].kind) != m->kinds[i].namespaced)
            return false;
    return true;
}

/* ---- what is added to every object ---- */

static void own_members(struct arena *a, struct value *object)
{
    if (!value_is(object, VALUE_OBJECT))
        return;
    object->members = arena_dup(a, object->members, object->n * sizeof *object->members);
    object->cap = object->n;
}

/* A copy, as far as it is written to. */
static struct value *copy_head(struct arena *a, const struct value *o)
{
    struct value *copy = arena_dup(a, o, sizeof *o);
    own_members(a, copy);
    own_members(a, value_get_mut(copy, "metadata"));
    own_members(a, value_get_mut(value_get_mut(copy, "metadata"), "annotations"));
    return copy;
}

struct value *manifests__decorate(struct app *p, struct app_manifests *m, struct arena *a,
                                  const struct value *rendered)
{
    const char *dest = value_at_str(p->spec, "destination.namespace", "");
    struct value *o = copy_head(a, rendered), *meta = value_make_object(a, o, "metadata");
    const struct app_kind *kind = kind_of(p, m, a, o);
    const char *slash = strchr(kind->version, '/');
    bool in_ns = namespaced(kind, m);
    dest = *dest ? dest : "default";
    if (!in_ns)
        (void)value_remove(meta, "namespace");
    else if (!*value_at_str(meta, "namespace", ""))
        (void)value_set_str(a, meta, "namespace", dest);
    (void)value_set_str(a, value_make_object(a, o, "metadata.annotations"), APP_TRACKING,
                        arena_printf(a, "%s%.*s/%s:%s/%s", app_tracking_prefix(p),
                                     slash ? (int)(slash - kind->version) : 0, kind->version,
                                     kind->kind, in_ns ? value_at_str(meta, "namespace", "") : dest,
                                     value_at_str(meta, "name", "")));
    return o;
}

/* ---- what each adds to the whole ---- */

const char *const *manifests__names(const struct map *set, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, map_size(set) + 1);
    size_t cursor = 0, n = 0;
    for (const struct map_entry *m; (m = map_next(set, &cursor));)
        list[n++] = arena_strdup(a, m->key);
    return list;
}

static int hash(const void *bytes, size_t n, unsigned char sum[32], struct err *e)
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, n, sum) < 0
               ? err_set(e, ERR_SYSTEM, "compute a SHA-256 digest")
               : 0;
}

/* Of pods' images, for status.summary and for condemnation. */
static void add_images(struct map *set, const struct value *v, int depth)
{
    if (depth > 64)
        return;
    VALUE_EACH_ITEM (item, v)
        add_images(set, item, depth + 1);
    VALUE_EACH_MEMBER (m, v) {
        bool list = strcmp(m->key, "containers") == 0 || strcmp(m->key, "initContainers") == 0;
        VALUE_EACH_ITEM (c, list ? &m->value : NULL) {
            const char *image = value_at_str(c, "image", "");
            if (*image && !map_has(set, image))
                (void)map_put(set, image, set);
        }
        if (!list)
            add_images(set, &m->value, depth + 1);
    }
}

int manifests__part(const struct value *o, struct arena *a, struct app_part *out, struct err *e)
{
    AUTO(arena) struct arena *own = arena_new(SIZE_MAX);
    const char *text = json_text(own, o, JSON_SORTED);
    struct map images;
    map_init(&images);
    add_images(&images, o, 0);
    out->images = manifests__names(&images, a);
    map_done(&images);
    return hash(text, strlen(text), out->sum, e);
}

#define GIT_VERSION "v2"

/* As Applications and Condemnations of before "v2" have it: the digest of one text of all. */
static const char *whole_of(const struct app_manifests *m)
{
    unsigned char sum[32];
    if (*m->whole)
        return m->whole;
    AUTO(arena) struct arena *a = arena_new(SIZE_MAX);
    struct value *all = value_new_array(a);
    for (size_t i = 0; i < m->n; i++)
        (void)value_push(a, all, m->plain[i]);
    const char *text = json_text(a, all, JSON_SORTED);
    if (hash(text, strlen(text), sum, NULL) < 0)
        return "";
    for (size_t i = 0; i < sizeof sum; i++)
        (void)snprintf(m->whole + 2 * i, 3, "%02x", sum[i]);
    return m->whole;
}

bool manifests__same(const struct app_manifests *m, const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    const char *old = strcmp(a, m->git) == 0 ? b : strcmp(b, m->git) == 0 ? a : "";
    bool comparable = *old && strncmp(old, GIT_VERSION, strlen(GIT_VERSION)) != 0;
    return comparable && m->whole && strcmp(old, whole_of(m)) == 0;
}

/* The digest of all is that of their digests: when one changes, the others are not read again. */
int manifests__sum_up(struct app_manifests *m, struct arena *a, struct err *e)
{
    unsigned char *sums = ARENA_ARRAY(a, unsigned char, 32 * m->n + 1), all[32];
    struct map images;
    map_init(&images);
    for (size_t i = 0; i < m->n; i++) {
        memcpy(sums + 32 * i, m->parts[i].sum, 32);
        for (const char *const *image = m->parts[i].images; *image; image++)
            if (!map_has(&images, *image))
                (void)map_put(&images, *image, m);
    }
    m->images = manifests__names(&images, a);
    map_done(&images);
    int rc = hash(sums, 32 * m->n, all, e);
    (void)memcpy(m->git, GIT_VERSION, sizeof GIT_VERSION);
    for (size_t i = 1; rc == 0 && i < sizeof all; i++)
        (void)snprintf(m->git + 2 * i, 3, "%02x", all[i]);
    return rc;
}
