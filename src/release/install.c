/* install.c - the first revision of a release. */
#include <string.h>

#include "codec/yaml.h"
#include "release/release_int.h"

enum { CRD_WAIT_MS = 60000 };

/* ---- may it be installed ---- */

/* The history of the name, settled; with `replace` one that has ended may be there. */
static int check_name(struct release_session *s, const char *name, const struct release_opts *o,
                      struct release_list *history, struct err *e)
{
    *history = (struct release_list){0};
    int rc = helm_release_name_check(name, s->log, e);
    if (rc < 0 || o->dry_run)
        return rc;
    rc = release__settle(s, name, history, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    struct release *last = release__last(history);
    enum release_status status = release_status(last);
    bool ended = status == RELEASE_UNINSTALLED || status == RELEASE_FAILED;
    if ((o->replace && ended) || (release__was_interrupted(last) && !release__deployed(history)))
        return 0;
    return release__fail(s, e, ERR_EXISTS, "cannot re-use a name that is still in use");
}

/* As the server would judge what is new. What is not there yet, a namespace say, is no reason to
 * refuse. */
static int rehearse(struct release_session *s, const struct release_objects *list, struct err *e)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct release_object *o = &list->items[i];
        AUTO(object) struct object *live = NULL;
        if (kube_get(s->kube, o->res, *o->ns ? o->ns : NULL, o->name, &live, NULL) == 0)
            continue;
        int rc = kube_apply_dry(s->kube, o->res, *o->ns ? o->ns : NULL, o->name, "helm", o->root,
                                NULL, e);
        if (rc == ERR_INVALID || rc == ERR_SYSTEM)
            return release__wrap(s, e, release__note(s, e, rc), "error validating data");
    }
    return 0;
}

int release_check(struct release_session *s, const char *name, const char *manifest, struct err *e)
{
    struct release_objects list, adopted;
    int rc = release_objects(s, manifest, &list, e);
    if (rc == 0)
        rc = rehearse(s, &list, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "unable to build kubernetes objects from release manifest");
    release__own(&list, name, s->ns, s->log->arena);
    rc = release__existing(s, &list, name, false, &adopted, e);
    return rc < 0 ? release__wrap(s, e, rc, "Unable to continue with install") : 0;
}

/* ---- before ---- */

static int install_crds(struct release_session *s, const struct helm_manifests *crds, struct err *e)
{
    struct release_objects made = {0};
    for (size_t i = 0; i < crds->n; i++) {
        const struct helm_manifest *m = &crds->items[i];
        const char *name = strstr(m->path, "crds/");
        struct release_objects list;
        int rc = release_objects(s, arena_strndup(s->log->arena, m->text.s, m->text.n), &list, e);
        if (rc == 0)
            rc = release__create_all(s, &list, e);
        if (rc == ERR_EXISTS)
            continue;
        if (rc < 0)
            return release__wrap(s, e, rc, "failed to install CRD %s", name ? name : m->path);
        for (size_t k = 0; k < list.n; k++)
            release__push(s->log->arena, &made, list.items[k]);
    }
    int64_t timeout_ms = s->timeout_ms;
    s->timeout_ms = CRD_WAIT_MS;
    int rc = release__wait(s, &made, false, e);
    s->timeout_ms = timeout_ms;
    return rc;
}

static int create_namespace(struct release_session *s, struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *root = value_new_object(a);
    (void)value_set_str(a, root, "apiVersion", "v1");
    (void)value_set_str(a, root, "kind", "Namespace");
    (void)value_set_str(a, value_make_object(a, root, "metadata"), "name", s->ns);
    (void)value_set_str(a, value_make_object(a, root, "metadata.labels"), "name", s->ns);
    int rc = kube_create(s->kube, &RES_NAMESPACE, NULL, root, NULL, e);
    return rc < 0 && rc != ERR_EXISTS ? release__note(s, e, rc) : 0;
}

/* ---- the work ---- */

struct install {
    struct release *release;
    const struct release_opts *opts;
    struct release_objects objects, adopted;
    struct release_objects *attempts; /* of earlier ones that were interrupted */
    size_t n_attempts;
};

static int apply(struct release_session *s, struct install *in, struct err *e)
{
    if (in->objects.n == 0)
        return 0;
    if (in->adopted.n == 0 && in->n_attempts == 0)
        return release__create_all(s, &in->objects, e);
    struct release__change ch = {.original = &in->adopted,
                                 .attempts = in->attempts,
                                 .n_attempts = in->n_attempts,
                                 .target = &in->objects,
                                 .force = in->opts->force,
                                 .three_way = in->opts->take_ownership,
                                 .name = in->release->name,
                                 .ns = s->ns};
    return release__change(s, &ch, e);
}

static int perform(struct release_session *s, struct install *in, struct err *e)
{
    const struct release_opts *o = in->opts;
    int rc = o->no_hooks ? 0 : release__run_hooks(s, in->release, "pre-install", NULL, e);
    if (rc < 0)
        return release__told(s, e, rc, "failed pre-install");
    rc = apply(s, in, e);
    if (rc == 0 && (o->wait || o->atomic))
        rc = release__wait(s, &in->objects, o->wait_for_jobs, e);
    if (rc < 0)
        return rc;
    rc = o->no_hooks ? 0 : release__run_hooks(s, in->release, "post-install", NULL, e);
    return rc < 0 ? release__told(s, e, rc, "failed post-install") : 0;
}

static int fail(struct release_session *s, struct install *in, int code, struct err *e)
{
    struct arena *a = s->log->arena;
    struct release *r = in->release;
    const char *why = s->log->error, *kept;
    struct err first = *e;
    release__set_status(s, r, RELEASE_FAILED,
                        arena_printf(a, "Release \"%s\" failed: %s", r->name, why));
    release__record(s, r);
    if (!in->opts->atomic) {
        *e = first;
        s->log->error = why;
        return code;
    }
    const struct release_opts undo = {.no_hooks = in->opts->no_hooks, .cascade = KUBE_BACKGROUND};
    const char *waiting_for = s->waiting_for;
    int rc = release_uninstall(s, r->name, &undo, &kept, e);
    s->waiting_for = waiting_for;
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "an error occurred while uninstalling the release. original install "
                             "error: %s",
                             why);
    s->log->error = why;
    return release__wrap(
        s, e, code, "release %s failed, and has been uninstalled due to atomic being set", r->name);
}

/* The objects of attempts that were interrupted: they may be there, and may not be wanted now. */
static int read_attempts(struct release_session *s, struct install *in,
                         const struct release_list *history, struct err *e)
{
    const struct release none = {.revision = 0};
    struct release_list tried = {0};
    if (!release__deployed(history))
        tried = release__attempts(history, &none, s->log->arena);
    in->attempts = ARENA_ARRAY(s->log->arena, struct release_objects, tried.n + 1);
    for (size_t i = 0; i < tried.n; i++) {
        int rc = release_objects(s, release_manifest(tried.items[i]),
                                 &in->attempts[in->n_attempts++], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_record(struct release_session *s, struct install *in,
                        const struct release_list *history, struct err *e)
{
    struct release *last = release__last(history);
    int rc = in->opts->create_namespace ? create_namespace(s, e) : 0;
    if (rc == 0 && last && release_status(last) != RELEASE_FAILED) {
        release__set_status(s, last, RELEASE_SUPERSEDED, "superseded by new release");
        rc = release__update(s, last, false, e);
    }
    return rc < 0 ? rc : release__create(s, in->release, 0, e);
}

static int go(struct release_session *s, struct install *in, const struct release_list *history,
              struct err *e)
{
    const struct release_opts *o = in->opts;
    int rc = write_record(s, in, history, e);
    if (rc < 0)
        return rc;
    rc = perform(s, in, e);
    if (rc < 0)
        return fail(s, in, rc, e);
    release__set_status(s, in->release, RELEASE_DEPLOYED,
                        o->description ? o->description : "Install complete");
    return release__update(s, in->release, false, e);
}

static int prepare(struct release_session *s, struct install *in,
                   const struct release_list *history, struct err *e)
{
    struct release *r = in->release;
    int rc = release_objects(s, release_manifest(r), &in->objects, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "unable to build kubernetes objects from release manifest");
    release__own(&in->objects, r->name, s->ns, s->log->arena);
    rc = release__existing(s, &in->objects, r->name, in->opts->take_ownership, &in->adopted, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "Unable to continue with install");
    return read_attempts(s, in, history, e);
}

int release_install(struct release_session *s, const char *name, struct helm_chart *chart,
                    struct go_map *values, const struct release_opts *o, struct release **out,
                    struct err *e)
{
    struct arena *a = s->log->arena;
    struct install in = {.opts = o};
    struct release_list history;
    struct helm_manifests crds;
    *out = NULL;
    int rc = check_name(s, name, o, &history, e);
    if (rc == 0)
        rc = helm_chart_settle(chart, values, s->log, &crds, e);
    if (rc == 0 && !o->skip_crds && !o->dry_run && crds.n)
        rc = install_crds(s, &crds, e);
    if (rc < 0)
        return rc;
    const struct release *last = release__last(&history);
    const struct release__render how = {.name = name,
                                        .ns = s->ns,
                                        .seed =
                                            last && last->seed ? last->seed : release__draw_seed(s),
                                        .revision = last ? last->revision + 1 : 1,
                                        .shown_revision = 1,
                                        .status = RELEASE_PENDING_INSTALL,
                                        .description = "Initial install underway",
                                        .labels = release__labels(a, NULL, o->labels)};
    rc = release__render(s, chart, values, o, &how, &in.release, e);
    if (rc == 0)
        rc = prepare(s, &in, &history, e);
    if (rc < 0)
        return rc;
    *out = in.release;
    if (!o->dry_run)
        return go(s, &in, &history, e);
    release__set_status(s, in.release, RELEASE_PENDING_INSTALL, "Dry run complete");
    return 0;
}
