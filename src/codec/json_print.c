/* json_print.c - values as Go's encoding/json writes them, without recursion. */
#include "codec/json.h"

#include "codec/order_int.h"
#include "codec/utf8.h"

struct frame {
    const struct value *v;
    uint32_t next;
    uint32_t *order; /* of members, when they are not in order as they stand */
};

struct printer {
    struct buf *out;
    unsigned flags;
    struct buf frames;
};

static void print_indent(const struct printer *p, size_t depth)
{
    size_t n = depth * (p->flags & JSON_INDENT4 ? 4 : 2);
    char *to = buf_reserve(p->out, n + 1);
    if (!to)
        return;
    *to = '\n';
    memset(to + 1, ' ', n);
    p->out->len += n + 1;
}

/* ---- strings ---- */

/* 1: an escape; 2: an escape unless JSON_NO_HTML; 3: the start of a longer character. */
static const unsigned char special[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, ['<'] = 2, ['>'] = 2, ['&'] = 2, [0x80 ... 0xff] = 3,
};

static void print_escape(struct buf *b, unsigned char c)
{
    static const char short_form[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                         ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    if (short_form[c]) {
        buf_add(b, (char[]){'\\', short_form[c]}, 2);
        return;
    }
    buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Whether eight bytes hold nothing that is written otherwise. */
static bool is_clean(const char *s)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t w;
    memcpy(&w, s, 8);
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\'), amp = w ^ (ones * '&');
    uint64_t angle = (w | (ones * 2)) ^ (ones * '>'); /* '<' differs from '>' in one bit */
    uint64_t hit =
        (quote - ones) | (slash - ones) | (amp - ones) | (angle - ones) | (w - ones * 0x20) | w;
    return !(hit & high);
}

/* How many bytes from s on stand as they are. */
static size_t clean_run(const char *s, size_t n, unsigned flags)
{
    size_t i = 0;
    while (i + 8 <= n && is_clean(s + i))
        i += 8;
    while (i < n) {
        unsigned char kind = special[(unsigned char)s[i]];
        if (kind && !(kind == 2 && flags & JSON_NO_HTML))
            break;
        i++;
    }
    return i;
}

/* At a byte that is not clean: writes it and returns its length. */
static size_t print_special(struct buf *b, const char *s, size_t n)
{
    if (special[(unsigned char)*s] != 3) {
        print_escape(b, (unsigned char)*s);
        return 1;
    }
    size_t len = utf8_valid(s, n);
    if (len == 0) {
        buf_puts(b, "\\ufffd");
        return 1;
    }
    if (len == 3 && memcmp(s, "\xe2\x80\xa8", 3) == 0)
        buf_puts(b, "\\u2028");
    else if (len == 3 && memcmp(s, "\xe2\x80\xa9", 3) == 0)
        buf_puts(b, "\\u2029");
    else
        buf_add(b, s, len);
    return len;
}

static inline void put(struct buf *b, char c)
{
    if (b->len + 1 < b->cap && b->len < b->max) {
        b->data[b->len++] = c;
        b->data[b->len] = '\0';
    } else {
        buf_putc(b, c);
    }
}

void json_print_string(struct buf *b, const char *s, size_t n, unsigned flags)
{
    put(b, '"');
    for (size_t i = 0; i < n;) {
        size_t run = clean_run(s + i, n - i, flags);
        buf_add(b, s + i, run);
        i += run;
        if (i < n)
            i += print_special(b, s + i, n - i);
    }
    put(b, '"');
}

/* ---- order ---- */

static int key_cmp(const struct member *a, const struct member *b)
{
    size_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
    int c = memcmp(a->key, b->key, n);
    return c ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

/* ---- the walk ---- */

static void print_scalar(struct buf *b, const struct value *v, unsigned flags)
{
    switch (v->kind) {
    case VALUE_BOOL:
        buf_puts(b, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
    case VALUE_FLOAT:
        buf_add(b, v->text, v->n);
        break;
    case VALUE_STRING:
        json_print_string(b, v->text, v->n, flags);
        break;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        buf_puts(b, "null");
        break;
    }
}

static bool is_container(const struct value *v)
{
    return v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT;
}

static void print_value(struct printer *p, const struct value *v)
{
    if (!is_container(v)) {
        print_scalar(p->out, v, p->flags);
    } else if (v->n == 0) {
        buf_puts(p->out, v->kind == VALUE_ARRAY ? "[]" : "{}");
    } else {
        struct frame f = {.v = v};
        if (v->kind == VALUE_OBJECT && p->flags & JSON_SORTED)
            f.order = member_order(v, key_cmp);
        put(p->out, v->kind == VALUE_ARRAY ? '[' : '{');
        buf_add(&p->frames, &f, sizeof f);
    }
}

/* The next element of the innermost container, or its end. */
static void print_step(struct printer *p)
{
    size_t depth = p->frames.len / sizeof(struct frame);
    struct frame *f = (struct frame *)(void *)p->frames.data + depth - 1;
    const struct value *v = f->v;
    if (f->next == v->n) {
        free(f->order);
        buf_cut(&p->frames, p->frames.len - sizeof *f);
        if (p->flags & JSON_PRETTY)
            print_indent(p, depth - 1);
        put(p->out, v->kind == VALUE_ARRAY ? ']' : '}');
        return;
    }
    uint32_t i = f->next++;
    if (i > 0)
        put(p->out, ',');
    if (p->flags & JSON_PRETTY)
        print_indent(p, depth);
    if (v->kind == VALUE_ARRAY) {
        print_value(p, &v->items[i]);
        return;
    }
    const struct member *m = &v->members[f->order ? f->order[i] : i];
    json_print_string(p->out, m->key, m->key_len, p->flags);
    put(p->out, ':');
    if (p->flags & JSON_PRETTY)
        put(p->out, ' ');
    print_value(p, &m->value);
}

void json_print(struct buf *b, const struct value *v, unsigned flags)
{
    struct printer p = {.out = b, .flags = flags};
    buf_init(&p.frames, SIZE_MAX / 2);
    if (v)
        print_value(&p, v);
    else
        buf_puts(b, "null");
    while (p.frames.len)
        print_step(&p);
    buf_done(&p.frames);
}

char *json_text(struct arena *a, const struct value *v, unsigned flags)
{
    AUTO_BUF struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    json_print(&b, v, flags);
    return arena_strndup(a, buf_text(&b), b.len);
}
