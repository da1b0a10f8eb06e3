#include "alert/message.h"

#include <stdlib.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "t.h"

static struct err e;

static const char config[] =
    "route: {receiver: team}\n"
    "receivers:\n"
    "- name: team\n"
    "  webhook_configs: [{url: u, max_alerts: 1}]\n"
    "  slack_configs:\n"
    "  - {api_url: u, channel: '#{{ .GroupLabels.alertname }}', text: '{{ template \"mine\" . "
    "}}',\n"
    "     fields: [{title: '{{ .Status }}', value: '{{ len .Alerts.Firing }}', short: true}]}\n"
    "  email_configs:\n"
    "  - {to: 'A <a@x>, b@x', from: s@x, smarthost: 'm:25', text: '{{ .CommonLabels.job }}',\n"
    "     headers: {Subject: \"one\\r\\nBcc: evil@x\"}}\n";

static const struct alert_template mine = {
    "mine.tmpl", "{{ define \"mine\" }}{{ range .Alerts }}{{ .Labels.host }}:{{ "
                 ".Annotations.summary | toUpper }}"
                 "@{{ .StartsAt.Unix }};{{ end }}"
                 "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }},{{ end }}"
                 "{{ (.CommonLabels.Remove (stringSlice \"job\")).Names | join \"+\" }}"
                 "|{{ .CommonLabels.Values | join \"+\" }}{{ end }}"};

struct world {
    struct arena *arena;
    struct alert_config *config;
    struct alert_told told[2];
    struct alert_notice notice;
    struct alert_words words;
};

static void begin(struct world *w, size_t channel)
{
    static const struct label group[] = {
        {"alertname", "A"}
    };
    *w = (struct world){.arena = arena_new(0)};
    T_RC(alert_config_read(config, sizeof config - 1, &w->config, &e), &e, "config");
    for (size_t i = 0; i < 2; i++) {
        const struct label l[] = {
            {"alertname", "A"          },
            {"host",      i ? "y" : "x"},
            {"job",       "web"        }
        };
        const struct label s[] = {
            {"summary", "bad"}
        };
        w->told[i] = (struct alert_told){.print = "0123456789abcdef",
                                         .labels = labels_make(w->arena, l, 3),
                                         .annotations = labels_make(w->arena, s, 1),
                                         .starts_ms = 1000,
                                         .ends_ms = 2000,
                                         .generator_url = "http://p",
                                         .resolved = i == 1};
    }
    w->notice = (struct alert_notice){
        .log_key = "k",
        .config = w->config,
        .receiver = &w->config->receivers[0],
        .channel = &w->config->receivers[0].channels[channel],
        .group_key = "{}:{alertname=\"A\"}",
        .group_labels = {group, 1},
        .alerts = w->told,
        .n = 2,
        .at_ms = 1700000000000
    };
    w->words = (struct alert_words){&mine, 1, "http://here"};
}

static void end(struct world *w)
{
    alert_config_free(w->config);
    arena_free(w->arena);
}

static void webhook(void)
{
    struct world w;
    char *text;
    begin(&w, 0);
    T_RC(alert_message_webhook(&w.notice, &w.words, w.arena, &text, &e), &e, "webhook");
    T_EQ_STR(text,
             "{\"receiver\":\"team\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
             "\"labels\":{\"alertname\":\"A\",\"host\":\"x\",\"job\":\"web\"},\"annotations\":"
             "{\"summary\":\"bad\"},\"startsAt\":\"1970-01-01T00:00:01.000Z\",\"endsAt\":"
             "\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://p\",\"fingerprint\":"
             "\"0123456789abcdef\"}],\"groupLabels\":{\"alertname\":\"A\"},\"commonLabels\":"
             "{\"alertname\":\"A\",\"job\":\"web\"},\"commonAnnotations\":{\"summary\":\"bad\"},"
             "\"externalURL\":\"http://here\",\"version\":\"4\",\"groupKey\":"
             "\"{}:{alertname=\\\"A\\\"}\",\"truncatedAlerts\":1}",
             "webhook");
    end(&w);
}

static void slack(void)
{
    struct world w;
    struct value *v;
    char *text;
    begin(&w, 1);
    T_RC(alert_message_slack(&w.notice, &w.words, w.arena, &text, &e), &e, "slack");
    T_RC(json_parse(w.arena, text, strlen(text), 0, &v, &e), &e, text);
    const struct value *x = value_at(v, "attachments[0]");
    T_EQ_STR(value_at_str(v, "channel", ""), "#A", "channel");
    T_EQ_STR(value_at_str(v, "username", ""), "slipway", "username");
    T_EQ_STR(value_at_str(x, "title", ""), "[FIRING:1] A (web)", "title");
    T_EQ_STR(value_at_str(x, "title_link", ""), "http://here", "link");
    T_EQ_STR(value_at_str(x, "text", ""), "x:BAD@1;y:BAD@1;alertname=A,job=web,alertname|A+web",
             "the user's template");
    T_EQ_STR(value_at_str(x, "color", ""), "danger", "color");
    T_EQ_STR(value_at_str(x, "fields[0].title", ""), "firing", "field");
    T_EQ_STR(value_at_str(x, "fields[0].value", ""), "1", "field");
    end(&w);
}

static void mail(void)
{
    struct world w;
    struct alert_mail m;
    begin(&w, 2);
    /* Channels are in the order of the file: webhook, slack, mail. */
    T_RC(alert_message_mail(&w.notice, &w.words, w.arena, &m, &e), &e, "mail");
    T_EQ_STR(m.from, "s@x", "from");
    T_EQ_STR(m.to[0], "a@x", "to");
    T_EQ_STR(m.to[1], "b@x", "to");
    T_OK(m.to[2] == NULL, "two");
    T_OK(strstr(m.text, "Subject: one  Bcc: evil@x\r\n") != NULL, m.text);
    T_OK(strstr(m.text, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n") != NULL, m.text);
    T_OK(strstr(m.text, base64_encode(w.arena, "web", 3, BASE64_STD)) != NULL, "text");
    T_OK(strstr(m.text, "multipart/alternative") != NULL, "parts");
    end(&w);
}

static void names_bad_templates(void)
{
    static const struct alert_template bad = {"bad.tmpl", "{{ define \"x\" }}{{ nope }}{{ end }}"};
    const struct alert_words words = {&bad, 1, ""};
    T_EQ_INT(alert_templates_check(&words, &e), ERR_INVALID, "unknown function");
    T_OK(strstr(e.msg, "bad.tmpl") != NULL, e.msg);
    T_RC(alert_templates_check(&(struct alert_words){&mine, 1, ""}, &e), &e, "mine");
}

T_MAIN(webhook, slack, mail, names_bad_templates)
