/* rules.h - recording and alerting rules, in Prometheus's own files, and the tests of them.
 *
 * Model      A file has groups; a group's rules run one after the other at one moment. A recording
 *            rule writes what its query gives as series of a name; an alerting rule keeps an alert
 *            for each series that its query gives: pending until it has been there for `for`,
 *            then firing. What a rule wrote before and does not write now gets a stale marker.
 * Guarantees A field that is not known is refused, by line. Templates cannot reach beyond the
 *            alert's data and queries of the same source.
 * Threads    A set of groups belongs to one thread.
 * Not here   Notifications, reloading, scheduling (monitor/).                              */
#pragma once
#include "codec/value.h"
#include "promql/promql.h"
#include "tsdb/tsdb.h"

struct rule {
    const char *record, *alert; /* one of them; the other is "" */
    const char *expr;
    int64_t for_ms, keep_firing_ms;
    struct labels labels, annotations;
    size_t line;
};

struct rule_group {
    const char *name;
    int64_t interval_ms, offset_ms; /* 0: the default; none */
    int64_t limit;                  /* of series or alerts; 0: none */
    struct labels labels;
    struct rule *rules;
    size_t n, line;
};

/* What expressions are written in, when it is not PromQL over the host's source. */
struct rules_language {
    int (*check)(const char *expr, struct arena *a, struct err *e); /* ERR_INVALID: it is wrong */
    int (*eval)(void *arg, const char *expr, int64_t at_ms, struct arena *a,
                struct promql_result *out, struct err *e);
    void *arg;
    int64_t offset_ms; /* how far back it looks, in groups that do not say */
};

struct rule_file {
    const struct rules_language *language; /* NULL: PromQL */
    struct rule_group *groups;
    size_t n;
    /* What is wrong with it, one line each: "3:5: group \"x\", rule 1, \"y\": …". */
    const char **faults;
    size_t n_faults;
};

struct rules_opts {
    bool ignore_unknown; /* fields */
    unsigned features;   /* PROMQL_… */
    const struct rules_language *language;
};

/* Never fails: a file that is no rule file has faults and no groups. */
void rules_parse(struct arena *a, const char *text, size_t n, const struct rules_opts *o,
                 struct rule_file *out);

/* The same of a file that has been read already, or an object of that form. */
void rules_read(struct arena *a, const struct value *root, const struct rules_opts *o,
                struct rule_file *out);

/* "1h30m", "0", "5m" in milliseconds, as Prometheus's files have them. ERR_INVALID. */
int rules_duration(const char *text, int64_t *out_ms, struct err *e) MUST_CHECK;

/* "/graph?g0.expr=…": where an expression can be looked at. */
char *rule_link(struct arena *a, const char *expr);

/* ---- running ---- */

struct rules_host {
    struct promql_source *source;
    const struct promql_opts *query;
    const struct rules_language *language; /* NULL: PromQL over the source */
    struct tsdb *db;                       /* where results go */
    struct labels external;
    const char *external_url; /* "" */
    bool restore;             /* alerts of before a restart are in db: see rule_runner_restore() */
};

struct rule_runner;

struct alert {
    struct labels labels, annotations; /* labels with alertname */
    bool firing;
    int64_t active_ms, fired_ms; /* since when it is there, and since when it fires */
    int64_t resolved_ms;         /* when it ended; 0: it is active */
    double value;
};

/* How a rule went at last. */
struct rule_health {
    int64_t at_ms, took_us; /* 0: it has not run yet */
    char error[400];        /* "" */
};

/* Group and file live as long as the runner. */
struct rule_runner *rule_runner_new(const struct rules_host *host, const struct rule_group *group);
void rule_runner_free(struct rule_runner *r);
AUTO_DEFINE(rule_runner)

const struct rule_group *rule_runner_group(const struct rule_runner *r);

/* Runs the group at this time, which must be later than the last. The error is the first rule's
 * that fails; the others still run. */
int rule_runner_eval(struct rule_runner *r, int64_t at_ms, struct err *e) MUST_CHECK;

/* Active alerts of rule i; they live until the next eval. */
const struct alert *rule_runner_alerts(const struct rule_runner *r, size_t i, size_t *out_n);
const struct rule_health *rule_runner_health(const struct rule_runner *r, size_t i);

/* Alerts that fire and those that ended in the last 15 minutes: each when it is news, and again
 * after `again_ms`. */
void rule_runner_tell(struct rule_runner *r, int64_t at_ms, int64_t again_ms,
                      void (*fn)(void *arg, const struct rule *rule, const struct alert *a),
                      void *arg);

/* With host.restore, alerts write no series before this is called: after two evals, when what they
 * ask about has been seen again. Alerts that wait for ten minutes or more go on where
 * ALERTS_FOR_STATE says they were. */
void rule_runner_restore(struct rule_runner *r, int64_t at_ms);

/* Hands what rules of the same name and labels know to `by`, and ends the series of the others;
 * `by` NULL: of all. The old one is good for rule_runner_free() only. */
void rule_runner_replace(struct rule_runner *old, struct rule_runner *by, int64_t at_ms);

/* ---- tests ---- */

struct rule_test_opts {
    struct rules_opts rules;
    const char *run; /* a regular expression on the names of tests; NULL: all */
};

/* Runs a file of tests; rule files are found from its folder. False with what failed, a text each,
 * in the arena. */
bool rule_test_file(struct arena *a, const char *path, const struct rule_test_opts *o,
                    const char ***out_failures, size_t *out_n);
