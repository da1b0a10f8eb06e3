#include "promql/lexer.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/utf8.h"
#include "promql/unit.h"

static bool name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':';
}

static struct token make(enum token_kind kind, const char *text, size_t at)
{
    return (struct token){.kind = kind, .text = text, .at = at};
}

static void skip_space_and_comments(struct lexer *l)
{
    for (;;) {
        while (isspace((unsigned char)l->text[l->at]))
            l->at++;
        if (l->text[l->at] != '#')
            return;
        while (l->text[l->at] && l->text[l->at] != '\n')
            l->at++;
    }
}

static char escaped(char c)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    const char *p = strchr(from, c);
    return p && c ? to[p - from] : 0;
}

/* "u00e9", "U0001f600" and octal "101" after a backslash: how much that was, 0 for neither. What
 * it stands for is never longer than how it is written. */
static size_t code_point(const char *p, char *out, size_t *n)
{
    size_t length = *p == 'u' ? 4 : *p == 'U' ? 8 : 3, skip = length > 3;
    const char *of = skip ? "0123456789abcdefABCDEF" : "01234567";
    char digits[9];
    if (strspn(p + skip, of) < length)
        return 0;
    (void)snprintf(digits, sizeof digits, "%.*s", (int)length, p + skip);
    unsigned long c = strtoul(digits, NULL, skip ? 16 : 8);
    if (skip ? c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || !c : c > 255 || !c)
        return 0;
    if (skip)
        *n += utf8_encode((uint32_t)c, out + *n);
    else
        out[(*n)++] = (char)c;
    return length + skip;
}

static struct token string(struct lexer *l)
{
    size_t start = l->at, n = 0;
    char quote = l->text[l->at++];
    char *out = arena_alloc(l->arena, strlen(l->text + start) + 1);
    for (char c; (c = l->text[l->at]) != quote; l->at++) {
        if (!c || (c == '\n' && quote != '`'))
            return make(TOKEN_BAD, "unterminated quoted string", start);
        if (c != '\\' || quote == '`') {
            out[n++] = c;
            continue;
        }
        c = l->text[++l->at];
        size_t took = code_point(l->text + l->at, out, &n);
        if (took) {
            l->at += took - 1;
        } else if (c == 'x' && isxdigit((unsigned char)l->text[l->at + 1]) &&
                   isxdigit((unsigned char)l->text[l->at + 2])) {
            char hex[3] = {l->text[l->at + 1], l->text[l->at + 2], 0};
            out[n++] = (char)strtol(hex, NULL, 16);
            l->at += 2;
        } else if (escaped(c)) {
            out[n++] = escaped(c);
        } else {
            return make(TOKEN_BAD, "unknown escape sequence", start);
        }
    }
    l->at++;
    return make(TOKEN_STRING, out, start);
}

/* "1h30m", "5m", "100ms" from `p`; seconds, and how long it is (0: it is none). */
static size_t duration(const char *p, double *out)
{
    double total = 0, least = INFINITY; /* units go from large to small, each once */
    const char *start = p;
    while (isdigit((unsigned char)*p)) {
        char *end;
        double v = (double)strtoull(p, &end, 10);
        size_t n = 0;
        double unit = unit_seconds(end, &n);
        if (unit < 1e-3 || unit >= least) /* none, or one of Loki's */
            return 0;
        least = unit;
        total += v * unit;
        p = end + n;
    }
    if (isalnum((unsigned char)*p) || *p == '_' || *p == '.')
        return 0;
    *out = total;
    return (size_t)(p - start);
}

/* As Go reads numbers: "_" between digits, 0x hexadecimal, a leading 0 octal where it can be. */
static bool digits(const char *p, size_t *out_n, double *out)
{
    char text[128], *end;
    size_t n = 0, k = 0;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    for (; isalnum((unsigned char)p[n]) || p[n] == '.' || p[n] == '_' ||
           ((p[n] == '+' || p[n] == '-') && n && !hex && tolower((unsigned char)p[n - 1]) == 'e');
         n++) {
        if (p[n] == '_' && (!n || !isalnum((unsigned char)p[n + 1])))
            return false;
        if (k + 1 == sizeof text)
            return false;
        if (p[n] != '_')
            text[k++] = p[n];
    }
    text[k] = '\0';
    *out_n = n;
    if (hex)
        *out = (double)strtoull(text, &end, 16);
    else if (text[0] == '0' && k > 1 && strspn(text, "01234567") == k)
        *out = (double)strtoull(text, &end, 8);
    else
        *out = strtod(text, &end);
    return k && !*end;
}

static struct token number(struct lexer *l)
{
    struct token t = make(TOKEN_NUMBER, NULL, l->at);
    const char *p = l->text + l->at;
    size_t n = duration(p, &t.number);
    if (n) {
        t.kind = TOKEN_DURATION;
        l->at += n;
        return t;
    }
    if (!digits(p, &n, &t.number))
        return make(TOKEN_BAD, "bad number or duration syntax", l->at);
    l->at += n;
    return t;
}

static struct token name(struct lexer *l)
{
    size_t start = l->at;
    while (isalnum((unsigned char)l->text[l->at]) || l->text[l->at] == '_' ||
           (l->text[l->at] == ':' && !l->brackets))
        l->at++;
    const char *text = arena_strndup(l->arena, l->text + start, l->at - start);
    struct token t = make(TOKEN_NAME, text, start);
    if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "nan") == 0) {
        t.kind = TOKEN_NUMBER;
        t.number = strcasecmp(text, "inf") == 0 ? (double)INFINITY : (double)NAN;
    }
    return t;
}

struct token lexer_next(struct lexer *l)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "</", ">/", "=~", "!~", "+",
                                      "-",  "*",  "/",  "%",  "^",  "<",  ">",  "=",  "(",
                                      ")",  "{",  "}",  "[",  "]",  ",",  "@",  ":"};
    skip_space_and_comments(l);
    const char *p = l->text + l->at;
    if (!*p)
        return make(TOKEN_END, "end of input", l->at);
    if (*p == '"' || *p == '\'' || *p == '`')
        return string(l);
    if (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1])))
        return number(l);
    if (name_start(*p) && !(*p == ':' && l->brackets))
        return name(l);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        size_t n = strlen(ops[i]);
        if (strncmp(p, ops[i], n) != 0)
            continue;
        struct token t = make(TOKEN_OP, ops[i], l->at);
        l->at += n;
        l->brackets += *p == '[' ? 1 : *p == ']' ? -1 : 0;
        return t;
    }
    return make(TOKEN_BAD, arena_printf(l->arena, "unexpected character: '%c'", *p), l->at);
}
