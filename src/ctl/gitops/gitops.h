/* gitops.h - Argo CD Applications: what Git says becomes what runs, and stays so.
 *
 * Model      A sync of an Application renders its source at the newest revision, compares it
 *            with the cluster and decides (auto_plan.h, sync_plan.h, rollback.h) what to do:
 *            nothing, one step of an operation, a health analysis, or a rollback. All that must
 *            be remembered is in the Application: status, and the annotation
 *            slipway.dev/rollout.
 * Guarantees A manifest that cannot be rendered or applied fails that Application only, with
 *            the reason in its status. A revision or content that is condemned is not synced,
 *            healed to or given to update-image until a newer app commit arrives. One failure
 *            makes exactly one rollback. A commit that changes nothing that an Application's
 *            render has read costs no render and no look at the cluster.
 * Threads    The runner's.
 * Not here   Rendering (render/), Git (vcs/), measuring (ctl/analysis).                   */
#pragma once
#include "charts/store.h"
#include "ctl/repository/repository.h"
#include "kube/controller.h"

struct gitops;

struct gitops_opts {
    const struct repository_opts *repositories;
    /* Further prefixes under which hosted repositories are known ("http://10.0.0.1:3000/git/"),
     * NULL-terminated, or NULL. */
    const char *const *urls;
    struct charts_store *charts; /* of repositories and registries; NULL: they are refused */
    const char *namespace;       /* whose Applications have plain tracking ids; NULL: "argocd" */
    int64_t wave_delay_ms;       /* between waves; < 0: none, 0: 2 s */
    /* Told after a commit made here has moved a branch of a hosted repository. NULL: nobody. */
    void (*committed)(void *arg, const char *repository);
    void *arg;
};

struct gitops *gitops_new(const struct gitops_opts *opts); /* copies; pointers must outlive it */
void gitops_free(struct gitops *g);
AUTO_DEFINE(gitops)

/* arg: a struct gitops. The second looks which Applications the new commits of a repository
 * concern: a runner has both. */
extern const struct controller application_controller;
extern const struct controller revisions_controller;

/* Renders that were made so far, and the time they took; all others were kept from before. */
struct gitops_renders {
    uint64_t n, us;
};
struct gitops_renders gitops_renders(const struct gitops *g);

/* ---- update-image, a step of pipelines ---- */

struct gitops_image_update {
    const char *repository;                 /* the hosted infra repository */
    const char *branch;                     /* NULL: its default branch */
    const char *path;                       /* folder of the kustomization, or the file itself */
    const char *name;                       /* images[].name */
    const char *new_name;                   /* or NULL */
    const char *tag;                        /* or NULL */
    const char *digest;                     /* "sha256:…", or NULL */
    const char *app_commit;                 /* trailer Slipway-App-Commit; or NULL */
    const char *run;                        /* trailer Slipway-Run; or NULL */
    int64_t run_since_s;                    /* when that run began; with `run` only */
    const char *author_name, *author_email; /* or NULL */
};

struct gitops_image_result {
    char commit[41];
    bool changed; /* false: the file said so already, or the run has committed it before */
};

/* Edits the image's entry in place (comments stay) and commits; a run that asks again, because the
 * answer was lost, gets the commit that it made. ERR_DENIED: the image or the app
 * commit is condemned; ERR_NOT_FOUND: no such repository, file or entry to edit. */
int gitops_update_image(struct gitops *g, struct kube *k, const struct gitops_image_update *u,
                        struct gitops_image_result *out, struct err *e) MUST_CHECK;

/* Condemns what an Application runs and goes back to what was good before it, by the same way as
 * a failed analysis: revert commit, sync. ERR_NOT_FOUND: there is nothing to go back to. */
int gitops_rollback(struct kube *k, const char *ns, const char *application, const char *reason,
                    const char *user, struct err *e) MUST_CHECK;

/* Asks for a sync now: of the newest revision, or back to an entry of status.history (id >= 0),
 * which automatic syncs would undo: ERR_CONFLICT says so. Sets the operation field. */
int gitops_sync(struct kube *k, const char *ns, const char *application, int64_t history_id,
                const char *user, struct err *e) MUST_CHECK;
