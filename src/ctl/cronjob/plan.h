/* plan.h - which Job a CronJob starts now, which it forgets, and when to look again. Pure. */
#pragma once
#include "ctl/cronjob/schedule.h"
#include "kube/cache.h"

struct cronjob_view {
    const struct object *cronjob;
    struct object_list jobs; /* its own */
    const struct zone *zone;
    int64_t now_ms;
};

struct cronjob_note {
    bool warns;
    const char *reason, *message;
};

struct cronjob_plan {
    struct value *create;      /* the Job to make; NULL: none */
    int64_t scheduled_ms;      /* the time it is made for */
    struct object_list remove; /* Jobs to delete: history, and those that are replaced */
    struct value *status;
    struct cronjob_note notes[16];
    size_t n_notes;
    int64_t again_ms;
};

int cronjob_plan(const struct cronjob_view *v, struct arena *a, struct cronjob_plan *out,
                 struct err *e) MUST_CHECK;

/* status.active with this Job added. */
void cronjob_add_active(struct value *status, const struct object *job, struct arena *a);
