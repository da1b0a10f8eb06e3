#include "node/plan.h"

enum { BACKOFF_FIRST_MS = 10000, BACKOFF_MAX_MS = 300000 };

int64_t backoff_until(const struct backoff *b, int64_t ended_ms, int64_t now_ms)
{
    if (b->delay_ms == 0 || now_ms - b->updated_ms > 2 * BACKOFF_MAX_MS)
        return ended_ms;
    return ended_ms + b->delay_ms;
}

void backoff_next(struct backoff *b, int64_t now_ms)
{
    bool stale = b->delay_ms == 0 || now_ms - b->updated_ms > 2 * BACKOFF_MAX_MS;
    b->delay_ms = stale ? BACKOFF_FIRST_MS : b->delay_ms * 2;
    if (b->delay_ms > BACKOFF_MAX_MS)
        b->delay_ms = BACKOFF_MAX_MS;
    b->updated_ms = now_ms;
}

bool container_restarts(const struct pod_def *d, const struct container_def *c, int exit_code)
{
    if (c->sidecar)
        return true;
    if (c->init) /* one that succeeded has done its work */
        return exit_code != 0 && d->restart != RESTART_NEVER;
    return d->restart == RESTART_ALWAYS || (d->restart == RESTART_ON_FAILURE && exit_code != 0);
}

/* ---- building the plan ---- */

struct draft {
    const struct pod_view *v;
    struct arena *a;
    struct pod_plan *p;
};

static void add(struct draft *d, enum pod_action_kind kind, size_t container,
                enum stop_reason reason)
{
    struct pod_plan *p = d->p;
    p->act = arena_grow(d->a, p->act, p->n * sizeof *p->act, (p->n + 1) * sizeof *p->act);
    p->act[p->n++] = (struct pod_action){kind, container, reason};
}

static void wake_at(struct draft *d, int64_t ms)
{
    if (ms > d->v->now_ms && (d->p->wake_ms == 0 || ms < d->p->wake_ms))
        d->p->wake_ms = ms;
}

static void start(struct draft *d, size_t i)
{
    const struct container_view *c = &d->v->c[i];
    if (c->busy)
        return;
    if (c->retry_ms > d->v->now_ms)
        wake_at(d, c->retry_ms);
    else
        add(d, POD_START, i, STOP_POD);
}

/* One that should run: starts it, starts it again, or stops it when it is ill. */
static void keep_running(struct draft *d, size_t i)
{
    const struct container_view *c = &d->v->c[i];
    if (c->life != LIFE_RUNNING)
        start(d, i);
    else if ((c->unhealthy || c->changed) && !c->busy)
        add(d, POD_STOP, i, c->changed ? STOP_CHANGED : STOP_UNHEALTHY);
}

/* ---- ending ---- */

/* Main containers first, all at once; then sidecars one by one, last started first. */
static void stop_all(struct draft *d, enum stop_reason reason)
{
    const struct pod_view *v = d->v;
    bool left = false;
    for (size_t i = 0; i < v->def->n; i++) {
        if (v->def->c[i].sidecar)
            continue;
        left |= v->c[i].life == LIFE_RUNNING || v->c[i].busy;
        if (v->c[i].life == LIFE_RUNNING && !v->c[i].busy)
            add(d, POD_STOP, i, reason);
    }
    for (size_t i = v->def->n_init; i > 0 && !left; i--) {
        const struct container_view *c = &v->c[i - 1];
        left = c->life == LIFE_RUNNING || c->busy;
        if (c->life == LIFE_RUNNING && !c->busy)
            add(d, POD_STOP, i - 1, reason);
    }
    if (left || v->sandbox_busy)
        return;
    if (v->untold && !v->def->deleting)
        return; /* with the sandbox goes the record: a crash would lose it, or run it all twice */
    if (v->sandbox)
        add(d, POD_SANDBOX_DOWN, 0, reason);
    else if (v->def->deleting)
        add(d, POD_FINISH, 0, reason);
}

/* ---- running ---- */

/* True when the main containers may run. */
static bool init_done(struct draft *d, bool *failed)
{
    const struct pod_view *v = d->v;
    bool pending = false;
    for (size_t i = 0; i < v->def->n_init; i++) {
        const struct container_def *c = &v->def->c[i];
        const struct container_view *s = &v->c[i];
        if (c->sidecar) {
            if (pending && s->life == LIFE_NONE)
                continue;
            keep_running(d, i);
            pending |= !(s->life == LIFE_RUNNING && s->started) && !v->mains_were;
        } else if (!pending && !v->mains_were && !(s->life == LIFE_ENDED && s->exit_code == 0)) {
            pending = true;
            if (s->life == LIFE_ENDED && !container_restarts(v->def, c, s->exit_code))
                *failed = true;
            else
                keep_running(d, i);
        }
    }
    return !pending;
}

/* True when no main container runs and none will again. */
static bool mains_done(const struct pod_view *v)
{
    for (size_t i = v->def->n_init; i < v->def->n; i++)
        if (v->c[i].life != LIFE_ENDED || v->c[i].busy || v->c[i].changed ||
            container_restarts(v->def, &v->def->c[i], v->c[i].exit_code))
            return false;
    return true;
}

static bool past_deadline(struct draft *d)
{
    const struct pod_view *v = d->v;
    if (v->def->active_deadline_s < 0 || v->started_ms == 0)
        return false;
    int64_t due = v->started_ms + v->def->active_deadline_s * 1000;
    wake_at(d, due);
    return v->now_ms >= due;
}

void pod_plan(const struct pod_view *v, struct arena *a, struct pod_plan *out)
{
    *out = (struct pod_plan){0};
    struct draft d = {v, a, out};
    bool failed = false;
    if (v->over || v->def->deleting) {
        stop_all(&d, STOP_POD);
        return;
    }
    if (mains_done(v)) {
        out->done = true;
        stop_all(&d, STOP_POD);
        return;
    }
    if (past_deadline(&d)) {
        out->deadline_passed = true;
        stop_all(&d, STOP_DEADLINE);
        return;
    }
    if (!v->sandbox) {
        if (v->sandbox_retry_ms > v->now_ms)
            wake_at(&d, v->sandbox_retry_ms);
        else if (!v->sandbox_busy)
            add(&d, POD_SANDBOX_UP, 0, STOP_POD);
        return;
    }
    if (init_done(&d, &failed))
        for (size_t i = v->def->n_init; i < v->def->n; i++) {
            if (v->c[i].life == LIFE_ENDED &&
                !container_restarts(v->def, &v->def->c[i], v->c[i].exit_code))
                continue;
            keep_running(&d, i);
        }
    if (failed) {
        out->n = 0;
        out->done = true;
        stop_all(&d, STOP_POD);
    }
}
