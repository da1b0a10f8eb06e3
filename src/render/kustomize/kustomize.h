/* kustomize.h - `kustomize build` over a tree of files.
 *
 * Model      A kustomization is a layer: it gathers resources (files and other layers) and
 *            generates some, then runs its transformers over all it has, in Kustomize's order.
 *            Names that generators and transformers change are mended in what refers to them
 *            once, at the end.
 * Guarantees Nothing outside the tree is read. Fields that are not offered are refused by name
 *            with file and line. Pure, like all of render/.                               */
#pragma once
#include "base/buf.h"
#include "codec/value.h"
#include "vcs/tree.h"

struct chart_port;
struct kustomize_functions;
struct kustomize_made;
struct kustomize_remote;
struct kustomize_repository;

enum kustomize_reorder { KUSTOMIZE_AS_SORT_OPTIONS, KUSTOMIZE_FIFO, KUSTOMIZE_LEGACY };

/* The command's flags; all zero is its default. */
struct kustomize_opts {
    const struct value *overrides; /* an Application's spec.source.kustomize, or NULL */
    enum kustomize_reorder reorder;
    bool files_anywhere;   /* --load-restrictor LoadRestrictionsNone */
    bool managed_by_label; /* --enable-managedby-label */

    const struct kustomize_repository *of; /* that the tree is; NULL: it is the user's own */
    struct kustomize_remote *remote;       /* what is named by URL (remote.h); NULL refuses it */

    struct kustomize_functions *functions; /* runs KRM functions (functions.h); NULL refuses them */

    void (*warn)(
        const char *line); /* of fields that others took the place of; NULL: nobody is told */

    /* ---- helmCharts ---- */
    bool helm;                     /* --enable-helm */
    const char *helm_kube_version; /* for charts that name none; NULL: Helm's default */
    const char *const *helm_api_versions;
    size_t n_helm_api_versions;
    int64_t now_ns; /* what charts take for the time */
    const void
        *seed; /* what they ask for at random is drawn from it; none: from the release's name */
    size_t seed_n;
    struct chart_port *charts; /* charts of repositories; NULL refuses them */
    bool *charted;             /* becomes true when a chart is rendered; may be NULL */

    struct kustomize_made *made; /* is filled for a build that is made again (again.h), or NULL */
};

/* The kustomization file of a folder, or NULL when it has none. */
const char *kustomize_file(struct tree *t, const char *dir, struct arena *a);

int kustomize_build(struct tree *t, const char *dir, const struct kustomize_opts *opts,
                    struct arena *a, struct value ***out, size_t *n, struct err *e) MUST_CHECK;

/* Whether a text has nothing but resources. */
bool kustomize_are_resources(const char *text, size_t n, struct arena *a);

/* The objects as `kustomize build` writes them. */
void kustomize_print(struct buf *b, struct value *const *objects, size_t n);

/* Whether the object's kind has no namespaces. */
bool kustomize_cluster_scoped(const struct value *object);

/* The suffix that a generated ConfigMap or Secret gets from its content. `out` has 11 bytes. */
void kustomize_hash(struct arena *a, const struct value *object, char out[11]);
