/* message.c - notices as webhooks and Slack take them. */
#include <string.h>

#include "alert/message_int.h"
#include "base/clock.h"
#include "codec/json.h"

static struct value *labels_value(const struct labels *l, struct arena *a)
{
    struct value *v = value_new_object(a);
    for (size_t i = 0; i < l->n; i++)
        (void)value_set_str(a, v, l->items[i].name, l->items[i].value);
    return v;
}

static void set_time(struct arena *a, struct value *v, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_MAX] = "0001-01-01T00:00:00Z";
    if (ms)
        clock_format_rfc3339_ms(ms, text);
    (void)value_set_str(a, v, key, text);
}

static struct value *alert_json(const struct alert_told *t, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "status", t->resolved ? "resolved" : "firing");
    (void)value_set(a, v, "labels", labels_value(&t->labels, a));
    (void)value_set(a, v, "annotations", labels_value(&t->annotations, a));
    set_time(a, v, "startsAt", t->starts_ms);
    set_time(a, v, "endsAt", t->resolved ? t->ends_ms : 0);
    (void)value_set_str(a, v, "generatorURL", t->generator_url);
    (void)value_set_str(a, v, "fingerprint", t->print);
    return v;
}

int alert_message_webhook(const struct alert_notice *n, const struct alert_words *w,
                          struct arena *a, char **out, struct err *e)
{
    size_t most = (size_t)value_at_int(n->channel->settings, "max_alerts", 0), said = n->n;
    struct labels labels = alert_common(n, false, a), annotations = alert_common(n, true, a);
    struct value *v = value_new_object(a);
    (void)e;
    if (most && said > most)
        said = most;
    (void)value_set_str(a, v, "receiver", n->receiver->name);
    (void)value_set_str(a, v, "status", alert_status(n));
    struct value *alerts = value_set(a, v, "alerts", value_new_array(a));
    for (size_t i = 0; i < said; i++)
        (void)value_push(a, alerts, alert_json(&n->alerts[i], a));
    (void)value_set(a, v, "groupLabels", labels_value(&n->group_labels, a));
    (void)value_set(a, v, "commonLabels", labels_value(&labels, a));
    (void)value_set(a, v, "commonAnnotations", labels_value(&annotations, a));
    (void)value_set_str(a, v, "externalURL", w->external_url);
    (void)value_set_str(a, v, "version", "4");
    (void)value_set_str(a, v, "groupKey", n->group_key);
    (void)value_set_int(a, v, "truncatedAlerts", (int64_t)(n->n - said));
    *out = json_text(a, v, 0);
    return 0;
}

/* ---- Slack ---- */

struct slack_field {
    const char *name, *dflt;
};

static const struct slack_field message_fields[] = {
    {"channel",    ""                                          },
    {"username",   "{{template \"slack.default.username\" .}}" },
    {"icon_emoji", "{{template \"slack.default.iconemoji\" .}}"},
    {"icon_url",   "{{template \"slack.default.iconurl\" .}}"  },
};
static const struct slack_field attachment_fields[] = {
    {"title",       "{{template \"slack.default.title\" .}}"               },
    {"title_link",  "{{template \"slack.default.titlelink\" .}}"           },
    {"pretext",     "{{template \"slack.default.pretext\" .}}"             },
    {"text",        "{{template \"slack.default.text\" .}}"                },
    {"fallback",    "{{template \"slack.default.fallback\" .}}"            },
    {"callback_id", "{{template \"slack.default.callbackid\" .}}"          },
    {"image_url",   ""                                                     },
    {"thumb_url",   ""                                                     },
    {"footer",      "{{template \"slack.default.footer\" .}}"              },
    {"color",       "{{if eq .Status \"firing\"}}danger{{else}}good{{end}}"},
};

static int put_fields(struct renderer *r, const struct slack_field *f, size_t n, struct value *to,
                      struct err *e)
{
    const char *text;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = renderer_setting(r, f[i].name, f[i].dflt, &text, e);
        if (rc == 0 && *text)
            (void)value_set_str(r->arena, to, f[i].name, text);
    }
    return rc;
}

/* The small table below the text. */
static int put_table(struct renderer *r, struct value *to, struct err *e)
{
    const struct value *s = r->notice->channel->settings, *fields = value_get(s, "fields");
    int rc = 0;
    if (!value_count(fields))
        return 0;
    struct value *list = value_set(r->arena, to, "fields", value_new_array(r->arena));
    VALUE_EACH_ITEM (f, fields) {
        const char *title, *text;
        rc = renderer_text(r, value_at_str(f, "title", ""), &title, e);
        if (rc == 0)
            rc = renderer_text(r, value_at_str(f, "value", ""), &text, e);
        if (rc < 0)
            return rc;
        struct value *x = value_push(r->arena, list, value_new_object(r->arena));
        (void)value_set_str(r->arena, x, "title", title);
        (void)value_set_str(r->arena, x, "value", text);
        (void)value_set_bool(r->arena, x, "short",
                             value_at_bool(f, "short", value_at_bool(s, "short_fields", false)));
    }
    return 0;
}

static const char *const usual_marks[] = {"fallback", "pretext", "text"};

int alert_message_slack(const struct alert_notice *n, const struct alert_words *w, struct arena *a,
                        char **out, struct err *e)
{
    struct renderer r;
    const struct value *marked = value_get(n->channel->settings, "mrkdwn_in");
    struct value *v = value_new_object(a);
    int rc = renderer_init(&r, n, w, a, e);
    if (rc == 0)
        rc = put_fields(&r, message_fields, ARRAY_LEN(message_fields), v, e);
    if (rc < 0)
        return rc;
    if (value_at_bool(n->channel->settings, "link_names", false))
        (void)value_set_bool(a, v, "link_names", true);
    struct value *list = value_set(a, v, "attachments", value_new_array(a));
    struct value *x = value_push(a, list, value_new_object(a));
    rc = put_fields(&r, attachment_fields, ARRAY_LEN(attachment_fields), x, e);
    if (rc == 0)
        rc = put_table(&r, x, e);
    if (rc < 0)
        return rc;
    struct value *in = value_set(a, x, "mrkdwn_in", value_new_array(a));
    if (!value_count(marked))
        for (size_t i = 0; i < ARRAY_LEN(usual_marks); i++)
            (void)value_push_str(a, in, usual_marks[i]);
    VALUE_EACH_ITEM (m, marked)
        (void)value_push_str(a, in, value_str(m, ""));
    *out = json_text(a, v, 0);
    return 0;
}
