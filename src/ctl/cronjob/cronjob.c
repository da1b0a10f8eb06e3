#include "ctl/cronjob/cronjob.h"

#include "ctl/cronjob/plan.h"
#include "kube/events.h"
#include "kube/write.h"

static int remove_jobs(struct controller_ctx *c, const struct cronjob_view *v,
                       const struct cronjob_plan *p, struct err *e)
{
    for (size_t i = 0; i < p->remove.n; i++) {
        const struct object *job = p->remove.items[i];
        struct kube_delete_opts opts = {.propagation = KUBE_BACKGROUND, .grace_s = -1};
        if (cache_is_deleting(c->cache, &RES_JOB, job))
            continue;
        int rc = write_delete(c, &RES_JOB, job, &opts, e);
        if (rc < 0)
            return rc;
        event_normal(c, &RES_CRON_JOB, v->cronjob, "SuccessfulDelete", "Deleted job %s", job->name);
    }
    return 0;
}

static int create_job(struct controller_ctx *c, const struct cronjob_view *v,
                      struct cronjob_plan *p, struct arena *a, struct err *e)
{
    const struct object *job = NULL;
    const char *name = value_at_str(p->create, "metadata.name", "");
    int rc = write_create(c, &RES_JOB, p->create, a, &job, e);
    if (rc == ERR_EXISTS)
        return 0; /* made before a crash: its time is only noted */
    if (rc < 0) {
        event_warning(c, &RES_CRON_JOB, v->cronjob, "FailedCreate", "Error creating job: %s",
                      e->msg);
        return err_set(e, ERR_AGAIN, "create job %s: %s", name, arena_strdup(a, e->msg));
    }
    event_normal(c, &RES_CRON_JOB, v->cronjob, "SuccessfulCreate", "Created job %s", name);
    cronjob_add_active(p->status, job, a);
    return 0;
}

static int act(struct controller_ctx *c, const struct cronjob_view *v, struct cronjob_plan *p,
               struct arena *a, struct err *e)
{
    for (size_t i = 0; i < p->n_notes; i++)
        if (p->notes[i].warns)
            event_warning(c, &RES_CRON_JOB, v->cronjob, p->notes[i].reason, "%s",
                          p->notes[i].message);
        else
            event_normal(c, &RES_CRON_JOB, v->cronjob, p->notes[i].reason, "%s",
                         p->notes[i].message);
    int rc = remove_jobs(c, v, p, e);
    if (rc == 0 && p->create)
        rc = create_job(c, v, p, a, e);
    return rc < 0 ? rc : write_status(c, &RES_CRON_JOB, v->cronjob, p->status, e);
}

static int cronjob_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    struct cronjob_plan p = {0};
    struct cronjob_view v = {
        .cronjob = cache_get(c->cache, &RES_CRON_JOB, key->ns, key->name, a),
        .now_ms = c->clock->real_ms(c->clock),
    };
    if (!v.cronjob)
        return 0;
    int rc = zone_open(value_at_str(v.cronjob->root, "spec.timeZone", NULL), a, &v.zone, e);
    if (rc < 0) {
        event_warning(c, &RES_CRON_JOB, v.cronjob, "UnknownTimeZone", "%s", e->msg);
        return 0;
    }
    v.jobs = cache_owned(c->cache, &RES_JOB, v.cronjob->uid, a);
    rc = cronjob_plan(&v, a, &p, e);
    if (rc < 0) {
        event_warning(c, &RES_CRON_JOB, v.cronjob, "UnparseableSchedule",
                      "unparseable schedule: %s", e->msg);
        return 0;
    }
    rc = act(c, &v, &p, a, e);
    if (p.again_ms)
        c->requeue_after_ms = p.again_ms - v.now_ms + 1;
    return rc;
}

static void of_job(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "CronJob", s);
}

static const struct controller_watch WATCHES[] = {
    {&RES_CRON_JOB, NULL  },
    {&RES_JOB,      of_job},
    {NULL,          NULL  },
};

const struct controller cronjob_controller = {
    .name = "cronjob-controller",
    .watches = WATCHES,
    .sync = cronjob_sync,
};
