/* dashboard.h - Grafana's dashboards: read, kept in a simple form, and their queries checked.
 *
 * Model      A dashboard has panels with queries, variables and annotations. Panels lie in
 *            `panels`, in rows among them, or in the `rows` of old ones; all of it may be wrapped
 *            in {"dashboard": …}. A query is Prometheus's if its source, or its panel's, says so,
 *            or, where nothing is said, if it has an `expr`.
 * Guarantees A query is named as one that cannot work only if no plausible value of its variables
 *            makes it one that our PromQL parses. Faults have the line of the file. Sizes, panels,
 *            variables and nesting are limited.
 * Threads    Any; nothing is shared.
 * Lifetime   Everything lives in the arena.                                                */
#pragma once
#include "codec/value.h"

enum { DASHBOARD_FILE_MAX = 4 << 20, DASHBOARD_PANELS_MAX = 1000, DASHBOARD_VARIABLES_MAX = 200 };

struct dashboard_query {
    const char *ref; /* "A" */
    const char *expr, *legend;
    bool instant; /* asked at one moment only: may be of any type */
    uint32_t line;
};

struct dashboard_panel {
    int64_t id;
    const char *title, *type, *unit, *row; /* "" where there is none */
    const char *repeat;                    /* the variable it is repeated for, or "" */
    struct dashboard_query *queries;       /* Prometheus's only */
    size_t n;
    bool passed; /* has queries, and all of them are of other data sources */
    uint32_t line;
};

struct dashboard_variable {
    const char *name, *type, *label;
    const char *query;
    const char *value; /* one that it may have; NULL: not known */
    bool ours;         /* `query` is asked of Prometheus */
    uint32_t line;
};

struct dashboard_annotation {
    const char *name, *expr;
    uint32_t line;
};

struct dashboard {
    const char *uid, *title; /* "" */
    int64_t schema_version;  /* 0: it says none */
    struct dashboard_panel *panels;
    struct dashboard_variable *variables;
    struct dashboard_annotation *annotations; /* Prometheus's only */
    size_t n_panels, n_variables, n_annotations;
    size_t passed; /* panels of other data sources */
};

/* ERR_INVALID, with line and column: it is no JSON, or no dashboard. ERR_TOO_LARGE: past a limit.
 * ERR_UNSUPPORTED: of Grafana's newer form, with `elements`. */
int dashboard_read(struct arena *a, const char *text, size_t n, struct dashboard *out,
                   struct err *e) MUST_CHECK;

struct dashboard_fault {
    uint32_t line;
    const char *where; /* panel "CPU", query A */
    const char *expr;  /* as it stands there; "" */
    const char *text;  /* "1:5: parse error: …": line and column in expr */
};

struct dashboard_faults {
    struct dashboard_fault *items; /* the first ones */
    size_t n, total;
};

/* `features`: PROMQL_…, see promql.h. */
void dashboard_check(struct arena *a, const struct dashboard *d, unsigned features,
                     struct dashboard_faults *out);

/* The whole of it as it is served, and a summary: uid, title, counts, faults. */
struct value *dashboard_value(struct arena *a, const struct dashboard *d,
                              const struct dashboard_faults *f);
struct value *dashboard_summary(struct arena *a, const struct dashboard *d,
                                const struct dashboard_faults *f);
