#include "monitor/ruler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

enum { MAX_THREADS = 8, INTERVAL_MS = 15000, AGAIN_MS = 60000, LOOK_MS = 60000, STACK_KIB = 8192 };

/* Immutable once it is shown. */
struct report {
    atomic_uint refs;
    struct arena *arena;
    struct ruler_group group;
};

struct running {
    struct source *source;
    struct rule_runner *runner;
    struct report *report;
    int64_t interval_ms, phase_ms, due_ms; /* real time */
    unsigned runs;
    bool busy;
};

struct source {
    struct arena *arena;
    const char *key, *version;
    const struct rule_file *file;
    struct running *groups;
    size_t n;
    bool held; /* about to be replaced: none of it starts */
};

struct ruler {
    struct ruler_opts opts;
    pthread_t threads[MAX_THREADS];
    unsigned n_threads;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map sources;
    bool stopping;
};

/* ---- reports ---- */

static void report_unref(void *p)
{
    struct report *r = p;
    if (r && atomic_fetch_sub(&r->refs, 1) == 1) {
        arena_free(r->arena);
        free(r);
    }
}

static void report_rule(struct arena *a, const struct rule_runner *runner, size_t i,
                        struct ruler_rule *out)
{
    const struct rule *r = &rule_runner_group(runner)->rules[i];
    size_t n;
    const struct alert *alerts = rule_runner_alerts(runner, i, &n);
    struct alert *copy = arena_dup(a, alerts, n * sizeof *copy);
    for (size_t k = 0; k < n; k++) {
        copy[k].labels = labels_copy(a, &alerts[k].labels);
        copy[k].annotations = labels_copy(a, &alerts[k].annotations);
    }
    *out = (struct ruler_rule){*r, *rule_runner_health(runner, i), copy, n};
    out->rule.record = arena_strdup(a, r->record);
    out->rule.alert = arena_strdup(a, r->alert);
    out->rule.expr = arena_strdup(a, r->expr);
    out->rule.labels = labels_copy(a, &r->labels);
    out->rule.annotations = labels_copy(a, &r->annotations);
}

static struct report *report_new(const struct running *g, int64_t at_ms, int64_t took_us)
{
    const struct rule_group *of = rule_runner_group(g->runner);
    struct report *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    atomic_init(&r->refs, 1);
    r->arena = arena_new(0);
    struct ruler_rule *rules = ARENA_ARRAY(r->arena, struct ruler_rule, of->n + 1);
    for (size_t i = 0; i < of->n; i++)
        report_rule(r->arena, g->runner, i, &rules[i]);
    r->group = (struct ruler_group){.file = arena_strdup(r->arena, g->source->key),
                                    .name = arena_strdup(r->arena, of->name),
                                    .interval_ms = g->interval_ms,
                                    .limit = of->limit,
                                    .at_ms = at_ms,
                                    .took_us = took_us,
                                    .rules = rules,
                                    .n = of->n};
    return r;
}

static int by_name(const void *a, const void *b)
{
    const struct ruler_group *x = *(const struct ruler_group *const *)a,
                             *y = *(const struct ruler_group *const *)b;
    int c = strcmp(x->file, y->file);
    return c ? c : strcmp(x->name, y->name);
}

size_t ruler_groups(struct ruler *r, struct arena *a, const struct ruler_group ***out)
{
    size_t n = 0, at = 0;
    const struct map_entry *m;
    {
        LOCK_SCOPE(&r->lock);
        while ((m = map_next(&r->sources, &at)))
            n += ((const struct source *)m->value)->n;
        *out = ARENA_ARRAY(a, const struct ruler_group *, n + 1);
        n = at = 0;
        while ((m = map_next(&r->sources, &at))) {
            const struct source *s = m->value;
            for (size_t i = 0; i < s->n; i++) {
                atomic_fetch_add(&s->groups[i].report->refs, 1);
                arena_defer(a, report_unref, s->groups[i].report);
                (*out)[n++] = &s->groups[i].report->group;
            }
        }
    }
    qsort(*out, n, sizeof **out, by_name);
    return n;
}

/* ---- running ---- */

struct telling {
    struct arena *arena;
    const struct ruler_opts *opts;
    struct alert_post *posts;
    size_t n;
    int64_t valid_ms; /* firing ones end then, unless they are told again */
};

/* Others need to know whose alerts they are; an alert's own labels count before those. */
static struct labels with_external(const struct labels *l, const struct labels *external,
                                   struct arena *a)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n + external->n + 1);
    if (external->n)
        memcpy(all, external->items, external->n * sizeof *all);
    memcpy(all + external->n, l->items, l->n * sizeof *all);
    return labels_make(a, all, l->n + external->n);
}

static void tell(void *arg, const struct rule *rule, const struct alert *x)
{
    struct telling *t = arg;
    t->posts =
        arena_grow(t->arena, t->posts, t->n * sizeof *t->posts, (t->n + 1) * sizeof *t->posts);
    t->posts[t->n++] = (struct alert_post){
        with_external(&x->labels, &t->opts->external, t->arena), x->annotations, x->fired_ms,
        x->resolved_ms ? x->resolved_ms : t->valid_ms,
        arena_join(t->arena, t->opts->external_url, rule_link(t->arena, rule->expr), NULL)};
}

static void tell_alerts(struct ruler *r, struct running *g, int64_t at_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t often_ms = g->interval_ms > AGAIN_MS ? g->interval_ms : AGAIN_MS;
    struct telling t = {.arena = a, .opts = &r->opts, .valid_ms = at_ms + 4 * often_ms};
    rule_runner_tell(g->runner, at_ms, AGAIN_MS, tell, &t);
    if (t.n && r->opts.tell)
        r->opts.tell(r->opts.arg, t.posts, t.n);
}

/* A rule that goes wrong is said when it begins to, and when it is well again. */
static void say_health(const struct report *before, const struct report *now)
{
    for (size_t i = 0; i < now->group.n; i++) {
        const struct ruler_rule *x = &now->group.rules[i];
        const char *name = *x->rule.alert ? x->rule.alert : x->rule.record;
        const char *was = i < before->group.n ? before->group.rules[i].health.error : "";
        if (*x->health.error && strcmp(was, x->health.error) != 0)
            log_warn("rules", "%s, group %s, rule %s: %s", now->group.file, now->group.name, name,
                     x->health.error);
        else if (*was && !*x->health.error)
            log_info("rules", "%s, group %s, rule %s: works again", now->group.file,
                     now->group.name, name);
    }
}

/* Whether there are as many alerts in each state, and the same rules fail. */
static bool looks_same(const struct report *a, const struct report *b)
{
    for (size_t i = 0; i < a->group.n; i++) {
        const struct ruler_rule *x = &a->group.rules[i], *y = &b->group.rules[i];
        size_t firing[2] = {0};
        for (size_t k = 0; k < x->n_alerts; k++)
            firing[0] += x->alerts[k].firing;
        for (size_t k = 0; k < y->n_alerts; k++)
            firing[1] += y->alerts[k].firing;
        if (x->n_alerts != y->n_alerts || firing[0] != firing[1] ||
            !*x->health.error != !*y->health.error)
            return false;
    }
    return a->group.at_ms != 0;
}

/* Without the lock; the group is busy. */
static struct report *run_group(struct ruler *r, struct running *g, int64_t at_ms)
{
    struct err e;
    int64_t start = clock_mono_us();
    if (rule_runner_eval(g->runner, at_ms, &e) < 0)
        log_debug("rules", "%s", e.msg); /* each rule's health says what failed */
    if (++g->runs == 2)
        rule_runner_restore(g->runner, at_ms);
    if (tsdb_commit(r->opts.db, &e) < 0 || tsdb_sync(r->opts.db, &e) < 0)
        log_error("rules", "%s", e.msg);
    tell_alerts(r, g, at_ms);
    struct report *now = report_new(g, at_ms, clock_mono_us() - start);
    say_health(g->report, now);
    return now;
}

static int64_t next_slot(const struct running *g, int64_t now_ms)
{
    int64_t since = now_ms - g->phase_ms;
    return now_ms - since % g->interval_ms + g->interval_ms;
}

static struct running *next_due(struct ruler *r, int64_t now_ms, int64_t *wait_ms)
{
    const struct map_entry *m;
    struct running *best = NULL;
    for (size_t at = 0; (m = map_next(&r->sources, &at));) {
        struct source *s = m->value;
        for (size_t i = 0; i < s->n && !s->held; i++) {
            struct running *g = &s->groups[i];
            if (g->due_ms - now_ms > g->interval_ms) /* the clock was set back */
                g->due_ms = next_slot(g, now_ms);
            if (!g->busy && (!best || g->due_ms < best->due_ms))
                best = g;
        }
    }
    *wait_ms = -1;
    if (best) /* it looks again in time, should somebody set the clock */
        *wait_ms = best->due_ms - now_ms < LOOK_MS ? best->due_ms - now_ms : LOOK_MS;
    return best && best->due_ms <= now_ms ? best : NULL;
}

static void *work(void *arg)
{
    struct ruler *r = arg;
    (void)pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        int64_t wait_ms, now_ms = r->opts.clock->real_ms(r->opts.clock);
        struct running *g = next_due(r, now_ms, &wait_ms);
        if (!g) {
            (void)cond_wait_ms(&r->changed, &r->lock, wait_ms);
            continue;
        }
        g->busy = true;
        /* At the moment it was due, but not at one long gone. */
        int64_t at_ms = now_ms - g->due_ms < g->interval_ms ? g->due_ms : now_ms;
        g->due_ms = next_slot(g, now_ms);
        (void)pthread_mutex_unlock(&r->lock);
        struct report *now = run_group(r, g, at_ms), *before = g->report;
        (void)pthread_mutex_lock(&r->lock);
        g->report = now;
        (void)pthread_mutex_unlock(&r->lock);
        if (r->opts.changed && !looks_same(before, now))
            r->opts.changed(r->opts.arg, g->source->key);
        report_unref(before);
        (void)pthread_mutex_lock(&r->lock);
        g->busy = false;
        (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- sources ---- */

static void source_free(struct source *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        rule_runner_free(s->groups[i].runner);
        report_unref(s->groups[i].report);
    }
    arena_free(s->arena);
}

static void start_group(struct ruler *r, struct source *s, struct rule_group *of, int64_t now_ms)
{
    const struct rules_host host = {.source = r->opts.source,
                                    .query = r->opts.query,
                                    .language = s->file->language,
                                    .db = r->opts.db,
                                    .external = r->opts.external,
                                    .external_url = r->opts.external_url,
                                    .restore = true};
    struct running *g = &s->groups[s->n++];
    if (!of->offset_ms)
        of->offset_ms = s->file->language ? s->file->language->offset_ms : r->opts.offset_ms;
    const char *id = arena_join(s->arena, s->key, "\n", of->name, NULL);
    *g = (struct running){.source = s, .runner = rule_runner_new(&host, of), .due_ms = now_ms};
    g->interval_ms = of->interval_ms ? of->interval_ms : r->opts.interval_ms;
    g->phase_ms = (int64_t)(map_hash(id, strlen(id)) % (uint64_t)g->interval_ms);
    g->report = report_new(g, 0, 0);
}

static struct source *source_new(struct ruler *r, const char *key, const char *version,
                                 struct arena *arena, const struct rule_file *file)
{
    struct source *s = ARENA_NEW(arena, struct source);
    *s = (struct source){.arena = arena,
                         .key = arena_strdup(arena, key),
                         .version = arena_strdup(arena, version),
                         .file = file};
    s->groups = ARENA_ARRAY(arena, struct running, file->n + 1);
    for (size_t i = 0; i < file->n; i++)
        start_group(r, s, &file->groups[i], r->opts.clock->real_ms(r->opts.clock));
    return s;
}

static bool is_busy(const struct source *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->groups[i].busy)
            return true;
    return false;
}

static struct running *find_group(struct source *s, const char *name)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (strcmp(rule_runner_group(s->groups[i].runner)->name, name) == 0)
            return &s->groups[i];
    return NULL;
}

/* Hands over what the old source knows, or ends it. Under the lock, with nothing of it busy. */
static void replace(struct ruler *r, struct source *old, struct source *by)
{
    int64_t now_ms = r->opts.clock->real_ms(r->opts.clock);
    struct err e;
    for (size_t i = 0; i < old->n; i++) {
        struct running *from = &old->groups[i];
        struct running *to = find_group(by, rule_runner_group(from->runner)->name);
        rule_runner_replace(from->runner, to ? to->runner : NULL, now_ms);
        if (to)
            to->runs = from->runs;
    }
    if (tsdb_commit(r->opts.db, &e) < 0)
        log_error("rules", "%s", e.msg);
}

/* One for each group, up to a limit. Under the lock. */
static void start_threads(struct ruler *r)
{
    const struct map_entry *m;
    size_t groups = 0;
    struct err e;
    for (size_t at = 0; (m = map_next(&r->sources, &at));)
        groups += ((const struct source *)m->value)->n;
    for (; !r->stopping && r->n_threads < r->opts.threads && r->n_threads < groups; r->n_threads++)
        if (thread_start(&r->threads[r->n_threads], "rules", STACK_KIB, work, r, &e) < 0) {
            log_error("rules", "%s", e.msg);
            return;
        }
}

static void put(struct ruler *r, const char *key, struct source *s)
{
    LOCK_SCOPE(&r->lock);
    struct source *old = map_get(&r->sources, key);
    if (old) {
        old->held = true;
        while (is_busy(old))
            (void)cond_wait_ms(&r->changed, &r->lock, -1);
        replace(r, old, s);
    }
    if (s)
        (void)map_put(&r->sources, key, s);
    else
        (void)map_remove(&r->sources, key);
    source_free(old);
    start_threads(r);
    (void)pthread_cond_broadcast(&r->changed);
}

static bool is_known(struct ruler *r, const char *key, const char *version)
{
    LOCK_SCOPE(&r->lock);
    const struct source *s = map_get(&r->sources, key);
    return s && strcmp(s->version, version) == 0;
}

void ruler_set(struct ruler *r, const char *key, const char *version, struct arena *arena,
               const struct rule_file *file)
{
    if (is_known(r, key, version))
        arena_free(arena);
    else
        put(r, key, source_new(r, key, version, arena, file));
}

void ruler_remove(struct ruler *r, const char *key)
{
    put(r, key, NULL);
}

/* ---- life ---- */

struct ruler *ruler_new(const struct ruler_opts *o)
{
    struct ruler *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    r->opts = *o;
    r->opts.interval_ms = o->interval_ms ? o->interval_ms : INTERVAL_MS;
    r->opts.threads = o->threads ? o->threads : 2;
    if (r->opts.threads > MAX_THREADS)
        r->opts.threads = MAX_THREADS;
    map_init(&r->sources);
    (void)pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->changed);
    return r;
}

void ruler_stop(struct ruler *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->stopping = true;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    while (r->n_threads)
        (void)pthread_join(r->threads[--r->n_threads], NULL);
}

void ruler_free(struct ruler *r)
{
    if (!r)
        return;
    ruler_stop(r);
    const struct map_entry *m;
    for (size_t at = 0; (m = map_next(&r->sources, &at));)
        source_free(m->value);
    map_done(&r->sources);
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}
