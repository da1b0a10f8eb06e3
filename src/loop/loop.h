/* loop.h - one thread that sleeps in epoll until a descriptor, a timer, a child or a message.
 *
 * Model      Handlers run one after the other on the thread in loop_run(). A handle names a
 *            registration by slot and generation, so that removing one twice, or one that
 *            fired meanwhile, is harmless.
 * Threads    loop_post() and loop_stop() from any thread; all else from the loop's own, or
 *            before it runs.
 * Lifetime   loop_new … loop_free. The loop never closes a descriptor that was added to it. */
#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"

struct loop;
typedef struct {
    uint64_t v; /* 0: none */
} loop_id;

typedef void (*loop_fd_fn)(void *arg, int fd, uint32_t events);
typedef void (*loop_fn)(void *arg);
/* `status` as from waitpid(); -1 when the process was not our child and only its end is known. */
typedef void (*loop_exit_fn)(void *arg, pid_t pid, int status);

int loop_new(struct loop **out, struct err *e) MUST_CHECK;
void loop_free(struct loop *l);
AUTO_DEFINE(loop)

/* Calls fn while `events` (EPOLLIN …) hold. */
int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg, loop_id *out,
                struct err *e) MUST_CHECK;
/* Calls fn once, `after_ms` from now; a new timer for every repetition. */
loop_id loop_add_timer(struct loop *l, int64_t after_ms, loop_fn fn, void *arg);
/* Calls fn once when the process has ended, and reaps it when it is ours. */
int loop_add_process(struct loop *l, pid_t pid, loop_exit_fn fn, void *arg, loop_id *out,
                     struct err *e) MUST_CHECK;
void loop_remove(struct loop *l, loop_id id);

/* Runs fn(arg) on the loop's thread, in the order posted. */
void loop_post(struct loop *l, loop_fn fn, void *arg);

int loop_run(struct loop *l, struct err *e) MUST_CHECK; /* until loop_stop() */
void loop_stop(struct loop *l);
