/* environments.h - what a folder of configuration is deployed as: one entry an environment.
 *
 * Model      Of overlays, those that no other kustomization below the folder builds upon; of a
 *            chart, one a values file beside it (values-prod.yaml, values.prod.yaml,
 *            values/prod.yaml, environments/prod.yaml), or the chart alone where there is none.
 *            A folder that has neither is one environment of plain manifests.
 * Guarantees Pure; in the order of their names. Folders whose name begins with a dot, and what is
 *            inside charts, are not looked into.                                            */
#pragma once
#include "vcs/tree.h"

struct environment {
    const char *name;   /* "overlays/prod", "chart/values-prod.yaml"; "." is the folder itself */
    const char *path;   /* of the folder to render, in the tree */
    const char *values; /* a chart's file of values, relative to the chart; NULL: its own only */
};

int environments_find(struct tree *t, const char *dir, struct arena *a, struct environment **out,
                      size_t *n, struct err *e) MUST_CHECK;
