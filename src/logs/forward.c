#include "logs/forward.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "codec/compress.h"

enum { ENTRY_MAX = 256 * 1024, TAG_MAX = 1024, CHUNK_ID_MAX = 256 };

static int malformed(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "a forward message %s", what);
}

/* The bytes of an entry that was skipped are whole. */
static int skip(struct msgpack *m, struct err *e)
{
    int r = msgpack_skip(m, e);
    return r == 0 ? malformed(e, "ends too early") : r;
}

static int next(struct msgpack *m, struct msgpack_item *x, struct err *e)
{
    int r = msgpack_next(m, x, e);
    return r == 0 ? malformed(e, "ends too early") : r;
}

static bool is_text(const struct msgpack_item *x)
{
    return x->kind == MSGPACK_STR || x->kind == MSGPACK_BIN;
}

static bool is(const struct msgpack_item *x, const char *text)
{
    return is_text(x) && x->n == strlen(text) && memcmp(x->text, text, x->n) == 0;
}

/* ---- options ---- */

struct options {
    struct msgpack_item chunk;
    bool gzip;
};

static int read_option(struct msgpack *m, struct options *o, struct err *e)
{
    struct msgpack_item key, v;
    int r = next(m, &key, e);
    struct msgpack at = *m;
    if (r > 0)
        r = skip(m, e);
    if (r > 0)
        r = next(&at, &v, e);
    if (r < 0)
        return r;
    if (is(&key, "chunk") && is_text(&v)) {
        if (v.n > CHUNK_ID_MAX)
            return malformed(e, "has a chunk id of more than 256 bytes");
        o->chunk = v;
    } else if (is(&key, "compressed")) {
        if (!is(&v, "gzip") && !is(&v, "text"))
            return err_set(e, ERR_UNSUPPORTED, "forward: compressed: %.*s; gzip is taken",
                           is_text(&v) ? (int)(v.n < 40 ? v.n : 40) : 0, v.text);
        o->gzip = is(&v, "gzip");
    } else if (is(&key, "fluent_signal") && v.kind == MSGPACK_INT && v.i != 0) {
        return err_set(e, ERR_UNSUPPORTED,
                       "forward: fluent_signal %lld: metrics and traces are not taken here",
                       (long long)v.i);
    }
    return 1;
}

static int read_options(struct msgpack *m, struct options *o, struct err *e)
{
    struct msgpack_item x;
    int r = next(m, &x, e);
    if (r > 0 && x.kind == MSGPACK_NIL)
        return 1;
    if (r > 0 && x.kind != MSGPACK_MAP)
        return malformed(e, "has options that are no map");
    for (uint32_t i = 0; r > 0 && i < x.n; i++)
        r = read_option(m, o, e);
    return r;
}

/* ---- a message ---- */

static int gunzip(const struct msgpack_item *packed, struct arena *a, struct msgpack *out,
                  struct err *e)
{
    AUTO_BUF struct buf b;
    AUTO(decompressor) struct decompressor *d = NULL;
    struct source_mem from = source_from_mem(packed->text, packed->n);
    buf_init(&b, FORWARD_MESSAGE_MAX);
    struct sink_buf to = sink_to_buf(&b);
    int r = decompressor_new(COMPRESS_GZIP, &from.source, FORWARD_MESSAGE_MAX, &d, e);
    if (r == 0)
        r = stream_copy(decompressor_source(d), &to.sink, NULL, e);
    if (r < 0)
        return err_wrap(e, r, "forward: compressed entries");
    *out = msgpack_of(arena_dup(a, buf_text(&b), b.len + 1), b.len);
    return 1;
}

/* Behind the tag: the entries in one of the modes. */
static int read_entries(struct msgpack *m, struct forward_message *out, struct msgpack_item *packed,
                        struct err *e)
{
    struct msgpack_item x;
    int64_t ns;
    struct msgpack before = *m;
    int r = next(m, &x, e);
    if (r < 0)
        return r;
    if (is_text(&x)) {
        *packed = x;
        out->left = UINT64_MAX;
    } else if (msgpack_time(&x, &ns)) {
        out->entries = before;
        out->left = 1;
        out->single = true;
        return skip(m, e); /* the record */
    } else if (x.kind == MSGPACK_ARRAY) {
        out->entries = *m;
        out->left = x.n;
        *m = before;
        return skip(m, e);
    } else {
        return malformed(e, "has neither entries nor a time behind its tag");
    }
    return 1;
}

int forward_parse(const void *bytes, size_t n, struct arena *a, struct forward_message *out,
                  struct err *e)
{
    struct msgpack m = msgpack_of(bytes, n);
    struct msgpack_item x, tag, packed = {0};
    struct options o = {0};
    struct forward_message f = {0};
    int r = next(&m, &x, e);
    if (r > 0 && (x.kind != MSGPACK_ARRAY || x.n < 2))
        return malformed(e, "is an array of two to four items");
    if (r > 0)
        r = next(&m, &tag, e);
    if (r > 0 && (!is_text(&tag) || tag.n > TAG_MAX))
        return malformed(e, "has no tag of at most 1024 bytes");
    if (r > 0)
        r = read_entries(&m, &f, &packed, e);
    uint32_t seen = f.single ? 3 : 2;
    if (r > 0 && (x.n < seen || x.n > seen + 1))
        return malformed(e, "is an array of two to four items");
    if (r > 0 && x.n > seen)
        r = read_options(&m, &o, e);
    if (r > 0 && f.left == UINT64_MAX) {
        f.entries = msgpack_of(packed.text, packed.n);
        if (o.gzip)
            r = gunzip(&packed, a, &f.entries, e);
    }
    if (r < 0)
        return r;
    f.tag = arena_strndup(a, tag.text, tag.n);
    f.chunk = o.chunk.text;
    f.chunk_n = o.chunk.n;
    *out = f;
    return 0;
}

/* A time, or a time and what Fluent Bit calls metadata. */
static int read_time(struct msgpack *m, int64_t *out_ns, struct err *e)
{
    struct msgpack_item x;
    int r = next(m, &x, e);
    if (r > 0 && x.kind == MSGPACK_ARRAY && x.n == 2) {
        r = next(m, &x, e);
        if (r > 0)
            r = skip(m, e);
    }
    if (r > 0 && !msgpack_time(&x, out_ns))
        return malformed(e, "has an entry without a time");
    return r;
}

static int read_entry(struct msgpack *m, bool single, struct arena *a, struct forward_entry *out,
                      struct err *e)
{
    struct msgpack_item x;
    int r = single ? 1 : next(m, &x, e);
    if (r > 0 && !single && (x.kind != MSGPACK_ARRAY || x.n != 2))
        return malformed(e, "has an entry that is not [time, record]");
    if (r > 0)
        r = read_time(m, &out->time_ns, e);
    if (r > 0 && (r = msgpack_value(m, a, &out->record, e)) == 0)
        return malformed(e, "ends too early");
    if (r > 0 && !value_is(out->record, VALUE_OBJECT))
        return malformed(e, "has a record that is no map");
    return r;
}

int forward_next(struct forward_message *m, struct arena *a, struct forward_entry *out, bool *again,
                 struct err *e)
{
    *again = false;
    if (m->left == 0 || (m->left == UINT64_MAX && m->entries.at == m->entries.end))
        return 0;
    struct msgpack at = m->entries;
    int r = skip(&m->entries, e);
    if (r > 0 && m->single)
        r = skip(&m->entries, e); /* time, then record */
    if (r < 0)
        return r;
    *again = true;
    if (m->left != UINT64_MAX)
        m->left--;
    size_t n = (size_t)(m->entries.at - at.at);
    if (n > ENTRY_MAX)
        return err_set(e, ERR_TOO_LARGE, "a record of %zu bytes; at most 256 KiB are taken", n);
    at.end = m->entries.at;
    return read_entry(&at, m->single, a, out, e);
}

void forward_put_ack(struct buf *b, const char *chunk, size_t n)
{
    msgpack_put_map(b, 1);
    msgpack_put_str(b, "ack");
    msgpack_put_strn(b, chunk, n);
}

void forward_put_chunk(struct buf *b, const struct forward_chunk *c)
{
    msgpack_put_array(b, 3);
    msgpack_put_str(b, c->tag);
    msgpack_put_bin(b, c->entries, c->n);
    msgpack_put_map(b, 1 + (c->id != NULL) + c->gzip);
    msgpack_put_str(b, "size");
    msgpack_put_int(b, (int64_t)c->count);
    if (c->id) {
        msgpack_put_str(b, "chunk");
        msgpack_put_str(b, c->id);
    }
    if (c->gzip) {
        msgpack_put_str(b, "compressed");
        msgpack_put_str(b, "gzip");
    }
}

int forward_read_ack(const void *bytes, size_t n, struct arena *a, const char **out, struct err *e)
{
    struct msgpack m = msgpack_of(bytes, n);
    struct value *v = NULL;
    int r = msgpack_value(&m, a, &v, e);
    if (r < 0)
        return r;
    const char *ack = r > 0 ? value_str(value_get(v, "ack"), NULL) : NULL;
    if (!ack)
        return err_set(e, ERR_INVALID, "an answer that acknowledges nothing");
    *out = ack;
    return 0;
}

/* ---- the shared key ---- */

void forward_digest(const struct forward_secret *s, char out[FORWARD_DIGEST])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char sum[64];
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA512) < 0)
        memset(sum, 0, sizeof sum);
    else {
        (void)gnutls_hash(h, s->salt, s->salt_n);
        (void)gnutls_hash(h, s->hostname, strlen(s->hostname));
        (void)gnutls_hash(h, s->nonce, s->nonce_n);
        (void)gnutls_hash(h, s->key, strlen(s->key));
        gnutls_hash_deinit(h, sum);
    }
    for (size_t i = 0; i < sizeof sum; i++) {
        out[2 * i] = hex[sum[i] >> 4];
        out[2 * i + 1] = hex[sum[i] & 15];
    }
    out[FORWARD_DIGEST - 1] = '\0';
}

bool forward_digest_equal(const struct forward_secret *s, const char *digest)
{
    char want[FORWARD_DIGEST];
    forward_digest(s, want);
    return strlen(digest) == FORWARD_DIGEST - 1 &&
           gnutls_memcmp(want, digest, FORWARD_DIGEST - 1) == 0;
}

void forward_put_hello(struct buf *b, const char nonce[FORWARD_NONCE])
{
    msgpack_put_array(b, 2);
    msgpack_put_str(b, "HELO");
    msgpack_put_map(b, 3);
    msgpack_put_str(b, "nonce");
    msgpack_put_bin(b, nonce, FORWARD_NONCE);
    msgpack_put_str(b, "auth");
    msgpack_put_str(b, "");
    msgpack_put_str(b, "keepalive");
    msgpack_put_bool(b, true);
}

void forward_put_ping(struct buf *b, const struct forward_ping *p)
{
    msgpack_put_array(b, 6);
    msgpack_put_str(b, "PING");
    msgpack_put_str(b, p->hostname);
    msgpack_put_bin(b, p->salt, p->salt_n);
    msgpack_put_str(b, p->digest);
    msgpack_put_str(b, "");
    msgpack_put_str(b, "");
}

void forward_put_pong(struct buf *b, const struct forward_pong *p)
{
    msgpack_put_array(b, 5);
    msgpack_put_str(b, "PONG");
    msgpack_put_bool(b, p->ok);
    msgpack_put_str(b, p->why);
    msgpack_put_str(b, p->hostname);
    msgpack_put_str(b, p->digest);
}

/* ["WORD", …] with at least n items; *out is the array. */
static int read_word(const void *bytes, size_t size, const char *word, size_t n, struct arena *a,
                     struct value **out, struct err *e)
{
    struct msgpack m = msgpack_of(bytes, size);
    int r = msgpack_value(&m, a, out, e);
    if (r < 0)
        return r;
    if (r == 0 || !value_is(*out, VALUE_ARRAY) || (*out)->n < n ||
        strcmp(value_str(value_item(*out, 0), ""), word) != 0)
        return err_set(e, ERR_INVALID, "forward: %s was expected", word);
    return 0;
}

/* Bytes of a text; what is none has none, whatever it holds. */
static size_t text_bytes(const struct value *v)
{
    return value_is(v, VALUE_STRING) ? v->n : 0;
}

int forward_read_hello(const void *bytes, size_t n, struct arena *a, struct forward_hello *out,
                       struct err *e)
{
    struct value *v;
    int r = read_word(bytes, n, "HELO", 2, a, &v, e);
    if (r < 0)
        return r;
    const struct value *o = value_item(v, 1), *nonce = value_get(o, "nonce");
    *out = (struct forward_hello){value_str(nonce, ""), text_bytes(nonce),
                                  value_count(value_get(o, "auth")) > 0};
    return 0;
}

int forward_read_ping(const void *bytes, size_t n, struct arena *a, struct forward_ping *out,
                      struct err *e)
{
    struct value *v;
    int r = read_word(bytes, n, "PING", 4, a, &v, e);
    if (r < 0)
        return r;
    const struct value *salt = value_item(v, 2);
    *out = (struct forward_ping){value_str(value_item(v, 1), ""), value_str(salt, ""),
                                 value_str(value_item(v, 3), ""), text_bytes(salt)};
    return 0;
}

int forward_read_pong(const void *bytes, size_t n, struct arena *a, struct forward_pong *out,
                      struct err *e)
{
    struct value *v;
    int r = read_word(bytes, n, "PONG", 2, a, &v, e);
    if (r < 0)
        return r;
    *out =
        (struct forward_pong){value_bool(value_item(v, 1), false), value_str(value_item(v, 2), ""),
                              value_str(value_item(v, 3), ""), value_str(value_item(v, 4), "")};
    return 0;
}
