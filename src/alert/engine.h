/* engine.h - Alertmanager's decisions: what is grouped, held back, told, told again.
 *
 * Model      Alerts are put in and routed into groups. A group waits group_wait, then looks every
 *            group_interval: what is not muted by a silence, an inhibition or the time of day, and
 *            is not as the log says it was told, becomes a notice. The caller delivers notices and
 *            says how that went; only then is a notice in the log.
 * Guarantees Pure: the time is an argument, nothing is read or sent. What was told is not told
 *            again before repeat_interval, also after a restart when the log is put back. Counts of
 *            alerts and silences are limited.
 * Threads    One at a time.
 * Lifetime   What is handed out lives in the arena given.                                     */
#pragma once
#include "alert/alert.h"
#include "alert/config.h"

enum { ALERT_PRINT_MAX = 17 };

struct alert_engine;

struct alert_engine *alert_engine_new(struct alert_config *c); /* takes a reference */
void alert_engine_free(struct alert_engine *g);
AUTO_DEFINE(alert_engine)

/* Another configuration: alerts, silences and log stay, groups begin anew. */
void alert_engine_configure(struct alert_engine *g, struct alert_config *c, int64_t now_ms);
struct alert_config *alert_engine_config(const struct alert_engine *g); /* borrowed */

/* ERR_INVALID: it cannot be (no labels, ends before it begins); ERR_TOO_LARGE: too many. */
int alert_engine_put(struct alert_engine *g, const struct alert_post *p, int64_t now_ms,
                     struct err *e) MUST_CHECK;

/* ---- telling ---- */

struct alert_told {
    char print[ALERT_PRINT_MAX]; /* fingerprint: of its labels, as Alertmanager's */
    struct labels labels, annotations;
    int64_t starts_ms, ends_ms;
    const char *generator_url;
    bool resolved;
};

struct alert_notice {
    const char *id, *log_key; /* for alert_engine_done() */
    uint64_t flush;
    const struct alert_config *config; /* held until the arena ends */
    const struct alert_receiver *receiver;
    const struct alert_channel *channel;
    const char *group_key; /* "{}:{alertname=\"x\"}" */
    struct labels group_labels;
    const struct alert_told *alerts; /* oldest first */
    size_t n;
    const struct alert_told *all; /* also resolved ones that the channel does not want */
    size_t n_all;
    int64_t at_ms, repeat_ms;
};

/* When it next has something to do; INT64_MAX: never, unless something is put in. */
int64_t alert_engine_due_ms(const struct alert_engine *g);

/* What has to be told now. A group looks no more until all its notices are done. */
size_t alert_engine_run(struct alert_engine *g, int64_t now_ms, struct arena *a,
                        const struct alert_notice **out);

/* What a channel was told at last about a group; kept for two repeat intervals. */
struct alert_log_entry {
    const char *key;
    int64_t at_ms, expires_ms;
    const struct alert_told *firing, *resolved; /* of resolved ones the print alone */
    size_t n_firing, n_resolved;
};

enum alert_outcome { ALERT_DELIVERED, ALERT_RETRY, ALERT_REFUSED };

/* How it went; the entry to keep, or NULL. ALERT_RETRY: the group looks again soon, ever more
 * seldom, at the latest after its interval; ALERT_REFUSED: then only. */
const struct alert_log_entry *alert_engine_done(struct alert_engine *g,
                                                const struct alert_notice *n,
                                                enum alert_outcome how, int64_t now_ms);

/* Puts back what was kept over a restart. What fired is taken to fire on, until the resolve
 * timeout has passed without word of it. */
void alert_engine_recall(struct alert_engine *g, const struct alert_log_entry *entry,
                         int64_t now_ms);

/* ---- silences ---- */

struct alert_silence {
    const char *id; /* "": a new one */
    struct alert_matchers matchers;
    int64_t starts_ms, ends_ms, updated_ms;
    const char *created_by, *comment;
};

enum alert_silence_state { SILENCE_PENDING, SILENCE_ACTIVE, SILENCE_EXPIRED };
enum alert_silence_state alert_silence_state(const struct alert_silence *s, int64_t now_ms);

/* Sets one; `fresh_id` is what it is called when it is new, or cannot be changed in place: then the
 * old one is expired. out_id: what it is called. ERR_INVALID, ERR_NOT_FOUND, ERR_TOO_LARGE. */
int alert_engine_silence(struct alert_engine *g, const struct alert_silence *s,
                         const char *fresh_id, int64_t now_ms, const char **out_id,
                         struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND, or ERR_INVALID: it is expired. */
int alert_engine_expire(struct alert_engine *g, const char *id, int64_t now_ms,
                        struct err *e) MUST_CHECK;
/* Puts back one that was kept. */
void alert_engine_recall_silence(struct alert_engine *g, const struct alert_silence *s);
/* All; those that expired long ago are forgotten by alert_engine_run(). */
size_t alert_engine_silences(const struct alert_engine *g, struct arena *a,
                             struct alert_silence **out);

/* ---- looking ---- */

struct alert_seen {
    struct alert_told alert;
    int64_t updated_ms;
    const char **receivers, **silenced_by, **inhibited_by, **muted_by; /* NULL-terminated */
    bool processed;
};
/* Alerts that are not over, by fingerprint. */
size_t alert_engine_alerts(struct alert_engine *g, int64_t now_ms, struct arena *a,
                           struct alert_seen **out);

struct alert_group_seen {
    const char *key, *receiver;
    struct labels labels;
    struct alert_seen *alerts;
    size_t n;
};
size_t alert_engine_groups(struct alert_engine *g, int64_t now_ms, struct arena *a,
                           struct alert_group_seen **out);
