/* runtime_int.h - what the files of runtime/ share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/map.h"
#include "runtime/runtime.h"

/* ---- config.c, seccomp.c: the OCI bundle ---- */

struct value;

/* The config.json of a container, relative to its bundle (rootfs/). */
char *runtime__config(const struct container_spec *s, const char *cgroup_path, struct arena *a,
                      size_t *len);
struct value *seccomp__profile(struct arena *a);

/* ---- points.c ---- */

/* A layer that has what the mounts of such a container are put on, to lie below its others; NULL
 * when there is none: then crun makes what is missing. */
const char *runtime__points(struct runtime *r, const struct container_spec *s, struct arena *a);

/* ---- cgroup.c ---- */

enum cgroup_mode { CGROUP_V1, CGROUP_V2 };

enum cgroup_mode cgroup__mode(void);
/* Whether a cgroup2 is mounted beside v1 controllers, which crun refuses. */
bool cgroup__is_hybrid(void);
/* How often the OOM killer hit the group; `path` is below the mount, "/slipway/podX/app". */
uint64_t cgroup__oom_kills(const char *path);
int cgroup__stats(const char *path, struct container_stats *out, struct err *e) MUST_CHECK;
/* Removes the group when it is empty. */
void cgroup__remove(const char *path);
/* Kills all that is in the group and waits until it has gone. */
void cgroup__kill(const char *path);

/* ---- rootfs.c, in the shim ---- */

/* The mounts, root and working directory that a process had; -1: none. */
struct rootfs_view {
    int mounts, root, cwd;
};

void rootfs__remember_view(struct rootfs_view *v);
/* Gives this process its own view of mounts: nothing it mounts is seen outside, and crun finds
 * a cgroup layout that it accepts. */
int rootfs__private_mounts(struct err *e) MUST_CHECK;
/* Mounts the overlay of `layers` (lowest first), upper/ and work/ on rootfs/, all in the cwd. */
int rootfs__mount(const char *const *layers, size_t n, struct err *e) MUST_CHECK;
/* Goes back to what it saw, a chroot's root too, and closes its descriptors. A private view that
 * stayed would keep alive what others unmount. */
int rootfs__leave_mounts(struct rootfs_view *before, struct err *e);

/* ---- crilog.c, in the shim: lines in the CRI log format ---- */

enum { CRILOG_LINE_MAX = 16 * 1024 };

struct crilog {
    int fd; /* -1: drop */
    const char *path;
    int64_t size, max; /* rotated past max; 0: never */
};
struct crilog_stream {
    const char *name; /* "stdout" */
    size_t len;       /* of the unfinished line in `text` */
    char text[CRILOG_LINE_MAX];
};

int crilog__open(struct crilog *log, const char *path, int64_t max, struct err *e) MUST_CHECK;
/* Writes every whole line of stream + bytes, stamped now_ns; keeps the unfinished rest. */
void crilog__write(struct crilog *log, struct crilog_stream *s, const char *bytes, size_t n,
                   int64_t now_ns);
void crilog__flush(struct crilog *log, struct crilog_stream *s, int64_t now_ns);

/* ---- conf.c: what the shim needs to know, a file of "key value" lines ---- */

struct shim_conf {
    const char *id, *dir; /* dir: the runtime's */
    const char *crun, *cgroup;
    const char *log;
    int64_t log_max;
    bool tty, stdin_open, stdin_once;
    const char **layers;
    size_t n_layers;
};

int shim_conf__write(const struct shim_conf *c, const char *path, struct err *e) MUST_CHECK;
int shim_conf__read(struct shim_conf *c, const char *path, struct arena *a,
                    struct err *e) MUST_CHECK;

/* What is left of a container that ended: stray processes, its group, crun's notes. Does what
 * `crun delete -f` does, without another process. */
void container__clean(const char *dir, const char *id, const char *cgroup);

/* ---- record.c: small files that the shim writes and the runtime reads ---- */

/* Replaces `path` by rename, without a sync: it need only survive processes. */
int record__put(const char *path, const char *text, struct err *e) MUST_CHECK;
int record__put_end(const char *path, const struct container_end *end, struct err *e);
int record__get_end(const char *path, struct container_end *end, struct err *e) MUST_CHECK;
/* "PID STARTED_MS" */
int record__get_started(const char *path, pid_t *pid, int64_t *started_ms, struct err *e);

/* ---- the runtime itself ---- */

struct container {
    char *id;
    char *cgroup;
    pid_t pid;
    int pidfd;      /* of its init; -1 */
    int shim_pidfd; /* -1 */
    pid_t shim_pid;
    bool running, starting;
    int64_t started_ms;
    struct container_end end;
    char **notes;
    size_t n_notes;
};

struct runtime {
    char *dir, *shim, *crun, *cgroup_parent;
    void (*on_end)(void *arg, const char *id, const struct container_end *end);
    void *arg;
    pthread_mutex_t lock; /* of `containers` and what is in it */
    pthread_cond_t ended;
    struct map containers;
    struct loop *loop;
    struct shim_watch *watches;
    pthread_t thread;
    int exits_fd; /* inotify on DIR/exits */
    bool watching;
    atomic_uint n_execs; /* ever started: names their files */
};

char *runtime__path(struct runtime *r, struct arena *a, const char *id, const char *file);
struct container *container__new(const char *id);
void container__free(struct container *c);
void container__note(struct container *c, const char *note); /* copies */
/* With the lock held: watches the shim's death too. */
void runtime__track(struct runtime *r, struct container *c);

/* Reads the record of its end, if there is one; with the lock held. */
bool container__take_end(struct runtime *r, struct container *c);
/* The shim died without a word: nobody reads the program's output or will know its exit code, so
 * it is ended, and the record says that it was lost. */
void container__bury(struct runtime *r, struct container *c);
int runtime__find_containers(struct runtime *r, struct err *e) MUST_CHECK; /* adopt.c */

/* spawn.c. `program` is the shim; `args` go after "shim"; `talk_fd` and `lock_fd` become 3 and 4 in
 * the child. */
struct spawn {
    const char *program;
    const char *const *args;
    const char *const *env;    /* NULL: our own */
    int talk_fd, lock_fd;      /* -1: none; a lock_fd is above 4 */
    int in_fd, out_fd, err_fd; /* -1: /dev/null */
    const char *cwd;
};
int spawn__shim(const struct spawn *s, pid_t *out, struct err *e) MUST_CHECK;
/* The line a helper says on its talk socket: "ok …" or "error CODE sentence". `fd_out` takes a
 * descriptor sent along (-1 when none); may be NULL. */
int spawn__hear(int talk_fd, int timeout_ms, char *text, size_t room, int *fd_out,
                struct err *e) MUST_CHECK;

/* shim_exec.c, shim_jail.c */
int shim__exec(int argc, char **argv);
int shim__jail(int argc, char **argv);

/* shim_proc.c: what the verbs of the shim share. */
struct crun_call {
    const char *crun;
    const char *const *args;
    int in_fd, out_fd, err_fd;
    int console_fd; /* a listening socket for the terminal, or -1 */
    int tty_fd;     /* out: the terminal, with console_fd */
};
/* Runs crun; ERR_INVALID with its reason, read from `log`, when it fails. */
int shim__run_crun(struct crun_call *c, const char *log, struct err *e);
int shim__listen(const char *name, struct err *e) MUST_CHECK; /* < 0, or the socket */
/* Says `text` and hands over `fd` (-1: none) on descriptor 3, then closes it. False when nobody
 * listens any more. */
bool shim__say(const char *text, int fd);
bool shim__say_error(const struct err *e);
enum { SHIM_TALK_FD = 3, SHIM_LOCK_FD = 4 };
