#include "kube/fan.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/log.h"
#include "base/thread.h"

/* One fan_run(); on its caller's stack, listed while it has calls to hand out. */
struct batch {
    struct batch *next;
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n, handed_out, done;
    pthread_cond_t finished;
};

struct fan {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct batch *batches;
    pthread_t *threads;
    unsigned want, have, idle;
    bool stop;
};

struct fan *fan_new(unsigned threads)
{
    struct fan *f = calloc(1, sizeof *f);
    pthread_t *t = calloc(threads + 1, sizeof *t);
    if (!f || !t)
        log_die("out of memory");
    f->threads = t;
    f->want = threads;
    (void)pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->work);
    return f;
}

void fan_free(struct fan *f)
{
    if (!f)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->stop = true;
    (void)pthread_cond_broadcast(&f->work);
    (void)pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < f->have; i++)
        (void)pthread_join(f->threads[i], NULL);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->work);
    free(f->threads);
    free(f);
}

static void unlist(struct fan *f, const struct batch *b)
{
    for (struct batch **p = &f->batches; *p; p = &(*p)->next)
        if (*p == b) {
            *p = b->next;
            return;
        }
}

/* Under the lock, which it gives up during the call. */
static void run_one(struct fan *f, struct batch *b)
{
    size_t i = b->handed_out++;
    if (b->handed_out == b->n)
        unlist(f, b);
    (void)pthread_mutex_unlock(&f->lock);
    b->fn(b->arg, i);
    (void)pthread_mutex_lock(&f->lock);
    if (++b->done == b->n)
        (void)pthread_cond_signal(&b->finished);
}

static void *fan_main(void *arg)
{
    struct fan *f = arg;
    LOCK_SCOPE(&f->lock);
    while (!f->stop) {
        if (f->batches) {
            run_one(f, f->batches);
            continue;
        }
        f->idle++;
        (void)pthread_cond_wait(&f->work, &f->lock);
        f->idle--;
    }
    return NULL;
}

/* Under the lock. A thread that cannot be had is not missed: the caller works too. */
static void fan_grow(struct fan *f, size_t n)
{
    while (f->have < f->want && f->have < n) {
        if (thread_start(&f->threads[f->have], "fan", 512, fan_main, f, NULL) < 0)
            return;
        f->have++;
    }
}

void fan_run(struct fan *f, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
    if (!f || f->want == 0 || n < 2) {
        for (size_t i = 0; i < n; i++)
            fn(arg, i);
        return;
    }
    struct batch b = {.fn = fn, .arg = arg, .n = n};
    cond_init(&b.finished);
    {
        LOCK_SCOPE(&f->lock);
        fan_grow(f, n);
        b.next = f->batches;
        f->batches = &b;
        (void)pthread_cond_broadcast(&f->work);
        while (b.handed_out < b.n)
            run_one(f, &b);
        while (b.done < b.n)
            (void)pthread_cond_wait(&b.finished, &f->lock);
    }
    (void)pthread_cond_destroy(&b.finished);
}
