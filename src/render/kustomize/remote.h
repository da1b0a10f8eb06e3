/* remote.h - what kustomizations name by URL: the port through which it comes.
 *
 * Model      A URL is a file over HTTP or a repository of git, in Kustomize's many spellings
 *            ("https://host/org/repo//path?ref=v1", "github.com/org/repo/path",
 * "git@host:org/repo", "ssh://…", "file://…", "…/_git/repo/path"). Building fetches nothing itself:
 * whoever calls it hands in a port, or none, and then URLs are refused.                    */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vcs/tree.h"

struct kustomize_repository {
    const char *raw;    /* as it was written */
    const char *url;    /* what git fetches from */
    const char *path;   /* of the kustomization in it; "" is its root */
    const char *ref;    /* "" is its default branch */
    int64_t timeout_ms; /* of each step */
    bool submodules;
};

/* ERR_INVALID says why the text is no URL of a repository; it may be a path then. */
int kustomize_repository_parse(const char *text, struct arena *a, struct kustomize_repository *out,
                               struct err *e) MUST_CHECK;
bool kustomize_is_http(const char *text);

struct kustomize_remote {
    int (*file)(struct kustomize_remote *r, const char *url, struct arena *a, const char **out,
                size_t *n, struct err *e);
    /* The files of a revision; they live as long as the port. */
    int (*repository)(struct kustomize_remote *r, const struct kustomize_repository *repo,
                      struct tree **out, struct err *e);
};
