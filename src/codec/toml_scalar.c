#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/toml_int.h"
#include "codec/utf8.h"

enum { WORD_MAX = 128 };

int toml__refuse(struct toml *t, const char *why)
{
    return err_set(t->e, ERR_INVALID, "line %u: %s", t->line, why);
}

/* ---- texts ---- */

static int hex_digits(struct toml *t, size_t n, uint32_t *out)
{
    uint32_t c = 0;
    for (size_t i = 0; i < n; i++, t->p++) {
        const char digits[] = "0123456789abcdef";
        const char *d = t->p < t->end && *t->p ? strchr(digits, *t->p | 0x20) : NULL;
        if (!d)
            return toml__refuse(t, "an escape lacks hexadecimal digits");
        c = c << 4 | (uint32_t)(d - digits);
    }
    *out = c;
    return 0;
}

static int add_character(struct toml *t, struct buf *b, uint32_t c)
{
    char utf8[4];
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return toml__refuse(t, "an escape names no character");
    buf_add(b, utf8, utf8_encode(c, utf8));
    return 0;
}

/* A backslash at the end of a line takes the blanks of the next lines away. */
static bool skip_line_end(struct toml *t)
{
    const char *p = t->p;
    while (p < t->end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    if (p == t->end || *p != '\n')
        return false;
    for (; p < t->end && strchr(" \t\r\n", *p) && *p; p++)
        t->line += *p == '\n';
    t->p = p;
    return true;
}

/* Behind the backslash. */
static int escape(struct toml *t, bool multi_line, struct buf *b)
{
    static const char letters[] = "btnfre\"\\", means[] = "\b\t\n\f\r\x1b\"\\";
    uint32_t c;
    if (multi_line && skip_line_end(t))
        return 0;
    char letter = t->p < t->end ? *t->p++ : '\0';
    const char *at = letter ? strchr(letters, letter) : NULL;
    if (at) {
        buf_putc(b, means[at - letters]);
        return 0;
    }
    if (letter != 'u' && letter != 'U')
        return toml__refuse(t, "an escape is none of b, t, n, f, r, u, U, a quote or a backslash");
    int r = hex_digits(t, letter == 'u' ? 4 : 8, &c);
    return r < 0 ? r : add_character(t, b, c);
}

/* Whether the text ends here. Of more than three quotes the last three end it. */
static bool closes(struct toml *t, char quote, bool multi_line, struct buf *b)
{
    if (*t->p != quote)
        return false;
    if (!multi_line) {
        t->p++;
        return true;
    }
    size_t n = 0;
    while (n < 5 && t->p + n < t->end && t->p[n] == quote)
        n++;
    if (n < 3)
        return false;
    buf_add(b, t->p, n - 3);
    t->p += n;
    return true;
}

/* One character of a text, which is neither its end nor an escape. */
static int plain(struct toml *t, bool multi_line, struct buf *b)
{
    size_t n = utf8_valid(t->p, (size_t)(t->end - t->p));
    unsigned char c = (unsigned char)*t->p;
    bool line_end = c == '\n' || (c == '\r' && t->p + 1 < t->end && t->p[1] == '\n');
    if (n == 0)
        return toml__refuse(t, "a text is no UTF-8");
    if (line_end && !multi_line)
        return toml__refuse(t, "a text does not end on its line");
    if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7f)
        return toml__refuse(t, "a text holds a control character");
    t->line += c == '\n';
    buf_add(b, t->p, n);
    t->p += n;
    return 0;
}

static bool opens_three(struct toml *t, char quote)
{
    if (t->end - t->p < 3 || t->p[1] != quote || t->p[2] != quote)
        return false;
    t->p += 3;
    if (t->p < t->end && *t->p == '\r' && t->p + 1 < t->end && t->p[1] == '\n')
        t->p++;
    if (t->p < t->end && *t->p == '\n') {
        t->p++;
        t->line++;
    }
    return true;
}

int toml__string(struct toml *t, bool multi_line, struct value *out)
{
    char quote = *t->p;
    bool lines = multi_line && opens_three(t, quote);
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)(t->end - t->p) + 16);
    t->p += !lines;
    for (;;) {
        int r;
        if (t->p == t->end)
            return toml__refuse(t, "a text does not end");
        if (closes(t, quote, lines, &b))
            break;
        if (*t->p == '\\' && quote == '"') {
            t->p++;
            r = escape(t, lines, &b);
        } else {
            r = plain(t, lines, &b);
        }
        if (r < 0)
            return r;
    }
    *out = *value_new_strn(t->arena, buf_text(&b), b.len);
    return 0;
}

/* ---- numbers, truths, times ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes "_" out, which stands between digits only. */
static bool plain_digits(const char *word, char *out)
{
    const char *all = "0123456789abcdefABCDEF";
    size_t n = 0;
    for (const char *p = word; *p; p++) {
        if (*p != '_')
            out[n++] = *p;
        else if (p == word || !strchr(all, p[-1]) || !p[1] || !strchr(all, p[1]))
            return false;
    }
    out[n] = '\0';
    return true;
}

static bool read_based(struct arena *a, const char *digits, struct value *out)
{
    static const struct {
        char letter;
        int base;
        const char *digits;
    } bases[] = {
        {'x', 16, "0123456789abcdefABCDEF"},
        {'o', 8,  "01234567"              },
        {'b', 2,  "01"                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        const char *rest = digits + 2;
        if (digits[0] != '0' || digits[1] != bases[i].letter)
            continue;
        errno = 0;
        unsigned long long v = strtoull(rest, NULL, bases[i].base);
        if (!*rest || rest[strspn(rest, bases[i].digits)] || errno || v > INT64_MAX)
            return false;
        *out = *value_new_int(a, (int64_t)v);
        return true;
    }
    return false;
}

/* [+-] digits [. digits] [e [+-] digits], no zero in front. */
static bool is_number(const char *s, bool *whole)
{
    s += *s == '+' || *s == '-';
    size_t n = strspn(s, "0123456789");
    if (n == 0 || (n > 1 && *s == '0'))
        return false;
    s += n;
    *whole = !*s;
    if (*s == '.') {
        n = strspn(s + 1, "0123456789");
        if (n == 0)
            return false;
        s += 1 + n;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        n = strspn(s, "0123456789");
        if (n == 0)
            return false;
        s += n;
    }
    return !*s;
}

static bool read_number(struct arena *a, const char *word, struct value *out)
{
    char digits[WORD_MAX];
    bool whole = false;
    const char *unsigned_word = word + (*word == '+' || *word == '-');
    if (strcmp(unsigned_word, "inf") == 0 || strcmp(unsigned_word, "nan") == 0) {
        *out = *value_new_str(a, word); /* no document can say them otherwise */
        return true;
    }
    if (!plain_digits(word, digits))
        return false;
    if (read_based(a, digits, out))
        return true;
    if (!is_number(digits, &whole))
        return false;
    if (!whole) {
        double d = strtod(digits, NULL);
        if (!isfinite(d))
            return false;
        *out = *value_new_float(a, d);
        return true;
    }
    errno = 0;
    long long v = strtoll(digits, NULL, 10);
    *out = *value_new_int(a, v);
    return errno == 0;
}

/* `form`: a 9 stands for a digit. */
static bool begins(const char *s, const char *form)
{
    for (; *form; s++, form++)
        if (*form == '9' ? !is_digit(*s) : *s != *form)
            return false;
    return true;
}

/* 1979-05-27, 07:32:00.5, 1979-05-27T07:32:00Z, …-07:00 */
static bool is_time(const char *s)
{
    bool date = begins(s, "9999-99-99");
    if (date) {
        s += 10;
        if (!*s)
            return true;
        if (*s != 'T' && *s != 't' && *s != ' ')
            return false;
        s++;
    }
    if (!begins(s, "99:99:99"))
        return false;
    s += 8;
    if (*s == '.')
        s += 1 + strspn(s + 1, "0123456789");
    if (date && (*s == 'Z' || *s == 'z'))
        s++;
    else if (date && (begins(s, "+99:99") || begins(s, "-99:99")))
        s += 6;
    return !*s;
}

static size_t word_length(const struct toml *t)
{
    static const char stops[] = " \t\r\n,]}#=\"'[{";
    size_t n = 0, left = (size_t)(t->end - t->p);
    while (n < left && t->p[n] && !strchr(stops, t->p[n]))
        n++;
    /* A date and a time may have a blank between them. */
    if (n == 10 && left > 18 && t->p[10] == ' ' && is_digit(t->p[4 - 1]) && t->p[4] == '-' &&
        is_digit(t->p[11]))
        for (n = 11; n < left && t->p[n] && !strchr(stops, t->p[n]); n++)
            continue;
    return n;
}

int toml__bare(struct toml *t, struct value *out)
{
    char word[WORD_MAX];
    size_t n = word_length(t);
    if (n == 0 || n >= sizeof word)
        return toml__refuse(t, "a value is missing or no value");
    memcpy(word, t->p, n);
    word[n] = '\0';
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        *out = *value_new_bool(t->arena, *word == 't');
    else if (is_time(word))
        *out = *value_new_str(t->arena, word);
    else if (!read_number(t->arena, word, out))
        return err_set(t->e, ERR_INVALID, "line %u: \"%.60s\" is no value", t->line, word);
    t->p += n;
    return 0;
}
