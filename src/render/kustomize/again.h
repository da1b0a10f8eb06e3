/* again.h - a build that is made again, at the price of the files that changed.
 *
 * Model      A build can note what it is made of: all resources, with every name they have had,
 *            and their files. Where resources have a say in each other by their names alone (no
 *            patches, generators, replacements, vars, charts), and the files that changed bring
 *            resources of the same kinds and names as before, all others are what they were:
 *            only those of the changed files go through the layers and have their references
 *            mended.
 * Guarantees The objects that kustomize_build() would give, byte for byte and in the same order;
 *            or ERR_UNSUPPORTED: build it whole. That is the answer to every error, too.
 * Threads    Notes are read by any number of builds once theirs is over.
 * Lifetime   What is made again shares objects and notes with what it is made from.        */
#pragma once
#include "render/kustomize/kustomize.h"

/* Empty notes, for struct kustomize_opts. */
struct kustomize_made *kustomize_made_new(struct arena *a);

struct kustomize_change {
    const struct kustomize_made *before;
    const char *const *files; /* whose text alone differs; ends with NULL */
};

struct kustomize_result {
    struct value **objects;
    size_t n;
    size_t
        *fresh; /* indexes of objects that were made now; all others are the very ones of before */
    size_t n_fresh;
};

/* `opts` are those of the build before, but for the notes, which are to be filled, too. */
int kustomize_build_again(struct tree *t, const char *dir, const struct kustomize_opts *opts,
                          const struct kustomize_change *change, struct arena *a,
                          struct kustomize_result *out, struct err *e) MUST_CHECK;
