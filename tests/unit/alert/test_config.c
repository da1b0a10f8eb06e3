#include "alert/config.h"

#include "t.h"

static struct err e;

static const char head[] = "receivers: [{name: r, webhook_configs: [{url: 'http://h/s3cret'}]}]\n";

static void says_what_is_wrong(void)
{
    static const struct {
        const char *text, *fault; /* "": none */
    } cases[] = {
        {"route: {receiver: r}",                                                                 ""                                        },
        {"",                                                                                     "no route provided"                       },
        {"route: {}",                                                                            "the root route must name a receiver"     },
        {"route: {receiver: x}",                                                                 "there is no receiver x"                  },
        {"route: {receiver: r, matchers: [a=b]}",                                                "must not have matchers"                  },
        {"route: {receiver: r, routes: [{matchers: ['a=~\"(\"']}]}",                             "a=~"                                     },
        {"route: {receiver: r, routes: [{matchers: [a]}]}",                                      "bad matcher format: a"                   },
        {"route: {receiver: r, group_by: ['...', a]}",                                           "stands for all labels"                   },
        {"route: {receiver: r, group_wait: 1x}",                                                 "group_wait of a route has the wrong type"},
        {"route: {receiver: r, group_interval: 0s}",                                             "cannot be zero"                          },
        {"route: {receiver: r, nope: 1}",                                                        "a route has no field nope here"          },
        {"route: {receiver: r, routes: [{mute_time_intervals: [x]}]}",
         "there is no time interval x"                                                                                                     },
        {"route: {receiver: r}\nglobal: {pagerduty_url: x}",                                     "global has no field pagerduty_url"       },
        {"route: {receiver: r}\ninhibit_rules: [{source_matchers: [a=b], equal: [c]}]",          ""                                        },
        {"route: {receiver: r}\ntime_intervals: [{name: x, time_intervals: [{weekdays: [x]}]}]",
         "weekdays: \"x\" is no range"                                                                                                     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_config *c = NULL;
        const char *text = arena_join(a, head, cases[i].text, NULL);
        int r = alert_config_read(text, strlen(text), &c, &e);
        T_EQ_INT(r == 0, !*cases[i].fault, cases[i].text);
        if (r < 0 && !strstr(e.msg, cases[i].fault) && strcmp(cases[i].fault, "a=~") != 0)
            T_FAIL(cases[i].text, "%s", e.msg);
        if (r == 0)
            alert_config_free(c);
    }
}

static void refuses_what_it_cannot_do(void)
{
    static const struct {
        const char *receiver, *fault;
    } cases[] = {
        {"pagerduty_configs: [{routing_key: x}]",                 "pagerduty_configs is not known here"},
        {"webhook_configs: [{}]",                                 "webhook_configs: url is missing"    },
        {"webhook_configs: [{url: x, proxy_url: y}]",
         "webhook_configs has no field proxy_url here"                                                 },
        {"webhook_configs: [{url: x, http_config: {oauth2: y}}]",
         "http_config has no field oauth2 here"                                                        },
        {"email_configs: [{to: a@b}]",                            "smarthost is missing"               },
        {"slack_configs: [{channel: a}]",                         "slack_configs: api_url is missing"  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_config *c = NULL;
        const char *text =
            arena_printf(a, "route: {receiver: r}\nreceivers: [{name: r, %s}]", cases[i].receiver);
        T_EQ_INT(alert_config_read(text, strlen(text), &c, &e), ERR_INVALID, cases[i].receiver);
        T_OK(strstr(e.msg, cases[i].fault) != NULL, e.msg);
    }
}

static void inherits_and_hides(void)
{
    static const char text[] =
        "global: {slack_api_url: 'https://h/s3cret', smtp_smarthost: 'm:25', smtp_from: a@b,\n"
        "  smtp_auth_password: s3cret, http_config: {basic_auth: {username: u, password: "
        "s3cret}}}\n"
        "route: {receiver: r, group_by: [a], group_wait: 1s,\n"
        "  routes: [{matchers: ['b=\"x\"', 'a=~y'], repeat_interval: 1h, continue: true}]}\n"
        "receivers: [{name: r, slack_configs: [{channel: c}], email_configs: [{to: d@e}],\n"
        "  webhook_configs: [{url: 'http://h/s3cret'}]}]\n";
    struct alert_config *c;
    T_RC(alert_config_read(text, sizeof text - 1, &c, &e), &e, "read");
    const struct alert_receiver *r = &c->receivers[0];
    T_EQ_INT(r->n, 3, "three ways");
    T_EQ_STR(value_at_str(r->channels[0].settings, "api_url", ""), "https://h/s3cret", "slack");
    T_EQ_STR(value_at_str(r->channels[1].settings, "smarthost", ""), "m:25", "email");
    T_EQ_STR(value_at_str(r->channels[2].settings, "http_config.basic_auth.username", ""), "u",
             "webhook");
    T_OK(r->channels[2].send_resolved && !r->channels[0].send_resolved, "resolved ones");
    T_OK(!strstr(c->shown, "s3cret"), c->shown);
    T_OK(strstr(c->shown, "url: http://h/<secret>") != NULL, c->shown);
    const struct alert_route *child = &c->root.routes[0];
    T_EQ_STR(child->key, "{}/{a=~\"y\",b=\"x\"}", "key");
    T_EQ_INT(child->group_wait_ms, 1000, "the parent's wait");
    T_EQ_INT(child->repeat_ms, 3600000, "its own interval");
    T_OK(child->go_on && child->receiver == r && child->n_group_by == 1, "the rest");
    alert_config_free(c);
}

static void matchers(void)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        {"a=b",               "{a=\"b\"}"           },
        {"{a=\"b\", c!~'d'}", "{a=\"b\",c!~\"'d'\"}"},
        {" a =~ \"b|c\" ",    "{a=~\"b|c\"}"        },
        {"a!=\"x\\\"y\\\\\"", "{a!=\"x\\\"y\\\\\"}" },
        {"a=\"x\\\\n\"",      "{a=\"x\\\\n\"}"      },
        {"a=",                "{a=\"\"}"            },
        {"{}",                "{}"                  },
        {"{a=b",              NULL                  },
        {"a=b}",              NULL                  },
        {"a",                 NULL                  },
        {"=b",                NULL                  },
        {"a=\"b",             NULL                  },
        {"a=~\"(\"",          NULL                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_matchers m;
        int r = alert_matchers_parse(a, cases[i].text, &m, &e);
        T_EQ_INT(r == 0, cases[i].want != NULL, cases[i].text);
        if (r == 0 && cases[i].want)
            T_EQ_STR(alert_matchers_text(a, &m), cases[i].want, cases[i].text);
    }
}

T_MAIN(says_what_is_wrong, refuses_what_it_cannot_do, inherits_and_hides, matchers)
