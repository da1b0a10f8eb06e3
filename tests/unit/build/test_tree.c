#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "build/build_int.h"
#include "t.h"

static char folder[64];

static void put(const char *path, const char *text)
{
    char full[256];
    struct err e = {0};
    (void)snprintf(full, sizeof full, "%s/%s", folder, path);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    T_RC(fs_mkdirs(full, 0755, &e), &e, path);
    *slash = '/';
    T_RC(fs_write_atomic(full, 0644, text, strlen(text), &e), &e, path);
}

static void fresh(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-tree-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    put("src/a.c", "a");
    put("src/sub/b.c", "b");
    put("src/sub/keep.log", "k");
    put("src/x.log", "x");
    put("top.txt", "t");
    char link[128];
    (void)snprintf(link, sizeof link, "%s/out", folder);
    T_EQ_INT(symlink("../../etc", link), 0, "symlink");
}

static void list(const struct tree *t, size_t n, char out[512])
{
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < t[i].n; k++) {
            size_t len = strlen(out);
            (void)snprintf(out + len, 512 - len, "%s;", t[i].items[k].path);
        }
    }
}

static void chooses(void)
{
    static const char *const ignore[] = {"**/*.log", "!src/sub/keep.log"};
    static const struct {
        const char *pattern, *want;
        bool ignores;
        int rc;
    } cases[] = {
        {"top.txt",          "top.txt;",                                                    false, 0            },
        {"./src/../top.txt", "top.txt;",                                                    false, 0            },
        {"../../top.txt",    "top.txt;",                                                    false, 0            },
        {"src",              "src;src/a.c;src/sub;src/sub/b.c;src/sub/keep.log;src/x.log;", false, 0            },
        {"src",              "src;src/a.c;src/sub;src/sub/b.c;src/sub/keep.log;",           true,  0            },
        {"src/*.c",          "src/a.c;",                                                    false, 0            },
        {"s*/su?/*",         "src/sub/b.c;src/sub/keep.log;",                               false, 0            },
        {"src/*.log",        "",                                                            true,  0            },
        {"*.none",           "",                                                            false, 0            },
        {"none",             "",                                                            false, ERR_NOT_FOUND},
        {"src/x.log",        "",                                                            true,  ERR_NOT_FOUND},
        {"out/passwd",       "",                                                            false, ERR_NOT_FOUND},
    };
    fresh();
    AUTO_FD int root = open(folder, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct tree *t = NULL;
        size_t n = 0;
        char got[512];
        struct tree_source from = {.root = root};
        if (cases[i].ignores) {
            from.ignore = ignore;
            from.n_ignore = 2;
        }
        T_EQ_INT(tree_choose(&from, cases[i].pattern, a, &t, &n, NULL), cases[i].rc,
                 cases[i].pattern);
        list(t, n, got);
        T_EQ_STR(got, cases[i].want, cases[i].pattern);
    }
    struct err e = {0};
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static void hash(const struct tree_source *from, char out[DIGEST_MAX])
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct tree *t = NULL;
    size_t n = 0;
    struct key k;
    key_init(&k, "test");
    T_RC(tree_choose(from, "src", a, &t, &n, &e), &e, "choose");
    T_RC(tree_hash(from, t, &k, &e), &e, "hash");
    key_text(&k, out);
}

static void hashes_content(void)
{
    char one[DIGEST_MAX], two[DIGEST_MAX], path[128];
    fresh();
    AUTO_FD int root = open(folder, O_RDONLY | O_DIRECTORY);
    struct tree_source from = {.root = root};
    hash(&from, one);
    struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}};
    (void)snprintf(path, sizeof path, "%s/src/a.c", folder);
    T_EQ_INT(utimensat(AT_FDCWD, path, times, 0), 0, "touch");
    hash(&from, two);
    T_EQ_STR(two, one, "times do not count");
    T_EQ_INT(chmod(path, 0755), 0, "chmod");
    hash(&from, two);
    T_OK(strcmp(one, two) != 0, "modes count");
    T_EQ_INT(chmod(path, 0644), 0, "chmod");
    put("src/a.c", "A");
    hash(&from, two);
    T_OK(strcmp(one, two) != 0, "bytes count");
    struct err e = {0};
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static void changes_modes(void)
{
    static const struct {
        const char *text;
        mode_t from;
        bool is_dir;
        int want;
    } cases[] = {
        {"755",       0644, false, 0755       },
        {"0600",      0644, false, 0600       },
        {"u+x",       0644, false, 0744       },
        {"+x",        0644, false, 0755       },
        {"a-w",       0666, false, 0444       },
        {"go=",       0777, false, 0700       },
        {"u=rw,go=r", 0,    false, 0644       },
        {"a+X",       0644, false, 0644       },
        {"a+X",       0644, true,  0755       },
        {"u+s",       0755, false, 04755      },
        {"go-rwx",    0755, false, 0700       },
        {"99",        0644, false, ERR_INVALID},
        {"u~x",       0644, false, ERR_INVALID},
        {"",          0644, false, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        mode_t mode = 0;
        int rc = tree_chmod(cases[i].text, cases[i].from, cases[i].is_dir, &mode, NULL);
        T_EQ_INT(rc < 0 ? rc : (int)mode, cases[i].want, cases[i].text);
    }
}

T_MAIN(chooses, hashes_content, changes_modes)
