/* runtime.h - start, watch, signal and remove containers; crun does the kernel work.
 *
 * Model      A container has an id chosen by the caller, a folder DIR/containers/ID (bundle,
 *            writable layer, exit record) and a `slipway shim` process that owns its output,
 *            reaps it and records how it ended. The shim outlives this process; opening the
 *            runtime again finds every container that ran or ended meanwhile.
 * Guarantees An end is reported exactly once per opened runtime: with its code, or as `lost`
 *            when the shim died too. Nothing secret is ever an argument of a process: specs
 *            go through files of mode 0600.
 * Threads    Any. on_end is called on the runtime's own thread and must not block.
 * Not here   Images, pods, volumes, restarts (node/), addresses (podnet/).               */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"

struct runtime;

struct container_mount {
    const char *source, *target;
    const char *type;    /* NULL: bind; "tmpfs", "proc", … */
    const char *options; /* comma separated, besides "bind"; NULL: none */
    bool readonly;
};

struct container_rlimit {
    const char *type; /* "RLIMIT_NOFILE" */
    uint64_t soft, hard;
};

/* 0 means: no limit. */
struct container_limits {
    int64_t cpu_quota_us, cpu_period_us; /* of one period (0: 100 ms) */
    uint64_t cpu_shares;                 /* relative weight, 1024 is one CPU's */
    int64_t memory_bytes, memory_swap_bytes;
    int64_t pids;
};

enum container_seccomp { SECCOMP_DEFAULT, SECCOMP_UNCONFINED };

struct container_device {
    const char *path;
    char type; /* 'c' or 'b' */
    unsigned major, minor;
};

struct container_spec {
    const char *id; /* [A-Za-z0-9_.-]{1,200} */

    /* The file system: read-only layers, lowest first, below a fresh writable one. */
    const char *const *layers;
    size_t n_layers;
    bool readonly_root;
    const struct container_mount *mounts;
    size_t n_mounts;

    const char *const *argv; /* NULL-terminated */
    const char *const *env;  /* "NAME=value", NULL-terminated; NULL: none */
    const char *cwd;         /* NULL: "/" */
    uint32_t uid, gid;
    const uint32_t *groups; /* supplementary */
    size_t n_groups;
    uint32_t umask; /* 0: 0022 */

    const char *const *capabilities; /* "CAP_CHOWN", …, NULL-terminated; NULL: the default set */
    enum container_seccomp seccomp;
    bool no_new_privs;
    bool privileged;            /* all capabilities, devices, nothing masked, no seccomp */
    bool unmask_proc;           /* procMount: Unmasked */
    const char *const *sysctls; /* "net.core.somaxconn=1024", NULL-terminated */
    const struct container_device *devices;
    size_t n_devices;

    /* NULL: a new one; "host": the host's; else the path of the namespace to join. */
    const char *net_ns, *ipc_ns, *uts_ns, *pid_ns;
    const char *hostname; /* only with a new or joined-but-unset uts namespace of ours; or NULL */

    const char *cgroup; /* below the runtime's parent: "podUID/app"; NULL: the id */
    struct container_limits limits;
    const struct container_rlimit *rlimits;
    size_t n_rlimits;
    int oom_score_adj;

    bool tty, stdin_open, stdin_once;
    const char *log_path;     /* CRI log file, appended to; NULL: output is dropped */
    int64_t log_max_bytes;    /* the file is rotated past this; 0: never */
    const char *const *notes; /* "key=value" kept with the container, returned by list; or NULL */
};

struct container_end {
    int code;   /* 128 + signal when killed */
    int signal; /* 0: it exited */
    bool oom;   /* the kernel's OOM killer hit it */
    bool lost;  /* the shim died: how it ended is unknown; code is 137 */
    int64_t started_ms, finished_ms;
};

struct container_info {
    const char *id;
    pid_t pid; /* of its init on the host; 0 when it ended */
    bool running;
    int64_t started_ms;
    struct container_end end; /* when not running */
    const char *const *notes; /* NULL-terminated */
};

struct runtime_opts {
    const char *dir;           /* made when absent; state lives here */
    const char *shim;          /* a program that has the verb `shim`; NULL: the one inside */
    const char *crun;          /* NULL: "crun" from PATH */
    const char *cgroup_parent; /* NULL: "slipway" */
    void (*on_end)(void *arg, const char *id, const struct container_end *end);
    void *arg;
};

/* Whether a container runs that somebody started who had opened this folder. */
bool runtime_lives(const char *dir);
/* Finds what runs already. on_end is not called before runtime_watch(). */
int runtime_open(const struct runtime_opts *o, struct runtime **out, struct err *e) MUST_CHECK;
/* The program that watches containers; static, good for `shim pause` in a container. */
const char *runtime_shim(const struct runtime *r);
/* Begins to report ends, those that happened while nobody looked first. */
int runtime_watch(struct runtime *r, struct err *e) MUST_CHECK;
void runtime_close(struct runtime *r); /* containers run on */
static inline void runtime_free(struct runtime *r)
{
    runtime_close(r);
}
AUTO_DEFINE(runtime)

/* Returns once the container's program runs. ERR_INVALID: it can't be run (no such file, …),
 * with crun's reason; ERR_EXISTS: the id is taken. */
int runtime_start(struct runtime *r, const struct container_spec *s, struct err *e) MUST_CHECK;

/* ERR_NOT_FOUND when it does not run. */
int runtime_kill(struct runtime *r, const char *id, int signal, struct err *e) MUST_CHECK;

/* Kills it when it runs, then removes everything but its log. Unknown ids are a success. */
int runtime_remove(struct runtime *r, const char *id, struct err *e) MUST_CHECK;

/* Removes a cgroup that containers were put into ("podUID") once it is empty. */
void runtime_drop_group(struct runtime *r, const char *group);

int runtime_get(struct runtime *r, const char *id, struct arena *a, struct container_info *out,
                struct err *e) MUST_CHECK;

/* The folder that holds what the container wrote: an overlay's upper directory. Once the container
 * has ended, its owner may move the folder away before removing the container. */
const char *runtime_writable_layer(struct runtime *r, const char *id, struct arena *a);

/* Every container there is, running or ended, in no order. */
void runtime_list(struct runtime *r, struct arena *a, struct container_info **out, size_t *n);

/* ---- exec: another process in a running container ---- */

struct exec_spec {
    const char *const *argv; /* NULL-terminated */
    bool tty;
    int in_fd, out_fd, err_fd; /* -1: /dev/null; with tty only `out` from exec_start counts */
};

struct exec_process {
    pid_t pid;  /* of our helper */
    int pidfd;  /* readable when it has ended */
    int tty_fd; /* with tty: the terminal, else -1 */
};

int runtime_exec(struct runtime *r, const char *id, const struct exec_spec *s,
                 struct exec_process *out, struct err *e) MUST_CHECK;
/* Waits at most timeout_ms (< 0: for ever), kills it when that passes (ERR_TIMEOUT). Ends *p. */
int exec_wait(struct exec_process *p, int64_t timeout_ms, int *code, struct err *e) MUST_CHECK;
void exec_kill(struct exec_process *p);
void exec_resize(const struct exec_process *p, unsigned columns, unsigned rows);

/* ---- attach: the live streams of a running container ---- */

/* A connected stream socket to the shim. What is written to it goes to the container's
 * stdin (when stdin_open; shut down for writing to end it); what is read are frames of
 * struct attach_frame followed by `len` bytes. */
struct attach_frame {
    uint8_t stream; /* 1: stdout, 2: stderr */
    uint8_t zero[3];
    uint32_t len; /* host byte order */
};
int runtime_attach(struct runtime *r, const char *id, int *out_fd, struct err *e) MUST_CHECK;
int runtime_resize(struct runtime *r, const char *id, unsigned columns, unsigned rows,
                   struct err *e) MUST_CHECK;

/* ---- numbers, from cgroup v1 or v2 ---- */

struct container_stats {
    uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
    uint64_t throttled_ns, throttled_periods, periods;
    uint64_t memory_bytes, memory_working_set_bytes, memory_rss_bytes, memory_limit_bytes;
    uint64_t page_faults, major_page_faults;
    uint64_t pids;
    uint64_t io_read_bytes, io_write_bytes;
    uint64_t fs_bytes; /* of the writable layer; counted only on request */
};
int runtime_stats(struct runtime *r, const char *id, bool with_fs, struct container_stats *out,
                  struct err *e) MUST_CHECK;

/* The path of one of the container's namespaces ("net", "ipc", "pid", "uts"), for joining. */
int runtime_ns_path(struct runtime *r, const char *id, const char *which, struct arena *a,
                    const char **out, struct err *e) MUST_CHECK;

/* The hidden verb `slipway shim …`: watches one container. argv[0] is "shim". */
int shim_main(int argc, char **argv);
