/* quota.h - what objects count for under a ResourceQuota; pure, shared by admission and the
 * controller that recounts.                                                             */
#pragma once
#include "api/quantity.h"
#include "api/resource.h"
#include "codec/value.h"

struct quota_use {
    const char *name; /* "pods", "requests.cpu", "count/deployments.apps" */
    struct quantity amount;
};

struct quota_usage {
    struct quota_use *items;
    size_t n;
};

/* What one object counts for. A pod that ended counts for nothing but count/pods. */
struct quota_usage quota_usage_of(const struct resource *r, const struct value *obj,
                                  struct arena *a);
/* NULL: it does not count for `name` at all. */
const struct quantity *quota_usage_get(const struct quota_usage *u, const char *name);
void quota_usage_add(struct quota_usage *to, const char *name, const struct quantity *amount,
                     struct arena *a);

/* What a pod's containers ask for (`what`: "requests" or "limits"), all together or its largest
 * init container, with its overhead: "cpu", "memory" … */
struct quota_usage quota_pod_total(const struct value *pod, const char *what, struct arena *a);

/* Does the quota's scope take this object? Scopes are about pods only. */
bool quota_selects(const struct value *quota, const struct resource *r, const struct value *obj);

/* "limits.memory for: c; requests.cpu for: c": what containers must say for the quota to be
 * computed; NULL when nothing is missing. */
const char *quota_missing(const struct value *quota, const struct value *pod, struct arena *a);

/* The resource that `name` counts objects of (RES_POD for "requests.cpu"); NULL: a kind that is
 * not built in. */
const struct resource *quota_resource(const char *name);

/* "a=1,b=2Gi", of the names given. */
const char *quota_text(const struct quota_usage *u, const char *const *names, size_t n,
                       struct arena *a);
