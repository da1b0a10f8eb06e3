/* The commit that takes a condemned content back. */
#include "ctl/gitops/trial_int.h"
#include "kube/events.h"

enum { LOOK_BACK = 100 };

struct revert {
    struct app *p;
    const struct object *condemnation;
    struct app_manifests good;
    bool newer; /* somebody changed the content meanwhile: leave it */
};

static size_t add_paths(struct revert *v, struct repo_edit *edits, size_t n,
                        const char *const *files)
{
    for (const char *const *f = files; *f; f++) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= strcmp(edits[i].path, *f) == 0;
        if (!known)
            edits[n++] =
                (struct repo_edit){.kind = REPO_RESTORE, .path = *f, .from = v->good.revision};
    }
    return n;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

static int write_revert(void *arg, struct repo *r, const char *parent, struct arena *a,
                        struct repo_draft *out, struct err *e)
{
    struct revert *v = arg;
    struct app *p = v->p;
    struct app_manifests now;
    struct repo_commit bad;
    const struct value *spec = value_get(v->condemnation->root, "spec");
    const char *revision = value_at_str(spec, "revision", "");
    int rc = app_render(p, arena_strdup(p->a, parent), &now, e);
    if (rc == 0)
        rc = repo_commit_read(r, revision, a, &bad, e);
    if (rc < 0)
        return rc;
    v->newer = strcmp(now.git, value_at_str(spec, "content.git", "")) != 0;
    *out = (struct repo_draft){.message = ""};
    if (v->newer)
        return 0;
    struct repo_edit *edits =
        ARENA_ARRAY(a, struct repo_edit, count(now.files) + count(v->good.files) + 1);
    out->edits = edits;
    out->n = add_paths(v, edits, add_paths(v, edits, 0, now.files), v->good.files);
    char reason[200];
    (void)snprintf(reason, sizeof reason, "%s", value_at_str(spec, "reason", ""));
    reason[strcspn(reason, "\n")] = '\0';
    out->message =
        arena_printf(a,
                     "Revert \"%.*s\"\n\n"
                     "Application %s/%s failed its health check at %.12s.\n"
                     "What it is made of is again as it was in %.12s.\n\n"
                     "Slipway-Reverts: %s\nSlipway-Restores: %s\nSlipway-Application: %s/%s\n"
                     "Slipway-Reason: %s\n",
                     (int)strcspn(bad.message, "\n"), bad.message, p->ns, p->name, revision,
                     v->good.revision, revision, v->good.revision, p->ns, p->name, reason);
    return 0;
}

static int note_revert(struct app *p, const struct object *c, const char *sha, struct err *e)
{
    struct value *patch = value_new_object(p->a);
    struct value *status = value_make_object(p->a, patch, "status");
    (void)value_set_str(p->a, status, "revertCommit", sha);
    (void)value_set_str(p->a, status, "revertedAt", app_time(p, p->now));
    return kube_patch(p->c->kube, &RES_CONDEMNATION, c->ns, c->name,
                      RES_CONDEMNATION.status ? "status" : NULL, KUBE_PATCH_MERGE, patch, NULL, e);
}

int trial__note_revert(struct app *p, const struct object *c, const char *head, struct err *e)
{
    const char *revision = value_at_str(c->root, "spec.revision", "");
    const char *mine = arena_printf(p->a, "%s/%s", p->ns, p->name);
    struct repo_commit *log;
    size_t n;
    if (*value_at_str(c->root, "status.revertCommit", ""))
        return 0;
    int rc = repo_log(p->repo, head, NULL, NULL, LOOK_BACK, p->a, &log, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *what = repo_trailer(p->a, log[i].message, "Slipway-Reverts");
        const char *whose = repo_trailer(p->a, log[i].message, "Slipway-Application");
        if (what && whose && strcmp(what, revision) == 0 && strcmp(whose, mine) == 0)
            return note_revert(p, c, log[i].sha, e);
    }
    return rc;
}

int trial__revert(struct app *p, const struct object *condemnation, struct err *e)
{
    struct revert v = {.p = p, .condemnation = condemnation};
    char sha[REPO_SHA_MAX];
    bool changed;
    struct repo_commit_opts opts = {
        .branch = trial__branch(p), .author = {"slipway", "slipway@localhost", p->now / 1000}
    };
    /* Configuration first: what the commit brings back must meet what it was good with. */
    int rc = app_config_restore(p, value_at(p->rollout, "good.config"), e);
    if (rc == 0)
        rc = app_render(p, value_at_str(p->rollout, "good.revision", ""), &v.good, e);
    if (rc == 0)
        rc = repo_commit_edit(p->repo, &opts, write_revert, &v, sha, &changed, e);
    if (rc < 0)
        return err_wrap(e, rc, "revert in repository %s", p->repository);
    p->again = true;
    if (!changed)
        return 0;
    if (p->g->opts.committed)
        p->g->opts.committed(p->g->opts.arg, p->repository);
    event_normal(p->c, &RES_APPLICATION, p->obj, "Reverted", "commit %.12s restores %.12s", sha,
                 v.good.revision);
    return note_revert(p, condemnation, sha, e);
}
