#include "base/thread.h"

#include <errno.h>
#include <time.h>

int thread_start(pthread_t *out, const char *name, unsigned stack_kib, void *(*fn)(void *),
                 void *arg, struct err *e)
{
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, (size_t)(stack_kib ? stack_kib : 256) * 1024);
    int rc = pthread_create(out, &attr, fn, arg);
    (void)pthread_attr_destroy(&attr);
    if (rc)
        return err_sys(e, rc, "start thread %s", name);
    (void)pthread_setname_np(*out, name);
    return 0;
}

void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
}

_Bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return pthread_cond_wait(c, m) == 0;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += timeout_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return pthread_cond_timedwait(c, m, &until) != ETIMEDOUT;
}
