#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "codec/base64.h"
#include "node/probe.h"
#include "node/worker_int.h"

enum { RETRY_MS = 1000, NEVER_PULL_RETRY_MS = 10000, LOG_MAX_BYTES = 256 << 20 };

/* Why a container could not be made to run, as its status says it. */
struct failure {
    const char *reason;
    struct err e;
    bool ran_into_it; /* it counts as a run that ended with code 128 */
};

/* ---- the image ---- */

static const char *const *pull_secrets(struct node *n, const struct pod_def *d, struct arena *a)
{
    const struct value *refs = value_get(d->spec, "imagePullSecrets");
    const char **list = ARENA_ARRAY(a, const char *, value_count(refs) + 1);
    size_t k = 0;
    VALUE_EACH_ITEM (r, refs) {
        AUTO(object) struct object *o = NULL;
        if (kube_get(n->kube, &RES_SECRET, d->ns, value_at_str(r, "name", ""), &o, NULL) < 0)
            continue;
        const struct value *data = value_get(o->root, "data");
        const struct value *v = value_get(data, ".dockerconfigjson");
        if (!v)
            v = value_get(data, ".dockercfg");
        char *text;
        size_t len;
        if (v &&
            base64_decode(a, value_str(v, ""), value_count(v), BASE64_STD, &text, &len, NULL) == 0)
            list[k++] = text;
    }
    return list;
}

static int get_image(struct job *j, const struct pod_def *d, const struct container_def *c,
                     struct arena *a, struct pod_image *out, struct failure *f)
{
    struct node *n = j->w->n;
    struct pod_image_query q = {.ref = c->image,
                                .policy = c->pull,
                                .holder = j->id,
                                .ns = d->ns,
                                .auths = pull_secrets(n, d, a)};
    int64_t before = n->clock->mono_ms(n->clock);
    if (c->pull == IMAGE_PULL_ALWAYS)
        event__pod(n, j->pod, c->name, false, "Pulling", "Pulling image \"%s\"", c->image);
    int rc = n->images->ops->ensure(n->images, &q, a, out, &f->e);
    if (rc == 0) {
        long long took = (long long)(n->clock->mono_ms(n->clock) - before);
        if (out->pulled)
            event__pod(n, j->pod, c->name, false, "Pulled",
                       "Successfully pulled image \"%s\" in %lldms. Image size: %llu bytes.",
                       c->image, took, (unsigned long long)out->bytes);
        else
            event__pod(n, j->pod, c->name, false, "Pulled",
                       "Container image \"%s\" already present on machine", c->image);
        return 0;
    }
    bool never = c->pull == IMAGE_PULL_NEVER && rc == ERR_NOT_FOUND;
    f->reason = never               ? "ErrImageNeverPull"
                : rc == ERR_INVALID ? "InvalidImageName"
                                    : "ErrImagePull";
    if (never)
        (void)err_set(&f->e, rc, "Container image \"%s\" is not present with pull policy of Never",
                      c->image);
    event__pod(n, j->pod, c->name, true, never ? "ErrImageNeverPull" : "Failed",
               never ? "%s%s" : "Failed to pull image \"%s\": %s", never ? "" : c->image, f->e.msg);
    return rc;
}

/* ---- the container ---- */

static int run_container(struct job *j, const struct pod_def *d, const struct container_def *c,
                         const struct pod_image *image, struct arena *a, struct failure *f)
{
    struct node *n = j->w->n;
    struct container_spec spec;
    int rc = spec__build(n, d, c, &j->sandbox, image, a, &spec, &f->e);
    if (rc < 0) {
        f->reason = "CreateContainerConfigError";
        event__pod(n, j->pod, c->name, true, "Failed", "Error: %s", f->e.msg);
        return rc;
    }
    const char *notes[] = {arena_printf(a, "image=%s", image->ref),
                           arena_printf(a, "image_id=%s", image->digest),
                           arena_printf(a, "hold=%s", image->hold ? image->hold : ""),
                           arena_printf(a, "wanted=%s", c->image),
                           arena_printf(a, "stop=%s", image->stop_signal),
                           NULL};
    spec.id = j->id;
    spec.log_path = place__log(n, a, d->uid, c->name, j->attempt);
    spec.log_max_bytes = LOG_MAX_BYTES;
    spec.notes = notes;
    turns__take(&n->starts, j->turn);
    rc = runtime_start(n->runtime, &spec, &f->e);
    if (rc == ERR_EXISTS && runtime_remove(n->runtime, j->id, &f->e) == 0)
        rc = runtime_start(n->runtime, &spec, &f->e);
    if (rc == 0) {
        event__pod(n, j->pod, c->name, false, "Created", "Created container: %s", c->name);
        event__pod(n, j->pod, c->name, false, "Started", "Started container %s", c->name);
        return 0;
    }
    f->ran_into_it = rc == ERR_INVALID;
    f->reason = f->ran_into_it ? "StartError" : "CreateContainerError";
    event__pod(n, j->pod, c->name, true, "Failed", "Error: %s", f->e.msg);
    return rc;
}

/* ---- what becomes known, under the lock ---- */

static void note_running(struct job *j, const struct pod_image *image, const char *wanted)
{
    struct worker *w = j->w;
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info info;
    LOCK_SCOPE(&w->lock);
    struct slot *s = &w->slots[j->slot];
    if (s->life == LIFE_ENDED)
        ended__set(&s->last, &s->end);
    s->attempt = s->restarts = j->attempt;
    s->life = LIFE_RUNNING;
    s->waiting = NULL;
    s->retry_ms = 0;
    s->hook_done = s->def->post_start.kind == HANDLER_NONE;
    slot__set(&s->id, j->id);
    slot__set(&s->wanted_image, wanted);
    slot__set(&s->image, image->ref);
    slot__set(&s->image_id, image->digest);
    s->pull_backoff = (struct backoff){0};
    s->started_ms =
        runtime_get(w->n->runtime, j->id, a, &info, NULL) == 0 ? info.started_ms : worker__now(w);
    for (int i = 0; i < PROBE_KINDS; i++)
        probe__begin(&s->probe[i], &s->def->probes[i], s->started_ms);
    w->kicked = true;
    (void)pthread_cond_broadcast(&w->changed);
}

/* A program that could not be run has run and failed, as far as restarts are concerned. */
static void note_start_error(struct worker *w, struct slot *s, struct job *j,
                             const struct failure *f)
{
    if (s->life == LIFE_ENDED)
        ended__set(&s->last, &s->end);
    s->attempt = s->restarts = j->attempt;
    slot__set(&s->id, j->id);
    struct container_end end = {
        .code = 128, .started_ms = worker__now(w), .finished_ms = worker__now(w)};
    slot__end(w, s, &end);
    slot__set(&s->end.reason, f->reason);
    slot__set(&s->end.message, f->e.msg);
}

static void note_failure(struct job *j, const struct failure *f)
{
    struct worker *w = j->w;
    LOCK_SCOPE(&w->lock);
    struct slot *s = &w->slots[j->slot];
    s->starting = false;
    if (f->ran_into_it) {
        note_start_error(w, s, j, f);
        return;
    }
    int64_t now = worker__now(w);
    s->waiting = f->reason;
    s->failed_ms = now;
    slot__set(&s->waiting_message, f->e.msg);
    if (strcmp(f->reason, "ErrImagePull") == 0 || strcmp(f->reason, "InvalidImageName") == 0) {
        backoff_next(&s->pull_backoff, now);
        s->retry_ms = now + s->pull_backoff.delay_ms;
    } else {
        s->retry_ms =
            now + (strcmp(f->reason, "ErrImageNeverPull") == 0 ? NEVER_PULL_RETRY_MS : RETRY_MS);
    }
}

static void remove_older(struct job *j, const struct container_def *c)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct node *n = j->w->n;
    struct err e;
    if (j->attempt == 0)
        return;
    const char *id = container__id(a, j->pod->uid, c->name, j->attempt - 1);
    if (runtime_remove(n->runtime, id, &e) < 0)
        log_warn("node", "remove container %s: %s", id, e.msg);
    n->images->ops->drop(n->images, id);
}

/* A post-start hook that fails ends the container. */
static void run_hook(struct job *j, const struct container_def *c)
{
    struct worker *w = j->w;
    char text[512];
    struct handler_ctx ctx = {
        .n = w->n, .container_id = j->id, .s = &j->sandbox, .timeout_ms = 3600000};
    enum handler_result got = handler__run(&ctx, &c->post_start, text, sizeof text);
    if (got != HANDLER_OK) {
        event__pod(w->n, j->pod, c->name, true, "FailedPostStartHook", "PostStartHook failed: %s",
                   text);
        (void)!runtime_kill(w->n->runtime, j->id, SIGKILL, NULL);
    }
    LOCK_SCOPE(&w->lock);
    w->slots[j->slot].hook_done = got == HANDLER_OK;
}

static void run_start(struct job *j)
{
    struct worker *w = j->w;
    AUTO(arena) struct arena *a = arena_new(256 << 20);
    const struct pod_def *d = pod_def_read(j->pod, a);
    const struct container_def *c = &d->c[j->slot];
    struct pod_image image = {0};
    struct failure f = {0};
    int rc = get_image(j, d, c, a, &image, &f);
    if (rc == 0)
        rc = run_container(j, d, c, &image, a, &f);
    turns__give(&w->n->starts, j->turn);
    if (rc < 0) {
        note_failure(j, &f);
        return;
    }
    note_running(j, &image, c->image);
    if (c->post_start.kind != HANDLER_NONE)
        run_hook(j, c);
    {
        LOCK_SCOPE(&w->lock);
        w->slots[j->slot].starting = false;
        w->kicked = true;
        (void)pthread_cond_broadcast(&w->changed);
    }
    remove_older(j, c);
}

void worker__begin_start(struct worker *w, size_t slot)
{
    struct slot *s = &w->slots[slot];
    AUTO(arena) struct arena *a = arena_new(0);
    struct job j = {.slot = slot, .attempt = s->attempt + 1, .run = run_start};
    j.id = container__id(a, w->uid, s->name, j.attempt);
    /* More at a time than there are processors make each other late; and the first one in the pod
     * is what the other steps of a task wait for. */
    j.turn = turns__draw(&w->n->starts);
    /* a restart counts once, also when its image or its configuration takes several tries */
    bool again =
        s->life == LIFE_ENDED && (!s->waiting || strcmp(s->waiting, "CrashLoopBackOff") == 0);
    s->starting = job__begin(w, &j);
    if (!s->starting)
        turns__give(&w->n->starts, j.turn);
    if (again && s->starting)
        backoff_next(&s->restart_backoff, worker__now(w));
}
