#include "ctl/statefulset/plan.h"

#include <string.h>

#include "base/buf.h"
#include "ctl/pods/pods.h"

#define REVISION_LABEL "controller-revision-hash"

enum { REPLICAS_MAX = 100000 };

/* The pod of one ordinal, or the want of one. */
struct place {
    const struct object *pod; /* NULL: none yet */
    bool going, finished, ready, available;
    bool is_update; /* of the newest revision */
};

struct planner {
    const struct statefulset_view *v;
    struct arena *a;
    int64_t start, replicas, partition, min_ready_s;
    bool ordered, rolling;
    struct place *places; /* of the ordinals wanted */
    struct statefulset_plan out;
};

int64_t statefulset_ordinal(const struct object *set, const char *pod_name)
{
    size_t n = strlen(set->name);
    char *end;
    if (strncmp(pod_name, set->name, n) != 0 || pod_name[n] != '-' || pod_name[n + 1] < '0' ||
        pod_name[n + 1] > '9')
        return -1;
    int64_t i = strtoll(pod_name + n + 1, &end, 10);
    return *end ? -1 : i;
}

bool statefulset_is_wanted(const struct object *set, int64_t ordinal)
{
    int64_t start = value_at_int(set->root, "spec.ordinals.start", 0);
    return ordinal >= start && ordinal < start + value_at_int(set->root, "spec.replicas", 1);
}

static const char *revision_of(const struct object *pod)
{
    const char *r = object_label(pod, REVISION_LABEL);
    return r ? r : "";
}

static struct place place_of(struct planner *p, size_t i)
{
    const struct object *pod = p->v->pods.items[i];
    bool going = pod->deleting || (p->v->doomed && p->v->doomed[i]);
    bool running = strcmp(pod_phase(pod), "Running") == 0 && !going;
    return (struct place){
        .pod = pod,
        .going = going,
        .finished = pod_is_finished(pod),
        .ready = running && pod_is_ready(pod),
        .available =
            running && pod_is_available(pod, p->min_ready_s, p->v->now_ms, &p->out.again_ms),
        .is_update = strcmp(revision_of(pod), p->v->update) == 0,
    };
}

static struct planner planner_of(const struct statefulset_view *v, struct arena *a)
{
    const struct value *root = v->set->root;
    struct planner p = {.v = v, .a = a};
    p.start = value_at_int(root, "spec.ordinals.start", 0);
    p.replicas = value_at_int(root, "spec.replicas", 1);
    if (p.replicas > REPLICAS_MAX)
        p.replicas = REPLICAS_MAX;
    p.partition = value_at_int(root, "spec.updateStrategy.rollingUpdate.partition", 0);
    p.min_ready_s = value_at_int(root, "spec.minReadySeconds", 0);
    p.ordered = strcmp(value_at_str(root, "spec.podManagementPolicy", ""), "Parallel") != 0;
    p.rolling = strcmp(value_at_str(root, "spec.updateStrategy.type", ""), "OnDelete") != 0;
    p.places = ARENA_ARRAY(a, struct place, (size_t)p.replicas + 1);
    p.out.actions = ARENA_ARRAY(a, struct statefulset_action, (size_t)p.replicas + v->pods.n + 1);
    for (size_t i = 0; i < v->pods.n; i++) {
        int64_t ordinal = statefulset_ordinal(v->set, v->pods.items[i]->name);
        if (statefulset_is_wanted(v->set, ordinal) && ordinal - p.start < p.replicas)
            p.places[ordinal - p.start] = place_of(&p, i);
    }
    return p;
}

static void act(struct planner *p, struct statefulset_action x)
{
    p->out.actions[p->out.n++] = x;
}

/* Below the partition, pods stay (and come back) as they were. */
static const char *revision_for(const struct planner *p, int64_t at)
{
    if (p->rolling && at < p->partition)
        return p->v->current;
    bool set_has_partition = value_at(p->v->set->root, "spec.updateStrategy.rollingUpdate") != NULL;
    int64_t current = value_at_int(p->v->set->root, "status.currentReplicas", 0);
    return p->rolling && !set_has_partition && at < current ? p->v->current : p->v->update;
}

/* Brings the wanted ones up, lowest first. True: nothing else may be done yet. */
static bool grow(struct planner *p)
{
    for (int64_t i = 0; i < p->replicas; i++) {
        struct place *x = &p->places[i];
        if (!x->pod) {
            act(p, (struct statefulset_action){.verb = STATEFULSET_CREATE,
                                               .ordinal = p->start + i,
                                               .revision = revision_for(p, i)});
            if (p->ordered)
                return true;
        } else if (x->finished && !x->going) {
            act(p, (struct statefulset_action){.verb = STATEFULSET_DELETE,
                                               .ordinal = p->start + i,
                                               .pod = x->pod,
                                               .why = "it ended"});
            if (p->ordered)
                return true;
        } else if (p->ordered && (x->going || !x->available)) {
            return true;
        }
    }
    return false;
}

static int by_ordinal_down(const void *px, const void *py)
{
    const struct statefulset_action *x = px, *y = py;
    return (x->ordinal < y->ordinal) - (x->ordinal > y->ordinal);
}

/* The first of all pods that is not well may go out of turn: waiting for it could be for ever. */
static const struct object *first_unhealthy(const struct planner *p)
{
    const struct object *found = NULL;
    int64_t lowest = INT64_MAX;
    for (size_t i = 0; i < p->v->pods.n; i++) {
        const struct object *pod = p->v->pods.items[i];
        int64_t ordinal = statefulset_ordinal(p->v->set, pod->name);
        bool healthy =
            pod_is_ready(pod) && !pod->deleting && strcmp(pod_phase(pod), "Running") == 0;
        if (ordinal >= 0 && !healthy && ordinal < lowest) {
            lowest = ordinal;
            found = pod;
        }
    }
    for (int64_t i = 0; i < p->replicas; i++)
        if (!p->places[i].pod && p->start + i < lowest)
            return NULL;
    return found;
}

/* Takes the surplus down, highest first. True: nothing else may be done yet. */
static bool shrink(struct planner *p)
{
    struct statefulset_action *l = ARENA_ARRAY(p->a, struct statefulset_action, p->v->pods.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->v->pods.n; i++) {
        const struct object *pod = p->v->pods.items[i];
        int64_t ordinal = statefulset_ordinal(p->v->set, pod->name);
        if (ordinal >= 0 && !statefulset_is_wanted(p->v->set, ordinal))
            l[n++] = (struct statefulset_action){.verb = STATEFULSET_DELETE,
                                                 .ordinal = ordinal,
                                                 .pod = pod,
                                                 .condemned = true,
                                                 .why = "the set shrinks"};
    }
    qsort(l, n, sizeof *l, by_ordinal_down);
    const struct object *unhealthy = first_unhealthy(p);
    for (size_t i = 0; i < n; i++) {
        const struct object *pod = l[i].pod;
        bool going = pod->deleting;
        for (size_t k = 0; k < p->v->pods.n; k++)
            going |= p->v->pods.items[k] == pod && p->v->doomed && p->v->doomed[k];
        if (going) {
            if (p->ordered)
                return true;
            continue;
        }
        if (p->ordered && !pod_is_ready(pod) && pod != unhealthy)
            return true;
        act(p, l[i]);
        if (p->ordered)
            return true;
    }
    return false;
}

static void update(struct planner *p)
{
    for (int64_t i = p->replicas - 1; p->rolling && i >= p->partition; i--) {
        const struct place *x = &p->places[i];
        if (!x->pod)
            return;
        if (!x->is_update && !x->going) {
            act(p, (struct statefulset_action){.verb = STATEFULSET_DELETE,
                                               .ordinal = p->start + i,
                                               .pod = x->pod,
                                               .why = "its template changed"});
            return;
        }
        if (!x->ready)
            return;
    }
}

/* ---- the status ---- */

static void set_count(struct arena *a, struct value *s, const char *key, int64_t n)
{
    if (n)
        (void)value_set_int(a, s, key, n);
}

static struct value *status_of(struct planner *p)
{
    const struct statefulset_view *v = p->v;
    int64_t have = 0, ready = 0, available = 0, current = 0, updated = 0;
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *pod = v->pods.items[i];
        if (statefulset_ordinal(v->set, pod->name) < 0)
            continue;
        struct place x = place_of(p, i);
        have++;
        ready += x.ready;
        available += x.available;
        current += !x.going && strcmp(revision_of(pod), v->current) == 0;
        updated += !x.going && x.is_update;
    }
    const char *is = v->current;
    if (p->rolling && updated == have && ready == have && have == p->replicas) {
        is = v->update;
        current = updated;
    }
    struct value *s = value_new_object(p->a);
    set_count(p->a, s, "observedGeneration", value_at_int(v->set->root, "metadata.generation", 0));
    (void)value_set_int(p->a, s, "replicas", have);
    set_count(p->a, s, "readyReplicas", ready);
    set_count(p->a, s, "currentReplicas", current);
    set_count(p->a, s, "updatedReplicas", updated);
    (void)value_set_str(p->a, s, "currentRevision", is);
    (void)value_set_str(p->a, s, "updateRevision", v->update);
    (void)value_set_int(p->a, s, "collisionCount", v->collisions);
    (void)value_set_int(p->a, s, "availableReplicas", available);
    const struct value *c = value_at(v->set->root, "status.conditions");
    if (c)
        (void)value_set(p->a, s, "conditions", c);
    return s;
}

struct statefulset_plan statefulset_plan(const struct statefulset_view *v, struct arena *a)
{
    struct planner p = planner_of(v, a);
    if (!v->set->deleting && !grow(&p) && !shrink(&p) && p.out.n == 0)
        update(&p);
    p.out.status = status_of(&p);
    return p.out;
}

const char *statefulset_plan_text(const struct statefulset_plan *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < p->n; i++)
        if (p->actions[i].verb == STATEFULSET_CREATE)
            buf_printf(&b, "create %lld of %s\n", (long long)p->actions[i].ordinal,
                       p->actions[i].revision);
        else
            buf_printf(&b, "delete %lld: %s\n", (long long)p->actions[i].ordinal,
                       p->actions[i].why);
    return arena_strdup(a, buf_text(&b));
}
