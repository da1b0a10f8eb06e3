/* A sync under way: all that is known of it stands in status.operationState, so that it goes on
 * where it was after a restart. */
#include "ctl/gitops/operation_int.h"

#include "base/clock.h"
#include "base/thread.h"

enum { STEPS_MAX = 100, WAIT_MS = 2000, GONE_MS = 200 };

bool operation_running(const struct app *p)
{
    return strcmp(value_at_str(p->status, "operationState.phase", ""), "Running") == 0;
}

/* ---- begin and end ---- */

/* What an operation is of: what it names, else what is served or in the spec. */
static const struct value *source_of(struct app *p, const struct value *operation)
{
    const struct value *sync = value_get(operation, "sync"), *named = gitops_sources_of(sync);
    bool automated = value_at_bool(operation, "initiatedBy.automated", false);
    if (value_count(named) > 0)
        return named;
    return automated || !*revision_get(p->a, sync) ? p->want.source : p->from.doc;
}

int operation_begin(struct app *p, const struct value *operation, struct err *e)
{
    struct value *state = value_new_object(p->a), *result = value_new_object(p->a);
    const char *asked = revision_get(p->a, value_get(operation, "sync")), *revision = p->revision;
    const struct value *source = source_of(p, operation);
    struct app_sources sources;
    if (*asked && (strcmp(asked, revision) != 0 || !value_equal(source, p->want.source))) {
        int rc = app_sources_open(p, source, &sources, e);
        if (rc == 0)
            rc = revision_resolve(p, &sources, asked, &revision, e);
        if (rc < 0)
            return err_wrap(e, rc, "operation.sync.revision");
    }
    (void)value_set(p->a, state, "operation", operation);
    (void)value_set_str(p->a, state, "phase", "Running");
    (void)value_set_str(p->a, state, "message", "");
    (void)value_set_str(p->a, state, "startedAt", app_time(p, p->now));
    revision_put(p->a, result, revision, source);
    revision_put_source(p->a, result, source);
    (void)value_set(p->a, state, "syncResult", result);
    (void)value_set(p->a, p->status, "operationState", state);
    return 0;
}

static void add_history(struct run *r)
{
    struct app *p = r->p;
    struct value *list = value_make_array(p->a, p->status, "history");
    int64_t id = 0, limit = value_at_int(p->spec, "revisionHistoryLimit", 10);
    VALUE_EACH_ITEM (h, list)
        id = value_at_int(h, "id", 0) >= id ? value_at_int(h, "id", 0) + 1 : id;
    struct value *h = value_new_object(p->a);
    (void)value_set_int(p->a, h, "id", id);
    revision_put(p->a, h, revision_get(p->a, r->result), gitops_sources_of(r->result));
    (void)value_set_str(p->a, h, "deployedAt", app_time(p, p->now));
    (void)value_set_str(p->a, h, "deployStartedAt", value_at_str(r->state, "startedAt", ""));
    revision_put_source(p->a, h, gitops_sources_of(r->result));
    if (value_get(run__operation(r), "initiatedBy"))
        (void)value_set(p->a, h, "initiatedBy", value_get(run__operation(r), "initiatedBy"));
    (void)value_push(p->a, list, h);
    while (value_count(list) > (size_t)(limit < 0 ? 0 : limit))
        value_remove_at(list, 0);
}

static int64_t duration_ms(const struct value *v, const char *key, int64_t dflt)
{
    int64_t ns;
    const char *text = value_at_str(v, key, "");
    return *text && clock_parse_duration(text, &ns, NULL) == 0 ? ns / 1000000 : dflt;
}

static const struct value *retry_of(const struct run *r)
{
    const struct value *own = value_get(run__operation(r), "retry");
    return own ? own : value_at(r->p->spec, "syncPolicy.retry");
}

static int64_t retry_pause_ms(const struct run *r, int64_t attempt)
{
    const struct value *b = value_get(retry_of(r), "backoff");
    int64_t pause = duration_ms(b, "duration", 5000), most = duration_ms(b, "maxDuration", 180000);
    int64_t factor = value_at_int(b, "factor", 2);
    for (int64_t i = 1; i < attempt && pause < most; i++)
        pause *= factor > 1 ? factor : 1;
    return pause < most ? pause : most;
}

static void end(struct run *r, bool ok, const char *message)
{
    struct app *p = r->p;
    int64_t limit = value_at_int(retry_of(r), "limit", 0);
    int64_t tries = value_at_int(r->state, "retryCount", 0);
    (void)value_set_str(p->a, r->state, "finishedAt", app_time(p, p->now));
    (void)value_set_str(p->a, r->state, "message", message ? message : "");
    if (!ok && (limit < 0 || tries < limit)) {
        int64_t pause = retry_pause_ms(r, tries + 1);
        (void)value_set_int(p->a, r->state, "retryCount", tries + 1);
        (void)value_set_str(p->a, r->state, "message",
                            arena_printf(p->a, "%s. Retrying attempt #%lld at %s.", message,
                                         (long long)tries + 1, app_time(p, p->now + pause)));
        app_soon(p, pause);
        return;
    }
    (void)value_set_str(p->a, r->state, "phase", ok ? "Succeeded" : "Failed");
    if (ok)
        add_history(r);
    p->again = true;
}

/* Ends an operation that nobody needs any more, so that what is newer gets its turn. */
static bool superseded(const struct run *r)
{
    bool automated = value_at_bool(run__operation(r), "initiatedBy.automated", false);
    return automated && strcmp(revision_get(r->p->a, r->result), r->p->revision) != 0;
}

/* Between two tries. True: nothing to do now. */
static bool waits_for_retry(struct run *r)
{
    struct app *p = r->p;
    int64_t at, tries = value_at_int(r->state, "retryCount", 0);
    const char *ended = value_at_str(r->state, "finishedAt", "");
    if (!*ended || clock_parse_rfc3339(ended, &at, NULL) < 0)
        return false;
    if (superseded(r)) {
        (void)value_set_str(p->a, r->state, "phase", "Failed");
        p->again = true;
        return true;
    }
    int64_t due = at / 1000000 + retry_pause_ms(r, tries);
    if (due > p->now) {
        app_soon(p, due - p->now);
        return true;
    }
    (void)value_remove(r->state, "finishedAt");
    (void)value_remove(r->result, "resources");
    return false;
}

/* ---- before anything is written ---- */

static int ensure_namespace(struct app *p, const struct run *r, struct err *e)
{
    const char *ns = value_at_str(p->spec, "destination.namespace", "");
    if (!app_option(p, "CreateNamespace") || !*ns)
        return 0;
    for (size_t i = 0; i < r->have.n; i++)
        if (strcmp(r->have.items[i].kind, "Namespace") == 0 &&
            strcmp(r->have.items[i].name, ns) == 0)
            return 0;
    struct value *o = value_new_object(p->a);
    (void)value_set_str(p->a, o, "apiVersion", "v1");
    (void)value_set_str(p->a, o, "kind", "Namespace");
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", ns);
    static const char *const parts[] = {"labels", "annotations"};
    const struct value *managed = value_at(p->spec, "syncPolicy.managedNamespaceMetadata");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (value_get(managed, parts[i]))
            (void)value_set(p->a, meta, parts[i], value_get(managed, parts[i]));
    return kube_apply(p->c->kube, &RES_NAMESPACE, NULL, ns, NULL, APP_MANAGER, true, o, NULL, e);
}

/* A kind that comes with the same sync cannot be tried before. */
static bool comes_along(const struct run *r, const struct app_item *i)
{
    for (size_t k = 0; k < r->have.n; k++) {
        const struct value *o = r->have.items[k].target;
        if (o && strcmp(r->have.items[k].kind, "CustomResourceDefinition") == 0 &&
            strcmp(value_at_str(o, "spec.names.kind", ""), i->kind) == 0)
            return true;
        if (o && strcmp(r->have.items[k].kind, "Namespace") == 0 &&
            strcmp(r->have.items[k].name, i->ns) == 0 && !r->have.items[k].live)
            return true;
    }
    return item_option(r->p, i->target, "SkipDryRunOnMissingResource", false) && !i->res;
}

/* Everything is tried without doing it; one bad manifest, and nothing is touched. */
static int rehearse_task(struct run *r, struct sync_task *t, bool *ok, struct err *e)
{
    struct app_item *i = t->item;
    struct err why = {.code = ERR_OK};
    const char *refused = run__refusal(r, i);
    int rc = 0;
    if (t->prune || !i->target || comes_along(r, i))
        return 0;
    if (!refused && *i->name && !i->hook && !item_option(r->p, i->target, "Replace", false))
        rc = kube_apply_dry(r->p->c->kube, i->res, i->ns, i->name, APP_MANAGER, i->target, NULL,
                            &why);
    /* What no schema knows is an error of the server's (500), as upstream; it will not pass. */
    if (run__transient(rc) && rc != ERR_SYSTEM) {
        *e = why;
        return rc;
    }
    if (rc == 0 && !refused)
        return 0;
    *ok = false;
    run__set_result(r, i, t, "SyncFailed", "Failed",
                    refused ? refused : arena_strdup(r->p->a, why.msg));
    return 0;
}

static int rehearse(struct run *r, bool *ok, struct err *e)
{
    int rc = 0;
    *ok = true;
    for (size_t k = 0; k < r->have.n; k++) {
        const char *hook = run__unknown_hook(&r->have.items[k], r->p->a);
        if (!hook)
            continue;
        *ok = false;
        run__set_result(r, &r->have.items[k], NULL, "SyncFailed", "Failed",
                        arena_printf(r->p->a, "hook %s is not offered here", hook));
    }
    for (size_t k = 0; rc == 0 && k < r->n_tasks; k++)
        rc = rehearse_task(r, &r->tasks[k], ok, e);
    return rc;
}

static const char *first_failure(const struct run *r)
{
    VALUE_EACH_ITEM (x, value_get(r->result, "resources"))
        if (strcmp(value_at_str(x, "status", ""), "SyncFailed") == 0)
            return arena_printf(r->p->a, "%s/%s: %s", value_at_str(x, "kind", ""),
                                value_at_str(x, "name", ""), value_at_str(x, "message", ""));
    return "";
}

/* ---- the loop ---- */

/* What the operation is of; rendered once. */
static int render(struct run *r, const char *revision, struct err *e)
{
    struct app *p = r->p;
    const struct value *source = gitops_sources_of(r->result);
    struct app_sources sources;
    if (strcmp(revision, p->want.revision) == 0 && value_equal(source, p->want.source)) {
        r->want = p->want;
        return 0;
    }
    if (r->want.revision)
        return 0;
    int rc = app_sources_open(p, source, &sources, e);
    return rc < 0 ? rc : app_render(p, &sources, revision, &r->want, e);
}

static int observe(struct run *r, struct err *e)
{
    struct app *p = r->p;
    const char *revision = revision_get(p->a, r->result);
    int rc = render(r, revision, e);
    if (rc == 0)
        rc = app_observe(p, &r->want, &r->have, e);
    if (rc < 0)
        return rc;
    /* Hooks that are named by the server get a name of this operation. */
    for (size_t i = 0; i < r->have.n; i++) {
        struct app_item *it = &r->have.items[i];
        if (*it->name || !it->target)
            continue;
        struct value *o = value_copy(p->a, it->target), *meta = value_get_mut(o, "metadata");
        int64_t at = 0;
        (void)!clock_parse_rfc3339(value_at_str(r->state, "startedAt", ""), &at, NULL);
        it->name = arena_printf(p->a, "%s%s-%lld", value_at_str(meta, "generateName", ""),
                                revision_label(p->a, revision, 7), (long long)(at / 1000000000));
        (void)value_set_str(p->a, meta, "name", it->name);
        (void)value_remove(meta, "generateName");
        it->target = o;
        AUTO(object) struct object *live = NULL;
        if (it->res && kube_get(p->c->kube, it->res, it->ns, it->name, &live, NULL) == 0)
            it->live = object_hold(p->a, live);
        it->health = health_of(it->live ? it->live->root : NULL, p->a);
    }
    return 0;
}

/* True: the operation is over or has to wait. */
static int one_step(struct run *r, bool *settled, struct err *e)
{
    struct app *p = r->p;
    struct sync_decision d;
    int64_t last = *run__last_wave(p), mono = p->c->clock->mono_ms(p->c->clock);
    struct sync_view v = {.tasks = r->tasks,
                          .n = r->n_tasks,
                          .prune_last = app_option(p, "PruneLast"),
                          .since_wave_ms = last == INT64_MIN ? -1 : mono - last,
                          .wave_delay_ms = p->g->opts.wave_delay_ms};
    bool failed = false;
    sync_plan(&v, p->a, &d);
    int rc = run__tasks(r, &d, &failed, e);
    if (d.n_run == 0 && last != INT64_MIN)
        *run__last_wave(p) = last;
    if (rc == 0)
        rc = run__remove_hooks(r, &d, e);
    if (rc < 0)
        return rc;
    (void)value_set_str(p->a, r->state, "message", d.message ? d.message : "");
    *settled = d.what != SYNC_RUN && !failed;
    if (d.what == SYNC_WAIT)
        app_soon(p, d.again_ms ? d.again_ms : WAIT_MS);
    else if (d.what == SYNC_FAILED || (d.what == SYNC_DONE && !failed))
        end(r, d.what == SYNC_DONE, d.message);
    return 0;
}

static int start(struct run *r, bool *ok, struct err *e)
{
    trial_attempt(r->p, &r->want);
    int rc = ensure_namespace(r->p, r, e);
    run__make_tasks(r);
    if (rc == 0)
        rc = rehearse(r, ok, e);
    *run__last_wave(r->p) = INT64_MIN;
    if (rc == 0 && *ok) {
        /* Known before it is done: whatever dies now, the content is on trial. */
        rc = trial_begin(r->p, &r->want, e);
        if (rc == 0)
            rc = app_write(r->p, e);
    }
    if (rc == 0 && !*ok)
        end(r, false,
            arena_printf(r->p->a, "one or more objects failed to apply (dry run): %s",
                         first_failure(r)));
    return rc;
}

int operation_step(struct app *p, struct err *e)
{
    struct run r = {.p = p, .state = value_get_mut(p->status, "operationState")};
    bool settled = false, ok = true;
    struct err why = {.code = ERR_OK};
    r.result = value_make_object(p->a, r.state, "syncResult");
    if (waits_for_retry(&r))
        return 0;
    int rc = observe(&r, &why);
    if (rc < 0 && !run__transient(rc)) {
        end(&r, false, arena_strdup(p->a, why.msg));
        return 0;
    }
    if (rc == 0 && value_count(value_get(r.result, "resources")) == 0)
        rc = start(&r, &ok, &why);
    if (rc == 0 && superseded(&r) && value_count(value_get(r.result, "resources")) > 0) {
        end(&r, false, "a newer revision has come");
        (void)value_set_str(p->a, r.state, "phase", "Failed");
        return 0;
    }
    for (int i = 0; rc == 0 && ok && !settled && i < STEPS_MAX; i++) {
        if (i > 0)
            rc = observe(&r, &why);
        run__make_tasks(&r);
        if (rc == 0)
            rc = one_step(&r, &settled, &why);
    }
    if (rc == ERR_CONFLICT || (run__transient(rc) && rc != ERR_AGAIN)) {
        *e = why;
        return rc;
    }
    if (rc == ERR_AGAIN)
        app_soon(p, GONE_MS);
    else if (rc < 0)
        end(&r, false, arena_strdup(p->a, why.msg));
    return 0;
}
