/* forward.c - port-forward as two channels a port, each beginning with the port's number. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "apiserver/streams_int.h"
#include "base/thread.h"
#include "net/websocket.h"

int streams__unavailable(struct call *c)
{
    return refuse(c, ERR_AGAIN, 503, "ServiceUnavailable",
                  "no node agent runs here: logs, exec, attach and port-forward are not offered");
}

void streams__close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool writable(int fd, int peer)
{
    struct pollfd f[2] = {
        {.fd = fd,   .events = POLLOUT  },
        {.fd = peer, .events = POLLRDHUP}
    };
    while (poll(f, 2, -1) < 0 && errno == EINTR) {
    }
    return f[0].revents && !f[1].revents;
}

bool streams__write(int peer, int fd, const unsigned char *p, size_t n)
{
    while (n > 0) {
        if (!writable(fd, peer))
            return false;
        ssize_t put = write(fd, p, n);
        if (put < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

struct forward {
    struct websocket *ws;
    unsigned ports[32];
    int fds[32];
    size_t n;
};

static void *forward_main(void *arg)
{
    struct forward *f = arg;
    char piece[STREAMS_PIECE];
    size_t open = f->n;
    struct pollfd p[32];
    for (size_t i = 0; i < f->n; i++)
        p[i] = (struct pollfd){.fd = f->fds[i], .events = POLLIN};
    while (open > 0 && (poll(p, f->n, -1) >= 0 || errno == EINTR)) {
        for (size_t i = 0; i < f->n; i++) {
            if (!p[i].revents)
                continue;
            ssize_t n = recv(p[i].fd, piece, sizeof piece, 0);
            if (n > 0 &&
                websocket_send_channel(f->ws, (unsigned char)(2 * i), piece, (size_t)n, NULL) == 0)
                continue;
            p[i].fd = -1;
            open--;
        }
    }
    websocket_close(f->ws, 1000);
    return NULL;
}

static int open_forward(struct web *w, const struct object *pod, struct forward *f)
{
    struct call *c = &w->call;
    size_t cursor = 0;
    const char *name, *value;
    struct err e = {0};
    while (f->n < ARRAY_LEN(f->ports) && http_query_next(w->q, &cursor, &name, &value)) {
        if (strcmp(name, "ports") != 0)
            continue;
        for (const char *t = value; *t && f->n < ARRAY_LEN(f->ports); t += *t == ',') {
            char *end = NULL;
            unsigned long port = strtoul(t, &end, 10);
            if (end == t || port == 0 || port > 65535)
                return refuse_bad_request(c, "\"%s\" is not a port", value);
            int rc = c->s->door->ops->connect(c->s->door, pod, (unsigned)port, &f->fds[f->n], &e);
            if (rc < 0)
                return refuse_err(c, &e);
            (void)fcntl(f->fds[f->n], F_SETFL, O_NONBLOCK); /* see streams__write() */
            f->ports[f->n++] = (unsigned)port;
            t = end;
        }
    }
    return f->n ? 0 : refuse_bad_request(c, "query parameter \"ports\" is required");
}

static int run_forward(struct web *w, struct forward *f)
{
    static const char *const protocols[] = {"v4.channel.k8s.io", "portforward.k8s.io", NULL};
    const char *protocol;
    struct err e = {0};
    if (websocket_accept(w->q, protocols, STREAMS_MESSAGE_MAX, &f->ws, &protocol, &e) < 0)
        return refuse_err(&w->call, &e);
    w->status = 101;
    for (size_t i = 0; i < f->n; i++) {
        unsigned char port[2] = {(unsigned char)f->ports[i], (unsigned char)(f->ports[i] >> 8)};
        (void)!websocket_send_channel(f->ws, (unsigned char)(2 * i), port, 2, NULL);
        (void)!websocket_send_channel(f->ws, (unsigned char)(2 * i + 1), port, 2, NULL);
    }
    pthread_t back;
    if (thread_start(&back, "port-forward", 0, forward_main, f, &e) < 0)
        return 0;
    struct websocket_message m;
    while (websocket_receive(f->ws, &m, NULL) == 0) {
        size_t i = m.n ? m.bytes[0] / 2 : 0;
        if (m.n > 1 && m.bytes[0] % 2 == 0 && i < f->n &&
            !streams__write(websocket_fd(f->ws), f->fds[i], m.bytes + 1, m.n - 1))
            break;
    }
    for (size_t i = 0; i < f->n; i++)
        (void)shutdown(f->fds[i], SHUT_RDWR);
    (void)pthread_join(back, NULL);
    return 0;
}

int streams__forward(struct web *w, const struct object *pod)
{
    struct forward f = {0};
    if (!w->call.s->door)
        return streams__unavailable(&w->call);
    if (tunnel__asked(w->q))
        return tunnel__serve(w, pod);
    if (!websocket_asked(w->q))
        return refuse_bad_request(&w->call, "Upgrade request required: WebSocket or SPDY/3.1");
    int rc = open_forward(w, pod, &f);
    if (rc == 0)
        rc = run_forward(w, &f);
    for (size_t i = 0; i < f.n; i++)
        streams__close(&f.fds[i]);
    return rc;
}
