/* scrape.c - one scrape: asks the target, reads its page, keeps the samples. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "monitor/exposition_proto.h"
#include "monitor/openmetrics.h"
#include "monitor/scraper_int.h"
#include "net/http_client.h"

enum { PAGE_MAX = 16 << 20, NOTES_EVERY = 64 };
static const char OPENMETRICS[] = "application/openmetrics-text";
static const char PROTOBUF[] = "application/vnd.google.protobuf";
static const char ACCEPT[] =
    "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
static const char AGENT[] = "User-Agent: slipway-scraper";
static const char ACCEPT_TEXT[] = "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/* One scrape on its way into the database. */
struct page {
    struct scraper *scraper;
    struct target *target;
    int64_t now_ms;
    size_t samples, added; /* what the page has, and what relabelling left of it */
    bool own;              /* what is said about the scrape itself is not relabelled */
    char fault[256];       /* of a sample's labels; "": none */
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
    const struct relabel *rules = t->opts.relabel ? t->opts.relabel : t->opts.rules;
    if (!rules || p->own)
        return true;
    struct label_set *set = ARENA_NEW(a, struct label_set);
    for (size_t i = 0; i < out->n; i++)
        label_set_put(set, out->items[i].name, out->items[i].value);
    if (!relabel_apply(rules, set, a) || !*label_set_get(set, "__name__"))
        return false;
    *out = labels_make(a, set->items, set->n);
    return true;
}

/* Too many labels, or too long ones, fail the whole scrape. */
static bool labels_fit(struct page *p, const struct labels *l)
{
    const struct scrape_opts *o = &p->target->opts;
    if (p->own || (!o->label_limit && !o->label_name_limit && !o->label_value_limit))
        return true;
    const char *metric = labels_get(l, "__name__");
    if (o->label_limit && l->n > o->label_limit)
        (void)snprintf(p->fault, sizeof p->fault,
                       "label_limit exceeded: %.60s has %zu labels, %zu allowed", metric, l->n,
                       o->label_limit);
    for (size_t i = 0; i < l->n && !*p->fault; i++) {
        const struct label *x = &l->items[i];
        if (o->label_name_limit && strlen(x->name) > o->label_name_limit)
            (void)snprintf(p->fault, sizeof p->fault,
                           "label_name_length_limit exceeded: %.60s has %.60s, %zu allowed", metric,
                           x->name, o->label_name_limit);
        else if (o->label_value_limit && strlen(x->value) > o->label_value_limit)
            (void)snprintf(p->fault, sizeof p->fault,
                           "label_value_length_limit exceeded: %.60s has a longer %.60s, %zu "
                           "allowed",
                           metric, x->name, o->label_value_limit);
    }
    return !*p->fault;
}

/* An exemplar without a time would be a new one with every scrape: it is left out. */
static void add_exemplars(const struct page *p, uint64_t ref, const struct batch_series *s)
{
    struct err e;
    for (size_t i = 0; i < s->n_exemplars; i++)
        if (s->exemplars[i].t &&
            tsdb_append_exemplar(p->scraper->opts.db, ref, &s->exemplars[i], &e) < 0)
            log_debug("metrics", "%s: %s", p->target->key, e.msg);
}

/* `x->t` 0: the scrape's time. */
static void add_sample(struct page *p, const struct label *own, size_t n,
                       const struct batch_sample *x, const struct batch_series *exemplars)
{
    struct tsdb *db = p->scraper->opts.db;
    const struct scrape_opts *o = &p->target->opts;
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t t = o->honor_timestamps && x->t ? x->t : p->now_ms;
    struct labels l;
    struct err e;
    uint64_t ref;
    p->samples++;
    if (!label(p, own, n, a, &l))
        return;
    p->added++;
    if (!labels_fit(p, &l) || over_limit(p) || tsdb_series(db, &l, &ref, &e) < 0)
        return; /* counted there */
    if (x->start)
        tsdb_begins(db, ref, x->start);
    int r = x->h ? tsdb_append_histogram(db, ref, t, x->h, &e) : tsdb_append(db, ref, t, x->v, &e);
    if (r < 0)
        return; /* twice on one page, or the clock went back: counted there, too */
    if (t == p->now_ms || o->track_timestamps)
        (void)map_put(&p->target->series, arena_printf(a, "%" PRIx64, ref),
                      (void *)(uintptr_t)p->target->scrapes);
    if (exemplars)
        add_exemplars(p, ref, exemplars);
}

static void from_page(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    const struct batch_sample x = {.t = t_ms, .v = v};
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

int64_t scrape__timeout_ms(const struct scraper *s, const struct target *t)
{
    return t->opts.timeout_ms ? t->opts.timeout_ms : s->opts.timeout_ms;
}

int64_t scrape__interval_ms(const struct scraper *s, const struct target *t)
{
    return t->opts.interval_ms ? t->opts.interval_ms : s->opts.interval_ms;
}

/* The page itself, asked for as the target wants it. */
static int ask(struct page *p, struct arena *a, struct http_answer *answer, struct err *e)
{
    const struct scrape_opts *t = &p->target->opts;
    int64_t timeout = scrape__timeout_ms(p->scraper, p->target);
    struct http_client_opts o = {.timeout_ms = timeout,
                                 .connect_timeout_ms = timeout,
                                 .bearer = t->bearer,
                                 .user = t->user,
                                 .password = t->password,
                                 .ca_pem = t->ca_pem,
                                 .cert_pem = t->cert_pem,
                                 .key_pem = t->key_pem,
                                 .insecure = t->insecure};
    const char *const own[] = {
        t->text_only ? ACCEPT_TEXT : ACCEPT, AGENT,
        arena_printf(a, "X-Prometheus-Scrape-Timeout-Seconds: %g", (double)timeout / 1000), NULL};
    const char *const *headers = own;
    size_t limit = t->body_limit && t->body_limit < PAGE_MAX ? t->body_limit : PAGE_MAX;
    int r = t->refused ? err_set(e, ERR_INVALID, "%s", t->refused) : 0;
    if (r == 0 && t->client)
        r = client_config_open(t->client, own, a, &o, &headers, e);
    if (r < 0)
        return r;
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    struct http_call call = {.method = "GET",
                             .url = p->target->url,
                             .headers = headers,
                             .max_answer = limit,
                             .follow = !t->client || t->client->follow};
    r = http_do(c, &call, a, answer, e);
    if (r == ERR_TOO_LARGE && t->body_limit)
        return err_set(e, r, "body size limit exceeded: %zu bytes allowed", t->body_limit);
    if (r == 0 && answer->status != 200)
        return err_set(e, ERR_AGAIN, "server returned HTTP status %d", answer->status);
    return r;
}

static int read_page(struct page *p, struct err *e)
{
    struct target *t = p->target;
    struct http_answer answer;
    if (!t->url) {
        t->fn(t->arg, from_source, p);
        return 0;
    }
    AUTO(arena) struct arena *a = arena_new(PAGE_MAX * 2);
    int r = ask(p, a, &answer, e);
    if (r < 0)
        return r;
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

void scrape__target(struct scraper *s, struct target *t)
{
    struct page p = {.scraper = s, .target = t, .now_ms = s->opts.clock->real_ms(s->opts.clock)};
    struct err e = {0};
    int64_t start = clock_mono_us();
    t->scrapes++;
    int r = read_page(&p, &e);
    if (r == 0 && over_limit(&p))
        r = err_set(&e, ERR_TOO_LARGE, "sample limit exceeded: %zu samples, %zu allowed", p.added,
                    t->opts.sample_limit);
    if (r == 0 && *p.fault)
        r = err_set(&e, ERR_TOO_LARGE, "%s", p.fault);
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

void scrape__end(struct scraper *s, struct target *t)
{
    struct page p = {.scraper = s, .target = t, .now_ms = s->opts.clock->real_ms(s->opts.clock)};
    struct err e;
    if (p.now_ms <= t->last_ms)
        p.now_ms = t->last_ms + 1;
    t->scrapes++;
    end_missing(&p);
    if (tsdb_commit(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
}
