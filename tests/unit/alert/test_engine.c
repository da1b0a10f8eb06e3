/* The engine under a clock of our own: a script of what comes in, and what is told when. */
#include "alert/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "t.h"

static struct err e;

struct world {
    struct arena *arena;
    struct alert_config *config;
    struct alert_engine *engine;
    int64_t now_s;
    const char *told;
    enum alert_outcome outcome;
    struct alert_log_entry log[64]; /* as a disk would keep it */
    size_t n_log;
};

static void begin(struct world *w, const char *text)
{
    *w = (struct world){.arena = arena_new(0), .told = ""};
    T_RC(alert_config_read(text, strlen(text), &w->config, &e), &e, text);
    w->engine = alert_engine_new(w->config);
}

static void end(struct world *w)
{
    alert_engine_free(w->engine);
    alert_config_free(w->config);
    arena_free(w->arena);
}

/* "alertname=A severity=page"; ends_s 0: fires on. */
static void put(struct world *w, const char *labels, int64_t ends_s)
{
    struct label l[8];
    size_t n = 0;
    char *text = arena_strdup(w->arena, labels), *rest = text;
    for (char *word; (word = strsep(&rest, " "));) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        l[n++] = (struct label){word, value};
    }
    struct alert_post p = {.labels = labels_make(w->arena, l, n),
                           .starts_ms = w->now_s * 1000,
                           .ends_ms = ends_s * 1000,
                           .generator_url = ""};
    if (ends_s && ends_s <= w->now_s)
        p.starts_ms = ends_s * 1000;
    T_RC(alert_engine_put(w->engine, &p, w->now_s * 1000, &e), &e, labels);
}

static void keep(struct world *w, const struct alert_log_entry *x)
{
    struct alert_log_entry copy = *x;
    size_t i = 0;
    copy.key = arena_strdup(w->arena, x->key);
    struct alert_told *firing = arena_dup(w->arena, x->firing, x->n_firing * sizeof *firing);
    for (size_t k = 0; k < x->n_firing; k++) {
        firing[k].labels = labels_copy(w->arena, &x->firing[k].labels);
        firing[k].annotations = labels_copy(w->arena, &x->firing[k].annotations);
        firing[k].generator_url = "";
    }
    copy.firing = firing;
    copy.resolved = arena_dup(w->arena, x->resolved, x->n_resolved * sizeof *x->resolved);
    while (i < w->n_log && strcmp(w->log[i].key, copy.key) != 0)
        i++;
    w->log[i] = copy;
    w->n_log += i == w->n_log;
}

/* "30 r {}:{} A+ B-;": when, to whom, of which group, + firing, - over. */
static void tell(struct world *w, const struct alert_notice *n)
{
    w->told = arena_printf(w->arena, "%s%lld %s %s", w->told, (long long)w->now_s,
                           n->receiver->name, n->group_key);
    for (size_t i = 0; i < n->n; i++)
        w->told = arena_join(w->arena, w->told, " ", labels_get(&n->alerts[i].labels, "alertname"),
                             n->alerts[i].resolved ? "-" : "+", NULL);
    w->told = arena_join(w->arena, w->told, ";", NULL);
}

/* Runs to this second, one moment that is due after the other. */
static void until(struct world *w, int64_t to_s)
{
    for (int64_t due_ms; (due_ms = alert_engine_due_ms(w->engine)) <= to_s * 1000;) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct alert_notice *list;
        if (due_ms > w->now_s * 1000)
            w->now_s = (due_ms + 999) / 1000;
        size_t n = alert_engine_run(w->engine, w->now_s * 1000, a, &list);
        for (size_t i = 0; i < n; i++) {
            tell(w, &list[i]);
            const struct alert_log_entry *x =
                alert_engine_done(w->engine, &list[i], w->outcome, w->now_s * 1000);
            if (x)
                keep(w, x);
        }
    }
    w->now_s = to_s;
}

static void check(struct world *w, const char *want, const char *name)
{
    T_EQ_STR(w->told, want, name);
    w->told = "";
}

static void restart(struct world *w)
{
    alert_engine_free(w->engine);
    w->engine = alert_engine_new(w->config);
    for (size_t i = 0; i < w->n_log; i++)
        alert_engine_recall(w->engine, &w->log[i], w->now_s * 1000);
}

static const char one[] = "route: {receiver: r, group_by: [job], group_wait: 30s, group_interval:"
                          " 5m, repeat_interval: 1h}\n"
                          "receivers: [{name: r, webhook_configs: [{url: u}]}]\n";

static void a_group_waits_and_repeats(void)
{
    struct world w;
    begin(&w, one);
    put(&w, "alertname=A job=x", 100000);
    until(&w, 10);
    put(&w, "alertname=B job=x", 100000);
    put(&w, "alertname=C job=y", 100000);
    until(&w, 100);
    check(&w, "30 r {}:{job=\"x\"} A+ B+;40 r {}:{job=\"y\"} C+;", "what comes soon goes together");
    until(&w, 3500);
    check(&w, "", "nothing new");
    until(&w, 3700);
    check(&w, "3630 r {}:{job=\"x\"} A+ B+;3640 r {}:{job=\"y\"} C+;", "again after an hour");
    put(&w, "alertname=D job=x", 100000);
    until(&w, 4000);
    check(&w, "3930 r {}:{job=\"x\"} A+ B+ D+;", "a new one waits for the interval");
    put(&w, "alertname=A job=x", 4000);
    until(&w, 4600);
    check(&w, "4230 r {}:{job=\"x\"} A- B+ D+;", "one is over");
    put(&w, "alertname=B job=x", 4600);
    put(&w, "alertname=D job=x", 4600);
    until(&w, 20000);
    w.told = arena_strndup(w.arena, w.told, strcspn(w.told, ";") + 1);
    check(&w, "4830 r {}:{job=\"x\"} B- D-;", "all are over");
    put(&w, "alertname=A job=x", 100000);
    until(&w, 20100);
    check(&w, "20030 r {}:{job=\"x\"} A+;", "the next time");
    end(&w);
}

static void one_that_ends_before_is_not_told(void)
{
    struct world w;
    begin(&w, one);
    put(&w, "alertname=A job=x", 20);
    until(&w, 1000);
    check(&w, "", "over before the group looked");
    put(&w, "alertname=B job=x", 0);
    until(&w, 2000);
    check(&w, "1030 r {}:{job=\"x\"} B+;1330 r {}:{job=\"x\"} B-;", "nobody speaks of it any more");
    end(&w);
}

static void old_alerts_do_not_wait(void)
{
    struct world w;
    begin(&w, one);
    w.now_s = 1000;
    const struct label l[] = {
        {"alertname", "A"}
    };
    struct alert_post p = {
        .labels = {l, 1},
          .starts_ms = 1000, .generator_url = ""
    };
    T_RC(alert_engine_put(w.engine, &p, 1000000, &e), &e, "put");
    until(&w, 1001);
    check(&w, "1000 r {}:{} A+;", "at once");
    end(&w);
}

static void routes(void)
{
    static const char text[] =
        "route:\n"
        "  receiver: rest\n"
        "  group_by: ['...']\n"
        "  group_wait: 1s\n"
        "  routes:\n"
        "  - {receiver: all, matchers: ['alertname=~\".+\"'], continue: true, group_by: []}\n"
        "  - receiver: a\n"
        "    matchers: ['team=a']\n"
        "    routes: [{receiver: pager, match: {severity: page}}]\n"
        "  - {receiver: b, match_re: {team: 'b|c'}}\n"
        "receivers:\n"
        "- {name: rest, webhook_configs: [{url: u}]}\n"
        "- {name: all, webhook_configs: [{url: u}]}\n"
        "- {name: a, webhook_configs: [{url: u}]}\n"
        "- {name: pager, webhook_configs: [{url: u}]}\n"
        "- {name: b, webhook_configs: [{url: u}]}\n";
    static const struct {
        const char *labels, *receivers;
    } cases[] = {
        {"alertname=A",                      "all"      },
        {"alertname=A team=a",               "all a"    },
        {"alertname=A team=a severity=page", "all pager"},
        {"alertname=A team=c",               "all b"    },
        {"alertname=A team=bc",              "all"      },
        {"name=A",                           "rest"     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        begin(&w, text);
        put(&w, cases[i].labels, 0);
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_seen *seen;
        T_EQ_INT(alert_engine_alerts(w.engine, 0, a, &seen), 1, "one alert");
        const char *got = seen[0].receivers[0];
        for (size_t k = 1; seen[0].receivers[k]; k++)
            got = arena_join(a, got, " ", seen[0].receivers[k], NULL);
        T_EQ_STR(got, cases[i].receivers, cases[i].labels);
        end(&w);
    }
}

static void a_restart_tells_nobody_twice(void)
{
    struct world w;
    begin(&w, one);
    put(&w, "alertname=A job=x", 100000);
    until(&w, 100);
    check(&w, "30 r {}:{job=\"x\"} A+;", "first");
    restart(&w);
    put(&w, "alertname=A job=x", 100000);
    until(&w, 3000);
    check(&w, "", "it is known");
    until(&w, 3800);
    T_OK(*w.told, "it repeats when the time has come");
    w.told = "";
    restart(&w);
    until(&w, 5000);
    T_OK(strstr(w.told, " A-;") != NULL, "what ended while nobody looked is over");
    end(&w);
}

static void what_fails_is_tried_again(void)
{
    struct world w;
    begin(&w, one);
    put(&w, "alertname=A job=x", 100000);
    w.outcome = ALERT_RETRY;
    until(&w, 40);
    check(&w,
          "30 r {}:{job=\"x\"} A+;31 r {}:{job=\"x\"} A+;33 r {}:{job=\"x\"} A+;37 r"
          " {}:{job=\"x\"} A+;",
          "ever more seldom");
    w.outcome = ALERT_DELIVERED;
    until(&w, 1000);
    check(&w, "45 r {}:{job=\"x\"} A+;", "until it goes through");
    w.outcome = ALERT_REFUSED;
    put(&w, "alertname=B job=x", 100000);
    until(&w, 1600);
    check(&w, "1230 r {}:{job=\"x\"} A+ B+;1530 r {}:{job=\"x\"} A+ B+;", "refused: next interval");
    end(&w);
}

static void inhibits(void)
{
    static const char text[] =
        "route: {receiver: r, group_by: ['...'], group_wait: 1s, group_interval: 10s}\n"
        "receivers: [{name: r, webhook_configs: [{url: u}]}]\n"
        "inhibit_rules:\n"
        "- {source_matchers: [severity=page], target_matchers: [severity=~warn|page],\n"
        "   equal: [host]}\n";
    struct world w;
    begin(&w, text);
    put(&w, "alertname=Page host=a severity=page", 100);
    put(&w, "alertname=Low host=a severity=warn", 1000);
    put(&w, "alertname=Other host=b severity=warn", 1000);
    until(&w, 5);
    T_OK(strstr(w.told, "Page+") && strstr(w.told, "Other+") && !strstr(w.told, "Low+"), w.told);
    AUTO(arena) struct arena *a = arena_new(0);
    struct alert_seen *seen;
    size_t n = alert_engine_alerts(w.engine, 5000, a, &seen), held = 0;
    for (size_t i = 0; i < n; i++)
        held += seen[i].inhibited_by[0] != NULL;
    T_EQ_INT(held, 1, "a source of its own kind does not hold itself");
    w.told = "";
    until(&w, 150);
    T_OK(strstr(w.told, "Page-") && strstr(w.told, "Low+"), w.told);
    end(&w);
}

static void silences(void)
{
    struct world w;
    const char *id;
    begin(&w, one);
    struct alert_silence s = {.id = "", .ends_ms = 500000, .created_by = "me", .comment = "c"};
    T_RC(alert_matchers_parse(w.arena, "alertname=A", &s.matchers, &e), &e, "matchers");
    T_RC(alert_engine_silence(w.engine, &s, "one", 0, &id, &e), &e, "silence");
    T_EQ_STR(id, "one", "new");
    put(&w, "alertname=A job=x", 100000);
    put(&w, "alertname=B job=x", 100000);
    until(&w, 400);
    check(&w, "30 r {}:{job=\"x\"} B+;", "held back");
    until(&w, 700);
    check(&w, "630 r {}:{job=\"x\"} A+ B+;", "it ran out");
    s.id = "one";
    T_EQ_INT(alert_engine_expire(w.engine, "one", 700000, &e), ERR_INVALID, "expired already");
    T_EQ_INT(alert_engine_expire(w.engine, "two", 700000, &e), ERR_NOT_FOUND, "no such");
    s.starts_ms = 700000;
    s.ends_ms = 9000000;
    T_RC(alert_engine_silence(w.engine, &s, "two", 700000, &id, &e), &e, "an expired one");
    T_EQ_STR(id, "two", "becomes another");
    s.id = "two";
    s.ends_ms = 8000000;
    T_RC(alert_engine_silence(w.engine, &s, "three", 700000, &id, &e), &e, "an active one");
    T_EQ_STR(id, "two", "changes");
    T_RC(alert_engine_expire(w.engine, "two", 800000, &e), &e, "expire");
    s.id = "";
    s.matchers.n = 0;
    T_EQ_INT(alert_engine_silence(w.engine, &s, "x", 0, &id, &e), ERR_INVALID, "of nothing");
    T_RC(alert_matchers_parse(w.arena, "a=~\".*\"", &s.matchers, &e), &e, "matchers");
    T_EQ_INT(alert_engine_silence(w.engine, &s, "x", 0, &id, &e), ERR_INVALID, "of everything");
    end(&w);
}

static void time_of_day(void)
{
    static const char text[] =
        "route:\n"
        "  receiver: r\n"
        "  routes: [{receiver: r, group_wait: 1s, matchers: [alertname=A],"
        " mute_time_intervals: [night]},\n"
        "    {receiver: r, group_wait: 1s, active_time_intervals: [night]}]\n"
        "receivers: [{name: r, webhook_configs: [{url: u}]}]\n"
        "time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time:"
        " '01:00'}]}]}]\n";
    struct world w;
    begin(&w, text);
    put(&w, "alertname=A", 100000);
    put(&w, "alertname=B", 100000);
    until(&w, 3500);
    check(&w, "1 r {}/{}:{} B+;", "by night");
    until(&w, 4000);
    check(&w, "3601 r {}/{alertname=\"A\"}:{} A+;", "by day");
    end(&w);
}

static void another_configuration(void)
{
    struct world w;
    begin(&w, one);
    put(&w, "alertname=A job=x", 100000);
    until(&w, 100);
    check(&w, "30 r {}:{job=\"x\"} A+;", "before");
    struct alert_config *none = alert_config_none();
    alert_engine_configure(w.engine, none, w.now_s * 1000);
    until(&w, 1000);
    check(&w, "", "nobody listens");
    alert_config_free(none);
    alert_engine_configure(w.engine, w.config, w.now_s * 1000);
    until(&w, 2000);
    check(&w, "", "and back: it is known");
    end(&w);
}

static void refuses(void)
{
    struct world w;
    begin(&w, one);
    struct alert_post p = {.generator_url = ""};
    T_EQ_INT(alert_engine_put(w.engine, &p, 0, &e), ERR_INVALID, "no labels");
    const struct label l[] = {
        {"a", "b"}
    };
    p.labels = (struct labels){l, 1};
    p.starts_ms = 2000;
    p.ends_ms = 1000;
    T_EQ_INT(alert_engine_put(w.engine, &p, 0, &e), ERR_INVALID, "ends before it begins");
    end(&w);
}

/* "a<i>", with a summary of so many bytes. */
static int put_large(struct world *w, int i, size_t bytes, int64_t ends_s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *summary = arena_alloc(a, bytes + 1);
    memset(summary, 'x', bytes);
    summary[bytes] = '\0';
    const struct label l = {"alertname", arena_printf(a, "a%d", i)}, s = {"summary", summary};
    const struct alert_post p = {
        .labels = {&l, 1},
        .annotations = {&s, 1},
        .starts_ms = w->now_s * 1000,
        .ends_ms = ends_s * 1000,
        .generator_url = ""
    };
    return alert_engine_put(w->engine, &p, w->now_s * 1000, &e);
}

static void room_has_an_end(void)
{
    enum { LARGE = 60 << 10, MANY = (64 << 20) / LARGE };
    struct world w;
    int n = 0;
    begin(&w, one);
    T_EQ_INT(put_large(&w, 0, 70 << 10, 50), ERR_TOO_LARGE, "one alert");
    while (n < 2 * MANY && put_large(&w, n, LARGE, 50) == 0)
        n++;
    T_OK(n > MANY - 10 && n <= MANY, "all alerts");
    T_EQ_INT(put_large(&w, 0, LARGE, 50), 0, "one that is there has its room");
    until(&w, 1000);
    T_EQ_INT(put_large(&w, n, LARGE, 2000), 0, "what is over makes room");
    char *comment = arena_alloc(w.arena, (17 << 10) + 1);
    memset(comment, 'x', 17 << 10);
    comment[17 << 10] = '\0';
    struct matcher m = {"a", MATCH_EQ, "b"};
    const struct alert_silence s = {
        .id = "",
        .matchers = {&m, 1},
        .starts_ms = 0,
        .ends_ms = 5000000,
        .created_by = "",
        .comment = comment
    };
    const char *id;
    T_EQ_INT(alert_engine_silence(w.engine, &s, "id", 1000000, &id, &e), ERR_TOO_LARGE, "silence");
    end(&w);
}

T_MAIN(a_group_waits_and_repeats, one_that_ends_before_is_not_told, old_alerts_do_not_wait, routes,
       a_restart_tells_nobody_twice, what_fails_is_tried_again, inhibits, silences, time_of_day,
       another_configuration, refuses, room_has_an_end)
