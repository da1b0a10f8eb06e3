/* def.h - a Pod's spec, read once into plain structs with Kubernetes' defaults.
 *
 * Lifetime   Borrows from the object; lives in the arena given.                          */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "api/object.h"
#include "node/image_port.h"

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

enum handler_kind {
    HANDLER_NONE,
    HANDLER_EXEC,
    HANDLER_HTTP,
    HANDLER_TCP,
    HANDLER_GRPC,
    HANDLER_SLEEP,
};

struct handler {
    enum handler_kind kind;
    const char *const *argv; /* EXEC */
    const char *host, *path; /* host "": the pod's address */
    uint16_t port;           /* 0: a named port that the container does not have */
    bool https;
    const struct value *headers; /* [{name, value}] */
    const char *service;         /* GRPC */
    int64_t sleep_s;
};

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KINDS };

struct probe_def {
    struct handler handler;
    int64_t initial_delay_ms, period_ms, timeout_ms;
    int successes, failures; /* thresholds */
    int64_t grace_s;         /* < 0: the pod's */
};

struct container_def {
    const char *name, *image;
    const struct value *v; /* the container as written */
    bool init, sidecar;
    enum image_pull pull;
    struct probe_def probes[PROBE_KINDS]; /* kind NONE: not wanted */
    struct handler post_start, pre_stop;
    const char *termination_path;
    bool fallback_to_logs;
    bool tty, stdin_open, stdin_once;
};

struct pod_def {
    const struct object *object;
    const struct value *spec;
    const char *ns, *name, *uid;
    enum restart_policy restart;
    int64_t grace_s;
    int64_t active_deadline_s; /* < 0: none */
    bool host_network, host_pid, host_ipc, share_pid;
    bool deleting;
    int64_t deletion_grace_s; /* with deleting */
    struct container_def *c;  /* init containers first */
    size_t n, n_init;
};

struct pod_def *pod_def_read(const struct object *pod, struct arena *a);

const struct container_def *pod_def_find(const struct pod_def *d, const char *name);

const char *pod_qos(const struct value *spec); /* "Guaranteed", "Burstable", "BestEffort" */
