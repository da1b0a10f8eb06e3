/* metricload - sends a fleet's samples by remote write 1.0, as fast as they are taken.
 *
 *   metricload URL TOKEN-FILE|- SERIES FIRST-MS STEP-MS SCRAPES TOGETHER
 *
 * Every body has the samples of 2000 series, TOGETHER scrapes of each. The same arguments give the
 * same bodies, whoever takes them. The next body is made while the last one is on its way. Prints
 * how many samples were taken, and the seconds. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/proto.h"
#include "codec/snappy_block.h"
#include "codec/value.h"
#include "metrics/fleet.h"
#include "net/http_client.h"

enum { BODY_SERIES = 2000, BODY_MAX = 32 << 20 };

struct load {
    const char *url;
    int64_t n_series, first_ms, step_ms, scrapes, together;
    struct fleet_series *series;
    struct http_client *client;
    struct buf plain;
};

static void put_labels(struct buf *b, const struct labels *l)
{
    for (size_t i = 0; i < l->n; i++) {
        size_t at = proto_begin(b, 1);
        proto_put_text(b, 1, l->items[i].name);
        proto_put_text(b, 2, l->items[i].value);
        proto_end(b, at);
    }
}

/* Scrapes from number `scrape` on, of the series from `from` on. */
static void make_body(struct load *l, int64_t scrape, size_t from, struct buf *packed)
{
    struct buf *b = &l->plain;
    buf_clear(b);
    buf_clear(packed);
    int64_t last = scrape + l->together < l->scrapes ? scrape + l->together : l->scrapes;
    for (size_t i = from; i < from + BODY_SERIES && i < (size_t)l->n_series; i++) {
        size_t series = proto_begin(b, 1);
        put_labels(b, &l->series[i].labels);
        for (int64_t k = scrape; k < last; k++) {
            size_t sample = proto_begin(b, 2);
            proto_put_double(b, 1, fleet_next(i, &l->series[i]));
            proto_put_varint(b, 2, (uint64_t)(l->first_ms + k * l->step_ms));
            proto_end(b, sample);
        }
        proto_end(b, series);
    }
    snappy_block_pack(b->data, b->len, packed);
}

/* Two bodies: one is made while the other is sent. */
struct pair {
    struct load *load;
    struct buf bodies[2];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t made, sent;
    int failed;
    struct err why;
};

static int send_body(struct load *l, const struct buf *body, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/x-protobuf",
                                          "Content-Encoding: snappy",
                                          "X-Prometheus-Remote-Write-Version: 0.1.0", NULL};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct http_call call = {.method = "POST",
                             .url = l->url,
                             .headers = headers,
                             .body = body->data,
                             .body_len = body->len};
    struct http_answer answer;
    int r = buf_check(body, e);
    if (r == 0)
        r = http_do(l->client, &call, a, &answer, e);
    if (r == 0 && answer.status / 100 != 2)
        r = err_set(e, ERR_INVALID, "%s: %d: %.200s", l->url, answer.status, answer.body);
    return r;
}

static void *send_all(void *arg)
{
    struct pair *p = arg;
    for (;;) {
        const struct buf *body;
        {
            LOCK_SCOPE(&p->lock);
            while (p->made == p->sent)
                (void)pthread_cond_wait(&p->changed, &p->lock);
            body = &p->bodies[p->sent % 2];
        }
        struct err e;
        int r = body->len ? send_body(p->load, body, &e) : ERR_NOT_FOUND;
        LOCK_SCOPE(&p->lock);
        p->sent++;
        if (r < 0) {
            p->failed = r;
            p->why = e;
        }
        (void)pthread_cond_signal(&p->changed);
        if (r < 0)
            return NULL;
    }
}

/* The body that may be written next; NULL: sending failed. */
static struct buf *free_body(struct pair *p)
{
    LOCK_SCOPE(&p->lock);
    while (p->made - p->sent == 2 && !p->failed)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    return p->failed ? NULL : &p->bodies[p->made % 2];
}

static void hand_over(struct pair *p)
{
    LOCK_SCOPE(&p->lock);
    p->made++;
    (void)pthread_cond_signal(&p->changed);
}

static int send_fleet(struct load *l, struct err *e)
{
    struct pair p = {
        .load = l, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t sender;
    struct buf *body;
    buf_init(&p.bodies[0], BODY_MAX);
    buf_init(&p.bodies[1], BODY_MAX);
    if (pthread_create(&sender, NULL, send_all, &p) != 0)
        log_die("no thread");
    for (int64_t scrape = 0; scrape < l->scrapes; scrape += l->together)
        for (size_t from = 0; from < (size_t)l->n_series && (body = free_body(&p));
             from += BODY_SERIES) {
            make_body(l, scrape, from, body);
            hand_over(&p);
        }
    if ((body = free_body(&p))) { /* an empty one is the end */
        buf_clear(body);
        hand_over(&p);
    }
    (void)pthread_join(sender, NULL);
    buf_done(&p.bodies[0]);
    buf_done(&p.bodies[1]);
    if (p.failed != ERR_NOT_FOUND)
        *e = p.why;
    return p.failed == ERR_NOT_FOUND ? 0 : p.failed;
}

static int read_numbers(char **argv, struct load *l, struct err *e)
{
    int64_t *const numbers[] = {&l->n_series, &l->first_ms, &l->step_ms, &l->scrapes, &l->together};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!value_int_from_text(argv[i], numbers[i]) || *numbers[i] <= 0)
            return err_set(e, ERR_INVALID, "%s is no number above 0", argv[i]);
    return 0;
}

static int run(char **argv, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct load l = {.url = argv[1]};
    struct http_client_opts o = {.timeout_ms = 60000, .no_proxy = true};
    char *token;
    size_t n;
    int r = read_numbers(argv + 3, &l, e);
    if (r == 0 && strcmp(argv[2], "-") != 0) {
        r = fs_read(argv[2], 1 << 16, a, &token, &n, e);
        o.bearer = r == 0 ? arena_trimmed(a, token) : NULL;
    }
    if (r < 0)
        return r;
    AUTO(http_client) struct http_client *client = http_client_new(&o);
    l.client = client;
    l.series = ARENA_ARRAY(a, struct fleet_series, (size_t)l.n_series);
    for (size_t i = 0; i < (size_t)l.n_series; i++)
        fleet_series(i, a, &l.series[i]);
    buf_init(&l.plain, BODY_MAX);
    int64_t begin = clock_mono_us();
    r = send_fleet(&l, e);
    buf_done(&l.plain);
    if (r == 0)
        (void)printf("%lld %.3f\n", (long long)(l.n_series * l.scrapes),
                     (double)(clock_mono_us() - begin) / 1e6);
    return r;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    if (argc != 8) {
        (void)fputs("usage: metricload URL TOKEN-FILE|- SERIES FIRST-MS STEP-MS SCRAPES TOGETHER\n",
                    stderr);
        return 2;
    }
    if (run(argv, &e) < 0) {
        (void)fprintf(stderr, "metricload: %s\n", e.msg);
        return 1;
    }
    return 0;
}
