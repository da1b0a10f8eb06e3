/* child.h - start the git command with exactly the descriptors and environment it needs. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct child_opts {
    const char *const *argv; /* argv[0] is looked up in PATH */
    const char *const *env;
    int in, out, err; /* < 0: /dev/null */
    int tell, hear;   /* become descriptors 8 and 9; < 0: /dev/null */
};

#define CHILD_HEAR_TEXT "9"

/* The child leads a process group and has default signals. */
int child_start(const struct child_opts *o, pid_t *out, struct err *e) MUST_CHECK;
/* Exit code, or 128 + signal. */
int child_wait(pid_t pid);
void child_kill(pid_t pid); /* the whole group; wait still has to be called */

/* Both ends close on exec. */
int child_pipe(int fds[2], struct err *e) MUST_CHECK;

/* Runs to the end, with standard output and error in the buffers, whatever o says of them.
 * ERR_TIMEOUT: killed. */
int child_run(const struct child_opts *o, int64_t timeout_ms, struct buf *out_text,
              struct buf *err_text, int *out_code, struct err *e) MUST_CHECK;
