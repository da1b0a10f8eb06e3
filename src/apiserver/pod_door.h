/* pod_door.h - what the API asks of whoever runs pods, and of whoever keeps what they wrote.
 *
 * Model      Two ports. The node embeds struct pod_door as its first member. Calls run on the
 *            thread of the request and block until the thing asked for has ended.
 * Lifetime   File descriptors given stay the caller's; they are closed after the call. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/object.h"
#include "base/err.h"

struct pod_door;

struct pod_log_opts {
    const char *container; /* never NULL: the API has chosen */
    bool follow, previous, timestamps;
    int64_t tail_lines;  /* < 0: all */
    int64_t since_ns;    /* lines not older than this (ns since 1970); 0: all */
    int64_t limit_bytes; /* < 0: all */
};

struct pod_size {
    uint16_t cols, rows;
};

struct pod_exec_opts {
    const char *container;
    const char *const *argv; /* NULL-terminated; NULL for attach */
    bool tty;
    int in_fd;     /* read the process's input here until EOF; -1: none */
    int out_fd;    /* its output (with tty: both streams); -1: drop */
    int err_fd;    /* its standard error; -1: drop, or tty */
    int resize_fd; /* struct pod_size values arrive here; EOF: no more; -1: none */
    int gone_fd;   /* at its end once the client has gone: then end the process, or detach */
};

/* What an implementation supplies; every slot is required. */
struct pod_door_ops {
    /* Hands over log text in pieces. `write` fails when the reader has gone: then stop. It may be
     * called with n == 0 while following and nothing comes, to learn that. */
    int (*logs)(struct pod_door *d, const struct object *pod, const struct pod_log_opts *o,
                int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *arg,
                struct err *e);
    /* Runs argv in the container, or attaches to its main process. exit_code is the process's. */
    int (*exec)(struct pod_door *d, const struct object *pod, const struct pod_exec_opts *o,
                int *exit_code, struct err *e);
    /* A stream socket connected to the port inside the pod's network. The caller closes it. */
    int (*connect)(struct pod_door *d, const struct object *pod, unsigned port, int *out_fd,
                   struct err *e);
};

struct pod_door {
    const struct pod_door_ops *ops;
};

/* Pods that are no more, of which lines are kept. */
struct past_pods {
    /* A Pod with what is known of it; ERR_NOT_FOUND: nothing is. */
    int (*get)(void *arg, const char *ns, const char *name, struct arena *a,
               const struct value **out, struct err *e);
    /* As the door's logs; there is nothing to follow, and no previous container. */
    int (*logs)(void *arg, const struct object *pod, const struct pod_log_opts *o,
                int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *to,
                struct err *e);
    void *arg;
};
