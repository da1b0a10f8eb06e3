/* cel_string.c - the string extension: positions count characters, not bytes. */
#include <math.h>

#include "base/buf.h"
#include "codec/cel_int.h"
#include "codec/number.h"
#include "codec/utf8.h"

enum { TEXT_MAX = 16 << 20 };

static bool is_string(const struct cel_value *v)
{
    return v->kind == CEL_STRING;
}

static size_t char_size(const char *s)
{
    unsigned char c = (unsigned char)*s;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Where character i begins; i may be the length. */
static const char *at_char(const struct cel_value *s, int64_t i)
{
    const char *p = s->text, *end = p + s->n;
    for (; i > 0 && p < end; i--)
        p += char_size(p);
    return p < end ? p : end;
}

static int64_t char_index(const struct cel_value *s, const char *at)
{
    struct cel_value head = cel__string(s->text, (size_t)(at - s->text));
    return (int64_t)cel__length(&head);
}

static int out_of_range(struct cel_run *r, int64_t i)
{
    return cel__fail(r, "index out of range: %lld", (long long)i);
}

/* The text of a buffer as a string of the run. */
static int take_text(struct cel_run *r, const struct buf *b, struct cel_value *out)
{
    int rc = buf_check(b, r->e);
    rc = rc ? rc : cel__charge(r, b->len / 16);
    if (!rc)
        *out = cel__copy_string(r->arena, buf_text(b), b->len);
    return rc;
}

static int char_at(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (!is_string(&args[0]) || args[1].kind != CEL_INT)
        return cel__no_overload(r, "charAt", args, n);
    int64_t length = (int64_t)cel__length(&args[0]), i = args[1].i;
    if (i < 0 || i > length)
        return out_of_range(r, i);
    const char *p = at_char(&args[0], i);
    *out = cel__copy_string(r->arena, p, i == length ? 0 : char_size(p));
    return 0;
}

static int index_of_list(struct cel_run *r, const struct cel_value *args, bool last,
                         struct cel_value *out)
{
    *out = cel__int(-1);
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct cel_value item = cel__item(r, &args[0], i);
        if ((last || out->i < 0) && cel__equal(r, &item, &args[1]))
            *out = cel__int(i);
    }
    return cel__charge(r, args[0].n);
}

static int index_of(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind == CEL_LIST && n == 2)
        return index_of_list(r, args, false, out);
    if (!is_string(&args[0]) || !is_string(&args[1]) || (n == 3 && args[2].kind != CEL_INT))
        return cel__no_overload(r, "indexOf", args, n);
    int64_t from = n == 3 ? args[2].i : 0, length = (int64_t)cel__length(&args[0]);
    if (from < 0 || (from > length && n == 3))
        return out_of_range(r, from);
    const char *start = at_char(&args[0], from), *end = args[0].text + args[0].n;
    const char *hit = memmem(start, (size_t)(end - start), args[1].text, args[1].n);
    *out = cel__int(hit ? char_index(&args[0], hit) : -1);
    return cel__charge(r, args[0].n / 16);
}

static int last_index_of(struct cel_run *r, const struct cel_value *args, size_t n,
                         struct cel_value *out)
{
    if (args[0].kind == CEL_LIST && n == 2)
        return index_of_list(r, args, true, out);
    if (!is_string(&args[0]) || !is_string(&args[1]) || (n == 3 && args[2].kind != CEL_INT))
        return cel__no_overload(r, "lastIndexOf", args, n);
    int64_t length = (int64_t)cel__length(&args[0]), from = n == 3 ? args[2].i : length;
    if (from < 0 || from > length)
        return out_of_range(r, from);
    const char *p = at_char(&args[0], from), *end = args[0].text + args[0].n;
    int rc = cel__charge(r, args[0].n / 16);
    if (rc)
        return rc;
    for (;; p--) {
        if ((size_t)(end - p) >= args[1].n && memcmp(p, args[1].text, args[1].n) == 0) {
            *out = cel__int(char_index(&args[0], p));
            return 0;
        }
        if (p == args[0].text)
            break;
    }
    *out = cel__int(-1);
    return 0;
}

static int join(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (args[0].kind != CEL_LIST || (n == 2 && !is_string(&args[1])))
        return cel__no_overload(r, "join", args, n);
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct cel_value item = cel__item(r, &args[0], i);
        if (!is_string(&item))
            return cel__no_overload(r, "join", args, n);
        if (i > 0 && n == 2)
            buf_add(&b, args[1].text, args[1].n);
        buf_add(&b, item.text, item.n);
    }
    return take_text(r, &b, out);
}

static int change_case(struct cel_run *r, const char *name, char first,
                       const struct cel_value *args, struct cel_value *out)
{
    if (!is_string(&args[0]))
        return cel__no_overload(r, name, args, 1);
    char *text = arena_strndup(r->arena, args[0].text, args[0].n);
    for (uint32_t i = 0; i < args[0].n; i++)
        if (text[i] >= first && text[i] <= first + 25)
            text[i] = (char)(text[i] ^ 0x20);
    *out = cel__string(text, args[0].n);
    return cel__charge(r, args[0].n / 16);
}

static int lower_ascii(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    (void)n;
    return change_case(r, "lowerAscii", 'A', args, out);
}

static int upper_ascii(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    (void)n;
    return change_case(r, "upperAscii", 'a', args, out);
}

/* An empty text stands between all characters. */
static int replace(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (!is_string(&args[0]) || !is_string(&args[1]) || !is_string(&args[2]) ||
        (n == 4 && args[3].kind != CEL_INT))
        return cel__no_overload(r, "replace", args, n);
    int64_t left = n == 4 ? args[3].i : -1;
    const char *p = args[0].text, *end = p + args[0].n;
    while (left != 0) {
        const char *hit = memmem(p, (size_t)(end - p), args[1].text, args[1].n);
        if (!hit)
            break;
        buf_add(&b, p, (size_t)(hit - p));
        buf_add(&b, args[2].text, args[2].n);
        left -= left > 0;
        p = hit + args[1].n;
        if (args[1].n > 0)
            continue;
        if (p == end)
            break;
        buf_add(&b, p, char_size(p));
        p += char_size(p);
    }
    if (args[1].n > 0 || p < end)
        buf_add(&b, p, (size_t)(end - p));
    return take_text(r, &b, out);
}

static int split(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (!is_string(&args[0]) || !is_string(&args[1]) || (n == 3 && args[2].kind != CEL_INT))
        return cel__no_overload(r, "split", args, n);
    int64_t limit = n == 3 ? args[2].i : -1;
    int rc = cel__charge(r, args[0].n / 8);
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, (size_t)args[0].n + 1);
    const char *p = args[0].text, *end = p + args[0].n;
    size_t count = 0;
    while (!rc && limit != 0 && (limit < 0 || (int64_t)count < limit - 1)) {
        const char *hit = memmem(p, (size_t)(end - p), args[1].text, args[1].n);
        if (args[1].n == 0)
            hit = p < end && p + char_size(p) < end ? p + char_size(p) : NULL;
        if (!hit)
            break;
        items[count++] = cel__copy_string(r->arena, p, (size_t)(hit - p));
        p = hit + args[1].n;
    }
    bool rest = args[1].n > 0 || p < end;
    if (limit != 0 && rest)
        items[count++] = cel__copy_string(r->arena, p, (size_t)(end - p));
    *out = cel__list(items, count);
    return rc;
}

static int substring(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    if (!is_string(&args[0]) || args[1].kind != CEL_INT || (n == 3 && args[2].kind != CEL_INT))
        return cel__no_overload(r, "substring", args, n);
    int64_t length = (int64_t)cel__length(&args[0]), from = args[1].i;
    int64_t to = n == 3 ? args[2].i : length;
    if (from < 0 || from > length)
        return out_of_range(r, from);
    if (to < 0 || to > length)
        return out_of_range(r, to);
    if (from > to)
        return cel__fail(r, "invalid substring range. start: %lld, end: %lld", (long long)from,
                         (long long)to);
    const char *start = at_char(&args[0], from), *end = at_char(&args[0], to);
    *out = cel__copy_string(r->arena, start, (size_t)(end - start));
    return cel__charge(r, args[0].n / 16);
}

static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static int trim(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (!is_string(&args[0]))
        return cel__no_overload(r, "trim", args, n);
    const char *p = args[0].text, *end = p + args[0].n;
    while (p < end && is_space(utf8_decode(p, char_size(p))))
        p += char_size(p);
    while (end > p) {
        const char *last = end - 1;
        while (last > p && ((unsigned char)*last & 0xc0) == 0x80)
            last--;
        if (!is_space(utf8_decode(last, (size_t)(end - last))))
            break;
        end = last;
    }
    *out = cel__copy_string(r->arena, p, (size_t)(end - p));
    return 0;
}

static int reverse(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind == CEL_LIST) {
        struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, args[0].n);
        for (uint32_t i = 0; i < args[0].n; i++)
            items[i] = cel__item(r, &args[0], args[0].n - 1 - i);
        *out = cel__list(items, args[0].n);
        return cel__charge(r, args[0].n);
    }
    if (!is_string(&args[0]))
        return cel__no_overload(r, "reverse", args, n);
    char *text = arena_alloc(r->arena, (size_t)args[0].n + 1), *to = text + args[0].n;
    for (const char *p = args[0].text, *end = p + args[0].n; p < end; p += char_size(p)) {
        to -= char_size(p);
        memcpy(to, p, char_size(p));
    }
    *out = cel__string(text, args[0].n);
    return cel__charge(r, args[0].n / 16);
}

static int quote(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (!is_string(&args[0]))
        return cel__no_overload(r, "strings.quote", args, n);
    buf_putc(&b, '"');
    for (uint32_t i = 0; i < args[0].n; i++) {
        char c = args[0].text[i];
        const char *hit = c ? strchr(from, c) : NULL;
        if (hit)
            buf_add(&b, (char[]){'\\', to[hit - from]}, 2);
        else
            buf_putc(&b, c);
    }
    buf_putc(&b, '"');
    return take_text(r, &b, out);
}

/* ---- format ---- */

static void format_value(struct cel_run *r, struct buf *b, const struct cel_value *v);

static int entry_cmp(const void *x, const void *y)
{
    const struct value *a = *(const struct value *const *)x, *b = *(const struct value *const *)y;
    return strcmp(a->text, b->text);
}

/* Keys in the order of their text. */
static void format_map(struct cel_run *r, struct buf *b, const struct cel_value *v)
{
    struct value **lines = ARENA_ARRAY(r->arena, struct value *, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        AUTO_BUF struct buf line;
        buf_init(&line, TEXT_MAX);
        struct cel_entry entry = cel__entry(r, v, i);
        format_value(r, &line, &entry.key);
        buf_puts(&line, ": ");
        format_value(r, &line, &entry.value);
        lines[i] = value_new_strn(r->arena, buf_text(&line), line.len);
    }
    if (v->n)
        qsort(lines, v->n, sizeof *lines, entry_cmp);
    buf_putc(b, '{');
    for (uint32_t i = 0; i < v->n; i++)
        buf_printf(b, "%s%s", i ? ", " : "", lines[i]->text);
    buf_putc(b, '}');
}

static void format_double(struct buf *b, double d)
{
    char text[NUMBER_PLAIN_MAX];
    if (isnan(d) || isinf(d))
        buf_puts(b, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    else
        buf_add(b, text, number_format_plain(d, text));
}

/* As %s shows it. */
static void format_value(struct cel_run *r, struct buf *b, const struct cel_value *v)
{
    switch (v->kind) {
    case CEL_NULL:
        buf_puts(b, "null");
        break;
    case CEL_BOOL:
        buf_puts(b, v->b ? "true" : "false");
        break;
    case CEL_INT:
        buf_printf(b, "%lld", (long long)v->i);
        break;
    case CEL_UINT:
        buf_printf(b, "%llu", (unsigned long long)v->u);
        break;
    case CEL_DOUBLE:
        format_double(b, v->d);
        break;
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_TYPE:
        buf_add(b, v->text, v->n);
        break;
    case CEL_LIST:
        buf_putc(b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            struct cel_value item = cel__item(r, v, i);
            buf_puts(b, i ? ", " : "");
            format_value(r, b, &item);
        }
        buf_putc(b, ']');
        break;
    case CEL_MAP:
        format_map(r, b, v);
        break;
    case CEL_TIMESTAMP:
        buf_puts(b, cel__timestamp_text(r->arena, v));
        break;
    case CEL_DURATION:
        buf_puts(b, cel__duration_text(r->arena, v));
        break;
    case CEL_OPTIONAL:
        if (v->n)
            format_value(r, b, &v->items[0]);
        else
            buf_puts(b, "none");
        break;
    }
}

static bool is_number(const struct cel_value *v)
{
    return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

static double as_double(const struct cel_value *v)
{
    return v->kind == CEL_INT ? (double)v->i : v->kind == CEL_UINT ? (double)v->u : v->d;
}

static int bad_clause(struct cel_run *r, char clause, const struct cel_value *v)
{
    return cel__fail(r, "error during formatting: %%%c does not take %s", clause,
                     cel__type_name(v));
}

static int format_float(struct cel_run *r, struct buf *b, char clause, int precision,
                        const struct cel_value *v)
{
    char text[700];
    if (!is_number(v))
        return bad_clause(r, clause, v);
    double d = as_double(v);
    if (isnan(d) || isinf(d)) {
        format_double(b, d);
        return 0;
    }
    (void)snprintf(text, sizeof text, clause == 'f' ? "%.*f" : "%.*e", precision, d);
    buf_puts(b, text);
    return 0;
}

static int format_base(struct cel_run *r, struct buf *b, char clause, const struct cel_value *v)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    const char *set = clause == 'X' ? upper : lower;
    if ((v->kind == CEL_STRING || v->kind == CEL_BYTES) && (clause == 'x' || clause == 'X')) {
        for (uint32_t i = 0; i < v->n; i++) {
            unsigned char c = (unsigned char)v->text[i];
            buf_add(b, (char[]){set[c >> 4], set[c & 15]}, 2);
        }
        return 0;
    }
    bool boolean = v->kind == CEL_BOOL && clause == 'b';
    if (v->kind != CEL_INT && v->kind != CEL_UINT && !boolean)
        return bad_clause(r, clause, v);
    unsigned shift = clause == 'b' ? 1 : clause == 'o' ? 3 : 4;
    bool negative = v->kind == CEL_INT && v->i < 0;
    uint64_t u = boolean ? v->b : negative ? 0 - v->u : v->u;
    char text[66], *p = text + sizeof text;
    do
        *--p = set[u & ((1u << shift) - 1)];
    while (u >>= shift);
    if (negative)
        *--p = '-';
    buf_add(b, p, (size_t)(text + sizeof text - p));
    return 0;
}

static int format_clause(struct cel_run *r, struct buf *b, char clause, int precision,
                         const struct cel_value *v)
{
    switch (clause) {
    case 's':
        format_value(r, b, v);
        return 0;
    case 'd':
        if (!is_number(v))
            return bad_clause(r, clause, v);
        format_value(r, b, v);
        return 0;
    case 'f':
    case 'e':
        return format_float(r, b, clause, precision, v);
    case 'x':
    case 'X':
    case 'o':
    case 'b':
        return format_base(r, b, clause, v);
    default:
        return cel__fail(
            r, "could not parse formatting clause: unrecognized formatting clause \"%c\"", clause);
    }
}

/* ".3" behind a percent sign; 6 when there is none, negative when malformed. */
static int read_precision(const char **p)
{
    if (**p != '.')
        return 6;
    char *stop = NULL;
    long n = strtol(*p + 1, &stop, 10);
    bool good = (*p)[1] >= '0' && (*p)[1] <= '9' && n <= 300;
    *p = stop;
    return good ? (int)n : -1;
}

static int format(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    AUTO_BUF struct buf b;
    uint32_t used = 0;
    buf_init(&b, TEXT_MAX);
    if (!is_string(&args[0]) || args[1].kind != CEL_LIST)
        return cel__no_overload(r, "format", args, n);
    for (const char *p = args[0].text, *end = p + args[0].n; p < end; p++) {
        if (*p != '%') {
            buf_putc(&b, *p);
            continue;
        }
        if (*++p == '%') {
            buf_putc(&b, '%');
            continue;
        }
        int precision = read_precision(&p);
        if (p >= end || precision < 0)
            return cel__fail(r, "unexpected end of formatting clause");
        if (used >= args[1].n)
            return cel__fail(r, "index %u out of range", used);
        struct cel_value v = cel__item(r, &args[1], used++);
        int rc = format_clause(r, &b, *p, precision, &v);
        if (rc)
            return rc;
    }
    return take_text(r, &b, out);
}

const struct cel_builtin cel__string_functions[] = {
    {"charAt",        2, 2, char_at      },
    {"indexOf",       2, 3, index_of     },
    {"lastIndexOf",   2, 3, last_index_of},
    {"join",          1, 2, join         },
    {"lowerAscii",    1, 1, lower_ascii  },
    {"upperAscii",    1, 1, upper_ascii  },
    {"replace",       3, 4, replace      },
    {"split",         2, 3, split        },
    {"substring",     2, 3, substring    },
    {"trim",          1, 1, trim         },
    {"reverse",       1, 1, reverse      },
    {"strings.quote", 1, 1, quote        },
    {"format",        2, 2, format       },
};
const size_t cel__n_string_functions = ARRAY_LEN(cel__string_functions);
