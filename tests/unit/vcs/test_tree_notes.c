#include "vcs/tree_notes.h"

#include <stdlib.h>

#include "base/fs.h"
#include "t.h"
#include "vcs/repo_int.h"

struct fixture {
    char dir[64];
    struct repo *repo;
    struct arena *a;
};

static void setup(struct fixture *f)
{
    struct err e;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/slipway-notes-XXXXXX");
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

static int draft(void *arg, struct repo *r, const char *parent, struct arena *a,
                 struct repo_draft *out, struct err *e)
{
    (void)r, (void)parent, (void)a, (void)e;
    *out = *(struct repo_draft *)arg;
    return 0;
}

static const char *commit(struct fixture *f, struct repo_edit *edits, size_t n)
{
    static const struct repo_commit_opts on_main = {
        .branch = "main", .author = {"Ann", "a@x", 1000}
    };
    struct repo_draft d = {edits, n, "change\n"};
    struct err e = {0};
    char sha[REPO_SHA_MAX] = "";
    bool changed;
    T_RC(repo_commit_edit(f->repo, &on_main, draft, &d, sha, &changed, &e), &e, "commit");
    return arena_strdup(f->a, sha);
}

static struct repo_edit writes(const char *path, const char *text)
{
    return (struct repo_edit){
        .kind = REPO_WRITE, .path = path, .bytes = text, .n = text ? strlen(text) : 0};
}

/* What a tree answers, as text: 's'tat, 'r'ead or 'l'ist, then the path. */
static const char *answer(struct fixture *f, struct tree *t, const char *question)
{
    const char *path = question + 1, *text;
    struct tree_entry *list;
    enum tree_kind kind;
    size_t n;
    if (*question == 's')
        return tree_stat(t, path, &kind, NULL) < 0 ? "no" : arena_printf(f->a, "kind %d", kind);
    if (*question == 'r')
        return tree_read(t, path, f->a, &text, &n, NULL) < 0 ? "no" : text;
    if (tree_list(t, path, f->a, &list, &n, NULL) < 0)
        return "no";
    const char *all = "";
    for (size_t i = 0; i < n; i++)
        all = arena_printf(f->a, "%s%s %d\n", all, list[i].name, list[i].kind);
    return all;
}

static void decides(void)
{
    static const struct {
        const char *name, *asked;
        struct repo_change change;
        bool touched;
    } cases[] = {
        {"what was read",            "rapp/a.yaml", {"app/a.yaml", 'M'},          true },
        {"its neighbour",            "rapp/a.yaml", {"app/b.yaml", 'M'},          false},
        {"a neighbour more",         "rapp/a.yaml", {"app/b.yaml", 'A'},          false},
        {"what is gone",             "rapp/a.yaml", {"app/a.yaml", 'D'},          true },
        {"what was not there",       "sapp/x.yaml", {"app/x.yaml", 'A'},          true },
        {"a folder comes to be",     "snew/dir",    {"new/dir/deep/x.yaml", 'A'}, true },
        {"a folder gains a file",    "sapp",        {"app/x.yaml", 'A'},          false},
        {"a folder may end",         "sapp",        {"app/a.yaml", 'D'},          true },
        {"a file of a listing",      "lapp",        {"app/a.yaml", 'M'},          false},
        {"a name more in a listing", "lapp",        {"app/x.yaml", 'A'},          true },
        {"a name less",              "lapp",        {"app/a.yaml", 'D'},          true },
        {"a link in a listing",      "lapp",        {"app/a.yaml", 'T'},          true },
        {"a name that begins alike", "lapp",        {"apple/x.yaml", 'A'},        false},
        {"the root",                 "l",           {"x.yaml", 'A'},              true },
    };
    struct fixture f;
    setup(&f);
    const char *sha = commit(
        &f, (struct repo_edit[]){writes("app/a.yaml", "a"), writes("app/sub/b.yaml", "b")}, 2);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tree_notes notes;
        struct tree_points points;
        tree_notes_init(&notes);
        AUTO(tree) struct tree *t = tree_of_commit_noted(f.repo, sha, &notes);
        (void)answer(&f, t, cases[i].asked);
        tree_points_init(&points, &cases[i].change, 1);
        T_EQ_INT(tree_notes_touched(&notes, &points), cases[i].touched, cases[i].name);
        tree_points_done(&points);
        tree_notes_done(&notes);
    }
    teardown(&f);
}

/* ---- links ---- */

/* A commit with the link `name` at the root; it is on no branch. */
static const char *with_link(struct fixture *f, const char *parent, const char *name,
                             const char *target)
{
    GUARD(tree) git_tree *old = NULL;
    GUARD(tree) git_tree *young = NULL;
    git_treebuilder *b = NULL;
    git_signature *who = NULL;
    git_oid blob, tree, id;
    char sha[REPO_SHA_MAX];
    git_repository *git = f->repo->git;
    struct err e = {0};
    T_RC(repo__tree(f->repo, parent, &old, &e), &e, "tree");
    bool made = git_blob_create_from_buffer(&blob, git, target, strlen(target)) == 0 &&
                git_treebuilder_new(&b, git, old) == 0 &&
                git_treebuilder_insert(NULL, b, name, &blob, GIT_FILEMODE_LINK) == 0 &&
                git_treebuilder_write(&tree, b) == 0 && git_tree_lookup(&young, git, &tree) == 0 &&
                git_signature_new(&who, "Ann", "a@x", 1000, 0) == 0 &&
                git_commit_create(&id, git, NULL, who, who, NULL, "link\n", young, 0, NULL) == 0;
    T_OK(made, name);
    git_treebuilder_free(b);
    git_signature_free(who);
    return arena_strdup(f->a, git_oid_tostr(sha, sizeof sha, &id));
}

static void follows_links(void)
{
    struct fixture f;
    setup(&f);
    const char *plain = commit(&f, (struct repo_edit[]){writes("real.yaml", "x")}, 1);
    const char *linked = with_link(&f, plain, "link.yaml", "real.yaml");
    static const struct {
        const char *name;
        struct repo_change change;
        bool touched;
    } cases[] = {
        {"the link itself",    {"link.yaml", 'M'}, true },
        {"what it points to",  {"real.yaml", 'M'}, true },
        {"what it does not",   {"else.yaml", 'M'}, false},
        {"a link no more",     {"link.yaml", 'T'}, true },
        {"its target is gone", {"real.yaml", 'D'}, true },
    };
    struct tree_notes notes;
    tree_notes_init(&notes);
    AUTO(tree) struct tree *t = tree_of_commit_noted(f.repo, linked, &notes);
    T_EQ_STR(answer(&f, t, "rlink.yaml"), "x", "read by its link");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tree_points points;
        tree_points_init(&points, &cases[i].change, 1);
        T_EQ_INT(tree_notes_touched(&notes, &points), cases[i].touched, cases[i].name);
        tree_points_done(&points);
    }
    tree_notes_done(&notes);
    teardown(&f);
}

/* ---- whatever is asked, whatever is edited ---- */

static const char *const paths[] = {"a",     "a/b",   "a/b/c", "a/d", "e",  "e/f",
                                    "e/f/g", "e/f/h", "e/i",   "j",   "j/k"};

static uint32_t below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static const char *random_commit(struct fixture *f, uint32_t *seed)
{
    struct repo_edit edits[3];
    size_t n = 1 + below(seed, 3);
    for (size_t i = 0; i < n; i++) {
        const char *path = paths[below(seed, ARRAY_LEN(paths))];
        edits[i] = below(seed, 3) == 0 ? (struct repo_edit){.kind = REPO_REMOVE, .path = path}
                                       : writes(path, arena_printf(f->a, "%u", below(seed, 4)));
    }
    return commit(f, edits, n);
}

/* Answers that are said to be the same are the same. */
static void never_misses(void)
{
    struct fixture f;
    struct err e = {0};
    uint32_t seed = 1;
    size_t same = 0;
    setup(&f);
    const char *from = random_commit(&f, &seed);
    for (int round = 0; round < 200; round++) {
        struct tree_notes notes;
        struct tree_points points;
        const char *questions[3], *answers[3];
        tree_notes_init(&notes);
        AUTO(tree) struct tree *before = tree_of_commit_noted(f.repo, from, &notes);
        for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
            questions[i] =
                arena_printf(f.a, "%c%s", "srl"[below(&seed, 3)],
                             below(&seed, 12) ? paths[below(&seed, ARRAY_LEN(paths))] : "");
            answers[i] = answer(&f, before, questions[i]);
        }
        const char *to = random_commit(&f, &seed);
        AUTO(tree) struct tree *after = tree_of_commit(f.repo, to);
        T_RC(tree_points_between(f.repo, from, to, &points, &e), &e, "between");
        bool touched = tree_notes_touched(&notes, &points);
        for (size_t i = 0; i < ARRAY_LEN(questions) && !touched; i++)
            T_EQ_STR(answer(&f, after, questions[i]), answers[i], questions[i]);
        same += !touched;
        tree_points_done(&points);
        tree_notes_done(&notes);
        from = to;
    }
    T_OK(same > 40 && same < 190, "some are touched and some are not");
    teardown(&f);
}

T_MAIN(decides, follows_links, never_misses)
