/* render_opts.h - how an Application's source is rendered at one commit; for syncs and previews. */
#pragma once
#include "render/render.h"

struct kube;
struct repo;

/* An Application's only source, from spec.source or spec.sources. */
int gitops_find_source(const struct value *spec, const struct value **out,
                       struct err *e) MUST_CHECK;

struct gitops_source {
    struct kube *kube; /* whose kinds charts may ask for */
    struct repo *repo;
    const char *revision;              /* of `repo`, 40 digits */
    const char *name;                  /* of the Application */
    const struct value *spec, *source; /* the Application's, and spec.source */
};

/* `t` is that commit's files. */
int gitops_render_opts(const struct gitops_source *s, struct tree *t, struct arena *a,
                       struct render_opts *out, struct err *e) MUST_CHECK;
