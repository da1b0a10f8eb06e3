#include "logs/forward_in.h"

#include <string.h>

#include "base/fs.h"
#include "codec/compress.h"
#include "logs/forward.h"
#include "net/wire.h"
#include "t.h"

static struct err e;
static char dir[64];
static struct logdb *db;
static struct arena *arena;

static void begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-forward-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    T_RC(logdb_open(&(struct logdb_opts){.dir = dir, .clock = &clock_system}, &db, &e), &e, "open");
    arena = arena_new(0);
}

static void end(void)
{
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(arena);
}

static struct forward_in *listener(const char *key)
{
    struct forward_in *f = NULL;
    struct forward_in_opts o = {
        .address = "127.0.0.1:0",
        .shared_key = key,
        .intake = {.db = db, .clock = &clock_system, .source = "fluent", .index = "logs-fluent"}
    };
    T_RC(forward_in_start(&o, &f, &e), &e, "start");
    return f;
}

static struct wire *dial(const struct forward_in *f)
{
    struct wire *w = NULL;
    struct wire_to to = {.host = "127.0.0.1", .port = forward_in_port(f), .timeout_s = 60};
    T_RC(wire_connect(&to, &w, &e), &e, "connect");
    return w;
}

static void say(struct wire *w, const struct buf *b)
{
    T_RC(wire_write(w, b->data, b->len, &e), &e, "write");
}

/* One message of the other side; NULL: it hung up. */
static const char *hear(struct wire *w, size_t *out_n)
{
    char *bytes = arena_alloc(arena, 8192);
    struct msgpack_measure m = {0};
    for (size_t n = 0;;) {
        long got = wire_read(w, bytes + n, 8192 - n, &e);
        if (got <= 0)
            return NULL;
        n += (size_t)got;
        if (msgpack_measure(&m, bytes, n, out_n, &e) > 0)
            return bytes;
    }
}

static const char *acknowledged(struct wire *w)
{
    size_t n;
    const char *bytes = hear(w, &n), *id;
    if (!bytes)
        return "(gone)";
    return forward_read_ack(bytes, n, arena, &id, &e) == 0 ? id : e.msg;
}

static void put_record(struct buf *b, const char *text)
{
    msgpack_put_map(b, 2);
    msgpack_put_str(b, "log");
    msgpack_put_str(b, text);
    msgpack_put_str(b, "namespace");
    msgpack_put_str(b, "shop");
}

static void put_entry(struct buf *b, const char *text)
{
    msgpack_put_array(b, 2);
    msgpack_put_time(b, clock_real_ns());
    put_record(b, text);
}

static void put_options(struct buf *b, const char *id)
{
    msgpack_put_map(b, 1);
    msgpack_put_str(b, "chunk");
    msgpack_put_str(b, id);
}

static void put_packed(struct buf *b, const char *text, bool gzip)
{
    AUTO_BUF struct buf entries, packed;
    AUTO(compressor) struct compressor *c = NULL;
    buf_init(&entries, 1 << 20);
    buf_init(&packed, 1 << 20);
    put_entry(&entries, text);
    struct sink_buf to = sink_to_buf(&packed);
    T_RC(compressor_new(COMPRESS_GZIP, 0, &to.sink, &c, &e), &e, "compressor");
    T_RC(sink_write(compressor_sink(c), entries.data, entries.len, &e), &e, "compress");
    T_RC(compressor_end(c, &e), &e, "compress");
    struct buf *use = gzip ? &packed : &entries;
    forward_put_chunk(b, &(struct forward_chunk){"app", text, use->data, use->len, 1, gzip});
}

static void put_mode(struct buf *b, const char *mode)
{
    if (strcmp(mode, "packed") == 0 || strcmp(mode, "gzip") == 0) {
        put_packed(b, mode, *mode == 'g');
        return;
    }
    bool single = strcmp(mode, "message") == 0;
    msgpack_put_array(b, single ? 4 : 3);
    msgpack_put_str(b, "app");
    if (single) {
        msgpack_put_int(b, clock_real_ns() / 1000000000);
        put_record(b, mode);
    } else {
        msgpack_put_array(b, 1);
        put_entry(b, mode);
    }
    put_options(b, mode);
}

/* The texts of `log`, newest last, and the label namespace of the last one. */
static const char *stored(const char **ns)
{
    struct logdb_result r;
    char *all = arena_strdup(arena, "");
    T_RC(logdb_query(db, &(struct logdb_query){.from_ns = 1}, arena, &r, &e), &e, "query");
    for (size_t i = 0; i < r.n; i++) {
        const char *log = strstr(r.lines[i].text, "\"log\":\"");
        T_OK(strstr(r.lines[i].text, "\"@timestamp\":\"20"), "it has a time");
        all = arena_printf(arena, "%s%.*s ", all, log ? (int)strcspn(log + 7, "\"") : 0,
                           log ? log + 7 : "");
        *ns = value_at_str(r.lines[i].labels, "namespace", "(none)");
    }
    return all;
}

static void takes_every_mode(void)
{
    static const char *const modes[] = {"message", "forward", "packed", "gzip"};
    const char *ns = "";
    begin();
    struct forward_in *f = listener(NULL);
    struct wire *w = dial(f);
    for (size_t i = 0; i < 4; i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, 1 << 20);
        put_mode(&b, modes[i]);
        say(w, &b);
        T_EQ_STR(acknowledged(w), modes[i], modes[i]);
    }
    T_EQ_STR(stored(&ns), "message forward packed gzip ", "stored");
    T_EQ_STR(ns, "(none)", "nobody has shown who he is");
    AUTO_BUF struct buf bad;
    buf_init(&bad, 1024);
    msgpack_put_array(&bad, 1);
    msgpack_put_str(&bad, "app");
    say(w, &bad);
    T_EQ_STR(acknowledged(w), "(gone)", "what is no message ends the connection");
    T_EQ_INT(atomic_load(&forward_in_intake(f)->refused), 1, "and is counted");
    wire_free(w);
    forward_in_free(f);
    end();
}

static void shake_hands(struct wire *w, const char *key, bool *welcome)
{
    AUTO_BUF struct buf b;
    size_t n;
    struct forward_hello hello;
    struct forward_pong pong = {0};
    char digest[FORWARD_DIGEST];
    const char *bytes = hear(w, &n);
    T_OK(bytes, "hello");
    T_RC(forward_read_hello(bytes, n, arena, &hello, &e), &e, "hello");
    struct forward_secret s = {"salt", 4, "me", hello.nonce, hello.nonce_n, key};
    forward_digest(&s, digest);
    buf_init(&b, 1024);
    forward_put_ping(&b, &(struct forward_ping){"me", "salt", digest, 4});
    say(w, &b);
    bytes = hear(w, &n);
    T_OK(bytes, "pong");
    T_RC(forward_read_pong(bytes, n, arena, &pong, &e), &e, "pong");
    *welcome = pong.ok;
    s.hostname = pong.hostname;
    T_OK(!pong.ok || forward_digest_equal(&s, pong.digest), "the other side knows it, too");
}

/* More than is read of somebody who is not known yet. */
static void put_large(struct buf *b, const char *id)
{
    msgpack_put_array(b, 3);
    msgpack_put_str(b, "app");
    msgpack_put_array(b, 2);
    for (int i = 0; i < 2; i++)
        put_entry(b, memset(arena_alloc(arena, 200001), 'x', 200000));
    put_options(b, id);
}

static void asks_for_the_key(void)
{
    const char *ns = "";
    bool welcome;
    begin();
    struct forward_in *f = listener("secret");
    struct wire *w = dial(f);
    shake_hands(w, "guess", &welcome);
    T_OK(!welcome, "another key");
    wire_free(w);
    w = dial(f);
    shake_hands(w, "secret", &welcome);
    T_OK(welcome, "the key");
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    put_mode(&b, "packed");
    say(w, &b);
    T_EQ_STR(acknowledged(w), "packed", "acknowledged");
    T_EQ_STR(stored(&ns), "packed ", "stored");
    T_EQ_STR(ns, "shop", "of the namespace that it says");
    AUTO_BUF struct buf large;
    buf_init(&large, 1 << 20);
    put_large(&large, "large");
    say(w, &large);
    T_EQ_STR(acknowledged(w), "large", "who is known may send more than a PING has");
    wire_free(w);
    forward_in_free(f);
    end();
}

/* A stranger's salt is hashed: as many bytes as it has, not as it has items. */
static void salt_is_text(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct forward_ping p;
    buf_init(&b, 1024);
    msgpack_put_array(&b, 4);
    msgpack_put_str(&b, "PING");
    msgpack_put_str(&b, "me");
    msgpack_put_array(&b, 2);
    msgpack_put_int(&b, 1);
    msgpack_put_int(&b, 2);
    msgpack_put_str(&b, "digest");
    T_RC(forward_read_ping(b.data, b.len, a, &p, &e), &e, "ping");
    T_EQ_INT(p.salt_n, 0, "a list has no bytes");
}

T_MAIN(takes_every_mode, asks_for_the_key, salt_is_text)
