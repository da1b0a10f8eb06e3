/* wait.c - until objects are ready, gone, or have ended. */
#include <string.h>

#include "api/selector.h"
#include "release/release_int.h"

enum { POLL_FIRST_MS = 100, POLL_MAX_MS = 2000, RETRIES = 30 };

const char *release__errors(struct arena *a, const char *const *list, size_t n)
{
    const char *all = n == 1 ? "1 error occurred:" : arena_printf(a, "%zu errors occurred:", n);
    for (size_t i = 0; i < n; i++)
        all = arena_printf(a, "%s\n\t* %s", all, list[i]);
    return arena_printf(a, "%s\n\n", all);
}

/* One round after another, ever more slowly, until `look` is done (0), fails, or time is up. */
struct rounds {
    int (*look)(struct release_session *s, struct rounds *r,
                struct err *e); /* ERR_AGAIN: not yet */
    const struct release_objects *list;
    bool jobs;
    unsigned failures; /* in a row */
    const char *what_timeout;
};

static int rounds(struct release_session *s, struct rounds *r, struct err *e)
{
    int64_t end = s->clock->mono_ms(s->clock) + s->timeout_ms, pause = POLL_FIRST_MS;
    for (;;) {
        int rc = r->look(s, r, e);
        if (rc != ERR_AGAIN)
            return rc;
        int64_t left = end - s->clock->mono_ms(s->clock);
        if (left <= 0)
            return release__fail(s, e, ERR_TIMEOUT, "%s", r->what_timeout);
        release__renew(s);
        rc = s->port->pause(s->port->self, pause < left ? pause : left, e);
        if (rc < 0)
            return release__note(s, e, rc);
        pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2 : POLL_MAX_MS;
    }
}

/* ---- ready ---- */

static int list_selected(struct release_session *s, const struct resource *what,
                         const struct release_object *o, const struct value *root, bool plain,
                         struct kube_list *out, struct err *e)
{
    struct arena *a = s->log->arena;
    struct selector sel;
    const struct value *labels = value_at(root, "spec.selector");
    int rc = 0;
    if (plain)
        sel = selector_from_map(labels, a);
    else
        rc = selector_from_value(labels, a, &sel, e);
    if (rc < 0)
        return rc;
    const struct kube_list_opts opts = {.labels = selector_text(&sel, a)};
    return kube_list(s->kube, what, o->ns, &opts, out, e);
}

static bool all_pods_ready(const struct kube_list *pods)
{
    for (size_t i = 0; i < pods->n; i++)
        if (strcmp(
                value_str(value_get(object_condition(pods->items[i]->root, "Ready"), "status"), ""),
                "True") != 0)
            return false;
    return true;
}

/* What readiness of this kind depends on beside the object itself, and the judgement. */
static int judge(struct release_session *s, const struct release_object *o,
                 const struct object *live, bool jobs, const char **why, struct err *e)
{
    struct release__live seen = {.root = live->root};
    bool controller = o->res == &RES_REPLICATION_CONTROLLER, broken;
    struct kube_list more = {0};
    int rc = 0;
    if (o->res == &RES_DEPLOYMENT)
        rc = list_selected(s, &RES_REPLICA_SET, o, live->root, false, &more, e);
    else if (o->res == &RES_REPLICA_SET || controller)
        rc = list_selected(s, &RES_POD, o, live->root, controller, &more, e);
    if (rc < 0)
        return rc;
    if (o->res == &RES_DEPLOYMENT)
        seen.current = release__new_replica_set(live->root, &more);
    else
        seen.pods_ready = all_pods_ready(&more);
    *why = release__unready(o, &seen, jobs, s->log->arena, &broken);
    kube_list_done(&more);
    return broken ? err_set(e, ERR_CANCELLED, "job is failed: %s/%s", o->ns, o->name) : 0;
}

static bool needs_look(const struct release_object *o, bool jobs)
{
    static const struct resource *const kinds[] = {
        &RES_POD,
        &RES_DEPLOYMENT,
        &RES_PERSISTENT_VOLUME_CLAIM,
        &RES_SERVICE,
        &RES_DAEMON_SET,
        &RES_CRD,
        &RES_STATEFUL_SET,
        &RES_REPLICATION_CONTROLLER,
        &RES_REPLICA_SET,
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (o->res == kinds[i])
            return true;
    return jobs && o->res == &RES_JOB;
}

static bool passes(int rc)
{
    return rc == ERR_AGAIN || rc == ERR_SYSTEM || rc == ERR_TIMEOUT;
}

static int look_ready(struct release_session *s, struct rounds *r, struct err *e)
{
    for (size_t i = 0; i < r->list->n; i++) {
        const struct release_object *o = &r->list->items[i];
        struct object *live;
        const char *why = NULL;
        if (!needs_look(o, r->jobs))
            continue;
        int rc = kube_get(s->kube, o->res, o->ns, o->name, &live, e);
        if (rc == 0) {
            rc = judge(s, o, live, r->jobs, &why, e);
            object_unref(live);
        }
        if (rc < 0 && passes(rc) && r->failures++ < RETRIES)
            return ERR_AGAIN;
        if (rc < 0)
            return release__note(s, e, rc);
        r->failures = 0;
        s->waiting_for =
            why ? arena_printf(s->log->arena, "%s %s", release__object_name(o, s->log->arena), why)
                : NULL;
        if (why)
            return ERR_AGAIN;
    }
    return 0;
}

int release__wait(struct release_session *s, const struct release_objects *list, bool jobs,
                  struct err *e)
{
    struct rounds r = {.look = look_ready,
                       .list = list,
                       .jobs = jobs,
                       .what_timeout = "context deadline exceeded"};
    return rounds(s, &r, e);
}

/* ---- gone ---- */

static int look_gone(struct release_session *s, struct rounds *r, struct err *e)
{
    for (size_t i = 0; i < r->list->n; i++) {
        const struct release_object *o = &r->list->items[i];
        struct object *live;
        int rc = kube_get(s->kube, o->res, o->ns, o->name, &live, e);
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc < 0)
            return release__note(s, e, rc);
        object_unref(live);
        s->waiting_for = arena_printf(s->log->arena, "%s is still there",
                                      release__object_name(o, s->log->arena));
        return ERR_AGAIN;
    }
    return 0;
}

int release__wait_gone(struct release_session *s, const struct release_objects *list, struct err *e)
{
    struct rounds r = {
        .look = look_gone, .list = list, .what_timeout = "context deadline exceeded"};
    return rounds(s, &r, e);
}

/* ---- ended ---- */

static bool holds(const struct value *condition)
{
    return strcmp(value_str(value_get(condition, "status"), ""), "True") == 0;
}

/* 0: well; ERR_AGAIN: not yet; else it has failed. */
static int ended(struct release_session *s, const struct release_object *o,
                 const struct value *root, struct err *e)
{
    const char *phase = value_at_str(root, "status.phase", "");
    if (o->res == &RES_POD && strcmp(phase, "Failed") == 0)
        return release__fail(s, e, ERR_INVALID, "pod %s failed", o->name);
    if (o->res == &RES_POD)
        return strcmp(phase, "Succeeded") == 0 ? 0 : ERR_AGAIN;
    const struct value *failed = object_condition(root, "Failed");
    if (holds(object_condition(root, "Complete")))
        return 0;
    return holds(failed) ? release__fail(s, e, ERR_INVALID, "job %s failed: %s", o->name,
                                         value_str(value_get(failed, "reason"), ""))
                         : ERR_AGAIN;
}

static int look_ended(struct release_session *s, struct rounds *r, struct err *e)
{
    const struct release_object *o = r->list->items;
    struct object *live;
    int rc = kube_get(s->kube, o->res, o->ns, o->name, &live, e);
    if (rc == ERR_NOT_FOUND)
        return 0; /* somebody has deleted it; that, too, is an end */
    if (rc < 0)
        return passes(rc) && r->failures++ < RETRIES ? ERR_AGAIN : release__note(s, e, rc);
    rc = ended(s, o, live->root, e);
    object_unref(live);
    s->waiting_for = rc == ERR_AGAIN ? arena_printf(s->log->arena, "%s has not ended",
                                                    release__object_name(o, s->log->arena))
                                     : NULL;
    return rc;
}

int release__wait_hook(struct release_session *s, const struct release_objects *list, struct err *e)
{
    struct arena *a = s->log->arena;
    const char **errors = ARENA_ARRAY(a, const char *, list->n + 1);
    size_t n = 0;
    int code = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct release_objects one = {&list->items[i], 1};
        struct rounds r = {.look = look_ended,
                           .list = &one,
                           .what_timeout = "timed out waiting for the condition"};
        if (one.items->res != &RES_JOB && one.items->res != &RES_POD)
            continue;
        int rc = rounds(s, &r, e);
        if (rc == ERR_CANCELLED)
            return rc;
        if (rc < 0)
            errors[n++] = s->log->error;
        code = rc < 0 ? rc : code;
    }
    return n ? release__fail(s, e, (enum err_code)code, "%s", release__errors(a, errors, n)) : 0;
}
