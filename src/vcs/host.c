#include "vcs/host.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "codec/base64.h"
#include "vcs/host_int.h"

/* git runs this inside the push's quarantine. It shows the server (that spawned it, and left it
 * descriptors 8 and 9) what the push would change, and does what the server says. Without a
 * server it refuses. */
static const char hook_text[] =
    "#!/bin/sh\n"
    "{ printf '%s\\n' \"$GIT_QUARANTINE_PATH\" && cat && printf '.\\n'; } >&8 || exit 1\n"
    "read -r verdict message <&9\n"
    "[ \"$verdict\" = ok ] && exit 0\n"
    "printf '%s\\n' \"${message:-the server did not answer}\" >&2\n"
    "exit 1\n";

bool host_name_valid(const char *repository)
{
    size_t slashes = 0, n = strlen(repository);
    if (n == 0 || n > 128)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)repository[i];
        bool first = i == 0 || repository[i - 1] == '/';
        slashes += c == '/';
        if (first && (c == '.' || c == '-' || c == '/'))
            return false;
        if (!isalnum(c) && !strchr("._-/", c))
            return false;
    }
    bool git = n >= 4 && strcasecmp(repository + n - 4, ".git") == 0;
    return slashes <= 1 && repository[n - 1] != '/' && !strstr(repository, "..") &&
           !strstr(repository, ".git/") && !git;
}

bool host_basic(const char *authorization, struct arena *a, const char **user,
                const char **password)
{
    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    size_t n;
    const char *text = authorization + 6 + strspn(authorization + 6, " ");
    char *plain;
    if (base64_decode(a, text, strlen(text), BASE64_STD, &plain, &n, NULL) < 0)
        return false;
    char *colon = strchr(plain, ':');
    if (!colon || strlen(plain) != n)
        return false;
    *colon = '\0';
    *user = plain;
    *password = colon + 1;
    return true;
}

const char *host_token(const char *authorization, struct arena *a)
{
    const char *user, *password;
    if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
        return arena_strdup(a, authorization + 7 + strspn(authorization + 7, " "));
    return host_basic(authorization, a, &user, &password) ? password : NULL;
}

static int hook_install(struct host *h, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    const char *path = arena_printf(a, "%s/pre-receive", h->hooks);
    int rc = fs_mkdirs(h->hooks, 0755, e);
    char *had;
    bool there = fs_read(path, sizeof hook_text, a, &had, NULL, NULL) == 0 &&
                 strcmp(had, hook_text) == 0; /* then a start needs no room on the disk */
    if (rc == 0 && !there)
        rc = fs_write_atomic(path, 0755, hook_text, sizeof hook_text - 1, e);
    if (rc == 0 && access(path, X_OK) < 0) {
        (void)err_set(e, ERR_INVALID, "%s cannot be executed", path);
        rc = err_hint(e, "the data folder must not be on a file system mounted noexec");
    }
    return rc;
}

int host_new(const struct host_opts *opts, struct host **out, struct err *e)
{
    struct host *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->opts = *opts;
    h->root = strdup(opts->root);
    h->prefix = strdup(opts->prefix ? opts->prefix : "/");
    if (!h->root || !h->prefix || asprintf(&h->hooks, "%s/.hooks", opts->root) < 0)
        abort();
    if (!h->opts.max_push_bytes)
        h->opts.max_push_bytes = (size_t)1 << 30;
    int rc = hook_install(h, e);
    if (rc < 0) {
        host_free(h);
        return rc;
    }
    *out = h;
    return 0;
}

void host_free(struct host *h)
{
    if (!h)
        return;
    free(h->root);
    free(h->prefix);
    free(h->hooks);
    free(h);
}

const char *host__repo_path(const struct host *h, const char *repository, struct arena *a)
{
    return arena_printf(a, "%s/%s.git", h->root, repository);
}

/* Which repository and which of the three things smart HTTP consists of; false: none. */
static bool service_of(const struct host *h, struct http_request *q, struct host_service *out)
{
    static const char *const rests[] = {"/info/refs", "/git-upload-pack", "/git-receive-pack"};
    size_t skip = strlen(h->prefix), len = strlen(q->path);
    if (strncmp(q->path, h->prefix, skip) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        size_t n = strlen(rests[i]);
        if (len < skip + n || strcmp(q->path + len - n, rests[i]) != 0)
            continue;
        char *name = arena_strndup(q->arena, q->path + skip, len - skip - n);
        size_t end = strlen(name);
        if (end > 4 && strcmp(name + end - 4, ".git") == 0)
            name[end - 4] = '\0';
        const char *asked = i == 0 ? http_query(q, "service") : rests[i] + 1;
        bool get = strcmp(q->method, "GET") == 0, post = strcmp(q->method, "POST") == 0;
        if (!asked || !host_name_valid(name) || (i == 0 ? !get : !post))
            return false;
        *out = (struct host_service){name, rests[i] + 1, strcmp(asked, "git-receive-pack") == 0};
        return out->write || strcmp(asked, "git-upload-pack") == 0;
    }
    return false;
}

static void refuse(struct http_request *q, int status, const char *text)
{
    if (status == 401)
        http_set_header(q, "WWW-Authenticate", "Basic realm=\"slipway\", charset=\"UTF-8\"");
    http_send_text(q, status, arena_printf(q->arena, "%s\n", text));
}

void host_handle(struct http_request *q, void *host)
{
    struct host *h = host;
    struct host_job job = {.host = h, .q = q};
    struct err e = {.code = ERR_OK};
    struct stat st;
    if (!service_of(h, q, &job.service)) {
        refuse(q, 404, "not a Git repository over smart HTTP");
        return;
    }
    int rc =
        h->opts.authenticate(h->opts.arg, http_header(q, "Authorization"), q->arena, &job.who, &e);
    if (rc < 0) {
        refuse(q, rc == ERR_UNAUTHENTICATED ? 401 : 503, e.msg);
        return;
    }
    rc = h->opts.authorize(h->opts.arg, &job.who, job.service.repository, q->arena, &job.grant, &e);
    bool there = stat(host__repo_path(h, job.service.repository, q->arena), &st) == 0;
    if (rc == 0 && job.grant.role >= HOST_READ && there) {
        if (job.service.write && job.grant.role < HOST_WRITE)
            refuse(q, 403,
                   arena_printf(q->arena, "%s may read %s but not push to it", job.who.user,
                                job.service.repository));
        else
            host__serve(&job);
        return;
    }
    if (rc < 0 && rc != ERR_NOT_FOUND && rc != ERR_DENIED)
        refuse(q, rc == ERR_UNAUTHENTICATED ? 401 : 503, e.msg);
    else if (!http_header(q, "Authorization"))
        refuse(q, 401, "authentication is required");
    else
        refuse(q, 404,
               arena_printf(q->arena, "repository %s does not exist, or %s may not read it",
                            job.service.repository, job.who.user));
}
