#include "ctl/deployment/plan.h"

#include <string.h>

#include "api/intstr.h"
#include "base/buf.h"
#include "codec/json.h"
#include "ctl/deployment/plan_int.h"
#include "ctl/pods/pods.h"

static int64_t min64(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

/* ---- reading the view ---- */

static struct set set_of(const struct object *o)
{
    int64_t replicas = value_at_int(o->root, "spec.replicas", 1);
    const char *revision = object_annotation(o, REVISION);
    return (struct set){
        .o = o,
        .name = o->name,
        .was = replicas,
        .replicas = replicas,
        .actual = value_at_int(o->root, "status.replicas", 0),
        .ready = value_at_int(o->root, "status.readyReplicas", 0),
        .available = value_at_int(o->root, "status.availableReplicas", 0),
        .observed = value_at_int(o->root, "status.observedGeneration", 0),
        .created_ms = time_ms(value_at(o->root, "metadata.creationTimestamp"), 0),
        .revision = revision ? strtoll(revision, NULL, 10) : 0,
    };
}

static int by_creation(const void *px, const void *py)
{
    const struct set *x = px, *y = py;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int read_strategy(struct rollout *r, struct err *e)
{
    const struct value *root = r->d->root;
    r->rolling = strcmp(value_at_str(root, "spec.strategy.type", "RollingUpdate"), "Recreate") != 0;
    if (!r->rolling)
        return 0;
    const struct value *u = value_at(root, "spec.strategy.rollingUpdate");
    struct value *quarter = value_new_str(r->a, "25%");
    const struct value *surge = value_get(u, "maxSurge"), *lack = value_get(u, "maxUnavailable");
    int rc = intstr_scale(surge ? surge : quarter, r->replicas, true, &r->surge, e);
    if (rc == 0)
        rc = intstr_scale(lack ? lack : quarter, r->replicas, false, &r->unavailable, e);
    if (rc < 0)
        return rc;
    if (r->surge == 0 && r->unavailable == 0)
        r->unavailable = 1; /* else nothing could ever move */
    if (r->unavailable > r->replicas)
        r->unavailable = r->replicas;
    return 0;
}

static void find_fresh(struct rollout *r)
{
    const struct value *want = value_at(r->d->root, "spec.template");
    for (size_t i = 0; i < r->n && !r->fresh; i++)
        if (deployment__same_template(value_at(r->sets[i].o->root, "spec.template"), want, r->a))
            r->fresh = &r->sets[i];
}

static int rollout_read(struct rollout *r, struct err *e)
{
    const struct object_list *l = &r->v->sets;
    r->replicas = value_at_int(r->d->root, "spec.replicas", 1);
    r->paused = value_at_bool(r->d->root, "spec.paused", false);
    r->sets = ARENA_ARRAY(r->a, struct set, l->n + 1); /* one place for a new set */
    for (size_t i = 0; i < l->n; i++)
        r->sets[r->n++] = set_of(l->items[i]);
    qsort(r->sets, r->n, sizeof *r->sets, by_creation);
    int rc = read_strategy(r, e);
    if (rc == 0)
        find_fresh(r);
    return rc;
}

#define EACH_SET(s, r) for (struct set *s = (r)->sets; s < (r)->sets + (r)->n; s++)
#define EACH_OLD(s, r) EACH_SET(s, r) if (s != (r)->fresh)

/* ---- scaling ---- */

static bool scale(struct set *s, int64_t replicas)
{
    if (s->replicas == replicas)
        return false;
    s->replicas = replicas;
    return true;
}

static bool is_scaling(const struct rollout *r)
{
    EACH_SET(s, r)
    {
        const char *desired = s->replicas > 0 ? object_annotation(s->o, DESIRED_REPLICAS) : NULL;
        if (desired && strtoll(desired, NULL, 10) != r->replicas)
            return true;
    }
    return false;
}

/* The one set that carries everything: the only one with pods, or else the newest. */
static struct set *sole_set(struct rollout *r)
{
    struct set *active = NULL, *latest = r->fresh;
    size_t n = 0;
    EACH_SET(s, r)
    if (s->replicas > 0) {
        active = s;
        n++;
    }
    if (!latest && r->n)
        latest = &r->sets[r->n - 1];
    return n == 0 ? latest : n == 1 ? active : NULL;
}

static bool is_saturated(const struct rollout *r)
{
    const struct set *s = r->fresh;
    const char *desired = s && s->o ? object_annotation(s->o, DESIRED_REPLICAS) : NULL;
    return desired && s->replicas == r->replicas && strtoll(desired, NULL, 10) == r->replicas &&
           s->available == r->replicas;
}

/* How much of a change falls to a set of this size: its share of the size before. */
static int64_t fraction(const struct rollout *r, const struct set *s)
{
    if (r->replicas == 0)
        return -s->replicas;
    const char *text = object_annotation(s->o, MAX_REPLICAS);
    int64_t before = text ? strtoll(text, NULL, 10) : 0;
    if (before <= 0)
        before = value_at_int(r->d->root, "status.replicas", 0);
    if (before <= 0)
        return 0;
    double size = (double)(s->replicas * (r->replicas + r->surge)) / (double)before;
    return (int64_t)(size < 0 ? size - 0.5 : size + 0.5) - s->replicas;
}

static bool larger(const struct set *x, const struct set *y, bool newer_first)
{
    if (x->replicas != y->replicas)
        return x->replicas > y->replicas;
    return newer_first ? by_creation(x, y) > 0 : by_creation(x, y) < 0;
}

/* The active sets, the largest first. */
static size_t by_size(struct rollout *r, struct set **out, bool newer_first)
{
    size_t n = 0;
    EACH_SET(s, r)
    {
        if (s->replicas == 0)
            continue;
        size_t at = n++;
        for (; at > 0 && larger(s, out[at - 1], newer_first); at--)
            out[at] = out[at - 1];
        out[at] = s;
    }
    return n;
}

/* Keeps the proportions between the sets of a rollout that is under way. */
static void scale_in_proportion(struct rollout *r)
{
    struct set **sets = ARENA_ARRAY(r->a, struct set *, r->n + 1);
    int64_t total = 0, added = 0;
    EACH_SET(s, r)
    total += s->replicas;
    int64_t add = (r->replicas > 0 ? r->replicas + r->surge : 0) - total;
    size_t n = by_size(r, sets, add > 0);
    int64_t *size = ARENA_ARRAY(r->a, int64_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t share = 0;
        if (add != added && add != 0) {
            share = fraction(r, sets[i]);
            if (add > 0 ? share > add - added : share < add - added)
                share = add - added;
        }
        size[i] = sets[i]->replicas + share;
        added += share;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t want = size[i] + (i == 0 && add != 0 ? add - added : 0);
        (void)scale(sets[i], want < 0 ? 0 : want);
        (void)deployment__note_size(r, sets[i]);
    }
}

static void rescale(struct rollout *r)
{
    struct set *sole = sole_set(r);
    if (sole) {
        if (scale(sole, r->replicas))
            (void)deployment__note_size(r, sole);
        return;
    }
    if (is_saturated(r)) {
        EACH_OLD(s, r)
        if (scale(s, 0))
            (void)deployment__note_size(r, s);
        return;
    }
    if (r->rolling)
        scale_in_proportion(r);
}

/* ---- rolling ---- */

static int64_t total_replicas(const struct rollout *r)
{
    int64_t n = 0;
    EACH_SET(s, r)
    n += s->replicas;
    return n;
}

/* How far the new set may grow now. */
static int64_t fresh_size(const struct rollout *r)
{
    int64_t has = r->fresh ? r->fresh->replicas : 0;
    if (!r->rolling)
        return r->replicas;
    int64_t room = r->replicas + r->surge - total_replicas(r);
    return room <= 0 ? has : has + min64(room, r->replicas - has);
}

static bool grow_fresh(struct rollout *r)
{
    struct set *s = r->fresh;
    if (s->replicas == r->replicas)
        return false;
    return scale(s, s->replicas > r->replicas ? r->replicas : fresh_size(r));
}

/* Pods that never became available go first: that costs nobody anything. */
static int64_t drop_unhealthy(struct rollout *r, int64_t max)
{
    int64_t dropped = 0;
    EACH_OLD(s, r)
    {
        if (dropped >= max || s->replicas == 0 || s->replicas == s->available)
            continue;
        int64_t n = min64(max - dropped, s->replicas - s->available);
        if (n > 0 && scale(s, s->replicas - n))
            dropped += n;
    }
    return dropped;
}

static bool shrink_old(struct rollout *r)
{
    int64_t available = 0, old = 0, floor = r->replicas - r->unavailable;
    EACH_OLD(s, r)
    old += s->replicas;
    if (old == 0)
        return false;
    int64_t max = total_replicas(r) - floor - (r->fresh->replicas - r->fresh->available);
    if (max <= 0)
        return false;
    bool changed = drop_unhealthy(r, max) > 0;

    EACH_SET(s, r)
    available += s->available;
    int64_t spare = available - floor;
    EACH_OLD(s, r)
    {
        int64_t n = min64(s->replicas, spare);
        if (spare > 0 && n > 0 && scale(s, s->replicas - n)) {
            spare -= n;
            changed = true;
        }
    }
    return changed;
}

/* ---- cleaning up ---- */

static int by_revision(const void *px, const void *py)
{
    const struct set *const *x = px, *const *y = py;
    if ((*x)->revision != (*y)->revision)
        return (*x)->revision < (*y)->revision ? -1 : 1;
    return by_creation(*x, *y);
}

static void forget_old(struct rollout *r)
{
    const struct value *limit = value_at(r->d->root, "spec.revisionHistoryLimit");
    if (!limit)
        return;
    struct set **old = ARENA_ARRAY(r->a, struct set *, r->n + 1);
    int64_t n = 0;
    EACH_OLD(s, r)
    if (!s->o->deleting)
        old[n++] = s;
    int64_t surplus = n - value_int(limit, 10);
    if (surplus <= 0)
        return;
    qsort(old, (size_t)n, sizeof(struct set *), by_revision);
    for (int64_t i = 0; i < surplus; i++)
        old[i]->remove =
            old[i]->actual == 0 && old[i]->replicas == 0 &&
            value_at_int(old[i]->o->root, "metadata.generation", 0) <= old[i]->observed;
}

/* ---- the strategies ---- */

static void ensure_fresh(struct rollout *r)
{
    if (r->fresh)
        deployment__tend_fresh(r);
    else
        deployment__add_fresh(r);
}

static bool is_done(struct rollout *r)
{
    return deployment__complete(r->d, deployment__counts(r));
}

static void roll(struct rollout *r)
{
    bool is_new = r->fresh == NULL;
    if (is_new) {
        int64_t size = fresh_size(r);
        ensure_fresh(r);
        r->fresh->replicas = size;
        return;
    }
    ensure_fresh(r);
    if (grow_fresh(r) || shrink_old(r))
        return;
    if (is_done(r))
        forget_old(r);
}

static bool old_pods_run(const struct rollout *r)
{
    EACH_OLD(s, r)
    if (s->actual > 0)
        return true;
    for (size_t i = 0; i < r->v->pods.n; i++) {
        const struct object *p = r->v->pods.items[i];
        const char *owner = value_str(value_get(object_controller(p), "uid"), "");
        bool fresh = r->fresh && strcmp(r->fresh->o->uid, owner) == 0;
        if (!fresh && !pod_is_finished(p))
            return true;
    }
    return false;
}

static void recreate(struct rollout *r)
{
    bool scaled = false;
    if (r->fresh)
        deployment__tend_fresh(r);
    EACH_OLD(s, r)
    scaled |= scale(s, 0);
    if (scaled || old_pods_run(r))
        return;
    bool is_new = r->fresh == NULL;
    if (is_new)
        deployment__add_fresh(r);
    (void)scale(r->fresh, r->replicas);
    if (!is_new && is_done(r))
        forget_old(r);
}

static void decide(struct rollout *r)
{
    if (r->d->deleting)
        return;
    bool scaling = is_scaling(r);
    if (r->paused || scaling) {
        if (r->fresh)
            deployment__tend_fresh(r);
        rescale(r);
        if (r->paused)
            forget_old(r);
    } else if (r->rolling) {
        roll(r);
    } else {
        recreate(r);
    }
}

/* ---- the plan ---- */

static void emit(struct rollout *r, struct set *s, struct deployment_plan *p)
{
    struct deployment_action act = {
        .set = s->o, .name = s->name, .from = s->was, .to = s->replicas};
    if (s->remove) {
        act.verb = DEPLOYMENT_DELETE;
    } else if (!s->o) {
        act.verb = DEPLOYMENT_CREATE;
        (void)deployment__note_size(r, s);
    } else {
        act.verb = DEPLOYMENT_UPDATE;
        if (s->was != s->replicas)
            (void)deployment__note_size(r, s);
        if (s->was == s->replicas && !s->edit)
            return;
    }
    if (!s->remove) {
        struct value *body = deployment__edit(r, s);
        (void)value_set_int(r->a, value_make_object(r->a, body, "spec"), "replicas", s->replicas);
        act.body = body;
    }
    p->actions[p->n++] = act;
}

int deployment_plan(const struct deployment_view *v, struct arena *a, struct deployment_plan *out,
                    struct err *e)
{
    struct rollout r = {.v = v, .d = v->deployment, .a = a};
    int rc = rollout_read(&r, e);
    if (rc < 0)
        return rc;
    struct deployment_plan p = {.actions = ARENA_ARRAY(a, struct deployment_action, v->sets.n + 1)};
    decide(&r);
    p.status = deployment__status(&r, &p.again_ms);
    p.revision = r.revision;
    EACH_SET(s, &r)
    emit(&r, s, &p);
    *out = p;
    return 0;
}

const char *deployment_plan_text(const struct deployment_plan *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < p->n; i++) {
        const struct deployment_action *x = &p->actions[i];
        if (x->verb == DEPLOYMENT_CREATE)
            buf_printf(&b, "create %s with %lld\n", x->name, (long long)x->to);
        else if (x->verb == DEPLOYMENT_DELETE)
            buf_printf(&b, "delete %s\n", x->name);
        else if (x->from == x->to)
            buf_printf(&b, "annotate %s\n", x->name);
        else
            buf_printf(&b, "scale %s from %lld to %lld\n", x->name, (long long)x->from,
                       (long long)x->to);
    }
    if (p->revision)
        buf_printf(&b, "revision %s\n", p->revision);
    VALUE_EACH_ITEM(c, value_get(p->status, "conditions"))
    buf_printf(&b, "%s=%s %s: %s\n", value_str(value_get(c, "type"), ""),
               value_str(value_get(c, "status"), ""), value_str(value_get(c, "reason"), ""),
               value_str(value_get(c, "message"), ""));
    return arena_strdup(a, buf_text(&b));
}
