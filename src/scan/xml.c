#include "scan/xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/utf8.h"

/* Behind "&#". */
static bool numbered(const char *s, size_t n, struct buf *b)
{
    char utf8[4], *end;
    bool hex = n && *s == 'x';
    unsigned long c = strtoul(s + hex, &end, hex ? 16 : 10);
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    buf_add(b, utf8, utf8_encode((uint32_t)c, utf8));
    return true;
}

static const char *decode(struct arena *a, const char *s, size_t n)
{
    static const char *const named[] = {"amp;&", "lt;<", "gt;>", "quot;\"", "apos;'"};
    AUTO_BUF struct buf b;
    if (!memchr(s, '&', n))
        return arena_strndup(a, s, n);
    char *own = arena_strndup(a, s, n); /* NUL-terminated, for strtoul */
    buf_init(&b, n + 1);
    for (const char *p = own, *end = own + n; p < end; p++) {
        const char *semicolon = *p == '&' ? memchr(p, ';', (size_t)(end - p)) : NULL;
        bool done = false;
        if (semicolon && p[1] == '#')
            done = numbered(p + 2, (size_t)(semicolon - p - 2), &b);
        for (size_t i = 0; semicolon && !done && i < ARRAY_LEN(named); i++) {
            size_t len = strlen(named[i]) - 1;
            if ((size_t)(semicolon - p) == len && strncmp(p + 1, named[i], len) == 0) {
                buf_putc(&b, named[i][len]);
                done = true;
            }
        }
        if (done)
            p = semicolon;
        else
            buf_putc(&b, *p);
    }
    return arena_strndup(a, buf_text(&b), b.len);
}

static const char *find(const struct xml *x, const char *from, const char *what)
{
    return from < x->end ? memmem(from, (size_t)(x->end - from), what, strlen(what)) : NULL;
}

/* Past comments, instructions and declarations; false where one does not end. */
static bool skip_markup(struct xml *x)
{
    const char *ends = strncmp(x->p, "<!--", 4) == 0 ? "-->" : x->p[1] == '?' ? "?>" : ">";
    const char *end = find(x, x->p + 2, ends);
    if (!end)
        return false;
    x->p = end + strlen(ends);
    return true;
}

static enum xml_event element(struct xml *x, const char **attributes)
{
    const char *end = find(x, x->p, ">"), *name = x->p + 1;
    if (!end)
        return XML_END_OF_DOCUMENT;
    bool closes = *name == '/';
    name += closes;
    size_t n = strcspn(name, " \t\r\n/>");
    const char *colon = memchr(name, ':', n);
    const char *local = colon ? colon + 1 : name;
    x->name = arena_strndup(x->arena, local, n - (size_t)(local - name));
    *attributes = arena_strndup(x->arena, name + n, (size_t)(end - name) - n);
    x->empty = !closes && end[-1] == '/';
    x->p = end + 1;
    return closes ? XML_CLOSE : XML_OPEN;
}

enum xml_event xml__next(struct xml *x, const char **text, const char **attributes)
{
    if (x->empty) {
        x->empty = false;
        return XML_CLOSE;
    }
    for (;;) {
        if (x->p >= x->end)
            return XML_END_OF_DOCUMENT;
        if (*x->p != '<') {
            const char *end = find(x, x->p, "<"), *from = x->p;
            x->p = end ? end : x->end;
            *text = decode(x->arena, from, (size_t)(x->p - from));
            return XML_TEXT;
        }
        if (x->end - x->p > 9 && strncmp(x->p, "<![CDATA[", 9) == 0) {
            const char *end = find(x, x->p, "]]>"), *from = x->p + 9;
            if (!end)
                return XML_END_OF_DOCUMENT;
            x->p = end + 3;
            *text = arena_strndup(x->arena, from, end > from ? (size_t)(end - from) : 0);
            return XML_TEXT;
        }
        if (x->end - x->p < 3)
            return XML_END_OF_DOCUMENT;
        if (x->p[1] != '!' && x->p[1] != '?')
            return element(x, attributes);
        if (!skip_markup(x))
            return XML_END_OF_DOCUMENT;
    }
}

const char *xml__attribute(struct xml *x, const char *attributes, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = attributes; (p = strstr(p, name)); p += n) {
        const char *q = p + n;
        q += strspn(q, " \t\r\n");
        if (p == attributes || !strchr(" \t\r\n", p[-1]) || *q++ != '=')
            continue;
        q += strspn(q, " \t\r\n");
        const char *end = *q == '"' || *q == '\'' ? strchr(q + 1, *q) : NULL;
        if (end)
            return decode(x->arena, q + 1, (size_t)(end - q - 1));
    }
    return NULL;
}
