/* yaml_print.c - values as sigs.k8s.io/yaml writes them, without recursion. */
#include "codec/number.h"
#include "codec/order_int.h"
#include "codec/utf8.h"
#include "codec/yaml.h"
#include "codec/yaml_int.h"

enum { SIMPLE_KEY_MAX = 128 };

struct frame {
    const struct value *v;
    uint32_t *order; /* of members, when they are not in order as they stand */
    size_t indent;
    uint32_t next;
    bool on_line; /* the first entry follows "- " on its line */
};

struct printer {
    struct buf *out;
    struct buf frames;
    unsigned flags;
};

static void put_indent(struct buf *b, size_t n)
{
    char *to = buf_reserve(b, n);
    if (!to)
        return;
    memset(to, ' ', n);
    b->len += n;
    b->data[b->len] = '\0';
}

/* ---- order: go-yaml's, in which numbers within keys count as numbers ---- */

static bool is_letter(uint32_t c)
{
    return (c | 0x20) - 'a' < 26 || c == 0xaa || c == 0xb5 || c == 0xba ||
           (c >= 0xc0 && c != 0xd7 && c != 0xf7 && (c < 0x2000 || c >= 0x2c00) && c < 0xfe00);
}

static uint32_t rune_of(const char *s, size_t n, size_t *len)
{
    *len = utf8_valid(s, n);
    if (*len)
        return utf8_decode(s, *len);
    *len = 1;
    return UTF8_REPLACEMENT;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t read_digits(const char *s, size_t n, int64_t *value)
{
    size_t i = 0;
    for (; i < n && is_digit(s[i]); i++)
        *value = (int64_t)((uint64_t)*value * 10 + (uint64_t)(s[i] - '0'));
    return i;
}

/* Whether the digits that end at s[at] hold one that is not 0: then a 0 does not lead. */
static bool follows_number(const char *s, size_t at)
{
    while (at > 0 && is_digit(s[at - 1]))
        if (s[--at] != '0')
            return true;
    return false;
}

static int cmp_from(const struct member *a, const struct member *b, size_t at)
{
    const char *x = a->key + at, *y = b->key + at;
    size_t nx = a->key_len - at, ny = b->key_len - at, lx, ly;
    uint32_t cx = rune_of(x, nx, &lx), cy = rune_of(y, ny, &ly);
    bool letter_x = is_letter(cx), letter_y = is_letter(cy);
    int order = cx < cy ? -1 : 1;
    if (letter_x && letter_y)
        return order;
    if (letter_x || letter_y)
        return letter_y ? -1 : 1;
    int64_t vx = 0, vy = 0;
    if ((cx == '0' || cy == '0') && follows_number(a->key, at))
        vx = vy = 1;
    size_t dx = read_digits(x, nx, &vx), dy = read_digits(y, ny, &vy);
    if (vx != vy)
        return vx < vy ? -1 : 1;
    if (dx != dy)
        return dx < dy ? -1 : 1;
    return order;
}

static int key_cmp(const struct member *a, const struct member *b)
{
    size_t n = a->key_len < b->key_len ? a->key_len : b->key_len, at = 0;
    while (at < n && a->key[at] == b->key[at])
        at++;
    if (at == n)
        return (a->key_len > b->key_len) - (a->key_len < b->key_len);
    while (at > 0 && ((unsigned char)a->key[at] & 0xc0) == 0x80)
        at--;
    return cmp_from(a, b, at);
}

/* ---- scalars; each ends its line unless it is a key ---- */

static size_t break_at(const char *s, size_t n, size_t i)
{
    if ((unsigned char)s[i] < 0x80)
        return s[i] == '\n';
    size_t len = utf8_valid(s + i, n - i);
    uint32_t c = len ? utf8_decode(s + i, len) : 0;
    return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029 ? len : 0;
}

static size_t char_before(const char *s, size_t i)
{
    do
        i--;
    while (i > 0 && ((unsigned char)s[i] & 0xc0) == 0x80);
    return i;
}

void yaml__write_block(struct buf *b, char style, const char *s, size_t n)
{
    size_t last = n ? char_before(s, n) : 0;
    buf_putc(b, style);
    if (n > 0 && (*s == ' ' || break_at(s, n, 0)))
        buf_putc(b, '2');
    if (n == 0 || !break_at(s, n, last))
        buf_putc(b, '-');
    else if (last == 0 || break_at(s, n, char_before(s, last)))
        buf_putc(b, '+');
    buf_putc(b, '\n');
}

/* The head and then the lines of the text. */
static void print_literal(struct buf *b, const char *s, size_t n, size_t indent)
{
    yaml__write_block(b, '|', s, n);
    size_t brk = 0;
    for (size_t i = 0; i < n; i += brk) {
        size_t from = i;
        while (i < n && (brk = break_at(s, n, i)) == 0)
            i++;
        if (i > from)
            put_indent(b, indent);
        buf_add(b, s + from, i + brk - from);
    }
    if (!brk)
        buf_putc(b, '\n');
}

static enum yaml_style style_of(const char *s, size_t n, bool key)
{
    struct yaml_shape shape = yaml__shape(s, n);
    if (key && n == 2 && memcmp(s, "<<", 2) == 0)
        return YAML_DOUBLE; /* go-yaml leaves it bare, and it reads as a merge then */
    if (memchr(s, '\n', n) && !key)
        return shape.block ? YAML_LITERAL : YAML_DOUBLE;
    if (memchr(s, '\n', n) || !yaml__reads_as_text(s, n))
        return YAML_DOUBLE;
    if (shape.block_plain && !(key && shape.multiline))
        return YAML_PLAIN;
    return shape.single && !(key && shape.multiline) ? YAML_SINGLE : YAML_DOUBLE;
}

enum yaml_style yaml__style_of(const char *s, size_t n)
{
    return style_of(s, n, false);
}

/* In a simple key nothing may break the line. */
static void print_string(struct buf *b, const char *s, size_t n, struct yaml_lines lines, bool key)
{
    switch (style_of(s, n, key)) {
    case YAML_PLAIN:
        yaml__write_plain(b, s, n, lines);
        break;
    case YAML_SINGLE:
        yaml__write_single(b, s, n, lines);
        break;
    case YAML_DOUBLE:
        yaml__write_double(b, s, n, lines);
        break;
    case YAML_LITERAL:
        print_literal(b, s, n, lines.indent);
        return;
    }
    if (!key)
        buf_putc(b, '\n');
}

static void print_number(struct buf *b, const struct value *v)
{
    struct yaml_scalar s = yaml__resolve(v->text, v->n);
    char text[NUMBER_TEXT_MAX];
    if (s.kind == YAML_INT)
        buf_printf(b, "%lld\n", (long long)s.i);
    else if (s.kind == YAML_UINT)
        buf_printf(b, "%llu\n", (unsigned long long)s.u);
    else
        buf_printf(b, "%.*s\n", (int)number_format_g(v->d, text), text);
}

/* ---- the walk ---- */

static bool is_block(const struct value *v)
{
    return (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) && v->n > 0;
}

static void push(struct printer *p, const struct value *v, size_t indent, bool on_line)
{
    struct frame f = {.v = v, .indent = indent, .on_line = on_line};
    if (v->kind == VALUE_OBJECT && !(p->flags & YAML_KEEP_ORDER))
        f.order = member_order(v, key_cmp);
    buf_add(&p->frames, &f, sizeof f);
}

static struct yaml_lines lines_of(const struct printer *p, size_t indent)
{
    return (struct yaml_lines){indent, p->flags & YAML_FOLD};
}

static void print_leaf(struct printer *p, const struct value *v, size_t indent)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_puts(p->out, "null\n");
        break;
    case VALUE_BOOL:
        buf_puts(p->out, v->boolean ? "true\n" : "false\n");
        break;
    case VALUE_INT:
    case VALUE_FLOAT:
        print_number(p->out, v);
        break;
    case VALUE_STRING:
        print_string(p->out, v->text, v->n, lines_of(p, indent), false);
        break;
    case VALUE_ARRAY:
        buf_puts(p->out, "[]\n");
        break;
    case VALUE_OBJECT:
        buf_puts(p->out, "{}\n");
        break;
    }
}

/* A key that is long or has line breaks stands behind "? " and its value behind ": ". */
static void print_member(struct printer *p, const struct member *m, size_t indent)
{
    struct yaml_shape shape = yaml__shape(m->key, m->key_len);
    bool simple = m->key_len <= SIMPLE_KEY_MAX && !shape.multiline;
    const struct value *v = &m->value;
    if (simple) {
        print_string(p->out, m->key, m->key_len, (struct yaml_lines){0}, true);
    } else {
        buf_puts(p->out, "? ");
        print_string(p->out, m->key, m->key_len, lines_of(p, indent + 2), false);
        put_indent(p->out, indent);
    }
    buf_puts(p->out, simple && is_block(v) ? ":\n" : ": ");
    if (!is_block(v))
        print_leaf(p, v, indent + 2);
    else if (simple && v->kind == VALUE_ARRAY && !(p->flags & YAML_INDENT_LISTS))
        push(p, v, indent, false);
    else
        push(p, v, indent + 2, !simple);
}

static void print_step(struct printer *p)
{
    struct frame *f =
        (struct frame *)(void *)(p->frames.data + p->frames.len - sizeof(struct frame));
    if (f->next == f->v->n) {
        free(f->order);
        buf_cut(&p->frames, p->frames.len - sizeof *f);
        return;
    }
    const struct value *v = f->v;
    size_t indent = f->indent;
    if (f->on_line)
        f->on_line = false;
    else
        put_indent(p->out, indent);
    uint32_t i = f->order ? f->order[f->next] : f->next;
    f->next++;
    if (v->kind == VALUE_OBJECT) {
        print_member(p, &v->members[i], indent);
        return;
    }
    buf_puts(p->out, "- ");
    if (is_block(&v->items[i]))
        push(p, &v->items[i], indent + 2, true);
    else
        print_leaf(p, &v->items[i], indent + 2);
}

void yaml_print(struct buf *b, const struct value *v, unsigned flags)
{
    static const struct value null;
    struct printer p = {.out = b, .flags = flags};
    buf_init(&p.frames, SIZE_MAX / 2);
    v = v ? v : &null;
    if (is_block(v))
        push(&p, v, 0, false);
    else
        print_leaf(&p, v, 2);
    while (p.frames.len)
        print_step(&p);
    buf_done(&p.frames);
}

char *yaml_text(struct arena *a, const struct value *v, unsigned flags)
{
    AUTO_BUF struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    yaml_print(&b, v, flags);
    return arena_strndup(a, buf_text(&b), b.len);
}
