#include "monitor/remote_write.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "codec/snappy_block.h"
#include "codec/yaml.h"
#include "net/http_server.h"
#include "t.h"

static struct err e;

/* A receiver: what it was sent, as "labels value@time;", and what it answers. */
static struct receiver {
    pthread_mutex_t lock;
    struct arena *a;
    const char *got;
    int answers[8]; /* one after the other; then 204 */
    size_t n;
    const char *version;
} there = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(struct receiver *x, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct batch_series *s = &b->series[i];
        const char *labels = labels_text(&s->labels, x->a);
        for (size_t k = 0; k < s->n; k++)
            x->got =
                is_stale(s->samples[k].v)
                    ? arena_printf(x->a, "%s%s end;", x->got, labels)
                    : arena_printf(x->a, "%s%s %g%s%s;", x->got, labels,
                                   s->samples[k].h ? s->samples[k].h->count : s->samples[k].v,
                                   s->samples[k].h ? "h" : "", s->samples[k].start ? " since" : "");
        for (size_t k = 0; k < s->n_exemplars; k++)
            x->got = arena_printf(x->a, "%s%s %s;", x->got, labels,
                                  labels_text(&s->exemplars[k].labels, x->a));
    }
}

static void receive(struct http_request *q, void *arg)
{
    struct receiver *x = arg;
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct batch b;
    char *plain, *body;
    size_t n, len;
    T_RC(http_read_all(q, 1 << 20, &body, &len, &e), &e, "body");
    LOCK_SCOPE(&x->lock);
    x->version = arena_strdup(x->a, http_header(q, "X-Prometheus-Remote-Write-Version"));
    int answer = x->n < ARRAY_LEN(x->answers) && x->answers[x->n] ? x->answers[x->n++] : 204;
    enum remote_version v = x->version[0] == '2' ? REMOTE_WRITE_2 : REMOTE_WRITE_1;
    if (answer == 204 && snappy_block_unpack(a, body, len, 1 << 20, &plain, &n, &e) == 0 &&
        remote_write_read(a, plain, n, v, &b, &e) == 0)
        note(x, &b);
    http_send_text(q, answer, "no\n");
}

struct world {
    struct arena *a;
    const char *folder;
    struct tsdb *db;
    struct http_server *server;
    struct remote_write_config config;
    struct remote_writer *writer;
};

static void open_store(struct world *w)
{
    struct tsdb_opts o = {.dir = arena_join(w->a, w->folder, "/db", NULL), .clock = &clock_system};
    T_RC(tsdb_open(&o, &w->db, &e), &e, "store");
}

static void open_writer(struct world *w)
{
    struct remote_writer_opts o = {.db = w->db,
                                   .clock = &clock_system,
                                   .config = &w->config,
                                   .file = arena_join(w->a, w->folder, "/file", NULL)};
    T_RC(remote_writer_start(&o, &w->writer, &e), &e, "writer");
}

static void begin(struct world *w, const char *yaml)
{
    char dir[] = "/tmp/remote-XXXXXX";
    struct http_listen l = {.address = "127.0.0.1:0"};
    const struct label external[] = {
        {"cluster", "c1"}
    };
    struct value *v;
    *w = (struct world){.a = arena_new(0)};
    there.a = w->a;
    there.got = "";
    there.n = 0;
    T_OK(mkdtemp(dir), "folder");
    w->folder = arena_strdup(w->a, dir);
    T_RC(http_server_start(&l, receive, &there, &w->server, &e), &e, "server");
    yaml = arena_printf(w->a,
                        "url: http://127.0.0.1:%u/write\n"
                        "queue_config: {batch_send_deadline: 10ms, min_backoff: 1ms, max_backoff: "
                        "5ms, max_samples_per_send: 2}\n%s",
                        http_server_port(w->server), yaml);
    T_RC(yaml_parse(w->a, yaml, strlen(yaml), YAML_STRICT_KEYS, &v, &e), &e, yaml);
    T_RC(remote_write_config_read(v, dir, &(struct labels){external, 1}, w->a, &w->config, &e), &e,
         yaml);
    open_store(w);
    open_writer(w);
}

static void end(struct world *w)
{
    remote_writer_free(w->writer);
    tsdb_free(w->db);
    http_server_free(w->server);
    remote_write_config_done(&w->config);
    T_RC(fs_remove_tree(w->folder, &e), &e, "remove");
    arena_free(w->a);
}

static uint64_t series(struct world *w, const char *name)
{
    const struct label l[] = {
        {"__name__", name},
        {"own",      "x" }
    };
    struct labels labels = labels_make(w->a, l, ARRAY_LEN(l));
    uint64_t ref;
    T_RC(tsdb_series(w->db, &labels, &ref, &e), &e, name);
    return ref;
}

/* Samples of series a and b, the first with what a configuration may ask for besides. */
static void append(struct world *w, double v)
{
    static const struct label of_exemplar[] = {
        {"id", "t"}
    };
    int64_t now = clock_real_ms();
    uint64_t a = series(w, "a"), b = series(w, "b");
    struct exemplar x = {
        {of_exemplar, 1},
        1, now
    };
    struct histogram h = {.count = 7, .zero_count = 7};
    tsdb_begins(w->db, a, now - 1000);
    T_RC(tsdb_append(w->db, a, now, v, &e), &e, "a");
    T_RC(tsdb_append_exemplar(w->db, a, &x, &e), &e, "exemplar");
    T_RC(tsdb_append(w->db, b, now, stale_marker(), &e), &e, "b");
    T_RC(tsdb_append_histogram(w->db, series(w, "h"), now, &h, &e), &e, "h");
    T_RC(tsdb_commit(w->db, &e), &e, "commit");
}

/* Waits until it was sent just this. */
static void becomes(const char *want, const char *name)
{
    const char *got = "";
    for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;) {
        {
            LOCK_SCOPE(&there.lock);
            got = there.got;
        }
        if (strcmp(got, want) == 0)
            return;
        (void)usleep(2000);
    }
    T_EQ_STR(got, want, name);
}

/* Waits until so many samples are answered for. */
static struct remote_writer_stats settled(struct world *w, uint64_t n)
{
    struct remote_writer_stats s;
    int64_t until = clock_mono_ms() + 60000;
    do {
        (void)usleep(2000);
        remote_writer_stats(w->writer, &s);
    } while (s.sent + s.refused < n && clock_mono_ms() < until);
    return s;
}

static void sends(void)
{
    static const struct {
        const char *name;
        const char *yaml, *version, *want;
    } cases[] = {
        {"what is asked for without asking", "",                                                     "0.1.0",
         "a{cluster=\"c1\", own=\"x\"} 5;b{cluster=\"c1\", own=\"x\"} end;"                                                                    },
        {"all",                              "send_exemplars: true\nsend_native_histograms: true\n", "0.1.0",
         "a{cluster=\"c1\", own=\"x\"} 5;a{cluster=\"c1\", own=\"x\"} {id=\"t\"};"
         "b{cluster=\"c1\", own=\"x\"} end;h{cluster=\"c1\", own=\"x\"} 7h;"                                                                   },
        {"version 2",                        "protobuf_message: io.prometheus.write.v2.Request\n",   "2.0.0",
         "a{cluster=\"c1\", own=\"x\"} 5 since;b{cluster=\"c1\", own=\"x\"} end;"                                                              },
        {"relabelled",
         "write_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}, "
         "{target_label: cluster, replacement: c2}]\n",                                              "0.1.0", "a{cluster=\"c2\", own=\"x\"} 5;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        begin(&w, cases[i].yaml);
        append(&w, 5);
        becomes(cases[i].want, cases[i].name);
        T_EQ_STR(there.version, cases[i].version, cases[i].name);
        end(&w);
    }
}

/* Two samples in one request, whatever the other side says to it. */
static void counts(void)
{
    static const struct {
        const char *name;
        int answers[4];
        uint64_t sent, refused, retried;
    } cases[] = {
        {"taken",                 {0},        2, 0, 0},
        {"taken after a while",   {503, 500}, 2, 0, 4},
        {"too many at once",      {429},      2, 0, 2},
        {"refused for good",      {400},      0, 2, 0},
        {"refused after a while", {503, 413}, 0, 2, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        begin(&w, "");
        memcpy(there.answers, cases[i].answers, sizeof cases[i].answers);
        append(&w, 5);
        struct remote_writer_stats s = settled(&w, 2);
        T_EQ_INT((int)s.sent, (int)cases[i].sent, cases[i].name);
        T_EQ_INT((int)s.refused, (int)cases[i].refused, cases[i].name);
        T_EQ_INT((int)s.retried, (int)cases[i].retried, cases[i].name);
        T_EQ_INT(*there.got != '\0', cases[i].sent > 0, cases[i].name);
        memset(there.answers, 0, sizeof there.answers);
        end(&w);
    }
}

/* What comes while it does not run is sent afterwards, and nothing twice. */
static void goes_on(void)
{
    static const char once[] = "a{cluster=\"c1\", own=\"x\"} 1;b{cluster=\"c1\", own=\"x\"} end;";
    struct world w;
    begin(&w, "");
    append(&w, 1);
    becomes(once, "at first");
    (void)settled(&w, 2);
    remote_writer_free(w.writer);
    (void)usleep(2000); /* the times differ */
    append(&w, 2);
    tsdb_free(w.db);
    open_store(&w);
    open_writer(&w);
    (void)usleep(2000);
    append(&w, 3);
    becomes(arena_join(w.a, once,
                       "a{cluster=\"c1\", own=\"x\"} 2;b{cluster=\"c1\", own=\"x\"} end;",
                       "a{cluster=\"c1\", own=\"x\"} 3;b{cluster=\"c1\", own=\"x\"} end;", NULL),
            "each once");
    struct remote_writer_stats s = settled(&w, 6);
    T_EQ_INT((int)s.sent, 6, "sent");
    T_EQ_INT((int)s.lost, 0, "lost");
    end(&w);
}

static void refuses(void)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"url: ftp://a\n",                                         "line 1: url ftp://a is neither http nor https"},
        {"url: http://a\nmetadata_config: {send: true}\n",
         "line 2: metadata_config: send is not acted on here"                                                     },
        {"url: http://a\nsigv4: {region: a}\n",                    "line 2: sigv4 is not acted on here"           },
        {"url: http://a\nwrite_relabel_configs: [{action: no}]\n", "rule 1"                                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct remote_write_config c;
        struct value *v;
        T_RC(yaml_parse(a, cases[i].yaml, strlen(cases[i].yaml), 0, &v, &e), &e, cases[i].yaml);
        T_OK(remote_write_config_read(v, ".", &(struct labels){0}, a, &c, &e) < 0, cases[i].yaml);
        T_OK(strstr(e.msg, cases[i].want), e.msg);
    }
}

T_MAIN(sends, counts, goes_on, refuses)
