#include "monitor/ruler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "t.h"
#include "threads.h"

static struct err e;
enum { PATIENCE_MS = 60000 };

struct world {
    struct arena *arena;
    struct tsdb *db;
    struct promql_tsdb source;
    struct promql_opts query;
    struct ruler *ruler;
    pthread_mutex_t lock;
    size_t on, over, changes;
};

static void tell(void *arg, const struct alert_post *posts, size_t n)
{
    struct world *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < n; i++) {
        bool over = posts[i].ends_ms <= clock_real_ms();
        over ? w->over++ : w->on++;
        T_EQ_STR(labels_get(&posts[i].labels, "cluster"), "one", "external labels");
        T_OK(strncmp(posts[i].generator_url, "http://here/graph?", 18) == 0, "link");
    }
    (void)pthread_mutex_unlock(&w->lock);
}

static void changed(void *arg, const char *key)
{
    struct world *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    w->changes++;
    T_OK(strcmp(key, "a") == 0 || strcmp(key, "b") == 0, key);
    (void)pthread_mutex_unlock(&w->lock);
}

static void begin(struct world *w)
{
    static const struct label cluster[] = {
        {"cluster", "one"}
    };
    struct tsdb_opts o = {.clock = &clock_system};
    *w = (struct world){.arena = arena_new(0)};
    (void)pthread_mutex_init(&w->lock, NULL);
    T_RC(tsdb_open(&o, &w->db, &e), &e, "store");
    promql_tsdb_init(&w->source, w->db);
    struct ruler_opts r = {
        .source = &w->source.source,
        .query = &w->query,
        .db = w->db,
        .clock = &clock_system,
        .interval_ms = 20,
        .external = {cluster, 1},
        .external_url = "http://here",
        .tell = tell,
        .changed = changed,
        .arg = w
    };
    w->ruler = ruler_new(&r);
}

static void end(struct world *w)
{
    ruler_free(w->ruler);
    tsdb_free(w->db);
    (void)pthread_mutex_destroy(&w->lock);
    arena_free(w->arena);
}

static void set(struct world *w, const char *key, const char *rules)
{
    const struct rules_opts o = {0};
    struct arena *a = arena_new(0);
    struct rule_file *f = ARENA_NEW(a, struct rule_file);
    const char *text = arena_printf(a, "groups: [{name: g, rules: [%s]}]", rules);
    rules_parse(a, text, strlen(text), &o, f);
    T_EQ_INT(f->n_faults, 0, rules);
    ruler_set(w->ruler, key, rules, a, f);
}

/* "a/g: one ok, Al firing;" */
static const char *shown(struct world *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct ruler_group **g;
    size_t n = ruler_groups(w->ruler, a, &g);
    char *out = arena_strdup(w->arena, "");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < g[i]->n; k++) {
            const struct ruler_rule *r = &g[i]->rules[k];
            out = arena_join(w->arena, out, g[i]->file, " ", r->rule.alert, r->rule.record,
                             !r->health.at_ms    ? " new"
                             : *r->health.error  ? " bad"
                             : !r->n_alerts      ? " ok"
                             : r->alerts->firing ? " firing"
                                                 : " pending",
                             ";", NULL);
        }
    return out;
}

static void becomes(struct world *w, const char *want)
{
    for (int64_t until = clock_mono_ms() + PATIENCE_MS; clock_mono_ms() < until;) {
        if (strcmp(shown(w), want) == 0)
            return;
        (void)usleep(2000);
    }
    T_EQ_STR(shown(w), want, "rules");
}

static void runs_and_tells(void)
{
    struct world w;
    begin(&w);
    set(&w, "a", "{record: one, expr: vector(1)}, {alert: Al, expr: one > 0}");
    becomes(&w, "a one ok;a Al firing;");
    set(&w, "b", "{record: two, expr: one + on() group_left() one}, {alert: No, expr: one > 1}");
    becomes(&w, "a one ok;a Al firing;b two ok;b No ok;");
    set(&w, "a", "{record: one, expr: vector(1)}, {alert: Al, expr: one > 1}");
    becomes(&w, "a one ok;a Al ok;b two ok;b No ok;");
    ruler_remove(w.ruler, "a");
    becomes(&w, "b two ok;b No ok;");
    ruler_stop(w.ruler);
    T_OK(w.on >= 1, "told that it fires");
    T_OK(w.over >= 1, "told that it is over");
    T_OK(w.changes >= 3, "changes were said");
    end(&w);
}

static void the_same_version_stays(void)
{
    struct world w;
    begin(&w);
    T_EQ_INT(threads_become("rules", 0), 0, "without rules there is nothing to do");
    set(&w, "a", "{alert: Al, expr: vector(1), for: 1h}");
    T_EQ_INT(threads_become("rules", 1), 1, "one for one group");
    becomes(&w, "a Al pending;");
    set(&w, "a", "{alert: Al, expr: vector(1), for: 1h}");
    T_EQ_STR(shown(&w), "a Al pending;", "not begun anew");
    end(&w);
}

static _Atomic int64_t ahead_ms;

static int64_t real_ms(const struct clock *c)
{
    (void)c;
    return clock_real_ms() + ahead_ms;
}

static bool ran_between(struct world *w, int64_t from_ms, int64_t to_ms)
{
    for (int64_t until = clock_mono_ms() + PATIENCE_MS; clock_mono_ms() < until;) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct ruler_group **g;
        if (ruler_groups(w->ruler, a, &g) == 1 && g[0]->at_ms > from_ms && g[0]->at_ms < to_ms)
            return true;
        (void)usleep(2000);
    }
    return false;
}

static void a_clock_that_is_set_back(void)
{
    enum { HOUR_MS = 3600000 };
    struct clock c = clock_system;
    struct world w;
    begin(&w);
    ruler_free(w.ruler);
    c.real_ms = real_ms;
    ahead_ms = HOUR_MS;
    w.ruler = ruler_new(&(struct ruler_opts){.source = &w.source.source,
                                             .query = &w.query,
                                             .db = w.db,
                                             .clock = &c,
                                             .interval_ms = 20,
                                             .external_url = ""});
    set(&w, "a", "{alert: Al, expr: vector(1)}");
    int64_t middle_ms = clock_real_ms() + HOUR_MS / 2;
    T_OK(ran_between(&w, middle_ms, INT64_MAX), "an hour ahead");
    ahead_ms = 0;
    T_OK(ran_between(&w, 0, middle_ms), "and goes on after it");
    end(&w);
}

T_MAIN(runs_and_tells, the_same_version_stays, a_clock_that_is_set_back)
