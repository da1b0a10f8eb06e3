/* lint.h - what Helm's linter says of a chart, with the line of the template that is meant.
 *
 * Model      Rules over Chart.yaml, values.yaml, what the templates render to, and charts/, in
 * Helm's order and words. Where a rule complains about YAML that a template made, the message ends
 * with the template's own line. Guarantees A chart that cannot be loaded is a message, not an error
 * of the call.        */
#pragma once
#include "render/helm/chart.h"

enum helm_lint_severity { HELM_LINT_INFO = 1, HELM_LINT_WARNING, HELM_LINT_ERROR };

struct helm_lint_message {
    enum helm_lint_severity severity;
    const char *path, *text;
};

struct helm_lint {
    struct helm_lint_message *items;
    size_t n;
    enum helm_lint_severity highest; /* 0: nothing was said */
};

struct helm_lint_opts {
    const char *namespace;
    const char *kube_version; /* NULL: Helm's default */
    const char *folder;       /* what the chart's folder is called in messages */
    bool skip_schema;
    const struct template_host *host;
};

/* `path` of the tree is a chart's folder; ERR_NOT_FOUND when it has no Chart.yaml. */
int helm_lint(struct tree *t, const char *path, struct go_map *values,
              const struct helm_lint_opts *o, struct helm_log *log, struct helm_lint *out,
              struct err *e) MUST_CHECK;
