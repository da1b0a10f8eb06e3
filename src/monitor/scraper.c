#include "monitor/scraper.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "monitor/openmetrics.h"
#include "net/http_client.h"

enum { PAGE_MAX = 16 << 20, MAX_THREADS = 8, SYNC_MS = 1000, NOTES_EVERY = 64 };
static const char OPENMETRICS[] = "application/openmetrics-text";

struct target {
    struct arena *arena;
    const char *key, *url; /* url NULL: a source */
    scraper_source fn;
    void *arg;
    struct labels labels;
    struct map series; /* canonical text → generation of the scrape that saw it */
    uint64_t scrapes;
    int64_t due_ms;            /* monotonic */
    struct arena *notes_arena; /* of what the page says about metrics; NULL: not read yet */
    struct metric_note *notes;
    size_t n_notes;
    bool busy, gone, up;
    int64_t last_ms, took_ms;
    char error[200];
};

struct scraper {
    struct scraper_opts opts;
    pthread_t threads[MAX_THREADS];
    unsigned n_threads;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map targets;
    int64_t synced_ms;
    bool stopping;
};

/* One scrape on its way into the database. */
struct page {
    struct scraper *scraper;
    struct target *target;
    int64_t now_ms;
    size_t samples;
};

static void add_sample(struct page *p, const struct label *own, size_t n, double v)
{
    struct target *t = p->target;
    struct err e;
    AUTO(arena) struct arena *a = arena_new(0);
    struct label *all = ARENA_ARRAY(a, struct label, n + 2 * t->labels.n);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        /* What the page claims about where it comes from stands aside, as in Prometheus. */
        bool taken = *labels_get(&t->labels, own[i].name) != '\0';
        all[count++] = (struct label){
            taken ? arena_printf(a, "exported_%s", own[i].name) : own[i].name, own[i].value};
    }
    for (size_t i = 0; i < t->labels.n; i++)
        all[count++] = t->labels.items[i];
    struct labels l = labels_make(a, all, count);
    uint64_t ref;
    if (tsdb_series(p->scraper->opts.db, &l, &ref, &e) < 0)
        return; /* counted there */
    if (tsdb_append(p->scraper->opts.db, ref, p->now_ms, v, &e) < 0)
        return; /* twice on one page, or the clock went back: counted there, too */
    (void)map_put(&t->series, labels_text(&l, a), (void *)(uintptr_t)t->scrapes);
    p->samples++;
}

static void from_page(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    (void)t_ms; /* honest clocks are rare; the scrape's own time is used */
    add_sample(arg, l->items, l->n, v);
}

static void from_source(void *arg, const struct label *labels, size_t n, double v)
{
    add_sample(arg, labels, n, v);
}

/* "name{a="b"}" back into labels: only our own labels_text() is read here. */
static struct labels parse_text(const char *text, struct arena *a)
{
    struct label l[128];
    size_t n = 1, name = strcspn(text, "{");
    l[0] = (struct label){"__name__", arena_strndup(a, text, name)};
    for (const char *p = text + name; *p && *p != '}' && n < ARRAY_LEN(l); n++) {
        p += strspn(p, "{, ");
        size_t k = strcspn(p, "=");
        l[n].name = arena_strndup(a, p, k);
        char *value = arena_alloc(a, strlen(p) + 1), *to = value;
        for (p += k + 2; *p && *p != '"'; p++) {
            if (*p == '\\')
                p++;
            *to++ = p[-1] == '\\' && *p == 'n' ? '\n' : *p;
        }
        l[n].value = value;
        p += *p == '"';
    }
    return labels_make(a, l, n);
}

/* Series that this scrape did not give end here. */
static void end_missing(struct page *p)
{
    struct target *t = p->target;
    AUTO(arena) struct arena *a = arena_new(0);
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&t->series, &at));) {
        if ((uintptr_t)m->value == t->scrapes)
            continue;
        struct labels l = parse_text(m->key, a);
        uint64_t ref;
        struct err e;
        if (tsdb_series(p->scraper->opts.db, &l, &ref, &e) < 0 ||
            tsdb_append(p->scraper->opts.db, ref, p->now_ms, stale_marker(), &e) < 0)
            log_debug("metrics", "%s: %s", m->key, e.msg);
        char *key = arena_strdup(a, m->key);
        (void)map_remove(&t->series, key);
    }
}

/* Seldom: a page says the same each time. */
static void read_notes(struct page *p, const char *text, size_t n)
{
    struct target *t = p->target;
    if (t->notes_arena && t->scrapes % NOTES_EVERY)
        return;
    struct arena *a = arena_new(0);
    struct metric_note *notes;
    size_t count = metric_notes_read(text, n, a, &notes);
    LOCK_SCOPE(&p->scraper->lock);
    arena_free(t->notes_arena);
    t->notes_arena = a;
    t->notes = notes;
    t->n_notes = count;
}

static int read_page(struct page *p, struct err *e)
{
    struct target *t = p->target;
    if (!t->url) {
        t->fn(t->arg, from_source, p);
        return 0;
    }
    AUTO(arena) struct arena *a = arena_new(PAGE_MAX * 2);
    struct http_client_opts o = {.timeout_ms = p->scraper->opts.timeout_ms,
                                 .connect_timeout_ms = p->scraper->opts.timeout_ms};
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    struct http_call call = {
        .method = "GET", .url = t->url, .max_answer = PAGE_MAX, .follow = true};
    struct http_answer answer;
    int r = http_do(c, &call, a, &answer, e);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return err_set(e, ERR_AGAIN, "server returned HTTP status %d", answer.status);
    read_notes(p, answer.body, answer.body_len);
    const char *type = http_answer_header(&answer, "content-type");
    bool strict = type && strncmp(type, OPENMETRICS, sizeof OPENMETRICS - 1) == 0;
    return (strict ? openmetrics_parse : exposition_parse)(answer.body, answer.body_len, from_page,
                                                           p, e);
}

static void add_own(struct page *p, const char *name, double v)
{
    const struct label l = {"__name__", name};
    size_t samples = p->samples;
    add_sample(p, &l, 1, v);
    p->samples = samples;
}

static void scrape(struct scraper *s, struct target *t)
{
    struct page p = {.scraper = s, .target = t, .now_ms = s->opts.clock->real_ms(s->opts.clock)};
    struct err e = {0};
    int64_t start = clock_mono_us();
    t->scrapes++;
    int r = read_page(&p, &e);
    double seconds = (double)(clock_mono_us() - start) / 1e6;
    if (r < 0)
        t->scrapes++; /* all of the page ends, also what came before the fault */
    if (t->url) {
        add_own(&p, "up", r == 0);
        add_own(&p, "scrape_duration_seconds", seconds);
        add_own(&p, "scrape_samples_scraped", (double)p.samples);
    }
    end_missing(&p);
    if (tsdb_commit(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
    t->up = r == 0;
    t->last_ms = p.now_ms;
    t->took_ms = (int64_t)(seconds * 1000);
    (void)snprintf(t->error, sizeof t->error, "%.199s", r < 0 ? e.msg : "");
}

static void target_free(struct target *t)
{
    map_done(&t->series);
    arena_free(t->notes_arena);
    arena_free(t->arena);
    free(t);
}

/* The next one due, or NULL with how long to wait. Under the lock. */
static struct target *next_due(struct scraper *s, int64_t *wait_ms)
{
    int64_t now = clock_mono_ms(), soonest = now + 60000;
    struct target *best = NULL;
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));) {
        struct target *t = m->value;
        if (!t->busy && t->due_ms < soonest) {
            soonest = t->due_ms;
            best = t;
        }
    }
    *wait_ms = soonest > now ? soonest - now : 0;
    return best && best->due_ms <= now ? best : NULL;
}

static void sync_if_due(struct scraper *s)
{
    struct err e;
    int64_t now = clock_mono_ms();
    {
        LOCK_SCOPE(&s->lock);
        if (now - s->synced_ms < SYNC_MS)
            return;
        s->synced_ms = now;
    }
    if (tsdb_sync(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
}

/* Its series end after their last sample, also when that is of this very millisecond. */
static void end_target(struct scraper *s, struct target *t)
{
    struct page p = {.scraper = s, .target = t, .now_ms = s->opts.clock->real_ms(s->opts.clock)};
    struct err e;
    if (p.now_ms <= t->last_ms)
        p.now_ms = t->last_ms + 1;
    t->scrapes++;
    end_missing(&p);
    if (tsdb_commit(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
    target_free(t);
}

static void *work(void *arg)
{
    struct scraper *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t wait_ms;
        struct target *t = next_due(s, &wait_ms);
        if (!t) {
            (void)cond_wait_ms(&s->changed, &s->lock, wait_ms);
            continue;
        }
        t->busy = true;
        t->due_ms += s->opts.interval_ms;
        if (t->due_ms < clock_mono_ms())
            t->due_ms = clock_mono_ms() + s->opts.interval_ms;
        (void)pthread_mutex_unlock(&s->lock);
        scrape(s, t);
        sync_if_due(s);
        (void)pthread_mutex_lock(&s->lock);
        t->busy = false;
        if (t->gone)
            end_target(s, t);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

int scraper_start(const struct scraper_opts *o, struct scraper **out, struct err *e)
{
    AUTO(scraper) struct scraper *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->opts = *o;
    s->opts.interval_ms = o->interval_ms ? o->interval_ms : 2000;
    s->opts.timeout_ms = o->timeout_ms ? o->timeout_ms : 1000;
    unsigned n = o->threads ? o->threads : 2;
    map_init(&s->targets);
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    for (; s->n_threads < n && s->n_threads < MAX_THREADS; s->n_threads++) {
        int r = thread_start(&s->threads[s->n_threads], "scrape", 512, work, s, e);
        if (r < 0)
            return r;
    }
    *out = take_ptr(s);
    return 0;
}

void scraper_free(struct scraper *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->n_threads; i++)
        (void)pthread_join(s->threads[i], NULL);
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));)
        target_free(m->value);
    map_done(&s->targets);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void drop(struct scraper *s, const char *key)
{
    struct target *t = map_remove(&s->targets, key);
    if (t && t->busy)
        t->gone = true; /* its thread ends it */
    else if (t)
        end_target(s, t);
}

static bool same(const struct target *t, const char *url, const struct labels *l)
{
    return t->url && url && strcmp(t->url, url) == 0 && labels_compare(&t->labels, l) == 0;
}

static struct target *put(struct scraper *s, const char *key, const struct labels *labels)
{
    struct target *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    t->arena = arena_new(0);
    t->key = arena_strdup(t->arena, key);
    t->labels = labels_copy(t->arena, labels);
    t->due_ms = clock_mono_ms();
    map_init(&t->series);
    (void)map_put(&s->targets, key, t);
    (void)pthread_cond_signal(&s->changed);
    return t;
}

void scraper_set(struct scraper *s, const char *key, const char *url, const struct labels *labels)
{
    LOCK_SCOPE(&s->lock);
    const struct target *old = map_get(&s->targets, key);
    if (old && same(old, url, labels))
        return;
    drop(s, key);
    struct target *t = put(s, key, labels);
    t->url = arena_strdup(t->arena, url);
}

void scraper_set_source(struct scraper *s, const char *key, scraper_source fn, void *arg,
                        const struct labels *labels)
{
    LOCK_SCOPE(&s->lock);
    drop(s, key);
    struct target *t = put(s, key, labels);
    t->fn = fn;
    t->arg = arg;
}

void scraper_remove(struct scraper *s, const char *key)
{
    LOCK_SCOPE(&s->lock);
    drop(s, key);
}

size_t scraper_states(struct scraper *s, struct arena *a, struct scrape_state **out)
{
    LOCK_SCOPE(&s->lock);
    struct scrape_state *list = ARENA_ARRAY(a, struct scrape_state, map_size(&s->targets) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));) {
        const struct target *t = m->value;
        if (t->url)
            list[n++] = (struct scrape_state){arena_strdup(a, t->key),
                                              arena_strdup(a, t->url),
                                              arena_strdup(a, t->error),
                                              labels_copy(a, &t->labels),
                                              t->up,
                                              t->last_ms,
                                              t->took_ms};
    }
    *out = list;
    return n;
}

void scraper_times(const struct scraper *s, int64_t *interval_ms, int64_t *timeout_ms)
{
    *interval_ms = s->opts.interval_ms;
    *timeout_ms = s->opts.timeout_ms;
}

static struct metric_note note_copy(struct arena *a, const struct metric_note *n)
{
    return (struct metric_note){arena_strdup(a, n->name), arena_strdup(a, n->type),
                                arena_strdup(a, n->help), arena_strdup(a, n->unit)};
}

size_t scraper_notes(struct scraper *s, struct arena *a, struct scrape_note **out)
{
    LOCK_SCOPE(&s->lock);
    const struct map_entry *m;
    size_t n = 0, room = 0;
    for (size_t at = 0; (m = map_next(&s->targets, &at));)
        room += ((const struct target *)m->value)->n_notes;
    *out = ARENA_ARRAY(a, struct scrape_note, room + 1);
    for (size_t at = 0; (m = map_next(&s->targets, &at));) {
        const struct target *t = m->value;
        struct labels labels = labels_copy(a, &t->labels);
        for (size_t i = 0; i < t->n_notes; i++)
            (*out)[n++] = (struct scrape_note){labels, note_copy(a, &t->notes[i])};
    }
    return n;
}
