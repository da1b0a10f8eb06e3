/* light.h - the verbs that need neither server nor network: the small program's own.
 *
 * Model      slipway is four programs. The one that users start knows these verbs and is there at
 *            once; for files to sign or verify it becomes a second one, for builds a third, which
 *            knows those whose steps are all cached; for all others, and for arguments that are
 *            URLs, the whole program, which loads sixty libraries and knows everything.      */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* False: not for the small program. */
bool light_run(int argc, char **argv, int *code);

/* An argument is a URL, or standard input. */
bool light_is_for_whole(int argc, char **argv);

/* Becomes the whole program, with these arguments (NULL: its own); comes back only when that fails,
 * having said so. Whole already: does nothing. */
void light_whole(char **argv);
bool light_is_small(void);

/* Becomes a smaller program than the whole one if one knows the verb; comes back otherwise. */
void light_become(int argc, char **argv);

/* For the small program, which renders once and ends: its memory comes in large pages. */
void light_heap(void);

struct light_answer {
    int status;
    const char *body;
    size_t n;
};
/* What a URL answers; for it the small program becomes the whole one (light_net.c and
 * light_alone.c). */
int light_get(const char *url, size_t max, struct arena *a, struct light_answer *out,
              struct err *e) MUST_CHECK;
/* The content at a URL, in Helm's words if there is none. */
int light_fetch(const char *url, size_t max, struct arena *a, const char **out, size_t *n,
                struct err *e) MUST_CHECK;

/* A chart of elsewhere; for it the small program becomes the whole one. `keyring`: its signature
 * must be one of these keys, NULL: not looked at. */
struct charts_files;
struct charts_query;
struct charts_answer;
int light_chart(const struct charts_files *f, const struct charts_query *q, const char *keyring,
                struct arena *a, struct charts_answer *out, struct err *e) MUST_CHECK;
/* The same for an archive that is here. */
int light_verify(const char *path, const char *keyring, struct err *e) MUST_CHECK;

/* The cluster that `helm template --validate` and --dry-run=server look at. */
struct helm_log;
struct helm_render_opts;
struct template_host;
struct light_cluster {
    const char *ns; /* of the release, when nobody says otherwise */
    /* Versions and kinds of the cluster's. */
    int (*discover)(struct light_cluster *c, struct helm_render_opts *out, struct err *e);
    /* Lets `lookup` find what is there. */
    void (*look)(struct light_cluster *c, struct template_host *host);
    /* What the cluster says to a manifest; nothing is changed. */
    int (*check)(struct light_cluster *c, const char *release, const char *manifest, struct err *e);
    void (*close)(struct light_cluster *c);
};
struct light_where {
    const char *kubeconfig, *context, *ns; /* any may be NULL */
};
int light_cluster(const struct light_where *w, struct helm_log *log, struct light_cluster **out,
                  struct err *e) MUST_CHECK;

/* What runs KRM functions, as these flags allow it; it is the arena's. The small program cannot,
 * and becomes the whole one first. */
struct kustomize_functions;
struct option_list;
struct light_function_flags {
    bool exec;    /* programs, too, not just containers */
    bool network; /* containers that ask for it have the host's */
    bool as_current_user;
    const struct option_list *env, *mounts;
};
struct kustomize_functions *light_functions(const struct light_function_flags *flags,
                                            struct arena *a);
void light_functions_done(struct kustomize_functions *f); /* NULL: nothing */
