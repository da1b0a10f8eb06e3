#include "monitor/scraper.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "monitor/exposition_proto.h"
#include "monitor/openmetrics.h"
#include "net/http_client.h"

enum { PAGE_MAX = 16 << 20, MAX_THREADS = 8, SYNC_MS = 1000, NOTES_EVERY = 64 };
static const char OPENMETRICS[] = "application/openmetrics-text";
static const char PROTOBUF[] = "application/vnd.google.protobuf";
static const char ACCEPT[] =
    "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
static const char ACCEPT_TEXT[] = "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

struct target {
    struct arena *arena;
    const char *key, *url; /* url NULL: a source */
    scraper_source fn;
    void *arg;
    struct labels labels;
    struct scrape_opts opts;
    struct map series; /* the database's reference, as text → number of the scrape that saw it */
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
    size_t samples, added; /* what the page has, and what relabelling left of it */
    bool own;              /* what is said about the scrape itself is not relabelled */
};

static bool over_limit(const struct page *p)
{
    size_t limit = p->target->opts.sample_limit;
    return limit && !p->own && p->added > limit;
}

/* The page's labels with the target's; false: relabelling drops it. */
static bool label(const struct page *p, const struct label *own, size_t n, struct arena *a,
                  struct labels *out)
{
    const struct target *t = p->target;
    struct label *all = ARENA_ARRAY(a, struct label, n + 2 * t->labels.n);
    size_t count = 0;
    for (size_t i = 0; t->opts.honor_labels && i < t->labels.n; i++)
        all[count++] = t->labels.items[i];
    for (size_t i = 0; i < n; i++) {
        /* What the page claims about where it comes from stands aside, as in Prometheus. */
        bool aside = !t->opts.honor_labels && *labels_get(&t->labels, own[i].name) != '\0';
        all[count++] = (struct label){
            aside ? arena_printf(a, "exported_%s", own[i].name) : own[i].name, own[i].value};
    }
    for (size_t i = 0; !t->opts.honor_labels && i < t->labels.n; i++)
        all[count++] = t->labels.items[i];
    *out = labels_make(a, all, count);
    if (!t->opts.relabel || p->own)
        return true;
    struct label_set *set = ARENA_NEW(a, struct label_set);
    for (size_t i = 0; i < out->n; i++)
        label_set_put(set, out->items[i].name, out->items[i].value);
    if (!relabel_apply(t->opts.relabel, set, a) || !*label_set_get(set, "__name__"))
        return false;
    *out = labels_make(a, set->items, set->n);
    return true;
}

/* An exemplar without a time would be a new one with every scrape: it is left out. */
static void add_sample(struct page *p, const struct label *own, size_t n,
                       const struct batch_sample *x, const struct batch_series *exemplars)
{
    struct tsdb *db = p->scraper->opts.db;
    AUTO(arena) struct arena *a = arena_new(0);
    struct labels l;
    struct err e;
    uint64_t ref;
    p->samples++;
    if (!label(p, own, n, a, &l))
        return;
    p->added++;
    if (over_limit(p) || tsdb_series(db, &l, &ref, &e) < 0)
        return; /* counted there */
    if (x->start)
        tsdb_begins(db, ref, x->start);
    int r = x->h ? tsdb_append_histogram(db, ref, p->now_ms, x->h, &e)
                 : tsdb_append(db, ref, p->now_ms, x->v, &e);
    if (r < 0)
        return; /* twice on one page, or the clock went back: counted there, too */
    (void)map_put(&p->target->series, arena_printf(a, "%" PRIx64, ref),
                  (void *)(uintptr_t)p->target->scrapes);
    for (size_t i = 0; exemplars && i < exemplars->n_exemplars; i++)
        if (exemplars->exemplars[i].t &&
            tsdb_append_exemplar(db, ref, &exemplars->exemplars[i], &e) < 0)
            log_debug("metrics", "%s: %s", p->target->key, e.msg);
}

static void from_page(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    (void)t_ms; /* honest clocks are rare; the scrape's own time is used */
    const struct batch_sample x = {.v = v};
    add_sample(arg, l->items, l->n, &x, NULL);
}

static void from_source(void *arg, const struct label *labels, size_t n, double v)
{
    const struct batch_sample x = {.v = v};
    add_sample(arg, labels, n, &x, NULL);
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
        struct err e;
        if (tsdb_append(p->scraper->opts.db, strtoull(m->key, NULL, 16), p->now_ms, stale_marker(),
                        &e) < 0)
            log_debug("metrics", "%s: %s", t->key, e.msg);
        char *key = arena_strdup(a, m->key);
        (void)map_remove(&t->series, key);
    }
}

/* Seldom: a page says the same each time. */
static bool wants_notes(const struct target *t)
{
    return !t->notes_arena || t->scrapes % NOTES_EVERY == 0;
}

static void keep_notes(struct page *p, struct arena *a, struct metric_note *notes, size_t count)
{
    struct target *t = p->target;
    LOCK_SCOPE(&p->scraper->lock);
    arena_free(t->notes_arena);
    t->notes_arena = a;
    t->notes = notes;
    t->n_notes = count;
}

static void read_notes(struct page *p, const char *text, size_t n)
{
    struct arena *a = arena_new(0);
    struct metric_note *notes;
    if (!wants_notes(p->target)) {
        arena_free(a);
        return;
    }
    size_t count = metric_notes_read(text, n, a, &notes);
    keep_notes(p, a, notes, count);
}

static void take_notes(struct page *p, const struct batch *b)
{
    if (!wants_notes(p->target))
        return;
    struct arena *a = arena_new(0);
    size_t n = b->n_notes < METRIC_NOTES_MAX ? b->n_notes : METRIC_NOTES_MAX;
    struct metric_note *notes = ARENA_ARRAY(a, struct metric_note, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct batch_note *x = &b->notes[i];
        notes[i] = (struct metric_note){arena_strdup(a, x->name), arena_strdup(a, x->type),
                                        arena_strdup(a, x->help), arena_strdup(a, x->unit)};
    }
    keep_notes(p, a, notes, n);
}

static int read_protobuf(struct page *p, const struct http_answer *answer, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    struct batch b;
    int r =
        exposition_proto_read(a, answer->body, answer->body_len, p->target->opts.classic, &b, e);
    for (size_t i = 0; r == 0 && i < b.n; i++) {
        const struct batch_series *s = &b.series[i];
        if (s->fault)
            return err_set(e, ERR_INVALID, "%s: %s", labels_text(&s->labels, a), s->fault);
        add_sample(p, s->labels.items, s->labels.n, s->samples, s);
    }
    if (r == 0)
        take_notes(p, &b);
    return r;
}

static int64_t timeout_of(const struct scraper *s, const struct target *t)
{
    return t->opts.timeout_ms ? t->opts.timeout_ms : s->opts.timeout_ms;
}

static int64_t interval_of(const struct scraper *s, const struct target *t)
{
    return t->opts.interval_ms ? t->opts.interval_ms : s->opts.interval_ms;
}

static int read_page(struct page *p, struct err *e)
{
    struct target *t = p->target;
    if (!t->url) {
        t->fn(t->arg, from_source, p);
        return 0;
    }
    AUTO(arena) struct arena *a = arena_new(PAGE_MAX * 2);
    int64_t timeout = timeout_of(p->scraper, t);
    struct http_client_opts o = {.timeout_ms = timeout,
                                 .connect_timeout_ms = timeout,
                                 .bearer = t->opts.bearer,
                                 .user = t->opts.user,
                                 .password = t->opts.password,
                                 .ca_pem = t->opts.ca_pem,
                                 .cert_pem = t->opts.cert_pem,
                                 .key_pem = t->opts.key_pem,
                                 .insecure = t->opts.insecure};
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    const char *const headers[] = {t->opts.text_only ? ACCEPT_TEXT : ACCEPT, NULL};
    struct http_call call = {
        .method = "GET", .url = t->url, .headers = headers, .max_answer = PAGE_MAX, .follow = true};
    struct http_answer answer;
    int r = http_do(c, &call, a, &answer, e);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return err_set(e, ERR_AGAIN, "server returned HTTP status %d", answer.status);
    const char *type = http_answer_header(&answer, "content-type");
    if (type && strncmp(type, PROTOBUF, sizeof PROTOBUF - 1) == 0)
        return read_protobuf(p, &answer, e);
    read_notes(p, answer.body, answer.body_len);
    bool strict = type && strncmp(type, OPENMETRICS, sizeof OPENMETRICS - 1) == 0;
    return (strict ? openmetrics_parse : exposition_parse)(answer.body, answer.body_len, from_page,
                                                           p, e);
}

static void add_own(struct page *p, const char *name, double v)
{
    const struct label l = {"__name__", name};
    const struct batch_sample x = {.v = v};
    struct page own = *p;
    own.own = true;
    add_sample(&own, &l, 1, &x, NULL);
}

static void scrape(struct scraper *s, struct target *t)
{
    struct page p = {.scraper = s, .target = t, .now_ms = s->opts.clock->real_ms(s->opts.clock)};
    struct err e = {0};
    int64_t start = clock_mono_us();
    t->scrapes++;
    int r = read_page(&p, &e);
    if (r == 0 && over_limit(&p))
        r = err_set(&e, ERR_TOO_LARGE, "sample limit exceeded: %zu samples, %zu allowed", p.added,
                    t->opts.sample_limit);
    double seconds = (double)(clock_mono_us() - start) / 1e6;
    if (r < 0)
        t->scrapes++; /* all of the page ends, also what came before the fault */
    if (t->url || *labels_get(&t->labels, "job")) {
        add_own(&p, "up", r == 0);
        add_own(&p, "scrape_duration_seconds", seconds);
        add_own(&p, "scrape_samples_scraped", (double)p.samples);
        add_own(&p, "scrape_samples_post_metric_relabeling", (double)p.added);
    }
    struct page end = p;
    end.now_ms += r < 0; /* what came before the fault is of this very millisecond */
    end_missing(&end);
    if (tsdb_commit(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
    LOCK_SCOPE(&s->lock);
    t->up = r == 0;
    t->last_ms = p.now_ms;
    t->took_ms = (int64_t)(seconds * 1000);
    (void)snprintf(t->error, sizeof t->error, "%.199s", r < 0 ? e.msg : "");
}

static void target_free(struct target *t)
{
    map_done(&t->series);
    arena_free(t->notes_arena);
    relabel_free(t->opts.relabel);
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
        t->due_ms += interval_of(s, t);
        if (t->due_ms < clock_mono_ms())
            t->due_ms = clock_mono_ms() + interval_of(s, t);
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

static bool same(const struct target *t, const char *url, const struct labels *l,
                 const char *version)
{
    return t->url && url && strcmp(t->url, url) == 0 && labels_compare(&t->labels, l) == 0 &&
           strcmp(t->opts.version, version) == 0;
}

static struct target *put(struct scraper *s, const char *key, const struct labels *labels)
{
    struct target *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    t->arena = arena_new(0);
    t->key = arena_strdup(t->arena, key);
    t->labels = labels_copy(t->arena, labels);
    t->opts.version = "";
    t->due_ms = clock_mono_ms();
    map_init(&t->series);
    (void)map_put(&s->targets, key, t);
    (void)pthread_cond_signal(&s->changed);
    return t;
}

static const char *copied(struct arena *a, const char *text)
{
    return text ? arena_strdup(a, text) : NULL;
}

void scraper_put(struct scraper *s, const char *key, const char *url, const struct labels *labels,
                 const struct scrape_opts *o)
{
    const char *version = o->version ? o->version : "";
    LOCK_SCOPE(&s->lock);
    const struct target *old = map_get(&s->targets, key);
    if (old && same(old, url, labels, version)) {
        relabel_free(o->relabel);
        return;
    }
    drop(s, key);
    struct target *t = put(s, key, labels);
    t->url = arena_strdup(t->arena, url);
    t->opts = *o;
    t->opts.version = arena_strdup(t->arena, version);
    const char **texts[] = {&t->opts.bearer, &t->opts.user,     &t->opts.password,
                            &t->opts.ca_pem, &t->opts.cert_pem, &t->opts.key_pem};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = copied(t->arena, *texts[i]);
}

void scraper_set(struct scraper *s, const char *key, const char *url, const struct labels *labels)
{
    scraper_put(s, key, url, labels, &(struct scrape_opts){0});
}

void scraper_keep(struct scraper *s, const char *prefix, const char *const *kept, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t at = 0, len = strlen(prefix), count = 0;
    struct map keep;
    map_init(&keep);
    for (size_t i = 0; i < n; i++)
        (void)map_put(&keep, kept[i], s);
    LOCK_SCOPE(&s->lock);
    const char **gone = ARENA_ARRAY(a, const char *, map_size(&s->targets) + 1);
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));)
        if (strncmp(m->key, prefix, len) == 0 && !map_has(&keep, m->key))
            gone[count++] = arena_strdup(a, m->key);
    for (size_t i = 0; i < count; i++)
        drop(s, gone[i]);
    map_done(&keep);
}

void scraper_set_source(struct scraper *s, const char *key, scraper_source fn, void *arg,
                        const struct labels *labels, int64_t interval_ms)
{
    LOCK_SCOPE(&s->lock);
    drop(s, key);
    struct target *t = put(s, key, labels);
    t->fn = fn;
    t->arg = arg;
    t->opts.interval_ms = interval_ms;
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
                                              t->took_ms,
                                              interval_of(s, t),
                                              timeout_of(s, t)};
    }
    *out = list;
    return n;
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
