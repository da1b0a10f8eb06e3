/* Effects of rollback.h: analysis runs, condemnations, revert commits, restored configuration. */
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "ctl/gitops/trial_int.h"
#include "kube/events.h"
#include "kube/write.h"

enum { LOOK_MS = 2000, CRASHES = 3, COMMITS = 100, SOURCE_MAX = 32 << 10, LABEL_MAX = 63 };

bool trial_wanted(const struct app *p)
{
    const char *mode = note_of(p->obj->root, "slipway.dev/rollback");
    return *note_of(p->obj->root, "slipway.dev/analysis") || strcmp(mode, "auto") == 0 ||
           strcmp(mode, "pin") == 0;
}

/* ---- content ---- */

static bool same_content(const struct value *c, const struct app_manifests *m)
{
    return c && manifests__same(m, value_at_str(c, "git", ""), m->git) &&
           value_equal(value_get(c, "config"), m->config);
}

/* Values stand there, too; what is larger is not kept. */
static void keep_source(struct app *p, struct value *content, const struct app_manifests *m)
{
    if (strlen(json_text(p->a, m->source, 0)) <= SOURCE_MAX)
        (void)value_set(p->a, content, "source", m->source);
}

static struct value *content_of(struct app *p, const struct app_manifests *m)
{
    struct value *v = value_new_object(p->a);
    (void)value_set_str(p->a, v, "revision", m->revision);
    (void)value_set_str(p->a, v, "git", m->git);
    (void)value_set(p->a, v, "config", m->config);
    return v;
}

void trial_attempt(struct app *p, const struct app_manifests *m)
{
    (void)value_set(p->a, p->rollout, "attempt", content_of(p, m));
}

/* `m` is at hand to tell digests of different versions by. */
static const struct object *condemned(struct app *p, const struct app_manifests *m, const char *git,
                                      const struct value *config)
{
    struct kube_list l = {.n = 0};
    struct kube_list_opts opts = {.labels =
                                      arena_printf(p->a, "slipway.dev/application=%s", p->name)};
    const struct object *found = NULL;
    if (kube_list(p->c->kube, &RES_CONDEMNATION, p->ns, &opts, &l, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < l.n && !found; i++) {
        const struct value *spec = value_get(l.items[i]->root, "spec");
        const char *theirs = value_at_str(spec, "content.git", "");
        const struct value *outside = value_at(spec, "content.config");
        if ((*theirs && manifests__same(m, theirs, git)) ||
            (value_count(outside) > 0 && value_equal(outside, config)))
            found = object_hold(p->a, l.items[i]);
    }
    kube_list_done(&l);
    return found;
}

int trial_begin(struct app *p, const struct app_manifests *m, struct err *e)
{
    const struct value *had = value_get(p->rollout, "trial");
    if (same_content(value_get(p->rollout, "good"), m)) {
        const struct object *c =
            had ? condemned(p, m, value_at_str(had, "git", ""), value_get(had, "config")) : NULL;
        int rc = c ? trial__note_revert(p, c, m->revision, e) : 0;
        if (rc == 0 && value_remove(p->rollout, "trial"))
            (void)value_set_str(p->a, value_get_mut(p->rollout, "good"), "since",
                                app_time(p, p->now));
        return rc;
    }
    if (same_content(had, m))
        return 0;
    struct value *trial = content_of(p, m);
    keep_source(p, trial, m);
    (void)value_set_str(p->a, trial, "since", app_time(p, p->now));
    struct value *images = value_make_array(p->a, trial, "images");
    for (const char *const *i = m->images; *i; i++)
        (void)value_push_str(p->a, images, *i);
    (void)value_set(p->a, p->rollout, "trial", trial);
    return 0;
}

/* ---- condemnations ---- */

const struct object *trial_condemned(struct app *p, const struct app_manifests *m)
{
    return condemned(p, m, m->git, m->config);
}

bool trial_pinned(struct app *p, const struct app_manifests *head, struct app_sources *out,
                  const char **revision)
{
    const char *good = value_at_str(p->rollout, "good.revision", "");
    const struct value *source = value_at(p->rollout, "good.source");
    struct trial_way way;
    if (!source)
        source = p->from.doc;
    if (!*good || !trial_condemned(p, head) || trial__way(p, &way) ||
        (strcmp(good, p->from.head) == 0 && value_equal(source, p->from.doc)))
        return false;
    if (app_sources_open(p, source, out, NULL) < 0 ||
        revision_resolve(p, out, good, revision, NULL) < 0)
        return false;
    app_condition(p, "Pinned",
                  arena_printf(p->a,
                               "revision %s is condemned and cannot be reverted in Git; "
                               "%s is served until something newer comes",
                               revision_short(p->a, p->from.head), revision_short(p->a, good)));
    return true;
}

/* Images that the good content had are not to blame. */
static void blame_images(struct app *p, struct value *into)
{
    const struct value *good = value_at(p->rollout, "good.images");
    VALUE_EACH_ITEM (image, value_at(p->rollout, "trial.images")) {
        bool had = false;
        VALUE_EACH_ITEM (g, good)
            had |= value_equal(g, image);
        if (!had)
            (void)value_push(p->a, into, image);
    }
}

/* The app commit that the newest commit since the good revision brought to a source. */
static const char *app_commit_of(struct app *p, size_t i)
{
    const char *trial = revision_part(p->a, value_at_str(p->rollout, "trial.revision", ""), i);
    const char *good = revision_part(p->a, value_at_str(p->rollout, "good.revision", ""), i);
    struct repo_commit *log;
    size_t n;
    if (!p->from.items[i].repo || repo_log(p->from.items[i].repo, trial, *good ? good : NULL, NULL,
                                           COMMITS, p->a, &log, &n, NULL) < 0)
        return NULL;
    for (size_t k = 0; k < n; k++) {
        const char *found = repo_trailer(p->a, log[k].message, "Slipway-App-Commit");
        if (found)
            return found;
    }
    return NULL;
}

static const char *app_commit(struct app *p)
{
    const char *found = NULL;
    for (size_t i = 0; i < p->from.n && !found; i++)
        found = app_commit_of(p, i);
    return found;
}

/* Tells trials apart, also those of one content. */
static const char *trial_id(struct app *p)
{
    const struct value *t = value_get(p->rollout, "trial");
    const char *since = value_at_str(t, "since", "");
    const char *config = json_text(p->a, value_get(t, "config"), JSON_SORTED);
    const char *all = arena_printf(p->a, "%s %s", config, since);
    return arena_printf(p->a, "%.8s-%06llx", value_at_str(t, "git", ""),
                        (unsigned long long)map_hash(all, strlen(all)) & 0xffffff);
}

void trial__labels(struct app *p, struct value *meta)
{
    struct value *labels = value_make_object(p->a, meta, "labels");
    (void)value_set_str(p->a, labels, "slipway.dev/application", p->name);
    (void)value_set_str(
        p->a, labels, "slipway.dev/revision",
        revision_label(p->a, value_at_str(p->rollout, "trial.revision", ""), LABEL_MAX));
}

const char *trial__run_name(struct app *p)
{
    return arena_printf(p->a, "%.40s-%s", p->name, trial_id(p));
}

static int condemn(struct app *p, const char *why, const struct object *run, struct err *e)
{
    const struct value *trial = value_get(p->rollout, "trial");
    const struct value *good = value_get(p->rollout, "good");
    struct value *o = value_new_object(p->a);
    (void)value_set_str(p->a, o, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(p->a, o, "kind", "Condemnation");
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", trial__run_name(p));
    (void)value_set_str(p->a, meta, "namespace", p->ns);
    trial__labels(p, meta);
    struct value *spec = value_make_object(p->a, o, "spec");
    const char *message = run ? trial__message(run, p->a) : "";
    if (*message)
        why = arena_printf(p->a, "%s: %s", why, message);
    const char *commit = app_commit(p);
    (void)value_set_str(p->a, spec, "application", p->name);
    (void)value_set_str(p->a, spec, "revision", value_at_str(trial, "revision", ""));
    (void)value_set_str(p->a, spec, "reason", why);
    if (commit)
        (void)value_set_str(p->a, spec, "appCommit", commit);
    if (run)
        (void)value_set_str(p->a, spec, "analysisRun", run->name);
    blame_images(p, value_make_array(p->a, spec, "images"));
    /* Only what is new is to blame: a Secret or ConfigMap from outside Git only when Git brought
     * nothing, so that the next commit is not held up by what it did not change. */
    struct value *content = value_make_object(p->a, spec, "content");
    if (!manifests__same(&p->want, value_at_str(good, "git", ""), value_at_str(trial, "git", "")))
        (void)value_set(p->a, content, "git", value_get(trial, "git"));
    else if (!value_equal(value_get(good, "config"), value_get(trial, "config")) &&
             value_count(value_get(trial, "config")) > 0)
        (void)value_set(p->a, content, "config", value_get(trial, "config"));
    int rc = kube_create(p->c->kube, &RES_CONDEMNATION, p->ns, o, NULL, e);
    if (rc < 0 && rc != ERR_EXISTS)
        return rc;
    (void)value_set_bool(p->a, value_get_mut(p->rollout, "trial"), "condemned", true);
    event_warning(p->c, &RES_APPLICATION, p->obj, "Condemned", "revision %s: %s",
                  revision_short(p->a, value_at_str(trial, "revision", "")), why);
    p->again = true;
    return 0;
}

/* ---- signs that need no analysis ---- */

/* Since the trial began, and of what it brought: an earlier rollout's failure is not its own. */
static bool deadline_passed(const struct app *p)
{
    const char *since = value_at_str(p->rollout, "trial.since", "");
    for (size_t i = 0; i < p->have.n; i++) {
        const struct app_item *it = &p->have.items[i];
        const struct value *c = it->live && strcmp(it->kind, "Deployment") == 0
                                    ? object_condition(it->live->root, "Progressing")
                                    : NULL;
        bool observed = c && value_at_int(it->live->root, "status.observedGeneration", 0) >=
                                 value_at_int(it->live->root, "metadata.generation", 0);
        if (observed && strcmp(value_at_str(c, "reason", ""), "ProgressDeadlineExceeded") == 0 &&
            strcmp(value_at_str(c, "lastUpdateTime", ""), since) >= 0)
            return true;
    }
    return false;
}

static bool crashes(const struct value *pod)
{
    VALUE_EACH_ITEM (c, value_at(pod, "status.containerStatuses"))
        if (value_at_int(c, "restartCount", 0) >= CRASHES &&
            strcmp(value_at_str(c, "state.waiting.reason", ""), "CrashLoopBackOff") == 0)
            return true;
    return false;
}

/* Pods made since the trial began, that a workload of the Application selects. */
static bool crash_loop(struct app *p)
{
    const char *since = value_at_str(p->rollout, "trial.since", "");
    for (size_t i = 0; i < p->have.n; i++) {
        const struct app_item *it = &p->have.items[i];
        const struct value *labels =
            it->target ? value_at(it->target, "spec.selector.matchLabels") : NULL;
        struct kube_list l = {.n = 0};
        const char *selector = "";
        VALUE_EACH_MEMBER (m, labels)
            selector = arena_printf(p->a, "%s%s%s=%s", selector, *selector ? "," : "", m->key,
                                    value_str(&m->value, ""));
        struct kube_list_opts opts = {.labels = selector};
        if (!*selector || kube_list(p->c->kube, &RES_POD, it->ns, &opts, &l, NULL) < 0)
            continue;
        bool hit = false;
        for (size_t k = 0; k < l.n; k++)
            hit |= crashes(l.items[k]->root) &&
                   strcmp(value_at_str(l.items[k]->root, "metadata.creationTimestamp", ""),
                          since) >= 0;
        kube_list_done(&l);
        if (hit)
            return true;
    }
    return false;
}

/* ---- one look ---- */

static void observe(struct app *p, const struct object *run, const struct object *condemnation,
                    struct rollback_view *v)
{
    const struct value *trial = value_get(p->rollout, "trial");
    const struct value *good = value_get(p->rollout, "good");
    bool same = same_content(trial, &p->want);
    struct trial_way way;
    *v = (struct rollback_view){
        .wanted = trial_wanted(p),
        .asked = *note_of(p->obj->root, APP_CONDEMN) ? note_of(p->obj->root, APP_CONDEMN) : NULL,
        .analysis = *note_of(p->obj->root, "slipway.dev/analysis") != '\0',
        .at_once = strcmp(note_of(p->obj->root, "slipway.dev/analysis-start"), "sync") == 0,
        .operation_running = operation_running(p),
        .operation_failed =
            strcmp(value_at_str(p->status, "operationState.phase", ""), "Succeeded") != 0,
        .synced = strcmp(value_at_str(p->status, "sync.status", ""), "Synced") == 0,
        .health = health_named(value_at_str(p->status, "health.status", "")),
        .on_trial = trial != NULL,
        .condemned = condemnation != NULL,
        .run = trial__run_state(run),
        .has_good = good != NULL,
        .head_is_trial = same || trial_condemned(p, &p->want),
        .git_differs = !manifests__same(&p->want, value_at_str(good, "git", ""), p->want.git),
        .config_differs = !value_equal(value_get(good, "config"), p->want.config),
        .writable = trial__way(p, &way),
        .reverted = condemnation && *value_at_str(condemnation->root, "status.revertCommit", ""),
    };
    if (!v->on_trial || v->condemned || !v->wanted)
        return;
    v->deadline = same && deadline_passed(p);
    v->crash_loop = same && crash_loop(p);
}

static int take_good(struct app *p, struct err *e)
{
    struct value *trial = value_copy(p->a, value_get(p->rollout, "trial"));
    int rc = app_config_save(p, value_get(trial, "config"), e);
    if (rc < 0)
        return rc;
    (void)value_set_str(p->a, trial, "since", app_time(p, p->now));
    if (value_get(p->rollout, "good"))
        (void)value_set(p->a, p->rollout, "previous", value_get(p->rollout, "good"));
    (void)value_set(p->a, p->rollout, "good", trial);
    (void)value_remove(p->rollout, "trial");
    event_normal(p->c, &RES_APPLICATION, p->obj, "Healthy", "revision %s is the last good one",
                 revision_short(p->a, value_at_str(trial, "revision", "")));
    return 0;
}

static int act(struct app *p, const struct rollback_view *v, const struct object *run,
               const struct object *condemnation, struct err *e)
{
    const char *why;
    switch (rollback_decide(v, &why)) {
    case ROLLBACK_ANALYSE:
        return trial__analyse(p, e);
    case ROLLBACK_GOOD:
        return take_good(p, e);
    case ROLLBACK_CONDEMN:
        return condemn(p, why, v->run == RUN_FAILED ? run : NULL, e);
    case ROLLBACK_REVERT:
        return trial__revert(p, condemnation, e);
    case ROLLBACK_CONFIG:
        p->again = true;
        return app_config_restore(p, value_at(p->rollout, "good.config"), e);
    case ROLLBACK_PIN:
        p->again = true;
        return 0;
    case ROLLBACK_WAIT:
        if (!v->condemned && v->wanted)
            app_soon(p, LOOK_MS);
        return 0;
    case ROLLBACK_NONE:
    case ROLLBACK_STUCK:
    case ROLLBACK_SUPERSEDED:
        break;
    }
    return 0;
}

/* Condemned by hand: what was taken for good is on trial again, against the one before it. */
static void put_on_trial(struct app *p)
{
    if (!*note_of(p->obj->root, APP_CONDEMN) || value_get(p->rollout, "trial") ||
        !value_get(p->rollout, "good"))
        return;
    (void)value_set(p->a, p->rollout, "trial", value_get(p->rollout, "good"));
    if (value_get(p->rollout, "previous"))
        (void)value_set(p->a, p->rollout, "good", value_get(p->rollout, "previous"));
    else
        (void)value_remove(p->rollout, "good");
    (void)value_remove(p->rollout, "previous");
}

/* Somebody deleted the Condemnation: the content gets a new trial. */
static void pardon(struct app *p)
{
    struct value *trial = value_get_mut(p->rollout, "trial");
    if (!value_at_bool(trial, "condemned", false) ||
        condemned(p, &p->want, value_at_str(trial, "git", ""), value_get(trial, "config")))
        return;
    (void)value_remove(trial, "condemned");
    (void)value_set_str(p->a, trial, "since", app_time(p, p->now));
}

int trial_step(struct app *p, struct err *e)
{
    put_on_trial(p);
    pardon(p);
    const struct value *trial = value_get(p->rollout, "trial");
    const struct object *run = NULL, *condemnation = NULL;
    if (trial) {
        AUTO(object) struct object *o = NULL;
        int rc = kube_get(p->c->kube, &RES_ANALYSIS_RUN, p->ns, trial__run_name(p), &o, e);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
        run = rc == 0 ? object_hold(p->a, o) : NULL;
        condemnation =
            condemned(p, &p->want, value_at_str(trial, "git", ""), value_get(trial, "config"));
    }
    struct rollback_view v;
    observe(p, run, condemnation, &v);
    app_condition(p, "Condemned",
                  v.condemned && v.head_is_trial
                      ? arena_printf(p->a, "revision %s: %s%s",
                                     revision_short(p->a, value_at_str(condemnation->root,
                                                                       "spec.revision", "")),
                                     value_at_str(condemnation->root, "spec.reason", ""),
                                     v.has_good ? "" : "; there is no good revision to go back to")
                      : NULL);
    if (!trial_condemned(p, &p->want) && strcmp(p->revision, p->from.head) == 0)
        app_condition(p, "Pinned", NULL);
    return act(p, &v, run, condemnation, e);
}
