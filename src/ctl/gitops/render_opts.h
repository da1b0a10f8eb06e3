/* render_opts.h - how an Application's source is rendered at one commit; for syncs and previews. */
#pragma once
#include <stdint.h>

#include "render/render.h"

struct kube;
struct repo;

/* Where an Application's manifests come from: `sources`, an array, or `source`; of its spec, of an
 * operation, of a history entry. NULL: it does not say. */
const struct value *gitops_sources_of(const struct value *spec);

struct gitops_source {
    struct kube *kube; /* whose kinds charts may ask for */
    struct repo *repo;
    const char *revision;              /* of `repo`, 40 digits; without one a chart's version */
    const char *name;                  /* of the Application */
    const struct value *spec, *source; /* the Application's, and spec.source */
    int64_t now_s;                     /* without `repo`: what the chart takes for the time */
};

/* The files of a packaged chart. *now_s is when it was packed, or when the Application was made if
 * that is later: the same version gives the same objects. */
int gitops_chart_tree(const char *archive, size_t n, const struct value *application,
                      struct arena *a, struct tree **out, int64_t *now_s, struct err *e) MUST_CHECK;

/* `t` is that commit's files, or the chart's. */
int gitops_render_opts(const struct gitops_source *s, struct tree *t, struct arena *a,
                       struct render_opts *out, struct err *e) MUST_CHECK;
