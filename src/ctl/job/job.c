#include "ctl/job/job.h"

#include <string.h>

#include "ctl/job/plan.h"
#include "ctl/pods/pods.h"
#include "kube/events.h"
#include "kube/fan.h"

static int observe(struct controller_ctx *c, const struct object *job, struct arena *a,
                   struct job_view *v, struct err *e)
{
    struct selector sel;
    v->job = job;
    v->now_ms = c->clock->real_ms(c->clock);
    int rc = selector_from_value(value_at(job->root, "spec.selector"), a, &sel, e);
    if (rc == 0)
        rc = claim_run(
            c,
            &(struct claim){.owner_res = &RES_JOB, .res = &RES_POD, .owner = job, .selector = &sel},
            a, &v->pods, e);
    bool *doomed = ARENA_ARRAY(a, bool, v->pods.n + 1);
    for (size_t i = 0; rc == 0 && i < v->pods.n; i++)
        doomed[i] =
            !v->pods.items[i]->deleting && cache_is_deleting(c->cache, &RES_POD, v->pods.items[i]);
    v->doomed = doomed;
    return rc;
}

/* ---- finalizers ---- */

struct releasing {
    struct controller_ctx *c;
    const struct object_list *pods;
    int rc;
    struct err e;
};

static void release_one(void *arg, size_t i)
{
    struct releasing *w = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct object *p = w->pods->items[i];
    struct value *left = value_new_array(a), *patch = value_new_object(a);
    VALUE_EACH_ITEM(f, value_at(p->root, "metadata.finalizers"))
    if (strcmp(value_str(f, ""), JOB_FINALIZER) != 0)
        (void)value_push(a, left, f);
    struct value *meta = value_make_object(a, patch, "metadata");
    (void)value_set(a, meta, "finalizers", value_count(left) ? left : value_null(a));
    (void)value_set(a, meta, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)p->rv));
    struct err e = {0};
    int rc = write_patch(w->c, &RES_POD, p, patch, &e);
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        w->rc = rc;
        w->e = e;
    }
}

static int release(struct controller_ctx *c, const struct object_list *pods, struct err *e)
{
    struct releasing w = {.c = c, .pods = pods};
    fan_run(c->fan, pods->n, release_one, &w);
    if (w.rc < 0)
        *e = w.e;
    return w.rc;
}

/* ---- acting ---- */

static int create(struct controller_ctx *c, const struct job_view *v, const struct job_plan *p,
                  struct arena *a, struct err *e)
{
    struct value **pods = ARENA_ARRAY(a, struct value *, p->n_create + 1);
    for (size_t i = 0; i < p->n_create; i++)
        pods[i] = job_pod_new(v->job, &p->create[i], a);
    struct pod_batch b = {.owner_res = &RES_JOB, .owner = v->job, .pods = pods, .n = p->n_create};
    int rc = pods_create(c, &b, a, e);
    if (rc < 0)
        return err_set(e, ERR_AGAIN, "create pod: %s", arena_strdup(a, e->msg));
    return 0;
}

static int act(struct controller_ctx *c, const struct job_view *v, const struct job_plan *p,
               struct arena *a, struct err *e)
{
    int rc = p->status ? write_status(c, &RES_JOB, v->job, p->status, e) : 0;
    if (rc < 0)
        return rc;
    if (p->event && p->event_warns)
        event_warning(c, &RES_JOB, v->job, p->event, "%s", p->event_message);
    else if (p->event)
        event_normal(c, &RES_JOB, v->job, p->event, "%s", p->event_message);
    if (p->remove.n)
        rc = pods_delete(c, &RES_JOB, v->job, &p->remove, e);
    if (rc == 0 && p->release.n)
        rc = release(c, &p->release, e);
    if (rc == 0 && p->n_create)
        rc = create(c, v, p, a, e);
    return rc;
}

/* Pods of a Job that is gone must not wait for it. */
static int release_orphans(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    struct object_list all = cache_list(c->cache, &RES_POD, key->ns, a);
    struct object_list l = {.items = ARENA_ARRAY(a, const struct object *, all.n + 1)};
    for (size_t i = 0; i < all.n; i++) {
        const struct value *ref = object_controller(all.items[i]);
        bool tracked = false;
        VALUE_EACH_ITEM(f, value_at(all.items[i]->root, "metadata.finalizers"))
        tracked |= strcmp(value_str(f, ""), JOB_FINALIZER) == 0;
        if (tracked && ref && strcmp(value_str(value_get(ref, "kind"), ""), "Job") == 0 &&
            strcmp(value_str(value_get(ref, "name"), ""), key->name) == 0)
            l.items[l.n++] = all.items[i];
    }
    return release(c, &l, e);
}

enum { ROUNDS = 8 };

static int job_sync(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    for (int round = 0; round < ROUNDS; round++) {
        const struct object *job = cache_get(c->cache, &RES_JOB, key->ns, key->name, a);
        struct job_view v = {0};
        if (!job)
            return release_orphans(c, key, a, e);
        if (job_is_finished(job) && !job->deleting)
            return 0;
        int rc = observe(c, job, a, &v, e);
        struct job_plan p = {0};
        if (rc == 0) {
            p = job_plan(&v, a);
            rc = act(c, &v, &p, a, e);
        }
        c->requeue_after_ms = p.again_ms == 0         ? 0
                              : p.again_ms > v.now_ms ? p.again_ms - v.now_ms
                                                      : 1;
        if (rc < 0 || !p.more)
            return rc;
    }
    return 0;
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_claimant(o, &RES_JOB, c, s);
}

static const struct controller_watch WATCHES[] = {
    {&RES_JOB, NULL  },
    {&RES_POD, of_pod},
    {NULL,     NULL  },
};

const struct controller job_controller = {
    .name = "job-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = job_sync,
};

/* ---- time to live ---- */

static int ttl_sync(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    const struct object *job = cache_get(c->cache, &RES_JOB, key->ns, key->name, a);
    const struct value *ttl = job ? value_at(job->root, "spec.ttlSecondsAfterFinished") : NULL;
    if (!ttl || job->deleting || !job_is_finished(job))
        return 0;
    int64_t due = job_finished_ms(job) + value_int(ttl, 0) * 1000;
    int64_t now = c->clock->real_ms(c->clock);
    if (now < due) {
        c->requeue_after_ms = due - now;
        return 0;
    }
    struct kube_delete_opts opts = {.propagation = KUBE_FOREGROUND, .grace_s = -1};
    return write_delete(c, &RES_JOB, job, &opts, e);
}

static const struct controller_watch TTL_WATCHES[] = {
    {&RES_JOB, NULL},
    {NULL,     NULL}
};

const struct controller ttl_controller = {
    .name = "ttl-after-finished-controller",
    .watches = TTL_WATCHES,
    .sync = ttl_sync,
};
