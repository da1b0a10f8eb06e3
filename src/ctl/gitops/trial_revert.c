/* The commit that takes a condemned content back. */
#include "ctl/gitops/trial_int.h"
#include "kube/events.h"

enum { LOOK_BACK = 100 };

/* ---- where to ---- */

static const char *branch_of(struct app *p, const struct app_source *s)
{
    const char *target = value_at_str(s->doc, "targetRevision", "HEAD"), *branch = target;
    char sha[REPO_SHA_MAX];
    if (s->chart || !s->writable)
        return NULL;
    if (!*target || strcmp(target, "HEAD") == 0)
        return repo_head_branch(s->repo, p->a, &branch, NULL) == 0 ? branch : NULL;
    if (strncmp(branch, "refs/heads/", 11) == 0)
        branch += 11;
    const char *ref = arena_printf(p->a, "refs/heads/%s", branch);
    return repo_resolve(s->repo, ref, sha, NULL) == 0 ? branch : NULL;
}

bool trial__way(struct app *p, struct trial_way *out)
{
    const char *good = value_at_str(p->rollout, "good.revision", "");
    struct trial_way w = {.source = NULL};
    if (strcmp(note_of(p->obj->root, "slipway.dev/rollback"), "pin") == 0 ||
        strcmp(value_at_str(p->rollout, "unrevertable", ""), p->from.head) == 0)
        return false;
    for (size_t i = 0; i < p->from.n; i++) {
        const struct app_source *s = &p->from.items[i];
        if (strcmp(s->head, revision_part(p->a, good, i)) == 0)
            continue;
        const char *branch = branch_of(p, s);
        if (!branch || (w.source && (strcmp(w.source->repository, s->repository) != 0 ||
                                     strcmp(w.branch, branch) != 0)))
            return false;
        w = w.source ? w : (struct trial_way){s, branch};
    }
    if (w.source)
        *out = w;
    return w.source != NULL;
}

bool trial__in_way(const struct trial_way *w, const struct app_source *s)
{
    return !s->chart && strcmp(s->repository, w->source->repository) == 0 &&
           strcmp(value_at_str(s->doc, "targetRevision", "HEAD"),
                  value_at_str(w->source->doc, "targetRevision", "HEAD")) == 0;
}

/* ---- the commit ---- */

struct revert {
    struct app *p;
    const struct object *condemnation;
    struct trial_way way;
    struct app_manifests good;
    bool newer; /* somebody changed the content meanwhile: leave it */
};

/* Of all sources in the way, what each now reads or read then. */
static size_t add_paths(struct revert *v, struct repo_edit *edits, size_t n,
                        const struct app_manifests *m)
{
    struct app *p = v->p;
    for (size_t i = 0; i < p->from.n; i++) {
        const char *from = revision_part(p->a, v->good.revision, i);
        if (!trial__in_way(&v->way, &p->from.items[i]))
            continue;
        for (const char *const *f = m->files[i]; *f; f++) {
            bool known = false;
            for (size_t k = 0; k < n; k++)
                known |= strcmp(edits[k].path, *f) == 0;
            if (!known)
                edits[n++] = (struct repo_edit){.kind = REPO_RESTORE, .path = *f, .from = from};
        }
    }
    return n;
}

static size_t count_files(const struct app *p, const struct app_manifests *m)
{
    size_t n = 0;
    for (size_t i = 0; i < p->from.n; i++)
        for (const char *const *f = m->files[i]; *f; f++)
            n++;
    return n;
}

/* The newest revision, with the branch at `parent`. */
static const char *revision_at(struct revert *v, const char *parent)
{
    struct app *p = v->p;
    const char **parts = ARENA_ARRAY(p->a, const char *, p->from.n);
    for (size_t i = 0; i < p->from.n; i++) {
        const struct app_source *s = &p->from.items[i];
        parts[i] = trial__in_way(&v->way, s) ? arena_strdup(p->a, parent) : s->head;
    }
    return revision_join(p->a, parts, p->from.n);
}

static int write_revert(void *arg, struct repo *r, const char *parent, struct arena *a,
                        struct repo_draft *out, struct err *e)
{
    struct revert *v = arg;
    struct app *p = v->p;
    struct app_manifests now;
    struct repo_commit bad;
    const struct value *spec = value_get(v->condemnation->root, "spec");
    size_t at = (size_t)(v->way.source - p->from.items);
    const char *revision = revision_part(a, value_at_str(spec, "revision", ""), at);
    const char *good = revision_part(a, v->good.revision, at);
    int rc = app_render(p, &p->from, revision_at(v, parent), &now, e);
    if (rc == 0)
        rc = repo_commit_read(r, revision, a, &bad, e);
    if (rc < 0)
        return rc;
    v->newer = !manifests__same(&now, now.git, value_at_str(spec, "content.git", ""));
    *out = (struct repo_draft){.message = ""};
    if (v->newer)
        return 0;
    struct repo_edit *edits =
        ARENA_ARRAY(a, struct repo_edit, count_files(p, &now) + count_files(p, &v->good) + 1);
    out->edits = edits;
    out->n = add_paths(v, edits, add_paths(v, edits, 0, &now), &v->good);
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
                     (int)strcspn(bad.message, "\n"), bad.message, p->ns, p->name, revision, good,
                     revision, good, p->ns, p->name, reason);
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

/* Looks below one source's head. */
static int find_revert(struct app *p, const struct object *c, size_t i, const char *head,
                       struct err *e)
{
    const char *revision = revision_part(p->a, value_at_str(c->root, "spec.revision", ""), i);
    const char *mine = arena_printf(p->a, "%s/%s", p->ns, p->name);
    struct repo_commit *log;
    size_t n;
    int rc = repo_log(p->from.items[i].repo, head, NULL, NULL, LOOK_BACK, p->a, &log, &n, e);
    for (size_t k = 0; rc == 0 && k < n; k++) {
        const char *what = repo_trailer(p->a, log[k].message, "Slipway-Reverts");
        const char *whose = repo_trailer(p->a, log[k].message, "Slipway-Application");
        if (what && whose && strcmp(what, revision) == 0 && strcmp(whose, mine) == 0)
            return note_revert(p, c, log[k].sha, e);
    }
    return rc;
}

int trial__note_revert(struct app *p, const struct object *c, const char *head, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->from.n; i++) {
        const char *part = revision_part(p->a, head, i);
        if (p->from.items[i].repo && *part && !*value_at_str(c->root, "status.revertCommit", ""))
            rc = find_revert(p, c, i, part, e);
    }
    return rc;
}

int trial__revert(struct app *p, const struct object *condemnation, struct err *e)
{
    struct revert v = {.p = p, .condemnation = condemnation};
    char sha[REPO_SHA_MAX];
    bool changed;
    if (!trial__way(p, &v.way))
        return 0;
    struct repo_commit_opts opts = {
        .branch = v.way.branch, .author = {"slipway", "slipway@localhost", p->now / 1000}
    };
    /* Configuration first: what the commit brings back must meet what it was good with. */
    int rc = app_config_restore(p, value_at(p->rollout, "good.config"), e);
    if (rc == 0)
        rc = app_render(p, &p->from, value_at_str(p->rollout, "good.revision", ""), &v.good, e);
    if (rc == 0)
        rc = repo_commit_edit(v.way.source->repo, &opts, write_revert, &v, sha, &changed, e);
    if (rc < 0)
        return err_wrap(e, rc, "revert in repository %s", v.way.source->repository);
    p->again = true;
    /* What Git says has not changed, the Application has: its good source is served instead. */
    if (!changed && !v.newer)
        (void)value_set_str(p->a, p->rollout, "unrevertable", p->from.head);
    if (!changed)
        return 0;
    if (p->g->opts.committed)
        p->g->opts.committed(p->g->opts.arg, v.way.source->repository);
    event_normal(p->c, &RES_APPLICATION, p->obj, "Reverted", "commit %.12s restores %s", sha,
                 revision_short(p->a, v.good.revision));
    return note_revert(p, condemnation, sha, e);
}
