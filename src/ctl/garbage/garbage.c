#include "ctl/garbage/garbage.h"

#include <string.h>

#include "ctl/garbage/plan.h"
#include "kube/cache.h"
#include "kube/write.h"

#define FOREGROUND "foregroundDeletion"

enum { DEPENDENTS_MAX = 100000 };

/* ---- keys ---- */

static void add_object(const struct resource *r, const struct object *o, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    key_add(s, arena_printf(a, "%s.%s/%s", r->plural, r->group, o->ns), o->name);
}

/* The resource of an apiVersion and kind, when it is watched. */
static const struct resource *watched(struct controller_ctx *c, const struct value *named)
{
    const char *av = value_str(value_get(named, "apiVersion"), "");
    const char *kind = value_str(value_get(named, "kind"), "");
    const struct resource *r = resource_find(av, kind);
    struct err e;
    if (!r && kube_find(c->kube, av, kind, &r, &e) < 0)
        return NULL;
    return cache_watches(c->cache, r) ? r : NULL;
}

/* An owner that is being deleted may wait for this dependent. */
static void add_waiting_owner(const struct value *ref, const struct object *o,
                              struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct resource *r = watched(c, ref);
    const struct object *owner =
        r ? cache_get(c->cache, r, o->ns, value_str(value_get(ref, "name"), ""), a) : NULL;
    if (owner && owner->deleting)
        add_object(r, owner, s);
}

/* Any object: it may have lost its owners, be the last dependent of one that waits, or leave
 * dependents of its own behind. */
static void of_any(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct resource *r = watched(c, o->root);
    if (!r)
        return;
    const struct value *owners = value_at(o->root, "metadata.ownerReferences");
    if (value_count(owners) || o->deleting)
        add_object(r, o, s);
    VALUE_EACH_ITEM (ref, owners)
        add_waiting_owner(ref, o, c, s);
    const struct object *now = cache_get(c->cache, r, o->ns, o->name, a);
    if (!now || strcmp(now->uid, o->uid) != 0)
        key_add(s, "owner", o->uid);
}

/* A CRD's objects own and are owned like all others. */
static void watch_custom(struct controller_ctx *c, const struct object *crd, struct arena *a)
{
    const char *version = NULL;
    VALUE_EACH_ITEM (v, value_at(crd->root, "spec.versions"))
        if (!version && value_bool(value_get(v, "served"), false))
            version = value_str(value_get(v, "name"), "");
    const struct value *accepted = object_condition(crd->root, "Established");
    if (!version || crd->deleting ||
        strcmp(value_str(value_get(accepted, "status"), ""), "True") != 0)
        return;
    const struct resource *r = NULL;
    struct err e;
    const char *av = arena_printf(a, "%s/%s", value_at_str(crd->root, "spec.group", ""), version);
    if (kube_find(c->kube, av, value_at_str(crd->root, "spec.names.kind", ""), &r, &e) == 0)
        controller_watch_also(c, &(struct controller_watch){r, of_any});
}

static void of_crd(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    key_add(s, "crd", o->name);
    of_any(o, c, s);
}

/* ---- observing ---- */

/* Every watched resource: what may own and be owned. */
struct world {
    const struct resource *r[512];
    size_t n;
};

static void world_of(struct controller_ctx *c, struct arena *a, struct world *w)
{
    for (size_t i = 0; RESOURCES[i] && w->n < ARRAY_LEN(w->r); i++)
        if (cache_watches(c->cache, RESOURCES[i]))
            w->r[w->n++] = RESOURCES[i];
    struct object_list crds = cache_list(c->cache, &RES_CRD, NULL, a);
    for (size_t i = 0; i < crds.n && w->n < ARRAY_LEN(w->r); i++) {
        const struct value *root = crds.items[i]->root;
        VALUE_EACH_ITEM (v, value_at(root, "spec.versions")) {
            const struct resource *r = NULL;
            struct err e;
            const char *av = arena_printf(a, "%s/%s", value_at_str(root, "spec.group", ""),
                                          value_str(value_get(v, "name"), ""));
            if (value_bool(value_get(v, "served"), false) &&
                kube_find(c->kube, av, value_at_str(root, "spec.names.kind", ""), &r, &e) == 0 &&
                cache_watches(c->cache, r)) {
                w->r[w->n++] = r;
                break;
            }
        }
    }
}

struct found {
    struct dependent *items;
    const struct resource **r;
    size_t n, cap;
};

static bool names_owner(const struct object *o, const char *owner_uid)
{
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences")) {
        if (strcmp(value_str(value_get(ref, "uid"), ""), owner_uid) == 0)
            return true;
    }
    return false;
}

static bool blocks(const struct object *o, const char *owner_uid)
{
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences"))
        if (strcmp(value_str(value_get(ref, "uid"), ""), owner_uid) == 0)
            return value_bool(value_get(ref, "blockOwnerDeletion"), false);
    return false;
}

static void found_add(struct found *f, const struct resource *r, const struct object *o,
                      const char *uid, struct arena *a)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 32;
        f->items = arena_grow(a, f->items, f->cap * sizeof *f->items, cap * sizeof *f->items);
        f->r = arena_grow(a, f->r, f->cap * sizeof *f->r, cap * sizeof *f->r);
        f->cap = cap;
    }
    f->items[f->n] = (struct dependent){o, blocks(o, uid)};
    f->r[f->n++] = r;
}

static struct found dependents_of(struct controller_ctx *c, const struct world *w, const char *uid,
                                  struct arena *a)
{
    struct found f = {0};
    for (size_t i = 0; i < w->n; i++) {
        struct object_list l = cache_dependents(c->cache, w->r[i], uid, a);
        for (size_t k = 0; k < l.n && f.n < DEPENDENTS_MAX; k++)
            found_add(&f, w->r[i], l.items[k], uid, a);
    }
    return f;
}

/* As the API has them now. An owner is let go for good on this, not on a cache that may not have
 * seen its newest dependents yet. */
static int live_dependents(struct controller_ctx *c, const struct world *w, const struct object *o,
                           struct arena *a, struct found *out, struct err *e)
{
    struct found f = {0};
    for (size_t i = 0; i < w->n; i++) {
        struct kube_list l = {0};
        if (*o->ns && !w->r[i]->namespaced)
            continue;
        int rc = kube_list(c->kube, w->r[i], *o->ns ? o->ns : NULL, NULL, &l, e);
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < l.n; k++)
            if (names_owner(l.items[k], o->uid))
                found_add(&f, w->r[i], object_hold(a, l.items[k]), o->uid, a);
        kube_list_done(&l);
    }
    *out = f;
    return 0;
}

/* The cache first; that somebody is missing only the API itself can say. */
static int owner_state(struct controller_ctx *c, const struct value *ref, const struct object *o,
                       struct arena *a, enum owner_state *out, struct err *e)
{
    const struct resource *r = NULL;
    const char *name = value_str(value_get(ref, "name"), "");
    const char *uid = value_str(value_get(ref, "uid"), "");
    const char *av = value_str(value_get(ref, "apiVersion"), "");
    int rc = kube_find(c->kube, av, value_str(value_get(ref, "kind"), ""), &r, e);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "%s: owner %s \"%s\" is of no known kind", o->name, av,
                       name);
    const char *ns = r->namespaced ? o->ns : NULL;
    if (r->namespaced && !*o->ns) {
        *out = OWNER_SOLID; /* a cluster-scoped object cannot have such an owner: leave it be */
        return 0;
    }
    const struct object *owner = NULL;
    if (cache_watches(c->cache, r))
        owner = cache_get(c->cache, r, ns, name, a);
    if (!owner || strcmp(owner->uid, uid) != 0) {
        struct object *now = NULL;
        rc = kube_get(c->kube, r, ns, name, &now, e);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
        owner = now ? object_hold(a, now) : NULL;
        object_unref(now);
    }
    if (!owner || strcmp(owner->uid, uid) != 0)
        *out = OWNER_GONE;
    else
        *out = owner->deleting && has_finalizer(owner, FOREGROUND) ? OWNER_WAITING : OWNER_SOLID;
    return 0;
}

/* ---- acting ---- */

static struct value *versioned(struct arena *a, const struct object *o)
{
    struct value *patch = value_new_object(a);
    (void)value_set(a, value_make_object(a, patch, "metadata"), "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)o->rv));
    return patch;
}

/* Keeps the references for which keep[] says so. */
static int set_owners(struct controller_ctx *c, const struct resource *r, const struct object *o,
                      const bool *keep, struct arena *a, struct err *e)
{
    struct value *patch = versioned(a, o), *l = value_new_array(a);
    size_t i = 0;
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences"))
        if (keep[i++])
            (void)value_push(a, l, ref);
    (void)value_set(a, value_get_mut(patch, "metadata"), "ownerReferences",
                    value_count(l) ? l : value_null(a));
    int rc = write_patch(c, r, o, patch, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int release(struct controller_ctx *c, const struct resource *r, const struct object *o,
                   const char *finalizer, struct arena *a, struct err *e)
{
    struct value *patch = versioned(a, o), *l = value_new_array(a);
    VALUE_EACH_ITEM (f, value_at(o->root, "metadata.finalizers"))
        if (strcmp(value_str(f, ""), finalizer) != 0)
            (void)value_push(a, l, f);
    (void)value_set(a, value_get_mut(patch, "metadata"), "finalizers",
                    value_count(l) ? l : value_null(a));
    int rc = write_patch(c, r, o, patch, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int unlink_from(struct controller_ctx *c, const struct resource *r, const struct object *o,
                       const char *owner_uid, struct arena *a, struct err *e)
{
    const struct value *refs = value_at(o->root, "metadata.ownerReferences");
    bool *keep = ARENA_ARRAY(a, bool, value_count(refs) + 1);
    size_t i = 0;
    VALUE_EACH_ITEM (ref, refs)
        keep[i++] = strcmp(value_str(value_get(ref, "uid"), ""), owner_uid) != 0;
    return set_owners(c, r, o, keep, a, e);
}

static int orphan_all(struct controller_ctx *c, const struct resource *r, const struct object *o,
                      const struct found *f, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        int rc = unlink_from(c, f->r[i], f->items[i].o, o->uid, a, e);
        if (rc < 0)
            return rc;
    }
    return release(c, r, o, "orphan", a, e);
}

static int judge(struct controller_ctx *c, const struct world *w, const struct resource *r,
                 const struct object *o, struct arena *a, struct err *e);

static int see_dependents(struct controller_ctx *c, const struct world *w, const struct found *f,
                          struct arena *a, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].o->deleting)
            continue;
        int rc = judge(c, w, f->r[i], f->items[i].o, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int remove_object(struct controller_ctx *c, const struct resource *r, const struct object *o,
                         enum kube_propagation how, struct err *e)
{
    struct kube_delete_opts opts = {.propagation = how, .grace_s = -1};
    int rc = write_delete(c, r, o, &opts, e);
    return rc == ERR_CONFLICT ? err_set(e, ERR_AGAIN, "%s changed meanwhile", o->name) : rc;
}

static int judge(struct controller_ctx *c, const struct world *w, const struct resource *r,
                 const struct object *o, struct arena *a, struct err *e)
{
    const struct value *refs = value_at(o->root, "metadata.ownerReferences");
    enum owner_state *states = ARENA_ARRAY(a, enum owner_state, value_count(refs) + 1);
    bool *keep = ARENA_ARRAY(a, bool, value_count(refs) + 1);
    size_t i = 0;
    int rc = 0;
    VALUE_EACH_ITEM (ref, refs) {
        if (!o->deleting && (rc = owner_state(c, ref, o, a, &states[i], e)) < 0)
            return rc == ERR_INVALID ? 0 : rc; /* of a kind nobody serves: leave it */
        keep[i] = states[i] == OWNER_SOLID;
        i++;
    }
    bool all_solid = true;
    for (size_t k = 0; k < i; k++)
        all_solid = all_solid && keep[k];
    if (!o->deleting && all_solid)
        return 0; /* by far the most: do not even look for dependents */
    struct found f = dependents_of(c, w, o->uid, a);
    struct garbage_plan p = garbage_plan(&(struct garbage_view){o, states, f.items, f.n});
    if (p.verb == GARBAGE_RELEASE || p.verb == GARBAGE_ORPHAN) {
        rc = live_dependents(c, w, o, a, &f, e);
        if (rc < 0)
            return rc;
        p = garbage_plan(&(struct garbage_view){o, states, f.items, f.n});
    }
    switch (p.verb) {
    case GARBAGE_KEEP:
        return 0;
    case GARBAGE_UNLINK:
        return set_owners(c, r, o, keep, a, e);
    case GARBAGE_DELETE:
        return remove_object(c, r, o, p.propagation, e);
    case GARBAGE_RELEASE:
        return release(c, r, o, p.finalizer, a, e);
    case GARBAGE_SEE_DEPENDENTS:
        return see_dependents(c, w, &f, a, e);
    case GARBAGE_ORPHAN:
        return orphan_all(c, r, o, &f, a, e);
    }
    return 0;
}

/* ---- syncing ---- */

static const struct resource *resource_named(const struct world *w, const char *key, size_t n)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t len = strlen(w->r[i]->plural);
        if (n > len && strncmp(key, w->r[i]->plural, len) == 0 && key[len] == '.' &&
            strlen(w->r[i]->group) == n - len - 1 &&
            strncmp(key + len + 1, w->r[i]->group, n - len - 1) == 0)
            return w->r[i];
    }
    return NULL;
}

/* An owner that went: all who name it. */
static int sync_owner(struct controller_ctx *c, const struct world *w, const char *uid,
                      struct arena *a, struct err *e)
{
    struct found f = dependents_of(c, w, uid, a);
    for (size_t i = 0; i < f.n; i++) {
        int rc = judge(c, w, f.r[i], f.items[i].o, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int garbage_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    if (strcmp(key->ns, "crd") == 0) {
        const struct object *crd = cache_get(c->cache, &RES_CRD, NULL, key->name, a);
        if (crd)
            watch_custom(c, crd, a);
        return 0;
    }
    struct world *w = ARENA_NEW(a, struct world);
    world_of(c, a, w);
    if (strcmp(key->ns, "owner") == 0)
        return sync_owner(c, w, key->name, a, e);
    const char *slash = strchr(key->ns, '/');
    const struct resource *r = slash ? resource_named(w, key->ns, (size_t)(slash - key->ns)) : NULL;
    const struct object *o = r ? cache_get(c->cache, r, slash + 1, key->name, a) : NULL;
    return o ? judge(c, w, r, o, a, e) : 0;
}

static const struct controller_watch WATCHES[] = {
    {&RES_CRD,                       of_crd},
    {&RES_NAMESPACE,                 of_any},
    {&RES_NODE,                      of_any},
    {&RES_POD,                       of_any},
    {&RES_SERVICE,                   of_any},
    {&RES_ENDPOINTS,                 of_any},
    {&RES_CONFIG_MAP,                of_any},
    {&RES_SECRET,                    of_any},
    {&RES_SERVICE_ACCOUNT,           of_any},
    {&RES_PERSISTENT_VOLUME,         of_any},
    {&RES_PERSISTENT_VOLUME_CLAIM,   of_any},
    {&RES_REPLICATION_CONTROLLER,    of_any},
    {&RES_LIMIT_RANGE,               of_any},
    {&RES_RESOURCE_QUOTA,            of_any},
    {&RES_POD_TEMPLATE,              of_any},
    {&RES_DEPLOYMENT,                of_any},
    {&RES_REPLICA_SET,               of_any},
    {&RES_STATEFUL_SET,              of_any},
    {&RES_DAEMON_SET,                of_any},
    {&RES_CONTROLLER_REVISION,       of_any},
    {&RES_JOB,                       of_any},
    {&RES_CRON_JOB,                  of_any},
    {&RES_ENDPOINT_SLICE,            of_any},
    {&RES_INGRESS,                   of_any},
    {&RES_INGRESS_CLASS,             of_any},
    {&RES_NETWORK_POLICY,            of_any},
    {&RES_ROLE,                      of_any},
    {&RES_ROLE_BINDING,              of_any},
    {&RES_CLUSTER_ROLE,              of_any},
    {&RES_CLUSTER_ROLE_BINDING,      of_any},
    {&RES_LEASE,                     of_any},
    {&RES_STORAGE_CLASS,             of_any},
    {&RES_CSI_DRIVER,                of_any},
    {&RES_VALIDATING_WEBHOOKS,       of_any},
    {&RES_MUTATING_WEBHOOKS,         of_any},
    {&RES_POD_DISRUPTION_BUDGET,     of_any},
    {&RES_HORIZONTAL_POD_AUTOSCALER, of_any},
    {&RES_PRIORITY_CLASS,            of_any},
    {NULL,                           NULL  },
};

const struct controller garbage_controller = {
    .name = "garbage-collector-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = garbage_sync,
};
