/* scan.h - an inventory against advisories, judged by a policy.
 *
 * Model      A finding is one package at one version that one advisory names; advisories that are
 *            aliases of each other are one finding. The policy says which findings fail.
 * Threads    Pure but for reading the database; any.                                        */
#pragma once
#include "base/buf.h"
#include "scan/advisories.h"
#include "scan/inventory.h"
#include "scan/issues.h"
#include "scan/severity.h"

struct purl;

/* Findings that are set aside: all that is said must hold. */
struct scan_ignore {
    const char *id;           /* of an advisory or alias; NULL: any */
    const char *package;      /* NULL: any */
    const struct purl *purl;  /* NULL: any; without a version: of every version */
    const char *const *paths; /* globs, NULL-terminated; NULL: any */
    const char *reason;
    int64_t until_ms; /* 0: for good */
    bool lifts;       /* a VEX statement that takes an earlier one back */
};

struct scan_policy {
    enum severity fail_at;   /* this and above fail; UNKNOWN: nothing does */
    bool fixed_only;         /* only findings that a newer version mends fail */
    bool dev;                /* packages that only developers of the program want count, too */
    int64_t max_age_ms;      /* of the database; 0: any */
    const char *const *skip; /* globs: packages of these files do not count */
    size_t n_skip;
    const struct scan_ignore *ignores;
    size_t n_ignores;
};

/* From YAML or JSON: {severity: high, fixedOnly: true, maxDatabaseAge: 168h, ignore: [{id, package,
 * reason, until: 2026-01-31}]}. Unknown fields are refused by name and line. */
int scan_policy_parse(const struct value *doc, struct arena *a, struct scan_policy *out,
                      struct err *e) MUST_CHECK;

/* Adds what a file of another tool sets aside: .trivyignore (lines or YAML), OpenVEX, CycloneDX
 * VEX; told apart by what they hold. */
int scan_policy_add(struct scan_policy *p, const char *text, size_t n, struct arena *a,
                    struct err *e) MUST_CHECK;

struct finding {
    const char *id, *summary;
    const char *const *aliases; /* NULL-terminated */
    const struct package *package;
    const char *fixed; /* the version that mends it; "" when there is none */
    enum severity severity;
    double score;       /* of its CVSS vector; 0: it has none that can be scored */
    const char *vector; /* or NULL */
    double epss;        /* how likely it is to be exploited soon, 0 to 1; < 0: not known */
    const char *kev;    /* the day it was listed as exploited; NULL: it is not */
    bool ignored, fails;
    const char *why; /* it was ignored */
};

struct scan_report {
    struct inventory inventory;
    int64_t database_ms, now_ms;               /* when the database was built; when it was asked */
    struct finding *findings;                  /* worst first */
    struct issue_list issues;                  /* of scan_add_issues() */
    size_t n, failing, ignored, unknown_order; /* unknown_order: packages nobody here can compare */
    bool passed;
    const char *summary; /* one sentence */
};

/* Whether a package's version is inside one OSV range; false where its order is not known. */
bool scan_range_affects(const struct package *p, const struct value *range);

int scan_run(const struct inventory *inv, const struct advisories *db,
             const struct scan_policy *policy, int64_t now_ms, struct arena *a,
             struct scan_report *out, struct err *e) MUST_CHECK;

/* Judges what issues_find() found and makes it part of the report. */
void scan_add_issues(struct scan_report *r, const struct issue_list *issues,
                     const struct scan_policy *policy, int64_t now_ms, struct arena *a);

/* {passed, summary, findings: [{id, package, version, fixed, severity, path, …}]} */
struct value *scan_report_value(const struct scan_report *r, struct arena *a);
/* A table for people. */
void scan_report_print(const struct scan_report *r, struct buf *out);
