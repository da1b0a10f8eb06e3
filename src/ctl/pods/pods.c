#include "ctl/pods/pods.h"

#include <string.h>

#include "base/clock.h"

const char *pod_phase(const struct object *p)
{
    return value_at_str(p->root, "status.phase", "Pending");
}

bool pod_is_finished(const struct object *p)
{
    const char *phase = pod_phase(p);
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

bool pod_is_active(const struct object *p)
{
    return !p->deleting && !pod_is_finished(p);
}

static const struct value *ready_condition(const struct object *p)
{
    const struct value *c = object_condition(p->root, "Ready");
    return strcmp(value_str(value_get(c, "status"), ""), "True") == 0 ? c : NULL;
}

bool pod_is_ready(const struct object *p)
{
    return ready_condition(p) != NULL;
}

int64_t time_ms(const struct value *v, int64_t dflt)
{
    int64_t ns;
    const char *text = value_str(v, NULL);
    return text && clock_parse_rfc3339(text, &ns, NULL) == 0 ? ns / 1000000 : dflt;
}

struct value *time_value(struct arena *a, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(ms, text);
    return value_new_str(a, text);
}

bool pod_is_available(const struct object *p, int64_t min_ready_s, int64_t now_ms,
                      int64_t *again_ms)
{
    const struct value *c = ready_condition(p);
    if (!c)
        return false;
    if (min_ready_s == 0)
        return true;
    int64_t since = time_ms(value_get(c, "lastTransitionTime"), 0);
    int64_t at = since + min_ready_s * 1000;
    if (since && at <= now_ms)
        return true;
    if (again_ms && (*again_ms == 0 || at < *again_ms))
        *again_ms = at;
    return false;
}

int64_t pod_restarts(const struct object *p)
{
    int64_t n = 0;
    VALUE_EACH_ITEM (c, value_at(p->root, "status.containerStatuses"))
        n += value_int(value_get(c, "restartCount"), 0);
    return n;
}

/* ---- ranking ---- */

struct ranked {
    const struct object *p;
    bool assigned, ready;
    int phase;
    int64_t cost, ready_ms, restarts, created_ms, now_ms;
    size_t related; /* pods on the same node */
};

static int phase_rank(const struct object *p)
{
    const char *phase = pod_phase(p);
    return strcmp(phase, "Pending") == 0 ? 0 : strcmp(phase, "Unknown") == 0 ? 1 : 2;
}

static int64_t deletion_cost(const struct object *p)
{
    const char *t = object_annotation(p, "controller.kubernetes.io/pod-deletion-cost");
    return t ? strtoll(t, NULL, 10) : 0;
}

/* The age in powers of two: old pods of a like age are alike, so that choosing the newest does
 * not empty one failure domain. */
static int log_age(int64_t since_ms, int64_t now_ms)
{
    int64_t d = now_ms - since_ms;
    int n = 0;
    for (; d > 1; d >>= 1)
        n++;
    return d <= 0 ? -1 : n;
}

static int three_way(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Younger first; unknown times are the youngest. */
static int by_age(int64_t a, int64_t b, const struct ranked *x, const struct ranked *y)
{
    if (a == b)
        return 0;
    if (a == 0 || b == 0)
        return a == 0 ? -1 : 1;
    int d = three_way(log_age(a, x->now_ms), log_age(b, x->now_ms));
    return d ? d : strcmp(x->p->uid, y->p->uid);
}

static int rank_cmp(const void *px, const void *py)
{
    const struct ranked *x = px, *y = py;
    int d = three_way(x->assigned, y->assigned);
    d = d ? d : three_way(x->phase, y->phase);
    d = d ? d : three_way(x->ready, y->ready);
    d = d ? d : three_way(x->cost, y->cost);
    d = d ? d : three_way((int64_t)y->related, (int64_t)x->related);
    d = d ? d : x->ready ? by_age(x->ready_ms, y->ready_ms, x, y) : 0;
    d = d ? d : three_way(y->restarts, x->restarts);
    d = d ? d : by_age(x->created_ms, y->created_ms, x, y);
    return d ? d : strcmp(x->p->name, y->p->name);
}

static const char *node_of(const struct object *p)
{
    return value_at_str(p->root, "spec.nodeName", "");
}

void pods_rank(struct object_list *pods, int64_t now_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct ranked *r = ARENA_ARRAY(a, struct ranked, pods->n + 1);
    for (size_t i = 0; i < pods->n; i++) {
        const struct object *p = pods->items[i];
        const struct value *ready = ready_condition(p);
        r[i] = (struct ranked){
            .p = p,
            .assigned = *node_of(p) != '\0',
            .ready = ready != NULL,
            .phase = phase_rank(p),
            .cost = deletion_cost(p),
            .ready_ms = time_ms(value_get(ready, "lastTransitionTime"), 0),
            .restarts = pod_restarts(p),
            .created_ms = time_ms(value_at(p->root, "metadata.creationTimestamp"), 0),
            .now_ms = now_ms,
        };
        for (size_t j = 0; j < pods->n; j++)
            r[i].related += *node_of(p) && strcmp(node_of(p), node_of(pods->items[j])) == 0;
    }
    qsort(r, pods->n, sizeof *r, rank_cmp);
    for (size_t i = 0; i < pods->n; i++)
        pods->items[i] = r[i].p;
}

/* ---- making ---- */

struct value *pod_of_template(struct arena *a, const struct value *template,
                              const struct resource *owner_res, const struct object *owner)
{
    static const char *const kept[] = {"labels", "annotations", "finalizers"};
    struct value *pod = value_new_object(a);
    (void)value_set_str(a, pod, "apiVersion", "v1");
    (void)value_set_str(a, pod, "kind", "Pod");
    struct value *meta = value_make_object(a, pod, "metadata");
    (void)value_set_str(a, meta, "namespace", owner->ns);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct value *v = value_get(value_get(template, "metadata"), kept[i]);
        if (value_count(v))
            (void)value_set(a, meta, kept[i], value_copy(a, v));
    }
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, owner_res, owner));
    const struct value *spec = value_get(template, "spec");
    (void)value_set(a, pod, "spec", spec ? value_copy(a, spec) : value_new_object(a));
    return pod;
}
