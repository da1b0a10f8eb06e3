#include "ctl/disruption/disruption.h"

#include <string.h>

#include "api/intstr.h"
#include "ctl/disruption/plan.h"
#include "ctl/pods/pods.h"
#include "kube/events.h"

/* The object with a number of replicas that stands behind a pod; NULL: none that we know. */
static const struct object *scaled_owner(struct controller_ctx *c, const struct object *pod,
                                         struct arena *a)
{
    static const struct resource *const kinds[] = {&RES_REPLICA_SET, &RES_STATEFUL_SET,
                                                   &RES_REPLICATION_CONTROLLER, &RES_DEPLOYMENT};
    const struct object *o = pod, *found = NULL;
    for (int depth = 0; depth < 2; depth++) {
        const struct value *ref = object_controller(o);
        const char *kind = value_str(value_get(ref, "kind"), "");
        const struct object *up = NULL;
        for (size_t i = 0; ref && !up && i < ARRAY_LEN(kinds); i++)
            if (strcmp(kind, kinds[i]->kind) == 0)
                up = cache_get(c->cache, kinds[i], pod->ns, value_str(value_get(ref, "name"), ""),
                               a);
        if (!up)
            break;
        o = found = up;
    }
    return found;
}

/* Each owner once. */
static void expect(struct controller_ctx *c, struct disruption_view *v, struct arena *a)
{
    const struct object **seen = ARENA_ARRAY(a, const struct object *, v->pods.n + 1);
    size_t n = 0;
    v->expected = 0;
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *owner = scaled_owner(c, v->pods.items[i], a);
        bool again = false;
        if (!owner) {
            v->unmanaged = true;
            continue;
        }
        for (size_t k = 0; k < n; k++)
            again |= strcmp(seen[k]->uid, owner->uid) == 0;
        if (again)
            continue;
        seen[n++] = owner;
        v->expected += value_at_int(owner->root, "spec.replicas", 1);
    }
}

static int disruption_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    struct disruption_view v = {
        .budget = cache_get(c->cache, &RES_POD_DISRUPTION_BUDGET, key->ns, key->name, a),
        .now_ms = c->clock->real_ms(c->clock),
    };
    struct selector sel;
    if (!v.budget)
        return 0;
    int rc = selector_from_value(value_at(v.budget->root, "spec.selector"), a, &sel, e);
    if (rc < 0)
        return rc;
    struct object_list all = cache_list(c->cache, &RES_POD, key->ns, a);
    v.pods.items = ARENA_ARRAY(a, const struct object *, all.n + 1);
    for (size_t i = 0; i < all.n; i++)
        if (!pod_is_finished(all.items[i]) &&
            selector_matches(&sel, value_at(all.items[i]->root, "metadata.labels")))
            v.pods.items[v.pods.n++] = all.items[i];
    expect(c, &v, a);
    int64_t percent;
    bool needs_owners = value_at(v.budget->root, "spec.maxUnavailable") ||
                        intstr_percent(value_at(v.budget->root, "spec.minAvailable"), &percent);
    if (v.unmanaged && needs_owners)
        event_warning(
            c, &RES_POD_DISRUPTION_BUDGET, v.budget, "UnmanagedPods",
            "Pods selected by this PodDisruptionBudget (selector: %s) were found to be "
            "unmanaged. As a result, the status of the PDB cannot be calculated "
            "correctly, which may result in undefined behavior. To account for these "
            "pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            selector_text(&sel, a));
    struct value *status = NULL;
    int64_t again = 0;
    rc = disruption_status(&v, a, &status, &again, e);
    if (rc == 0)
        rc = write_status(c, &RES_POD_DISRUPTION_BUDGET, v.budget, status, e);
    if (again)
        c->requeue_after_ms = again - v.now_ms;
    return rc;
}

/* Budgets are few: all of the namespace. */
static void of_any(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_POD_DISRUPTION_BUDGET, o->ns, a);
    for (size_t i = 0; i < l.n; i++)
        key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_POD_DISRUPTION_BUDGET,  NULL  },
    {&RES_POD,                    of_any},
    {&RES_REPLICA_SET,            of_any},
    {&RES_DEPLOYMENT,             of_any},
    {&RES_STATEFUL_SET,           of_any},
    {&RES_REPLICATION_CONTROLLER, of_any},
    {NULL,                        NULL  },
};

const struct controller disruption_controller = {
    .name = "controllermanager",
    .watches = WATCHES,
    .sync = disruption_sync,
};
