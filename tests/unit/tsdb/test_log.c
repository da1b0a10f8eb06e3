/* What the log gives back: every bit of every value, the commits before a torn one, and older logs.
 */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"
#include "fixture.h"

static double value(size_t i)
{
    static const double odd[] = {0,         -0.0,           -1, 0.1, 1e300, 5e-324, INFINITY,
                                 -INFINITY, 281474976710656};
    return i % 100 < ARRAY_LEN(odd) ? odd[i % 100] : i % 100 == 50 ? stale_marker() : (double)i / 8;
}

/* `n` samples of each of three series, all there bit for bit. */
static void expect(struct tsdb *db, size_t n, const char *why)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct series_set set;
    T_RC(tsdb_select(db, all, 1, 0, INT64_MAX, 1000000, a, &set, &e), &e, why);
    T_EQ_INT(set.n, 3, why);
    for (size_t s = 0; s < set.n; s++) {
        T_EQ_INT(set.items[s].n, n, why);
        for (size_t i = 0; i < set.items[s].n; i++) {
            double want = value(i + s);
            T_OK(memcmp(&set.items[s].samples[i].v, &want, sizeof want) == 0, why);
            T_EQ_INT(set.items[s].samples[i].t, NOW - 90000 + (int64_t)i, why);
        }
    }
}

static void fill(struct tsdb *db, size_t from, size_t to)
{
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = from; i < to; i++)
        for (size_t s = 0; s < ARRAY_LEN(names); s++)
            T_RC(tsdb_append(db, series(db, names[s]), NOW - 90000 + (int64_t)i, value(i + s), &e),
                 &e, names[s]);
    T_RC(tsdb_commit(db, &e), &e, "commit");
}

static void gives_back(void)
{
    char dir[] = "/tmp/slipway-tsdb-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    struct tsdb *db = open_in(dir);
    fill(db, 0, 20000); /* more than a run holds */
    tsdb_free(db);
    db = open_in(dir);
    expect(db, 20000, "read back");
    fill(db, 20000, 20001); /* a small one is not compressed */
    tsdb_free(db);
    db = open_in(dir);
    expect(db, 20001, "read back again");
    tsdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static void cuts_a_torn_end(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-tsdb-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    const char *log = arena_join(a, dir, "/000000000000.wal", NULL);
    struct tsdb *db = open_in(dir);
    struct stat whole, more;
    fill(db, 0, 1000);
    T_EQ_INT(stat(log, &whole), 0, "stat");
    fill(db, 1000, 2000);
    T_EQ_INT(stat(log, &more), 0, "stat");
    tsdb_free(db);
    T_EQ_INT(truncate(log, (whole.st_size + more.st_size) / 2), 0, "tear");
    db = open_in(dir);
    expect(db, 1000, "the first commit is there, the torn one is not");
    tsdb_free(db);
    T_EQ_INT(stat(log, &more), 0, "stat");
    T_EQ_INT(more.st_size, whole.st_size, "the torn one is cut off");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

/* No file may grow any more, or all may again. */
static void set_room(bool any)
{
    struct rlimit r;
    T_EQ_INT(getrlimit(RLIMIT_FSIZE, &r), 0, "getrlimit");
    r.rlim_cur = any ? r.rlim_max : 0;
    T_EQ_INT(setrlimit(RLIMIT_FSIZE, &r), 0, "setrlimit");
}

static void goes_on_after_a_full_disk(bool when_opened)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-tsdb-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    (void)signal(SIGXFSZ, SIG_IGN);
    set_room(!when_opened);
    struct tsdb *db = open_in(dir);
    set_room(false);
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)series(db, names[i]); /* whose definition is lost */
        T_OK(tsdb_commit(db, &e) < 0, "there is no room");
    }
    T_EQ_INT(access(arena_join(a, dir, "/000000000000.wal", NULL), F_OK), when_opened ? -1 : 0,
             "a segment that could not begin is gone");
    T_EQ_INT(access(arena_join(a, dir, "/000000000001.wal", NULL), F_OK), -1, "and no other");
    set_room(true);
    fill(db, 0, 1000);
    tsdb_free(db);
    set_room(false);
    db = open_in(dir);
    expect(db, 1000, "with room again, then none");
    set_room(true);
    fill(db, 1000, 2000);
    tsdb_free(db);
    db = open_in(dir);
    expect(db, 2000, "with room again");
    tsdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static void full_disk_while_written(void)
{
    goes_on_after_a_full_disk(false);
}

static void full_disk_when_opened(void)
{
    goes_on_after_a_full_disk(true);
}

static void add_record(int fd, const void *body, size_t n)
{
    uint32_t head[2] = {(uint32_t)n, (uint32_t)crc32_z(0, body, n)};
    T_OK(write(fd, head, sizeof head) == sizeof head && write(fd, body, n) == (ssize_t)n, "write");
}

/* A sample by itself, as logs had them; runs and compressed records that are none. */
static void reads_what_it_must(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-tsdb-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    AUTO_FD int fd = open(arena_join(a, dir, "/000000000000.wal", NULL), O_WRONLY | O_CREAT, 0600);
    static const char name[] = "\1\5\0\0\0\1\0\0\0__name__\0x";
    struct __attribute__((packed)) {
        char type;
        uint32_t slot, generation;
        int64_t t;
        double v;
    } sample = {2, 5, 1, NOW - 5, 7.5};
    add_record(fd, name, sizeof name);
    add_record(fd, &sample, sizeof sample);
    add_record(fd, "\7\1\1\1\1", 5);
    add_record(fd, "\7\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    add_record(fd, "\10not compressed", 15);
    sample.t++;
    add_record(fd, &sample, sizeof sample);
    struct tsdb *db = open_in(dir);
    struct series_set set;
    T_RC(tsdb_select(db, all, 1, 0, INT64_MAX, 10, a, &set, &e), &e, "select");
    T_EQ_INT(set.n, 1, "series");
    T_EQ_INT(set.items[0].n, 2, "samples");
    T_OK(set.items[0].samples[1].v == 7.5, "value");
    tsdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(gives_back, cuts_a_torn_end, full_disk_while_written, full_disk_when_opened,
       reads_what_it_must)
