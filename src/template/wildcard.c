#include "base/own.h"
#include "codec/regex.h"
#include "template/functions_int.h"

#include "base/banned.h"

/* Helm's file patterns as a regular expression: * and ? stop at a slash, ** does not, [a-z] and
 * [!a-z] are one character, {a,b} is one of several. False: it is malformed. */
static bool translate(struct buf *b, const char *s, size_t n)
{
    int braces = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '*' && i + 1 < n && s[i + 1] == '*') {
            buf_puts(b, ".*");
            i++;
        } else if (c == '*') {
            buf_puts(b, "[^/]*");
        } else if (c == '?') {
            buf_puts(b, "[^/]");
        } else if (c == '{' || c == '}' || (c == ',' && braces)) {
            braces += c == '{' ? 1 : c == '}' ? -1 : 0;
            buf_puts(b, c == '{' ? "(?:" : c == '}' ? ")" : "|");
        } else if (c == '[') {
            const char *end = memchr(s + i + 1, ']', n - i - 1);
            if (!end || end == s + i + 1)
                return false;
            buf_putc(b, '[');
            for (i++; s[i] != ']'; i++) {
                if (strchr("\\^[&", s[i]))
                    buf_putc(b, '\\');
                buf_putc(b, s[i] == '!' && s[i - 1] == '[' ? '^' : s[i]);
            }
            buf_putc(b, ']');
        } else {
            c = c == '\\' && i + 1 < n ? s[++i] : c;
            if ((unsigned char)c < 0x80 && c > ' ' && strchr("\\.+()|[]{}^$*?", c))
                buf_putc(b, '\\');
            buf_putc(b, c);
        }
    }
    return braces == 0;
}

static void free_regex(void *r)
{
    regex_free(r);
}

struct regex *wildcard__regex(struct arena *a, const char *pattern, size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    struct regex *r = NULL;
    if (!translate(&b, pattern, n) ||
        regex_compile(buf_text(&b), b.len, REGEX_ANCHORED | REGEX_DOT_ALL, &r, NULL))
        r = NULL;
    buf_done(&b);
    if (r)
        arena_defer(a, free_regex, r);
    return r;
}
