/* ruler.h - runs rules at their interval and keeps what became of them.
 *
 * Model      A source (a file, an object) is a key with groups. Each group runs at moments that
 *            its interval and its name give, so that groups are spread and a restart does not move
 *            them; once more at once when its source is new. What a changed source still has of
 *            its rules keeps its alerts.
 * Guarantees A query has the limits that queries have. A group that takes longer than its interval
 *            skips moments; none runs twice at a time. Alerts of before a restart go on where
 *            ALERTS_FOR_STATE says, after their group has run twice.
 * Threads    A small pool of its own; set, remove and groups from any.                       */
#pragma once
#include "alert/alert.h"
#include "rules/rules.h"

struct ruler;

struct ruler_opts {
    struct promql_source *source;
    const struct promql_opts *query;
    struct tsdb *db;
    const struct clock *clock;
    int64_t interval_ms;      /* of groups that name none; 0: 15 s */
    int64_t offset_ms;        /* how far back queries look, of groups that do not say */
    unsigned threads;         /* most of them; 0: 2 */
    struct labels external;   /* for templates */
    const char *external_url; /* "" */
    /* Told after a group ran: alerts that fire or ended. Lives for the call. */
    void (*tell)(void *arg, const struct alert_post *posts, size_t n);
    /* Told when a source's alerts or the health of its rules are not as before. */
    void (*changed)(void *arg, const char *key);
    void *arg;
};

struct ruler *ruler_new(const struct ruler_opts *o); /* threads begin with the first rules */
/* Nothing runs and nobody is told any more, once it returns. NULL is fine. */
void ruler_stop(struct ruler *r);
void ruler_free(struct ruler *r);
AUTO_DEFINE(ruler)

/* Takes the arena, in which the file lives. A source of the same version stays as it is. May wait
 * for a group of the source that runs. */
void ruler_set(struct ruler *r, const char *key, const char *version, struct arena *arena,
               const struct rule_file *file);
void ruler_remove(struct ruler *r, const char *key);

/* ---- what became of them ---- */

struct ruler_rule {
    struct rule rule;
    struct rule_health health;
    const struct alert *alerts; /* active ones */
    size_t n_alerts;
};

struct ruler_group {
    const char *file, *name; /* file: the source's key */
    int64_t interval_ms, limit, at_ms, took_us;
    const struct ruler_rule *rules;
    size_t n;
};

/* Every group, by file and name, as it was after it last ran. Good until the arena ends. */
size_t ruler_groups(struct ruler *r, struct arena *a, const struct ruler_group ***out);
