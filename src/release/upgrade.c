/* upgrade.c - the next revision of a release. */
#include <string.h>

#include "release/release_int.h"

struct upgrade {
    struct release *base, *last; /* what the cluster is compared with; the newest record */
    struct release *release;
    const struct release_opts *opts;
    struct release_objects current, target, created;
    struct release_objects *attempts;
    size_t n_attempts;
    bool applied; /* the base is none any more when it fails */
};

/* ---- before ---- */

static int find_base(struct release_session *s, const char *name,
                     const struct release_list *history, struct upgrade *up, struct err *e)
{
    up->last = release__last(history);
    up->base = release__deployed(history);
    enum release_status status = release_status(up->last);
    if (!up->base && (status == RELEASE_FAILED || status == RELEASE_SUPERSEDED))
        up->base = up->last;
    return up->base ? 0
                    : release__fail(s, e, ERR_NOT_FOUND, "\"%s\" has no deployed releases", name);
}

static int reuse_values(struct release_session *s, const struct upgrade *up,
                        struct helm_chart *chart, struct go_map **values, struct err *e)
{
    const struct value *config = value_get(up->base->doc, "config");
    struct go_map *all;
    int rc;
    switch (up->opts->values) {
    case RELEASE_VALUES_RESET:
        return 0;
    case RELEASE_VALUES_REUSE:
        rc = helm_document_values(value_get(up->base->doc, "chart"), config, s->log, &all, e);
        if (rc < 0)
            return release__wrap(s, e, rc, "failed to rebuild old values");
        helm_values_under(*values, config, s->log);
        helm_chart_set_values(chart, all);
        return 0;
    case RELEASE_VALUES_RESET_THEN_REUSE:
        helm_values_under(*values, config, s->log);
        return 0;
    case RELEASE_VALUES_GIVEN:
        if (go_map_size(*values) == 0 && value_count(config))
            *values = go_from_value(s->log->arena, config).map;
        return 0;
    }
    return 0;
}

static int read_current(struct release_session *s, struct upgrade *up,
                        const struct release_list *history, struct err *e)
{
    static const char removed[] = "no matches for kind";
    struct release_list tried = release__attempts(history, up->base, s->log->arena);
    int rc = release_objects(s, release_manifest(up->base), &up->current, e);
    if (rc < 0 && strstr(s->log->error, removed))
        return release__wrap(
            s, e, rc,
            "current release manifest contains removed kubernetes api(s) for this "
            "kubernetes version and it is therefore unable to build the kubernetes "
            "objects for performing the diff. error from kubernetes");
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "unable to build kubernetes objects from current release manifest");
    up->attempts = ARENA_ARRAY(s->log->arena, struct release_objects, tried.n + 1);
    for (size_t i = 0; i < tried.n; i++)
        if (release_objects(s, release_manifest(tried.items[i]), &up->attempts[up->n_attempts],
                            e) == 0)
            up->n_attempts++; /* one that was never applicable has left nothing */
    return 0;
}

/* What is new in this revision may be there already: then it must be this release's. */
static int adopt(struct release_session *s, struct upgrade *up, struct err *e)
{
    struct release_objects fresh = {0}, adopted;
    for (size_t i = 0; i < up->target.n; i++)
        if (!release__find(&up->current, &up->target.items[i]))
            release__push(s->log->arena, &fresh, up->target.items[i]);
    int rc = release__existing(s, &fresh, up->release->name, up->opts->take_ownership, &adopted, e);
    return rc < 0 ? release__wrap(s, e, rc, "Unable to continue with update") : 0;
}

static int prepare(struct release_session *s, struct upgrade *up,
                   const struct release_list *history, struct err *e)
{
    int rc = read_current(s, up, history, e);
    if (rc < 0)
        return rc;
    rc = release_objects(s, release_manifest(up->release), &up->target, e);
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "unable to build kubernetes objects from new release manifest");
    release__own(&up->target, up->release->name, s->ns, s->log->arena);
    return adopt(s, up, e);
}

/* ---- the work ---- */

static int perform(struct release_session *s, struct upgrade *up, struct err *e)
{
    const struct release_opts *o = up->opts;
    struct release__change ch = {.original = &up->current,
                                 .attempts = up->attempts,
                                 .n_attempts = up->n_attempts,
                                 .target = &up->target,
                                 .force = o->force,
                                 .name = up->release->name,
                                 .ns = s->ns};
    int rc = o->no_hooks ? 0 : release__run_hooks(s, up->release, "pre-upgrade", NULL, e);
    if (rc < 0)
        return release__told(s, e, rc, "pre-upgrade hooks failed");
    rc = release__change(s, &ch, e);
    up->created = ch.created;
    if (rc == 0 && o->recreate_pods)
        rc = release__recreate_pods(s, &ch.updated, e);
    if (rc == 0 && (o->wait || o->atomic))
        rc = release__wait(s, &up->target, o->wait_for_jobs, e);
    if (rc < 0)
        return rc;
    rc = o->no_hooks ? 0 : release__run_hooks(s, up->release, "post-upgrade", NULL, e);
    return rc < 0 ? release__told(s, e, rc, "post-upgrade hooks failed") : 0;
}

/* ---- failing ---- */

static int roll_back(struct release_session *s, struct upgrade *up, const char *why, struct err *e)
{
    struct release_list history;
    const struct release *good = NULL;
    int rc = release_history(s, up->release->name, &history, e);
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "an error occurred while finding last successful release. original "
                             "upgrade error: %s",
                             why);
    for (size_t i = history.n; i-- > 0 && !good;) {
        enum release_status status = release_status(history.items[i]);
        if (status == RELEASE_SUPERSEDED || status == RELEASE_DEPLOYED)
            good = history.items[i];
    }
    s->log->error = why;
    if (!good)
        return release__wrap(s, e, ERR_INVALID,
                             "unable to find a previously successful release when attempting to "
                             "rollback. original upgrade error");
    const struct release_opts back = {.no_hooks = up->opts->no_hooks,
                                      .wait = true,
                                      .wait_for_jobs = up->opts->wait_for_jobs,
                                      .force = up->opts->force,
                                      .recreate_pods = up->opts->recreate_pods,
                                      .history_max = up->opts->history_max};
    const char *waiting_for = s->waiting_for;
    rc = release_rollback(s, up->release->name, good->revision, &back, e);
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "an error occurred while rolling back the release. original upgrade "
                             "error: %s",
                             why);
    s->waiting_for = waiting_for;
    s->log->error = why;
    return release__wrap(s, e, ERR_INVALID,
                         "release %s failed, and has been rolled back due to atomic being set",
                         up->release->name);
}

static int fail(struct release_session *s, struct upgrade *up, int code, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *why = s->log->error;
    struct err first = *e;
    release__set_status(s, up->release, RELEASE_FAILED,
                        arena_printf(a, "Upgrade \"%s\" failed: %s", up->release->name, why));
    release__record(s, up->release);
    if (up->opts->cleanup_on_fail && up->created.n) {
        int rc = release__delete_all(s, &up->created, KUBE_BACKGROUND, e);
        if (rc < 0)
            return release__wrap(s, e, rc,
                                 "an error occurred while cleaning up resources. original upgrade "
                                 "error: %s: unable to cleanup resources",
                                 why);
    }
    if (up->opts->atomic)
        return roll_back(s, up, why, e);
    *e = first;
    s->log->error = why;
    return code;
}

/* The new one counts from now on; whatever counted before does no more. */
static int finish(struct release_session *s, struct upgrade *up, const struct release_list *history,
                  struct err *e)
{
    const char *description = up->opts->description;
    release__set_status(s, up->release, RELEASE_DEPLOYED,
                        description ? description : "Upgrade complete");
    int rc = release__update(s, up->release, false, e);
    return rc < 0 ? rc : release__supersede(s, history, up->base, e);
}

int release__supersede(struct release_session *s, const struct release_list *history,
                       const struct release *base, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < history->n && rc == 0; i++) {
        struct release *r = history->items[i];
        if (release_status(r) != RELEASE_DEPLOYED && r != base)
            continue;
        release__set_status(s, r, RELEASE_SUPERSEDED, NULL);
        rc = release__update(s, r, false, e);
        if (rc == ERR_NOT_FOUND)
            rc = 0; /* it made room for the new one */
    }
    return rc;
}

/* ---- all of it ---- */

static int render(struct release_session *s, struct upgrade *up, const char *name,
                  struct helm_chart *chart, struct go_map *values, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *seed = up->last->seed ? up->last->seed : up->base->seed;
    const char *first = release__text(up->base, "info.first_deployed");
    const struct release__render how = {.name = name,
                                        .ns = s->ns,
                                        .seed = seed ? seed : release__draw_seed(s),
                                        .first_deployed = first,
                                        .revision = up->last->revision + 1,
                                        .shown_revision = up->last->revision + 1,
                                        .is_upgrade = true,
                                        .status = RELEASE_PENDING_UPGRADE,
                                        .description = "Preparing upgrade",
                                        .labels =
                                            release__labels(a, up->last->labels, up->opts->labels)};
    int rc = reuse_values(s, up, chart, &values, e);
    return rc < 0 ? rc : release__render(s, chart, values, up->opts, &how, &up->release, e);
}

int release_upgrade(struct release_session *s, const char *name, struct helm_chart *chart,
                    struct go_map *values, const struct release_opts *o, struct release **out,
                    struct err *e)
{
    struct upgrade up = {.opts = o};
    struct release_list history;
    *out = NULL;
    int rc = release__settle(s, name, &history, e);
    if (rc == ERR_NOT_FOUND)
        return release__fail(s, e, ERR_NOT_FOUND, "\"%s\" has no deployed releases", name);
    if (rc == 0)
        rc = find_base(s, name, &history, &up, e);
    if (rc == 0)
        rc = render(s, &up, name, chart, values, e);
    if (rc == 0)
        rc = prepare(s, &up, &history, e);
    if (rc < 0)
        return rc;
    *out = up.release;
    if (o->dry_run) {
        release__set_status(s, up.release, RELEASE_PENDING_UPGRADE,
                            o->description ? o->description : "Dry run complete");
        return 0;
    }
    rc = release__create(s, up.release, o->history_max, e);
    if (rc < 0)
        return rc;
    rc = perform(s, &up, e);
    return rc < 0 ? fail(s, &up, rc, e) : finish(s, &up, &history, e);
}
