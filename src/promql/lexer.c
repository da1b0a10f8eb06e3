#include "promql/lexer.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
        if (c == 'x' && isxdigit((unsigned char)l->text[l->at + 1]) &&
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
    static const struct {
        const char *unit;
        double s;
    } units[] = {
        {"ms", 1e-3    },
        {"s",  1       },
        {"m",  60      },
        {"h",  3600    },
        {"d",  86400   },
        {"w",  604800  },
        {"y",  31536000}
    };
    double total = 0;
    const char *start = p;
    while (isdigit((unsigned char)*p)) {
        char *end;
        double v = (double)strtoull(p, &end, 10);
        size_t i = 0;
        while (i < ARRAY_LEN(units) && strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (i == ARRAY_LEN(units))
            return 0;
        total += v * units[i].s;
        p = end + strlen(units[i].unit);
    }
    if (isalnum((unsigned char)*p) || *p == '_' || *p == '.')
        return 0;
    *out = total;
    return (size_t)(p - start);
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
    char *end;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    t.number = hex ? (double)strtoull(p, &end, 16) : strtod(p, &end);
    if (end == p || isalnum((unsigned char)*end) || *end == '_')
        return make(TOKEN_BAD, "bad number or duration syntax", l->at);
    l->at = (size_t)(end - l->text);
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
    static const char *const ops[] = {"==", "!=", "<=", ">=", "=~", "!~", "+", "-",
                                      "*",  "/",  "%",  "^",  "<",  ">",  "=", "(",
                                      ")",  "{",  "}",  "[",  "]",  ",",  "@", ":"};
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
