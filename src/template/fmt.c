#include "template/fmt_int.h"

#include "base/own.h"

#include "base/banned.h"

enum { DEPTH_MAX = 1000, WIDTH_MAX = 1000000 };

static void print_value(struct format *f, const struct go_value *v, uint32_t verb);

/* ---- one value ---- */

static void bad_verb(struct format *f, const struct go_value *v, uint32_t verb)
{
    struct format plain = {.run = f->run, .out = f->out, .depth = f->depth};
    buf_puts(f->out, "%!");
    unicode_put(f->out, verb);
    buf_putc(f->out, '(');
    if (go_kind_of(v) == GO_INVALID || go_kind_of(v) == GO_INTERFACE) {
        buf_puts(f->out, "<nil>");
    } else {
        plain = *f;
        buf_puts(f->out, v->type->name);
        buf_putc(f->out, '=');
        print_value(&plain, v, 'v');
    }
    buf_putc(f->out, ')');
}

bool fmt__stringer(struct template_run *r, const struct go_value *v, struct go_value *out)
{
    if (!v->type || !v->type->stringer)
        return false;
    struct go_call c = {r, r->arena, v->type->stringer, v};
    return v->type->stringer->call(&c, NULL, 0, out) == 0;
}

static void print_pointer(struct format *f, const struct go_value *v, uint32_t verb)
{
    struct format plain = *f;
    if (!v->opaque && verb == 'v' && !f->sharp_v) {
        format__pad(f, "<nil>", 5);
        return;
    }
    if (verb == 'v' && f->sharp_v)
        buf_printf(f->out, "(%s)(", v->type->name);
    if (verb == 'v' || verb == 'p')
        plain.sharp = f->sharp_v || !f->sharp;
    plain.sharp_v = false;
    if (!v->opaque && f->sharp_v)
        buf_puts(f->out, "nil");
    else if (strchr("vpbodxX", (int)verb) && verb)
        format__integer(&plain, (uintptr_t)v->opaque, false, strchr("vp", (int)verb) ? 'x' : verb);
    else
        bad_verb(f, v, verb);
    buf_puts(f->out, verb == 'v' && f->sharp_v ? ")" : "");
}

static void open_group(struct format *f, const struct go_value *v, const char *plain)
{
    buf_puts(f->out, f->sharp_v ? v->type->name : plain);
    buf_puts(f->out, f->sharp_v ? "{" : "");
}

static void print_map(struct format *f, const struct go_value *v, uint32_t verb)
{
    if (f->sharp_v && !v->map) {
        buf_printf(f->out, "%s(nil)", v->type->name);
        return;
    }
    open_group(f, v, "map[");
    size_t n = 0;
    const struct go_entry *entries = go_map_sorted(v->map, &n);
    for (size_t i = 0; i < n && !f->out->overflow; i++) {
        struct go_value key = go_strn(entries[i].key, entries[i].n);
        buf_puts(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        print_value(f, &key, verb);
        buf_putc(f->out, ':');
        print_value(f, &entries[i].value, verb);
    }
    buf_putc(f->out, f->sharp_v ? '}' : ']');
}

static void print_list(struct format *f, const struct go_value *v, uint32_t verb)
{
    if (v->type == &go_bytes_type && verb && verb < 0x80 && strchr("sqxX", (int)verb)) {
        format__string(f, v->s, v->n, verb);
        return;
    }
    if (f->sharp_v && !v->items) {
        buf_printf(f->out, "%s(nil)", v->type->name);
        return;
    }
    if (f->sharp_v)
        buf_printf(f->out, "%s{", v->type == &go_bytes_type ? "[]byte" : v->type->name);
    else
        buf_putc(f->out, '[');
    for (uint32_t i = 0; i < v->n && !f->out->overflow; i++) {
        struct go_value item = go_item(v, i);
        buf_puts(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        print_value(f, &item, verb);
    }
    buf_putc(f->out, f->sharp_v ? '}' : ']');
}

static void print_fields(struct format *f, const struct go_type *t, const struct go_value *fields,
                         uint32_t verb)
{
    if (f->sharp_v)
        buf_puts(f->out, t->name);
    buf_putc(f->out, '{');
    for (uint32_t i = 0; i < t->n_fields; i++) {
        buf_puts(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        if (f->sharp_v || f->plus_v)
            buf_printf(f->out, "%s:", t->fields[i].name);
        print_value(f, &fields[i], verb);
    }
    buf_putc(f->out, '}');
}

static void print_compound(struct format *f, const struct go_value *v, uint32_t verb)
{
    if (++f->depth > DEPTH_MAX) {
        buf_puts(f->out, "%!(too deep)");
        f->depth--;
        return;
    }
    switch ((int)v->type->kind) {
    case GO_MAP:
        print_map(f, v, verb);
        break;
    case GO_SLICE:
        print_list(f, v, verb);
        break;
    case GO_STRUCT:
        print_fields(f, v->type, v->fields, verb);
        break;
    case GO_PTR:
        if (f->depth == 1 && v->opaque && v->type->elem->n_fields) {
            buf_putc(f->out, '&');
            print_fields(f, v->type->elem, v->fields, verb);
        } else {
            print_pointer(f, v, verb);
        }
        break;
    }
    f->depth--;
}

static void print_complex(struct format *f, const struct go_complex *c, uint32_t verb,
                          int precision)
{
    bool plus = f->plus;
    buf_putc(f->out, '(');
    format__float(f, c->re, verb, precision);
    f->plus = true;
    format__float(f, c->im, verb, precision);
    f->plus = plus;
    buf_puts(f->out, "i)");
}

/* A number or text; its verb is one that it takes. */
static void print_simple(struct format *f, const struct go_value *v, uint32_t verb)
{
    uint32_t shape = verb == 'v' ? 'g' : verb == 'F' ? 'f' : verb;
    int precision = shape == 'f' || shape == 'e' || shape == 'E' ? 6 : -1;
    switch ((int)v->type->kind) {
    case GO_BOOL:
        format__pad(f, v->b ? "true" : "false", v->b ? 4 : 5);
        break;
    case GO_FLOAT64:
        format__float(f, v->f, shape, precision);
        break;
    case GO_COMPLEX128:
        print_complex(f, v->complex, shape, precision);
        break;
    case GO_STRING:
        format__string(f, v->s, v->n, verb);
        break;
    default:
        format__integer(f, v->u, v->type->kind <= GO_INT64, verb);
    }
}

static void print_value(struct format *f, const struct go_value *v, uint32_t verb)
{
    enum go_kind kind = go_kind_of(v);
    struct go_value text;
    bool simple = kind >= GO_BOOL && kind <= GO_STRING;
    if (kind == GO_INVALID || kind == GO_INTERFACE) {
        if (f->depth == 0 && verb != 'v')
            bad_verb(f, v, verb);
        else if (f->depth == 0)
            format__pad(f, "<nil>", 5);
        else
            buf_puts(f->out, f->sharp_v ? "interface {}(nil)" : "<nil>");
    } else if (!f->sharp_v && verb && verb < 0x80 && strchr("vsxXq", (int)verb) &&
               fmt__stringer(f->run, v, &text)) {
        format__string(f, text.s, text.n, verb);
    } else if (simple) {
        if (format__takes(kind, verb))
            print_simple(f, v, verb);
        else
            bad_verb(f, v, verb);
    } else {
        print_compound(f, v, verb);
    }
}

static void print_arg(struct format *f, const struct go_value *v, uint32_t verb)
{
    if (verb == 'T') {
        const char *name = go_type_name(v);
        if (go_kind_of(v) == GO_INTERFACE || !v->type)
            format__pad(f, name, strlen(name));
        else
            format__string(f, name, strlen(name), 's');
        return;
    }
    bool points = go_kind_of(v) == GO_MAP || go_kind_of(v) == GO_SLICE || go_kind_of(v) == GO_PTR;
    if (verb == 'w' || (verb == 'p' && !points))
        bad_verb(f, v, verb);
    else if (verb == 'p')
        print_pointer(f, v, verb);
    else
        print_value(f, v, verb);
}

void fmt__print(struct template_run *r, struct buf *b, const struct go_value *v)
{
    struct format f = {.run = r, .out = b};
    print_value(&f, v, 'v');
}

void fmt__print_all(struct template_run *r, struct buf *b, const struct go_value *args, size_t n,
                    bool line)
{
    bool before = true;
    for (size_t i = 0; i < n; i++) {
        bool string = go_kind_of(&args[i]) == GO_STRING;
        if (i && (line || (!string && !before)))
            buf_putc(b, ' ');
        fmt__print(r, b, &args[i]);
        before = string;
    }
    if (line)
        buf_putc(b, '\n');
}

/* ---- formats ---- */

struct scan {
    const char *s;
    size_t n, at;
    const struct go_value *args;
    size_t n_args, arg;
    bool reordered, good_arg, after_index;
};

static bool read_number(const char *s, size_t *at, size_t end, long *out)
{
    size_t i = *at;
    *out = 0;
    for (; i < end && s[i] >= '0' && s[i] <= '9'; i++) {
        if (*out > WIDTH_MAX) {
            *out = 0;
            *at = end;
            return false;
        }
        *out = *out * 10 + (s[i] - '0');
    }
    bool some = i > *at;
    *at = i;
    return some;
}

/* "[3]": the argument that comes next. */
static bool read_index(struct scan *s)
{
    if (s->at >= s->n || s->s[s->at] != '[')
        return false;
    s->reordered = true;
    const char *close = s->n - s->at < 3 ? NULL : memchr(s->s + s->at, ']', s->n - s->at);
    if (!close) {
        s->good_arg = false;
        s->at++;
        return false;
    }
    size_t end = (size_t)(close - s->s), at = s->at + 1;
    long number;
    bool good = read_number(s->s, &at, end, &number) && at == end;
    s->at = end + 1;
    if (good && number >= 1 && (size_t)number <= s->n_args) {
        s->arg = (size_t)number - 1;
        return true;
    }
    s->good_arg = false;
    return good;
}

/* The * of a width or precision. */
static bool number_from_arg(struct scan *s, long *out)
{
    *out = 0;
    if (s->arg >= s->n_args)
        return false;
    const struct go_value *v = &s->args[s->arg++];
    enum go_kind kind = go_kind_of(v);
    if (kind < GO_INT || kind > GO_UINT64 || v->i > WIDTH_MAX || v->i < -WIDTH_MAX)
        return false;
    *out = (long)v->i;
    return true;
}

static void read_flags(struct scan *s, struct format *f)
{
    for (; s->at < s->n; s->at++)
        switch (s->s[s->at]) {
        case '#':
            f->sharp = true;
            break;
        case '0':
            f->zero = true;
            break;
        case '+':
            f->plus = true;
            break;
        case '-':
            f->minus = true;
            break;
        case ' ':
            f->space = true;
            break;
        default:
            return;
        }
}

static void read_width(struct scan *s, struct format *f)
{
    if (s->at < s->n && s->s[s->at] == '*') {
        s->at++;
        f->has_width = number_from_arg(s, &f->width);
        if (!f->has_width)
            buf_puts(f->out, "%!(BADWIDTH)");
        if (f->width < 0) {
            f->width = -f->width;
            f->minus = true;
            f->zero = false;
        }
        s->after_index = false;
        return;
    }
    f->has_width = read_number(s->s, &s->at, s->n, &f->width);
    if (s->after_index && f->has_width)
        s->good_arg = false;
}

static void read_precision(struct scan *s, struct format *f)
{
    if (s->at + 1 >= s->n || s->s[s->at] != '.')
        return;
    s->at++;
    if (s->after_index)
        s->good_arg = false;
    s->after_index = read_index(s);
    if (s->at < s->n && s->s[s->at] == '*') {
        s->at++;
        f->has_precision = number_from_arg(s, &f->precision);
        if (f->precision < 0) {
            f->precision = 0;
            f->has_precision = false;
        }
        if (!f->has_precision)
            buf_puts(f->out, "%!(BADPREC)");
        s->after_index = false;
        return;
    }
    (void)read_number(s->s, &s->at, s->n, &f->precision);
    f->has_precision = true;
}

static void print_verb(struct scan *s, struct format *f)
{
    size_t len;
    uint32_t verb = unicode_decode(s->s + s->at, s->n - s->at, &len);
    s->at += len;
    if (verb == '%') {
        buf_putc(f->out, '%');
    } else if (!s->good_arg || s->arg >= s->n_args) {
        buf_puts(f->out, "%!");
        unicode_put(f->out, verb);
        buf_puts(f->out, s->good_arg ? "(MISSING)" : "(BADINDEX)");
    } else {
        if (verb == 'v') {
            f->sharp_v = f->sharp;
            f->plus_v = f->plus;
            f->sharp = f->plus = false;
        }
        print_arg(f, &s->args[s->arg++], verb);
    }
}

static void print_extra(struct template_run *r, struct buf *b, const struct scan *s)
{
    buf_puts(b, "%!(EXTRA ");
    for (size_t i = s->arg; i < s->n_args; i++) {
        const struct go_value *v = &s->args[i];
        buf_puts(b, i > s->arg ? ", " : "");
        buf_puts(b, go_type_name(v));
        if (v->type && v->type->kind != GO_INTERFACE) {
            buf_putc(b, '=');
            fmt__print(r, b, v);
        }
    }
    buf_putc(b, ')');
}

void fmt__printf(struct template_run *r, struct buf *b, const char *format, size_t n,
                 const struct go_value *args, size_t n_args)
{
    struct scan s = {.s = format, .n = n, .args = args, .n_args = n_args};
    while (s.at < n) {
        const char *percent = memchr(format + s.at, '%', n - s.at);
        size_t plain = percent ? (size_t)(percent - format) : n;
        buf_add(b, format + s.at, plain - s.at);
        s.at = plain;
        if (!percent)
            break;
        s.at++;
        s.good_arg = true;
        struct format f = {.run = r, .out = b};
        read_flags(&s, &f);
        s.after_index = read_index(&s);
        read_width(&s, &f);
        read_precision(&s, &f);
        if (!s.after_index)
            s.after_index = read_index(&s);
        if (s.at >= n) {
            buf_puts(b, "%!(NOVERB)");
            break;
        }
        print_verb(&s, &f);
    }
    if (!s.reordered && s.arg < n_args)
        print_extra(r, b, &s);
}
