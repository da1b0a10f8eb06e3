#include "logs/collector.h"

#include <fcntl.h>
#include <stdarg.h>

#include "base/fs.h"
#include "t.h"

static struct err e;
static struct arena *arena;

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    T_OK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    (void)close(fd);
}

/* Every line found, joined; waits until there are `n` of them, 60 s at most. */
static const char *lines(struct logdb *db, size_t n)
{
    struct logdb_query q = {0};
    struct logdb_result r = {0};
    for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;) {
        T_RC(logdb_query(db, &q, arena, &r, &e), &e, "query");
        if (r.n >= n)
            break;
        (void)usleep(2000);
    }
    char *s = arena_strdup(arena, "");
    for (size_t i = 0; i < r.n; i++)
        s = arena_printf(arena, "%s%s/%s:%s;", s, value_at_str(r.lines[i].labels, "container", "?"),
                         value_at_str(r.lines[i].labels, "stream", "?"), r.lines[i].text);
    return s;
}

static void follows_and_resumes(void)
{
    arena = arena_new(0);
    char dir[] = "/tmp/slipway-collect-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    char *pods = arena_printf(arena, "%s/pods", dir), *store = arena_printf(arena, "%s/logs", dir);
    char *app = arena_printf(arena, "%s/u1/app", pods),
         *file = arena_printf(arena, "%s/0.log", app);
    T_RC(fs_mkdirs(pods, 0700, &e), &e, "pods");
    int64_t century_ms = (int64_t)100 * 365 * 86400 * 1000;
    struct logdb_opts o = {.dir = store, .clock = &clock_system, .max_age_ms = century_ms};
    struct logdb *db = NULL;
    struct collector *c = NULL;
    T_RC(logdb_open(&o, &db, &e), &e, "store");
    T_RC(collector_start(db, pods, &c, &e), &e, "collector");
    struct value *labels = value_new_object(arena);
    (void)value_set_str(arena, labels, "pod", "web");
    collector_follow(c, "u1", labels); /* before there is anything */
    T_RC(fs_mkdirs(app, 0700, &e), &e, "container");
    append(file, "2026-01-01T00:00:01Z stdout F one\n2026-01-01T00:00:02Z stderr F two\n");
    T_EQ_STR(lines(db, 2), "app/stdout:one;app/stderr:two;", "what is there");
    append(file, "2026-01-01T00:00:03Z stdout P thr");
    append(file, "\n2026-01-01T00:00:03Z stdout F ee\n");
    T_EQ_STR(lines(db, 3), "app/stdout:one;app/stderr:two;app/stdout:three;", "joined");
    collector_free(c);
    append(file, "2026-01-01T00:00:03Z stdout F four\n"); /* while nobody looks; the same time */
    T_RC(collector_start(db, pods, &c, &e), &e, "again");
    collector_follow(c, "u1", labels);
    T_EQ_STR(lines(db, 4), "app/stdout:one;app/stderr:two;app/stdout:three;app/stdout:four;",
             "each line once");
    append(file, "2026-01-01T00:00:04Z stdout F x.FooException: bar\n"
                 "2026-01-01T00:00:04Z stdout F \tat x.Foo.bar(Foo.java:1)\n");
    T_OK(strstr(lines(db, 5), "app/stdout:x.FooException: bar\n\tat x.Foo.bar(Foo.java:1);"),
         "a trace is one record, when nothing more comes");
    append(file, "2026-01-01T00:00:05Z stdout F last\n");
    T_RC(fs_remove_tree(arena_printf(arena, "%s/u1", pods), &e), &e, "the pod goes");
    collector_forget(c, "", "web");
    T_OK(strstr(lines(db, 6), "last"), "a deleted file is read to its end");
    collector_free(c);
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(arena);
}

T_MAIN(follows_and_resumes)
