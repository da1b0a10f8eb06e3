/* claim.c - adopting and releasing: who owns what, kept in ownerReferences. */
#include <string.h>

#include "ctl/pods/pods.h"

static int set_owners(struct controller_ctx *c, const struct claim *q, const struct object *o,
                      const struct value *owners, struct arena *a, struct err *e)
{
    struct value *patch = value_new_object(a);
    struct value *meta = value_make_object(a, patch, "metadata");
    (void)value_set(a, meta, "ownerReferences", owners);
    (void)value_set(a, meta, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)o->rv));
    return write_patch(c, q->res, o, patch, e);
}

/* Only a live owner may adopt: a cached one may have been deleted meanwhile. */
static bool owner_lives(struct controller_ctx *c, const struct claim *q)
{
    AUTO(object) struct object *now = NULL;
    struct err e;
    return kube_get(c->kube, q->owner_res, q->owner->ns, q->owner->name, &now, &e) == 0 &&
           strcmp(now->uid, q->owner->uid) == 0 && !now->deleting;
}

static int adopt(struct controller_ctx *c, const struct claim *q, const struct object *o,
                 struct arena *a, struct err *e)
{
    const struct value *had = value_at(o->root, "metadata.ownerReferences");
    struct value *owners = had ? value_copy(a, had) : value_new_array(a);
    (void)value_push(a, owners, owner_reference(a, q->owner_res, q->owner));
    return set_owners(c, q, o, owners, a, e);
}

static int release(struct controller_ctx *c, const struct claim *q, const struct object *o,
                   struct arena *a, struct err *e)
{
    struct value *owners = value_new_array(a);
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences"))
        if (strcmp(value_str(value_get(ref, "uid"), ""), q->owner->uid) != 0)
            (void)value_push(a, owners, ref);
    return set_owners(c, q, o, value_count(owners) ? owners : value_null(a), a, e);
}

/* 1: it is the owner's. 0: it is not. */
static int claim_one(struct controller_ctx *c, const struct claim *q, const struct object *o,
                     struct arena *a, struct err *e)
{
    const struct value *ref = object_controller(o);
    bool matches = selector_matches(q->selector, value_at(o->root, "metadata.labels"));
    if (ref && strcmp(value_str(value_get(ref, "uid"), ""), q->owner->uid) != 0)
        return 0;
    if (ref && matches)
        return 1;
    if (q->owner->deleting || (q->eligible && !q->eligible(o)))
        return 0;
    if (ref) {
        int rc = release(c, q, o, a, e);
        return rc == ERR_NOT_FOUND || rc == ERR_INVALID ? 0 : rc;
    }
    if (!matches || o->deleting || !owner_lives(c, q))
        return 0;
    int rc = adopt(c, q, o, a, e);
    return rc == ERR_NOT_FOUND ? 0 : rc < 0 ? rc : 1;
}

int claim_run(struct controller_ctx *c, const struct claim *q, struct arena *a,
              struct object_list *out, struct err *e)
{
    struct object_list all = cache_list(c->cache, q->res, q->owner->ns, a);
    struct object_list mine = {.items = ARENA_ARRAY(a, const struct object *, all.n + 1)};
    for (size_t i = 0; i < all.n; i++) {
        int rc = claim_one(c, q, all.items[i], a, e);
        if (rc < 0)
            return err_wrap(e, rc, "claim %s \"%s\"", q->res->plural, all.items[i]->name);
        const struct object *now =
            rc == 1 ? cache_get(c->cache, q->res, all.items[i]->ns, all.items[i]->name, a) : NULL;
        if (now)
            mine.items[mine.n++] = now;
    }
    *out = mine;
    return 0;
}

int selector_of_owner(const struct resource *r, const struct object *o, struct arena *a,
                      struct selector *out, struct err *e)
{
    const struct value *v = value_at(o->root, "spec.selector");
    if (r != &RES_REPLICATION_CONTROLLER)
        return selector_from_value(v, a, out, e);
    *out = selector_from_map(v, a);
    out->nothing = value_count(v) == 0;
    return 0;
}

void keys_of_claimant(const struct object *o, const struct resource *res, struct controller_ctx *c,
                      struct key_sink *s)
{
    if (object_controller(o)) {
        keys_of_owner(o, res->kind, s);
        return;
    }
    const struct value *labels = value_at(o->root, "metadata.labels");
    if (value_count(labels) == 0)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list owners = cache_list(c->cache, res, o->ns, a);
    for (size_t i = 0; i < owners.n; i++) {
        struct selector sel;
        if (selector_of_owner(res, owners.items[i], a, &sel, NULL) == 0 &&
            selector_matches(&sel, labels))
            key_add(s, owners.items[i]->ns, owners.items[i]->name);
    }
}
