#include "vcs/clone.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "t.h"
#include "vcs/repo.h"
#include "vcs/tree.h"

static int one_file(void *arg, struct repo *r, const char *parent, struct arena *a,
                    struct repo_draft *out, struct err *e)
{
    const char *text = arg;
    (void)r, (void)parent, (void)e;
    struct repo_edit edit = {.kind = REPO_WRITE, .path = "d/x", .bytes = text, .n = strlen(text)};
    *out = (struct repo_draft){arena_dup(a, &edit, sizeof edit), 1, "a change"};
    return 0;
}

static void commit(struct repo *r, const char *branch, const char *text)
{
    const struct repo_commit_opts opts = {
        .branch = branch, .author = {"a", "a@b", 1700000000}
    };
    char sha[REPO_SHA_MAX], copy[40];
    bool changed;
    struct err e = {0};
    (void)snprintf(copy, sizeof copy, "%s", text);
    T_RC(repo_commit_edit(r, &opts, one_file, copy, sha, &changed, &e), &e, text);
}

static size_t entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    while (d && readdir(d))
        n++;
    if (d)
        (void)closedir(d);
    return n;
}

static void brings_the_files_of_a_revision(void)
{
    static const struct {
        const char *name, *ref, *want; /* the file, or what is wrong */
        bool own_env;
    } cases[] = {
        {"the default branch", NULL,   "one",                           false},
        {"a branch",           "dev",  "two",                           false},
        {"no such revision",   "gone", "couldn't find remote ref gone", false},
        {"an option",          "-x",   "are no URL and revision",       false},
        {"a file of ours",     NULL,   "transport 'file' not allowed",  true },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(repo) struct repo *r = NULL;
    struct err e = {0};
    char dir[] = "/tmp/slipway-test-clone-XXXXXX";
    T_OK(mkdtemp(dir) != NULL, "mkdtemp");
    const char *tmp = arena_printf(a, "%s/tmp", dir);
    T_RC(fs_mkdirs(tmp, 0700, &e), &e, tmp);
    (void)setenv("TMPDIR", tmp, 1);
    T_RC(repo_create(arena_printf(a, "%s/x.git", dir), "main", &r, &e), &e, "repository");
    commit(r, "main", "one");
    commit(r, "dev", "two");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(clone_set) struct clone_set *set = clone_set_new();
        const struct clone_opts o = {.url = arena_printf(a, "file://%s/x.git", dir),
                                     .ref = cases[i].ref,
                                     .submodules = true,
                                     .env = cases[i].own_env ? NULL : (void *)environ};
        struct tree *t, *again;
        const char *got = e.msg;
        size_t n;
        if (clone_set_get(set, &o, &t, &e) == 0) {
            T_RC(tree_read(t, "d/x", a, &got, &n, &e), &e, cases[i].name);
            T_RC(clone_set_get(set, &o, &again, &e), &e, cases[i].name);
            T_OK(t == again, "once");
        }
        T_OK(strstr(got, cases[i].want), got);
    }
    T_EQ_INT(entries(tmp), 2, "nothing is left but . and ..");
    T_RC(fs_remove_tree(dir, &e), &e, dir);
}

T_MAIN(brings_the_files_of_a_revision)
