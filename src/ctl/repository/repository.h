/* repository.h - the control loop of Repository objects: Git repositories served from here, or
 * mirrored from elsewhere.
 *
 * Model      A Repository named N is <root>/N.git; the first one to take the name (over all
 *            namespaces) owns it. With spec.url it is a mirror, fetched every spec.pollSeconds
 *            (60 unless set) and at once when the annotation slipway.dev/refresh changes.
 *            status.heads says where every branch and tag is. It is compared with the
 *            repository on every sync, so that a push whose notice got lost is still seen.
 * Guarantees Deleting a Repository object never deletes commits.
 * Not here   Serving (vcs/host.h), which asks repository_authorize().                     */
#pragma once
#include "kube/controller.h"
#include "vcs/host.h"

struct repository_opts {
    const char *root; /* folder of the bare repositories */
    const char *url;  /* "http://127.0.0.1:3000/git/": what status.url is made from, or NULL */
};

/* arg: a struct repository_opts that outlives the runner. Its name, for runner_kick(), is
 * "repository". */
extern const struct controller repository_controller;

/* "shop" → "<root>/shop.git". */
const char *repository_path(const struct repository_opts *o, const char *name, struct arena *a);

/* Namespace and name of the Repository object that owns a folder; ERR_NOT_FOUND. */
int repository_owner(const struct repository_opts *o, const char *repository, struct arena *a,
                     const char **ns, const char **name, struct err *e) MUST_CHECK;

/* What the owner's spec.access gives to an identity: {user|group|serviceAccount, role, paths}.
 * The group system:masters has every right. Service accounts are users named
 * "system:serviceaccount:NS:NAME". */
void repository_grant(const struct value *repository, const struct host_identity *who,
                      struct arena *a, struct host_grant *out);

/* Both together, for struct host_opts. */
int repository_authorize(const struct repository_opts *o, struct kube *k,
                         const struct host_identity *who, const char *repository, struct arena *a,
                         struct host_grant *out, struct err *e) MUST_CHECK;

/* The credentials of a Repository's spec.secretRef (keys username, password, token). */
struct repo_remote;
int repository_remote(struct kube *k, const struct object *repository, struct arena *a,
                      struct repo_remote *out, struct err *e) MUST_CHECK;

/* The body of a forge's push event (GitHub, GitLab, Gitea, Bitbucket …): mirrors of a repository
 * it names are fetched at once; *out_n says how many. */
int repository_webhook(struct kube *k, const struct clock *clock, const char *body, size_t n,
                       size_t *out_n, struct err *e) MUST_CHECK;
