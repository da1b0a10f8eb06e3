/* node_int.h - what the files of node/ share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "apiserver/pod_door.h"
#include "base/buf.h"
#include "base/map.h"
#include "kube/events.h"
#include "kube/kube.h"
#include "node/def.h"
#include "node/image_port.h"
#include "node/net_port.h"
#include "node/node.h"
#include "node/plan.h"
#include "node/turns.h"
#include "runtime/runtime.h"

struct worker;

struct node {
    struct pod_door door; /* first: the door's calls find the node again */
    struct kube *kube;
    struct image_source *images;
    struct pod_net *net;
    const struct clock *clock;
    char *name, *address, *dir, *domain, *api_host;
    uint16_t api_port;
    const char *const *labels;
    struct runtime *runtime;
    struct recorder *recorder;
    struct turns starts;  /* of containers */
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct map workers; /* by pod uid */
    size_t n_workers;   /* also those no longer in the map */
    atomic_bool stopping;
    pthread_t watch_thread, beat_thread;
    bool watch_runs, beat_runs;
};

/* ---- names and places ---- */

/* DIR/run/pods/UID[/FILE] */
char *place__pod(const struct node *n, struct arena *a, const char *uid, const char *file);
char *place__log(const struct node *n, struct arena *a, const char *uid, const char *container,
                 int attempt);
char *container__id(struct arena *a, const char *uid, const char *name, int attempt);

/* ---- sandbox.c: what a pod has before its first container ---- */

struct sandbox {
    char ip[64];      /* "" until known */
    char netns[256];  /* "host", or a path */
    char dns[64];     /* "" when none */
    bool inside_only; /* the address answers only inside netns */
    char hostname[128];
};

/* Idempotent; a failure says what is missing and is tried again. */
int sandbox__up(struct node *n, const struct pod_def *d, struct sandbox *out,
                struct err *e) MUST_CHECK;
int sandbox__down(struct node *n, const char *uid, struct err *e) MUST_CHECK;

/* ---- volume.c, payload.c ---- */

int volume__setup(struct node *n, const struct pod_def *d, const struct sandbox *s,
                  struct err *e) MUST_CHECK;
/* Writes the newest contents of configMap, secret, projected and downward API volumes. */
int volume__refresh(struct node *n, const struct pod_def *d, const struct sandbox *s,
                    struct err *e) MUST_CHECK;
/* The folder or file on the host behind a volume of the pod. */
int volume__path(struct node *n, const struct pod_def *d, const char *volume, struct arena *a,
                 const char **out, struct err *e) MUST_CHECK;

/* ---- guard.c: `dir` is the node's folder, `path` one of the host; links count for nothing ---- */

/* ERR_DENIED when `path` is inside `dir`, but for what is in its subfolder `open`. */
int guard__path(const char *dir, const char *path, const char *open, struct arena *a,
                struct err *e) MUST_CHECK;
/* Where `dir` lies in a folder that holds it ("var/lib/slipway" in "/"), or NULL. */
const char *guard__hidden(const char *dir, const char *path, struct arena *a);
/* A copy of `path` with all its mounts is at `at`: those of the data folder, of which that copy is
 * one, go from it. Without this each copy would hold all that were made before. */
int guard__trim(const char *dir, const char *path, const char *at, struct arena *a,
                struct err *e) MUST_CHECK;
/* The programs that steps are started by. */
bool guard__read_only(const char *dir, const char *path, struct arena *a);

struct payload_file {
    const char *path; /* relative */
    const void *bytes;
    size_t n;
    int mode;
};
struct payload {
    struct payload_file *files;
    size_t n;
};
void payload__add(struct payload *p, struct arena *a, const struct payload_file *f);
/* Replaces the contents of `dir` at once: a new timestamped folder, then ..data points to it. */
int payload__write(const char *dir, const struct payload *p, int64_t gid, struct err *e) MUST_CHECK;

/* ---- env.c, fields.c ---- */

/* fieldRef: metadata, spec.nodeName, status.podIP … */
int field__pod(const struct node *n, const struct pod_def *d, const struct sandbox *s,
               const char *path, struct arena *a, const char **out, struct err *e) MUST_CHECK;
/* resourceFieldRef; `self` is the container when the reference names none. */
int field__resource(const struct pod_def *d, const struct container_def *self,
                    const struct value *ref, struct arena *a, const char **out,
                    struct err *e) MUST_CHECK;
/* "$(NAME)" from a list of "NAME=value"; "$$(NAME)" is literal; unknown names stay. */
char *env__expand(const char *text, const char *const *env, size_t n, struct arena *a);
/* The image's environment, the services', envFrom and env, in that order of precedence. */
int env__of(struct node *n, const struct pod_def *d, const struct container_def *c,
            const struct sandbox *s, const char *const *image_env, struct arena *a,
            const char ***out, struct err *e) MUST_CHECK;

/* ---- spec.c, user.c: one container from definition to what the runtime takes ---- */

/* Everything but the id and the log. */
int spec__build(struct node *n, const struct pod_def *d, const struct container_def *c,
                const struct sandbox *s, const struct pod_image *image, struct arena *a,
                struct container_spec *out, struct err *e) MUST_CHECK;
/* Numeric ids of a "user[:group]" looked up in the image's /etc/passwd and /etc/group. */
int user__find(const char *const *layers, size_t n, const char *user, uint32_t *uid, uint32_t *gid,
               uint32_t **groups, size_t *n_groups, struct arena *a, struct err *e) MUST_CHECK;

/* ---- handler.c: probes and hooks ---- */

struct handler_ctx {
    struct node *n;
    const char *container_id;
    const struct sandbox *s;
    int64_t timeout_ms;
    bool probe; /* the kubelet's probes have their own User-Agent */
};
enum handler_result { HANDLER_OK, HANDLER_FAILED, HANDLER_ERROR };
/* `text` gets what to tell the user: output, status code. */
enum handler_result handler__run(const struct handler_ctx *c, const struct handler *h, char *text,
                                 size_t room);
int netns__enter(const char *path, struct err *e) MUST_CHECK; /* the calling thread only */

/* ---- probe.c: thresholds ---- */

struct probe_state {
    bool in_flight, result_in; /* result_in: `result` waits to be counted */
    enum handler_result result;
    char message[512];
    int64_t due_ms;
    int64_t eager_ms; /* the next early look, while it never succeeded */
    bool counted;     /* a look of the period has been taken */
    bool early;       /* the look under way is not one of the period */
    int successes, failures;
    bool known, ok; /* the verdict so far */
};

/* ---- status.c ---- */

struct ended {
    bool set;
    int code, signal;
    int64_t started_ms, finished_ms;
    char *reason, *message, *id;
};

struct slot {
    const struct container_def *def; /* of the worker's current definition */
    char *name;
    int attempt; /* of the newest container; -1: none yet */
    int restarts;
    enum life life;
    char *id; /* of the newest container */
    int64_t started_ms;
    struct ended end, last; /* end: with LIFE_ENDED; last: of the container before */
    char *image, *image_id;
    char *wanted_image;  /* as the definition named it when it was started */
    const char *waiting; /* reason while nothing runs; NULL: the default */
    char *waiting_message;
    struct backoff restart_backoff, pull_backoff;
    int64_t retry_ms;
    int64_t failed_ms; /* the last try to start it */
    bool starting, stopping;
    bool hook_done;
    struct probe_state probe[PROBE_KINDS];
};

struct status_view {
    const struct node *n;
    const struct pod_def *def;
    const struct slot *slots;
    const struct sandbox *sandbox; /* NULL: not up */
    const struct value *old;       /* status so far */
    int64_t now_ms;
    const char *fail_reason, *fail_message; /* the pod failed as a whole; or NULL */
};

bool slot__started(const struct slot *s);
bool slot__ready(const struct slot *s);
/* The whole status object. */
struct value *status__build(const struct status_view *v, struct arena *a);
const char *status__phase(const struct status_view *v);

/* ---- worker.c ---- */

struct worker *worker__new(struct node *n, const struct object *pod);
int worker__start(struct worker *w, struct err *e) MUST_CHECK;
/* A newer object; NULL: it is gone from the API. */
void worker__update(struct worker *w, const struct object *pod);
void worker__kick(struct worker *w);
/* Runs visit under the worker's lock. */
void worker__peek(struct worker *w,
                  void (*visit)(void *arg, const struct pod_def *d, const struct slot *slots,
                                const struct sandbox *s),
                  void *arg);

/* ---- node.c ---- */

struct worker *node__worker(struct node *n, const char *uid); /* with n->lock held */
void node__worker_leaves(struct node *n, const char *uid, const struct worker *w);
void node__worker_done(struct node *n); /* it has ended and is freed */

/* ---- register.c ---- */

int register__node(struct node *n, struct err *e) MUST_CHECK;
void *register__beat(void *arg); /* a thread: lease and conditions */

/* ---- door.c, logread.c ---- */

extern const struct pod_door_ops door__ops;
/* The last lines' text, for termination messages: at most `lines` and `max` bytes. */
char *log__tail(struct node *n, const char *uid, const char *container, int attempt, int lines,
                size_t max, struct arena *a);

void event__pod(struct node *n, const struct object *pod, const char *container, bool warning,
                const char *reason, const char *fmt, ...) PRINTF(6, 7);
const char *const *def__strings(const struct value *list, struct arena *a);
