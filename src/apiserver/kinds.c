#include <string.h>

#include "api/crd.h"
#include "apiserver/apiserver_int.h"
#include "apiserver/kinds_int.h"
#include "base/log.h"
#include "base/thread.h"

/* Kinds are never forgotten, so that whoever holds one is safe; what is served is the map. */
struct kinds {
    pthread_rwlock_t lock;
    struct arena *arena; /* of everything ever served; owns the CRDs' arenas, too */
    struct map by_path;  /* "group/version/plural" → struct served */
    struct map by_kind;  /* "apiVersion/Kind" → struct served */
};

static bool has_defaults(const struct schema *s, unsigned depth)
{
    if (!s || depth > 32)
        return s != NULL;
    if (s->dflt_value || s->dflt)
        return true;
    for (size_t i = 0; i < s->n_fields; i++)
        if (has_defaults(s->fields[i].schema, depth + 1))
            return true;
    return s->items && has_defaults(s->items, depth + 1);
}

struct served *kinds__make(struct arena *a, const struct kind *kind)
{
    const struct resource *r = kind->resource;
    struct served *k = ARENA_NEW(a, struct served);
    k->kind = *kind;
    k->res = r;
    k->api_version = resource_api_version(r, a);
    k->list_kind = kind->crd && kind->crd->list_kind ? kind->crd->list_kind
                                                     : arena_printf(a, "%sList", r->kind);
    k->prefix = arena_printf(a, "/registry/%s/%s/", *r->group ? r->group : "core", r->plural);
    k->head = arena_printf(a, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", r->kind, k->api_version);
    k->head_len = strlen(k->head);
    k->qualified = *r->group ? arena_printf(a, "%s.%s", r->plural, r->group) : r->plural;
    k->qualified_kind = *r->group ? arena_printf(a, "%s.%s", r->kind, r->group) : r->kind;
    k->storage = k;
    k->plain = !kind->crd || !has_defaults(kind->schema, 0);
    return k;
}

static void serve(struct kinds *ks, const struct served *k)
{
    char key[600];
    (void)snprintf(key, sizeof key, "%s/%s/%s", k->res->group, k->res->version, k->res->plural);
    map_put(&ks->by_path, key, (void *)(uintptr_t)k);
    (void)snprintf(key, sizeof key, "%s/%s", k->api_version, k->res->kind);
    map_put(&ks->by_kind, key, (void *)(uintptr_t)k);
}

/* The same objects under two names: where the bytes live. */
static const struct resource *stored_as(const struct resource *r)
{
    if (r == &RES_EVENT_EVENTS)
        return &RES_EVENT;
    if (r == &RES_HORIZONTAL_POD_AUTOSCALER_V1)
        return &RES_HORIZONTAL_POD_AUTOSCALER;
    return NULL;
}

static const struct resource DELETE_OPTIONS = {.group = "",
                                               .version = "v1",
                                               .kind = "DeleteOptions",
                                               .plural = "deleteoptions",
                                               .singular = "deleteoptions",
                                               .short_names = ""};

/* Kinds that are sent, not stored: known by name only. */
static const struct resource *const bodies[] = {&DELETE_OPTIONS,
                                                &RES_BINDING,
                                                &RES_EVICTION,
                                                &RES_SCALE,
                                                &RES_TOKEN_REQUEST,
                                                &RES_TOKEN_REVIEW,
                                                &RES_SELF_SUBJECT_REVIEW,
                                                &RES_SUBJECT_ACCESS_REVIEW,
                                                &RES_SELF_SUBJECT_ACCESS_REVIEW,
                                                &RES_LOCAL_SUBJECT_ACCESS_REVIEW,
                                                &RES_SELF_SUBJECT_RULES_REVIEW};

static void know(struct kinds *ks, const struct resource *r)
{
    struct kind kind = kind_builtin(r);
    struct served *k = kinds__make(ks->arena, &kind);
    map_put(&ks->by_kind, arena_printf(ks->arena, "%s/%s", k->api_version, r->kind), k);
}

int kinds__init(struct apiserver *s, struct err *e)
{
    (void)e;
    struct kinds *ks = s->kinds = calloc(1, sizeof *ks);
    if (!ks)
        log_die("out of memory");
    (void)pthread_rwlock_init(&ks->lock, NULL);
    ks->arena = arena_new(SIZE_MAX);
    map_init(&ks->by_path);
    map_init(&ks->by_kind);
    for (size_t pass = 0; pass < 2; pass++) {
        for (const struct resource *const *r = RESOURCES; *r; r++) {
            const struct resource *storage = stored_as(*r);
            if ((storage != NULL) != (pass == 1))
                continue;
            struct kind kind = kind_builtin(*r);
            struct served *k = kinds__make(ks->arena, &kind);
            if (storage) {
                k->storage = kinds__of(s, storage);
                k->prefix = k->storage->prefix;
                k->plain = false;
            }
            serve(ks, k);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        know(ks, bodies[i]);
    return 0;
}

void kinds__done(struct apiserver *s)
{
    struct kinds *ks = s->kinds;
    if (!ks)
        return;
    map_done(&ks->by_path);
    map_done(&ks->by_kind);
    arena_free(ks->arena);
    (void)pthread_rwlock_destroy(&ks->lock);
    free(ks);
}

static const struct served *look(struct kinds *ks, const struct map *m, const char *key)
{
    (void)pthread_rwlock_rdlock(&ks->lock);
    const struct served *k = map_get(m, key);
    (void)pthread_rwlock_unlock(&ks->lock);
    return k;
}

/* Asked several times a request: no printf. What is too long to be served is not found. */
const struct served *kinds__find(struct apiserver *s, const char *group, const char *version,
                                 const char *plural)
{
    const char *const parts[] = {group, "/", version, "/", plural};
    char key[600], *at = key;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t n = strlen(parts[i]);
        if (n >= (size_t)(key + sizeof key - at))
            return NULL;
        at = stpcpy(at, parts[i]);
    }
    return look(s->kinds, &s->kinds->by_path, key);
}

const struct served *kinds__of_kind(struct apiserver *s, const char *api_version, const char *kind)
{
    char key[600];
    (void)snprintf(key, sizeof key, "%s/%s", api_version, kind);
    return look(s->kinds, &s->kinds->by_kind, key);
}

const struct served *kinds__of(struct apiserver *s, const struct resource *r)
{
    return kinds__find(s, r->group, r->version, r->plural);
}

const struct served **kinds__all(struct apiserver *s, struct arena *a, size_t *out_n)
{
    struct kinds *ks = s->kinds;
    (void)pthread_rwlock_rdlock(&ks->lock);
    const struct served **all = ARENA_ARRAY(a, const struct served *, map_size(&ks->by_path) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&ks->by_path, &at));)
        all[n++] = m->value;
    (void)pthread_rwlock_unlock(&ks->lock);
    *out_n = n;
    return all;
}

bool kinds__has_group(struct apiserver *s, const char *group, const char *version)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    size_t n;
    const struct served **all = kinds__all(s, a, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->res->group, group) == 0 &&
            (!version || strcmp(all[i]->res->version, version) == 0))
            return true;
    return false;
}

static void free_arena(void *a)
{
    arena_free(a);
}

void kinds__serve_crd(struct apiserver *s, struct arena *owned, const struct crd *crd)
{
    struct kinds *ks = s->kinds;
    (void)pthread_rwlock_wrlock(&ks->lock);
    arena_defer(ks->arena, free_arena, owned);
    struct served *storage = NULL;
    struct served **made = ARENA_ARRAY(ks->arena, struct served *, crd->n + 1);
    for (size_t i = 0; i < crd->n; i++) {
        struct kind kind = kind_custom(&crd->versions[i]);
        made[i] = kinds__make(ks->arena, &kind);
        if (crd->versions[i].storage)
            storage = made[i];
    }
    for (size_t i = 0; i < crd->n; i++) {
        made[i]->storage = storage ? storage : made[i];
        if (made[i]->storage != made[i])
            made[i]->plain = false;
        if (crd->versions[i].served)
            serve(ks, made[i]);
    }
    (void)pthread_rwlock_unlock(&ks->lock);
}

void kinds__drop(struct apiserver *s, const char *group, const char *plural)
{
    struct kinds *ks = s->kinds;
    (void)pthread_rwlock_wrlock(&ks->lock);
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const char **doomed = ARENA_ARRAY(a, const char *, 2 * map_size(&ks->by_path) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&ks->by_path, &at));) {
        const struct served *k = m->value;
        if (strcmp(k->res->group, group) == 0 && strcmp(k->res->plural, plural) == 0)
            doomed[n++] = arena_strdup(a, m->key);
    }
    for (size_t i = 0; i < n; i++) {
        const struct served *k = map_remove(&ks->by_path, doomed[i]);
        (void)map_remove(&ks->by_kind, arena_printf(a, "%s/%s", k->api_version, k->res->kind));
    }
    (void)pthread_rwlock_unlock(&ks->lock);
}
