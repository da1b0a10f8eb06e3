#include "logs/syslog_in.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "logs/syslog.h"
#include "net/wire.h"

enum { SYNC_MS = 1000, CONNECTIONS = 256 };

struct syslog_in {
    struct wire_server *server; /* NULL: UDP */
    int udp, wake;
    unsigned port;
    struct intake intake;
    atomic_bool dirty, stopping;
    pthread_t thread; /* reads UDP, and puts on disk what anybody has taken */
    bool running;
    char bytes[SYSLOG_MAX]; /* a datagram, on that thread */
};

static void take(struct syslog_in *s, const char *bytes, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct syslog_message m;
    struct err e;
    if (n == 0)
        return;
    syslog_parse(bytes, n, s->intake.clock->real_ms(s->intake.clock) * 1000000, a, &m);
    if (intake_add(&s->intake, m.time_ns, m.record, NULL, a, &e) < 0)
        intake_refuse(&s->intake, "a sender", &e);
    if (!atomic_exchange(&s->dirty, true))
        (void)eventfd_write(s->wake, 1);
}

/* ---- TCP ---- */

/* Takes the messages that are whole; what is left moves to the front. */
static int take_frames(struct syslog_in *s, struct buf *in, struct err *e)
{
    size_t at = 0, from, len, used;
    int r;
    while ((r = syslog_frame(buf_text(in) + at, in->len - at, &from, &len, &used, e)) > 0) {
        take(s, in->data + at + from, len);
        at += used;
    }
    if (at) {
        memmove(in->data, in->data + at, in->len - at);
        buf_cut(in, in->len - at);
    }
    return r;
}

static void handle(struct wire *w, void *arg)
{
    enum { ROOM = 16 * 1024 };
    struct syslog_in *s = arg;
    struct err e = {0};
    AUTO_BUF struct buf in;
    long n = 1;
    int r = 0;
    buf_init(&in, SYSLOG_MAX + 2 * ROOM);
    while (r == 0) {
        char *room = buf_reserve(&in, ROOM);
        if (!room || (n = wire_read(w, room, ROOM, &e)) <= 0)
            break;
        in.len += (size_t)n;
        r = take_frames(s, &in, &e);
    }
    if (n == 0 && r == 0) /* the last line may have no end */
        take(s, buf_text(&in), in.len);
    if (r < 0)
        intake_refuse(&s->intake, wire_remote(w), &e);
}

/* ---- UDP, and the disk ---- */

/* At most so many at once: who never pauses keeps neither the disk nor the end waiting. */
static void read_datagrams(struct syslog_in *s)
{
    enum { AT_ONCE = 256 };
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t n = recv(s->udp, s->bytes, sizeof s->bytes, MSG_DONTWAIT);
        if (n < 0)
            break;
        take(s, s->bytes, (size_t)n);
    }
}

static void sync_all(struct syslog_in *s)
{
    struct err e;
    if (atomic_exchange(&s->dirty, false) && intake_sync(&s->intake, &e) < 0)
        log_error("logs", "%s", e.msg);
}

static void *syslog_main(void *arg)
{
    struct syslog_in *s = arg;
    struct pollfd fds[] = {
        {s->wake, POLLIN, 0},
        {s->udp,  POLLIN, 0}
    };
    int64_t synced = clock_mono_ms();
    while (!atomic_load(&s->stopping)) {
        eventfd_t unused;
        (void)poll(fds, s->udp >= 0 ? 2 : 1, atomic_load(&s->dirty) ? SYNC_MS : -1);
        if (fds[0].revents)
            (void)eventfd_read(s->wake, &unused);
        if (s->udp >= 0)
            read_datagrams(s);
        if (clock_mono_ms() - synced >= SYNC_MS) {
            sync_all(s);
            synced = clock_mono_ms();
        }
    }
    return NULL;
}

int syslog_in_start(const struct syslog_in_opts *o, struct syslog_in **out, struct err *e)
{
    AUTO(syslog_in) struct syslog_in *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->intake.db = o->intake.db;
    s->intake.clock = o->intake.clock;
    s->intake.source = o->intake.source;
    s->intake.index = o->intake.index;
    s->udp = -1;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0)
        return err_sys(e, errno, "syslog");
    struct wire_listen l = {.address = o->address,
                            .cert_pem = o->cert_pem,
                            .key_pem = o->key_pem,
                            .client_ca_pem = o->client_ca_pem,
                            .max_connections = CONNECTIONS};
    int r = o->udp ? wire_bind_udp(o->address, &s->udp, &s->port, e)
                   : wire_server_start(&l, handle, s, &s->server, e);
    if (r == 0)
        r = thread_start(&s->thread, "syslog", 512, syslog_main, s, e);
    if (r < 0)
        return err_wrap(e, r, "syslog");
    s->running = true;
    *out = take_ptr(s);
    return 0;
}

unsigned syslog_in_port(const struct syslog_in *s)
{
    return s->server ? wire_server_port(s->server) : s->port;
}

struct intake *syslog_in_intake(struct syslog_in *s)
{
    return &s->intake;
}

void syslog_in_free(struct syslog_in *s)
{
    if (!s)
        return;
    wire_server_free(s->server);
    if (s->running) {
        atomic_store(&s->stopping, true);
        (void)eventfd_write(s->wake, 1);
        (void)pthread_join(s->thread, NULL);
        sync_all(s);
    }
    if (s->udp >= 0)
        (void)close(s->udp);
    if (s->wake >= 0)
        (void)close(s->wake);
    free(s);
}
