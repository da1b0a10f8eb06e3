/* Renders that are kept: which, for how long, and that they are what a fresh one would be; and the
 * Applications that a commit concerns. */
#include <stdlib.h>

#include "ctl/gitops/kept.h"
#include "render/render.h"
#include "world.h"

struct fixture {
    char dir[64];
    struct repo *repo;
    struct arena *a;
};

static void open_fixture(struct fixture *f)
{
    struct err e;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/slipway-kept-XXXXXX");
    T_OK(mkdtemp(f->dir) != NULL, "mkdtemp");
    f->a = arena_new((size_t)64 << 20);
    T_RC(repo_create(arena_printf(f->a, "%s/x.git", f->dir), "main", &f->repo, &e), &e, "create");
}

static void close_fixture(struct fixture *f)
{
    repo_free(f->repo);
    arena_free(f->a);
    (void)!fs_remove_tree(f->dir, NULL);
}

static const char *commit(struct fixture *f, struct file_edit *files)
{
    struct err e = {0};
    char sha[REPO_SHA_MAX] = "";
    bool changed;
    struct repo_commit_opts o = {
        .branch = "main", .author = {"t", "t@x", 1}
    };
    T_RC(repo_commit_edit(f->repo, &o, draft, files, sha, &changed, &e), &e, "commit");
    return arena_strdup(f->a, sha);
}

/* A render that read `path` and takes `bytes`. */
static struct kept_render *render_of(struct fixture *f, const char *commit, const char *path,
                                     size_t bytes)
{
    struct kept_render *r = kept_render_new();
    AUTO(tree) struct tree *t = tree_of_commit_noted(f->repo, commit, &r->notes);
    enum tree_kind kind;
    T_OK(tree_stat(t, path, &kind, NULL) == 0, path);
    r->inputs = "i";
    r->repository = arena_strdup(r->a, repo_path(f->repo));
    (void)arena_alloc(r->a, bytes);
    return r;
}

static void put(struct fixture *f, struct kept *k, const char *key, const char *commit,
                const char *path, size_t bytes)
{
    struct kept_render *r = render_of(f, commit, path, bytes);
    kept_put(k, key, r, commit);
    kept_render_unref(r);
}

static bool has(struct fixture *f, struct kept *k, const char *key, const char *inputs,
                const char *commit)
{
    struct kept_render *r = kept_get(k, key, inputs, f->repo, commit);
    kept_render_unref(r);
    return r != NULL;
}

static void moves_on(void)
{
    struct fixture f;
    open_fixture(&f);
    struct kept *k = kept_new(1 << 20);
    const char *one = commit(&f, (struct file_edit[]){
                                     {"a",  "1"},
                                     {"b",    "1"},
                                     {0}
    });
    const char *two = commit(&f, (struct file_edit[]){
                                     {"b", "2"},
                                     {0  }
    });
    const char *three = commit(&f, (struct file_edit[]){
                                       {"a", "2"},
                                       {0  }
    });
    put(&f, k, "x", one, "a", 100);
    T_OK(has(&f, k, "x", "i", one), "the same commit");
    T_OK(!has(&f, k, "y", "i", one), "another Application");
    T_OK(!has(&f, k, "x", "j", one), "other inputs");
    T_OK(has(&f, k, "x", "i", two), "a commit that it does not mind");
    T_OK(!has(&f, k, "x", "i", three), "one that it does");
    T_OK(!has(&f, k, "x", "i", "0123456789012345678901234567890123456789"), "no commit");
    T_OK(has(&f, k, "x", "i", one), "and back");
    T_OK(!kept_settled(k, "x", 0), "not settled yet");
    kept_settle(k, "x", 7, false);
    T_OK(kept_settled(k, "x", 7) && !kept_settled(k, "x", 8), "settled at a version");
    T_OK(!kept_told(k, "x", 7), "somebody looks at it");
    kept_settle(k, "x", 8, true);
    T_OK(kept_told(k, "x", 8) && !kept_told(k, "x", 9), "nobody needs to");
    kept_drop(k, "x");
    T_OK(!has(&f, k, "x", "i", one) && !kept_settled(k, "x", 8), "dropped");
    kept_free(k);
    close_fixture(&f);
}

static void has_a_limit(void)
{
    struct fixture f;
    open_fixture(&f);
    struct kept *k = kept_new(100000);
    const char *one = commit(&f, (struct file_edit[]){
                                     {"a", "1"},
                                     {0  }
    });
    put(&f, k, "x", one, "a", 40000);
    put(&f, k, "y", one, "a", 40000);
    T_OK(has(&f, k, "x", "i", one), "used");
    struct kept_render *held = kept_get(k, "y", "i", f.repo, one);
    T_OK(has(&f, k, "x", "i", one), "used again");
    put(&f, k, "z", one, "a", 40000);
    T_OK(!has(&f, k, "y", "i", one), "the one unused for longest is gone");
    T_OK(has(&f, k, "x", "i", one) && has(&f, k, "z", "i", one), "the others are not");
    T_EQ_STR(held ? held->inputs : NULL, "i", "who holds it still can");
    kept_render_unref(held);
    put(&f, k, "w", one, "a", 200000);
    T_OK(!has(&f, k, "w", "i", one), "what is too large is not kept");
    kept_free(k);
    close_fixture(&f);
}

/* ---- a kept render is a fresh one ---- */

static const char *text_of(struct fixture *f, struct value **objects, size_t n)
{
    struct value *all = value_new_array(f->a);
    for (size_t i = 0; i < n; i++)
        (void)value_push(f->a, all, objects[i]);
    return json_text(f->a, all, 0);
}

/* NULL: it cannot be rendered. */
static const char *fresh(struct fixture *f, const char *commit, const char *path,
                         struct kept_render *r)
{
    AUTO(tree) struct tree *t = tree_of_commit_noted(f->repo, commit, &r->notes);
    struct render_opts opts = {.path = path};
    struct render_result result;
    int rc = render_objects(t, &opts, r->a, &result, NULL);
    return rc < 0 ? NULL : text_of(f, result.objects, result.n);
}

static uint32_t below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static const char *random_text(struct arena *a, uint32_t *seed, const char *path)
{
    static const char *const kustomizations[] = {
        "resources: [a.yaml, ../base]\nnamePrefix: p-\n",
        "resources: [a.yaml]\nconfigMapGenerator: [{name: g, files: [settings]}]\n",
        "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        "resources: [a.yaml, more]\nlabels: [{pairs: {x: y}}]\n",
    };
    static const char *const bases[] = {"resources: [b.yaml]\n", "resources: [b.yaml, c.yaml]\n"};
    const char *name = strrchr(path, '/');
    if (strstr(path, "kustomization"))
        return path[0] == 'o' ? kustomizations[below(seed, ARRAY_LEN(kustomizations))]
                              : bases[below(seed, ARRAY_LEN(bases))];
    const char *who = strstr(path, "patch") ? "b" : arena_strndup(a, name + 1, 1);
    return arena_printf(a,
                        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: v%u}\n",
                        who, below(seed, 3));
}

static void random_edits(struct fixture *f, uint32_t *seed, struct file_edit edits[3])
{
    static const char *const paths[] = {
        "over/kustomization.yaml",
        "over/kustomization.yaml",
        "over/a.yaml",
        "over/patch.yaml",
        "over/settings",
        "over/more/m.yaml",
        "base/kustomization.yaml",
        "over/more/kustomization.yaml",
        "base/b.yaml",
        "base/c.yaml",
        "base/kustomization.yml",
        "plain/x.yaml",
        "plain/sub/y.yaml",
        "plain/z.yaml",
        "other/x.yaml",
    };
    size_t n = 1 + below(seed, 2);
    for (size_t i = 0; i < n; i++) {
        const char *path = paths[below(seed, ARRAY_LEN(paths))];
        bool removed = below(seed, 5) == 0;
        edits[i] = (struct file_edit){path, removed ? NULL : random_text(f->a, seed, path)};
    }
    edits[n] = (struct file_edit){0};
}

static void is_what_a_fresh_one_is(void)
{
    static const char *const apps[] = {"over", "base", "plain"};
    struct fixture f;
    uint32_t seed = 7;
    int used = 0, made = 0;
    open_fixture(&f);
    struct kept *k = kept_new((size_t)64 << 20);
    for (int round = 0; round < 300; round++) {
        struct file_edit edits[3];
        random_edits(&f, &seed, edits);
        const char *head = commit(&f, edits);
        for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
            struct kept_render *now = kept_render_new();
            const char *want = fresh(&f, head, apps[i], now);
            struct kept_render *r = kept_get(k, apps[i], "i", f.repo, head);
            if (r)
                T_EQ_STR(r->m.revision, want, apps[i]);
            r ? used++ : made++;
            kept_render_unref(r);
            now->m.revision = want ? arena_strdup(now->a, want) : NULL; /* stands for the result */
            now->inputs = "i";
            now->repository = arena_strdup(now->a, repo_path(f.repo));
            if (!r && want)
                kept_put(k, apps[i], now, head);
            kept_render_unref(now);
        }
    }
    T_OK(used > 200 && made > 200, "some were kept and some were not");
    kept_free(k);
    close_fixture(&f);
}

/* ---- Applications ---- */

#define NAMED(name, path)                                                                          \
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"                                        \
    "metadata: {name: " name ", namespace: argocd}\n"                                              \
    "spec:\n  project: default\n  source: {repoURL: \"http://h/git/infra.git\", path: " path "}\n" \
    "  destination: {server: \"https://kubernetes.default.svc\", namespace: web}\n"                \
    "  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n"

static const char *of(struct world *w, const char *name, const char *path)
{
    return value_at_str(get(w, &RES_APPLICATION, "argocd", name), path, "");
}

static void only_what_a_commit_concerns(void)
{
    struct world w;
    setup(&w);
    load(&w, NAMED("one", "one") "---\n" NAMED("two", "two") "---\n" NAMED("three", "three"));
    (void)push(&w, (struct file_edit[]){
                       {"one/a.yaml",   MAP("a", "one")},
                       {"two/b.yaml",        MAP("b", "one")},
                       {"three/c.yaml",   MAP("c", "one")},
                       {"four/e.yaml",        MAP("e", "one")},
                       {0}
    });
    T_EQ_STR(map_value(&w, "c"), "one", "synced");
    uint64_t before = gitops_renders(w.gitops).n;
    const char *head = push(&w, (struct file_edit[]){
                                    {"two/b.yaml", MAP("b", "two")},
                                    {0     }
    });
    T_EQ_STR(map_value(&w, "b"), "two", "changed");
    T_EQ_INT(gitops_renders(w.gitops).n - before, 1, "one render");
    T_EQ_STR(of(&w, "one", "status.sync.revision"), head, "the others know the commit");
    T_EQ_STR(of(&w, "three", "status.sync.status"), "Synced", "and are what they were");
    patch(&w, &RES_CONFIG_MAP, "web", "a", NULL, "{\"data\":{\"k\":\"by hand\"}}");
    T_EQ_STR(map_value(&w, "a"), "one", "drift is undone");
    T_EQ_INT(gitops_renders(w.gitops).n - before, 1, "without a render");
    patch(&w, &RES_APPLICATION, "argocd", "one", NULL,
          "{\"spec\":{\"source\":{\"path\":\"four\"}}}");
    T_EQ_STR(map_value(&w, "e"), "one", "another source");
    head = push(&w, (struct file_edit[]){
                        {"four/d.yaml", MAP("d", "one")},
                        {"README",       "x"},
                        {0     }
    });
    T_EQ_STR(map_value(&w, "d"), "one", "a file more in a folder that was listed");
    T_EQ_STR(of(&w, "two", "status.sync.revision"), head, "the other one");
    teardown(&w);
}

/* Renders that were made from the one before, more often than one may stand on another. */
static void follows_a_kustomization(void)
{
    struct world w;
    setup(&w);
    load(&w, NAMED("one", "one"));
    (void)push(&w, (struct file_edit[]){
                       {"one/kustomization.yaml", "namePrefix: p-\nresources: [a.yaml, b.yaml]\n"},
                       {"one/a.yaml",                        MAP("a", "one")},
                       {"one/b.yaml",MAP("b", "one")},
                       {0                       }
    });
    for (int i = 0; i < 40; i++) {
        const char *word = arena_printf(w.a, "v%d", i);
        (void)push(&w, (struct file_edit[]){
                           {i % 2 ? "one/a.yaml" : "one/b.yaml",
                            arena_printf(w.a,
                            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
                                         "data: {k: %s}\n", i % 2 ? "a" : "b", word)},
                           {0     }
        });
        T_EQ_STR(map_value(&w, i % 2 ? "p-a" : "p-b"), word, "changed");
        T_EQ_STR(of(&w, "one", "status.sync.status"), "Synced", word);
    }
    T_EQ_STR(map_value(&w, "p-b"), "v38", "the other one");
    T_EQ_INT(gitops_renders(w.gitops).n, 41, "a render a commit");
    teardown(&w);
}

/* What has not come to rest is looked at whatever a commit says. */
static void who_is_not_settled_is_looked_at(void)
{
    struct world w;
    setup(&w);
    load(&w, NAMED("one", "one"));
    (void)push(&w, (struct file_edit[]){
                       {"one/a.yaml", "kind: [\n"},
                       {0           }
    });
    T_EQ_STR(of(&w, "one", "status.sync.status"), "Unknown", "unreadable");
    const char *head = push(&w, (struct file_edit[]){
                                    {"one/a.yaml", MAP("a", "one")},
                                    {0     }
    });
    T_EQ_STR(map_value(&w, "a"), "one", "mended");
    T_EQ_STR(of(&w, "one", "status.sync.revision"), head, "mended");
    delete_all(&w, &RES_REPOSITORY);
    head = push(&w, (struct file_edit[]){
                        {"one/a.yaml", MAP("a", "two")},
                        {0     }
    });
    load(&w, REPOSITORY);
    settle(&w);
    T_EQ_STR(map_value(&w, "a"), "two", "the Repository came back");
    teardown(&w);
}

static const char *other_value(struct world *w)
{
    return value_at_str(get(w, &RES_CONFIG_MAP, "web", "a"), "data.other", "gone");
}

/* Without the server's word a field that Git has no more is not seen: that is not kept. */
static void a_guess_is_not_kept(void)
{
    struct world w;
    setup(&w);
    load(&w, NAMED("one", "one"));
    (void)push(&w, (struct file_edit[]){
                       {"one/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                                      "data: {k: one, other: here}\n"},
                       {0           }
    });
    T_EQ_STR(other_value(&w), "here", "two");
    kube_fake_fail(w.kube, "dry", &RES_CONFIG_MAP, 1, ERR_AGAIN);
    (void)push(&w, (struct file_edit[]){
                       {"one/a.yaml", MAP("a", "one")},
                       {0     }
    });
    T_EQ_STR(other_value(&w), "gone", "the next look sees it");
    teardown(&w);
}

T_MAIN(moves_on, has_a_limit, is_what_a_fresh_one_is, only_what_a_commit_concerns,
       follows_a_kustomization, who_is_not_settled_is_looked_at, a_guess_is_not_kept)
