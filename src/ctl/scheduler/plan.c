#include "ctl/scheduler/plan.h"

#include <string.h>

#include "base/buf.h"
#include "ctl/pods/pods.h"
#include "ctl/scheduler/plan_int.h"

bool schedule_wants(const struct object *pod)
{
    const char *by = value_at_str(pod->root, "spec.schedulerName", "default-scheduler");
    return !*value_at_str(pod->root, "spec.nodeName", "") && !pod->deleting &&
           !pod_is_finished(pod) && value_count(value_at(pod->root, "spec.schedulingGates")) == 0 &&
           (!*by || strcmp(by, "default-scheduler") == 0);
}

/* ---- amounts ---- */

static __int128 *slot(struct amounts *x, const char *name)
{
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->name[i], name) == 0)
            return &x->nano[i];
    if (x->n == RESOURCES_MAX)
        return NULL;
    x->name[x->n] = name;
    x->nano[x->n] = 0;
    return &x->nano[x->n++];
}

__int128 schedule__get(const struct amounts *x, const char *name)
{
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->name[i], name) == 0)
            return x->nano[i];
    return 0;
}

void schedule__add(struct amounts *to, const struct amounts *more)
{
    for (size_t i = 0; i < more->n; i++) {
        __int128 *s = slot(to, more->name[i]);
        if (s)
            *s += more->nano[i];
    }
}

static void raise_to(struct amounts *to, const struct amounts *least)
{
    for (size_t i = 0; i < least->n; i++) {
        __int128 *s = slot(to, least->name[i]);
        if (s && *s < least->nano[i])
            *s = least->nano[i];
    }
}

static struct amounts amounts_of(const struct value *list)
{
    struct amounts x = {.n = 0};
    VALUE_EACH_MEMBER(m, list)
    {
        struct quantity q;
        const char *text = value_is(&m->value, VALUE_OBJECT) ? NULL : m->value.text;
        __int128 *s = text && quantity_parse(text, &q, NULL) == 0 ? slot(&x, m->key) : NULL;
        if (s)
            *s = q.nano;
    }
    return x;
}

struct amounts schedule__requests(const struct object *pod)
{
    struct amounts sum = {.n = 0}, sidecars = {.n = 0}, peak = {.n = 0};
    VALUE_EACH_ITEM(c, value_at(pod->root, "spec.containers"))
    {
        struct amounts x = amounts_of(value_at(c, "resources.requests"));
        schedule__add(&sum, &x);
    }
    VALUE_EACH_ITEM(c, value_at(pod->root, "spec.initContainers"))
    {
        struct amounts x = amounts_of(value_at(c, "resources.requests"));
        if (strcmp(value_str(value_get(c, "restartPolicy"), ""), "Always") == 0) {
            schedule__add(&sidecars, &x);
            raise_to(&peak, &sidecars);
        } else {
            schedule__add(&x, &sidecars);
            raise_to(&peak, &x);
        }
    }
    schedule__add(&sum, &sidecars);
    raise_to(&sum, &peak);
    struct amounts overhead = amounts_of(value_at(pod->root, "spec.overhead"));
    schedule__add(&sum, &overhead);
    __int128 *pods = slot(&sum, "pods");
    if (pods)
        *pods = 1000000000;
    return sum;
}

/* ---- choosing ---- */

static struct room *rooms_of(const struct schedule_view *v, struct arena *a)
{
    struct room *rooms = ARENA_ARRAY(a, struct room, v->nodes.n + 1);
    for (size_t i = 0; i < v->nodes.n; i++) {
        rooms[i].node = v->nodes.items[i];
        rooms[i].total = amounts_of(value_at(v->nodes.items[i]->root, "status.allocatable"));
    }
    return rooms;
}

static void take(struct room *rooms, size_t n, const char *node, const struct object *pod)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rooms[i].node->name, node) == 0) {
            struct amounts x = schedule__requests(pod);
            schedule__add(&rooms[i].used, &x);
        }
}

/* The free share of CPU and memory, in thousandths. */
static int64_t freedom(const struct room *r)
{
    static const char *const weighed[] = {"cpu", "memory"};
    int64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(weighed); i++) {
        __int128 total = schedule__get(&r->total, weighed[i]) / 1000;
        __int128 left = schedule__get(&r->total, weighed[i]) - schedule__get(&r->used, weighed[i]);
        if (total > 0)
            sum += (int64_t)(left / total);
    }
    return sum;
}

/* How many nodes gave which reason. */
struct reasons {
    const char *why[32];
    size_t count[32], n;
};

static void reason_add(struct reasons *r, const char *why)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->why[i], why) == 0) {
            r->count[i]++;
            return;
        }
    if (r->n < ARRAY_LEN(r->why)) {
        r->why[r->n] = why;
        r->count[r->n++] = 1;
    }
}

static const char *reasons_text(const struct reasons *r, size_t nodes, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 4096);
    buf_printf(&b, "0/%zu nodes are available: ", nodes);
    for (size_t i = 0; i < r->n; i++)
        buf_printf(&b, "%s%zu %s", i ? ", " : "", r->count[i], r->why[i]);
    buf_puts(&b, ".");
    return arena_strdup(a, buf_text(&b));
}

static struct placement place(const struct schedule_view *v, struct room *rooms,
                              const struct object *pod, struct arena *a)
{
    if (v->nodes.n == 0)
        return (struct placement){pod, NULL, "no nodes available to schedule pods"};
    const char *hopeless = schedule__hopeless(v, pod, a);
    if (hopeless)
        return (struct placement){
            pod, NULL, arena_printf(a, "0/%zu nodes are available: %s.", v->nodes.n, hopeless)};
    struct reasons r = {.n = 0};
    struct room *best = NULL;
    for (size_t i = 0; i < v->nodes.n; i++) {
        const char *no = schedule__refusal(v, &rooms[i], pod, a);
        if (no)
            reason_add(&r, no);
        else if (!best || freedom(&rooms[i]) > freedom(best))
            best = &rooms[i];
    }
    if (!best)
        return (struct placement){pod, NULL, reasons_text(&r, v->nodes.n, a)};
    struct amounts x = schedule__requests(pod);
    schedule__add(&best->used, &x);
    return (struct placement){pod, best->node->name, NULL};
}

static int by_urgency(const void *px, const void *py)
{
    const struct object *x = *(const struct object *const *)px;
    const struct object *y = *(const struct object *const *)py;
    int64_t p = value_at_int(x->root, "spec.priority", 0);
    int64_t q = value_at_int(y->root, "spec.priority", 0);
    if (p != q)
        return p > q ? -1 : 1;
    int d = strcmp(value_at_str(x->root, "metadata.creationTimestamp", ""),
                   value_at_str(y->root, "metadata.creationTimestamp", ""));
    return d ? d : x->rv < y->rv ? -1 : x->rv > y->rv;
}

struct schedule_plan schedule_plan(const struct schedule_view *v, struct arena *a)
{
    struct room *rooms = rooms_of(v, a);
    const struct object **waiting = ARENA_ARRAY(a, const struct object *, v->pods.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *p = v->pods.items[i];
        const char *node = value_at_str(p->root, "spec.nodeName", "");
        if (*node && !pod_is_finished(p))
            take(rooms, v->nodes.n, node, p);
        else if (schedule_wants(p))
            waiting[n++] = p;
    }
    qsort(waiting, n, sizeof(struct object *), by_urgency);
    struct schedule_plan out = {.items = ARENA_ARRAY(a, struct placement, n + 1), .n = n};
    for (size_t i = 0; i < n; i++)
        out.items[i] = place(v, rooms, waiting[i], a);
    return out;
}
