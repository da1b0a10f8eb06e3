/* tunnel.c - port-forward in streams of SPDY: for each connection made to a forwarded port one that
 * carries its bytes and one that says what went wrong. What carries SPDY is either messages of a
 * WebSocket, as kubectl asks since 1.31, or the connection itself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "apiserver/streams_int.h"
#include "base/thread.h"
#include "net/spdy.h"
#include "net/websocket.h"

enum { LINKS = 256, REQUEST_MAX = 64 };

static const char over_websocket[] = "SPDY/3.1+portforward.k8s.io";

/* One connection to a port of the pod. */
struct link {
    char request[REQUEST_MAX]; /* the client's name for it; "": the place is free */
    unsigned port;
    uint32_t data, error; /* streams; 0: not opened yet */
    int fd;               /* -1: not connected; closed by the thread that reads from the client */
    bool ended;           /* the pod has said all, and so have we */
};

struct tunnel {
    struct web *w;
    const struct object *pod;
    struct websocket *ws; /* or */
    int fd;
    pthread_mutex_t sending;
    struct spdy *spdy;
    int wake; /* tells the thread that reads from the pod that there is something new */

    pthread_mutex_t lock; /* of what follows */
    struct link links[LINKS];
    bool over;
};

/* ---- to the client ---- */

static int peer(const struct tunnel *t)
{
    return t->ws ? websocket_fd(t->ws) : t->fd;
}

static bool send_out(struct tunnel *t, const struct buf *b)
{
    if (t->ws)
        return websocket_send(t->ws, false, b->data, b->len, NULL) == 0;
    LOCK_SCOPE(&t->sending);
    for (size_t done = 0; done < b->len;) {
        ssize_t n = send(t->fd, b->data + done, b->len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool send_data(struct tunnel *t, uint32_t stream, bool fin, const void *bytes, size_t n)
{
    AUTO_BUF struct buf b;
    buf_init(&b, STREAMS_PIECE + 64);
    spdy_put_data(stream, fin, bytes, n, &b);
    return send_out(t, &b);
}

/* Both streams of a connection end; `why` it never was one, or "". */
static bool send_end(struct tunnel *t, const struct link *l, const char *why)
{
    return send_data(t, l->error, true, why, strlen(why)) && send_data(t, l->data, true, "", 0);
}

/* ---- pod → client ---- */

static void wake(struct tunnel *t)
{
    (void)!eventfd_write(t->wake, 1);
}

/* What is to be polled; false: the client has gone. */
static bool polled(struct tunnel *t, struct pollfd *p)
{
    LOCK_SCOPE(&t->lock);
    for (size_t i = 0; i < LINKS; i++) {
        const struct link *l = &t->links[i];
        p[i] = (struct pollfd){.fd = *l->request && !l->ended ? l->fd : -1, .events = POLLIN};
    }
    p[LINKS] = (struct pollfd){.fd = t->wake, .events = POLLIN};
    return !t->over;
}

/* Some bytes of the pod; false: the client does not take them any more. */
static bool pass_back(struct tunnel *t, struct link *l)
{
    char piece[STREAMS_PIECE];
    ssize_t n = recv(l->fd, piece, sizeof piece, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n > 0)
        return send_data(t, l->data, false, piece, (size_t)n);
    bool sent = send_end(t, l, "");
    LOCK_SCOPE(&t->lock);
    l->ended = true;
    return sent;
}

static void *back_main(void *arg)
{
    struct tunnel *t = arg;
    struct pollfd p[LINKS + 1];
    bool sent = true;
    while (sent && polled(t, p)) {
        if (poll(p, LINKS + 1, -1) < 0)
            continue;
        eventfd_t n;
        if (p[LINKS].revents)
            (void)!eventfd_read(t->wake, &n);
        for (size_t i = 0; sent && i < LINKS; i++)
            sent = !p[i].revents || pass_back(t, &t->links[i]);
    }
    if (!sent)
        (void)shutdown(peer(t), SHUT_RDWR);
    return NULL;
}

/* ---- client → pod, on the thread of the request ---- */

static void free_ended(struct tunnel *t)
{
    LOCK_SCOPE(&t->lock);
    for (size_t i = 0; i < LINKS; i++) {
        if (!t->links[i].ended)
            continue;
        streams__close(&t->links[i].fd);
        t->links[i] = (struct link){.fd = -1};
    }
}

static struct link *link_of(struct tunnel *t, uint32_t data)
{
    for (size_t i = 0; i < LINKS; i++)
        if (*t->links[i].request && t->links[i].data == data)
            return &t->links[i];
    return NULL;
}

static struct link *link_named(struct tunnel *t, const char *request)
{
    struct link *vacant = NULL;
    for (size_t i = 0; i < LINKS; i++) {
        struct link *l = &t->links[i];
        if (strcmp(l->request, request) == 0)
            return l;
        if (!*l->request && !vacant)
            vacant = l;
    }
    return vacant;
}

static bool dial(struct tunnel *t, struct link *l)
{
    struct pod_door *door = t->w->call.s->door;
    struct err e = {0};
    int fd = -1;
    if (door->ops->connect(door, t->pod, l->port, &fd, &e) < 0) {
        char why[sizeof e.msg + 512];
        (void)snprintf(why, sizeof why, "error forwarding port %u to pod %s/%s: %s", l->port,
                       t->pod->ns, t->pod->name, e.msg);
        bool sent = send_end(t, l, why);
        LOCK_SCOPE(&t->lock);
        *l = (struct link){.fd = -1};
        return sent;
    }
    (void)fcntl(fd, F_SETFL, O_NONBLOCK); /* see streams__write() */
    {
        LOCK_SCOPE(&t->lock);
        l->fd = fd;
    }
    wake(t);
    return true;
}

/* The name of a connection; false: too long. Clients that give none open both streams in a row. */
static bool read_request(const struct spdy_frame *f, bool is_error, char out[REQUEST_MAX])
{
    const char *given = spdy_header(f, "requestid");
    int n = given ? snprintf(out, REQUEST_MAX, "%s", given)
                  : snprintf(out, REQUEST_MAX, "stream %u", is_error ? f->id : f->id - 2);
    return n > 0 && n < REQUEST_MAX;
}

/* The connection that a new stream belongs to, which is in the table then; NULL: refuse it. */
static struct link *add_stream(struct tunnel *t, const struct spdy_frame *f)
{
    const char *type = spdy_header(f, "streamtype"), *port = spdy_header(f, "port");
    unsigned long number = port ? strtoul(port, NULL, 10) : 0;
    bool is_error = type && strcmp(type, "error") == 0;
    char request[REQUEST_MAX];
    if (!type || (!is_error && strcmp(type, "data") != 0) || number == 0 || number > 65535 ||
        !read_request(f, is_error, request))
        return NULL;
    struct link *l = link_named(t, request);
    uint32_t *stream = !l ? NULL : is_error ? &l->error : &l->data;
    if (!stream || *stream)
        return NULL;
    LOCK_SCOPE(&t->lock);
    memcpy(l->request, request, sizeof request);
    l->port = (unsigned)number;
    *stream = f->id;
    return l;
}

static bool open_stream(struct tunnel *t, const struct spdy_frame *f)
{
    static const struct spdy_header none[] = {
        {NULL, NULL}
    };
    struct link *l = add_stream(t, f);
    AUTO_BUF struct buf b;
    buf_init(&b, 1024);
    if (l)
        spdy_put_headers(t->spdy, SPDY_REPLY, f->id, false, none, &b);
    else
        spdy_put_reset(f->id, &b);
    bool whole = l && l->error && l->data;
    return send_out(t, &b) && (!whole || dial(t, l));
}

static void pass_on(struct tunnel *t, const struct spdy_frame *f)
{
    struct link *l = link_of(t, f->id);
    if (!l || l->fd < 0)
        return; /* it ended while this was under way */
    if (!streams__write(peer(t), l->fd, f->bytes, f->n) || f->kind == SPDY_RESET)
        (void)shutdown(l->fd, SHUT_RDWR);
    else if (f->fin)
        (void)shutdown(l->fd, SHUT_WR);
}

static int on_frame(void *arg, const struct spdy_frame *f, struct err *e)
{
    struct tunnel *t = arg;
    AUTO_BUF struct buf b;
    bool sent = true;
    free_ended(t);
    buf_init(&b, 64);
    switch (f->kind) {
    case SPDY_STREAM:
        sent = open_stream(t, f);
        break;
    case SPDY_DATA:
    case SPDY_RESET:
        pass_on(t, f);
        break;
    case SPDY_PING:
        spdy_put_ping(f->id, &b);
        sent = send_out(t, &b);
        break;
    case SPDY_REPLY:
        break;
    case SPDY_GOAWAY:
        sent = false;
        break;
    }
    return sent ? 0 : err_set(e, ERR_CANCELLED, "the client went away");
}

static void read_client(struct tunnel *t)
{
    struct websocket_message m;
    char piece[STREAMS_PIECE];
    ssize_t n;
    if (t->ws) {
        while (websocket_receive(t->ws, &m, NULL) == 0 &&
               spdy_feed(t->spdy, m.bytes, m.n, on_frame, t, NULL) == 0) {
        }
        websocket_close(t->ws, 1000);
        return;
    }
    while ((n = recv(t->fd, piece, sizeof piece, 0)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && spdy_feed(t->spdy, piece, (size_t)n, on_frame, t, NULL) < 0)
            return;
}

/* ---- the whole ---- */

static bool asks_spdy(const struct http_request *q)
{
    const char *upgrade = http_header(q, "Upgrade");
    return upgrade && strcasecmp(upgrade, "SPDY/3.1") == 0;
}

bool tunnel__asked(const struct http_request *q)
{
    const char *offered;
    for (size_t i = 0; (offered = http_header_nth(q, "Sec-WebSocket-Protocol", i)); i++)
        if (strstr(offered, over_websocket))
            return true;
    return asks_spdy(q);
}

static int accept_client(struct tunnel *t, struct err *e)
{
    static const char *const protocols[] = {over_websocket, NULL};
    static const char *const headers[] = {"Upgrade", "SPDY/3.1", "X-Stream-Protocol-Version",
                                          "portforward.k8s.io", NULL};
    const char *protocol;
    if (asks_spdy(t->w->q))
        return http_upgrade(t->w->q, headers, &t->fd, e);
    return websocket_accept(t->w->q, protocols, STREAMS_MESSAGE_MAX, &t->ws, &protocol, e);
}

static void run(struct tunnel *t)
{
    pthread_t back;
    if (thread_start(&back, "port-forward", 0, back_main, t, NULL) < 0)
        return;
    read_client(t);
    {
        LOCK_SCOPE(&t->lock);
        t->over = true;
    }
    wake(t);
    (void)pthread_join(back, NULL);
}

int tunnel__serve(struct web *w, const struct object *pod)
{
    struct err e = {0};
    struct tunnel *t = ARENA_NEW(w->call.a, struct tunnel);
    AUTO(spdy) struct spdy *spdy = spdy_new();
    AUTO_FD int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *t = (struct tunnel){.w = w, .pod = pod, .fd = -1, .spdy = spdy, .wake = wake_fd};
    for (size_t i = 0; i < LINKS; i++)
        t->links[i].fd = -1;
    if (wake_fd < 0)
        (void)err_sys(&e, errno, "eventfd");
    else
        (void)accept_client(t, &e);
    if (e.code < 0)
        return refuse_err(&w->call, &e);
    w->status = 101;
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_mutex_init(&t->sending, NULL);
    run(t);
    for (size_t i = 0; i < LINKS; i++)
        streams__close(&t->links[i].fd);
    (void)pthread_mutex_destroy(&t->sending);
    (void)pthread_mutex_destroy(&t->lock);
    return 0;
}
