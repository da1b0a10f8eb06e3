#include "logs/output.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/compress.h"
#include "codec/json.h"
#include "logs/fluentbit.h"

enum {
    BATCH_LINES = 2000,
    BATCH_BYTES = 2 << 20,
    FILE_MAX = 64 << 20,
    LOOK_MS = 1000, /* between looks for lines, and between writings of the file */
    PAUSE_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    SAY_MS = 60 * 1000,
};

struct output {
    struct logdb_reader *reader;
    struct output_way *way;
    char *file, *name, *match;
    int64_t retry_limit, pause_ms;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of wake */
    pthread_cond_t wake;
    atomic_bool stop;
    _Atomic uint64_t sent, retried, refused, lost_before;
    bool dirty; /* the file is behind; this and what follows is the thread's */
    int64_t written_ms, said_ms, failed_ms;
    uint64_t said_lost;
};

/* ---- lines ---- */

const char *output_tag(const struct value *labels, struct arena *a)
{
    const char *tag = value_str(value_get(labels, "tag"), NULL);
    const char *pod = value_str(value_get(labels, "pod"), NULL);
    const char *source = value_str(value_get(labels, "source"), NULL);
    if (tag || (source && !pod))
        return tag ? tag : source;
    if (source || !pod)
        return source ? source : "slipway";
    return arena_join(a, "kube.", value_str(value_get(labels, "namespace"), ""), ".", pod, ".",
                      value_str(value_get(labels, "container"), ""), NULL);
}

struct value *output_record(const struct logdb_entry *x, struct arena *a)
{
    static const char *const of_kubernetes[][2] = {
        {"namespace", "namespace_name"},
        {"pod",       "pod_name"      },
        {"container", "container_name"}
    };
    struct value *v;
    if (value_get(x->labels, "source") && value_get(x->labels, "index") &&
        json_parse(a, x->text, x->n, 0, &v, NULL) == 0 && value_is(v, VALUE_OBJECT)) {
        (void)value_remove(v, "_id");
        return v;
    }
    v = value_new_object(a);
    struct value *kube = value_new_object(a);
    (void)value_set(a, v, "log", value_new_strn(a, x->text, x->n));
    VALUE_EACH_MEMBER (m, x->labels) {
        size_t i = 0;
        while (i < ARRAY_LEN(of_kubernetes) && strcmp(m->key, of_kubernetes[i][0]) != 0)
            i++;
        if (i < ARRAY_LEN(of_kubernetes))
            (void)value_set(a, kube, of_kubernetes[i][1], &m->value);
        else
            (void)value_set(a, v, m->key, &m->value);
    }
    if (value_members_count(kube))
        (void)value_set(a, v, "kubernetes", kube);
    return v;
}

int output__press(const struct buf *from, struct buf *into, struct err *e)
{
    AUTO(compressor) struct compressor *c = NULL;
    struct sink_buf to = sink_to_buf(into);
    int r = compressor_new(COMPRESS_GZIP, 0, &to.sink, &c, e);
    if (r == 0)
        r = sink_write(compressor_sink(c), from->data, from->len, e);
    return r < 0 ? r : compressor_end(c, e);
}

static bool wants(void *arg, const struct value *labels)
{
    const struct output *o = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    return fluentbit_match(o->match, output_tag(labels, a));
}

/* ---- how far it is: {"lost": N, "streams": [[number, sum, time, nth], …]} ---- */

static int write_marks(struct output *o, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct output_stats s;
    struct logdb_mark *marks;
    size_t n;
    output_stats(o, &s);
    logdb_reader_marks(o->reader, a, &marks, &n);
    buf_init(&b, FILE_MAX);
    buf_printf(&b, "{\"lost\":%" PRIu64 ",\"streams\":[", s.lost);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s\n[%u,%u,%" PRId64 ",%u]", i ? "," : "", marks[i].stream,
                   marks[i].labels_sum, marks[i].time_ns, marks[i].nth);
    buf_puts(&b, "]}\n");
    int r = buf_check(&b, e);
    if (r == 0)
        r = fs_write_atomic(o->file, 0600, b.data, b.len, e);
    o->dirty = r < 0;
    o->written_ms = clock_mono_ms();
    return r;
}

static int parse_marks(struct output *o, const struct value *v, struct arena *a,
                       struct logdb_reader_opts *out, struct err *e)
{
    const struct value *list = value_get(v, "streams");
    struct logdb_mark *marks = ARENA_ARRAY(a, struct logdb_mark, value_count(list) + 1);
    size_t n = 0;
    if (!value_is(list, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "it says of no streams");
    VALUE_EACH_ITEM (x, list)
        marks[n++] = (struct logdb_mark){(uint32_t)value_int(value_item(x, 0), UINT32_MAX),
                                         (uint32_t)value_int(value_item(x, 1), 0),
                                         value_int(value_item(x, 2), -1),
                                         (unsigned)value_int(value_item(x, 3), 0)};
    atomic_store(&o->lost_before, (uint64_t)value_int(value_get(v, "lost"), 0));
    out->marks = marks;
    out->n_marks = n;
    return 0;
}

static int read_marks(struct output *o, struct arena *a, struct logdb_reader_opts *out,
                      struct err *e)
{
    char *text;
    size_t n;
    struct value *v;
    struct err why = {0};
    int r = fs_read(o->file, FILE_MAX, a, &text, &n, &why);
    if (r < 0 && why.sys == ENOENT) {
        out->begins = true;
        return 0;
    }
    if (r < 0) {
        *e = why;
        return r;
    }
    r = json_parse(a, text, n, 0, &v, e);
    if (r == 0)
        r = parse_marks(o, v, a, out, e);
    return r < 0 ? err_wrap(e, r, "%s", o->file) : 0;
}

/* ---- sending ---- */

/* False: it is to end. */
static bool pause_for(struct output *o, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    LOCK_SCOPE(&o->lock);
    while (!atomic_load(&o->stop) && clock_mono_ms() < until)
        (void)cond_wait_ms(&o->wake, &o->lock, until - clock_mono_ms());
    return !atomic_load(&o->stop);
}

static int64_t with_jitter(int64_t ms)
{
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    return ms / 2 + (int64_t)(random % (uint64_t)(ms + 1));
}

static void say(struct output *o)
{
    struct output_stats s;
    int64_t now = clock_mono_ms();
    output_stats(o, &s);
    if (s.lost == o->said_lost || (o->said_ms && now - o->said_ms < SAY_MS))
        return;
    log_warn("logs", "%s: %" PRIu64 " lines were lost, %" PRIu64 " in all; %" PRIu64 " wait",
             o->name, s.lost - o->said_lost, s.lost, s.behind);
    o->said_lost = s.lost;
    o->said_ms = now;
}

static void keep_account(struct output *o, bool now)
{
    struct err e;
    say(o);
    if (!o->dirty || (!now && clock_mono_ms() - o->written_ms < LOOK_MS))
        return;
    if (write_marks(o, &e) < 0)
        log_warn("logs", "%s: what is sent cannot be noted: %s", o->name, e.msg);
}

static void failed(struct output *o, const struct err *e)
{
    int64_t now = clock_mono_ms();
    if (o->failed_ms && now - o->failed_ms < SAY_MS)
        return;
    log_warn("logs", "%s: %s; it is tried again", o->name, e->msg);
    o->failed_ms = now;
}

/* Notes what is answered for. A stream's lines are noted up to the first that is open. */
static void settle(struct output *o, struct output_batch *b)
{
    size_t left = 0;
    uint32_t stuck = UINT32_MAX;
    for (size_t i = 0; i < b->n; i++) {
        struct output_line *l = &b->lines[i];
        if (l->x->stream == stuck || l->state == OUTPUT_OPEN) {
            stuck = l->x->stream;
            b->lines[left++] = *l;
            continue;
        }
        atomic_fetch_add(l->state == OUTPUT_DONE ? &o->sent : &o->refused, 1);
        logdb_reader_done(o->reader, l->x, 1);
        o->dirty = true;
    }
    b->n = left;
}

static size_t open_lines(const struct output_batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->lines[i].state == OUTPUT_OPEN;
    return n;
}

static void give_up(struct output_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->lines[i].state == OUTPUT_OPEN)
            b->lines[i].state = OUTPUT_REFUSED;
}

static void send_batch(struct output *o, struct output_batch *b)
{
    int64_t pause = o->pause_ms;
    for (int64_t tries = 0; !atomic_load(&o->stop); tries++) {
        struct err e = {0};
        size_t had = open_lines(b);
        if (tries)
            atomic_fetch_add(&o->retried, had);
        int r = o->way->send(o->way, b, &e);
        size_t left = open_lines(b);
        if (r < 0 && left)
            failed(o, &e);
        if (left < had) /* it moves */
            pause = o->pause_ms, tries = 0;
        else if (o->retry_limit >= 0 && tries >= o->retry_limit)
            give_up(b);
        settle(o, b);
        keep_account(o, false);
        if (b->n == 0 || !pause_for(o, with_jitter(pause)))
            return;
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
}

static void *run(void *arg)
{
    struct output *o = arg;
    bool more = true;
    while (more || pause_for(o, LOOK_MS)) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct logdb_batch lines;
        logdb_reader_next(o->reader, BATCH_LINES, BATCH_BYTES, a, &lines);
        struct output_batch b = {.lines = ARENA_ARRAY(a, struct output_line, lines.n + 1),
                                 .n = lines.n,
                                 .name = o->name,
                                 .stop = &o->stop};
        for (size_t i = 0; i < lines.n; i++) {
            bool same = i && lines.lines[i].stream == lines.lines[i - 1].stream;
            b.lines[i].x = &lines.lines[i];
            b.lines[i].tag = same ? b.lines[i - 1].tag : output_tag(lines.lines[i].labels, a);
        }
        if (b.n)
            send_batch(o, &b);
        keep_account(o, false);
        more = lines.n && !atomic_load(&o->stop);
    }
    keep_account(o, true);
    return NULL;
}

int output_start(const struct output_opts *opts, struct output **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(output) struct output *o = calloc(1, sizeof *o);
    if (!o || !(o->file = strdup(opts->file)) || !(o->name = strdup(opts->name)) ||
        !(o->match = strdup(opts->match)))
        log_die("out of memory");
    o->way = opts->way;
    o->retry_limit = opts->retry_limit;
    o->pause_ms = opts->pause_ms ? opts->pause_ms : PAUSE_MS;
    (void)pthread_mutex_init(&o->lock, NULL);
    cond_init(&o->wake);
    struct logdb_reader_opts ro = {.wants = wants, .arg = o};
    int r = read_marks(o, a, &ro, e);
    o->said_lost = atomic_load(&o->lost_before);
    if (r == 0)
        r = logdb_reader_open(opts->db, &ro, &o->reader, e);
    if (r == 0)
        r = write_marks(o, e);
    if (r == 0)
        r = thread_start(&o->thread, "log-output", 1024, run, o, e);
    if (r < 0)
        return r;
    o->running = true;
    *out = take_ptr(o);
    return 0;
}

void output_stats(struct output *o, struct output_stats *out)
{
    struct logdb_reader_stats s;
    logdb_reader_stats(o->reader, &s);
    *out = (struct output_stats){o->name, atomic_load(&o->sent), atomic_load(&o->retried),
                                 atomic_load(&o->lost_before) + atomic_load(&o->refused) + s.lost,
                                 s.behind};
}

void output_free(struct output *o)
{
    if (!o)
        return;
    {
        LOCK_SCOPE(&o->lock);
        atomic_store(&o->stop, true);
        (void)pthread_cond_broadcast(&o->wake);
    }
    if (o->running)
        (void)pthread_join(o->thread, NULL);
    logdb_reader_free(o->reader);
    o->way->free(o->way);
    (void)pthread_cond_destroy(&o->wake);
    (void)pthread_mutex_destroy(&o->lock);
    free(o->file);
    free(o->name);
    free(o->match);
    free(o);
}
