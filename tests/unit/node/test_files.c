#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "node/logread.h"
#include "node/node_int.h"
#include "t.h"

static char dir[64];

static bool begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-node-XXXXXX");
    return mkdtemp(dir) != NULL;
}

static void end(void)
{
    (void)!fs_remove_tree(dir, NULL);
}

/* ---- logs ---- */

static int keep(void *arg, const void *bytes, size_t n, struct err *e)
{
    (void)e;
    buf_add(arg, bytes, n);
    return 0;
}

static bool still_runs(void *arg)
{
    (void)arg;
    return false;
}

static const char log_lines[] = "2026-01-01T00:00:01.000000001Z stdout F one\n"
                                "2026-01-01T00:00:02Z stdout P tw\n"
                                "2026-01-01T00:00:02Z stdout F o\n"
                                "2026-01-01T00:00:03Z stderr F three\n"
                                "2026-01-01T00:00:04Z stdout F \n"
                                "2026-01-01T00:00:05Z stdout F five\n";

static void reads_logs(void)
{
    static const struct {
        const char *name;
        struct pod_log_opts o;
        const char *want;
    } cases[] = {
        {"all",                      {.tail_lines = -1, .limit_bytes = -1},      "one\ntwo\nthree\n\nfive\n"},
        {"tail",                     {.tail_lines = 2, .limit_bytes = -1},       "\nfive\n"                 },
        {"no line",                  {.tail_lines = 0, .limit_bytes = -1},       ""                         },
        {"more than there are",      {.tail_lines = 99, .limit_bytes = -1},      "one\ntwo\nthree\n\nfive\n"},
        {"limit",                    {.tail_lines = -1, .limit_bytes = 6},       "one\ntw"                  },
        {"since",
         {.tail_lines = -1, .limit_bytes = -1, .since_ns = 1767225603000000000},
         "three\n\nfive\n"                                                                                  },
        {"timestamps",
         {.tail_lines = 2, .limit_bytes = -1, .timestamps = true},
         "2026-01-01T00:00:04Z \n2026-01-01T00:00:05Z five\n"                                               },
        {"following what has ended",
         {.tail_lines = 1, .limit_bytes = -1, .follow = true},
         "five\n"                                                                                           },
    };
    struct err e = {0};
    T_OK(begin(), "folder");
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = arena_printf(a, "%s/0.log", dir);
    T_RC(fs_write_atomic(path, 0644, log_lines, sizeof log_lines - 1, &e), &e, "write");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, 1 << 16);
        struct log_reader to = {keep, still_runs, &b};
        T_RC(log_read(path, &cases[i].o, &to, &e), &e, cases[i].name);
        T_EQ_STR(buf_text(&b), cases[i].want, cases[i].name);
    }
    T_EQ_INT(log_newest(dir), 0, "the newest");
    end();
}

/* ---- volumes of files ---- */

static char *read_text(struct arena *a, const char *file)
{
    char *text;
    return fs_read(arena_printf(a, "%s/%s", dir, file), 4096, a, &text, NULL, NULL) < 0 ? NULL
                                                                                        : text;
}

static size_t entries(void)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    for (const struct dirent *ent; d && (ent = readdir(d));)
        n += strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
    if (d)
        (void)closedir(d);
    return n;
}

static void replaces_files_at_once(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    T_OK(begin(), "folder");
    struct payload p = {0};
    payload__add(&p, a, &(struct payload_file){"color", "blue", 4, 0644});
    payload__add(&p, a, &(struct payload_file){"sub/size", "large", 5, 0400});
    T_RC(payload__write(dir, &p, -1, &e), &e, "write");
    T_EQ_STR(read_text(a, "color"), "blue", "a file");
    T_EQ_STR(read_text(a, "sub/size"), "large", "a file below a folder");
    T_EQ_INT(entries(), 4, "two links, ..data and its folder");
    struct stat before, after;
    T_OK(stat(arena_printf(a, "%s/color", dir), &before) == 0, "stat");
    T_RC(payload__write(dir, &p, -1, &e), &e, "the same again");
    T_OK(stat(arena_printf(a, "%s/color", dir), &after) == 0, "stat");
    T_EQ_INT(after.st_ino, before.st_ino, "changes nothing");
    struct payload q = {0};
    payload__add(&q, a, &(struct payload_file){"color", "red", 3, 0644});
    T_RC(payload__write(dir, &q, -1, &e), &e, "other contents");
    T_EQ_STR(read_text(a, "color"), "red", "are there");
    T_EQ_STR(read_text(a, "sub/size"), NULL, "what went is gone");
    T_EQ_INT(entries(), 3, "nothing is left over");
    static const char *const bad[] = {"../x", "/x", "a/../../x", "", ".."};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct payload r = {0};
        payload__add(&r, a, &(struct payload_file){bad[i], "x", 1, 0644});
        T_EQ_INT(payload__write(dir, &r, -1, &e), ERR_INVALID, bad[i]);
    }
    end();
}

/* ---- environment ---- */

static void expands(void)
{
    static const char *const env[] = {"A=a", "B=$(A)", "A=later"};
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"$(A)",   "later"  },
        {"x$(A)y", "xlatery"},
        {"$(NO)",  "$(NO)"  },
        {"$$(A)",  "$(A)"   },
        {"$(B)",   "$(A)"   },
        {"$",      "$"      },
        {"$(",     "$("     },
        {"$(A",    "$(A"    },
        {"$$$(A)", "$later" },
        {"",       ""       },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_STR(env__expand(cases[i].text, env, 3, a), cases[i].want, cases[i].text);
}

/* ---- users ---- */

static void finds_users(void)
{
    static const char passwd[] = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n";
    static const char group[] = "root:x:0:\nstaff:x:50:app,other\napp:x:1001:\n";
    static const struct {
        const char *user;
        int rc;
        uint32_t uid, gid;
        size_t groups;
    } cases[] = {
        {"",          0,           0,    0,    0},
        {"app",       0,           1000, 1001, 1},
        {"1000",      0,           1000, 1001, 1},
        {"app:staff", 0,           1000, 50,   1},
        {"7",         0,           7,    0,    0},
        {"7:8",       0,           7,    8,    0},
        {"nobody",    ERR_INVALID, 0,    0,    0},
        {"app:none",  ERR_INVALID, 0,    0,    0},
        {"root",      0,           0,    0,    0},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    T_OK(begin(), "folder");
    T_RC(fs_mkdirs(arena_printf(a, "%s/etc", dir), 0755, &e), &e, "etc");
    T_RC(
        fs_write_atomic(arena_printf(a, "%s/etc/passwd", dir), 0644, passwd, sizeof passwd - 1, &e),
        &e, "passwd");
    T_RC(fs_write_atomic(arena_printf(a, "%s/etc/group", dir), 0644, group, sizeof group - 1, &e),
         &e, "group");
    const char *layers[] = {dir};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t uid = 0, gid = 0, *groups = NULL;
        size_t n = 0;
        T_EQ_INT(user__find(layers, 1, cases[i].user, &uid, &gid, &groups, &n, a, &e), cases[i].rc,
                 cases[i].user);
        T_EQ_INT(uid, cases[i].uid, cases[i].user);
        T_EQ_INT(gid, cases[i].gid, cases[i].user);
        if (cases[i].rc == 0)
            T_EQ_INT(n, cases[i].groups, cases[i].user);
    }
    end();
}

T_MAIN(reads_logs, replaces_files_at_once, expands, finds_users)
