/* schema_text.c - numbers and texts in the words of Helm's validator. */
#include <string.h>

#include "codec/number.h"
#include "render/helm/schema_int.h"

/* An exponent in raised digits: "e+06" is ×10⁰⁶. */
static void raised(struct buf *b, const char *exponent)
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    buf_puts(b, "×10");
    for (const char *s = exponent; *s; s++) {
        if (*s == '-')
            buf_puts(b, "⁻");
        else if (*s >= '0' && *s <= '9')
            buf_puts(b, digits[*s - '0']);
    }
}

const char *helm__schema_number(struct arena *a, double d)
{
    char text[NUMBER_TEXT_MAX];
    text[number_format_g(d, text)] = '\0';
    const char *s = text, *e = strchr(text, 'e');
    AUTO_BUF struct buf b;
    buf_init(&b, 128);
    if (*s == '-')
        buf_putc(&b, *s++);
    size_t whole = strcspn(s, ".e");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            buf_putc(&b, ',');
        buf_putc(&b, s[i]);
    }
    s += whole;
    buf_add(&b, s, e ? (size_t)(e - s) : strlen(s));
    if (e)
        raised(&b, e + 1);
    return arena_strdup(a, buf_text(&b));
}

const char *helm__schema_quote(struct arena *a, const char *s)
{
    const char *q = helm__quote(a, s, strlen(s));
    size_t n = strlen(q);
    AUTO_BUF struct buf b;
    buf_init(&b, 2 * n + 2);
    buf_putc(&b, '\'');
    for (size_t i = 1; i + 1 < n; i++) {
        if (q[i] == '\\' && q[i + 1] == '"')
            continue;
        if (q[i] == '\'')
            buf_putc(&b, '\\');
        buf_putc(&b, q[i]);
        if (q[i] == '\\')
            buf_putc(&b, q[++i]);
    }
    buf_putc(&b, '\'');
    return arena_strdup(a, buf_text(&b));
}

const char *helm__schema_shown(struct arena *a, const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
        return helm__schema_quote(a, v->text);
    case VALUE_NULL:
        return "<nil>";
    case VALUE_BOOL:
        return v->boolean ? "true" : "false";
    case VALUE_INT:
    case VALUE_FLOAT:
        return v->text;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return "value";
}
