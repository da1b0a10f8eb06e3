#include "codec/toml.h"

#include <string.h>

#include "codec/toml_int.h"

/* What the specification asks to remember of a table or an array, kept in its style. */
enum {
    CLOSED = VALUE_FLOW,    /* written inline: nothing is added later */
    OPENED = VALUE_LITERAL, /* by a header of its own */
    DOTTED = VALUE_FOLDED,  /* made by a dotted key: no header opens it */
};

static void skip_blanks(struct toml *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
        t->p++;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct toml *t)
{
    for (;;) {
        skip_blanks(t);
        if (t->p < t->end && *t->p == '#')
            while (t->p < t->end && *t->p != '\n')
                t->p++;
        bool crlf = t->end - t->p > 1 && t->p[0] == '\r' && t->p[1] == '\n';
        t->p += crlf;
        if (t->p == t->end || *t->p != '\n')
            return;
        t->p++;
        t->line++;
    }
}

static int line_end(struct toml *t)
{
    uint32_t line = t->line;
    skip_lines(t);
    return t->p == t->end || t->line > line ? 0
                                            : toml__refuse(t, "something stands behind the value");
}

/* ---- keys ---- */

static int read_key(struct toml *t, struct value *out)
{
    size_t n = 0, left = (size_t)(t->end - t->p);
    if (left && (*t->p == '"' || *t->p == '\''))
        return toml__string(t, false, out);
    while (n < left && ((t->p[n] >= 'a' && t->p[n] <= 'z') || (t->p[n] >= 'A' && t->p[n] <= 'Z') ||
                        (t->p[n] >= '0' && t->p[n] <= '9') || t->p[n] == '_' || t->p[n] == '-'))
        n++;
    if (n == 0)
        return toml__refuse(t, "a key is missing");
    *out = *value_new_strn(t->arena, t->p, n);
    t->p += n;
    return 0;
}

/* A table's member, made when it is not there. */
static int member_of(struct toml *t, struct value *table, const struct value *key,
                     enum value_kind kind, unsigned style, struct value **out)
{
    struct value *v = value_get_mutn(table, key->text, key->n);
    if (!v) {
        if (value_count(table) >= TOML_KEYS_MAX)
            return err_set(t->e, ERR_TOO_LARGE, "line %u: a table has more than %d keys", t->line,
                           TOML_KEYS_MAX);
        struct value *fresh =
            kind == VALUE_ARRAY ? value_new_array(t->arena) : value_new_object(t->arena);
        fresh->style = style & VALUE_STYLES;
        v = value_setn(t->arena, table, key->text, key->n, fresh);
    }
    *out = v;
    return 0;
}

/* The table that one more part of a key leads to: of an array of tables the newest. */
static int enter(struct toml *t, struct value **table, const struct value *key, unsigned style)
{
    struct value *v;
    int r = member_of(t, *table, key, VALUE_OBJECT, style, &v);
    if (r < 0)
        return r;
    if (v->kind == VALUE_ARRAY && !(v->style & CLOSED) && style != DOTTED)
        v = &v->items[v->n - 1];
    if (v->kind != VALUE_OBJECT || v->style & CLOSED || (style == DOTTED && v->style & OPENED))
        return err_set(t->e, ERR_INVALID, "line %u: \"%.60s\" is no table to add to", t->line,
                       key->text);
    *table = v;
    return 0;
}

/* a.b.c: walks to the table that holds the last part. */
static int read_path(struct toml *t, struct value **table, struct value *last, unsigned style)
{
    for (int depth = 0;; depth++) {
        int r = read_key(t, last);
        if (r < 0)
            return r;
        skip_blanks(t);
        if (t->p == t->end || *t->p != '.')
            return 0;
        t->p++;
        skip_blanks(t);
        if (depth > TOML_DEPTH_MAX)
            return toml__refuse(t, "a key has too many parts");
        r = enter(t, table, last, style);
        if (r < 0)
            return r;
    }
}

/* ---- values ---- */

static int read_value(struct toml *t, int depth, struct value *out);

static int read_pair(struct toml *t, struct value *table, int depth)
{
    struct value key, v;
    uint32_t line = t->line;
    int r = read_path(t, &table, &key, DOTTED);
    if (r < 0)
        return r;
    if (t->p == t->end || *t->p != '=')
        return toml__refuse(t, "a key has no \"=\"");
    t->p++;
    skip_blanks(t);
    r = read_value(t, depth, &v);
    if (r < 0)
        return r;
    if (value_getn(table, key.text, key.n))
        return err_set(t->e, ERR_INVALID, "line %u: \"%.60s\" is set twice", line, key.text);
    if (value_count(table) >= TOML_KEYS_MAX)
        return err_set(t->e, ERR_TOO_LARGE, "line %u: a table has more than %d keys", line,
                       TOML_KEYS_MAX);
    value_setn(t->arena, table, key.text, key.n, &v)->line = line;
    return 0;
}

static int read_array(struct toml *t, int depth, struct value *out)
{
    struct value *list = value_new_array(t->arena);
    list->style = CLOSED;
    t->p++;
    for (;;) {
        struct value v;
        skip_lines(t);
        if (t->p < t->end && *t->p == ']')
            break;
        int r = read_value(t, depth + 1, &v);
        if (r < 0)
            return r;
        (void)value_push(t->arena, list, &v);
        skip_lines(t);
        if (t->p < t->end && *t->p == ']')
            break;
        if (t->p == t->end || *t->p++ != ',')
            return toml__refuse(t, "an array does not end");
    }
    t->p++;
    *out = *list;
    return 0;
}

static int read_inline_table(struct toml *t, int depth, struct value *out)
{
    struct value *table = value_new_object(t->arena);
    t->p++;
    skip_blanks(t);
    bool empty = t->p < t->end && *t->p == '}';
    while (!empty) {
        skip_blanks(t);
        int r = read_pair(t, table, depth + 1);
        if (r < 0)
            return r;
        skip_blanks(t);
        if (t->p == t->end || (*t->p != ',' && *t->p != '}'))
            return toml__refuse(t, "a table does not end");
        if (*t->p == '}')
            break;
        t->p++;
    }
    t->p++;
    table->style = CLOSED;
    *out = *table;
    return 0;
}

static int read_value(struct toml *t, int depth, struct value *out)
{
    uint32_t line = t->line;
    int r;
    if (depth > TOML_DEPTH_MAX)
        return err_set(t->e, ERR_TOO_LARGE, "line %u: values are nested too deep", t->line);
    if (t->p == t->end)
        return toml__refuse(t, "a value is missing");
    if (*t->p == '[')
        r = read_array(t, depth, out);
    else if (*t->p == '{')
        r = read_inline_table(t, depth, out);
    else if (*t->p == '"' || *t->p == '\'')
        r = toml__string(t, true, out);
    else
        r = toml__bare(t, out);
    if (r == 0)
        out->line = line;
    return r;
}

/* ---- headers ---- */

/* [[a.b]]: one more table at the end of an array. */
static int open_element(struct toml *t, struct value *parent, const struct value *key,
                        struct value **out)
{
    struct value *list;
    int r = member_of(t, parent, key, VALUE_ARRAY, 0, &list);
    if (r < 0)
        return r;
    if (list->kind != VALUE_ARRAY || list->style & CLOSED)
        return err_set(t->e, ERR_INVALID, "line %u: \"%.60s\" is no array of tables", t->line,
                       key->text);
    *out = value_push(t->arena, list, value_new_object(t->arena));
    (*out)->line = t->line;
    return 0;
}

static int open_table(struct toml *t, struct value *parent, const struct value *key,
                      struct value **out)
{
    struct value *v;
    int r = member_of(t, parent, key, VALUE_OBJECT, 0, &v);
    if (r < 0)
        return r;
    if (v->kind != VALUE_OBJECT || v->style & (CLOSED | OPENED | DOTTED))
        return err_set(t->e, ERR_INVALID, "line %u: \"%.60s\" is defined twice", t->line,
                       key->text);
    v->style |= OPENED;
    v->line = t->line;
    *out = v;
    return 0;
}

static int read_header(struct toml *t, struct value *root, struct value **current)
{
    bool element = t->end - t->p > 1 && t->p[1] == '[';
    struct value *parent = root, key;
    t->p += element ? 2 : 1;
    skip_blanks(t);
    int r = read_path(t, &parent, &key, 0);
    if (r < 0)
        return r;
    for (int i = 0; i <= element; i++)
        if (t->p == t->end || *t->p++ != ']')
            return toml__refuse(t, "a table's header does not end");
    return element ? open_element(t, parent, &key, current) : open_table(t, parent, &key, current);
}

int toml_parse(struct arena *a, const char *text, size_t n, struct value **out, struct err *e)
{
    struct toml t = {.arena = a, .p = text, .end = text + n, .line = 1, .e = e};
    struct value *root = value_new_object(a), *current = root;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        t.p += 3;
    for (;;) {
        skip_lines(&t);
        if (t.p == t.end)
            break;
        int r = *t.p == '[' ? read_header(&t, root, &current) : read_pair(&t, current, 0);
        if (r == 0)
            r = line_end(&t);
        if (r < 0)
            return r;
    }
    *out = root;
    return 0;
}
