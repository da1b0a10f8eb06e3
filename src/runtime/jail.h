/* jail.h - a program of this machine that others wrote, run where it can harm nothing.
 *
 * Model      The program sees this machine's files, but can write none: only an empty /tmp. What
 *            lies in /run and /dev is hidden, but for a few devices and the folders it is given.
 *            It has no network, sees no other process, has no capabilities, and cannot get any.
 * Guarantees It ends with its watcher, and all it started ends with it. Needs no container
 *            runtime, and no root where users may make namespaces.
 * Not here   A limit on how many processes there are and what they use together; the time it has.
 * Threads    Any.                                                                         */
#pragma once
#include "runtime/runtime.h"

struct jail_spec {
    const char *folder;      /* where it runs; absolute */
    const char *program;     /* a path, from the folder on; without a slash looked for in PATH */
    const char *const *args; /* what follows its name; NULL-terminated */
    const char *const *env;  /* all of its environment, "NAME=value"; NULL-terminated */
    int in_fd, out_fd, err_fd;
};

/* ERR_INVALID: it cannot be run. Ends with exec_wait(). */
int jail_start(const struct jail_spec *s, struct exec_process *out, struct err *e) MUST_CHECK;
