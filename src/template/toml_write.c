/* TOML as BurntSushi's encoder writes it: what is no table first, keys in order, tables indented.
 */
#include <math.h>

#include "codec/number.h"
#include "template/sprig_int.h"
#include "template/time_int.h"

#include "base/banned.h"

enum { DEPTH_MAX = 200 };

struct writer {
    struct go_call *call;
    struct buf *out;
    bool written;
    const char *error;
};

/* The keys from the top down to a table. */
struct key {
    const struct key *up;
    const char *s;
    size_t n, depth;
};

static void write_quoted(struct buf *b, const char *s, size_t n)
{
    static const char names[] = "btnfr", values[] = "\b\t\n\f\r";
    buf_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *value = c ? strchr(values, c) : NULL;
        if (c == '"' || c == '\\' || value)
            buf_putc(b, '\\');
        if (value)
            buf_putc(b, names[value - values]);
        else if (c < ' ' || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_putc(b, (char)c);
    }
    buf_putc(b, '"');
}

static void write_key(struct buf *b, const char *s, size_t n)
{
    bool bare = n > 0;
    for (size_t i = 0; i < n; i++)
        bare = bare && (unsigned char)s[i] < 0x80 &&
               (unicode_is_letter((unsigned char)s[i]) || unicode_is_digit((unsigned char)s[i]) ||
                s[i] == '_' || s[i] == '-');
    if (bare)
        buf_add(b, s, n);
    else
        write_quoted(b, s, n);
}

static void write_path(struct buf *b, const struct key *k)
{
    if (k->up) {
        write_path(b, k->up);
        buf_putc(b, '.');
    }
    write_key(b, k->s, k->n);
}

static void indent(struct writer *w, const struct key *k)
{
    for (size_t i = 1; i < k->depth; i++)
        buf_puts(w->out, "  ");
}

static void new_line(struct writer *w)
{
    if (w->written)
        buf_putc(w->out, '\n');
}

/* ---- values on one line ---- */

static bool is_table(const struct go_value *v)
{
    enum go_kind kind = go_kind_of(v);
    return (kind == GO_MAP && v->map) ||
           ((kind == GO_STRUCT || kind == GO_PTR) && v->opaque && !v->type->json_text);
}

/* A list whose items are all tables, and some. */
static bool is_table_list(struct writer *w, const struct go_value *v)
{
    bool all = v->n > 0 && v->type != &go_bytes_type;
    for (uint32_t i = 0; v->type != &go_bytes_type && i < v->n; i++) {
        if (go_is_nil(&v->items[i]))
            w->error = "toml: cannot encode array with nil element";
        all = all && is_table(&v->items[i]);
    }
    return all;
}

static void write_element(struct writer *w, const struct go_value *v, int depth);

static void write_inline(struct writer *w, const struct go_value *v, int depth)
{
    size_t n = 0;
    const struct go_entry *entries = go_map_sorted(v->map, &n);
    bool first = true;
    buf_putc(w->out, '{');
    for (int tables = 0; tables < 2; tables++)
        for (size_t i = 0; i < n; i++) {
            if (go_is_nil(&entries[i].value) || is_table(&entries[i].value) != tables)
                continue;
            buf_puts(w->out, first ? "" : ", ");
            first = false;
            write_key(w->out, entries[i].key, entries[i].n);
            buf_puts(w->out, " = ");
            write_element(w, &entries[i].value, depth + 1);
        }
    buf_putc(w->out, '}');
}

static void write_float(struct buf *b, double f)
{
    char text[NUMBER_TEXT_MAX];
    if (isnan(f) || isinf(f)) {
        buf_puts(b, signbit(f) ? "-" : "");
        buf_puts(b, isnan(f) ? "nan" : "inf");
        return;
    }
    (void)number_format_g(f, text);
    buf_puts(b, text);
    buf_puts(b, strpbrk(text, ".e") ? "" : ".0");
}

static void write_list(struct writer *w, const struct go_value *v, int depth)
{
    buf_putc(w->out, '[');
    for (uint32_t i = 0; i < v->n; i++) {
        struct go_value item = go_item(v, i);
        buf_puts(w->out, i ? ", " : "");
        write_element(w, &item, depth + 1);
    }
    buf_putc(w->out, ']');
}

static void write_element(struct writer *w, const struct go_value *v, int depth)
{
    w->written = true;
    if (depth > DEPTH_MAX) {
        w->error = "toml: too many levels";
        return;
    }
    if (v->type && v->type->json_text) {
        const char *text = v->type->json_text(w->call->arena, v);
        if (v->type == &go_time_type)
            buf_puts(w->out, text);
        else
            write_quoted(w->out, text, strlen(text));
        return;
    }
    switch ((int)go_kind_of(v)) {
    case GO_STRING:
        write_quoted(w->out, v->s, v->n);
        break;
    case GO_BOOL:
        buf_puts(w->out, v->b ? "true" : "false");
        break;
    case GO_FLOAT64:
        write_float(w->out, v->f);
        break;
    case GO_SLICE:
        write_list(w, v, depth);
        break;
    case GO_MAP:
        write_inline(w, v, depth);
        break;
    case GO_INVALID:
    case GO_INTERFACE:
        w->error = "toml: cannot encode array with nil element";
        break;
    case GO_COMPLEX128:
    case GO_STRUCT:
    case GO_PTR:
        w->error = arena_printf(w->call->arena, "unexpected type: %s", v->type->name);
        break;
    default:
        buf_printf(w->out, v->type->kind <= GO_INT64 ? "%lld" : "%llu", (unsigned long long)v->u);
    }
}

/* ---- tables ---- */

static void write_value(struct writer *w, const struct key *k, const struct go_value *v);

/* The fields of a struct as a map by their names. */
static struct go_value as_map(struct writer *w, const struct go_value *v)
{
    if (v->type->kind == GO_MAP)
        return *v;
    const struct go_type *t = v->type->kind == GO_PTR ? v->type->elem : v->type;
    struct go_map *m = go_map_new(w->call->arena, t->n_fields);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (!t->fields[i].embedded) {
            go_map_put(m, t->fields[i].name, v->fields[i]);
            continue;
        }
        size_t n = 0;
        struct go_value inner = as_map(w, &v->fields[i]);
        const struct go_entry *entries = go_map_sorted(inner.map, &n);
        for (size_t k = 0; k < n; k++)
            go_map_set(m, entries[k].key, entries[k].n, entries[k].value);
    }
    return go_map(m);
}

static void write_members(struct writer *w, const struct key *up, const struct go_value *v)
{
    struct go_value map = as_map(w, v);
    size_t n = 0, depth = up ? up->depth + 1 : 1;
    const struct go_entry *entries = go_map_sorted(map.map, &n);
    bool *table = ARENA_ARRAY(w->call->arena, bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct go_value *e = &entries[i].value;
        table[i] = is_table(e) || (go_kind_of(e) == GO_SLICE && e->items && is_table_list(w, e));
    }
    for (int tables = 0; tables < 2 && depth < DEPTH_MAX; tables++)
        for (size_t i = 0; i < n && !w->error; i++) {
            struct key k = {up, entries[i].key, entries[i].n, depth};
            if (table[i] == tables && !go_is_nil(&entries[i].value))
                write_value(w, &k, &entries[i].value);
        }
    if (depth >= DEPTH_MAX)
        w->error = "toml: too many levels";
}

static void write_head(struct writer *w, const struct key *k, const char *open, const char *close)
{
    indent(w, k);
    buf_puts(w->out, open);
    write_path(w->out, k);
    buf_puts(w->out, close);
    w->written = true;
    new_line(w);
}

static void write_value(struct writer *w, const struct key *k, const struct go_value *v)
{
    if (go_kind_of(v) == GO_SLICE && is_table_list(w, v)) {
        for (uint32_t i = 0; i < v->n; i++) {
            struct go_value item = go_item(v, i);
            new_line(w);
            write_head(w, k, "[[", "]]");
            write_members(w, k, &item);
        }
    } else if (is_table(v)) {
        if (k->depth == 1)
            new_line(w);
        write_head(w, k, "[", "]");
        write_members(w, k, v);
    } else {
        indent(w, k);
        write_key(w->out, k->s, k->n);
        buf_puts(w->out, " = ");
        write_element(w, v, 0);
        new_line(w);
    }
}

GO_FN(to_toml)
{
    struct writer w = {.call = c, .out = call__scratch(c)};
    const struct go_value *v = &args[0];
    if (!v->type || v->type->kind == GO_INTERFACE)
        return go_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    if (is_table(v))
        write_members(&w, NULL, v);
    else if (go_kind_of(v) == GO_SLICE && is_table_list(&w, v))
        w.error = "toml: top-level values must be Go maps or structs";
    else if (!go_is_nil(v))
        write_element(&w, v, 0);
    if (!w.error)
        return call__finish(c, out);
    *out = go_str(w.error);
    return 0;
}

const struct go_func toml_functions[] = {
    {"fromToml", "D",  toml__read},
    {"toToml",   "A",  to_toml   },
    {NULL,       NULL, NULL      },
};
