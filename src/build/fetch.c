#include "build/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "net/http_client.h"
#include "vcs/clone.h"

enum { FILE_MS = 30 * 60 * 1000, GIT_MS = 10 * 60 * 1000 };

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool is_http(const char *s)
{
    return starts(s, "http://") || starts(s, "https://");
}

bool fetch_is_git(const char *s)
{
    size_t n = strcspn(s, "#?");
    return starts(s, "git@") || starts(s, "git://") || starts(s, "ssh://") ||
           ((is_http(s) || starts(s, "file://")) && n > 4 && strncmp(s + n - 4, ".git", 4) == 0);
}

bool fetch_is_url(const char *s)
{
    return is_http(s) && !fetch_is_git(s);
}

/* ---- files ---- */

static int check_digest(struct build *b, int fd, const char *checksum, struct err *e)
{
    struct digest_state d;
    char chunk[1 << 14], is[DIGEST_MAX];
    int rc = blob_digest_check(checksum, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    digest_init(&d, digest_kind_of(checksum));
    off_t at = 0;
    for (ssize_t n; (n = pread(fd, chunk, sizeof chunk, at)) > 0; at += n)
        digest_add(&d, chunk, (size_t)n);
    digest_text(&d, is);
    if (strcmp(is, checksum) != 0)
        return build__refuse(b, e, "the download has digest %s, not %s", is, checksum);
    return 0;
}

int fetch_file(struct build *b, const char *url, const char *checksum, const char *folder,
               const char **name, struct err *e)
{
    struct arena *a = b->arena;
    struct http_answer answer;
    const struct http_client_opts o = {.timeout_ms = FILE_MS, .public_only = b->opts->fenced};
    const char *end = url + strcspn(url, "?#"), *base = end;
    while (base > url && base[-1] != '/')
        base--;
    if (base == end || strstr(url, "://") + 3 == base)
        return build__refuse(b, e, "ADD %s: the address has no file name", url);
    *name = arena_strndup(a, base, (size_t)(end - base));
    if (strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return build__refuse(b, e, "ADD %s: the address has no file name", url);
    const char *path = arena_printf(a, "%s/%s", folder, *name);
    AUTO(http_client) struct http_client *http = http_client_new(&o);
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "create %s", path);
    const struct http_call call = {
        .method = "GET", .url = url, .answer_fd = fd, .to_fd = true, .follow = true};
    int rc = http_do(http, &call, a, &answer, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    if (answer.status != 200)
        return build__refuse(b, e, "ADD %s: the server answers %d", url, answer.status);
    struct timespec times[2] = {{0}, {0}};
    (void)futimens(fd, times);
    return checksum ? check_digest(b, fd, checksum, e) : 0;
}

/* ---- git ---- */

int fetch_git_parse(struct build *b, const char *text, struct fetch_git *out, struct err *e)
{
    struct arena *a = b->arena;
    const char *hash = strchr(text, '#');
    const char *url = hash ? arena_strndup(a, text, (size_t)(hash - text)) : text;
    const char *rest = hash ? hash + 1 : "", *colon = strchr(rest, ':');
    *out = (struct fetch_git){
        .url = url,
        .ref = colon ? arena_strndup(a, rest, (size_t)(colon - rest)) : rest,
        .subfolder = colon ? colon + 1 : "",
    };
    if (strchr(url, '?'))
        return build__refuse(b, e, "ADD %s: say #REF:FOLDER instead of a query", text);
    if (*out->ref == '-')
        return build__refuse(b, e, "ADD %s: \"%s\" is no revision", text, out->ref);
    if (b->opts->fenced && !is_http(url))
        return build__refuse(
            b, e, "ADD %s: here only http(s) addresses of repositories are allowed", text);
    return 0;
}

int fetch_git(struct build *b, struct fetch_git *g, const char *checksum, const char *folder,
              struct err *e)
{
    bool fenced = b->opts->fenced;
    const struct clone_opts o = {.url = g->url,
                                 .ref = g->ref,
                                 .timeout_ms = GIT_MS,
                                 .submodules = !fenced,
                                 .public_only = fenced,
                                 .env = fenced ? NULL : (const char *const *)environ};
    int rc = clone_into(&o, folder, g->commit, e);
    if (rc < 0)
        return err_wrap(e, rc, "ADD");
    if (checksum && (strlen(checksum) < 7 || !starts(g->commit, checksum)))
        return build__refuse(b, e, "ADD %s: the commit is %s, not %s", g->url, g->commit, checksum);
    return 0;
}
