#include "template/functions_int.h"

#include "base/banned.h"

/* ---- printing ---- */

static int print(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    fmt__print_all(c->run, call__scratch(c), args, n, false);
    return call__finish(c, out);
}

static int print_line(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    fmt__print_all(c->run, call__scratch(c), args, n, true);
    return call__finish(c, out);
}

static int print_format(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    fmt__printf(c->run, call__scratch(c), args[0].s, args[0].n, args + 1, n - 1);
    return call__finish(c, out);
}

/* ---- escaping ---- */

/* The arguments as one text. */
static struct go_value joined(struct go_call *c, const struct go_value *args, size_t n)
{
    if (n == 1 && args[0].type == &go_string_type)
        return args[0];
    struct buf *b = call__scratch(c);
    struct go_value copy, *all = ARENA_ARRAY(c->arena, struct go_value, n + 1);
    for (size_t i = 0; i < n; i++) /* a pointer prints as what it points to, nothing as such */
        all[i] =
            !args[i].type || args[i].type->kind == GO_INTERFACE ? go_str("<no value>") : args[i];
    fmt__print_all(c->run, b, all, n, false);
    copy = call__text(c, buf_text(b), b->len);
    return copy;
}

static int html(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    struct go_value text = joined(c, args, n);
    struct buf *b = call__scratch(c);
    for (uint32_t i = 0; i < text.n; i++)
        switch (text.s[i]) {
        case '\0':
            buf_puts(b, "\xef\xbf\xbd");
            break;
        case '"':
            buf_puts(b, "&#34;");
            break;
        case '\'':
            buf_puts(b, "&#39;");
            break;
        case '&':
            buf_puts(b, "&amp;");
            break;
        case '<':
            buf_puts(b, "&lt;");
            break;
        case '>':
            buf_puts(b, "&gt;");
            break;
        default:
            buf_putc(b, text.s[i]);
        }
    return call__finish(c, out);
}

static void escape_js(struct buf *b, const char *s, uint32_t ch, size_t len)
{
    if (ch == '\\' || ch == '\'' || ch == '"') {
        buf_putc(b, '\\');
        buf_putc(b, (char)ch);
    } else if (ch < ' ' || (ch < 0x80 && strchr("<>&=", (int)ch))) {
        buf_printf(b, "\\u%04X", ch);
    } else if (ch < 0x80 || unicode_is_print(ch)) {
        buf_add(b, s, len);
    } else {
        buf_printf(b, "\\u%04X", ch);
    }
}

static int js(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    struct go_value text = joined(c, args, n);
    struct buf *b = call__scratch(c);
    for (size_t i = 0, len; i < text.n; i += len) {
        uint32_t ch = unicode_decode(text.s + i, text.n - i, &len);
        escape_js(b, text.s + i, ch, len);
    }
    return call__finish(c, out);
}

static int url_query(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    struct go_value text = joined(c, args, n);
    struct buf *b = call__scratch(c);
    for (uint32_t i = 0; i < text.n; i++) {
        unsigned char ch = (unsigned char)text.s[i];
        if (ch == ' ')
            buf_putc(b, '+');
        else if ((ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
                 (ch && strchr("-_.~", ch)))
            buf_putc(b, (char)ch);
        else
            buf_printf(b, "%%%02X", ch);
    }
    return call__finish(c, out);
}

/* ---- indexing ---- */

static int index_number(struct go_call *c, const struct go_value *v, uint32_t most, uint32_t *out)
{
    enum go_kind kind = go_kind_of(v);
    if (kind == GO_INVALID || kind == GO_INTERFACE)
        return go_fail(c, "cannot index slice/array with nil");
    if (kind < GO_INT || kind > GO_UINT64)
        return go_fail(c, "cannot index slice/array with type %s", v->type->name);
    if (v->i < 0 || v->i > most)
        return go_fail(c, "index out of range: %lld", (long long)v->i);
    *out = (uint32_t)v->i;
    return 0;
}

static int index_map(struct go_call *c, const struct go_value *map, const struct go_value *key,
                     struct go_value *out)
{
    enum go_kind kind = go_kind_of(key);
    if (kind == GO_INVALID || kind == GO_INTERFACE)
        return go_fail(c, "value is nil; should be of type string");
    if (key->type != &go_string_type)
        return go_fail(c, "value has type %s; should be string", key->type->name);
    const struct go_value *found = go_map_get(map->map, key->s, key->n);
    *out = found ? *found : go_zero(map->type->elem);
    if (map->type->elem->kind == GO_INTERFACE)
        *out = go_boxed(*out);
    return 0;
}

static int index_once(struct go_call *c, struct go_value *item, const struct go_value *key)
{
    enum go_kind kind = go_kind_of(item);
    struct go_value of = *item;
    uint32_t i = 0;
    if (go_is_nil(item) && kind != GO_SLICE && kind != GO_MAP)
        return go_fail(c, "index of nil pointer");
    if (kind == GO_MAP)
        return index_map(c, &of, key, item);
    if (kind != GO_SLICE && kind != GO_STRING)
        return go_fail(c, "can't index item of type %s", of.type->name);
    int rc = index_number(c, key, of.n, &i);
    if (rc)
        return rc;
    if (i >= of.n)
        return go_fail(c, "reflect: %s index out of range", kind == GO_STRING ? "string" : "slice");
    if (kind == GO_SLICE)
        *item = go_item(&of, i);
    else
        *item = (struct go_value){.type = &go_uint8_type, .u = (unsigned char)of.s[i]};
    return 0;
}

static int go_index(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    if (go_kind_of(&args[0]) == GO_INVALID || go_kind_of(&args[0]) == GO_INTERFACE)
        return go_fail(c, "index of untyped nil");
    struct go_value item = args[0];
    item.boxed = false;
    for (size_t i = 1; i < n; i++) {
        int rc = index_once(c, &item, &args[i]);
        if (rc)
            return rc;
    }
    *out = item;
    return 0;
}

static int length(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    switch (go_kind_of(&args[0])) {
    case GO_INVALID:
        return go_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    case GO_INTERFACE:
        return go_fail(c, "len of nil pointer");
    case GO_MAP:
        *out = go_int((int64_t)go_map_size(args[0].map));
        return 0;
    case GO_SLICE:
    case GO_STRING:
        *out = go_int(args[0].n);
        return 0;
    case GO_BOOL:
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
    case GO_FLOAT64:
    case GO_COMPLEX128:
    case GO_STRUCT:
    case GO_PTR:
        break;
    }
    if (go_is_nil(&args[0]))
        return go_fail(c, "len of nil pointer");
    const struct go_type *t = args[0].type;
    return go_fail(c, "len of type %s", t->kind == GO_PTR ? t->elem->name : t->name);
}

static int negate(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)c;
    (void)n;
    *out = go_bool(!go_truth(&args[0]));
    return 0;
}

/* The executor answers these itself. */
static int special(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    (void)out;
    return go_fail(c, "unreachable");
}

const struct go_func builtin_functions[] = {
    {"and",      "vv...", special     },
    {"call",     "vv...", special     },
    {"html",     "A...",  html        },
    {"index",    "vv...", go_index    },
    {"js",       "A...",  js          },
    {"len",      "v",     length      },
    {"not",      "v",     negate      },
    {"or",       "vv...", special     },
    {"print",    "A...",  print       },
    {"printf",   "sA...", print_format},
    {"println",  "A...",  print_line  },
    {"urlquery", "A...",  url_query   },
    {NULL,       NULL,    NULL        },
};
