/* ctrload - starts containers one after another and says how long each took.
 *
 *   ctrload STATE-FOLDER ROOT-FOLDER COUNT COMMAND...
 *
 * A line a container: milliseconds from asking for it until its end was reported and it was
 * removed, which is what `crun run` does before it returns. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "runtime/runtime.h"

struct wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned ends;
    int code; /* of the last end */
};

static void on_end(void *arg, const char *id, const struct container_end *end)
{
    (void)id;
    struct wait *w = arg;
    LOCK_SCOPE(&w->lock);
    w->ends++;
    w->code = end->code;
    (void)pthread_cond_signal(&w->changed);
}

static int run_once(struct runtime *r, const struct container_spec *spec, struct wait *w,
                    struct err *e)
{
    int rc = runtime_start(r, spec, e);
    if (rc < 0)
        return rc;
    {
        LOCK_SCOPE(&w->lock);
        while (w->ends == 0)
            (void)pthread_cond_wait(&w->changed, &w->lock);
        w->ends = 0;
    }
    if (w->code != 0)
        return err_set(e, ERR_INVALID, "container %s ended with %d", spec->id, w->code);
    return runtime_remove(r, spec->id, e);
}

static int run_all(char **argv, unsigned count, struct err *e)
{
    struct wait w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct runtime_opts opts = {.dir = argv[1], .on_end = on_end, .arg = &w};
    AUTO(runtime) struct runtime *r = NULL;
    int rc = runtime_open(&opts, &r, e);
    if (rc < 0 || (rc = runtime_watch(r, e)) < 0)
        return rc;
    const char *layers[] = {argv[2]};
    for (unsigned i = 0; i < count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "bench-%u", i);
        struct container_spec spec = {
            .id = id, .layers = layers, .n_layers = 1, .argv = (const char *const *)(argv + 4)};
        int64_t from = clock_mono_us();
        rc = run_once(r, &spec, &w, e);
        if (rc < 0)
            return rc;
        (void)printf("%.3f\n", (double)(clock_mono_us() - from) / 1e3);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    unsigned count = argc > 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (count == 0) {
        (void)fprintf(stderr, "usage: ctrload STATE-FOLDER ROOT-FOLDER COUNT COMMAND...\n");
        return 2;
    }
    if (run_all(argv, count, &e) < 0) {
        (void)fprintf(stderr, "ctrload: %s\n", e.msg);
        return 1;
    }
    return 0;
}
