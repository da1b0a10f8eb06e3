/* plan_int.h - the parts of a Job's plan. */
#pragma once
#include "ctl/job/plan.h"

/* A set of completion indexes, "0,2,5-7". */
struct indexes {
    bool *has;
    int64_t n; /* how many there may be */
    int64_t count;
};

struct indexes indexes_parse(const char *text, int64_t n, struct arena *a);
void indexes_add(struct indexes *x, int64_t i);
bool indexes_have(const struct indexes *x, int64_t i);
const char *indexes_text(const struct indexes *x, struct arena *a);
int64_t job__index_of(const struct object *pod); /* -1: none */

/* Whether a pod failed and what spec.podFailurePolicy says of it. */
enum verdict { VERDICT_COUNT, VERDICT_IGNORE, VERDICT_FAIL_JOB, VERDICT_FAIL_INDEX };
enum verdict job__verdict(const struct object *job, const struct object *pod, struct arena *a,
                          const char **message);
bool job__pod_failed(const struct object *job, const struct object *pod);
int64_t job__pod_finished_ms(const struct object *pod, int64_t now_ms);

/* The rule of spec.successPolicy that is met, or -1. */
int64_t job__success_rule(const struct object *job, const struct indexes *succeeded,
                          struct arena *a);
