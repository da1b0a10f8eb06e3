/* message.h - a notice in words: what is sent to a webhook, to Slack, by mail.
 *
 * Guarantees Pure. Templates see Alertmanager's data (.Status, .Alerts.Firing, .GroupLabels …) and
 *            are limited in output and steps. No header of a mail can be broken out of.      */
#pragma once
#include "alert/engine.h"

struct alert_template {
    const char *name, *text;
};

struct alert_words {
    const struct alert_template *templates; /* the user's, beside the default ones */
    size_t n_templates;
    const char *external_url;
};

/* Says what is wrong with templates, before anything has to be told. */
int alert_templates_check(const struct alert_words *w, struct err *e) MUST_CHECK;

/* JSON of version 4. */
int alert_message_webhook(const struct alert_notice *n, const struct alert_words *w,
                          struct arena *a, char **out, struct err *e) MUST_CHECK;
int alert_message_slack(const struct alert_notice *n, const struct alert_words *w, struct arena *a,
                        char **out, struct err *e) MUST_CHECK;

struct alert_mail {
    const char *from;      /* bare addresses */
    const char *const *to; /* NULL-terminated */
    const char *text;      /* headers and body */
};
int alert_message_mail(const struct alert_notice *n, const struct alert_words *w, struct arena *a,
                       struct alert_mail *out, struct err *e) MUST_CHECK;
