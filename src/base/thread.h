/* thread.h - pthread calls that cannot fail unless we are wrong. */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

/* Starts a thread named `name` (15 characters are kept) with a stack of stack_kib (0: 256). */
int thread_start(pthread_t *out, const char *name, unsigned stack_kib, void *(*fn)(void *),
                 void *arg, struct err *e) MUST_CHECK;

static inline void mutex_unlock_cleanup(pthread_mutex_t **m)
{
    if (*m)
        (void)pthread_mutex_unlock(*m);
}

static inline pthread_mutex_t *mutex_lock_scope(pthread_mutex_t *m)
{
    (void)pthread_mutex_lock(m);
    return m;
}

#define LOCK_NAME2(line) lock_at_##line##_
#define LOCK_NAME(line)  LOCK_NAME2(line)
/* Holds the mutex until the end of the enclosing block. */
#define LOCK_SCOPE(m)                                                                              \
    __attribute__((cleanup(mutex_unlock_cleanup), unused)) pthread_mutex_t *LOCK_NAME(__LINE__) =  \
        mutex_lock_scope(m)

/* pthread_cond_timedwait() against CLOCK_MONOTONIC; the condition must have been made by
 * cond_init(). False when timeout_ms passed. A negative timeout waits for ever. */
void cond_init(pthread_cond_t *c);
_Bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int64_t timeout_ms);
