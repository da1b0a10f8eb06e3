/* One request through git http-backend: the body from a spooled file, the answer streamed, and
 * for a push the conversation with its hook in between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/log.h"
#include "vcs/child.h"
#include "vcs/host_int.h"
#include "vcs/repo.h"

enum {
    HEADER_MAX = 16 * 1024,
    HOOK_MAX = 4 * 1024 * 1024,
    REPORT_MAX = 8 * 1024 * 1024,
    SILENCE_MS = 10 * 60 * 1000, /* git has said nothing for so long: it hangs */
    ENV_MAX = 48,
};

struct cgi {
    struct host_job *job;
    pid_t pid;
    int out, hook_in, hook_out; /* git's answer, the hook's question, our verdict */
    struct buf answer;          /* what is not sent yet */
    struct buf hook;
    struct host_ref_change *changes; /* what the hook was allowed */
    size_t n_changes;
    bool headers_sent, broken;
};

/* The whole body into a file without a name; its size. */
static int spool(struct host_job *job, int *out_fd, size_t *out_size, struct err *e)
{
    AUTO_FD int fd = open(job->host->root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "make a file in %s", job->host->root);
    size_t total = 0;
    AUTO_MEM char *chunk = malloc(65536);
    for (long n; (n = http_read(job->q, chunk, 65536, e)) != 0;) {
        if (n < 0)
            return (int)n;
        total += (size_t)n;
        if (total > job->host->opts.max_push_bytes)
            return err_set(e, ERR_TOO_LARGE, "the request has more than %zu bytes",
                           job->host->opts.max_push_bytes);
        for (long done = 0; done < n;) {
            ssize_t w = write(fd, chunk + done, (size_t)(n - done));
            if (w < 0 && errno != EINTR)
                return err_sys(e, errno, "spool the request");
            done += w > 0 ? w : 0;
        }
    }
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, errno, "spool the request");
    *out_size = total;
    *out_fd = take_fd(&fd);
    return 0;
}

static void env_put(const char **env, struct arena *a, const char *name, const char *value)
{
    size_t n = 0;
    while (env[n])
        n++;
    if (value && n + 1 < ENV_MAX)
        env[n] = arena_printf(a, "%s=%s", name, value);
}

/* What git has to be told that its own configuration files must not decide. */
static void env_settings(const char **env, const struct host_job *job, struct arena *a)
{
    const char *const settings[][2] = {
        {"safe.directory",                 "*"             },
        {"http.receivepack",               "true"          },
        {"core.hooksPath",                 job->host->hooks},
        {"receive.maxInputSize",           arena_printf(a,   "%zu", job->host->opts.max_push_bytes)},
        {"receive.autogc", "false"                },
        {"core.filesRefLockTimeout",                         "5000"                        },
        {"core.packedRefsTimeout",  "5000"},
        {"uploadpack.allowFilter",                         "true"                                               },
        {"uploadpack.allowReachableSHA1InWant",  "true"},
        {"core.logAllRefUpdates",                         "true"                                                                      },
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        env_put(env, a, arena_printf(a, "GIT_CONFIG_KEY_%zu", i), settings[i][0]);
        env_put(env, a, arena_printf(a, "GIT_CONFIG_VALUE_%zu", i), settings[i][1]);
    }
    env_put(env, a, "GIT_CONFIG_COUNT", arena_printf(a, "%zu", ARRAY_LEN(settings)));
}

static const char **env_make(const struct host_job *job, size_t size)
{
    struct http_request *q = job->q;
    struct arena *a = q->arena;
    const char **env = ARENA_ARRAY(a, const char *, ENV_MAX);
    const char *protocol = http_header(q, "Git-Protocol");
    env_put(env, a, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    env_put(env, a, "LC_ALL", "C");
    env_put(env, a, "HOME", "/nonexistent");
    env_put(env, a, "GIT_CONFIG_NOSYSTEM", "1");
    env_put(env, a, "GIT_PROJECT_ROOT", job->host->root);
    env_put(env, a, "GIT_HTTP_EXPORT_ALL", "1");
    env_put(env, a, "GATEWAY_INTERFACE", "CGI/1.1");
    env_put(env, a, "SERVER_PROTOCOL", "HTTP/1.1");
    env_put(env, a, "REQUEST_METHOD", q->method);
    env_put(env, a, "PATH_INFO",
            arena_printf(a, "/%s.git/%s", job->service.repository, job->service.rest));
    env_put(env, a, "QUERY_STRING", q->query);
    env_put(env, a, "CONTENT_TYPE", http_header(q, "Content-Type"));
    env_put(env, a, "CONTENT_LENGTH", arena_printf(a, "%zu", size));
    env_put(env, a, "HTTP_CONTENT_ENCODING", http_header(q, "Content-Encoding"));
    env_put(env, a, "HTTP_ACCEPT_ENCODING", http_header(q, "Accept-Encoding"));
    if (protocol && strlen(protocol) < 200) {
        env_put(env, a, "HTTP_GIT_PROTOCOL", protocol);
        env_put(env, a, "GIT_PROTOCOL", protocol);
    }
    env_put(env, a, "REMOTE_USER", job->who.user);
    env_put(env, a, "REMOTE_ADDR", "127.0.0.1");
    env_settings(env, job, a);
    return env;
}

static int start(struct cgi *c, int body, size_t size, struct err *e)
{
    int out[2] = {-1, -1}, ask[2] = {-1, -1}, tell[2] = {-1, -1};
    const char *const argv[] = {"git", "http-backend", NULL};
    int rc = child_pipe(out, e);
    if (rc == 0)
        rc = child_pipe(ask, e);
    if (rc == 0)
        rc = child_pipe(tell, e);
    struct child_opts o = {argv, env_make(c->job, size), body, out[1], -1, ask[1], tell[0]};
    if (rc == 0)
        rc = child_start(&o, &c->pid, e);
    const int theirs[] = {out[1], ask[1], tell[0]}, ours[] = {out[0], ask[0], tell[1]};
    for (size_t i = 0; i < 3; i++) {
        if (theirs[i] >= 0)
            (void)close(theirs[i]);
        if (rc < 0 && ours[i] >= 0)
            (void)close(ours[i]);
    }
    if (rc == 0) {
        c->out = out[0];
        c->hook_in = ask[0];
        c->hook_out = tell[1];
    }
    return rc;
}

static void send_verdict(struct cgi *c, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t w = write(c->hook_out, text, n);
        if (w < 0 && errno != EINTR)
            return; /* the hook is gone; git fails the push */
        text += w > 0 ? w : 0;
        n -= w > 0 ? (size_t)w : 0;
    }
}

/* The question is whole: first line the quarantine, then the changes, then ".". */
static void hook_answer(struct cgi *c)
{
    struct arena *a = c->job->q->arena;
    struct err e = {.code = ERR_OK};
    char *text = arena_strdup(a, buf_text(&c->hook)), *eol = strchr(text, '\n');
    text[c->hook.len - 2] = '\0';
    *eol = '\0';
    struct host_ref_change *changes;
    size_t n;
    int rc = host__parse_changes(eol + 1, a, &changes, &n, &e);
    if (rc == 0)
        rc = host__judge(host__repo_path(c->job->host, c->job->service.repository, a), text,
                         &c->job->grant, changes, n, &e);
    if (rc == 0) {
        c->changes = changes;
        c->n_changes = n;
        send_verdict(c, "ok\n");
        return;
    }
    for (char *s = e.msg; *s; s++)
        if (*s == '\n')
            *s = ' ';
    send_verdict(c, arena_printf(a, "no slipway: %s: %s\n", c->job->service.repository, e.msg));
}

static bool fill(int fd, struct buf *into)
{
    char chunk[32768];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n > 0)
        buf_add(into, chunk, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void hook_read(struct cgi *c)
{
    bool open = fill(c->hook_in, &c->hook);
    size_t n = c->hook.len;
    if (open && n >= 3 && memcmp(c->hook.data + n - 3, "\n.\n", 3) == 0 && !c->hook.overflow) {
        hook_answer(c);
        buf_clear(&c->hook);
    } else if (c->hook.overflow) {
        send_verdict(c, "no slipway: too many refs in one push\n");
        buf_clear(&c->hook);
        c->hook.overflow = false;
    }
    if (!open) {
        (void)close(c->hook_in);
        c->hook_in = -1;
    }
}

/* Takes the CGI headers off the front of the answer; false: they are not whole yet. */
static bool take_headers(struct cgi *c, int *status, const char **type)
{
    char *end = c->answer.len ? strstr(c->answer.data, "\r\n\r\n") : NULL;
    if (!end)
        return false;
    struct http_request *q = c->job->q;
    char *head = arena_strndup(q->arena, c->answer.data, (size_t)(end - c->answer.data) + 2);
    *status = 200;
    *type = "application/octet-stream";
    for (char *line = head, *eol; (eol = strstr(line, "\r\n")); line = eol + 2) {
        *eol = '\0';
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        const char *value = colon + 1 + strspn(colon + 1, " ");
        if (strcasecmp(line, "Status") == 0)
            *status = (int)strtol(value, NULL, 10);
        else if (strcasecmp(line, "Content-Type") == 0)
            *type = value;
        else if (strcasecmp(line, "Content-Length") != 0)
            http_set_header(q, line, value);
    }
    size_t skip = (size_t)(end - c->answer.data) + 4;
    memmove(c->answer.data, c->answer.data + skip, c->answer.len - skip);
    buf_cut(&c->answer, c->answer.len - skip);
    return true;
}

/* A push's report waits until its consequences are known; everything else flows. */
static bool held(const struct cgi *c)
{
    return strcmp(c->job->service.rest, "git-receive-pack") == 0;
}

static void flow(struct cgi *c)
{
    int status;
    const char *type;
    if (c->broken)
        return;
    if (!c->headers_sent) {
        if (!take_headers(c, &status, &type)) {
            c->broken = c->answer.len > HEADER_MAX;
            return;
        }
        c->headers_sent = true;
        c->broken = http_stream_begin(c->job->q, status, type, NULL) < 0;
    }
    if (!c->broken && c->answer.len)
        c->broken = http_stream_write(c->job->q, c->answer.data, c->answer.len, NULL) < 0;
    buf_clear(&c->answer);
}

static void pump(struct cgi *c)
{
    for (;;) {
        struct pollfd p[2] = {
            {.fd = c->out,     .events = POLLIN},
            {.fd = c->hook_in, .events = POLLIN}
        };
        int n = poll(p, 2, SILENCE_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || c->broken || c->answer.overflow) {
            child_kill(c->pid);
            return;
        }
        if (p[1].revents)
            hook_read(c);
        if (p[0].revents && !fill(c->out, &c->answer))
            return;
        if (p[0].revents && !held(c))
            flow(c);
    }
}

/* Of what the hook was allowed, what really happened. */
static void tell_pushed(struct cgi *c)
{
    struct host *h = c->job->host;
    struct arena *a = c->job->q->arena;
    AUTO(repo) struct repo *r = NULL;
    if (!c->n_changes || !h->opts.pushed ||
        repo_open(host__repo_path(h, c->job->service.repository, a), &r, NULL) < 0)
        return;
    struct host_ref_change *done = ARENA_ARRAY(a, struct host_ref_change, c->n_changes);
    size_t n = 0;
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct host_ref_change *want = &c->changes[i];
        bool gone = strspn(want->new_sha, "0") == 40;
        char now[REPO_SHA_MAX];
        bool there = repo_resolve(r, want->ref, now, NULL) == 0;
        /* An annotated tag resolves to its commit, so for tags being there is enough. */
        bool tag = strncmp(want->ref, "refs/tags/", 10) == 0;
        if (gone ? !there : there && (tag || strcmp(now, want->new_sha) == 0))
            done[n++] = *want;
    }
    struct host_push push = {c->job->service.repository, c->job->who.user, done, n};
    if (n)
        h->opts.pushed(h->opts.arg, &push);
}

/* Git keeps what a failed answer says to itself; what comes on the third band of a push's answer it
 * shows. It wants to be rid of its pack before it listens. */
static void refuse_push(struct http_request *q, const char *why)
{
    char chunk[16384];
    while (http_read(q, chunk, sizeof chunk, NULL) > 0)
        continue;
    const char *text = arena_printf(q->arena, "slipway: %s\n", why);
    text = arena_printf(q->arena, "%04zx\003%s0000", strlen(text) + 5, text);
    http_send(q, 200, "application/x-git-receive-pack-result", text, strlen(text));
}

static void answer_failure(struct host_job *job, int rc, const char *why)
{
    int status = rc == ERR_TOO_LARGE ? 413 : rc == ERR_INVALID ? 400 : 503;
    log_warn("vcs", "%s of %s: %s", job->service.rest, job->service.repository, why);
    if (job->service.write && strcmp(job->service.rest, "git-receive-pack") == 0)
        refuse_push(job->q, why);
    else
        http_send_text(job->q, status, arena_printf(job->q->arena, "%s\n", why));
}

void host__serve(struct host_job *job)
{
    struct cgi c = {.job = job};
    struct err e = {.code = ERR_OK};
    AUTO_FD int body = -1;
    size_t size = 0;
    int rc = spool(job, &body, &size, &e);
    if (rc == 0)
        rc = start(&c, body, size, &e);
    if (rc < 0) {
        answer_failure(job, rc, e.msg);
        return;
    }
    buf_init(&c.answer, REPORT_MAX);
    buf_init(&c.hook, HOOK_MAX);
    pump(&c);
    (void)close(c.out);
    if (c.hook_in >= 0)
        (void)close(c.hook_in);
    (void)close(c.hook_out);
    int code = child_wait(c.pid);
    if (held(&c))
        tell_pushed(&c);
    flow(&c);
    if (!c.headers_sent && !c.broken)
        http_send_text(job->q, 500, "git http-backend failed\n");
    if (code != 0)
        log_warn("vcs", "git http-backend for %s ended with code %d", job->service.repository,
                 code);
    buf_done(&c.answer);
    buf_done(&c.hook);
}
