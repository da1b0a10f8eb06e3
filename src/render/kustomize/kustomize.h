/* kustomize.h - `kustomize build` over a tree of files.
 *
 * Model      A kustomization is a layer: it gathers resources (files and other layers) and
 *            generates some, then runs its transformers over all it has, in Kustomize's order.
 *            Names that generators and transformers change are mended in what refers to them
 *            once, at the end.
 * Guarantees Nothing outside the tree is read. Fields that are not offered are refused by name
 *            with file and line. Pure, like all of render/.                               */
#pragma once
#include "codec/value.h"
#include "vcs/tree.h"

/* The kustomization file of a folder, or NULL when it has none. */
const char *kustomize_file(struct tree *t, const char *dir, struct arena *a);

/* `overrides`: an Application's spec.source.kustomize, or NULL. */
int kustomize_build(struct tree *t, const char *dir, const struct value *overrides, struct arena *a,
                    struct value ***out, size_t *n, struct err *e) MUST_CHECK;

/* The suffix that a generated ConfigMap or Secret gets from its content. `out` has 11 bytes. */
int kustomize_hash(struct arena *a, const struct value *object, char out[11],
                   struct err *e) MUST_CHECK;
