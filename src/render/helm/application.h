/* application.h - a chart as the source of an Argo CD Application.
 *
 * Model      spec.source.helm says values, parameters and names, as `argocd` hands them to helm:
 *            value files and `values` first, then `parameters`, then `fileParameters`. Hooks and
 *            CRDs come with the rest.
 * Guarantees Files come from the tree alone; a field that is not offered is refused by name. The
 *            same tree and options give the same objects: what a chart draws at random depends on
 *            the seed, and its clock stands.                                               */
#pragma once
#include "render/render.h"

int helm_application(struct tree *t, const char *path, const struct render_opts *o, struct arena *a,
                     struct value ***out, size_t *n, struct err *e) MUST_CHECK;
