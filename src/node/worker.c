#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "node/probe.h"
#include "node/worker_int.h"

enum {
    REFRESH_MS = 60000,
    SANDBOX_RETRY_MAX_MS = 10000,
    GONE_GRACE_MS = 1000,
    MESSAGE_MAX = 32 * 1024
};

int64_t worker__now(const struct worker *w)
{
    return w->n->clock->real_ms(w->n->clock);
}

void slot__set(char **field, const char *text)
{
    char *fresh = text ? strdup(text) : NULL;
    free(*field);
    *field = fresh;
}

void ended__set(struct ended *t, const struct ended *from)
{
    t->set = from->set;
    t->code = from->code;
    t->signal = from->signal;
    t->started_ms = from->started_ms;
    t->finished_ms = from->finished_ms;
    slot__set(&t->reason, from->reason);
    slot__set(&t->message, from->message);
    slot__set(&t->id, from->id);
}

/* ---- jobs ---- */

static void *job_thread(void *arg)
{
    struct job *j = arg;
    struct worker *w = j->w;
    j->run(j);
    object_unref(j->pod);
    free(j->id);
    free(j);
    LOCK_SCOPE(&w->lock);
    w->jobs--;
    w->kicked = true;
    (void)pthread_cond_broadcast(&w->changed);
    return NULL;
}

bool job__begin(struct worker *w, const struct job *from)
{
    struct job *j = malloc(sizeof *j);
    if (!j)
        log_die("out of memory for a job");
    *j = *from;
    j->w = w;
    j->pod = object_ref(w->pod);
    j->id = from->id ? strdup(from->id) : NULL;
    j->sandbox = w->sandbox;
    pthread_t t;
    struct err e;
    if (thread_start(&t, "pod-job", 512, job_thread, j, &e) < 0) {
        object_unref(j->pod);
        free(j->id);
        free(j);
        log_error("node", "%s", e.msg);
        return false;
    }
    (void)pthread_detach(t);
    w->jobs++;
    return true;
}

/* ---- looking ---- */

static const char *end_reason(const struct container_end *end)
{
    return end->oom         ? "OOMKilled"
           : end->lost      ? "ContainerStatusUnknown"
           : end->code == 0 ? "Completed"
                            : "Error";
}

/* What the program wrote to its termination log, or its last lines. */
static char *end_message(struct worker *w, const struct slot *s, const struct container_end *end,
                         struct arena *a)
{
    char *text;
    size_t n;
    const char *folder = place__pod(w->n, a, w->uid, "messages");
    if (end->lost)
        return arena_strdup(a, "The container's shim was killed: how it ended is unknown");
    if (fs_read(arena_printf(a, "%s/%s", folder, s->name), 1 << 20, a, &text, &n, NULL) == 0 && n)
        return n > MESSAGE_MAX ? arena_strndup(a, text, MESSAGE_MAX) : text;
    if (s->def->fallback_to_logs && end->code != 0)
        return log__tail(w->n, w->uid, s->name, s->attempt, 80, 2048, a);
    return NULL;
}

void slot__end(struct worker *w, struct slot *s, const struct container_end *end)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char reason[32];
    (void)snprintf(reason, sizeof reason, "%s", end_reason(end));
    struct ended t = {.set = true,
                      .code = end->code,
                      .signal = end->signal,
                      .started_ms = end->started_ms ? end->started_ms : s->started_ms,
                      .finished_ms = end->finished_ms,
                      .reason = reason,
                      .id = s->id};
    t.message = end_message(w, s, end, a);
    ended__set(&s->end, &t);
    s->life = LIFE_ENDED;
    w->untold = true;
    s->waiting = NULL;
    s->retry_ms = 0;
    for (int i = 0; i < PROBE_KINDS; i++)
        s->probe[i].known = s->probe[i].ok = false;
    if (!container_restarts(w->def, s->def, end->code) || w->def->deleting || w->over)
        return;
    int64_t now = worker__now(w), until = backoff_until(&s->restart_backoff, t.finished_ms, now);
    if (until <= now)
        return;
    s->retry_ms = until;
    s->waiting = "CrashLoopBackOff";
    slot__set(&s->waiting_message,
              arena_printf(a, "back-off %llds restarting failed container=%s pod=%s_%s(%s)",
                           (long long)s->restart_backoff.delay_ms / 1000, s->name, w->def->name,
                           w->def->ns, w->uid));
    event__pod(w->n, w->pod, s->name, true, "BackOff",
               "Back-off restarting failed container %s in pod %s_%s(%s)", s->name, w->def->name,
               w->def->ns, w->uid);
}

static void observe(struct worker *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < w->def->n; i++) {
        struct slot *s = &w->slots[i];
        struct container_info info;
        if (s->life != LIFE_RUNNING)
            continue;
        if (runtime_get(w->n->runtime, s->id, a, &info, NULL) < 0) {
            struct container_end end = {
                .code = 137, .signal = 9, .lost = true, .finished_ms = worker__now(w)};
            slot__end(w, s, &end);
        } else if (!info.running) {
            slot__end(w, s, &info.end);
        }
    }
}

static void take_pod(struct worker *w)
{
    if (w->def && w->def->object == w->pod)
        return;
    const struct value *old = w->def ? value_get(w->def->object->root, "metadata") : NULL;
    const struct value *new = value_get(w->pod->root, "metadata");
    if (old && !(value_equal(value_get(old, "labels"), value_get(new, "labels")) &&
                 value_equal(value_get(old, "annotations"), value_get(new, "annotations"))))
        w->refresh_ms = worker__now(w); /* the downward API shows them */
    struct arena *a = arena_new(0);
    (void)object_hold(a, w->pod);
    w->def = pod_def_read(w->pod, a);
    arena_free(w->def_arena);
    w->def_arena = a;
    for (size_t i = 0; i < w->def->n; i++)
        w->slots[i].def = &w->def->c[i];
}

static void note_deletion(struct worker *w)
{
    if (!w->def->deleting && !w->gone)
        return;
    w->def->deleting = true;
    int64_t grace = w->gone ? GONE_GRACE_MS : w->def->deletion_grace_s * 1000;
    int64_t by = worker__now(w) + grace;
    if (w->stop_by_ms == 0 || by < w->stop_by_ms) {
        w->stop_by_ms = by;
        (void)pthread_cond_broadcast(&w->changed);
    }
}

static void make_view(struct worker *w, struct arena *a, struct pod_view *v)
{
    struct container_view *c = ARENA_ARRAY(a, struct container_view, w->def->n);
    *v = (struct pod_view){.def = w->def,
                           .c = c,
                           .sandbox = w->sandbox_up,
                           .sandbox_retry_ms = w->sandbox_retry_ms,
                           .over = w->over,
                           .untold = w->untold && !w->frozen && !w->gone,
                           .started_ms = w->started_ms,
                           .now_ms = worker__now(w)};
    for (size_t i = 0; i < w->def->n; i++) {
        const struct slot *s = &w->slots[i];
        const struct probe_state *startup = &s->probe[PROBE_STARTUP],
                                 *live = &s->probe[PROBE_LIVENESS];
        c[i] = (struct container_view){
            .life = s->life,
            .busy = s->starting || s->stopping,
            .started = slot__started(s),
            .unhealthy = (startup->known && !startup->ok) || (live->known && !live->ok),
            .changed = s->life != LIFE_NONE && s->wanted_image &&
                       strcmp(s->wanted_image, s->def->image) != 0,
            .exit_code = s->end.code,
            .ended_ms = s->end.finished_ms,
            .retry_ms = s->retry_ms,
        };
        v->mains_were |= i >= w->def->n_init && s->attempt >= 0;
    }
}

/* ---- doing; the lock is let go of meanwhile ---- */

static void sandbox_up(struct worker *w)
{
    struct arena *a = arena_new(0);
    const struct object *pod = object_hold(a, w->pod);
    struct pod_def *d = pod_def_read(pod, a);
    struct sandbox s;
    struct err e = {0};
    (void)pthread_mutex_unlock(&w->lock);
    int rc = sandbox__up(w->n, d, &s, &e);
    if (rc < 0)
        event__pod(w->n, pod, NULL, true,
                   strstr(e.msg, "volume") ? "FailedMount" : "FailedCreatePodSandBox", "%s", e.msg);
    (void)pthread_mutex_lock(&w->lock);
    arena_free(a);
    if (rc == 0) {
        w->sandbox = s;
        w->sandbox_up = true;
        w->sandbox_failures = 0;
        w->refresh_ms = worker__now(w) + REFRESH_MS;
        w->kicked = true;
        return;
    }
    int64_t wait = 500 << (w->sandbox_failures < 5 ? w->sandbox_failures : 5);
    w->sandbox_failures++;
    w->sandbox_retry_ms =
        worker__now(w) + (wait < SANDBOX_RETRY_MAX_MS ? wait : SANDBOX_RETRY_MAX_MS);
}

static void remove_containers(struct worker *w, struct arena *a)
{
    struct container_info *list;
    size_t n, len = strlen(w->uid);
    struct err e;
    runtime_list(w->n->runtime, a, &list, &n);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(list[i].id, w->uid, len) != 0 || list[i].id[len] != '_')
            continue;
        if (runtime_remove(w->n->runtime, list[i].id, &e) < 0)
            log_warn("node", "remove container %s: %s", list[i].id, e.msg);
        w->n->images->ops->drop(w->n->images, list[i].id);
    }
}

static void sandbox_down(struct worker *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    (void)pthread_mutex_unlock(&w->lock);
    remove_containers(w, a);
    int rc = sandbox__down(w->n, w->uid, &e);
    if (rc < 0)
        log_warn("node", "pod %s: %s", w->uid, e.msg);
    (void)pthread_mutex_lock(&w->lock);
    w->sandbox_up = false;
    w->kicked = true;
}

static void refresh_volumes(struct worker *w)
{
    struct arena *a = arena_new(0);
    struct pod_def *d = pod_def_read(object_hold(a, w->pod), a);
    struct sandbox s = w->sandbox;
    struct err e;
    (void)pthread_mutex_unlock(&w->lock);
    if (volume__refresh(w->n, d, &s, &e) < 0)
        log_debug("node", "pod %s/%s: %s", d->ns, d->name, e.msg);
    (void)pthread_mutex_lock(&w->lock);
    arena_free(a);
    w->refresh_ms = worker__now(w) + REFRESH_MS;
}

/* The object leaves the API: its grace is over and nothing of it is left here. */
static void finish(struct worker *w)
{
    struct kube_delete_opts o = {.grace_s = 0, .uid = w->uid};
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(0);
    const char *ns = arena_strdup(a, w->def->ns), *name = arena_strdup(a, w->def->name);
    bool gone = w->gone;
    (void)pthread_mutex_unlock(&w->lock);
    int rc = gone ? 0 : kube_delete(w->n->kube, &RES_POD, ns, name, &o, &e);
    (void)pthread_mutex_lock(&w->lock);
    if (rc == 0 || rc == ERR_NOT_FOUND || rc == ERR_CONFLICT)
        w->finished = true;
    else
        w->status_retry_ms = worker__now(w) + 1000;
}

static bool act(struct worker *w, const struct pod_plan *p)
{
    bool done = false;
    if (p->deadline_passed && !w->fail_reason) {
        w->fail_reason = "DeadlineExceeded";
        w->fail_message = "Pod was active on the node longer than the specified deadline";
        event__pod(w->n, w->pod, NULL, false, "DeadlineExceeded", "%s", w->fail_message);
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pod_action *x = &p->act[i];
        if (x->kind == POD_SANDBOX_UP)
            sandbox_up(w);
        else if (x->kind == POD_SANDBOX_DOWN)
            sandbox_down(w);
        else if (x->kind == POD_START)
            worker__begin_start(w, x->container);
        else if (x->kind == POD_STOP)
            worker__begin_stop(w, x->container, x->reason);
        else if (x->kind == POD_FINISH)
            done = true;
    }
    return done;
}

/* ---- the loop ---- */

/* One round; the time of the next one when nothing happens before, 0: never. */
static int64_t round_once(struct worker *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t wake = 0;
    struct pod_view view;
    struct pod_plan plan;
    take_pod(w);
    note_deletion(w);
    observe(w);
    worker__probes(w, &wake);
    make_view(w, a, &view);
    pod_plan(&view, a, &plan);
    bool done = act(w, &plan), untold = w->untold;
    worker__tell(w);
    w->kicked |= untold && !w->untold; /* the plan may have waited for it */
    if (done)
        finish(w);
    else if (w->over && !w->def->deleting && !w->sandbox_up && !w->jobs && !w->status_retry_ms)
        w->finished = !w->kicked; /* only its deletion could matter, and makes a new worker */
    worker__earliest(&wake, plan.wake_ms);
    worker__earliest(&wake, w->status_retry_ms);
    worker__flip_pull_errors(w, &wake);
    if (w->sandbox_up && w->refresh_ms && worker__now(w) >= w->refresh_ms)
        refresh_volumes(w);
    worker__earliest(&wake, w->sandbox_up ? w->refresh_ms : w->sandbox_retry_ms);
    return wake;
}

static void sleep_until(struct worker *w, int64_t wake)
{
    while (!w->kicked) {
        int64_t left = wake ? wake - worker__now(w) : 3600000;
        if (left <= 0)
            return;
        (void)cond_wait_ms(&w->changed, &w->lock, left);
    }
}

static void worker_free(struct worker *w)
{
    for (size_t i = 0; i < w->def->n; i++) {
        struct slot *s = &w->slots[i];
        static const struct ended none;
        ended__set(&s->end, &none);
        ended__set(&s->last, &none);
        free(s->name);
        free(s->id);
        free(s->image);
        free(s->image_id);
        free(s->wanted_image);
        free(s->waiting_message);
    }
    free(w->slots);
    arena_free(w->def_arena);
    arena_free(w->sent_arena);
    object_unref(w->pod);
    free(w->uid);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    free(w);
}

static void *worker_thread(void *arg)
{
    struct worker *w = arg;
    struct node *n = w->n;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *uid = arena_strdup(a, w->uid);
    (void)pthread_mutex_lock(&w->lock);
    worker__adopt(w);
    while (!w->finished && !atomic_load(&n->stopping)) {
        w->kicked = false;
        int64_t wake = round_once(w);
        if (!w->finished)
            sleep_until(w, wake);
    }
    (void)pthread_mutex_unlock(&w->lock); /* the node's lock comes before a worker's */
    node__worker_leaves(n, uid, w);
    (void)pthread_mutex_lock(&w->lock);
    while (w->jobs)
        (void)cond_wait_ms(&w->changed, &w->lock, -1);
    (void)pthread_mutex_unlock(&w->lock);
    worker_free(w);
    node__worker_done(n);
    return NULL;
}

struct worker *worker__new(struct node *n, const struct object *pod)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory for a pod");
    w->n = n;
    w->pod = object_ref(pod);
    w->uid = strdup(pod->uid);
    (void)pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->changed);
    w->def_arena = arena_new(0);
    (void)object_hold(w->def_arena, pod);
    w->def = pod_def_read(pod, w->def_arena);
    w->slots = calloc(w->def->n + 1, sizeof *w->slots);
    if (!w->slots)
        log_die("out of memory for a pod's containers");
    for (size_t i = 0; i < w->def->n; i++) {
        w->slots[i].def = &w->def->c[i];
        w->slots[i].name = strdup(w->def->c[i].name);
        w->slots[i].attempt = -1;
    }
    return w;
}

int worker__start(struct worker *w, struct err *e)
{
    pthread_t t;
    int rc = thread_start(&t, "pod", 512, worker_thread, w, e);
    if (rc == 0)
        (void)pthread_detach(t);
    return rc;
}

void worker__kick(struct worker *w)
{
    LOCK_SCOPE(&w->lock);
    w->kicked = true;
    (void)pthread_cond_broadcast(&w->changed);
}

void worker__update(struct worker *w, const struct object *pod)
{
    LOCK_SCOPE(&w->lock);
    if (pod && pod->rv >= w->pod->rv) {
        struct object *old = w->pod;
        w->pod = object_ref(pod);
        object_unref(old);
    }
    w->gone |= !pod;
    w->kicked = true;
    (void)pthread_cond_broadcast(&w->changed);
}

void worker__peek(struct worker *w,
                  void (*visit)(void *arg, const struct pod_def *d, const struct slot *slots,
                                const struct sandbox *s),
                  void *arg)
{
    LOCK_SCOPE(&w->lock);
    visit(arg, w->def, w->slots, &w->sandbox);
}
