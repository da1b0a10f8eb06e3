/* json.c - the parser: one pass over a copy of the text, in which strings are ended and
 * unescaped where they stand; values wait on a stack until their container closes.      */
#include "codec/json.h"

#include <math.h>

#include "codec/tree_int.h"
#include "codec/utf8.h"

enum { DEPTH_MAX = 10000, DEPTH_SHALLOW = 500, SLAB_PAD = 16 };

struct parser {
    struct arena *arena;
    char *at, *end, *line_start;
    uint32_t line;
    unsigned flags;
    struct tree tree;
    struct err *e;
};

static int fail(const struct parser *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "line %u, column %zu: %s", p->line,
                   (size_t)(p->at - p->line_start) + 1, what);
}

/* Go's words, which users of the API know. */
static int fail_char(const struct parser *p, const char *context)
{
    unsigned char c = (unsigned char)*p->at;
    char what[120];
    if (p->at >= p->end)
        return fail(p, "unexpected end of JSON input");
    if (c >= 0x20 && c < 0x7f)
        (void)snprintf(what, sizeof what, "invalid character '%c' %s", c, context);
    else
        (void)snprintf(what, sizeof what, "invalid character 0x%02x %s", c, context);
    return fail(p, what);
}

static inline void skip_space(struct parser *p)
{
    const uint64_t blanks = 0x2020202020202020;
    for (;; p->at++) {
        char c = *p->at;
        if (c > ' ')
            return;
        for (uint64_t w; c == ' ' && (memcpy(&w, p->at, 8), w == blanks); c = *p->at)
            p->at += 8; /* indents */
        if (c == '\n') {
            p->line++;
            p->line_start = p->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

/* ---- strings ---- */

/* The first byte that is a quote, a backslash, a control character or not ASCII. Eight bytes a
 * step; the slab's padding makes reading past the end harmless. */
static char *scan_plain(char *s)
{
    while (utf8_plain_word(s))
        s += 8;
    while ((unsigned char)*s >= 0x20 && *s != '"' && *s != '\\' && !(*s & 0x80))
        s++;
    return s;
}

static int hex4(const char *s, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return i;
        v = v << 4 | digit;
    }
    *out = v;
    return 4;
}

/* At the four digits of \uXXXX, perhaps with its other half behind. Half a pair is U+FFFD. */
static int unescape_unicode(struct parser *p, char **out)
{
    uint32_t c = 0, low = 0;
    int good = hex4(p->at, &c);
    if (good < 4) {
        p->at += good;
        return fail_char(p, "in \\u hexadecimal character escape");
    }
    p->at += 4;
    if (c >= 0xd800 && c < 0xe000) {
        bool pair = c < 0xdc00 && p->at[0] == '\\' && p->at[1] == 'u' &&
                    hex4(p->at + 2, &low) == 4 && low >= 0xdc00 && low < 0xe000;
        if (pair) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p->at += 6;
        } else {
            c = UTF8_REPLACEMENT;
        }
    }
    *out += utf8_encode(c, *out);
    return 0;
}

static int unescape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    p->at++;
    if (*p->at == 'u') {
        p->at++;
        return unescape_unicode(p, out);
    }
    const char *hit = *p->at ? strchr(from, *p->at) : NULL;
    if (!hit)
        return fail_char(p, "in string escape code");
    *(*out)++ = to[hit - from];
    p->at++;
    return 0;
}

/* Room for what is left of the string when its invalid bytes grow to three each. */
static char *string_move(struct parser *p, const char *start, size_t done)
{
    size_t left = 0;
    for (const char *s = p->at; s < p->end && *s != '"'; s++, left++) {
        if (*s == '\\' && s + 1 < p->end) {
            s++;
            left++;
        }
    }
    char *moved = arena_alloc(p->arena, done + left * 3 + 8);
    memcpy(moved, start, done);
    return moved;
}

/* At the byte after a quote. The text ends with a NUL, in place unless invalid UTF-8 makes it
 * longer than it was. */
static int read_string(struct parser *p, const char **text, uint32_t *n)
{
    char *start = p->at, *out = scan_plain(p->at);
    bool moved = false;
    p->at = out;
    while (*p->at != '"') {
        unsigned char c = (unsigned char)*p->at;
        if (c == '\\') {
            int rc = unescape(p, &out);
            if (rc)
                return rc;
        } else if (c >= 0x80) {
            size_t len = utf8_valid(p->at, (size_t)(p->end - p->at));
            if (len == 0 && !moved) {
                size_t done = (size_t)(out - start);
                start = string_move(p, start, done);
                out = start + done;
                moved = true;
            }
            if (len == 0)
                out += utf8_encode(UTF8_REPLACEMENT, out);
            else
                out = (char *)memmove(out, p->at, len) + len;
            p->at += len ? len : 1;
        } else if (c < 0x20) {
            return fail_char(p, "in string literal");
        } else {
            char *stop = scan_plain(p->at);
            size_t run = (size_t)(stop - p->at);
            memmove(out, p->at, run);
            out += run;
            p->at = stop;
        }
    }
    p->at++;
    *out = '\0';
    *text = start;
    *n = (uint32_t)(out - start);
    return 0;
}

/* ---- numbers and words ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int skip_digits(struct parser *p, const char *context)
{
    if (!is_digit(*p->at))
        return fail_char(p, context);
    while (is_digit(*p->at))
        p->at++;
    return 0;
}

static int number_syntax(struct parser *p, bool *whole)
{
    int rc = 0;
    *whole = true;
    if (*p->at == '-')
        p->at++;
    if (*p->at == '0')
        p->at++;
    else
        rc = skip_digits(p, "in numeric literal");
    if (!rc && *p->at == '.') {
        p->at++;
        *whole = false;
        rc = skip_digits(p, "after decimal point in numeric literal");
    }
    if (!rc && (*p->at | 0x20) == 'e') {
        p->at++;
        *whole = false;
        if (*p->at == '+' || *p->at == '-')
            p->at++;
        rc = skip_digits(p, "in exponent of numeric literal");
    }
    return rc;
}

/* The digits move one byte to the left, over what stood before the number and was read, so
 * that a NUL fits behind them. */
static int read_number(struct parser *p, struct value *v)
{
    char *start = p->at;
    bool whole;
    int rc = number_syntax(p, &whole);
    if (rc)
        return rc;
    size_t n = (size_t)(p->at - start);
    char *text = memmove(start - 1, start, n);
    text[n] = '\0';
    v->text = text;
    v->n = (uint32_t)n;
    if (whole && value_int_from_text(text, &v->i)) {
        v->kind = VALUE_INT;
        return 0;
    }
    v->kind = VALUE_FLOAT;
    v->d = strtod(text, NULL);
    if (!isfinite(v->d))
        return fail(p, "number is out of range");
    return 0;
}

static int read_word(struct parser *p, const char *word, struct value *v)
{
    char context[60];
    for (const char *w = word; *w; w++, p->at++) {
        if (*p->at == *w)
            continue;
        (void)snprintf(context, sizeof context, "in literal %s (expecting '%c')", word, *w);
        return fail_char(p, context);
    }
    v->kind = *word == 'n' ? VALUE_NULL : VALUE_BOOL;
    v->boolean = *word == 't';
    return 0;
}

/* ---- the walk ---- */

static int open_container(struct parser *p, bool object)
{
    if (tree__depth(&p->tree) >= (p->flags & JSON_SHALLOW ? DEPTH_SHALLOW : DEPTH_MAX))
        return fail(p, "exceeded max depth");
    tree__open(&p->tree, object);
    p->at++;
    return 0;
}

/* Reads a scalar into the newest slot, or opens the container that will be filled there. */
static int value_begin(struct parser *p)
{
    skip_space(p);
    struct value *v = &tree__top(&p->tree)->value;
    v->line = p->line;
    v->column = (uint32_t)(p->at - p->line_start) + 1;
    switch (*p->at) {
    case '{':
        return open_container(p, true);
    case '[':
        return open_container(p, false);
    case '"':
        v->kind = VALUE_STRING;
        p->at++;
        return read_string(p, &v->text, &v->n);
    case 't':
        return read_word(p, "true", v);
    case 'f':
        return read_word(p, "false", v);
    case 'n':
        return read_word(p, "null", v);
    default:
        if (*p->at == '-' || is_digit(*p->at))
            return read_number(p, v);
        return fail_char(p, "looking for beginning of value");
    }
}

static int read_key(struct parser *p)
{
    if (*p->at != '"')
        return fail_char(p, "looking for beginning of object key string");
    struct member *m = tree__push(&p->tree);
    m->line = p->line;
    p->at++;
    int rc = read_string(p, &m->key, &m->key_len);
    if (rc)
        return rc;
    skip_space(p);
    if (*p->at != ':')
        return fail_char(p, "after object key");
    p->at++;
    return 0;
}

/* Closes what ends here and makes the slot of the next value. *done: the document is whole. */
static int advance(struct parser *p, bool fresh, bool *done)
{
    while (tree__depth(&p->tree)) {
        struct tree_open o = *tree__inner(&p->tree);
        skip_space(p);
        if (*p->at == (o.object ? '}' : ']') && (fresh || tree__count(&p->tree) > o.first)) {
            int rc = tree__close(&p->tree);
            if (rc)
                return rc;
            p->at++;
            fresh = false;
            continue;
        }
        if (!fresh) {
            if (*p->at != ',')
                return fail_char(p,
                                 o.object ? "after object key:value pair" : "after array element");
            p->at++;
            skip_space(p);
        }
        if (o.object)
            return read_key(p);
        (void)tree__push(&p->tree);
        return 0;
    }
    *done = true;
    return 0;
}

static int parse_document(struct parser *p)
{
    (void)tree__push(&p->tree);
    for (bool done = false; !done;) {
        size_t depth = tree__depth(&p->tree);
        int rc = value_begin(p);
        if (!rc)
            rc = advance(p, tree__depth(&p->tree) > depth, &done);
        if (rc)
            return rc;
    }
    skip_space(p);
    return 0;
}

/* The slab: a byte in front, into which a number at the start moves, and room behind. */
static int parser_init(struct parser *p, struct arena *a, const char *text, size_t n,
                       unsigned flags, struct err *e)
{
    if (n >= UINT32_MAX)
        return err_set(e, ERR_TOO_LARGE, "a JSON text of %zu bytes is too large", n);
    char *slab = arena_alloc(a, n + 1 + SLAB_PAD);
    if (n)
        memcpy(slab + 1, text, n);
    *p = (struct parser){.arena = a,
                         .at = slab + 1,
                         .end = slab + 1 + n,
                         .line_start = slab + 1,
                         .line = 1,
                         .flags = flags,
                         .e = e};
    tree__init(&p->tree, a, flags & JSON_STRICT_KEYS, e);
    return 0;
}

static struct value *take_root(struct parser *p)
{
    struct value *root = arena_dup(p->arena, &tree__slot(&p->tree, 0)->value, sizeof *root);
    tree__pop(&p->tree);
    return root;
}

int json_parse_prefix(struct arena *a, const char *text, size_t n, unsigned flags,
                      struct value **out, size_t *used, struct err *e)
{
    struct parser p;
    int rc = parser_init(&p, a, text, n, flags, e);
    if (rc)
        return rc;
    const char *start = p.at;
    rc = parse_document(&p);
    if (!rc && !used && p.at != p.end)
        rc = fail_char(&p, "after top-level value");
    if (!rc) {
        *out = take_root(&p);
        if (used)
            *used = (size_t)(p.at - start);
    }
    tree__done(&p.tree);
    return rc;
}

int json_parse(struct arena *a, const char *text, size_t n, unsigned flags, struct value **out,
               struct err *e)
{
    return json_parse_prefix(a, text, n, flags, out, NULL, e);
}

int json_parse_all(struct arena *a, const char *text, size_t n, unsigned flags, struct value ***out,
                   size_t *out_n, struct err *e)
{
    struct parser p;
    struct value **docs = NULL;
    size_t count = 0;
    int rc = parser_init(&p, a, text, n, flags, e);
    if (rc)
        return rc;
    for (skip_space(&p); !rc && p.at != p.end; count += !rc) {
        if ((count & (count - 1)) == 0)
            docs =
                arena_grow(a, docs, count * sizeof *docs, (count ? 2 * count : 1) * sizeof *docs);
        rc = parse_document(&p);
        if (!rc)
            docs[count] = take_root(&p);
    }
    tree__done(&p.tree);
    if (!rc) {
        *out = docs;
        *out_n = count;
    }
    return rc;
}
