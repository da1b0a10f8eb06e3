#include "vcs/repo.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "t.h"
#include "vcs/tree.h"

struct fixture {
    char dir[64];
    struct repo *repo;
    struct arena *a;
};

static void setup(struct fixture *f)
{
    struct err e;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/slipway-vcs-XXXXXX");
    T_OK(mkdtemp(f->dir) != NULL, "mkdtemp");
    f->a = arena_new(1 << 24);
    T_RC(repo_create(arena_printf(f->a, "%s/x.git", f->dir), "main", &f->repo, &e), &e, "create");
}

static void teardown(struct fixture *f)
{
    repo_free(f->repo);
    arena_free(f->a);
    (void)!fs_remove_tree(f->dir, NULL);
}

static int draft_copy(void *arg, struct repo *r, const char *parent, struct arena *a,
                      struct repo_draft *out, struct err *e)
{
    (void)r, (void)parent, (void)a, (void)e;
    *out = *(struct repo_draft *)arg;
    return 0;
}

static const struct repo_commit_opts on_main = {
    .branch = "main", .author = {"Ann", "a@x", 1000}
};

static int commit(struct fixture *f, struct repo_edit *edits, size_t n, const char *message,
                  char sha[REPO_SHA_MAX], bool *changed, struct err *e)
{
    struct repo_draft d = {edits, n, message};
    return repo_commit_edit(f->repo, &on_main, draft_copy, &d, sha, changed, e);
}

static int write_file(struct fixture *f, const char *path, const char *text, char sha[REPO_SHA_MAX],
                      struct err *e)
{
    bool changed;
    struct repo_edit edit = {.kind = REPO_WRITE, .path = path, .bytes = text, .n = strlen(text)};
    return commit(f, &edit, 1, arena_printf(f->a, "write %s\n\nBy: test\n", path), sha, &changed,
                  e);
}

/* A writer was killed so long ago. */
static void leave_lock(struct fixture *f, const char *name, time_t ago_s)
{
    const char *path = arena_printf(f->a, "%s/x.git/%s.lock", f->dir, name);
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= ago_s;
    T_OK(fd >= 0 && futimens(fd, (struct timespec[]){now, now}) == 0, path);
}

static void outlives_killed_writers(void)
{
    struct fixture f;
    struct err e = {0};
    char sha[REPO_SHA_MAX];
    bool younger;
    setup(&f);
    T_RC(write_file(&f, "a", "1", sha, &e), &e, "first");
    leave_lock(&f, "refs/heads/main", 3);
    leave_lock(&f, "packed-refs", 3);
    leave_lock(&f, "HEAD", 0);
    T_RC(repo_break_locks(f.repo, &younger, &e), &e, "break");
    T_OK(younger, "somebody may be at work");
    T_EQ_INT(access(arena_printf(f.a, "%s/x.git/packed-refs.lock", f.dir), F_OK), -1, "old");
    T_EQ_INT(access(arena_printf(f.a, "%s/x.git/HEAD.lock", f.dir), F_OK), 0, "young");
    T_RC(write_file(&f, "a", "2", sha, &e), &e, "the branch moves again");
    leave_lock(&f, "refs/heads/main", 0);
    T_EQ_INT(write_file(&f, "a", "3", sha, &e), ERR_AGAIN, "a lock is waited for, then refused");
    teardown(&f);
}

static void commits_and_reads(void)
{
    struct fixture f;
    struct err e = {0};
    char one[REPO_SHA_MAX], two[REPO_SHA_MAX], got[REPO_SHA_MAX];
    setup(&f);
    T_EQ_INT(repo_resolve(f.repo, "HEAD", got, &e), ERR_NOT_FOUND, "unborn");
    T_RC(write_file(&f, "a/b/c.txt", "one\n", one, &e), &e, "first");
    T_RC(write_file(&f, "a/d.txt", "two\n", two, &e), &e, "second");
    T_RC(repo_resolve(f.repo, "main", got, &e), &e, "branch");
    T_EQ_STR(got, two, "branch");
    two[7] = '\0';
    T_RC(repo_resolve(f.repo, two, got, &e), &e, "short");
    T_EQ_STR(arena_strndup(f.a, got, 7), two, "short");
    const char *text;
    size_t n;
    T_RC(repo_read(f.repo, one, "a/b/c.txt", f.a, &text, &n, &e), &e, "read");
    T_EQ_STR(text, "one\n", "read");
    T_EQ_INT(repo_read(f.repo, one, "a/d.txt", f.a, &text, &n, &e), ERR_NOT_FOUND, "older");
    T_EQ_INT(repo_read(f.repo, one, "../x", f.a, &text, &n, &e), ERR_INVALID, "traversal");
    struct repo_entry *list;
    T_RC(repo_list(f.repo, got, "", true, f.a, &list, &n, &e), &e, "list");
    T_EQ_INT(n, 2, "list");
    T_EQ_STR(list[0].path, "a/b/c.txt", "list");
    struct repo_change *changes;
    T_RC(repo_diff(f.repo, one, got, f.a, &changes, &n, &e), &e, "diff");
    T_EQ_INT(n, 1, "diff");
    T_EQ_STR(changes[0].path, "a/d.txt", "diff");
    T_EQ_INT(changes[0].how, 'A', "diff");
    struct repo_commit *log;
    T_RC(repo_log(f.repo, got, NULL, "a/b", 10, f.a, &log, &n, &e), &e, "log");
    T_EQ_INT(n, 1, "log");
    T_EQ_STR(log[0].sha, one, "log");
    T_EQ_STR(repo_trailer(f.a, log[0].message, "by"), "test", "trailer");
    T_OK(!repo_trailer(f.a, "By: subject", "by"), "subject is no trailer");
    bool is;
    T_RC(repo_is_ancestor(f.repo, one, got, &is, &e), &e, "ancestor");
    T_OK(is, "ancestor");
    teardown(&f);
}

static void restores(void)
{
    struct fixture f;
    struct err e = {0};
    char good[REPO_SHA_MAX], bad[REPO_SHA_MAX], back[REPO_SHA_MAX], x[REPO_SHA_MAX],
        y[REPO_SHA_MAX];
    bool changed;
    setup(&f);
    T_RC(write_file(&f, "prod/k.yaml", "good\n", good, &e), &e, "good");
    T_RC(write_file(&f, "prod/new.yaml", "bad\n", bad, &e), &e, "bad");
    T_RC(write_file(&f, "dev/k.yaml", "dev\n", bad, &e), &e, "dev");
    struct repo_edit edit = {.kind = REPO_RESTORE, .path = "prod", .from = good};
    T_RC(commit(&f, &edit, 1, "revert", back, &changed, &e), &e, "restore");
    T_OK(changed, "restore");
    T_RC(repo_content_id(f.repo, good, "prod", x, &e), &e, "id");
    T_RC(repo_content_id(f.repo, back, "prod", y, &e), &e, "id");
    T_EQ_STR(y, x, "prod is what it was");
    T_RC(repo_content_id(f.repo, back, "dev/k.yaml", y, &e), &e, "dev stays");
    T_RC(commit(&f, &edit, 1, "again", x, &changed, &e), &e, "again");
    T_OK(!changed, "nothing left to restore");
    T_EQ_STR(x, back, "head");
    struct repo_edit gone = {.kind = REPO_REMOVE, .path = "dev/k.yaml"};
    T_RC(commit(&f, &gone, 1, "remove", x, &changed, &e), &e, "remove");
    enum repo_entry_kind kind;
    T_RC(repo_stat(f.repo, x, "dev", &kind, &e), &e, "stat");
    T_EQ_INT(kind, REPO_NONE, "an empty folder goes too");
    teardown(&f);
}

/* The editor is called on top of a head that somebody moves under it, twice. */
struct rival {
    struct fixture *f;
    int times;
};

static int racing(void *arg, struct repo *r, const char *parent, struct arena *a,
                  struct repo_draft *out, struct err *e)
{
    struct rival *v = arg;
    (void)r, (void)parent;
    if (v->times-- > 0) {
        char sha[REPO_SHA_MAX];
        int rc = write_file(v->f, arena_printf(a, "rival%d", v->times), "x", sha, e);
        if (rc < 0)
            return rc;
    }
    struct repo_edit *edit = ARENA_NEW(a, struct repo_edit);
    *edit = (struct repo_edit){.kind = REPO_WRITE, .path = "mine", .bytes = "x", .n = 1};
    *out = (struct repo_draft){edit, 1, "mine"};
    return 0;
}

static void survives_races(void)
{
    struct fixture f;
    struct err e = {0};
    char sha[REPO_SHA_MAX];
    bool changed;
    setup(&f);
    T_RC(write_file(&f, "start", "x", sha, &e), &e, "start");
    struct rival v = {&f, 2};
    T_RC(repo_commit_edit(f.repo, &on_main, racing, &v, sha, &changed, &e), &e, "race");
    struct repo_entry *list;
    size_t n;
    T_RC(repo_list(f.repo, sha, "", true, f.a, &list, &n, &e), &e, "list");
    T_EQ_INT(n, 4, "both rivals' files, the start and mine");
    teardown(&f);
}

static void resolves_versions(void)
{
    static const struct {
        const char *constraint, *want; /* index of the commit as text, or NULL */
    } cases[] = {
        {"v1.2.3",         "v1.2.3"    },
        {"1.2.x",          "v1.2.10"   },
        {"~1.2",           "v1.2.10"   },
        {"^1.2.3",         "v1.10.0"   },
        {">=1.2 <1.10",    "v1.2.10"   },
        {"1.x || >=3.0.0", "v1.10.0"   },
        {">=2.0.0-0",      "v2.0.0-rc1"},
        {"1.2.0 - 1.2.5",  "v1.2.3"    },
        {"*",              "v1.10.0"   },
        {">=4",            NULL        },
    };
    static const char *const tags[] = {"v1.2.3", "v1.2.10", "v1.10.0", "v2.0.0-rc1", "nonsense"};
    struct fixture f;
    struct err e = {0};
    char shas[ARRAY_LEN(tags)][REPO_SHA_MAX], got[REPO_SHA_MAX];
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        T_RC(write_file(&f, "f", tags[i], shas[i], &e), &e, tags[i]);
        T_RC(repo_move_ref(f.repo, arena_printf(f.a, "refs/tags/%s", tags[i]), NULL, shas[i], "t",
                           &e),
             &e, tags[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int rc = repo_resolve(f.repo, cases[i].constraint, got, &e);
        T_EQ_INT(rc, cases[i].want ? 0 : ERR_NOT_FOUND, cases[i].constraint);
        const char *name = NULL;
        for (size_t k = 0; rc == 0 && k < ARRAY_LEN(tags); k++)
            name = strcmp(shas[k], got) == 0 ? tags[k] : name;
        T_EQ_STR(name, cases[i].want, cases[i].constraint);
    }
    T_EQ_INT(repo_resolve(f.repo, "main~1", got, &e), ERR_NOT_FOUND, "no operators");
    teardown(&f);
}

static void mirrors_and_pushes(void)
{
    struct fixture f;
    struct err e = {0};
    char one[REPO_SHA_MAX], two[REPO_SHA_MAX], got[REPO_SHA_MAX];
    AUTO(repo) struct repo *copy = NULL;
    setup(&f);
    T_RC(write_file(&f, "a", "1", one, &e), &e, "one");
    T_RC(repo_create(arena_printf(f.a, "%s/copy.git", f.dir), "trunk", &copy, &e), &e, "copy");
    struct repo_remote remote = {.url = repo_path(f.repo), .timeout_ms = 20000};
    T_RC(repo_fetch_mirror(copy, &remote, &e), &e, "fetch");
    T_RC(repo_resolve(copy, "HEAD", got, &e), &e, "HEAD follows");
    T_EQ_STR(got, one, "HEAD follows");
    T_RC(write_file(&f, "a", "2", two, &e), &e, "two");
    T_RC(repo_fetch_mirror(copy, &remote, &e), &e, "fetch again");
    T_RC(repo_resolve(copy, "main", got, &e), &e, "moved");
    T_EQ_STR(got, two, "moved");
    T_RC(repo_push(copy, &remote, one, "refs/heads/old", &e), &e, "push");
    T_RC(repo_resolve(f.repo, "old", got, &e), &e, "pushed");
    T_EQ_STR(got, one, "pushed");
    T_EQ_INT(repo_push(copy, &remote, one, "refs/heads/main", &e), ERR_CONFLICT, "rewind");
    remote.url = "/nonexistent/x.git";
    T_EQ_INT(repo_fetch_mirror(copy, &remote, &e), ERR_NOT_FOUND, "absent");
    remote.url = "ext::sh -c true";
    T_OK(repo_fetch_mirror(copy, &remote, &e) < 0, "no commands as transport");
    teardown(&f);
}

static void check_tree(struct tree *t, struct arena *a, const char *name)
{
    struct err e = {0};
    struct tree_entry *list;
    const char *text;
    size_t n;
    enum tree_kind kind;
    T_RC(tree_list(t, "", a, &list, &n, &e), &e, name);
    T_EQ_INT(n, 2, name);
    T_EQ_STR(list[1].name, "dir", name);
    T_EQ_INT(list[1].kind, TREE_DIR, name);
    T_EQ_INT(list[0].kind, TREE_FILE, name);
    T_RC(tree_read(t, "dir/b", a, &text, &n, &e), &e, name);
    T_EQ_STR(text, "B", name);
    T_RC(tree_stat(t, "dir/none", &kind, &e), &e, name);
    T_EQ_INT(kind, TREE_NONE, name);
    T_EQ_INT(tree_read(t, "none", a, &text, &n, &e), ERR_NOT_FOUND, name);
    T_EQ_INT(tree_read(t, "../etc/passwd", a, &text, &n, &e), ERR_INVALID, name);
    tree_free(t);
}

static void trees_agree(void)
{
    static const struct tree_file files[] = {
        {"a",     "A" },
        {"dir/b", "B" },
        {NULL,    NULL}
    };
    struct fixture f;
    struct err e = {0};
    char sha[REPO_SHA_MAX];
    struct tree *folder;
    const char *path;
    setup(&f);
    T_RC(write_file(&f, "a", "A", sha, &e), &e, "a");
    T_RC(write_file(&f, "dir/b", "B", sha, &e), &e, "b");
    path = arena_printf(f.a, "%s/t/dir", f.dir);
    T_RC(fs_mkdirs(path, 0755, &e), &e, "dir");
    T_RC(fs_write_atomic(arena_printf(f.a, "%s/b", path), 0644, "B", 1, &e), &e, "b");
    path = arena_printf(f.a, "%s/t", f.dir);
    T_RC(fs_write_atomic(arena_printf(f.a, "%s/a", path), 0644, "A", 1, &e), &e, "a");
    check_tree(tree_of_commit(f.repo, sha), f.a, "commit");
    check_tree(tree_of_table(files), f.a, "table");
    T_RC(tree_of_folder(path, &folder, &e), &e, "folder");
    check_tree(folder, f.a, "folder");
    T_RC(tree_of_folder_mapped(path, &folder, &e), &e, "mapped");
    check_tree(folder, f.a, "mapped");
    teardown(&f);
}

/* Small, large, and of whole pages: a NUL follows all of them. */
static void mapped_files_end_in_nul(void)
{
    static const size_t sizes[] = {0, 5, 40000, 65536, 1 << 20, (1 << 20) + 1};
    struct fixture f;
    struct err e = {0};
    setup(&f);
    AUTO(tree) struct tree *t = NULL;
    char *bytes = arena_alloc(f.a, 2 << 20);
    memset(bytes, 'x', 2 << 20);
    T_RC(tree_of_folder_mapped(f.dir, &t, &e), &e, "open");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const char *text;
        size_t n;
        const char *name = arena_printf(f.a, "%s/big", f.dir);
        T_RC(fs_write_atomic(name, 0644, bytes, sizes[i], &e), &e, "write");
        T_RC(tree_read(t, "big", f.a, &text, &n, &e), &e, "read");
        T_EQ_INT(n, sizes[i], "size");
        T_EQ_INT(strlen(text), sizes[i], "ends in a NUL");
    }
    teardown(&f);
}

static void joins(void)
{
    static const struct {
        const char *dir, *path, *want; /* NULL: refused */
    } cases[] = {
        {"base/x", "../y",       "base/y"      },
        {"",       "./a//b/",    "a/b"         },
        {"a",      "../../b",    NULL          },
        {"a",      "/etc",       NULL          },
        {"a/b",    "../..",      ""            },
        {"a",      "..hidden/c", "a/..hidden/c"},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = NULL;
        int rc = tree_join(a, cases[i].dir, cases[i].path, &got, NULL);
        T_EQ_INT(rc, cases[i].want ? 0 : ERR_INVALID, cases[i].path);
        T_EQ_STR(got, cases[i].want, cases[i].path);
    }
}

T_MAIN(outlives_killed_writers, commits_and_reads, restores, survives_races, resolves_versions,
       mirrors_and_pushes, trees_agree, mapped_files_end_in_nul, joins)
