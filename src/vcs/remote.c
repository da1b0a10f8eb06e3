/* Fetch and push through the git command: it speaks every transport and can be killed. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "codec/base64.h"
#include "vcs/child.h"
#include "vcs/repo_int.h"

enum { TIMEOUT_MS = 120 * 1000, TEXT_MAX = 64 * 1024, SETTINGS_MAX = 16 * 1024 };

/* Nothing of ours but the path to programs. What depends on the remote is in a file in memory that
 * git and what it starts inherit: a credential is neither an argument nor in an environment. */
static const char *const git_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    "HOME=/nonexistent",
    "GIT_CONFIG_NOSYSTEM=1",
    "GIT_CONFIG_GLOBAL=/proc/self/fd/" CHILD_HEAR_TEXT,
    "GIT_TERMINAL_PROMPT=0",
    "GIT_ASKPASS=true",
    "GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=10",
    "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
    NULL,
};

static const char *percent_undone(struct arena *a, const char *text, size_t n)
{
    char *out = arena_strndup(a, text, n), *to = out, *byte;
    size_t one;
    for (const char *p = out; *p; p++)
        if (*p == '%' && p[1] && p[2] && hex_decode(a, p + 1, 2, &byte, &one, NULL) == 0) {
            *to++ = *byte;
            p += 2;
        } else {
            *to++ = *p;
        }
    *to = '\0';
    return out;
}

/* "https://ann:pw@host/x" is "https://host/x" as ann with pw, unless others are given: git would
 * hand the whole of it to its helper, for all to see. */
static struct repo_remote url_split(struct repo_remote r, struct arena *a)
{
    const char *scheme_end = strstr(r.url, "://");
    if (!scheme_end || strncmp(r.url, "http", 4) != 0)
        return r;
    const char *user = scheme_end + 3;
    const char *at = memrchr(user, '@', strcspn(user, "/?#"));
    if (!at)
        return r;
    const char *colon = memchr(user, ':', (size_t)(at - user));
    if (!r.token && !r.user && !r.password) {
        r.user = percent_undone(a, user, (size_t)((colon ? colon : at) - user));
        r.password = colon ? percent_undone(a, colon + 1, (size_t)(at - colon - 1)) : NULL;
    }
    r.url = arena_printf(a, "%.*s%s", (int)(user - r.url), r.url, at + 1);
    return r;
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

static void add_setting(struct buf *b, const char *section, const char *name, const char *value)
{
    buf_printf(b, "[%s]\n\t%s = \"", section, name);
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(b, '\\');
        buf_putc(b, *p);
    }
    buf_puts(b, "\"\n");
}

/* Whoever opens it reads it from the start. */
static int settings_open(const struct repo_remote *remote, struct arena *a, int *out_fd,
                         struct err *e)
{
    const char *header = authorization(remote, a);
    AUTO_BUF struct buf b;
    buf_init(&b, SETTINGS_MAX);
    if (header && strpbrk(header, "\r\n"))
        return err_set(e, ERR_INVALID, "the credentials have more than one line");
    add_setting(&b, "safe", "directory", "*");
    add_setting(&b, "gc", "auto", "0");
    add_setting(&b, "remote \"slipway\"", "url", remote->url);
    if (header)
        add_setting(&b, "http", "extraHeader", header);
    if (remote->ca_file)
        add_setting(&b, "http", "sslCAInfo", remote->ca_file);
    int rc = buf_check(&b, e);
    if (rc < 0)
        return err_wrap(e, rc, "the credentials");
    AUTO_FD int fd = memfd_create("git-settings", MFD_CLOEXEC);
    if (fd < 0 || write(fd, buf_text(&b), b.len) != (ssize_t)b.len)
        return err_sys(e, errno, "make a file in memory");
    *out_fd = take_fd(&fd);
    return 0;
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

static int run_git(struct repo *r, const struct repo_remote *remote, const char *const *args,
                   struct arena *a, const char **out_text, struct err *e)
{
    const char *argv[16] = {"git", "-C", r->path};
    for (size_t i = 0; args[i]; i++)
        argv[3 + i] = args[i];
    AUTO_FD int settings = -1;
    int rc = settings_open(remote, a, &settings, e);
    if (rc < 0)
        return rc;
    AUTO_BUF struct buf out, err;
    buf_init(&out, TEXT_MAX);
    buf_init(&err, TEXT_MAX);
    const struct child_opts o = {argv, git_env, .in = -1, .tell = -1, .hear = settings};
    int code;
    rc = child_run(&o, remote->timeout_ms ? remote->timeout_ms : TIMEOUT_MS, &out, &err, &code, e);
    if (rc == 0 && code != 0) {
        const char *text = said(a, &err);
        rc = err_set(e, why(text), "%s", text);
    }
    if (rc == 0 && out_text)
        *out_text = arena_strdup(a, buf_text(&out));
    return rc;
}

static int git(struct repo *r, const struct repo_remote *remote, const char *const *args,
               struct arena *a, const char **out_text, struct err *e)
{
    const struct repo_remote bare = url_split(*remote, a);
    int rc = run_git(r, &bare, args, a, out_text, e);
    struct buf url = {.data = arena_strdup(a, bare.url), .len = strlen(bare.url)};
    return rc < 0 ? err_wrap(e, rc, "%s %s", args[0], said(a, &url)) : 0;
}

static int url_check(const struct repo_remote *remote, struct err *e)
{
    if (!remote->url || !*remote->url || *remote->url == '-' || strlen(remote->url) > 2000 ||
        strpbrk(remote->url, "\n\r"))
        return err_set(e, ERR_INVALID, "a repository's URL is one line that does not begin with -");
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
