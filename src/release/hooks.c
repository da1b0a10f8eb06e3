/* hooks.c - hooks run one after the other, and are deleted as their policies say. */
#include <string.h>

#include "release/release_int.h"

/* The hook in the document, for writing. */
static struct value *mutable_hook(struct release *r, const struct value *hook)
{
    struct value *all = value_get_mut(r->doc, "hooks");
    for (size_t i = 0; all && i < all->n; i++)
        if (&all->items[i] == hook)
            return &all->items[i];
    return NULL;
}

static void note_run(struct release_session *s, struct release *r, const struct value *hook,
                     const char *field, const char *phase)
{
    struct arena *a = s->log->arena;
    struct value *run = value_make_object(a, mutable_hook(r, hook), "last_run");
    (void)value_set_str(a, run, field, release__now(s));
    (void)value_set_str(a, run, "phase", phase);
}

static const char *text_of(const struct value *hook, const char *field)
{
    return value_str(value_get(hook, field), "");
}

/* ---- deletion ---- */

static bool is_deleted(const struct value *hook, const char *policy)
{
    const struct value *policies = value_get(hook, "delete_policies");
    if (strcmp(text_of(hook, "kind"), "CustomResourceDefinition") == 0)
        return false; /* with it would go all that was made of it */
    if (value_count(policies) == 0)
        return strcmp(policy, "before-hook-creation") == 0;
    return release__has_policy(hook, "delete_policies", policy);
}

static int delete_by_policy(struct release_session *s, const struct value *hook, const char *policy,
                            struct err *e)
{
    struct release_objects list;
    if (!is_deleted(hook, policy))
        return 0;
    int rc = release_objects(s, text_of(hook, "manifest"), &list, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "unable to build kubernetes object for deleting hook %s",
                             text_of(hook, "path"));
    rc = release__delete_all(s, &list, KUBE_BACKGROUND, e);
    return rc < 0 ? rc : release__wait_gone(s, &list, e);
}

/* ---- what its containers have said ---- */

static void show_pod(struct release_session *s, const struct object *pod)
{
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers")) {
        const char *text;
        size_t n;
        struct err e = {0};
        if (s->port->logs(s->port->self, pod->ns, pod->name, text_of(c, "name"), s->log->arena,
                          &text, &n, &e) == 0)
            (void)fwrite(text, 1, n, stderr);
        else
            (void)fprintf(stderr, "error outputting logs for hook: %s\n", e.msg);
    }
}

static void show_logs(struct release_session *s, const struct value *hook, const char *policy)
{
    struct arena *a = s->log->arena;
    struct release_objects list;
    struct kube_list pods;
    struct err e;
    if (!s->port->logs || !release__has_policy(hook, "output_log_policies", policy) ||
        release_objects(s, text_of(hook, "manifest"), &list, &e) < 0 || list.n == 0)
        return;
    const struct release_object *o = list.items;
    struct kube_list_opts opts = {0};
    if (o->res == &RES_JOB)
        opts.labels = arena_printf(a, "job-name=%s", o->name);
    else if (o->res == &RES_POD)
        opts.fields = arena_printf(a, "metadata.name=%s", o->name);
    else
        return;
    if (kube_list(s->kube, &RES_POD, o->ns, &opts, &pods, &e) < 0)
        return;
    for (size_t i = 0; i < pods.n; i++)
        show_pod(s, pods.items[i]);
    kube_list_done(&pods);
}

/* ---- running ---- */

static int run_one(struct release_session *s, struct release *r, const char *event,
                   const struct value *hook, struct err *e)
{
    struct release_objects list;
    int rc = delete_by_policy(s, hook, "before-hook-creation", e);
    if (rc < 0)
        return rc;
    rc = release_objects(s, text_of(hook, "manifest"), &list, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "unable to build kubernetes object for %s hook %s", event,
                             text_of(hook, "path"));
    note_run(s, r, hook, "started_at", "Running");
    (void)value_set_str(s->log->arena,
                        value_make_object(s->log->arena, mutable_hook(r, hook), "last_run"),
                        "completed_at", "");
    release__record(s, r);
    rc = release__create_all(s, &list, e);
    if (rc < 0) {
        note_run(s, r, hook, "completed_at", "Failed");
        return release__wrap(s, e, rc, "warning: Hook %s %s failed", event, text_of(hook, "path"));
    }
    rc = release__wait_hook(s, &list, e);
    note_run(s, r, hook, "completed_at", rc < 0 ? "Failed" : "Succeeded");
    return rc;
}

/* After hook i has failed: its own policy, and those before it have succeeded. */
static void clean_up_failed(struct release_session *s, const struct value *const *hooks, size_t i)
{
    const char *error = s->log->error;
    struct err ignored;
    show_logs(s, hooks[i], "hook-failed");
    (void)delete_by_policy(s, hooks[i], "hook-failed", &ignored);
    for (size_t k = 0; k < i; k++)
        (void)delete_by_policy(s, hooks[k], "hook-succeeded", &ignored);
    s->log->error = error;
}

int release__run_hooks(struct release_session *s, struct release *r, const char *event,
                       const struct release_filter *f, struct err *e)
{
    const struct value **hooks;
    size_t n = release_hooks(r, event, s->log->arena, &hooks), kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!f || release_filter_has(f, text_of(hooks[i], "name")))
            hooks[kept++] = hooks[i];
    for (size_t i = 0; i < kept; i++) {
        int rc = run_one(s, r, event, hooks[i], e);
        if (rc < 0) {
            clean_up_failed(s, hooks, i);
            return rc;
        }
    }
    for (size_t i = kept; i-- > 0;) {
        show_logs(s, hooks[i], "hook-succeeded");
        int rc = delete_by_policy(s, hooks[i], "hook-succeeded", e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
