#include "node/turns.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

struct turn {
    struct turn *next;
    bool here; /* its owner waits for it, or is at it */
};

void turns__init(struct turns *t, unsigned width, int64_t courtesy_ms, int64_t patience_ms)
{
    *t = (struct turns){.width = width, .courtesy_ms = courtesy_ms, .patience_ms = patience_ms};
    t->end = &t->row;
    (void)pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->changed);
}

void turns__done(struct turns *t)
{
    (void)pthread_mutex_destroy(&t->lock);
    (void)pthread_cond_destroy(&t->changed);
}

struct turn *turns__draw(struct turns *t)
{
    struct turn *mine = calloc(1, sizeof *mine);
    if (!mine)
        log_die("out of memory for a turn");
    LOCK_SCOPE(&t->lock);
    *t->end = mine;
    t->end = &mine->next;
    return mine;
}

static unsigned before(const struct turns *t, const struct turn *mine, bool absent_too)
{
    unsigned n = 0;
    for (const struct turn *x = t->row; x != mine; x = x->next)
        n += x->here || absent_too;
    return n;
}

void turns__take(struct turns *t, struct turn *mine)
{
    LOCK_SCOPE(&t->lock);
    mine->here = true;
    int64_t now = clock_mono_ms(), end = now + t->patience_ms, courteous = now + t->courtesy_ms;
    while (now < end && before(t, mine, now < courteous) >= t->width) {
        int64_t until = now < courteous && courteous < end ? courteous : end;
        (void)cond_wait_ms(&t->changed, &t->lock, until - now);
        now = clock_mono_ms();
    }
}

void turns__give(struct turns *t, struct turn *mine)
{
    LOCK_SCOPE(&t->lock);
    struct turn **at = &t->row;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    if (t->end == &mine->next)
        t->end = at;
    free(mine);
    (void)pthread_cond_broadcast(&t->changed);
}
