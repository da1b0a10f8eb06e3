/* Each stage has a thread of its own; as many work at once as there are processors. One that needs
 * another waits for it, and lets a third one work meanwhile; since a stage needs only those
 * before it, somebody always can. Where one stage is needed, or only the cache is asked, the
 * caller's thread does it all. */
#include <sched.h>

#include "base/thread.h"
#include "build/build_int.h"

enum { SLOTS_MIN = 2, STACK_KIB = 1024 };

struct worker {
    struct build build;
    struct stage *stage;
    pthread_t thread;
};

/* The lock is held in all of these. */
static void take_slot(struct solve *all)
{
    while (all->slots == 0)
        (void)pthread_cond_wait(&all->changed, &all->lock);
    all->slots--;
}

static void give_slot(struct solve *all)
{
    all->slots++;
    (void)pthread_cond_broadcast(&all->changed);
}

static void finish(struct solve *all, struct stage *s, int rc, const struct err *why)
{
    s->state = rc < 0 ? STAGE_FAILED : STAGE_DONE;
    if (rc < 0 && all->rc == 0) {
        all->rc = rc;
        all->why = *why;
    }
    (void)pthread_cond_broadcast(&all->changed);
}

/* False: it is done, or failed. */
static bool take_stage(struct solve *all, struct stage *s)
{
    LOCK_SCOPE(&all->lock);
    if (s->state == STAGE_BUSY) {
        give_slot(all);
        while (s->state == STAGE_BUSY)
            (void)pthread_cond_wait(&all->changed, &all->lock);
        take_slot(all);
    }
    if (s->state != STAGE_IDLE || all->rc < 0)
        return false;
    s->state = STAGE_BUSY;
    return true;
}

int solve__stage(struct build *b, struct stage *s, struct err *e)
{
    struct solve *all = b->solve;
    struct err why = {0};
    if (take_stage(all, s)) {
        int rc = stages__evaluate(b, s, &why);
        LOCK_SCOPE(&all->lock);
        finish(all, s, rc, &why);
    }
    LOCK_SCOPE(&all->lock);
    if (s->state == STAGE_DONE)
        return 0;
    if (e)
        *e = all->why;
    return all->rc;
}

bool solve__stopped(struct build *b)
{
    LOCK_SCOPE(&b->solve->lock);
    const struct build_opts *o = b->opts;
    return b->solve->rc < 0 || (o->cancelled && o->cancelled(o->arg));
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct solve *all = w->build.solve;
    {
        LOCK_SCOPE(&all->lock);
        take_slot(all);
    }
    int rc = solve__stage(&w->build, w->stage, NULL); /* kept with all others */
    (void)rc;
    LOCK_SCOPE(&all->lock);
    give_slot(all);
    return NULL;
}

static unsigned processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    return n > SLOTS_MIN ? (unsigned)n : SLOTS_MIN;
}

static int run_all(struct build *b, struct err *e)
{
    struct worker *list = ARENA_ARRAY(b->arena, struct worker, b->n_stages);
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < b->n_stages && rc == 0; i++) {
        if (!b->stages[i].needed)
            continue;
        struct worker *w = &list[n];
        *w = (struct worker){.build = *b, .stage = &b->stages[i]};
        w->build.arena = b->stages[i].arena = arena_new(BUILD_ARENA_MAX_BYTES);
        rc = thread_start(&w->thread, "build-stage", STACK_KIB, work, w, e);
        n += rc == 0;
    }
    for (size_t i = 0; i < n; i++)
        (void)pthread_join(list[i].thread, NULL);
    if (rc == 0 && b->solve->rc < 0 && e)
        *e = b->solve->why;
    return rc < 0 ? rc : b->solve->rc;
}

int solve__run(struct build *b, struct stage *target, struct err *e)
{
    size_t needed = 0;
    for (size_t i = 0; i < b->n_stages; i++)
        needed += b->stages[i].needed;
    b->solve->parallel = needed > 1 && !b->opts->only_cached;
    b->solve->slots = b->solve->parallel ? processors() : 1;
    return b->solve->parallel ? run_all(b, e) : solve__stage(b, target, e);
}
