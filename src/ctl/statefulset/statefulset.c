#include "ctl/statefulset/statefulset.h"

#include <string.h>

#include "ctl/pods/pods.h"
#include "ctl/revisions/revisions.h"
#include "ctl/statefulset/plan.h"
#include "ctl/statefulset/pod.h"
#include "kube/events.h"

/* ---- claims ---- */

static int tend_claim(struct controller_ctx *c, const struct object *set,
                      const struct object *claim, const struct object *pod, struct arena *a,
                      struct err *e)
{
    struct value *owners = statefulset_claim_owners(set, claim, pod, a);
    const struct value *had = value_at(claim->root, "metadata.ownerReferences");
    if (value_equal(had, owners) || (!had && value_count(owners) == 0))
        return 0;
    struct value *patch = value_new_object(a);
    (void)value_set(a, value_make_object(a, patch, "metadata"), "ownerReferences",
                    value_count(owners) ? owners : value_null(a));
    return write_patch(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, patch, e);
}

static int make_claim(struct controller_ctx *c, const struct object *set,
                      const struct value *template, int64_t ordinal, struct arena *a, struct err *e)
{
    const struct object *made = NULL;
    struct value *claim = statefulset_claim(set, template, ordinal, a);
    int rc = write_create(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, a, &made, e);
    if (rc == ERR_EXISTS)
        return 0;
    if (rc < 0)
        return rc;
    event_normal(c, &RES_STATEFUL_SET, set, "SuccessfulCreate",
                 "create Claim %s Pod %s-%lld in StatefulSet %s success", made->name, set->name,
                 (long long)ordinal, set->name);
    return tend_claim(c, set, made, NULL, a, e);
}

/* `pod`: the condemned one, or NULL for a wanted ordinal, whose missing claims are made. */
static int tend_claims(struct controller_ctx *c, const struct object *set, int64_t ordinal,
                       const struct object *pod, struct arena *a, struct err *e)
{
    VALUE_EACH_ITEM(t, value_at(set->root, "spec.volumeClaimTemplates"))
    {
        const char *name = statefulset_claim_name(set, t, ordinal, a);
        const struct object *claim =
            cache_get(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, set->ns, name, a);
        int rc = 0;
        if (claim)
            rc = tend_claim(c, set, claim, pod, a, e);
        else if (!pod)
            rc = make_claim(c, set, t, ordinal, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- pods ---- */

static const struct value *template_of(const struct object *set, const struct revisions *r,
                                       const char *name, struct arena *a)
{
    const struct object *rev =
        strcmp(name, r->update->name) == 0 ? r->update : revisions_find(r, name);
    if (!rev)
        return value_at(set->root, "spec.template");
    struct value *t = value_copy(a, value_at(rev->root, "data.spec.template"));
    (void)value_remove(t, "$patch");
    return t;
}

static int create(struct controller_ctx *c, const struct object *set, const struct revisions *r,
                  const struct statefulset_action *x, struct arena *a, struct err *e)
{
    int rc = tend_claims(c, set, x->ordinal, NULL, a, e);
    if (rc < 0)
        return err_set(e, ERR_AGAIN, "claim: %s", arena_strdup(a, e->msg));
    struct value *pod =
        statefulset_pod(set, x->ordinal, x->revision, template_of(set, r, x->revision, a), a);
    const char *name = value_at_str(pod, "metadata.name", "");
    rc = write_create(c, &RES_POD, pod, a, NULL, e);
    if (rc == ERR_EXISTS)
        return err_set(e, ERR_AGAIN, "pod %s is there already", name);
    if (rc < 0) {
        event_warning(c, &RES_STATEFUL_SET, set, "FailedCreate",
                      "create Pod %s in StatefulSet %s failed error: %s", name, set->name, e->msg);
        return err_set(e, ERR_AGAIN, "create pod %s: %s", name, arena_strdup(a, e->msg));
    }
    event_normal(c, &RES_STATEFUL_SET, set, "SuccessfulCreate",
                 "create Pod %s in StatefulSet %s successful", name, set->name);
    return 0;
}

static int remove_pod(struct controller_ctx *c, const struct object *set,
                      const struct statefulset_action *x, struct arena *a, struct err *e)
{
    int rc = x->condemned ? tend_claims(c, set, x->ordinal, x->pod, a, e) : 0;
    if (rc == 0)
        rc = write_delete(c, &RES_POD, x->pod, NULL, e);
    if (rc == 0)
        event_normal(c, &RES_STATEFUL_SET, set, "SuccessfulDelete",
                     "delete Pod %s in StatefulSet %s successful", x->pod->name, set->name);
    return rc;
}

/* ---- the loop ---- */

static bool is_ours(const struct object *set, const struct object *pod)
{
    return statefulset_ordinal(set, pod->name) >= 0;
}

static int observe(struct controller_ctx *c, struct statefulset_view *v, struct revisions *r,
                   struct arena *a, struct err *e)
{
    struct selector sel;
    int rc = selector_from_value(value_at(v->set->root, "spec.selector"), a, &sel, e);
    if (rc == 0)
        rc = claim_run(
            c,
            &(struct claim){
                .owner_res = &RES_STATEFUL_SET, .res = &RES_POD, .owner = v->set, .selector = &sel},
            a, &v->pods, e);
    if (rc == 0)
        rc = revisions_sync(c, &RES_STATEFUL_SET, v->set, a, r, e);
    if (rc < 0)
        return rc;
    bool *doomed = ARENA_ARRAY(a, bool, v->pods.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->pods.n; i++)
        if (is_ours(v->set, v->pods.items[i])) {
            v->pods.items[n] = v->pods.items[i];
            doomed[n++] = cache_is_deleting(c->cache, &RES_POD, v->pods.items[i]);
        }
    v->pods.n = n;
    v->doomed = doomed;
    v->update = r->update->name;
    v->current = value_at_str(v->set->root, "status.currentRevision", "");
    v->collisions = r->collisions;
    if (!*v->current || !revisions_find(r, v->current))
        v->current = v->update;
    return 0;
}

static int act(struct controller_ctx *c, const struct statefulset_view *v,
               const struct revisions *r, const struct statefulset_plan *p, struct arena *a,
               struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const struct statefulset_action *x = &p->actions[i];
        rc = x->verb == STATEFULSET_CREATE ? create(c, v->set, r, x, a, e)
                                           : remove_pod(c, v->set, x, a, e);
    }
    /* The retention policy may have changed under claims that are there. */
    int64_t start = value_at_int(v->set->root, "spec.ordinals.start", 0);
    for (size_t i = 0; i < v->pods.n && rc == 0 && !v->set->deleting; i++) {
        int64_t ordinal = statefulset_ordinal(v->set, v->pods.items[i]->name);
        if (ordinal >= start && statefulset_is_wanted(v->set, ordinal))
            rc = tend_claims(c, v->set, ordinal, NULL, a, e);
    }
    return rc;
}

static int statefulset_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                            struct err *e)
{
    struct revisions r;
    struct statefulset_view v = {
        .set = cache_get(c->cache, &RES_STATEFUL_SET, key->ns, key->name, a),
        .now_ms = c->clock->real_ms(c->clock),
    };
    if (!v.set || v.set->deleting)
        return 0;
    int rc = observe(c, &v, &r, a, e);
    if (rc < 0)
        return rc;
    struct statefulset_plan p = statefulset_plan(&v, a);
    int acted = act(c, &v, &r, &p, a, e);
    struct err e2;
    rc = write_status(c, &RES_STATEFUL_SET, v.set, p.status, &e2);
    if (p.again_ms)
        c->requeue_after_ms = p.again_ms > v.now_ms ? p.again_ms - v.now_ms : 1;
    if (acted < 0)
        return acted;
    if (rc < 0) {
        *e = e2;
        return rc;
    }
    return revisions_forget(c, v.set, &r, &v.pods, v.current, e);
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_claimant(o, &RES_STATEFUL_SET, c, s);
}

static void of_revision(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "StatefulSet", s);
}

static const struct controller_watch WATCHES[] = {
    {&RES_STATEFUL_SET,            NULL       },
    {&RES_POD,                     of_pod     },
    {&RES_CONTROLLER_REVISION,     of_revision},
    {&RES_PERSISTENT_VOLUME_CLAIM, of_revision},
    {NULL,                         NULL       },
};

const struct controller statefulset_controller = {
    .name = "statefulset-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = statefulset_sync,
};
