/* scan.h - an inventory against advisories, judged by a policy.
 *
 * Model      A finding is one package at one version that one advisory names; advisories that are
 *            aliases of each other are one finding. The policy says which findings fail.
 * Threads    Pure but for reading the database; any.                                        */
#pragma once
#include "base/buf.h"
#include "scan/advisories.h"
#include "scan/inventory.h"
#include "scan/severity.h"

struct scan_ignore {
    const char *id;      /* of an advisory or alias */
    const char *package; /* NULL: any */
    const char *reason;
    int64_t until_ms; /* 0: for good */
};

struct scan_policy {
    enum severity fail_at; /* this and above fail; UNKNOWN: nothing does */
    bool fixed_only;       /* only findings that a newer version mends fail */
    bool dev;              /* packages that only developers of the program want count, too */
    int64_t max_age_ms;    /* of the database; 0: any */
    const struct scan_ignore *ignores;
    size_t n_ignores;
};

/* From YAML or JSON: {severity: high, fixedOnly: true, maxDatabaseAge: 168h, ignore: [{id, package,
 * reason, until: 2026-01-31}]}. Unknown fields are refused by name and line. */
int scan_policy_parse(const struct value *doc, struct arena *a, struct scan_policy *out,
                      struct err *e) MUST_CHECK;

struct finding {
    const char *id, *summary;
    const char *const *aliases; /* NULL-terminated */
    const struct package *package;
    const char *fixed; /* the version that mends it; "" when there is none */
    enum severity severity;
    bool ignored, fails;
    const char *why; /* it was ignored */
};

struct scan_report {
    struct inventory inventory;
    struct finding *findings;                  /* worst first */
    size_t n, failing, ignored, unknown_order; /* unknown_order: packages nobody here can compare */
    bool passed;
    const char *summary; /* one sentence */
};

/* Whether a package's version is inside one OSV range; false where its order is not known. */
bool scan_range_affects(const struct package *p, const struct value *range);

int scan_run(const struct inventory *inv, const struct advisories *db,
             const struct scan_policy *policy, int64_t now_ms, struct arena *a,
             struct scan_report *out, struct err *e) MUST_CHECK;

/* {passed, summary, findings: [{id, package, version, fixed, severity, path, …}]} */
struct value *scan_report_value(const struct scan_report *r, struct arena *a);
/* A table for people. */
void scan_report_print(const struct scan_report *r, struct buf *out);
