/* The stock git client against a served folder of repositories. */
#include "vcs/host.h"

#include <stdarg.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "t.h"
#include "vcs/child.h"
#include "vcs/repo.h"

struct seen {
    char text[512]; /* "repo ref user" of the last push */
    int pushes;
};

static int authenticate(void *arg, const char *authorization, struct arena *a,
                        struct host_identity *out, struct err *e)
{
    (void)arg;
    const char *user, *password;
    if (!host_basic(authorization, a, &user, &password))
        return err_set(e, ERR_UNAUTHENTICATED, "who are you?");
    if (strcmp(password, "secret") != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "wrong password");
    *out = (struct host_identity){.user = user};
    return 0;
}

static int authorize(void *arg, const struct host_identity *who, const char *repository,
                     struct arena *a, struct host_grant *out, struct err *e)
{
    static const char *const images[] = {"overlays/*/kustomization.yaml", NULL};
    (void)arg, (void)a, (void)e, (void)repository;
    *out = (struct host_grant){.role = HOST_NONE};
    if (strcmp(who->user, "ann") == 0)
        out->role = HOST_WRITE;
    if (strcmp(who->user, "root") == 0)
        out->role = HOST_ADMIN;
    if (strcmp(who->user, "reader") == 0)
        out->role = HOST_READ;
    if (strcmp(who->user, "robot") == 0)
        *out = (struct host_grant){HOST_WRITE, images};
    return 0;
}

static void pushed(void *arg, const struct host_push *p)
{
    struct seen *s = arg;
    (void)snprintf(s->text, sizeof s->text, "%s %s %s", p->repository, p->changes[0].ref, p->user);
    s->pushes++;
}

struct fixture {
    char dir[64];
    struct arena *a;
    struct host *host;
    struct http_server *server;
    struct seen seen;
    char out[8192];
};

static void setup(struct fixture *f)
{
    struct err e = {0};
    struct repo *repo = NULL;
    memset(f, 0, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/slipway-host-XXXXXX");
    T_OK(mkdtemp(f->dir) != NULL, "mkdtemp");
    f->a = arena_new(1 << 24);
    const char *root = arena_printf(f->a, "%s/git", f->dir);
    T_RC(repo_create(arena_printf(f->a, "%s/shop.git", root), "main", &repo, &e), &e, "create");
    repo_free(repo);
    struct host_opts opts = {.root = root,
                             .prefix = "/git/",
                             .authenticate = authenticate,
                             .authorize = authorize,
                             .pushed = pushed,
                             .arg = &f->seen,
                             .max_push_bytes = 8 << 20};
    T_RC(host_new(&opts, &f->host, &e), &e, "host");
    struct http_listen listen = {.address = "127.0.0.1:0"};
    T_RC(http_server_start(&listen, host_handle, f->host, &f->server, &e), &e, "listen");
}

static void teardown(struct fixture *f)
{
    http_server_free(f->server);
    host_free(f->host);
    arena_free(f->a);
    (void)!fs_remove_tree(f->dir, NULL);
}

/* Runs a shell line in the fixture's folder, with $U before the host of a URL; its exit code. */
static PRINTF(2, 3) int sh(struct fixture *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *line = arena_vprintf(f->a, fmt, ap);
    va_end(ap);
    const char *const argv[] = {"sh", "-c", arena_printf(f->a, "cd %s && %s", f->dir, line), NULL};
    const char *const env[] = {
        "PATH=/usr/bin:/bin",
        "HOME=/nonexistent",
        "GIT_TERMINAL_PROMPT=0",
        "LC_ALL=C",
        "GIT_AUTHOR_NAME=t",
        "GIT_AUTHOR_EMAIL=t@x",
        "GIT_COMMITTER_NAME=t",
        "GIT_COMMITTER_EMAIL=t@x",
        arena_printf(f->a, "P=127.0.0.1:%u/git", http_server_port(f->server)),
        NULL};
    AUTO_BUF struct buf out, err;
    buf_init(&out, 1 << 20);
    buf_init(&err, 1 << 20);
    int code = -1;
    struct err e = {0};
    const struct child_opts o = {argv, env, .in = -1, .tell = -1, .hear = -1};
    T_RC(child_run(&o, 60000, &out, &err, &code, &e), &e, line);
    (void)snprintf(f->out, sizeof f->out, "%s%s", buf_text(&out), buf_text(&err));
    return code;
}

#define T_SH(f, want, ...)                                                                         \
    do {                                                                                           \
        int code_ = sh((f), __VA_ARGS__);                                                          \
        if ((code_ == 0) != ((want) == 0))                                                         \
            T_FAIL(#__VA_ARGS__, "%d: %s", code_, (f)->out);                                       \
    } while (0)

static void pushes_and_clones(void)
{
    struct fixture f;
    setup(&f);
    T_SH(&f, 0,
         "git init -q -b main w && cd w && git remote add o http://ann:secret@$P/shop.git"
         " && mkdir -p overlays/dev && echo a >overlays/dev/kustomization.yaml"
         " && echo x >x && git add . && git commit -qm one && git push o main");
    T_EQ_INT(f.seen.pushes, 1, "pushed");
    T_EQ_STR(f.seen.text, "shop refs/heads/main ann", "pushed");
    T_SH(&f, 0, "git clone -q http://reader:secret@$P/shop.git c && test -f c/x");
    T_SH(&f, 0, "cd c && git -c protocol.version=0 fetch");
    T_SH(&f, 1, "cd c && git push http://reader:secret@$P/shop.git main");
    T_OK(strstr(f.out, "403"), "a reader may not push");
    T_SH(&f, 1, "git ls-remote http://bob:secret@$P/shop.git");
    T_OK(strstr(f.out, "not found"), "what may not be read looks absent");
    T_SH(&f, 1, "git ls-remote http://ann:wrong@$P/shop.git");
    T_SH(&f, 1, "git ls-remote http://ann:secret@$P/../shop.git");
    T_SH(&f, 1, "git ls-remote http://ann:secret@$P/nothing.git");
    teardown(&f);
}

static void big_pushes_are_chunked_and_limited(void)
{
    struct fixture f;
    setup(&f);
    T_SH(&f, 0,
         "git init -q -b main w && cd w && git config http.postBuffer 65536"
         " && head -c 3000000 /dev/urandom >big && git add . && git commit -qm big"
         " && git push -q http://ann:secret@$P/shop.git main");
    T_SH(&f, 0, "git clone -q http://ann:secret@$P/shop.git c && cmp c/big w/big");
    T_SH(&f, 1,
         "cd w && head -c 9000000 /dev/urandom >huge && git add . && git commit -qm huge"
         " && git push -q http://ann:secret@$P/shop.git main");
    T_EQ_INT(f.seen.pushes, 1, "only one arrived");
    teardown(&f);
}

static void limits_paths(void)
{
    struct fixture f;
    setup(&f);
    T_SH(&f, 0,
         "git init -q -b main w && cd w && git remote add o http://ann:secret@$P/shop.git"
         " && git remote add robot http://robot:secret@$P/shop.git && mkdir -p overlays/dev"
         " && echo a >overlays/dev/kustomization.yaml && echo x >x && git add ."
         " && git commit -qm one && git push -q o main");
    T_SH(&f, 0,
         "cd w && echo b >overlays/dev/kustomization.yaml && git commit -qam image"
         " && git push -q robot main");
    T_SH(&f, 1, "cd w && echo y >x && git commit -qam evil && git push robot main");
    T_OK(strstr(f.out, "x, which may not be changed") && strstr(f.out, "remote: slipway: shop"),
         f.out);
    T_SH(&f, 1, "cd w && git revert -n HEAD && git commit -qm hide && git push robot main");
    T_OK(strstr(f.out, "changes x"), "a path that is changed and changed back");
    T_SH(&f, 1, "cd w && git push robot HEAD:refs/heads/other");
    T_SH(&f, 1, "cd w && git push robot HEAD~2:refs/tags/t");
    T_SH(&f, 1, "cd w && git push robot +HEAD~3:main");
    T_SH(&f, 0, "cd w && git push o main");
    T_SH(&f, 1, "cd w && git push o +HEAD~2:main");
    T_OK(strstr(f.out, "rewriting the default branch takes the role admin"), f.out);
    T_SH(&f, 0, "cd w && git push http://root:secret@$P/shop.git +HEAD~2:main");
    T_EQ_STR(f.seen.text, "shop refs/heads/main root", "pushed");
    T_SH(&f, 0, "cd w && git push o HEAD:refs/heads/b && git push o :refs/heads/b");
    T_SH(&f, 0, "test -z \"$(ls git/shop.git/objects | grep tmp_objdir)\"");
    teardown(&f);
}

static void names(void)
{
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"shop",          true },
        {"team/shop",     true },
        {"a.b-c_d",       true },
        {"",              false},
        {"../x",          false},
        {"a/../b",        false},
        {".hooks",        false},
        {"a/b/c",         false},
        {"-x",            false},
        {"a b",           false},
        {"x.git",         false},
        {"x.git/objects", false},
        {"/x",            false},
        {"x/",            false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(host_name_valid(cases[i].name), cases[i].valid, cases[i].name);
}

T_MAIN(names, pushes_and_clones, big_pushes_are_chunked_and_limited, limits_paths)
