#include "logs/output.h"

#include <string.h>

#include "base/fs.h"
#include "logs/forward_in.h"
#include "net/http_server.h"
#include "t.h"

static struct err e;
static char dir[64], file[96];
static struct logdb *db;
static struct arena *arena;

static void begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-output-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    (void)snprintf(file, sizeof file, "%s/marks", dir);
    struct logdb_opts o = {.dir = dir, .clock = &clock_system};
    T_RC(logdb_open(&o, &db, &e), &e, "open");
    arena = arena_new(0);
}

static void end(void)
{
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(arena);
}

static void add(const char *pod, const char *text)
{
    struct value *labels = value_new_object(arena);
    uint32_t id;
    (void)value_set_str(arena, labels, "namespace", "shop");
    (void)value_set_str(arena, labels, "pod", pod);
    (void)value_set_str(arena, labels, "container", "main");
    T_RC(logdb_stream(db, labels, &id, &e), &e, pod);
    T_RC(logdb_append(db, id, clock_real_ns(), text, strlen(text), &e), &e, text);
}

static void add_many(int from, int to)
{
    for (int i = from; i < to; i++)
        add(i % 3 ? "web" : "api", arena_printf(arena, "line %d", i));
}

/* The other side: fails every second time, takes half of a batch, refuses lines with "bad". */
struct fake {
    struct output_way way;
    pthread_mutex_t lock;
    unsigned sends, seen[4000];
    bool fails, halves;
    atomic_bool dead;
};

static int fake_send(struct output_way *w, struct output_batch *b, struct err *err)
{
    struct fake *f = (struct fake *)w;
    unsigned n = f->sends++;
    if (f->dead || (f->fails && n % 2 == 0))
        return err_set(err, ERR_AGAIN, "the other side is not there");
    bool left = false;
    for (size_t i = 0; i < b->n; i++) {
        struct output_line *l = &b->lines[i];
        int number = -1;
        if (l->state != OUTPUT_OPEN)
            continue;
        if (f->halves && (i + n / 2) % 2) {
            left = true;
            continue;
        }
        (void)sscanf(l->x->text, "line %d", &number);
        l->state = number < 0 ? OUTPUT_REFUSED : OUTPUT_DONE;
        if (number >= 0)
            f->seen[number]++;
    }
    return left ? err_set(err, ERR_AGAIN, "some were not taken") : 0;
}

static void fake_free(struct output_way *w)
{
    (void)w;
}

static struct output *start(struct output_way *way, const char *match, int64_t retry_limit)
{
    struct output *o = NULL;
    struct output_opts opts = {.db = db,
                               .file = file,
                               .name = "test",
                               .match = match,
                               .retry_limit = retry_limit,
                               .pause_ms = 1,
                               .way = way};
    T_RC(output_start(&opts, &o, &e), &e, "start");
    return o;
}

/* Until nothing waits. */
static struct output_stats drained(struct output *o)
{
    struct output_stats s = {.behind = 1};
    for (int i = 0; i < 6000 && s.behind; i++) {
        output_stats(o, &s);
        if (s.behind)
            (void)usleep(10 * 1000);
    }
    T_EQ_INT((long long)s.behind, 0, "nothing waits");
    return s;
}

static void takes_part_by_part(void)
{
    struct fake f = {
        .way = {fake_send, fake_free},
          .fails = true, .halves = true
    };
    begin();
    add_many(0, 10);
    struct output *o = start(&f.way, "kube.shop.*", -1);
    add_many(10, 500);
    add("web", "bad");
    struct output_stats s = drained(o);
    T_EQ_INT((long long)s.sent, 490, "all that came since it began");
    T_EQ_INT((long long)s.lost, 1, "what was refused");
    output_free(o);
    for (int i = 0; i < 500; i++)
        T_EQ_INT(f.seen[i], i >= 10, "each once");
    end();
}

static void goes_on_where_it_was(void)
{
    struct fake f = {
        .way = {fake_send, fake_free}
    };
    begin();
    struct output *o = start(&f.way, "*", -1);
    add_many(0, 100);
    (void)drained(o);
    output_free(o);
    add_many(100, 200);
    f.dead = true; /* it ends in mid-batch: nothing of it was acknowledged */
    o = start(&f.way, "*", -1);
    add_many(200, 250);
    output_free(o);
    f.dead = false;
    logdb_free(db);
    T_RC(logdb_open(&(struct logdb_opts){.dir = dir, .clock = &clock_system}, &db, &e), &e, "open");
    o = start(&f.way, "*", -1);
    T_EQ_INT((long long)drained(o).sent, 150, "what was not acknowledged");
    output_free(o);
    for (int i = 0; i < 250; i++)
        T_EQ_INT(f.seen[i], 1, "each once");
    end();
}

/* Retention goes by while the other side is away: a line is sent or counted, never neither. */
static void counts_what_retention_takes(void)
{
    struct fake f = {
        .way = {fake_send, fake_free},
          .dead = true
    };
    struct output_stats s = {0};
    begin();
    struct output *o = start(&f.way, "*", -1);
    add_many(0, 4000);
    T_RC(logdb_flush(db, &e), &e, "pack");
    logdb_limit(db, 0, 1);
    for (int i = 0; i < 6000 && !s.lost; i++) {
        (void)usleep(10 * 1000);
        T_RC(logdb_sync(db, &e), &e, "retention");
        output_stats(o, &s);
    }
    T_OK(s.lost >= 2000, "more than a batch was lost");
    logdb_limit(db, 0, 0);
    atomic_store(&f.dead, false);
    add_many(0, 3);
    s = drained(o);
    output_free(o);
    unsigned sent = 0;
    for (int i = 0; i < 4000; i++)
        sent += f.seen[i];
    T_EQ_INT((long long)s.sent, sent, "sent");
    T_EQ_INT((long long)(s.sent + s.lost), 4003, "sent or counted");
    end();
}

static void counts_what_is_given_up(void)
{
    struct fake f = {
        .way = {fake_send, fake_free}
    };
    begin();
    struct output *o = start(&f.way, "*", -1), *other;
    (void)snprintf(file, sizeof file, "%s/other", dir);
    struct fake g = {
        .way = {fake_send, fake_free}
    };
    other = start(&g.way, "kube.shop.api.main", 0);
    g.dead = true;
    add_many(0, 60);
    T_EQ_INT((long long)drained(o).sent, 60, "one takes them");
    T_EQ_INT((long long)drained(other).lost, 20, "the other gave its own up");
    output_free(o);
    output_free(other);
    end();
}

static void to_our_listener(void)
{
    static const struct {
        const char *key;
        bool gzip;
    } cases[] = {
        {NULL,  false},
        {NULL,  true },
        {"key", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct forward_in *in = NULL;
        begin();
        struct logdb *there = NULL;
        struct logdb_opts to = {.dir = arena_join(arena, dir, "/there", NULL),
                                .clock = &clock_system};
        T_RC(logdb_open(&to, &there, &e), &e, "open");
        struct forward_in_opts io = {
            .address = "127.0.0.1:0",
            .shared_key = cases[i].key,
            .intake = {
                       .db = there, .clock = &clock_system, .source = "fluent", .index = "logs-fluent"}
        };
        T_RC(forward_in_start(&io, &in, &e), &e, "listen");
        struct output_forward_opts fo = {.host = "127.0.0.1",
                                         .port = forward_in_port(in),
                                         .shared_key = cases[i].key,
                                         .self_hostname = "us",
                                         .ack = true,
                                         .gzip = cases[i].gzip};
        struct output *o = start(output_forward_new(&fo), "kube.*.web.*", -1);
        add("web", "over there");
        add("other", "not this");
        T_EQ_INT((long long)drained(o).sent, 1, "sent");
        struct logdb_result r;
        struct logdb_matcher m = {"tag", LOGDB_EQ, "kube.shop.web.main"};
        struct logdb_query q = {.from_ns = 1, .matchers = &m, .n_matchers = 1};
        T_RC(logdb_query(there, &q, arena, &r, &e), &e, "query");
        T_EQ_INT((long long)r.n, 1, "there");
        T_OK(r.n && strstr(r.lines[0].text, "\"log\":\"over there\"") &&
                 strstr(r.lines[0].text, "\"namespace_name\":\"shop\""),
             "the record");
        output_free(o);
        forward_in_free(in);
        logdb_free(there);
        end();
    }
}

/* Elasticsearch: 503 first, then line 1 is taken later, line 2 is refused, line 3 is there. */
struct elastic {
    _Atomic unsigned asked;
    char bodies[3][4096];
};

static void answer_bulk(struct http_request *q, void *arg)
{
    static const char first[] =
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":201}},"
        "{\"create\":{\"status\":429}},{\"create\":{\"status\":400,\"error\":"
        "{\"type\":\"mapper_parsing_exception\",\"reason\":\"no\"}}},"
        "{\"create\":{\"status\":409}}]}",
                      last[] = "{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}";
    struct elastic *x = arg;
    struct err why;
    char *body;
    size_t n;
    unsigned nth = atomic_load(&x->asked);
    http_accept_gzip(q);
    if (nth > 2 || http_read_all(q, sizeof x->bodies[0] - 1, &body, &n, &why) < 0) {
        http_send_text(q, 400, "too much");
        return;
    }
    memcpy(x->bodies[nth], body, n + 1);
    atomic_store(&x->asked, nth + 1);
    if (nth == 0 || strcmp(q->path, "/elastic/_bulk") != 0)
        http_send_text(q, 503, "later");
    else
        http_send(q, 200, "application/json", nth == 1 ? first : last,
                  nth == 1 ? sizeof first - 1 : sizeof last - 1);
}

static void to_elasticsearch(void)
{
    static struct elastic x;
    struct http_server *server = NULL;
    for (int gzip = 0; gzip < 2; gzip++) {
        x = (struct elastic){0};
        begin();
        struct http_listen l = {.address = "127.0.0.1:0"};
        T_RC(http_server_start(&l, answer_bulk, &x, &server, &e), &e, "listen");
        add("web", "before");
        struct output_es_opts eo = {
            .url = arena_printf(arena, "http://127.0.0.1:%u/elastic", http_server_port(server)),
            .logstash_prefix = "shop",
            .gzip = gzip};
        T_RC(fs_write_atomic(file, 0600, "{\"lost\":7,\"streams\":[]}", 23, &e), &e, "marks");
        for (int i = 1; i < 4; i++)
            add("web", arena_printf(arena, "line %d", i));
        struct output *o = start(output_es_new(&eo), "*", -1);
        struct output_stats s = drained(o);
        T_EQ_INT((long long)s.sent, 3, "taken, or there already");
        T_EQ_INT((long long)s.lost, 8, "refused, and before");
        T_EQ_INT((long long)s.retried, 5, "four once, one again");
        T_EQ_STR(x.bodies[0], x.bodies[1], "the same again, under the same _id");
        T_OK(strstr(x.bodies[0], "{\"create\":{\"_index\":\"shop-20"), x.bodies[0]);
        T_OK(strstr(x.bodies[2], "\"log\":\"line 1\"") && !strstr(x.bodies[2], "line 2"),
             x.bodies[2]);
        output_free(o);
        http_server_free(server);
        end();
    }
}

T_MAIN(takes_part_by_part, goes_on_where_it_was, counts_what_retention_takes,
       counts_what_is_given_up, to_our_listener, to_elasticsearch)
