/* Fetch and push through the git command: it speaks every transport and can be killed. */
#include "codec/base64.h"
#include "vcs/child.h"
#include "vcs/repo_int.h"

enum { TIMEOUT_MS = 120 * 1000, ENV_MAX = 40, TEXT_MAX = 64 * 1024 };

/* An environment that holds nothing of ours but the path to programs; settings ride in it, so
 * that no credential is ever an argument. */
struct git_env {
    const char *vars[ENV_MAX];
    size_t n, n_settings;
    struct arena *a;
};

static void env_add(struct git_env *v, const char *text)
{
    v->vars[v->n++] = text;
}

static void env_setting(struct git_env *v, const char *key, const char *value)
{
    env_add(v, arena_printf(v->a, "GIT_CONFIG_KEY_%zu=%s", v->n_settings, key));
    env_add(v, arena_printf(v->a, "GIT_CONFIG_VALUE_%zu=%s", v->n_settings, value));
    v->n_settings++;
}

static const char *authorization(const struct repo_remote *remote, struct arena *a)
{
    if (remote->token)
        return arena_printf(a, "Authorization: Bearer %s", remote->token);
    if (!remote->user && !remote->password)
        return NULL;
    const char *both = arena_printf(a, "%s:%s", remote->user ? remote->user : "",
                                    remote->password ? remote->password : "");
    return arena_printf(a, "Authorization: Basic %s",
                        base64_encode(a, both, strlen(both), BASE64_STD));
}

static void env_make(struct git_env *v, const struct repo_remote *remote, struct arena *a)
{
    *v = (struct git_env){.a = a};
    env_add(v, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    env_add(v, "LC_ALL=C");
    env_add(v, "HOME=/nonexistent");
    env_add(v, "GIT_CONFIG_NOSYSTEM=1");
    env_add(v, "GIT_TERMINAL_PROMPT=0");
    env_add(v, "GIT_ASKPASS=true");
    env_add(v, "GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=10");
    env_add(v, "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh");
    env_setting(v, "safe.directory", "*");
    env_setting(v, "gc.auto", "0");
    env_setting(v, "remote.slipway.url", remote->url);
    const char *header = authorization(remote, a);
    if (header)
        env_setting(v, "http.extraHeader", header);
    if (remote->ca_file)
        env_setting(v, "http.sslCAInfo", remote->ca_file);
    env_add(v, arena_printf(a, "GIT_CONFIG_COUNT=%zu", v->n_settings));
}

/* What git said, in one line and without what stands between "//" and "@". */
static const char *said(struct arena *a, const struct buf *text)
{
    char *line = arena_strdup(a, buf_text(text));
    size_t n = strlen(line);
    while (n > 0 && line[n - 1] == '\n')
        line[--n] = '\0';
    for (char *s = line; *s; s++)
        if (*s == '\n' || *s == '\r' || *s == '\t')
            *s = ' ';
    for (char *s = line; (s = strstr(s, "//")); s += 2) {
        size_t host = strcspn(s + 2, "/@ '");
        if (s[2 + host] == '@')
            memset(s + 2, '*', host);
    }
    return n > 500 ? line + n - 500 : line;
}

static enum err_code why(const char *text)
{
    static const struct {
        const char *needle;
        enum err_code code;
    } table[] = {
        {"non-fast-forward",      ERR_CONFLICT },
        {"fetch first",           ERR_CONFLICT },
        {"stale info",            ERR_CONFLICT },
        {"failed to update ref",  ERR_CONFLICT },
        {"remote rejected",       ERR_DENIED   },
        {"pre-receive hook",      ERR_DENIED   },
        {"Authentication failed", ERR_DENIED   },
        {"could not read User",   ERR_DENIED   },
        {"error: 403",            ERR_DENIED   },
        {"Permission denied",     ERR_DENIED   },
        {"not found",             ERR_NOT_FOUND},
        {"does not appear to be", ERR_NOT_FOUND},
        {"does not exist",        ERR_NOT_FOUND},
        {"not a git repository",  ERR_NOT_FOUND},
        {"transport 'ext'",       ERR_INVALID  },
        {"not allowed",           ERR_INVALID  },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strstr(text, table[i].needle))
            return table[i].code;
    return ERR_AGAIN;
}

static int git(struct repo *r, const struct repo_remote *remote, const char *const *args,
               struct arena *a, const char **out_text, struct err *e)
{
    struct git_env env;
    const char *argv[16] = {"git", "-C", r->path};
    for (size_t i = 0; args[i]; i++)
        argv[3 + i] = args[i];
    env_make(&env, remote, a);
    AUTO_BUF struct buf out, err;
    buf_init(&out, TEXT_MAX);
    buf_init(&err, TEXT_MAX);
    int code;
    int rc = child_run(argv, env.vars, remote->timeout_ms ? remote->timeout_ms : TIMEOUT_MS, &out,
                       &err, &code, e);
    if (rc == 0 && code != 0) {
        const char *text = said(a, &err);
        rc = err_set(e, why(text), "%s", text);
    }
    if (rc < 0) {
        struct buf url = {.data = arena_strdup(a, remote->url), .len = strlen(remote->url)};
        return err_wrap(e, rc, "%s %s", args[0], said(a, &url));
    }
    if (out_text)
        *out_text = arena_strdup(a, buf_text(&out));
    return 0;
}

static int url_check(const struct repo_remote *remote, struct err *e)
{
    if (!remote->url || !*remote->url || *remote->url == '-' || strlen(remote->url) > 2000 ||
        strpbrk(remote->url, "\n\r"))
        return err_set(e, ERR_INVALID, "repository URL \"%.200s\" is not usable",
                       remote->url ? remote->url : "");
    return 0;
}

/* HEAD here follows HEAD there: "ref: refs/heads/main\tHEAD". */
static int follow_head(struct repo *r, const struct repo_remote *from, struct arena *a,
                       struct err *e)
{
    static const char mark[] = "ref: refs/heads/";
    const char *text;
    const char *const args[] = {"ls-remote", "--symref", "slipway", "HEAD", NULL};
    int rc = git(r, from, args, a, &text, e);
    if (rc < 0 || strncmp(text, mark, sizeof mark - 1) != 0)
        return rc;
    const char *name = text + sizeof mark - 1;
    return repo_set_head_branch(r, arena_strndup(a, name, strcspn(name, "\t\n")), e);
}

int repo_fetch_mirror(struct repo *r, const struct repo_remote *from, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char head[REPO_SHA_MAX];
    const char *const args[] = {"fetch",
                                "--quiet",
                                "--prune",
                                "--force",
                                "slipway",
                                "+refs/heads/*:refs/heads/*",
                                "+refs/tags/*:refs/tags/*",
                                NULL};
    int rc = url_check(from, e);
    if (rc == 0)
        rc = git(r, from, args, a, NULL, e);
    if (rc == 0 && repo_resolve(r, "HEAD", head, NULL) < 0)
        rc = follow_head(r, from, a, e);
    return rc;
}

int repo_push(struct repo *r, const struct repo_remote *to, const char *sha, const char *ref,
              struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const char *const args[] = {"push", "slipway", arena_printf(a, "%s:%s", sha, ref), NULL};
    int rc = url_check(to, e);
    return rc < 0 ? rc : git(r, to, args, a, NULL, e);
}
