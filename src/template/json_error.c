/* What Go's encoding/json says of a text that is no JSON. The scanner only looks for the first
 * character that cannot stand where it does. */
#include "template/functions_int.h"

#include "base/banned.h"

enum { DEPTH_MAX = 10000 };

struct check {
    struct arena *arena;
    const char *s;
    size_t n, at;
    const char *error;
};

static void skip(struct check *c)
{
    while (c->at < c->n && strchr(" \t\r\n", c->s[c->at]) && c->s[c->at])
        c->at++;
}

static bool fail(struct check *c, const char *where)
{
    if (c->at >= c->n) {
        c->error = "unexpected end of JSON input";
        return false;
    }
    char ch = c->s[c->at];
    struct buf b;
    buf_init(&b, 400);
    buf_puts(&b, "invalid character ");
    if (ch == '\'')
        buf_puts(&b, "'\\''");
    else if (ch == '"')
        buf_puts(&b, "'\"'");
    else
        text__quote_char(&b, (unsigned char)ch, false);
    buf_printf(&b, " %s", where);
    c->error = arena_strdup(c->arena, buf_text(&b));
    buf_done(&b);
    return false;
}

static bool string(struct check *c)
{
    for (c->at++; c->at < c->n && c->s[c->at] != '"'; c->at++) {
        if ((unsigned char)c->s[c->at] < ' ')
            return fail(c, "in string literal");
        if (c->s[c->at] != '\\')
            continue;
        c->at++;
        if (c->at >= c->n || !strchr("bfnrtu\\/\"", c->s[c->at]) || !c->s[c->at])
            return fail(c, "in string escape code");
        for (int i = 0; i < 4 && c->s[c->at - (size_t)i] == 'u'; i += 4)
            for (int k = 0; k < 4; k++) {
                c->at++;
                if (c->at >= c->n || !strchr("0123456789abcdefABCDEF", c->s[c->at]) || !c->s[c->at])
                    return fail(c, "in \\u hexadecimal character escape");
            }
    }
    if (c->at >= c->n)
        return fail(c, "");
    c->at++;
    return true;
}

static bool digit(const struct check *c)
{
    return c->at < c->n && c->s[c->at] >= '0' && c->s[c->at] <= '9';
}

static void digits(struct check *c)
{
    while (digit(c))
        c->at++;
}

static bool number(struct check *c)
{
    if (c->s[c->at] == '-') {
        c->at++;
        if (!digit(c))
            return fail(c, "in numeric literal");
    }
    if (c->s[c->at] == '0')
        c->at++;
    else
        digits(c);
    if (c->at < c->n && c->s[c->at] == '.') {
        c->at++;
        if (!digit(c))
            return fail(c, "after decimal point in numeric literal");
        digits(c);
    }
    if (c->at < c->n && (c->s[c->at] | 0x20) == 'e') {
        c->at++;
        if (c->at < c->n && (c->s[c->at] == '+' || c->s[c->at] == '-'))
            c->at++;
        if (!digit(c))
            return fail(c, "in exponent of numeric literal");
        digits(c);
    }
    return true;
}

static bool word(struct check *c, const char *text)
{
    for (size_t i = 0; text[i]; i++, c->at++)
        if (c->at >= c->n || c->s[c->at] != text[i])
            return fail(c, arena_printf(c->arena, "in literal %s (expecting '%c')", text, text[i]));
    return true;
}

/* A value that is no list or object, or the opening of one. */
static bool scalar(struct check *c)
{
    char ch = c->at < c->n ? c->s[c->at] : '\0';
    if (ch == '"')
        return string(c);
    if (ch == '-' || digit(c))
        return number(c);
    if (ch == 't' || ch == 'f' || ch == 'n')
        return word(c, ch == 't' ? "true" : ch == 'f' ? "false" : "null");
    return fail(c, "looking for beginning of value");
}

static bool key(struct check *c, const char *where)
{
    skip(c);
    if (c->at >= c->n || c->s[c->at] != '"')
        return fail(c, where);
    if (!string(c))
        return false;
    skip(c);
    if (c->at >= c->n || c->s[c->at] != ':')
        return fail(c, "after object key");
    c->at++;
    return true;
}

/* After a value: closes what ends here. False: an error; *done: the text's value is whole. */
static bool after_value(struct check *c, char *stack, size_t *depth, bool *done)
{
    for (*done = false; *depth;) {
        bool list = stack[*depth - 1] == '[';
        skip(c);
        char ch = c->at < c->n ? c->s[c->at] : '\0';
        if (ch == ',') {
            c->at++;
            return list || key(c, "looking for beginning of object key string");
        }
        if (ch != (list ? ']' : '}'))
            return fail(c, list ? "after array element" : "after object key:value pair");
        c->at++;
        --*depth;
    }
    *done = true;
    return true;
}

/* Goes into lists and objects. False: an error; *empty: what was opened closed at once. */
static bool open(struct check *c, char *stack, size_t *depth, bool *empty)
{
    *empty = false;
    for (;;) {
        skip(c);
        char ch = c->at < c->n ? c->s[c->at] : '\0';
        if (ch != '[' && ch != '{')
            return true;
        if (*depth == DEPTH_MAX) {
            c->error = "exceeded max depth";
            return false;
        }
        stack[(*depth)++] = ch;
        c->at++;
        skip(c);
        if (c->at < c->n && c->s[c->at] == (ch == '[' ? ']' : '}')) {
            c->at++;
            --*depth;
            *empty = true;
            return true;
        }
        if (ch == '{' && !key(c, "looking for beginning of object key string"))
            return false;
    }
}

const char *json__error(struct arena *a, const char *s, size_t n)
{
    struct check c = {.arena = a, .s = s, .n = n};
    char *stack = arena_alloc(a, DEPTH_MAX);
    size_t depth = 0;
    for (bool done = false, empty; !done;) {
        if (!open(&c, stack, &depth, &empty) || (!empty && !scalar(&c)) ||
            !after_value(&c, stack, &depth, &done))
            return c.error;
    }
    skip(&c);
    if (c.at < c.n)
        (void)fail(&c, "after top-level value");
    return c.error ? c.error : "invalid JSON";
}
