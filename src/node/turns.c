#include "node/turns.h"

#include "base/clock.h"
#include "base/thread.h"

void turns__init(struct turns *t, unsigned width, int64_t patience_ms)
{
    *t = (struct turns){.width = width, .patience_ms = patience_ms};
    (void)pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->changed);
}

void turns__done(struct turns *t)
{
    (void)pthread_mutex_destroy(&t->lock);
    (void)pthread_cond_destroy(&t->changed);
}

void turns__take(struct turns *t)
{
    LOCK_SCOPE(&t->lock);
    uint64_t before_us = t->came++;
    int64_t now = clock_mono_ms(), end = now + t->patience_ms;
    while (before_us >= t->went + t->width && now < end) {
        (void)cond_wait_ms(&t->changed, &t->lock, end - now);
        now = clock_mono_ms();
    }
}

void turns__give(struct turns *t)
{
    LOCK_SCOPE(&t->lock);
    t->went++;
    (void)pthread_cond_broadcast(&t->changed);
}
