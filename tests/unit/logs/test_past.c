/* Pods that are gone: what their lines tell. */
#include "t.h"
#include "base/buf.h"
#include "base/fs.h"
#include "codec/json.h"
#include "logs/past.h"

/* Lines are kept for 30 days: times are near now. */
static struct logdb *db;
static int64_t begin_s;

static void put(const char *container, const char *stream, const char *source, int64_t ns,
                const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    struct err e = {0};
    uint32_t id;
    (void)value_set_str(a, labels, "namespace", "shop");
    (void)value_set_str(a, labels, "pod", "web-1");
    (void)value_set_str(a, labels, "container", container);
    (void)value_set_str(a, labels, "stream", stream);
    if (source)
        (void)value_set_str(a, labels, "source", source);
    T_RC(logdb_stream(db, labels, &id, &e), &e, text);
    T_RC(logdb_append(db, id, begin_s * 1000000000 + ns, text, strlen(text), &e), &e, text);
}

static int add(void *arg, const void *bytes, size_t n, struct err *e)
{
    buf_add(arg, bytes, n);
    return buf_check(arg, e);
}

static const char *text_of(const struct past_log *o, struct arena *a)
{
    AUTO_BUF struct buf b;
    struct err e = {0};
    buf_init(&b, 64 << 20);
    if (past_log(db, o, add, &b, &e) < 0)
        return arena_strdup(a, e.msg);
    return arena_strdup(a, buf_text(&b));
}

static void shows(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct past_log o = {.ns = "shop",
                         .pod = "web-1",
                         .container = "main",
                         .tail_lines = -1,
                         .limit_bytes = -1,
                         .since_ns = begin_s * 1000000000};
    T_EQ_STR(text_of(&o, a), "one\ntwo\n\tat three\nfour\n", "both outputs by time");
    o.tail_lines = 1;
    T_EQ_STR(text_of(&o, a), "four\n", "the last record");
    o.tail_lines = 0;
    T_EQ_STR(text_of(&o, a), "", "none");
    o.tail_lines = -1;
    o.limit_bytes = 5;
    T_EQ_STR(text_of(&o, a), "one\nt", "so many bytes");
    o.limit_bytes = -1;
    o.since_ns += 2000;
    T_EQ_STR(text_of(&o, a), "two\n\tat three\nfour\n", "since");
    o.container = "none";
    T_EQ_STR(text_of(&o, a), "", "a container without lines");
}

static void stamps(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct past_log o = {.ns = "shop",
                         .pod = "web-1",
                         .container = "main",
                         .tail_lines = 2,
                         .limit_bytes = -1,
                         .timestamps = true};
    char two[CLOCK_TEXT_MAX], four[CLOCK_TEXT_MAX];
    clock_format_rfc3339_nano(begin_s * 1000000000 + 2000, two);
    clock_format_rfc3339_nano(begin_s * 1000000000 + 3000, four);
    T_EQ_STR(text_of(&o, a), arena_printf(a, "%s two\n%s \tat three\n%s four\n", two, two, four),
             "each line has its record's time");
}

/* More than a page, many of one time. */
static void pages(void)
{
    enum { LINES = 23000 };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf want;
    buf_init(&want, 1 << 20);
    for (int i = 0; i < LINES; i++) {
        const char *text = arena_printf(a, "line %d", i);
        put("many", "stdout", NULL, i < 7000 || i > 20000 ? i / 10 : 5000 - 10, text);
        buf_printf(&want, "%s\n", text);
    }
    const struct past_log o = {
        .ns = "shop", .pod = "web-1", .container = "many", .tail_lines = -1, .limit_bytes = -1};
    T_OK(strcmp(text_of(&o, a), buf_text(&want)) == 0, "every line once, in order");
}

static void tells(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *pod = NULL;
    struct err e = {0};
    T_RC(past_pod(db, "shop", "web-1", a, &pod, &e), &e, "a pod");
    T_EQ_STR(value_at_str(pod, "status.phase", ""), "Unknown", "phase");
    T_EQ_STR(json_text(a, value_at(pod, "spec.containers"), 0),
             "[{\"name\":\"main\"},{\"name\":\"side\"}]", "containers by their first lines");
    T_EQ_STR(value_str(value_get(value_at(pod, "metadata.annotations"), "slipway.dev/deleted"), ""),
             "true", "marked");
    T_EQ_INT(past_pod(db, "shop", "web-2", a, &pod, &e), ERR_NOT_FOUND, "another name");
    T_EQ_INT(past_pod(db, "other", "web-1", a, &pod, &e), ERR_NOT_FOUND, "another namespace");
}

static void fill(void)
{
    put("main", "stdout", NULL, 1000, "one");
    put("main", "stderr", NULL, 2000, "two\n\tat three");
    put("main", "stdout", NULL, 3000, "four");
    put("side", "stdout", NULL, 2500, "beside");
    put("pushed", "stdout", "loki", 100, "handed in by somebody");
}

static void all(void)
{
    char dir[] = "/tmp/slipway-past-XXXXXX";
    struct err e = {0};
    const struct logdb_opts o = {.dir = mkdtemp(dir), .clock = &clock_system};
    begin_s = clock_real_ms() / 1000 - 60;
    T_RC(logdb_open(&o, &db, &e), &e, "open");
    fill();
    shows();
    stamps();
    tells();
    pages();
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(all)
