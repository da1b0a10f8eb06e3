#include "monitor/remote_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "codec/snappy_block.h"
#include "net/http_client.h"

enum {
    BODY_MAX = 64 << 20,
    ANSWER_MAX = 1 << 16,
    FILE_MAX = 1 << 16,
    LOOK_MS = 1000, /* between looks for samples, and between writings of the file */
    SAY_MS = 60 * 1000,
    CLIENT_MS = 60 * 1000,      /* after which files of secrets are read again */
    RETRY_AFTER_MAX_S = 5 * 60, /* that the other side may ask for */
};

enum outcome { SENT, REFUSED, AGAIN };

struct remote_writer {
    const struct remote_write_config *config;
    struct tsdb *db;
    const struct clock *clock;
    struct tsdb_tail *tail;
    char *file;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of wake */
    pthread_cond_t wake;
    atomic_bool stop;
    _Atomic uint64_t sent, retried, refused, aged, lost_before;
    _Atomic uint64_t lost, behind; /* as the tail said last */
    /* What follows is the thread's. */
    struct arena *client_arena;
    struct http_client *client;
    const char *const *headers;
    int64_t client_ms, written_ms, said_ms, failed_ms, sent_ms;
    uint64_t said_gone;
    struct tsdb_position done; /* up to here it is answered for */
    bool dirty;                /* the file is behind */
};

/* One request. */
struct request {
    const void *body;
    size_t len, samples;
    int64_t retry_after_ms; /* as the other side asked; 0: it did not */
};

/* ---- labels ---- */

/* The series' own, the configuration's external ones where it has none, relabelled. */
static bool label(void *arg, const struct labels *own, struct arena *a, struct labels *out)
{
    const struct remote_write_config *c = ((struct remote_writer *)arg)->config;
    struct label_set *set = ARENA_NEW(a, struct label_set);
    for (size_t i = 0; i < own->n; i++)
        label_set_put(set, own->items[i].name, own->items[i].value);
    for (size_t i = 0; i < c->external.n; i++)
        if (!*label_set_get(set, c->external.items[i].name))
            label_set_put(set, c->external.items[i].name, c->external.items[i].value);
    if (!relabel_apply(c->relabel, set, a) || !set->n)
        return false;
    *out = labels_make(a, set->items, set->n);
    return true;
}

/* ---- how far it is ---- */

static int write_file(struct remote_writer *w, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct remote_writer_stats s;
    remote_writer_stats(w, &s);
    const char *text = arena_printf(
        a,
        "{\"segment\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"samples\":%" PRIu64 ",\"sent\":%" PRIu64
        ",\"refused\":%" PRIu64 ",\"aged\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n",
        w->done.segment, w->done.offset, w->done.samples, s.sent, s.refused, s.aged, s.lost);
    int r = fs_write_atomic(w->file, 0600, text, strlen(text), e);
    w->dirty = r < 0;
    w->written_ms = clock_mono_ms();
    return r;
}

static uint64_t number(const struct value *v, const char *field)
{
    int64_t n = value_int(value_get(v, field), 0);
    return n > 0 ? (uint64_t)n : 0;
}

static int read_file(struct remote_writer *w, struct tsdb_tail_opts *o, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err why = {0};
    struct value *v;
    char *text;
    size_t n;
    int r = fs_read(w->file, FILE_MAX, a, &text, &n, &why);
    if (r < 0 && why.sys == ENOENT) {
        o->begins = true;
        return 0;
    }
    if (r == 0)
        r = json_parse(a, text, n, 0, &v, &why);
    if (r < 0) {
        *e = why;
        return err_wrap(e, r, "%s", w->file);
    }
    o->from =
        (struct tsdb_position){number(v, "segment"), number(v, "offset"), number(v, "samples")};
    atomic_store(&w->sent, number(v, "sent"));
    atomic_store(&w->refused, number(v, "refused"));
    atomic_store(&w->aged, number(v, "aged"));
    atomic_store(&w->lost_before, number(v, "lost"));
    return 0;
}

/* ---- waiting and saying ---- */

/* False: it is to end. */
static bool pause_for(struct remote_writer *w, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    LOCK_SCOPE(&w->lock);
    while (!atomic_load(&w->stop) && clock_mono_ms() < until)
        (void)cond_wait_ms(&w->wake, &w->lock, until - clock_mono_ms());
    return !atomic_load(&w->stop);
}

static int64_t with_jitter(int64_t ms)
{
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    return ms / 2 + (int64_t)(random % (uint64_t)(ms + 1));
}

static const char *who(const struct remote_writer *w)
{
    return *w->config->name ? w->config->name : w->config->url;
}

static void note_stats(struct remote_writer *w)
{
    struct tsdb_tail_stats s;
    tsdb_tail_stats(w->tail, &s);
    atomic_store(&w->behind, s.behind);
    atomic_store(&w->lost, s.lost);
}

static void say(struct remote_writer *w)
{
    struct remote_writer_stats s;
    int64_t now = clock_mono_ms();
    remote_writer_stats(w, &s);
    uint64_t gone = s.refused + s.aged + s.lost;
    if (gone == w->said_gone || (w->said_ms && now - w->said_ms < SAY_MS))
        return;
    log_warn("metrics",
             "remote write %s: %" PRIu64 " samples were not sent: in all %" PRIu64
             " refused, %" PRIu64 " too old, %" PRIu64 " removed before; %" PRIu64 " wait",
             who(w), gone - w->said_gone, s.refused, s.aged, s.lost, s.behind);
    w->said_gone = gone;
    w->said_ms = now;
}

static void keep_account(struct remote_writer *w, bool now)
{
    struct err e;
    note_stats(w);
    say(w);
    if (!w->dirty || (!now && clock_mono_ms() - w->written_ms < LOOK_MS))
        return;
    if (write_file(w, &e) < 0)
        log_warn("metrics", "remote write %s: what is sent cannot be noted: %s", who(w), e.msg);
}

static void failed(struct remote_writer *w, const struct err *e, const char *what)
{
    int64_t now = clock_mono_ms();
    if (w->failed_ms && now - w->failed_ms < SAY_MS)
        return;
    log_warn("metrics", "remote write %s: %s; %s", who(w), e->msg, what);
    w->failed_ms = now;
}

/* ---- sending ---- */

static void drop_client(struct remote_writer *w)
{
    http_client_free(w->client);
    arena_free(w->client_arena);
    w->client = NULL;
    w->client_arena = NULL;
}

static int open_client(struct remote_writer *w, struct err *e)
{
    static const char *const own[][6] = {
        [REMOTE_WRITE_1] = {"Content-Type: application/x-protobuf",                                                    "Content-Encoding: snappy",
                            "User-Agent: slipway",                                                                                                                        "X-Prometheus-Remote-Write-Version: 0.1.0"},
        [REMOTE_WRITE_2] = {"Content-Type: "
                            "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding: snappy", "User-Agent: slipway",
                            "X-Prometheus-Remote-Write-Version: 2.0.0"                                                                                                                                              },
    };
    int64_t now = clock_mono_ms();
    if (w->client && now - w->client_ms < CLIENT_MS)
        return 0;
    drop_client(w);
    w->client_arena = arena_new(0);
    struct http_client_opts o = {.timeout_ms = w->config->timeout_ms,
                                 .connect_timeout_ms = w->config->timeout_ms};
    int r = client_config_open(&w->config->client, own[w->config->version], w->client_arena, &o,
                               &w->headers, e);
    if (r < 0) {
        drop_client(w);
        return r;
    }
    w->client = http_client_new(&o);
    w->client_ms = now;
    return 0;
}

static uint64_t header_number(const struct http_answer *answer, const char *name)
{
    const char *text = http_answer_header(answer, name);
    return text ? strtoull(text, NULL, 10) : 0;
}

/* Counts what a request that is over has come to. Version 2 says how many were written of those
 * that were refused together. */
static void account(struct remote_writer *w, const struct request *q, bool ok,
                    const struct http_answer *answer)
{
    uint64_t written = ok ? q->samples : 0;
    if (!ok && w->config->version == REMOTE_WRITE_2)
        written = header_number(answer, "x-prometheus-remote-write-samples-written") +
                  header_number(answer, "x-prometheus-remote-write-histograms-written");
    if (written > q->samples)
        written = q->samples;
    atomic_fetch_add(&w->sent, written);
    atomic_fetch_add(&w->refused, q->samples - written);
}

static enum outcome send_once(struct remote_writer *w, struct request *q, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(ANSWER_MAX * 2);
    struct http_call call = {.method = "POST",
                             .url = w->config->url,
                             .body = q->body,
                             .body_len = q->len,
                             .max_answer = ANSWER_MAX,
                             .follow = w->config->client.follow,
                             .cancel = &w->stop};
    struct http_answer answer;
    int r = open_client(w, e);
    call.headers = w->headers;
    if (r == 0)
        r = http_do(w->client, &call, a, &answer, e);
    if (r < 0)
        return AGAIN;
    if (answer.status / 100 == 2) {
        account(w, q, true, &answer);
        return SENT;
    }
    (void)err_set(e, ERR_AGAIN, "HTTP status %d: %.200s", answer.status,
                  arena_trimmed(a, answer.body));
    if (answer.status / 100 == 5 || (answer.status == 429 && w->config->retry_429)) {
        uint64_t s = header_number(&answer, "retry-after");
        q->retry_after_ms = (int64_t)(s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000;
        return AGAIN;
    }
    account(w, q, false, &answer);
    return REFUSED;
}

/* Until it is sent or refused for good; false: it is to end. */
static bool send_request(struct remote_writer *w, struct request *q)
{
    int64_t pause = w->config->min_backoff_ms;
    for (;;) {
        struct err e = {0};
        q->retry_after_ms = 0;
        enum outcome how = send_once(w, q, &e);
        if (how == REFUSED)
            failed(w, &e, "what it refuses is dropped");
        if (how != AGAIN)
            return true;
        if (atomic_load(&w->stop))
            return false;
        failed(w, &e, "it is tried again");
        keep_account(w, false);
        if (!pause_for(w, with_jitter(pause > q->retry_after_ms ? pause : q->retry_after_ms)))
            return false;
        atomic_fetch_add(&w->retried, q->samples);
        pause = pause * 2 < w->config->max_backoff_ms ? pause * 2 : w->config->max_backoff_ms;
    }
}

/* Every item is a series of its own, in the order of the log. */
static size_t fill_batch(struct remote_writer *w, struct tsdb_tail_item *items, size_t n,
                         struct batch *b, struct arena *a)
{
    int64_t limit = w->config->age_limit_ms;
    int64_t oldest = limit ? w->clock->real_ms(w->clock) - limit : INT64_MIN;
    struct batch_sample *samples = ARENA_ARRAY(a, struct batch_sample, n + 1);
    size_t count = 0;
    b->series = ARENA_ARRAY(a, struct batch_series, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct tsdb_tail_item *x = &items[i];
        struct batch_series *s = &b->series[b->n];
        if (x->t < oldest) {
            atomic_fetch_add(&w->aged, !x->exemplar);
            continue;
        }
        *s = (struct batch_series){.labels = x->labels};
        if (x->exemplar) {
            s->exemplars = arena_dup(a, x->exemplar, sizeof *x->exemplar);
            s->n_exemplars = 1;
        } else {
            s->samples = &samples[count++];
            s->n = 1;
            *s->samples = (struct batch_sample){.t = x->t, .start = x->start, .v = x->v, .h = x->h};
        }
        b->n++;
    }
    return count;
}

/* Histograms can be large: a body that would be too large is sent in halves. */
static bool send_items(struct remote_writer *w, struct tsdb_tail_item *items, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf plain, packed;
    struct batch b = {0};
    struct request q = {.samples = fill_batch(w, items, n, &b, a)};
    buf_init(&plain, BODY_MAX);
    buf_init(&packed, BODY_MAX);
    if (!b.n)
        return true;
    remote_write_print(&b, w->config->version, &plain);
    if (!plain.overflow)
        snappy_block_pack(plain.data, plain.len, &packed);
    if ((plain.overflow || packed.overflow) && n > 1)
        return send_items(w, items, n / 2) && send_items(w, items + n / 2, n - n / 2);
    if (plain.overflow || packed.overflow) {
        atomic_fetch_add(&w->refused, q.samples);
        return true;
    }
    q.body = packed.data;
    q.len = packed.len;
    return send_request(w, &q);
}

/* Whether there is enough to be sent, or it has waited long enough. */
static bool is_time(struct remote_writer *w)
{
    note_stats(w);
    uint64_t behind = atomic_load(&w->behind);
    return behind >= w->config->max_samples ||
           (behind && clock_mono_ms() - w->sent_ms >= w->config->deadline_ms);
}

/* False: there was nothing to be sent, or it is to end. */
static bool send_some(struct remote_writer *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct tsdb_tail_item *items;
    struct err e;
    size_t n;
    if (tsdb_tail_next(w->tail, w->config->max_samples, a, &items, &n, &e) < 0) {
        failed(w, &e, "it is tried again");
        return false;
    }
    if (n && !send_items(w, items, n))
        return false;
    w->sent_ms = clock_mono_ms();
    w->done = tsdb_tail_position(w->tail);
    w->dirty = true;
    keep_account(w, false);
    return n > 0;
}

static void *run(void *arg)
{
    struct remote_writer *w = arg;
    int64_t look = w->config->deadline_ms < LOOK_MS ? w->config->deadline_ms : LOOK_MS;
    while (pause_for(w, look)) {
        while (!atomic_load(&w->stop) && is_time(w) && send_some(w))
            ;
        keep_account(w, false);
    }
    keep_account(w, true);
    return NULL;
}

/* ---- life ---- */

int remote_writer_start(const struct remote_writer_opts *o, struct remote_writer **out,
                        struct err *e)
{
    AUTO(remote_writer) struct remote_writer *w = calloc(1, sizeof *w);
    if (!w || !(w->file = strdup(o->file)))
        log_die("out of memory");
    w->db = o->db;
    w->clock = o->clock;
    w->config = o->config;
    (void)pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->wake);
    struct tsdb_tail_opts to = {.label = label,
                                .arg = w,
                                .histograms = o->config->histograms,
                                .exemplars = o->config->exemplars};
    int r = read_file(w, &to, e);
    if (r == 0)
        r = tsdb_tail_open(o->db, &to, &w->tail, e);
    if (r < 0)
        return r;
    w->done = tsdb_tail_position(w->tail);
    note_stats(w);
    r = write_file(w, e);
    if (r == 0)
        r = thread_start(&w->thread, "remote-write", 1024, run, w, e);
    if (r < 0)
        return r;
    w->running = true;
    *out = take_ptr(w);
    return 0;
}

void remote_writer_stats(struct remote_writer *w, struct remote_writer_stats *out)
{
    *out = (struct remote_writer_stats){
        .sent = atomic_load(&w->sent),
        .retried = atomic_load(&w->retried),
        .refused = atomic_load(&w->refused),
        .aged = atomic_load(&w->aged),
        .lost = atomic_load(&w->lost_before) + atomic_load(&w->lost),
        .behind = atomic_load(&w->behind),
    };
}

void remote_writer_free(struct remote_writer *w)
{
    if (!w)
        return;
    {
        LOCK_SCOPE(&w->lock);
        atomic_store(&w->stop, true);
        (void)pthread_cond_broadcast(&w->wake);
    }
    if (w->running)
        (void)pthread_join(w->thread, NULL);
    drop_client(w);
    tsdb_tail_free(w->tail);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->file);
    free(w);
}
