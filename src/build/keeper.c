#include "build/keeper.h"

#include "base/clock.h"
#include "base/thread.h"
#include "build/build.h"

#define HOUR_MS 3600000LL
#define DAY_MS  (24 * HOUR_MS)

struct keeper {
    struct keeper_opts opts;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

static int64_t or_default(int64_t given, int64_t dflt)
{
    return given ? given : dflt;
}

int keeper_run(const struct keeper_opts *o, struct image_gc_result *out, struct err *e)
{
    size_t gone;
    int64_t untagged_ms = or_default(o->untagged_ms, 14 * DAY_MS);
    int rc = build_cache_prune(o->images, or_default(o->cache_ms, 14 * DAY_MS), &gone, e);
    if (rc == 0)
        rc = image_store_forget_untagged(o->images, clock_real_ms() - untagged_ms, &gone, e);
    return rc < 0 ? rc : image_store_collect(o->images, or_default(o->grace_ms, DAY_MS), out, e);
}

/* False when it is time to end. */
static bool sleep_until_due(struct keeper *k)
{
    int64_t due = clock_mono_ms() + or_default(k->opts.every_ms, HOUR_MS);
    LOCK_SCOPE(&k->lock);
    for (int64_t left; !k->stop && (left = due - clock_mono_ms()) > 0;)
        (void)cond_wait_ms(&k->wake, &k->lock, left);
    return !k->stop;
}

static void *run(void *arg)
{
    struct keeper *k = arg;
    while (sleep_until_due(k)) {
        struct err e = {0};
        struct image_gc_result result = {0};
        int rc = keeper_run(&k->opts, &result, &e);
        if (k->opts.done)
            k->opts.done(k->opts.arg, rc, &result, &e);
    }
    return NULL;
}

int keeper_start(const struct keeper_opts *o, struct keeper **out, struct err *e)
{
    struct keeper *k = calloc(1, sizeof *k);
    k->opts = *o;
    (void)pthread_mutex_init(&k->lock, NULL);
    cond_init(&k->wake);
    int rc = thread_start(&k->thread, "image-keeper", 512, run, k, e);
    if (rc < 0) {
        free(k);
        return rc;
    }
    *out = k;
    return 0;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    {
        LOCK_SCOPE(&k->lock);
        k->stop = true;
        (void)pthread_cond_signal(&k->wake);
    }
    (void)pthread_join(k->thread, NULL);
    (void)pthread_mutex_destroy(&k->lock);
    (void)pthread_cond_destroy(&k->wake);
    free(k);
}
