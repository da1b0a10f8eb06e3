#include "logs/forward_in.h"

#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "logs/forward.h"
#include "net/wire.h"

enum {
    HELD_MAX = 128 << 20,
    READ_BYTES = 64 * 1024,
    PING_MAX = 4096,
    CONNECTIONS = 128,
    PROVE_S = 30
};

struct forward_in {
    struct wire_server *server;
    struct intake intake;
    char *shared_key;    /* or NULL */
    _Atomic size_t held; /* bytes of messages that are not whole yet */
};

/* A connection: its bytes up to the end of the message that is being read. */
struct session {
    struct forward_in *f;
    struct wire *w;
    struct buf in;
    size_t at;      /* bytes of `in` that are done with */
    size_t counted; /* of f->held */
    bool welcome;
    char nonce[FORWARD_NONCE];
};

static void count_held(struct session *s)
{
    atomic_fetch_add(&s->f->held, s->in.cap - s->counted); /* modulo 2^64: may go down */
    s->counted = s->in.cap;
}

static int more_bytes(struct session *s, struct err *e)
{
    char *room = buf_reserve(&s->in, READ_BYTES);
    if (!room)
        return err_set(e, ERR_TOO_LARGE, "a message of more than %zu bytes", s->in.max);
    count_held(s);
    if (atomic_load(&s->f->held) > HELD_MAX)
        return err_set(e, ERR_TOO_LARGE, "all connections together hold more than %d bytes",
                       HELD_MAX);
    long n = wire_read(s->w, room, READ_BYTES, e);
    s->in.len += n > 0 ? (size_t)n : 0;
    return n < 0 ? (int)n : n > 0;
}

/* What is done with goes, once for many messages; so does a large message's room. */
static void drop_done(struct session *s)
{
    if (s->at == 0)
        return;
    memmove(s->in.data, s->in.data + s->at, s->in.len - s->at);
    buf_cut(&s->in, s->in.len - s->at);
    s->at = 0;
    if (s->in.len == 0 && s->in.cap > 4 * READ_BYTES) {
        size_t max = s->in.max;
        buf_done(&s->in);
        buf_init(&s->in, max);
        count_held(s);
    }
}

/* 1: *used bytes from s->at on are a message; 0: the sender has ended. */
static int read_message(struct session *s, size_t *used, struct err *e)
{
    struct msgpack_measure m = {0};
    for (;;) {
        int r = msgpack_measure(&m, buf_text(&s->in) + s->at, s->in.len - s->at, used, e);
        if (r != 0)
            return r;
        drop_done(s);
        r = more_bytes(s, e);
        if (r <= 0)
            return r;
    }
}

/* ---- who is there ---- */

static int send_hello(struct session *s, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 256);
    if (getrandom(s->nonce, sizeof s->nonce, 0) != sizeof s->nonce)
        return err_set(e, ERR_SYSTEM, "no random bytes");
    forward_put_hello(&b, s->nonce);
    return wire_write(s->w, b.data, b.len, e);
}

static int take_ping(struct session *s, const char *bytes, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct forward_ping p;
    char digest[FORWARD_DIGEST];
    int r = n > PING_MAX ? err_set(e, ERR_TOO_LARGE, "a PING of %zu bytes", n)
                         : forward_read_ping(bytes, n, a, &p, e);
    if (r < 0)
        return r;
    struct forward_secret secret = {.salt = p.salt,
                                    .salt_n = p.salt_n,
                                    .hostname = p.hostname,
                                    .nonce = s->nonce,
                                    .nonce_n = sizeof s->nonce,
                                    .key = s->f->shared_key};
    s->welcome = forward_digest_equal(&secret, p.digest);
    if (s->welcome) { /* only a stranger has to hurry and to be brief */
        s->in.max = FORWARD_MESSAGE_MAX;
        wire_set_idle(s->w, 0);
    }
    secret.hostname = "slipway";
    forward_digest(&secret, digest);
    struct forward_pong pong = {s->welcome, s->welcome ? "" : "shared_key mismatch",
                                s->welcome ? "slipway" : "", s->welcome ? digest : ""};
    buf_init(&b, 1024);
    forward_put_pong(&b, &pong);
    r = wire_write(s->w, b.data, b.len, e);
    return r < 0 ? r : s->welcome ? 0 : err_set(e, ERR_DENIED, "the shared key is another one");
}

/* ---- messages ---- */

static int take_entries(struct session *s, struct forward_message *m, struct err *e)
{
    bool again = true;
    int r = 1;
    while (r > 0 || again) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct forward_entry x;
        r = forward_next(m, a, &x, &again, e);
        if (r == 0)
            return 0;
        if (r > 0 && intake_add(&s->f->intake, x.time_ns, x.record, m->tag, a, e) < 0)
            return (int)e->code;
        if (r < 0 && again)
            intake_refuse(&s->f->intake, wire_remote(s->w), e);
    }
    return r;
}

static int take_message(struct session *s, const char *bytes, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct forward_message m;
    if (n == 1) /* nil: a heartbeat */
        return 0;
    int r = forward_parse(bytes, n, a, &m, e);
    if (r == 0)
        r = take_entries(s, &m, e);
    if (r < 0 || !m.chunk)
        return r;
    r = intake_sync(&s->f->intake, e);
    if (r < 0)
        return r;
    buf_init(&b, 1024);
    forward_put_ack(&b, m.chunk, m.chunk_n);
    return wire_write(s->w, b.data, b.len, e);
}

static int serve(struct session *s, struct err *e)
{
    size_t used = 0;
    int r = s->welcome ? 0 : send_hello(s, e);
    while (r == 0 && (r = read_message(s, &used, e)) > 0) {
        const char *bytes = s->in.data + s->at;
        r = s->welcome ? take_message(s, bytes, used, e) : take_ping(s, bytes, used, e);
        s->at += used;
    }
    return r;
}

static void handle(struct wire *w, void *arg)
{
    struct forward_in *f = arg;
    struct session s = {.f = f, .w = w, .welcome = !f->shared_key};
    struct err e = {0};
    buf_init(&s.in, s.welcome ? FORWARD_MESSAGE_MAX : 2 * READ_BYTES);
    int r = serve(&s, &e);
    if (r == ERR_AGAIN) /* the network's doing: what was not acknowledged comes again */
        log_debug("logs", "forward: %s", e.msg);
    else if (r < 0)
        intake_refuse(&f->intake, wire_remote(w), &e);
    buf_done(&s.in);
    atomic_fetch_sub(&f->held, s.counted);
}

int forward_in_start(const struct forward_in_opts *o, struct forward_in **out, struct err *e)
{
    AUTO(forward_in) struct forward_in *f = calloc(1, sizeof *f);
    if (!f || (o->shared_key && !(f->shared_key = strdup(o->shared_key))))
        log_die("out of memory");
    f->intake.db = o->intake.db;
    f->intake.clock = o->intake.clock;
    f->intake.source = o->intake.source;
    f->intake.index = o->intake.index;
    f->intake.trusted = o->shared_key != NULL;
    struct wire_listen l = {.address = o->address,
                            .cert_pem = o->cert_pem,
                            .key_pem = o->key_pem,
                            .client_ca_pem = o->client_ca_pem,
                            .max_connections = CONNECTIONS,
                            .idle_s = o->shared_key ? PROVE_S : 0};
    int r = wire_server_start(&l, handle, f, &f->server, e);
    if (r < 0)
        return err_wrap(e, r, "forward");
    *out = take_ptr(f);
    return 0;
}

unsigned forward_in_port(const struct forward_in *f)
{
    return wire_server_port(f->server);
}

struct intake *forward_in_intake(struct forward_in *f)
{
    return &f->intake;
}

void forward_in_free(struct forward_in *f)
{
    if (!f)
        return;
    wire_server_free(f->server);
    free(f->shared_key);
    free(f);
}
