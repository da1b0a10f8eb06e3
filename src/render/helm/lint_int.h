/* lint_int.h - what the rules of the linter share. */
#pragma once
#include "render/helm/helm_int.h"
#include "render/helm/lint.h"

struct linting {
    struct tree *tree;
    const char *path;
    struct go_map *values;
    const struct helm_lint_opts *o;
    struct helm_log *log;
    struct helm_lint *out;
};

void lint__say(struct linting *l, enum helm_lint_severity severity, const char *path,
               const char *fmt, ...) PRINTF(4, 5);
/* False: the file is not there. */
bool lint__read(struct linting *l, const char *name, struct helm_text *out);

void lint__chart_file(struct linting *l);
void lint__templates(struct linting *l);

enum { LINT__KUBE_MINOR = 37 }; /* of Helm's default version of Kubernetes */

/* NULL, or what to say of a kind's version. */
const char *lint__deprecated(const char *version, const char *kind, const char *kube_version,
                             struct arena *a);
