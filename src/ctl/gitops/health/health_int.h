/* health_int.h - the judgements that health.c chooses from. */
#pragma once
#include <string.h>

#include "api/object.h"
#include "ctl/gitops/health/health.h"

#define HEALTH(s, m) ((struct health){HEALTH_##s, (m)})

static inline bool condition_true(const struct value *root, const char *type)
{
    return strcmp(value_str(value_get(object_condition(root, type), "status"), ""), "True") == 0;
}

/* The controller has seen the newest spec. */
static inline bool observed(const struct value *o)
{
    return value_at_int(o, "metadata.generation", 0) <=
           value_at_int(o, "status.observedGeneration", 0);
}

struct health health__deployment(const struct value *o, struct arena *a);
struct health health__stateful_set(const struct value *o, struct arena *a);
struct health health__daemon_set(const struct value *o, struct arena *a);
struct health health__replica_set(const struct value *o, struct arena *a);
struct health health__pod(const struct value *o, struct arena *a);
struct health health__job(const struct value *o, struct arena *a);
struct health health__cron_job(const struct value *o, struct arena *a);
struct health health__service(const struct value *o, struct arena *a);
struct health health__ingress(const struct value *o, struct arena *a);
struct health health__pvc(const struct value *o, struct arena *a);
struct health health__hpa(const struct value *o, struct arena *a);
struct health health__api_service(const struct value *o, struct arena *a);
struct health health__crd(const struct value *o, struct arena *a);
struct health health__pdb(const struct value *o, struct arena *a);
