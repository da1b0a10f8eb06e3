#include "ctl/repository/repository.h"

#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"
#include "kube/fake.h"
#include "t.h"
#include "vcs/repo.h"

struct world {
    char dir[64];
    struct arena *a;
    struct kube *kube;
    struct fake_clock clock;
    struct runner *runner;
    struct repository_opts opts;
};

static void setup(struct world *w)
{
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/slipway-repository-XXXXXX");
    T_OK(mkdtemp(w->dir) != NULL, "mkdtemp");
    w->a = arena_new(1 << 24);
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = kube_fake_new(&w->clock.clock);
    w->opts = (struct repository_opts){arena_printf(w->a, "%s/git", w->dir), "http://h/git/"};
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    runner_add(w->runner, &repository_controller, &w->opts);
}

static void teardown(struct world *w)
{
    runner_free(w->runner);
    kube_free(w->kube);
    arena_free(w->a);
    (void)!fs_remove_tree(w->dir, NULL);
}

static const struct value *get(struct world *w, const char *ns, const char *name)
{
    struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(w->kube, &RES_REPOSITORY, ns, name, &o, &e), &e, name);
    const struct object *held = object_hold(w->a, o);
    object_unref(o);
    return held->root;
}

static int edit(void *arg, struct repo *r, const char *parent, struct arena *a,
                struct repo_draft *out, struct err *e)
{
    (void)r, (void)parent, (void)e;
    struct repo_edit *x = ARENA_NEW(a, struct repo_edit);
    *x = (struct repo_edit){.kind = REPO_WRITE, .path = "f", .bytes = arg, .n = strlen(arg)};
    *out = (struct repo_draft){x, 1, "edit"};
    return 0;
}

static void commit_to(const char *path, const char *text, char sha[REPO_SHA_MAX])
{
    AUTO(repo) struct repo *r = NULL;
    struct err e = {0};
    bool changed;
    struct repo_commit_opts o = {
        .branch = "main", .author = {"t", "t@x", 1}
    };
    T_RC(repo_open(path, &r, &e), &e, path);
    T_RC(repo_commit_edit(r, &o, edit, (void *)(uintptr_t)text, sha, &changed, &e), &e, path);
}

static void commit(struct world *w, const char *name, const char *text, char sha[REPO_SHA_MAX])
{
    commit_to(repository_path(&w->opts, name, w->a), text, sha);
}

/* A repository elsewhere, with one commit. */
static const char *elsewhere(struct world *w, const char *text, char sha[REPO_SHA_MAX])
{
    const struct repository_opts there = {arena_printf(w->a, "%s/there", w->dir), NULL};
    const char *path = repository_path(&there, "shop", w->a);
    AUTO(repo) struct repo *r = NULL;
    struct err e = {0};
    T_RC(repo_create(path, "main", &r, &e), &e, path);
    commit_to(path, text, sha);
    return path;
}

static void hosts(void)
{
    struct world w;
    char sha[REPO_SHA_MAX];
    setup(&w);
    kube_fake_load(w.kube, "apiVersion: slipway.dev/v1\nkind: Repository\n"
                           "metadata: {name: shop, namespace: a}\nspec: {}\n");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(object_condition(get(&w, "a", "shop"), "Ready")
                 ? value_at_str(object_condition(get(&w, "a", "shop"), "Ready"), "status", "")
                 : "none",
             "True", "ready");
    T_EQ_STR(value_at_str(get(&w, "a", "shop"), "status.url", ""), "http://h/git/shop.git", "url");
    commit(&w, "shop", "1", sha);
    runner_kick(w.runner, "repository", "a", "shop");
    (void)runner_settle(w.runner, 100);
    const struct value *heads = value_at(get(&w, "a", "shop"), "status.heads");
    T_EQ_STR(value_str(value_get(heads, "refs/heads/main"), ""), sha, "head");
    kube_fake_load(w.kube, "apiVersion: slipway.dev/v1\nkind: Repository\n"
                           "metadata: {name: shop, namespace: b}\nspec: {}\n");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(value_at_str(object_condition(get(&w, "b", "shop"), "Ready"), "reason", ""),
             "NameTaken", "one name, one owner");
    teardown(&w);
}

static void adopts_the_first_branch(void)
{
    struct world w;
    char sha[REPO_SHA_MAX];
    setup(&w);
    kube_fake_load(w.kube, "apiVersion: slipway.dev/v1\nkind: Repository\n"
                           "metadata: {name: shop, namespace: a}\nspec: {defaultBranch: trunk}\n");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(value_at_str(get(&w, "a", "shop"), "status.defaultBranch", ""), "trunk", "asked for");
    commit(&w, "shop", "1", sha);
    runner_kick(w.runner, "repository", "a", "shop");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(value_at_str(get(&w, "a", "shop"), "status.defaultBranch", ""), "main", "pushed");
    teardown(&w);
}

static void mirrors(void)
{
    struct world w;
    char sha[REPO_SHA_MAX];
    setup(&w);
    const char *there = elsewhere(&w, "1", sha);
    kube_fake_load(w.kube, arena_printf(w.a,
                                        "apiVersion: slipway.dev/v1\nkind: Repository\n"
                                        "metadata: {name: copy, namespace: a}\n"
                                        "spec: {url: \"%s\", pollSeconds: 30}\n",
                                        there));
    (void)runner_settle(w.runner, 100);
    const struct value *heads = value_at(get(&w, "a", "copy"), "status.heads");
    T_EQ_STR(value_str(value_get(heads, "refs/heads/main"), ""), sha, "fetched");
    commit_to(there, "2", sha);
    fake_clock_move(&w.clock, 31000);
    (void)runner_settle(w.runner, 100);
    heads = value_at(get(&w, "a", "copy"), "status.heads");
    T_EQ_STR(value_str(value_get(heads, "refs/heads/main"), ""), sha, "polled");
    teardown(&w);
}

static const char *ready(struct world *w, const char *name)
{
    const struct value *root = get(w, "a", name), *c = object_condition(root, "Ready");
    return arena_printf(w->a, "%s %s", value_at_str(c, "status", ""),
                        value_at_str(c, "reason", ""));
}

static void set_url(struct world *w, const char *name, const char *url)
{
    struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(w->kube, &RES_REPOSITORY, "a", name, &o, &e), &e, name);
    struct value *root = value_copy(w->a, o->root);
    (void)value_set_str(w->a, value_get_mut(root, "spec"), "url", url);
    T_RC(kube_update(w->kube, &RES_REPOSITORY, "a", name, NULL, root, NULL, &e), &e, url);
    object_unref(o);
}

static void says_that_a_fetch_failed(void)
{
    struct world w;
    char sha[REPO_SHA_MAX];
    setup(&w);
    const char *there = elsewhere(&w, "1", sha);
    kube_fake_load(w.kube, arena_printf(w.a,
                                        "apiVersion: slipway.dev/v1\nkind: Repository\n"
                                        "metadata: {name: copy, namespace: a}\n"
                                        "spec: {url: \"%s\", pollSeconds: 30}\n",
                                        there));
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(ready(&w, "copy"), "True Ready", "fetched");
    set_url(&w, "copy", "/nowhere/at/all.git");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(ready(&w, "copy"), "False FetchFailed", "another URL, where nothing is");
    runner_kick(w.runner, "repository", "a", "copy");
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(ready(&w, "copy"), "False FetchFailed", "looked at again before it is due");
    fake_clock_move(&w.clock, 31000);
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(ready(&w, "copy"), "False FetchFailed", "polled");
    const struct value *heads = value_at(get(&w, "a", "copy"), "status.heads");
    T_EQ_STR(value_str(value_get(heads, "refs/heads/main"), ""), sha, "what was fetched stays");
    set_url(&w, "copy", there);
    (void)runner_settle(w.runner, 100);
    T_EQ_STR(ready(&w, "copy"), "True Ready", "mended");
    teardown(&w);
}

static void rights_are_not_gone_round(void)
{
    static const struct {
        const char *name, *prefix, *want;
    } cases[] = {
        {"a path",               "%s/git/shop.git",                 "False"},
        {"by way of a link",     "%s/way/shop.git",                 "False"},
        {"with dots",            "%s/there/../git/shop.git",        "False"},
        {"a file: URL",          "file://%s/git/shop.git",          "False"},
        {"with a host",          "file://localhost%s/git/shop.git", "False"},
        {"another one's",        "%s/there/shop.git",               "True" },
        {"another one's as URL", "file://%s/there/shop.git",        "True" },
    };
    struct world w;
    char sha[REPO_SHA_MAX], way[80];
    setup(&w);
    kube_fake_load(w.kube, "apiVersion: slipway.dev/v1\nkind: Repository\n"
                           "metadata: {name: shop, namespace: a}\nspec: {}\n");
    (void)runner_settle(w.runner, 100);
    commit(&w, "shop", "1", sha);
    (void)elsewhere(&w, "1", sha);
    (void)snprintf(way, sizeof way, "%s/way", w.dir);
    T_EQ_INT(symlink("git", way), 0, way);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *name = arena_printf(w.a, "copy-%zu", i), *at = strstr(cases[i].prefix, "%s");
        const char *url = arena_printf(w.a, "%.*s%s%s", (int)(at - cases[i].prefix),
                                       cases[i].prefix, w.dir, at + 2);
        kube_fake_load(w.kube, arena_printf(w.a,
                                            "apiVersion: slipway.dev/v1\nkind: Repository\n"
                                            "metadata: {name: %s, namespace: b}\n"
                                            "spec: {url: \"%s\"}\n",
                                            name, url));
        (void)runner_settle(w.runner, 100);
        const struct value *c = object_condition(get(&w, "b", name), "Ready");
        T_EQ_STR(value_at_str(c, "status", ""), cases[i].want, cases[i].name);
    }
    teardown(&w);
}

static void hears_of_pushes(void)
{
    static const struct {
        const char *url, *body;
        size_t want;
    } cases[] = {
        {"https://github.com/Ann/shop.git",
         "{\"ref\":\"refs/heads/main\",\"repository\":{\"clone_url\":\"https://github.com/Ann/"
         "shop.git\"}}",                                                         1},
        {"git@gitlab.com:ann/shop.git",
         "{\"project\":{\"git_http_url\":\"http://gitlab.com/ann/shop.git\"}}",  1},
        {"https://bot:x@GIT.example.com/ann/shop/",
         "{\"repository\":{\"links\":{\"clone\":[{\"href\":\"ssh://git@git.example.com/ann/"
         "shop.git\"}]}}}",                                                      1},
        {"https://github.com/ann/other",
         "{\"repository\":{\"clone_url\":\"https://github.com/ann/shop.git\"}}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct err e = {0};
        size_t n = 9;
        setup(&w);
        kube_fake_load(w.kube, arena_printf(w.a,
                                            "apiVersion: slipway.dev/v1\nkind: Repository\n"
                                            "metadata: {name: copy, namespace: a}\n"
                                            "spec: {url: \"%s\"}\n",
                                            cases[i].url));
        T_RC(repository_webhook(w.kube, &w.clock.clock, cases[i].body, strlen(cases[i].body), &n,
                                &e),
             &e, cases[i].url);
        T_EQ_INT(n, cases[i].want, cases[i].url);
        T_EQ_INT(value_at(get(&w, "a", "copy"), "metadata.annotations") != NULL, cases[i].want,
                 cases[i].url);
        teardown(&w);
    }
}

static void grants(void)
{
    static const char text[] =
        "{\"metadata\":{\"namespace\":\"ci\"},\"spec\":{\"access\":["
        "{\"user\":\"ann\",\"role\":\"write\"},{\"group\":\"devs\",\"role\":\"read\"},"
        "{\"serviceAccount\":\"robot\",\"role\":\"write\",\"paths\":[\"a/*\"]},"
        "{\"serviceAccount\":\"robot\",\"role\":\"write\",\"paths\":[\"b/*\"]},"
        "{\"serviceAccount\":\"other:robot\",\"role\":\"admin\"}]}}";
    static const struct {
        const char *user, *group, *want;
    } cases[] = {
        {"ann",                               NULL,             "2"        },
        {"bob",                               "devs",           "1"        },
        {"bob",                               NULL,             "0"        },
        {"ann",                               "devs",           "2"        },
        {"root",                              "system:masters", "3"        },
        {"system:serviceaccount:ci:robot",    NULL,             "2 a/* b/*"},
        {"system:serviceaccount:other:robot", NULL,             "3"        },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct value *v;
    struct err e = {0};
    T_RC(json_parse(a, text, sizeof text - 1, 0, &v, &e), &e, "parse");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *groups[] = {cases[i].group, NULL};
        struct host_identity who = {cases[i].user, groups};
        struct host_grant g;
        repository_grant(v, &who, a, &g);
        const char *got = arena_printf(a, "%d", g.role);
        for (size_t p = 0; g.paths && g.paths[p]; p++)
            got = arena_printf(a, "%s %s", got, g.paths[p]);
        T_EQ_STR(got, cases[i].want, cases[i].user);
    }
}

T_MAIN(hosts, adopts_the_first_branch, mirrors, says_that_a_fetch_failed, rights_are_not_gone_round,
       hears_of_pushes, grants)
