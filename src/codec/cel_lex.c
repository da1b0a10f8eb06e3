#include "codec/cel_lex_int.h"

#include <errno.h>
#include <math.h>

#include "base/own.h"
#include "codec/utf8.h"

int cel__lex_error(const struct cel_lexer *l, const char *at, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *p = l->text; p < at; p++) {
        line += *p == '\n';
        column = *p == '\n' ? 1 : column + (((unsigned char)*p & 0xc0) != 0x80);
    }
    return err_set(l->e, ERR_INVALID, "%zu:%zu: %s", line, column, what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static void skip_space(struct cel_lexer *l)
{
    while (l->at < l->end) {
        if (*l->at && strchr(" \t\r\n\f", *l->at))
            l->at++;
        else if (l->at[0] == '/' && l->at[1] == '/')
            l->at += strcspn(l->at, "\n");
        else
            return;
    }
}

/* ---- numbers ---- */

static int lex_integer(struct cel_lexer *l, bool hex, struct cel_token *out)
{
    char *stop = NULL;
    errno = 0;
    uint64_t n = strtoull(l->at, &stop, hex ? 16 : 10);
    bool overflow = errno == ERANGE;
    const char *start = l->at;
    l->at = stop;
    if (*l->at == 'u' || *l->at == 'U') {
        l->at++;
        out->literal = (struct cel_value){.kind = CEL_UINT, .u = n};
    } else {
        out->literal = (struct cel_value){.kind = CEL_INT, .i = (int64_t)n};
        out->too_large = n == (uint64_t)INT64_MAX + 1;
        overflow = overflow || n > (uint64_t)INT64_MAX + 1;
    }
    return overflow ? cel__lex_error(l, start, "invalid int literal") : 0;
}

static int lex_number(struct cel_lexer *l, struct cel_token *out)
{
    const char *s = l->at;
    out->kind = TOKEN_LITERAL;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        return lex_integer(l, true, out);
    while (is_digit(*s))
        s++;
    bool whole = true;
    if (*s == '.' && is_digit(s[1])) {
        whole = false;
        for (s++; is_digit(*s); s++)
            ;
    }
    if (*s == 'e' || *s == 'E') {
        const char *digits = s + 1 + (s[1] == '+' || s[1] == '-');
        if (is_digit(*digits)) {
            whole = false;
            for (s = digits; is_digit(*s); s++)
                ;
        }
    }
    if (whole)
        return lex_integer(l, false, out);
    out->literal = cel__double(strtod(l->at, NULL));
    if (!isfinite(out->literal.d))
        return cel__lex_error(l, l->at, "invalid double literal");
    l->at = s;
    return 0;
}

/* ---- strings ---- */

static int bad_escape(const struct cel_lexer *l, const char *at)
{
    return cel__lex_error(l, at, "unable to unescape string");
}

/* `n` digits of the base. */
static bool code_digits(const char *s, int n, unsigned base, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++) {
        unsigned digit = is_digit(s[i]) ? (unsigned)(s[i] - '0')
                         : (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f'
                             ? (unsigned)((s[i] | 0x20) - 'a') + 10
                             : 99;
        if (digit >= base)
            return false;
        v = v * base + digit;
    }
    *out = v;
    return true;
}

/* At the character behind the backslash. */
static int unescape(struct cel_lexer *l, bool bytes, char **to)
{
    static const char from[] = "abfnrtv\\'\"`?", means[] = "\a\b\f\n\r\t\v\\'\"`?";
    const char *start = l->at - 1, *hit = *l->at ? strchr(from, *l->at) : NULL;
    uint32_t c = 0;
    if (hit) {
        *(*to)++ = means[hit - from];
        l->at++;
        return 0;
    }
    char form = *l->at;
    int digits = form == 'x' || form == 'X' ? 2 : form == 'u' ? 4 : form == 'U' ? 8 : 3;
    const char *s = l->at + (digits != 3);
    if ((digits == 4 || digits == 8) && bytes)
        return bad_escape(l, start);
    if (digits == 3 && (form < '0' || form > '3'))
        return bad_escape(l, start);
    if (!code_digits(s, digits, digits == 3 ? 8 : 16, &c) || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000))
        return bad_escape(l, start);
    if (bytes)
        *(*to)++ = (char)c;
    else
        *to += utf8_encode(c, *to);
    l->at = s + digits;
    return 0;
}

static int lex_string(struct cel_lexer *l, bool raw, bool bytes, struct cel_token *out)
{
    const char *start = l->at;
    char quote = *l->at;
    bool triple = l->at[1] == quote && l->at[2] == quote;
    l->at += triple ? 3 : 1;
    char *text = arena_alloc(l->arena, (size_t)(l->end - l->at) + 8), *to = text;
    for (;;) {
        if (l->at >= l->end)
            return cel__lex_error(l, start, "Syntax error: unterminated string");
        if (*l->at == quote && (!triple || (l->at[1] == quote && l->at[2] == quote)))
            break;
        if ((*l->at == '\n' || *l->at == '\r') && !triple)
            return cel__lex_error(l, start, "Syntax error: unterminated string");
        if (*l->at == '\\' && !raw) {
            l->at++;
            int rc = unescape(l, bytes, &to);
            if (rc)
                return rc;
            continue;
        }
        if (*l->at == '\r') { /* line ends in a string are \n */
            l->at += l->at[1] == '\n';
            *to++ = '\n';
            l->at++;
            continue;
        }
        *to++ = *l->at++;
    }
    l->at += triple ? 3 : 1;
    out->kind = TOKEN_LITERAL;
    out->literal = cel__string(text, (size_t)(to - text));
    out->literal.kind = bytes ? CEL_BYTES : CEL_STRING;
    return 0;
}

/* r"", b"", br"" and their kin; NULL: the letters are a name. */
static const char *string_prefix(const char *s, bool *raw, bool *bytes)
{
    *raw = *bytes = false;
    for (int i = 0; i < 3; i++, s++) {
        if (*s == '"' || *s == '\'')
            return s;
        if ((*s == 'r' || *s == 'R') && !*raw)
            *raw = true;
        else if ((*s == 'b' || *s == 'B') && !*bytes)
            *bytes = true;
        else
            return NULL;
    }
    return NULL;
}

/* ---- names ---- */

static void lex_name(struct cel_lexer *l, struct cel_token *out)
{
    const char *start = l->at;
    while (is_letter(*l->at) || is_digit(*l->at))
        l->at++;
    out->kind = TOKEN_IDENT;
    out->n = (size_t)(l->at - start);
    out->text = arena_strndup(l->arena, start, out->n);
    if (strcmp(out->text, "true") == 0 || strcmp(out->text, "false") == 0) {
        out->kind = TOKEN_LITERAL;
        out->literal = cel__bool(*out->text == 't');
    } else if (strcmp(out->text, "null") == 0) {
        out->kind = TOKEN_LITERAL;
        out->literal = (struct cel_value){.kind = CEL_NULL};
    } else if (strcmp(out->text, "in") == 0) {
        out->kind = TOKEN_PUNCT;
    }
}

static int lex_quoted_name(struct cel_lexer *l, struct cel_token *out)
{
    const char *start = ++l->at;
    while (is_letter(*l->at) || is_digit(*l->at) || (*l->at && strchr(".-/ ", *l->at)))
        l->at++;
    if (*l->at != '`' || l->at == start)
        return cel__lex_error(l, start - 1, "Syntax error: malformed quoted identifier");
    out->kind = TOKEN_QUOTED;
    out->n = (size_t)(l->at - start);
    out->text = arena_strndup(l->arena, start, out->n);
    l->at++;
    return 0;
}

int cel__lex(struct cel_lexer *l, struct cel_token *out)
{
    static const char *const puncts[] = {"||", "&&", "==", "!=", "<=", ">=", "<", ">",
                                         "+",  "-",  "*",  "/",  "%",  "!",  "?", ":",
                                         ".",  ",",  "(",  ")",  "[",  "]",  "{", "}"};
    bool raw, bytes;
    skip_space(l);
    *out = (struct cel_token){.kind = TOKEN_END, .at = l->at, .text = ""};
    if (l->at >= l->end)
        return 0;
    const char *quote = string_prefix(l->at, &raw, &bytes);
    if (quote) {
        l->at = quote;
        return lex_string(l, raw, bytes, out);
    }
    if (is_letter(*l->at)) {
        lex_name(l, out);
        return 0;
    }
    if (*l->at == '`')
        return lex_quoted_name(l, out);
    if (is_digit(*l->at) || (*l->at == '.' && is_digit(l->at[1])))
        return lex_number(l, out);
    for (size_t i = 0; i < ARRAY_LEN(puncts); i++) {
        size_t n = strlen(puncts[i]);
        if (strncmp(l->at, puncts[i], n) == 0) {
            *out = (struct cel_token){.kind = TOKEN_PUNCT, .at = l->at, .text = puncts[i], .n = n};
            l->at += n;
            return 0;
        }
    }
    return cel__lex_error(l, l->at, "Syntax error: token recognition error");
}
