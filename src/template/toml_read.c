/* TOML 1.0 into Go values: whole numbers are int64, dates time.Time, and a list of tables is a
 * []map[string]interface {}. What is wrong is said as BurntSushi's decoder says it. */
#include "base/own.h"
#include "template/literal_int.h"
#include "template/sprig_int.h"
#include "template/time_int.h"

#include "base/banned.h"

enum { DEPTH_MAX = 200, PARTS_MAX = 64 };

static const struct go_type tables_type = {
    .name = "[]map[string]interface {}", .kind = GO_SLICE, .elem = &go_map_type};

struct reader {
    struct arena *arena;
    const char *s, *end;
    unsigned line;
    const char *last_key;
    const char *error;
    int depth;
};

static PRINTF(2, 3) bool fail(struct reader *r, const char *fmt, ...)
{
    if (r->error)
        return false;
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    if (r->last_key)
        r->error = arena_printf(r->arena, "toml: line %u (last key \"%s\"): %s", r->line,
                                r->last_key, text);
    else
        r->error = arena_printf(r->arena, "toml: line %u: %s", r->line, text);
    return false;
}

/* The character at hand, as %q shows it. */
static const char *found(struct reader *r)
{
    if (r->s >= r->end)
        return "EOF";
    struct buf b;
    size_t len;
    buf_init(&b, 64);
    text__quote_char(&b, unicode_decode(r->s, (size_t)(r->end - r->s), &len), false);
    char *text = arena_strdup(r->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static bool at(const struct reader *r, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(r->end - r->s) >= n && memcmp(r->s, text, n) == 0;
}

static bool take(struct reader *r, const char *text)
{
    bool there = at(r, text);
    r->s += there ? strlen(text) : 0;
    return there;
}

static void blanks(struct reader *r)
{
    while (r->s < r->end && (*r->s == ' ' || *r->s == '\t'))
        r->s++;
}

/* Blanks, line ends and comments. */
static void space(struct reader *r)
{
    for (;; r->s++) {
        blanks(r);
        if (r->s < r->end && *r->s == '#')
            while (r->s < r->end && *r->s != '\n')
                r->s++;
        if (r->s == r->end || (*r->s != '\n' && *r->s != '\r'))
            return;
        r->line += *r->s == '\n';
    }
}

/* ---- texts ---- */

static bool escape(struct reader *r, struct buf *b, bool multi)
{
    static const char names[] = "btnfre\"\\", values[] = "\b\t\n\f\r\033\"\\";
    char c = r->s < r->end ? *r->s++ : '\0';
    const char *name = c ? strchr(names, c) : NULL;
    if (name) {
        buf_putc(b, values[name - names]);
        return true;
    }
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits) {
        char hex[9] = "";
        if ((size_t)(r->end - r->s) >= digits)
            memcpy(hex, r->s, digits);
        if (strspn(hex, "0123456789abcdefABCDEF") < digits)
            return fail(r, "expected %s hexadecimal digits after '\\%c', but got %s instead",
                        digits == 2   ? "two"
                        : digits == 4 ? "four"
                                      : "eight",
                        c, found(r));
        uint32_t ch = (uint32_t)strtoul(hex, NULL, 16);
        if (ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff))
            return fail(r, "Escaped character '\\u%s' is not valid UTF-8.", hex);
        unicode_put(b, ch);
        r->s += digits;
        return true;
    }
    if (multi && (c == '\n' || c == ' ' || c == '\t' || c == '\r')) {
        r->s--; /* the line goes on behind the next blanks */
        while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r'))
            r->line += *r->s++ == '\n';
        return true;
    }
    return fail(
        r,
        "invalid escape character '%c'; only the following escape characters are "
        "allowed: \\b, \\e, \\t, \\n, \\f, \\r, \\\", \\\\, \\xNN, \\uXXXX, and \\UXXXXXXXX",
        c);
}

/* Behind the opening quotes. */
static bool quoted(struct reader *r, char quote, bool multi, struct buf *b)
{
    char ends[4] = {quote, multi ? quote : '\0', quote, '\0'};
    if (multi && take(r, "\r\n"))
        r->line++;
    else if (multi && take(r, "\n"))
        r->line++;
    for (;;) {
        if (r->s == r->end)
            return fail(r,
                        quote == '"' ? "unexpected EOF; expected '%s'"
                                     : "unexpected EOF; expected \"%s\"",
                        ends);
        if (take(r, ends)) {
            for (int more = 0; multi && more < 2 && r->s < r->end && *r->s == quote; more++)
                buf_putc(b, *r->s++); /* up to two quotes right before the end are text */
            return true;
        }
        char c = *r->s++;
        if (c == '\n' && !multi)
            return fail(r, "strings cannot contain newlines");
        r->line += c == '\n';
        if (c == '\\' && quote == '"') {
            if (!escape(r, b, multi))
                return false;
        } else if (((unsigned char)c < ' ' && !strchr("\t\r\n", c)) || c == 0x7f) {
            return fail(r, "control characters are not allowed inside strings: '0x%02x'", c);
        } else {
            buf_putc(b, c);
        }
    }
}

static bool text(struct reader *r, bool key, struct go_value *out)
{
    struct buf b;
    buf_init(&b, (size_t)(r->end - r->s) + 16);
    char quote = *r->s;
    bool multi = !key && at(r, quote == '"' ? "\"\"\"" : "'''");
    r->s += multi ? 3 : 1;
    bool good = quoted(r, quote, multi, &b);
    *out = go_strn(arena_strndup(r->arena, buf_text(&b), b.len), b.len);
    buf_done(&b);
    return good;
}

/* ---- numbers and dates ---- */

static bool is_date(const char *s, size_t n)
{
    return n >= 5 && ((n >= 10 && s[4] == '-' && s[7] == '-') || s[2] == ':');
}

static bool date(struct reader *r, const char *s, size_t n, struct go_value *out)
{
    static const char *const layouts[] = {
        "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02", "15:04:05",
        "2006-01-02T15:04Z07:00",    "2006-01-02T15:04",    "15:04"};
    char *word = arena_strndup(r->arena, s, n);
    for (char *p = word; *p; p++)
        *p = *p == 't' || *p == ' ' ? 'T' : *p == 'z' ? 'Z' : *p;
    struct go_value value = go_strn(word, n);
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        struct go_value layout = go_str(layouts[i]);
        struct moment m;
        if (time__parse(r->arena, &layout, &value, &m) == NULL) {
            *out = time__value(r->arena, m);
            return true;
        }
    }
    return fail(r, "invalid datetime: \"%.*s\"", (int)n, s);
}

static bool number(struct reader *r, const char *s, size_t n, struct go_value *out)
{
    struct number value;
    const char *digits = s + (*s == '+' || *s == '-');
    size_t left = n - (size_t)(digits - s);
    if (left == 3 && (memcmp(digits, "inf", 3) == 0 || memcmp(digits, "nan", 3) == 0)) {
        double d = *digits == 'i' ? __builtin_inf() : __builtin_nan("");
        *out = go_float(*s == '-' ? -d : d);
        return true;
    }
    bool hex = left > 2 && digits[0] == '0' && digits[1] == 'x';
    bool is_float = !hex && (memchr(s, '.', n) || memchr(s, 'e', n) || memchr(s, 'E', n));
    const char *what = is_float ? "float" : "integer";
    if (left == 0 || *digits < '0' || *digits > '9')
        return fail(r,
                    left && *digits == '.' ? "floats must start with a digit, not '.'"
                                           : "expected value but found \"%.*s\" instead",
                    (int)n, s);
    if (left > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
        return fail(r, "Invalid %s \"%.*s\": cannot have leading zeroes", what, (int)n, s);
    if (literal_number(r->arena, s, n, TOKEN_NUMBER, &value) || value.is_complex ||
        (!is_float && !value.is_int))
        return fail(r, "Invalid %s \"%.*s\"", what, (int)n, s);
    *out = is_float ? go_float(value.f) : go_int64(value.i);
    return true;
}

static bool bare_value(struct reader *r, struct go_value *out)
{
    const char *s = r->s;
    while (r->s < r->end && *r->s && !strchr(" \t\r\n,]}#", *r->s))
        r->s++;
    size_t n = (size_t)(r->s - s);
    if (is_date(s, n) && r->end - r->s > 2 && *r->s == ' ' && r->s[1] >= '0' && r->s[1] <= '9' &&
        n == 10) /* a blank between date and time */
        for (r->s++; r->s < r->end && *r->s && !strchr(" \t\r\n,]}#", *r->s);)
            r->s++;
    n = (size_t)(r->s - s);
    if (n == 0)
        return fail(r,
                    r->s == r->end ? "unexpected EOF; expected value%.0s"
                                   : "expected value but found %s instead",
                    found(r));
    if ((n == 4 && memcmp(s, "true", 4) == 0) || (n == 5 && memcmp(s, "false", 5) == 0)) {
        *out = go_bool(n == 4);
        return true;
    }
    if (*s >= '0' && *s <= '9' && is_date(s, n))
        return date(r, s, n, out);
    if (unicode_is_letter((unsigned char)*s) && memcmp(s, "inf", n < 3 ? n : 3) != 0 &&
        memcmp(s, "nan", n < 3 ? n : 3) != 0)
        return fail(r, "expected value but found \"%.*s\" instead", (int)n, s);
    return number(r, s, n, out);
}

/* ---- keys, lists, tables ---- */

static bool value(struct reader *r, struct go_value *out);

static bool is_bare(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           c == '-';
}

static bool key(struct reader *r, struct go_value *parts, size_t *n)
{
    for (*n = 0;;) {
        blanks(r);
        const char *s = r->s;
        if (*n == PARTS_MAX)
            return fail(r, "a key of more than %d parts", PARTS_MAX);
        if (s < r->end && (*s == '"' || *s == '\'')) {
            if (!text(r, true, &parts[*n]))
                return false;
        } else {
            while (r->s < r->end && is_bare(*r->s))
                r->s++;
            parts[*n] = go_strn(s, (size_t)(r->s - s));
            if (r->s == s)
                return r->s < r->end && *r->s == '='
                           ? fail(r,
                                  *n ? "unexpected '='" : "unexpected '=': key name appears blank")
                           : fail(r, "expected '.' or '=', but got %s instead", found(r));
        }
        ++*n;
        blanks(r);
        if (r->s == r->end || *r->s != '.')
            return true;
        r->s++;
    }
}

/* The table under a key of another, made where there is none; of a list of tables the last. */
static struct go_map *enter(struct reader *r, struct go_map *m, const struct go_value *part)
{
    struct go_value *v = go_map_get(m, part->s, part->n);
    if (!v) {
        struct go_map *made = go_map_new(r->arena, 0);
        go_map_set(m, part->s, part->n, go_map(made));
        return made;
    }
    if (v->type == &tables_type && v->n)
        return v->items[v->n - 1].map;
    if (v->type == &go_map_type)
        return v->map;
    (void)fail(r, "Key '%.*s' has already been defined.", (int)part->n, part->s);
    return NULL;
}

static bool assignment(struct reader *r, struct go_map *m)
{
    struct go_value parts[PARTS_MAX], v;
    size_t n = 0;
    if (!key(r, parts, &n))
        return false;
    if (r->s == r->end)
        return fail(r, "unexpected EOF; expected key separator '='");
    if (!take(r, "="))
        return fail(r, "expected '.' or '=', but got %s instead", found(r));
    const struct go_value *last = &parts[n - 1];
    r->last_key = arena_strndup(r->arena, last->s, last->n);
    blanks(r);
    for (size_t i = 0; i + 1 < n && m; i++)
        m = enter(r, m, &parts[i]);
    if (!m || !value(r, &v))
        return false;
    if (go_map_get(m, last->s, last->n))
        return fail(r, "Key '%.*s' has already been defined.", (int)last->n, last->s);
    go_map_set(m, last->s, last->n, v);
    return true;
}

static bool list(struct reader *r, struct go_value *out)
{
    struct go_value *items = NULL;
    size_t n = 0, cap = 0;
    bool tables = true;
    r->s++;
    for (space(r); !take(r, "]"); space(r)) {
        if (n == cap) {
            size_t bigger = cap ? cap * 2 : 8;
            items = arena_grow(r->arena, items, cap * sizeof *items, bigger * sizeof *items);
            cap = bigger;
        }
        if (r->s < r->end && *r->s == ',')
            return fail(r, "unexpected comma");
        if (!value(r, &items[n]))
            return false;
        tables = tables && items[n].type == &go_map_type;
        n++;
        space(r);
        if (!take(r, ",") && !(r->s < r->end && *r->s == ']'))
            return fail(r, "expected a comma (',') or array terminator (']'), but got %s",
                        found(r));
    }
    *out = go_typed_list(tables && n ? &tables_type : &go_list_type, items, n);
    return true;
}

static bool inline_table(struct reader *r, struct go_value *out)
{
    struct go_map *m = go_map_new(r->arena, 0);
    r->s++;
    for (space(r); !take(r, "}"); space(r)) {
        if (r->s < r->end && *r->s == ',')
            return fail(r, "unexpected comma");
        if (!assignment(r, m))
            return false;
        space(r);
        if (!take(r, ",") && !(r->s < r->end && *r->s == '}'))
            return fail(r, "expected a comma or an inline table terminator '}', but got %s instead",
                        found(r));
    }
    *out = go_map(m);
    return true;
}

static bool value(struct reader *r, struct go_value *out)
{
    if (++r->depth > DEPTH_MAX)
        return fail(r, "more than %d levels", DEPTH_MAX);
    char c = r->s < r->end ? *r->s : '\0';
    bool good = c == '"' || c == '\'' ? text(r, false, out)
                : c == '['            ? list(r, out)
                : c == '{'            ? inline_table(r, out)
                                      : bare_value(r, out);
    r->depth--;
    return good;
}

/* [[a.b]]: one more table in the list there. */
static struct go_map *add_table(struct reader *r, struct go_map *m, const struct go_value *part)
{
    struct go_value *v = go_map_get(m, part->s, part->n);
    if (v && v->type != &tables_type) {
        (void)fail(r, "Key '%.*s' was already created and cannot be used as an array.",
                   (int)part->n, part->s);
        return NULL;
    }
    size_t n = v ? v->n : 0;
    struct go_value *items = ARENA_ARRAY(r->arena, struct go_value, n + 1);
    if (n)
        memcpy(items, v->items, n * sizeof *items);
    items[n] = go_map(go_map_new(r->arena, 0));
    go_map_set(m, part->s, part->n, go_typed_list(&tables_type, items, n + 1));
    return items[n].map;
}

/* [a.b] or [[a.b]]; *out is the table that the next keys go to. */
static bool header(struct reader *r, struct go_map *top, struct go_map *seen, struct go_map **out)
{
    struct go_value parts[PARTS_MAX];
    size_t n = 0;
    bool many = take(r, "[[");
    r->s += !many;
    blanks(r);
    if (r->s < r->end && (*r->s == ']' || *r->s == '.'))
        return fail(r, "unexpected %s (table names cannot be empty)",
                    *r->s == ']' ? "end of table name" : "table separator");
    if (!key(r, parts, &n))
        return false;
    if (!take(r, "]"))
        return fail(r, "expected '.' or ']' to end table name, but got %s instead", found(r));
    if (many && !take(r, "]"))
        return fail(r, "expected end of table array name delimiter ']', but got %s instead",
                    found(r));
    struct go_map *m = top;
    r->last_key = arena_strndup(r->arena, parts[n - 1].s, parts[n - 1].n);
    for (size_t i = 0; i + 1 < n && m; i++)
        m = enter(r, m, &parts[i]);
    if (!m)
        return false;
    *out = many ? add_table(r, m, &parts[n - 1]) : enter(r, m, &parts[n - 1]);
    if (!*out || many)
        return *out != NULL;
    char *name = arena_printf(r->arena, "%p", (void *)*out);
    if (go_map_get(seen, name, strlen(name)))
        return fail(r, "Key '%.*s' has already been defined.", (int)parts[n - 1].n, parts[n - 1].s);
    go_map_put(seen, name, go_bool(true));
    return true;
}

static bool document(struct reader *r, struct go_map *top)
{
    struct go_map *m = top, *seen = go_map_new(r->arena, 0);
    for (space(r); r->s < r->end; space(r)) {
        bool good = *r->s == '[' ? header(r, top, seen, &m) : assignment(r, m);
        if (!good)
            return false;
        blanks(r);
        if (r->s < r->end && !strchr("#\r\n", *r->s))
            return fail(r,
                        "expected a top-level item to end with a newline, comment, or EOF, but "
                        "got %s instead",
                        found(r));
    }
    return true;
}

int toml__read(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    struct reader r = {.arena = c->arena, .s = args[0].s, .end = args[0].s + args[0].n, .line = 1};
    struct go_map *top = go_map_new(c->arena, 0);
    if (!document(&r, top)) {
        top = go_map_new(c->arena, 1);
        go_map_put(top, "Error", go_str(r.error));
    }
    *out = go_map(top);
    return 0;
}
