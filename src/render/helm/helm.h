/* helm.h - Helm charts: reading them, their values, and what `helm template` makes of them.
 *
 * Model      A chart is read from a folder of a tree or from an archive; the user's values are
 *            merged from files and --set options; rendering joins both, runs the templates and
 *            sorts what they print. All of it as Helm v3.22 does, to the byte.
 * Guarantees Pure: files come through the tree and through struct helm_reader, the clock and
 *            randomness through struct helm_render_opts. Archives with links, absolute paths or
 *            ".." are refused; a file is at most 5 MiB and a chart 100 MiB, as in Helm.
 * Threads    Any number side by side, one chart each: rendering changes the chart.
 * Lifetime   Everything lives in the arena of the log, which outlives the chart.           */
#pragma once
#include "template/go_value.h"
#include "vcs/tree.h"

/* What is said beside the result. Errors of charts can be long (a schema has many complaints, a
 * template that includes itself is named a thousand times): struct err holds the beginning,
 * `error` the whole. */
struct helm_log {
    struct arena *arena;
    const char *error;     /* of the last failure */
    const char **warnings; /* lines for standard error, in Helm's words */
    size_t n_warnings;
};

/* ---- charts ---- */

struct helm_chart;

/* `path`: a folder with Chart.yaml, or a .tgz. */
int helm_chart_load(struct tree *t, const char *path, struct helm_log *log, struct helm_chart **out,
                    struct err *e) MUST_CHECK;
int helm_chart_unpack(const void *archive, size_t n, struct helm_log *log, struct helm_chart **out,
                      struct err *e) MUST_CHECK;

/* A file of the chart as it was read; false when there is none. */
struct helm_text;
bool helm_chart_file(const struct helm_chart *c, const char *name, struct helm_text *out);

/* ---- the user's values ---- */

enum helm_values_kind {
    HELM_VALUES_FILE,
    HELM_SET_JSON,
    HELM_SET,
    HELM_SET_STRING,
    HELM_SET_FILE,
    HELM_SET_LITERAL,
};

struct helm_value_source {
    enum helm_values_kind kind;
    const char *text; /* a path for files, else "a.b=1,c={x,y}" */
};

/* Where the files of the user come from. */
struct helm_reader {
    int (*read)(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                size_t *n, struct err *e);
};

/* Later sources win; files come before JSON, that before --set, and so on in the enum's order. */
int helm_values_merge(const struct helm_value_source *sources, size_t n, struct helm_reader *r,
                      struct helm_log *log, struct go_map **out, struct err *e) MUST_CHECK;

/* Merges one "a.b=1,c={x,y}" into `values`. */
int helm_values_set(enum helm_values_kind kind, const char *text, struct helm_reader *r,
                    struct helm_log *log, struct go_map *values, struct err *e) MUST_CHECK;

/* ---- rendering ---- */

enum helm_event {
    HELM_PRE_INSTALL,
    HELM_POST_INSTALL,
    HELM_PRE_DELETE,
    HELM_POST_DELETE,
    HELM_PRE_UPGRADE,
    HELM_POST_UPGRADE,
    HELM_PRE_ROLLBACK,
    HELM_POST_ROLLBACK,
    HELM_TEST,
};

struct helm_text {
    const char *s;
    size_t n;
};

/* One document that a template printed. */
struct helm_manifest {
    const char *path; /* "chart/templates/service.yaml" */
    struct helm_text text;
    const char *api_version, *kind, *name; /* "": not said */
    unsigned events;                       /* of a hook: bits of enum helm_event */
    int weight;                            /* of a hook */
    const char *hook;                      /* its annotations as written, "" where there is none */
    const char *delete_policy, *log_policy;
    size_t rank, index; /* by kind, then as they came */
};

struct helm_manifests {
    struct helm_manifest *items;
    size_t n;
};

struct template_host;

struct helm_render_opts {
    const char *release, *namespace;
    const char *kube_version;        /* "1.32.4"; NULL: Helm's own default */
    const char *const *api_versions; /* beside Helm's own */
    size_t n_api_versions;
    bool only_api_versions; /* those are all: a cluster's */
    bool is_upgrade, skip_schema, subchart_notes, lint, strict;
    int revision;                     /* 0 is 1 */
    const struct template_host *host; /* clock, seed, lookup; NULL: none */
};

struct helm_result {
    struct helm_manifests crds;      /* files of crds/, whole */
    struct helm_manifests manifests; /* in the order of installation */
    struct helm_manifests hooks;
    struct helm_text notes;
    bool began; /* a failure came from the templates or what they printed, not from before */
};

/* What `helm install` asks first: no library, all dependencies there. */
int helm_chart_installable(const struct helm_chart *c, struct helm_log *log,
                           struct err *e) MUST_CHECK;

/* Leaves out the dependencies that are off under these values, once for a chart; gives the CRDs of
 * the others. helm_render() does it, too. */
int helm_chart_settle(struct helm_chart *c, struct go_map *values, struct helm_log *log,
                      struct helm_manifests *crds, struct err *e) MUST_CHECK;

/* May be called once for a chart. */
int helm_render(struct helm_chart *c, struct go_map *values, const struct helm_render_opts *opts,
                struct helm_log *log, struct helm_result *out, struct err *e) MUST_CHECK;

/* "---\n# Source: path\n…" for CRDs (when asked for) and manifests, as Helm keeps it in a release.
 */
struct buf;
void helm_result_manifest(const struct helm_result *r, bool with_crds, struct buf *out);

/* ---- charts of releases ---- */

/* The chart as Helm's releases keep it: Chart.yaml, lock, templates, values, schema, files, but no
 * subcharts. After helm_render(), when dependencies are settled. */
int helm_chart_document(const struct helm_chart *c, struct helm_log *log, struct value **out,
                        struct err *e) MUST_CHECK;

/* All values of a release: those of its chart (such a document) under `config`, the user's (NULL:
 * none). */
int helm_document_values(const struct value *doc, const struct value *config, struct helm_log *log,
                         struct go_map **out, struct err *e) MUST_CHECK;

/* Puts into `values` what `config` has and they have not. */
void helm_values_under(struct go_map *values, const struct value *config, struct helm_log *log);

/* Takes these for what its values.yaml says. */
void helm_chart_set_values(struct helm_chart *c, struct go_map *values);

/* Makes of a manifest what `helm template` prints: it is trimmed, and the hooks follow. */
struct helm_show {
    bool no_hooks, skip_tests;
    const char *const *only; /* -s: patterns of paths within the chart; n_only 0: all */
    size_t n_only;
};
int helm_result_print(const struct helm_result *r, const struct helm_show *show,
                      struct helm_log *log, struct buf *text, struct err *e) MUST_CHECK;

/* "1.32", "v1.28.3-gke.1" to "v1.28.3". */
int helm_kube_version(const char *text, struct helm_log *log, const char **out,
                      struct err *e) MUST_CHECK;

/* The release's name that a template (--name-template) makes. */
int helm_name_template(const char *text, struct helm_log *log, const char **out,
                       struct err *e) MUST_CHECK;

/* Whether a release may be called so. */
int helm_release_name_check(const char *name, struct helm_log *log, struct err *e) MUST_CHECK;

/* A file-path pattern of --show-only and .helmignore: *, ? and [...] within one part of a path. */
bool helm_path_match(const char *pattern, const char *path);
