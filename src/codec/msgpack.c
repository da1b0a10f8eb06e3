#include "codec/msgpack.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

enum { DEPTH_MAX = 64, PAIRS_MAX = 4096, EVENT_TIME = 0 };

struct msgpack msgpack_of(const void *bytes, size_t n)
{
    return (struct msgpack){bytes, (const unsigned char *)bytes + n};
}

static uint64_t big_endian(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* What a first byte announces. */
struct form {
    enum msgpack_kind kind;
    unsigned size;  /* bytes of the number or length that follow */
    bool negative;  /* a number is two's complement */
    uint32_t fixed; /* EXT: bytes of it when size is 0 */
};

static const struct form forms[] = {
  /* 0xc0 */ {MSGPACK_NIL,   0,  false, 0 },
 /* 0xc1 */
   {MSGPACK_NIL,   99, false, 0 }, /* never used */
  /* 0xc2 */
   {MSGPACK_BOOL,  0,  false, 0 },
    {MSGPACK_BOOL,  0,  false, 1 },
 /* 0xc4 */
   {MSGPACK_BIN,   1,  false, 0 },
    {MSGPACK_BIN,   2,  false, 0 },
    {MSGPACK_BIN,   4,  false, 0 },
 /* 0xc7 */
   {MSGPACK_EXT,   1,  false, 0 },
    {MSGPACK_EXT,   2,  false, 0 },
    {MSGPACK_EXT,   4,  false, 0 },
 /* 0xca */
   {MSGPACK_FLOAT, 4,  false, 0 },
    {MSGPACK_FLOAT, 8,  false, 0 },
 /* 0xcc */
   {MSGPACK_INT,   1,  false, 0 },
    {MSGPACK_INT,   2,  false, 0 },
 /* 0xce */
   {MSGPACK_INT,   4,  false, 0 },
    {MSGPACK_INT,   8,  false, 0 },
 /* 0xd0 */
   {MSGPACK_INT,   1,  true,  0 },
    {MSGPACK_INT,   2,  true,  0 },
 /* 0xd2 */
   {MSGPACK_INT,   4,  true,  0 },
    {MSGPACK_INT,   8,  true,  0 },
 /* 0xd4 */
   {MSGPACK_EXT,   0,  false, 1 },
    {MSGPACK_EXT,   0,  false, 2 },
    {MSGPACK_EXT,   0,  false, 4 },
 /* 0xd7 */
   {MSGPACK_EXT,   0,  false, 8 },
    {MSGPACK_EXT,   0,  false, 16},
 /* 0xd9 */
   {MSGPACK_STR,   1,  false, 0 },
    {MSGPACK_STR,   2,  false, 0 },
    {MSGPACK_STR,   4,  false, 0 },
 /* 0xdc */
   {MSGPACK_ARRAY, 2,  false, 0 },
    {MSGPACK_ARRAY, 4,  false, 0 },
 /* 0xde */
   {MSGPACK_MAP,   2,  false, 0 },
    {MSGPACK_MAP,   4,  false, 0 },
};

/* The kinds whose first byte holds the number. */
static bool short_form(unsigned char c, struct msgpack_item *x)
{
    if (c < 0x80 || c >= 0xe0)
        *x = (struct msgpack_item){.kind = MSGPACK_INT, .i = (int8_t)c};
    else if (c < 0x90)
        *x = (struct msgpack_item){.kind = MSGPACK_MAP, .n = c & 0x0f};
    else if (c < 0xa0)
        *x = (struct msgpack_item){.kind = MSGPACK_ARRAY, .n = c & 0x0f};
    else if (c < 0xc0)
        *x = (struct msgpack_item){.kind = MSGPACK_STR, .n = c & 0x1f};
    return c < 0xc0 || c >= 0xe0;
}

static void take_number(struct msgpack_item *x, const struct form *f, uint64_t v)
{
    unsigned unused = 64 - 8 * f->size;
    x->kind = f->kind;
    if (f->kind == MSGPACK_INT && f->negative) {
        x->i = (int64_t)(v << unused) >> unused;
    } else if (f->kind == MSGPACK_INT) {
        x->kind = v > INT64_MAX ? MSGPACK_UINT : MSGPACK_INT;
        x->u = v;
    } else if (f->kind == MSGPACK_FLOAT && f->size == 4) {
        uint32_t bits = (uint32_t)v;
        float single;
        memcpy(&single, &bits, sizeof single);
        x->d = (double)single;
    } else if (f->kind == MSGPACK_FLOAT) {
        memcpy(&x->d, &v, sizeof v);
    } else {
        x->n = f->size ? (uint32_t)v : f->fixed;
        x->boolean = f->fixed != 0;
    }
}

int msgpack_next(struct msgpack *m, struct msgpack_item *out, struct err *e)
{
    struct msgpack_item x = {0};
    const unsigned char *p = m->at;
    if (p == m->end)
        return 0;
    if (!short_form(*p++, &x)) {
        const struct form *f = &forms[p[-1] - 0xc0];
        if (f->size > 8)
            return err_set(e, ERR_INVALID, "the byte 0xc1 begins nothing in MessagePack");
        if ((size_t)(m->end - p) < f->size)
            return 0;
        take_number(&x, f, big_endian(p, f->size));
        p += f->size;
    }
    if (x.kind == MSGPACK_EXT) {
        if (p == m->end)
            return 0;
        x.ext = (int8_t)*p++;
    }
    if (x.kind == MSGPACK_STR || x.kind == MSGPACK_BIN || x.kind == MSGPACK_EXT) {
        if ((size_t)(m->end - p) < x.n)
            return 0;
        x.text = (const char *)p;
        p += x.n;
    }
    m->at = p;
    *out = x;
    return 1;
}

/* What an item owes beyond itself. */
static uint64_t holds(const struct msgpack_item *x)
{
    return x->kind == MSGPACK_ARRAY ? x->n : x->kind == MSGPACK_MAP ? (uint64_t)x->n * 2 : 0;
}

int msgpack_measure(struct msgpack_measure *s, const void *bytes, size_t n, size_t *used,
                    struct err *e)
{
    struct msgpack m = msgpack_of(bytes, n);
    struct msgpack_item x;
    int r = 1;
    if (!s->begun)
        *s = (struct msgpack_measure){.open = 1, .begun = true};
    m.at += s->at;
    while (s->open && (r = msgpack_next(&m, &x, e)) > 0)
        s->open += holds(&x) - 1; /* 2^33 an item, and less than 2^31 items: it cannot overflow */
    s->at = (size_t)(m.at - (const unsigned char *)bytes);
    if (r > 0)
        *used = s->at;
    return r;
}

int msgpack_skip(struct msgpack *m, struct err *e)
{
    struct msgpack_measure s = {0};
    size_t used = 0;
    int r = msgpack_measure(&s, m->at, (size_t)(m->end - m->at), &used, e);
    m->at += r > 0 ? used : 0;
    return r;
}

bool msgpack_time(const struct msgpack_item *x, int64_t *out_ns)
{
    const int64_t second = 1000000000, far = INT64_MAX / second - 1;
    if (x->kind == MSGPACK_EXT && x->ext == EVENT_TIME && x->n == 8) {
        const unsigned char *p = (const unsigned char *)x->text;
        *out_ns = (int64_t)big_endian(p, 4) * second + (int64_t)big_endian(p + 4, 4);
        return true;
    }
    if (x->kind == MSGPACK_INT && x->i >= 0 && x->i <= far)
        *out_ns = x->i * second;
    else if (x->kind == MSGPACK_FLOAT && x->d >= 0 && x->d <= (double)far)
        *out_ns = (int64_t)(x->d * 1e9);
    else
        return false;
    return true;
}

static int plain_value(const struct msgpack_item *x, struct arena *a, struct value **out,
                       struct err *e)
{
    int64_t ns;
    char when[CLOCK_TEXT_MAX];
    switch (x->kind) {
    case MSGPACK_BOOL:
        *out = value_new_bool(a, x->boolean);
        return 1;
    case MSGPACK_INT:
        *out = value_new_int(a, x->i);
        return 1;
    case MSGPACK_UINT:
        *out = value_new_float(a, (double)x->u);
        return 1;
    case MSGPACK_FLOAT:
        *out = isfinite(x->d) ? value_new_float(a, x->d) : value_null(a);
        return 1;
    case MSGPACK_STR:
    case MSGPACK_BIN:
        *out = value_new_strn(a, x->text, x->n);
        return 1;
    case MSGPACK_EXT:
        if (!msgpack_time(x, &ns))
            return err_set(e, ERR_UNSUPPORTED, "extension type %d of MessagePack", x->ext);
        clock_format_rfc3339_nano(ns, when);
        *out = value_new_str(a, when);
        return 1;
    case MSGPACK_NIL:
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        break;
    }
    *out = value_null(a);
    return 1;
}

static int read_value(struct msgpack *m, unsigned depth, struct arena *a, struct value **out,
                      struct err *e);

static int read_pair(struct msgpack *m, unsigned depth, struct arena *a, struct value *object,
                     struct err *e)
{
    struct msgpack_item key;
    struct value *v;
    int r = msgpack_next(m, &key, e);
    if (r <= 0)
        return r;
    if (key.kind != MSGPACK_STR && key.kind != MSGPACK_BIN)
        return err_set(e, ERR_UNSUPPORTED, "a key that is no text in a map of MessagePack");
    r = read_value(m, depth, a, &v, e);
    if (r > 0)
        (void)value_setn(a, object, arena_strndup(a, key.text, key.n), key.n, v);
    return r;
}

static int read_value(struct msgpack *m, unsigned depth, struct arena *a, struct value **out,
                      struct err *e)
{
    struct msgpack_item x;
    struct value *v;
    int r = msgpack_next(m, &x, e);
    if (r <= 0)
        return r;
    if (depth == 0)
        return err_set(e, ERR_TOO_LARGE, "MessagePack that is nested more than %d levels deep",
                       DEPTH_MAX);
    if (x.kind == MSGPACK_MAP && x.n > PAIRS_MAX)
        return err_set(e, ERR_TOO_LARGE, "a map of %u pairs in MessagePack; at most %d are taken",
                       x.n, PAIRS_MAX);
    if (x.kind != MSGPACK_ARRAY && x.kind != MSGPACK_MAP)
        return plain_value(&x, a, out, e);
    struct value *all = x.kind == MSGPACK_ARRAY ? value_new_array(a) : value_new_object(a);
    for (uint32_t i = 0; r > 0 && i < x.n; i++) {
        if (x.kind == MSGPACK_MAP)
            r = read_pair(m, depth - 1, a, all, e);
        else if ((r = read_value(m, depth - 1, a, &v, e)) > 0)
            (void)value_push(a, all, v);
    }
    if (r > 0)
        *out = all;
    return r;
}

int msgpack_value(struct msgpack *m, struct arena *a, struct value **out, struct err *e)
{
    return read_value(m, DEPTH_MAX, a, out, e);
}

/* ---- writing ---- */

static void put(struct buf *b, unsigned char first, uint64_t v, unsigned size)
{
    char bytes[9] = {(char)first};
    for (unsigned i = 0; i < size; i++)
        bytes[1 + i] = (char)(v >> 8 * (size - 1 - i));
    buf_add(b, bytes, 1 + size);
}

/* A count or length: the first byte of the shortest form that holds it. */
static void put_head(struct buf *b, unsigned char fix, uint32_t fix_max, unsigned char two,
                     uint32_t n)
{
    if (n <= fix_max)
        put(b, (unsigned char)(fix | n), 0, 0);
    else if (n <= UINT16_MAX)
        put(b, two, n, 2);
    else
        put(b, (unsigned char)(two + 1), n, 4);
}

void msgpack_put_array(struct buf *b, uint32_t n)
{
    put_head(b, 0x90, 15, 0xdc, n);
}

void msgpack_put_map(struct buf *b, uint32_t n)
{
    put_head(b, 0x80, 15, 0xde, n);
}

void msgpack_put_strn(struct buf *b, const char *s, size_t n)
{
    if (n > 31 && n <= UINT8_MAX)
        put(b, 0xd9, n, 1);
    else
        put_head(b, 0xa0, 31, 0xda, (uint32_t)n);
    buf_add(b, s, n);
}

void msgpack_put_str(struct buf *b, const char *s)
{
    msgpack_put_strn(b, s, strlen(s));
}

void msgpack_put_bin(struct buf *b, const void *bytes, size_t n)
{
    if (n <= UINT8_MAX)
        put(b, 0xc4, n, 1);
    else if (n <= UINT16_MAX)
        put(b, 0xc5, n, 2);
    else
        put(b, 0xc6, n, 4);
    buf_add(b, bytes, n);
}

void msgpack_put_int(struct buf *b, int64_t i)
{
    if (i >= -32 && i < 128)
        put(b, (unsigned char)i, 0, 0);
    else
        put(b, 0xd3, (uint64_t)i, 8);
}

void msgpack_put_bool(struct buf *b, bool yes)
{
    put(b, yes ? 0xc3 : 0xc2, 0, 0);
}

void msgpack_put_time(struct buf *b, int64_t ns)
{
    uint64_t s = (uint64_t)(ns / 1000000000), rest = (uint64_t)(ns % 1000000000);
    put(b, 0xd7, EVENT_TIME, 1);
    for (int i = 3; i >= 0; i--)
        buf_putc(b, (char)(s >> 8 * i));
    for (int i = 3; i >= 0; i--)
        buf_putc(b, (char)(rest >> 8 * i));
}

static void put_float(struct buf *b, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    put(b, 0xcb, bits, 8);
}

void msgpack_put_value(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        put(b, 0xc0, 0, 0);
        break;
    case VALUE_BOOL:
        msgpack_put_bool(b, v->boolean);
        break;
    case VALUE_INT:
        msgpack_put_int(b, v->i);
        break;
    case VALUE_FLOAT:
        put_float(b, v->d);
        break;
    case VALUE_STRING:
        msgpack_put_strn(b, v->text, v->n);
        break;
    case VALUE_ARRAY:
        msgpack_put_array(b, v->n);
        VALUE_EACH_ITEM (x, v)
            msgpack_put_value(b, x);
        break;
    case VALUE_OBJECT:
        msgpack_put_map(b, v->n);
        VALUE_EACH_MEMBER (m, v) {
            msgpack_put_strn(b, m->key, m->key_len);
            msgpack_put_value(b, &m->value);
        }
        break;
    }
}
