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

static void begin_with(uint64_t max_bytes)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-output-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    (void)snprintf(file, sizeof file, "%s/marks", dir);
    struct logdb_opts o = {.dir = dir, .clock = &clock_system, .max_bytes = max_bytes};
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
    unsigned sends, seen[1000];
    bool fails, halves, dead;
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
    begin_with(0);
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
    begin_with(0);
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

static void counts_what_is_lost(void)
{
    struct fake f = {
        .way = {fake_send, fake_free}
    };
    begin_with(1); /* any segment but the last is one too many */
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
        begin_with(0);
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

T_MAIN(takes_part_by_part, goes_on_where_it_was, counts_what_is_lost, to_our_listener)
