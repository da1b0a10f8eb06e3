#include "monitor/scraper.h"

#include <stdatomic.h>

#include "net/http_server.h"
#include "promql/promql.h"
#include "t.h"

static struct err e;
static _Atomic int requests;

static void page(struct http_request *q, void *arg)
{
    (void)arg;
    int n = atomic_fetch_add(&requests, 1);
    http_send_text(q, 200, n == 0 ? "hits{code=\"200\"} 1\nonce 7\n" : "hits{code=\"200\"} 2\n");
}

static void source(void *arg, scraper_emit emit, void *to)
{
    (void)arg;
    const struct label l = {"__name__", "inside"};
    emit(to, &l, 1, 5);
}

static const char *ask(struct tsdb *db, const char *query, struct arena *a)
{
    struct promql_tsdb s;
    struct promql_result r;
    promql_tsdb_init(&s, db);
    if (promql_instant(&s.source, NULL, query, clock_real_ms(), a, &r, &e) < 0)
        return e.msg;
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r.series.n; i++)
        out = arena_printf(a, "%s%s %g;", out, labels_text(&r.series.items[i].labels, a),
                           r.series.items[i].samples[0].v);
    return out;
}

/* Waits until the query answers so, 5 s at most. */
static void becomes(struct tsdb *db, const char *query, const char *want)
{
    for (int64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until;) {
        AUTO(arena) struct arena *a = arena_new(0);
        if (strcmp(ask(db, query, a), want) == 0)
            return;
        (void)usleep(5000);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_STR(ask(db, query, a), want, query);
}

static void scrapes(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    AUTO(http_server) struct http_server *server = NULL;
    struct http_listen l = {.address = "127.0.0.1:0"};
    struct tsdb_opts o = {.clock = &clock_system};
    T_RC(tsdb_open(&o, &db, &e), &e, "store");
    T_RC(http_server_start(&l, page, NULL, &server, &e), &e, "server");
    struct scraper *s = NULL;
    struct scraper_opts so = {.db = db, .clock = &clock_system, .interval_ms = 50};
    T_RC(scraper_start(&so, &s, &e), &e, "scraper");
    const struct label list[] = {
        {"job",  "test"},
        {"code", "mine"}
    };
    struct labels labels = labels_make(a, list, 2);
    scraper_set(s, "t", arena_printf(a, "http://127.0.0.1:%u/metrics", http_server_port(server)),
                &labels);
    scraper_set_source(s, "s", source, NULL, &(struct labels){0});
    becomes(db, "hits", "hits{code=\"mine\", exported_code=\"200\", job=\"test\"} 2;");
    becomes(db, "once", "");
    becomes(db, "up", "up{code=\"mine\", job=\"test\"} 1;");
    becomes(db, "inside", "inside 5;");
    http_server_free(take_ptr(server));
    becomes(db, "up", "up{code=\"mine\", job=\"test\"} 0;");
    becomes(db, "hits", "");
    scraper_remove(s, "t");
    becomes(db, "up", "");
    scraper_free(s);
}

T_MAIN(scrapes)
