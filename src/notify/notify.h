/* notify.h - the Alertmanager of this process: the engine of alert/, with a clock, a disk, a
 * network and an API.
 *
 * Model      Alerts come from the server's rules and by POST /api/v2/alerts. One thread asks the
 *            engine what is due; a few deliver. What was delivered, and silences, are on disk
 *            (alerts.db) before the next step.
 * Guarantees A restart tells nobody twice, except what was under way when the process was killed.
 *            A receiver that does not answer holds up one delivery for its timeout, and a stop
 *            for seconds. Neither the log nor the API shows secrets.
 * Threads    Any; its own begin with the first alert.                                     */
#pragma once
#include "alert/engine.h"
#include "base/clock.h"
#include "net/http_server.h"

struct notifier;

struct notifier_opts {
    const char *dir; /* where alerts.db is; NULL: memory only */
    const struct clock *clock;
    const char *external_url;
    int64_t grace_ms; /* that a stop gives deliveries under way; 0: 3 s */
    unsigned threads; /* that deliver, at most; 0: 4 */
};

int notifier_start(const struct notifier_opts *o, struct notifier **out, struct err *e) MUST_CHECK;
void notifier_stop(struct notifier *n); /* nothing is sent any more; NULL is fine */
void notifier_free(struct notifier *n);
AUTO_DEFINE(notifier)

/* A configuration and its templates: alertmanager.yaml and *.tmpl. */
struct notifier_file {
    const char *name, *text;
};
struct notifier_config {
    const char *text; /* NULL: nobody is told */
    const struct notifier_file *templates;
    size_t n_templates;
    bool local; /* whoever wrote it may read this machine's files, so it may name some */
};
/* Copies what it needs. ERR_INVALID: what was in force before stays. */
int notifier_configure(struct notifier *n, const struct notifier_config *c,
                       struct err *e) MUST_CHECK;

/* Also sends what is put in to other Alertmanagers: "http://HOST:PORT/PREFIX", NULL-terminated;
 * lives as long as the notifier. Before anything is put in. */
void notifier_forward(struct notifier *n, const char *const *urls);

void notifier_put(struct notifier *n, const struct alert_post *posts, size_t count);

/* An http_handler for paths below /api/v2/; arg: a struct notifier. */
void notifier_handle(struct http_request *q, void *arg);
