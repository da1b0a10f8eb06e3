#include "vcs/clone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "net/public.h"
#include "vcs/child.h"
#include "vcs/tree.h"

enum { TIMEOUT_MS = 27 * 1000, SAID_MAX = 64 << 10 };

struct clone {
    struct tree *tree;
    char *folder;
};

static const char *const own_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    "HOME=/nonexistent",
    "GIT_CONFIG_NOSYSTEM=1",
    "GIT_TERMINAL_PROMPT=0",
    "GIT_ASKPASS=true",
    "GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=10",
    "GIT_ALLOW_PROTOCOL=git:http:https:ssh",
    NULL,
};

struct step {
    const struct clone_opts *o;
    const char *folder;
    struct arena *a;
    const char *pin; /* of the host's addresses, or NULL */
};

/* The URL for messages, without a password. */
static const char *shown(struct arena *a, const char *url)
{
    const char *slashes = strstr(url, "://"), *at = slashes ? strchr(slashes, '@') : NULL;
    const char *colon = slashes ? strchr(slashes + 3, ':') : NULL;
    return at && colon && colon < at ? arena_printf(a, "%.*s:***%s", (int)(colon - url), url, at)
                                     : url;
}

/* "git fetch --depth=1 URL ref", whose URL no other process is to see. */
static const char *said_of(const struct step *s, const char *const *args)
{
    const char *text = "git";
    for (; *args; args++)
        text = arena_printf(s->a, "%s %s", text,
                            strcmp(*args, "origin") == 0 ? shown(s->a, s->o->url) : *args);
    return text;
}

static int git(const struct step *s, const char *const *args, struct err *e)
{
    AUTO_BUF struct buf out, err;
    const char *argv[16] = {"git", "-C", s->folder};
    for (size_t i = 0; args[i]; i++)
        argv[3 + i] = args[i];
    struct child_opts child = {.argv = argv,
                               .env = s->o->env ? s->o->env : own_env,
                               .in = -1,
                               .out = -1,
                               .err = -1,
                               .tell = -1,
                               .hear = -1};
    int64_t timeout_ms = s->o->timeout_ms ? s->o->timeout_ms : TIMEOUT_MS;
    int code;
    buf_init(&out, SAID_MAX);
    buf_init(&err, SAID_MAX);
    int rc = child_run(&child, timeout_ms, &out, &err, &code, e);
    if (rc == ERR_TIMEOUT)
        return err_set(e, rc, "hit %g s timeout running '%s'", (double)timeout_ms / 1000,
                       said_of(s, args));
    if (rc < 0 || code == 0)
        return rc;
    char *said = arena_strdup(s->a, buf_text(&err));
    for (size_t n = strlen(said); n > 0 && said[n - 1] == '\n';)
        said[--n] = '\0';
    return err_set(e, ERR_NOT_FOUND, "failed to run '%s': %s: exit status %d", said_of(s, args),
                   said, code);
}

/* In the settings of the clone, which are ours alone, and not as an argument: URLs may hold a
 * password. */
static int name_origin(const struct step *s, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 64 << 10);
    buf_puts(&b, "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
                 "[remote \"origin\"]\n\turl = \"");
    for (const char *c = s->o->url; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_putc(&b, '\\');
        buf_putc(&b, *c);
    }
    buf_puts(&b, "\"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n");
    if (s->pin)
        buf_printf(&b, "[http]\n\tfollowRedirects = false\n\tcurloptResolve = \"%s\"\n", s->pin);
    int rc = buf_check(&b, e);
    return rc < 0 ? rc
                  : fs_write_atomic(arena_printf(s->a, "%s/.git/config", s->folder), 0600,
                                    buf_text(&b), b.len, e);
}

static int fetch(const struct step *s, struct err *e)
{
    const char *ref = s->o->ref && *s->o->ref ? s->o->ref : "HEAD";
    const char *const init[] = {"init", "--quiet", NULL};
    const char *const get[] = {"fetch", "--depth=1", "origin", ref, NULL};
    const char *const checkout[] = {"checkout", "FETCH_HEAD", NULL};
    const char *const modules[] = {"submodule", "update", "--init", "--recursive", NULL};
    int rc = git(s, init, e);
    if (rc == 0)
        rc = name_origin(s, e);
    if (rc == 0)
        rc = git(s, get, e);
    if (rc == 0)
        rc = git(s, checkout, e);
    return rc == 0 && s->o->submodules ? git(s, modules, e) : rc;
}

/* What HEAD says once a commit is checked out. */
static int read_commit(const struct step *s, char out[65], struct err *e)
{
    char *text;
    size_t n;
    int rc = fs_read(arena_printf(s->a, "%s/.git/HEAD", s->folder), 256, s->a, &text, &n, e);
    if (rc < 0)
        return rc;
    n = strspn(text, "0123456789abcdef");
    if (n < 40 || n > 64)
        return err_set(e, ERR_SYSTEM, "%s: no commit is checked out", shown(s->a, s->o->url));
    (void)snprintf(out, 65, "%.*s", (int)n, text);
    return 0;
}

int clone_into(const struct clone_opts *o, const char *folder, char out_commit[65], struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct step s = {o, folder, a, NULL};
    if (strpbrk(o->url, "\n\r") || (o->ref && *o->ref == '-'))
        return err_set(e, ERR_INVALID, "\"%s\" and \"%s\" are no URL and revision", o->url,
                       o->ref ? o->ref : "");
    int rc = o->public_only ? address_pin(o->url, a, &s.pin, e) : 0;
    if (rc < 0)
        return err_wrap(e, rc, "%s", shown(a, o->url));
    rc = fetch(&s, e);
    return rc < 0 ? rc : read_commit(&s, out_commit, e);
}

int clone_open(const struct clone_opts *o, struct clone **out, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    char folder[400], commit[65];
    (void)snprintf(folder, sizeof folder, "%.300s/slipway-clone-XXXXXX",
                   tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return err_sys(e, errno, "make a folder %s", folder);
    struct clone *c = calloc(1, sizeof *c);
    if (!c || !(c->folder = strdup(folder)))
        abort();
    int rc = clone_into(o, folder, commit, e);
    if (rc == 0)
        rc = tree_of_folder(c->folder, &c->tree, e);
    if (rc < 0) {
        clone_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

struct tree *clone_tree(struct clone *c)
{
    return c->tree;
}

void clone_free(struct clone *c)
{
    if (!c)
        return;
    tree_free(c->tree);
    if (fs_remove_tree(c->folder, NULL) < 0)
        (void)fprintf(stderr, "folder %s could not be removed\n", c->folder);
    free(c->folder);
    free(c);
}

/* ---- sets ---- */

struct clone_set {
    struct arena *a;
    struct {
        struct clone_opts opts;
        struct clone *clone;
    } items[CLONE_SET_MAX];
    size_t n;
};

struct clone_set *clone_set_new(void)
{
    struct clone_set *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->a = arena_new(4 << 20);
    return s;
}

static bool same(const struct clone_opts *a, const struct clone_opts *b)
{
    return strcmp(a->url, b->url) == 0 && strcmp(a->ref ? a->ref : "", b->ref ? b->ref : "") == 0 &&
           a->submodules == b->submodules;
}

int clone_set_get(struct clone_set *s, const struct clone_opts *o, struct tree **out, struct err *e)
{
    for (size_t i = 0; i < s->n; i++)
        if (same(&s->items[i].opts, o)) {
            *out = s->items[i].clone->tree;
            return 0;
        }
    if (s->n == CLONE_SET_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d repositories are fetched", CLONE_SET_MAX);
    int rc = clone_open(o, &s->items[s->n].clone, e);
    if (rc < 0)
        return rc;
    s->items[s->n].opts = *o;
    s->items[s->n].opts.url = arena_strdup(s->a, o->url);
    s->items[s->n].opts.ref = arena_strdup(s->a, o->ref ? o->ref : "");
    *out = s->items[s->n++].clone->tree;
    return 0;
}

void clone_set_free(struct clone_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        clone_free(s->items[i].clone);
    arena_free(s->a);
    free(s);
}
