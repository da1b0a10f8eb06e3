/* turns.h - so many at a time, first come, first served; and nobody waits for ever.
 *
 * Model      A turn is free when fewer than `width` of those who came earlier are still at it.
 * Guarantees Who has waited for patience_ms goes on without one: a turn that never ends costs
 *            the others time and nothing else.
 * Threads    Any.                                                                           */
#pragma once
#include <pthread.h>
#include <stdint.h>

struct turns {
    pthread_mutex_t lock; /* of the last two */
    pthread_cond_t changed;
    unsigned width;
    int64_t patience_ms;
    uint64_t came, went;
};

void turns__init(struct turns *t, unsigned width, int64_t patience_ms);
void turns__done(struct turns *t);

/* Returns when it is the caller's turn; turns__give() ends it. */
void turns__take(struct turns *t);
void turns__give(struct turns *t);
