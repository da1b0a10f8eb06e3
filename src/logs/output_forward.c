/* output_forward.c - out by Fluent's forward protocol: a chunk for a stream's run of lines. */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "logs/forward.h"
#include "logs/output.h"
#include "net/wire.h"

enum { WAIT_S = 10, ANSWER_MAX = 16 * 1024, CHUNK_MAX = FORWARD_MESSAGE_MAX, SALT = 16 };

struct forward_way {
    struct output_way way;
    struct output_forward_opts opts;
    struct wire *w; /* NULL: not connected */
};

/* One message of the other side. */
static int hear(struct wire *w, char *into, size_t *out_n, struct err *e)
{
    struct msgpack_measure m = {0};
    for (size_t n = 0; n < ANSWER_MAX;) {
        long got = wire_read(w, into + n, ANSWER_MAX - n, e);
        if (got <= 0)
            return got < 0 ? (int)got : err_set(e, ERR_AGAIN, "the other side has hung up");
        n += (size_t)got;
        int r = msgpack_measure(&m, into, n, out_n, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return err_set(e, ERR_TOO_LARGE, "an answer of more than %d bytes", ANSWER_MAX);
}

static int check_pong(const struct forward_secret *ours, const char *bytes, size_t n,
                      struct arena *a, struct err *e)
{
    struct forward_pong pong;
    struct forward_secret theirs = *ours;
    int r = forward_read_pong(bytes, n, a, &pong, e);
    if (r < 0)
        return r;
    if (!pong.ok)
        return err_set(e, ERR_DENIED, "the other side refuses us: %.100s", pong.why);
    theirs.hostname = pong.hostname;
    if (!forward_digest_equal(&theirs, pong.digest))
        return err_set(e, ERR_DENIED, "the other side does not know the shared_key");
    return 0;
}

static int prove(struct forward_way *f, struct wire *w, struct arena *a, struct err *e)
{
    AUTO_BUF struct buf b;
    struct forward_hello hello;
    char salt[SALT], digest[FORWARD_DIGEST], *bytes = arena_alloc(a, ANSWER_MAX);
    size_t n;
    int r = hear(w, bytes, &n, e);
    if (r == 0)
        r = forward_read_hello(bytes, n, a, &hello, e);
    if (r == 0 && hello.wants_user)
        r = err_set(e, ERR_UNSUPPORTED, "the other side wants a user; shared_key alone is offered");
    if (r == 0 && getrandom(salt, sizeof salt, 0) != sizeof salt)
        r = err_set(e, ERR_SYSTEM, "no random bytes");
    if (r < 0)
        return r;
    struct forward_secret secret = {.salt = salt,
                                    .salt_n = sizeof salt,
                                    .hostname = f->opts.self_hostname,
                                    .nonce = hello.nonce,
                                    .nonce_n = hello.nonce_n,
                                    .key = f->opts.shared_key};
    forward_digest(&secret, digest);
    buf_init(&b, ANSWER_MAX);
    forward_put_ping(&b, &(struct forward_ping){f->opts.self_hostname, salt, digest, sizeof salt});
    r = wire_write(w, b.data, b.len, e);
    if (r == 0)
        r = hear(w, bytes, &n, e);
    return r < 0 ? r : check_pong(&secret, bytes, n, a, e);
}

static int connect_to(struct forward_way *f, struct arena *a, struct err *e)
{
    AUTO(wire) struct wire *w = NULL;
    struct wire_to to = {.host = f->opts.host,
                         .port = f->opts.port,
                         .tls = f->opts.tls,
                         .insecure = f->opts.insecure,
                         .name = f->opts.vhost,
                         .ca_pem = f->opts.ca_pem,
                         .cert_pem = f->opts.cert_pem,
                         .key_pem = f->opts.key_pem,
                         .timeout_s = WAIT_S};
    int r = f->w ? 0 : wire_connect(&to, &w, e);
    if (f->w || r < 0)
        return r;
    r = f->opts.shared_key ? prove(f, w, a, e) : 0;
    if (r == 0)
        f->w = take_ptr(w);
    return r;
}

static int put_chunk(const struct forward_way *f, const struct output_line *run, size_t n,
                     const char *id, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf entries, pressed;
    buf_init(&entries, CHUNK_MAX);
    buf_init(&pressed, CHUNK_MAX);
    for (size_t i = 0; i < n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        msgpack_put_array(&entries, 2);
        msgpack_put_time(&entries, run[i].x->time_ns);
        msgpack_put_value(&entries, output_record(run[i].x, a));
    }
    int r = buf_check(&entries, e);
    if (r == 0 && f->opts.gzip)
        r = output__press(&entries, &pressed, e);
    const struct buf *use = f->opts.gzip ? &pressed : &entries;
    if (r < 0)
        return r;
    forward_put_chunk(out, &(struct forward_chunk){run->tag, f->opts.ack ? id : NULL, use->data,
                                                   use->len, n, f->opts.gzip});
    return buf_check(out, e);
}

static int send_run(struct forward_way *f, const struct output_line *run, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    char *bytes = arena_alloc(a, ANSWER_MAX);
    const char *heard = "",
               *id = arena_printf(a, "%016" PRIx64 "-%x-%x-%zx", (uint64_t)run->x->time_ns,
                                  run->x->stream, run->x->nth, n);
    size_t answer_n;
    buf_init(&b, CHUNK_MAX + 4096);
    int r = connect_to(f, a, e);
    if (r == 0)
        r = put_chunk(f, run, n, id, &b, e);
    if (r == 0)
        r = wire_write(f->w, b.data, b.len, e);
    if (r < 0 || !f->opts.ack)
        return r;
    r = hear(f->w, bytes, &answer_n, e);
    if (r == 0)
        r = forward_read_ack(bytes, answer_n, a, &heard, e);
    if (r == 0 && strcmp(heard, id) != 0)
        r = err_set(e, ERR_INVALID, "chunk %.100s was acknowledged instead of %s", heard, id);
    return r;
}

static int send_all(struct output_way *w, struct output_batch *b, struct err *e)
{
    struct forward_way *f = (struct forward_way *)w;
    for (size_t i = 0, n; i < b->n; i += n) {
        if (atomic_load(b->stop))
            return err_set(e, ERR_CANCELLED, "it ends");
        for (n = 1; i + n < b->n && b->lines[i + n].x->stream == b->lines[i].x->stream;)
            n++;
        int r = send_run(f, &b->lines[i], n, e);
        if (r < 0) { /* what was written may be half there: begin anew */
            wire_free(f->w);
            f->w = NULL;
            return err_wrap(e, r, "%s:%u", f->opts.host, f->opts.port);
        }
        for (size_t k = i; k < i + n; k++)
            b->lines[k].state = OUTPUT_DONE;
    }
    return 0;
}

static void forward_free(struct output_way *w)
{
    struct forward_way *f = (struct forward_way *)w;
    wire_free(f->w);
    free(f);
}

struct output_way *output_forward_new(const struct output_forward_opts *o)
{
    struct forward_way *f = calloc(1, sizeof *f);
    if (!f)
        log_die("out of memory");
    f->way = (struct output_way){send_all, forward_free};
    f->opts = *o;
    return &f->way;
}
