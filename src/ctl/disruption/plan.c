#include "ctl/disruption/plan.h"

#include <string.h>

#include "api/conditions.h"
#include "api/intstr.h"
#include "ctl/pods/pods.h"

enum { EVICTION_PATIENCE_MS = 120000 };

/* Evictions that were granted and have not shown yet; those that took too long are dropped. */
static struct value *disrupted(const struct disruption_view *v, struct arena *a, int64_t *again_ms)
{
    struct value *left = value_new_object(a);
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *p = v->pods.items[i];
        const struct value *t =
            value_get(value_at(v->budget->root, "status.disruptedPods"), p->name);
        if (!t || p->deleting)
            continue;
        int64_t due = time_ms(t, 0) + EVICTION_PATIENCE_MS;
        if (due <= v->now_ms)
            continue;
        (void)value_set(a, left, p->name, t);
        if (*again_ms == 0 || due < *again_ms)
            *again_ms = due;
    }
    return left;
}

static int targets(const struct disruption_view *v, int64_t *expected, int64_t *desired,
                   struct err *e)
{
    const struct value *max = value_at(v->budget->root, "spec.maxUnavailable");
    const struct value *min = value_at(v->budget->root, "spec.minAvailable");
    int64_t n = 0, percent;
    int rc = 0;
    *expected = (int64_t)v->pods.n;
    if (max || intstr_percent(min, &percent))
        *expected = v->expected;
    if (max) {
        rc = intstr_scale(max, *expected, true, &n, e);
        *desired = *expected - n > 0 ? *expected - n : 0;
    } else if (min) {
        rc = intstr_scale(min, *expected, true, &n, e);
        *desired = n;
    } else {
        *desired = 1;
    }
    return rc;
}

int disruption_status(const struct disruption_view *v, struct arena *a, struct value **out,
                      int64_t *again_ms, struct err *e)
{
    int64_t healthy = 0, expected, desired;
    int rc = targets(v, &expected, &desired, e);
    if (rc < 0)
        return rc;
    struct value *gone = disrupted(v, a, again_ms);
    for (size_t i = 0; i < v->pods.n; i++)
        healthy += !v->pods.items[i]->deleting && pod_is_ready(v->pods.items[i]) &&
                   !value_get(gone, v->pods.items[i]->name);
    int64_t allowed = expected > 0 && healthy > desired ? healthy - desired : 0;

    struct value *root = value_new_object(a);
    const struct value *had = value_at(v->budget->root, "status.conditions");
    struct value *s = value_make_object(a, root, "status");
    int64_t generation = value_at_int(v->budget->root, "metadata.generation", 0);
    if (generation)
        (void)value_set_int(a, s, "observedGeneration", generation);
    if (value_count(gone))
        (void)value_set(a, s, "disruptedPods", gone);
    (void)value_set_int(a, s, "disruptionsAllowed", allowed);
    (void)value_set_int(a, s, "currentHealthy", healthy);
    (void)value_set_int(a, s, "desiredHealthy", desired);
    (void)value_set_int(a, s, "expectedPods", expected);
    (void)value_set(a, s, "conditions", had ? value_copy(a, had) : value_new_array(a));
    (void)condition_set(
        a, root,
        &(struct condition){.type = "DisruptionAllowed",
                            .status = allowed ? "True" : "False",
                            .reason = allowed ? "SufficientPods" : "InsufficientPods",
                            .message = "",
                            .observed_generation = generation},
        v->now_ms);
    *out = value_get_mut(root, "status");
    return 0;
}
