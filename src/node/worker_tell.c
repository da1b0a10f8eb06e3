/* What a worker tells the API: the pod's status, when it differs from what it told last. */
#include <string.h>

#include "base/log.h"
#include "node/worker_int.h"

enum { FLIP_MS = 1000 };

void worker__earliest(int64_t *wake, int64_t at)
{
    if (at > 0 && (*wake == 0 || at < *wake))
        *wake = at;
}

void worker__flip_pull_errors(struct worker *w, int64_t *wake)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t now = worker__now(w);
    for (size_t i = 0; i < w->def->n; i++) {
        struct slot *s = &w->slots[i];
        if (s->starting || !s->waiting || strcmp(s->waiting, "ErrImagePull") != 0)
            continue;
        if (now < s->failed_ms + FLIP_MS) {
            worker__earliest(wake, s->failed_ms + FLIP_MS);
            continue;
        }
        s->waiting = "ImagePullBackOff";
        slot__set(&s->waiting_message,
                  arena_printf(a, "Back-off pulling image \"%s\": %s", s->def->image,
                               s->waiting_message ? s->waiting_message : ""));
        event__pod(w->n, w->pod, s->name, false, "BackOff", "Back-off pulling image \"%s\"",
                   s->def->image);
        w->kicked = true;
    }
}

static struct status_view status_view(struct worker *w)
{
    return (struct status_view){
        .n = w->n,
        .def = w->def,
        .slots = w->slots,
        .sandbox = w->sandbox_up ? &w->sandbox : NULL,
        .old = w->sent ? w->sent : value_get(w->pod->root, "status"),
        .now_ms = worker__now(w),
        .fail_reason = w->fail_reason,
        .fail_message = w->fail_message,
    };
}

/* A merge patch that also takes away what the status no longer has. */
static struct value *status_patch(struct worker *w, const struct value *status, struct arena *a)
{
    static const char *const optional[] = {"reason", "message"};
    struct value *patch = value_new_object(a);
    (void)value_set_str(a, value_make_object(a, patch, "metadata"), "uid", w->uid);
    struct value *s = value_set(a, patch, "status", value_copy(a, status));
    for (size_t i = 0; i < ARRAY_LEN(optional); i++)
        if (!value_get(status, optional[i]))
            (void)value_set(a, s, optional[i], value_null(a));
    return patch;
}

void worker__tell(struct worker *w)
{
    if (w->frozen || w->gone)
        return;
    struct arena *a = arena_new(0);
    struct status_view v = status_view(w);
    const struct value *built = status__build(&v, a);
    bool untold = w->untold;
    w->untold = false; /* before the lock goes: the next end is another news */
    if (w->sent && value_equal(built, w->sent)) {
        w->status_retry_ms = 0;
        arena_free(a);
        return;
    }
    struct value *status = value_copy(a, built);
    struct value *patch = status_patch(w, status, a);
    const char *ns = arena_strdup(a, w->def->ns), *name = arena_strdup(a, w->def->name);
    struct err e = {0};
    (void)pthread_mutex_unlock(&w->lock);
    int rc =
        kube_patch(w->n->kube, &RES_POD, ns, name, "status", KUBE_PATCH_MERGE, patch, NULL, &e);
    (void)pthread_mutex_lock(&w->lock);
    if (rc < 0) {
        if (rc != ERR_NOT_FOUND && rc != ERR_CONFLICT) /* the watch says that it is gone, or new */
            log_warn("node", "status of pod %s/%s: %s", ns, name, e.msg);
        arena_free(a);
        w->untold |= untold;
        w->status_retry_ms = worker__now(w) + 1000;
        return;
    }
    const char *phase = value_at_str(status, "phase", "");
    w->over |= strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
    w->status_retry_ms = 0;
    arena_free(w->sent_arena);
    w->sent_arena = a;
    w->sent = status;
}
