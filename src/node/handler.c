#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_client.h"
#include "node/grpc.h"
#include "node/node_int.h"

enum { OUTPUT_MAX = 10 * 1024 };

int netns__enter(const char *path, struct err *e)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        return err_sys(e, errno, "enter %s", path);
    return 0;
}

static const char *address(const struct handler_ctx *c, const struct handler *h)
{
    return *h->host ? h->host : c->s->ip;
}

/* The address answers only inside the pod's namespace: this thread, made for this call, goes in. */
static bool reach(const struct handler_ctx *c, char *text, size_t room)
{
    struct err e;
    if (!c->s->inside_only || netns__enter(c->s->netns, &e) == 0)
        return true;
    (void)snprintf(text, room, "%s", e.msg);
    return false;
}

/* ---- exec ---- */

/* Output up to `room`; the rest is read and dropped, so that the command is not stopped by it. */
static void collect(int fd, const struct exec_process *p, int64_t until_ms,
                    const struct clock *clock, char *text, size_t room)
{
    size_t n = 0;
    char rest[4096];
    for (;;) {
        struct pollfd f[2] = {
            {fd,       POLLIN, 0},
            {p->pidfd, POLLIN, 0}
        };
        int64_t left = until_ms - clock->mono_ms(clock);
        if (left <= 0 || poll(f, 2, (int)left) <= 0)
            break;
        if (!(f[0].revents & (POLLIN | POLLHUP)))
            break;
        bool full = n + 1 >= room;
        ssize_t got = read(fd, full ? rest : text + n, full ? sizeof rest : room - 1 - n);
        if (got <= 0)
            break;
        n += full ? 0 : (size_t)got;
    }
    text[n] = '\0';
    while (n && text[n - 1] == '\n')
        text[--n] = '\0';
}

static enum handler_result run_exec(const struct handler_ctx *c, const struct handler *h,
                                    char *text, size_t room)
{
    struct err e = {0};
    int out[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return HANDLER_ERROR;
    AUTO_FD int ours = out[0];
    struct exec_spec x = {.argv = h->argv, .in_fd = -1, .out_fd = out[1], .err_fd = out[1]};
    struct exec_process p;
    int64_t until = c->n->clock->mono_ms(c->n->clock) + c->timeout_ms;
    int rc = runtime_exec(c->n->runtime, c->container_id, &x, &p, &e);
    (void)close(out[1]);
    if (rc < 0) {
        (void)snprintf(text, room, "%s", e.msg);
        return HANDLER_FAILED;
    }
    collect(ours, &p, until, c->n->clock, text, room);
    int64_t left = until - c->n->clock->mono_ms(c->n->clock);
    int code;
    rc = exec_wait(&p, left > 0 ? left : 0, &code, &e);
    if (rc == ERR_TIMEOUT)
        (void)snprintf(text, room, "command timed out: \"%s\" timed out after %llds", h->argv[0],
                       (long long)c->timeout_ms / 1000);
    return rc == 0 && code == 0 ? HANDLER_OK : HANDLER_FAILED;
}

/* ---- network ---- */

static enum handler_result run_http(const struct handler_ctx *c, const struct handler *h,
                                    char *text, size_t room)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct http_client_opts o = {.insecure = true,
                                 .no_proxy = true,
                                 .timeout_ms = c->timeout_ms,
                                 .connect_timeout_ms = c->timeout_ms};
    AUTO(http_client) struct http_client *client = http_client_new(&o);
    size_t n = 0;
    const char **headers = ARENA_ARRAY(a, const char *, value_count(h->headers) + 3);
    bool agent = false;
    VALUE_EACH_ITEM (x, h->headers) {
        const char *name = value_at_str(x, "name", "");
        agent |= strcasecmp(name, "User-Agent") == 0;
        headers[n++] = arena_printf(a, "%s: %s", name, value_at_str(x, "value", ""));
    }
    if (!agent)
        headers[n++] = c->probe ? "User-Agent: kube-probe/1.33" : "User-Agent: kube-lifecycle/1.33";
    const char *path = h->path;
    struct http_call call = {
        .method = "GET",
        .url = arena_printf(a, "%s://%s:%u%s%s", h->https ? "https" : "http", address(c, h),
                            h->port, *path == '/' ? "" : "/", path),
        .headers = headers,
        .max_answer = OUTPUT_MAX,
    };
    struct http_answer answer;
    struct err e = {0};
    int rc = http_do(client, &call, a, &answer, &e);
    if (rc < 0 && rc != ERR_TOO_LARGE) {
        (void)snprintf(text, room, "Get \"%s\": %s", call.url, e.msg);
        return HANDLER_FAILED;
    }
    if (rc == 0 && (answer.status < 200 || answer.status >= 400)) {
        (void)snprintf(text, room, "HTTP probe failed with statuscode: %d", answer.status);
        return HANDLER_FAILED;
    }
    return HANDLER_OK;
}

/* A connected socket, or -1 with errno set. */
static int dial(const char *host, uint16_t port, int64_t timeout_ms)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    AUTO_FD int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -1 : connect(fd, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    if (rc < 0 && errno != EINPROGRESS)
        return -1;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof error;
    if (rc < 0 && poll(&p, 1, (int)timeout_ms) > 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (rc < 0 && error) {
        errno = error;
        return -1;
    }
    return take_fd(&fd);
}

static enum handler_result run_tcp(const struct handler_ctx *c, const struct handler *h, char *text,
                                   size_t room)
{
    AUTO_FD int fd = dial(address(c, h), h->port, c->timeout_ms);
    if (fd >= 0)
        return HANDLER_OK;
    (void)snprintf(text, room, "dial tcp %s:%u: connect: %s", address(c, h), h->port,
                   strerror(errno));
    return HANDLER_FAILED;
}

static enum handler_result run_grpc(const struct handler_ctx *c, const struct handler *h,
                                    char *text, size_t room)
{
    AUTO_FD int fd = dial(address(c, h), h->port, c->timeout_ms);
    if (fd < 0) {
        (void)snprintf(text, room, "timeout: failed to connect service \"%s:%u\": %s",
                       address(c, h), h->port, strerror(errno));
        return HANDLER_FAILED;
    }
    struct err e = {0};
    int status;
    int rc = grpc_health_check(fd, h->service, c->timeout_ms, &status, &e);
    if (rc == 0 && status == GRPC_SERVING)
        return HANDLER_OK;
    if (rc < 0)
        (void)snprintf(text, room, "%s", e.msg);
    else
        (void)snprintf(text, room, "service unhealthy (responded with \"%s\")",
                       status == GRPC_NOT_SERVING ? "NOT_SERVING" : "UNKNOWN");
    return HANDLER_FAILED;
}

enum handler_result handler__run(const struct handler_ctx *c, const struct handler *h, char *text,
                                 size_t room)
{
    text[0] = '\0';
    bool network = h->kind == HANDLER_HTTP || h->kind == HANDLER_TCP || h->kind == HANDLER_GRPC;
    if (network && !reach(c, text, room))
        return HANDLER_ERROR;
    switch (h->kind) {
    case HANDLER_EXEC:
        return run_exec(c, h, text, room);
    case HANDLER_HTTP:
        return run_http(c, h, text, room);
    case HANDLER_TCP:
        return run_tcp(c, h, text, room);
    case HANDLER_GRPC:
        return run_grpc(c, h, text, room);
    case HANDLER_SLEEP:
        (void)poll(NULL, 0,
                   (int)(h->sleep_s * 1000 < c->timeout_ms ? h->sleep_s * 1000 : c->timeout_ms));
        return HANDLER_OK;
    case HANDLER_NONE:
        break;
    }
    return HANDLER_OK;
}
