/* turns.h - so many at a time, in the order they were drawn; and nobody waits for ever.
 *
 * Model      Drawing makes a place in a row, and is done in the order that is wanted. A turn has
 *            come when fewer than `width` of those drawn before it are at it or wait for it.
 * Guarantees Who was drawn before and has not come to take its turn is waited for no longer than
 *            courtesy_ms. Who has waited for patience_ms goes on without a turn: one that never
 *            ends costs the others time and nothing else.
 * Threads    Any.                                                                           */
#pragma once
#include <pthread.h>
#include <stdint.h>

struct turn;

struct turns {
    pthread_mutex_t lock; /* of the row */
    pthread_cond_t changed;
    unsigned width;
    int64_t courtesy_ms, patience_ms;
    struct turn *row, **end; /* in the order they were drawn */
};

void turns__init(struct turns *t, unsigned width, int64_t courtesy_ms, int64_t patience_ms);
void turns__done(struct turns *t);

struct turn *turns__draw(struct turns *t);
/* Returns when the turn has come. */
void turns__take(struct turns *t, struct turn *mine);
/* Ends a turn, taken or not, and frees it. */
void turns__give(struct turns *t, struct turn *mine);
