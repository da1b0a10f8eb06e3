#include "textproto.h"

#include "codec/utf8.h"

enum { DEPTH_MAX = 100 };

struct parser {
    struct arena *arena;
    const char *at, *end, *start;
    unsigned depth;
    struct err *e;
};

static int parse_fields(struct parser *p, char close, struct value *out);

static int fail(const struct parser *p, const char *what)
{
    size_t line = 1;
    for (const char *s = p->start; s < p->at; s++)
        line += *s == '\n';
    return err_set(p->e, ERR_INVALID, "line %zu: %s", line, what);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end) {
        if (strchr(" \t\r\n,;", *p->at))
            p->at++;
        else if (*p->at == '#')
            p->at += strcspn(p->at, "\n");
        else
            return;
    }
}

static unsigned digits(const char **s, unsigned base, int max)
{
    unsigned v = 0;
    for (; max > 0; max--, (*s)++) {
        char c = **s;
        unsigned d = c >= '0' && c <= '9'                     ? (unsigned)(c - '0')
                     : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a') + 10
                                                              : 99;
        if (d >= base)
            break;
        v = v * base + d;
    }
    return v;
}

static char *unescape(struct parser *p, char *to)
{
    static const char from[] = "abfnrtv\\'\"?", means[] = "\a\b\f\n\r\t\v\\'\"?";
    char c = *p->at;
    const char *hit = c ? strchr(from, c) : NULL;
    if (c >= '0' && c <= '7') {
        *to++ = (char)digits(&p->at, 8, 3);
    } else if (c == 'x' || c == 'X') {
        p->at++;
        *to++ = (char)digits(&p->at, 16, 2);
    } else if (c == 'u' || c == 'U') {
        p->at++;
        to += utf8_encode(digits(&p->at, 16, c == 'u' ? 4 : 8), to);
    } else {
        *to++ = hit ? means[hit - from] : c;
        p->at++;
    }
    return to;
}

/* Strings side by side are one. */
static int parse_string(struct parser *p, struct value **out)
{
    char *text = arena_alloc(p->arena, (size_t)(p->end - p->at) + 8), *to = text;
    while (p->at < p->end && (*p->at == '"' || *p->at == '\'')) {
        char quote = *p->at++;
        while (p->at < p->end && *p->at != quote) {
            if (*p->at == '\\') {
                p->at++;
                to = unescape(p, to);
            } else {
                *to++ = *p->at++;
            }
        }
        if (p->at == p->end)
            return fail(p, "unterminated string");
        p->at++;
        skip_space(p);
    }
    *out = value_new_strn(p->arena, text, (size_t)(to - text));
    return 0;
}

static int parse_value(struct parser *p, struct value **out)
{
    skip_space(p);
    if (p->at == p->end)
        return fail(p, "a value is missing");
    if (*p->at == '"' || *p->at == '\'')
        return parse_string(p, out);
    if (*p->at == '{' || *p->at == '<') {
        char close = *p->at++ == '{' ? '}' : '>';
        *out = value_new_object(p->arena);
        return parse_fields(p, close, *out);
    }
    size_t n = strcspn(p->at, " \t\r\n,;}]>#");
    if (n == 0)
        return fail(p, "a value is missing");
    *out = value_new_strn(p->arena, p->at, n);
    p->at += n;
    return 0;
}

static int parse_list(struct parser *p, struct value *all)
{
    p->at++;
    for (skip_space(p); p->at < p->end && *p->at != ']'; skip_space(p)) {
        struct value *v = NULL;
        int rc = parse_value(p, &v);
        if (rc)
            return rc;
        (void)value_push(p->arena, all, v);
    }
    if (p->at == p->end)
        return fail(p, "unterminated list");
    p->at++;
    return 0;
}

static int parse_field(struct parser *p, struct value *out)
{
    bool extension = *p->at == '[';
    size_t n = extension ? strcspn(p->at, "]") : strcspn(p->at, " \t\r\n:{<");
    char *name = arena_strndup(p->arena, p->at + extension, n - extension);
    p->at += n + extension;
    skip_space(p);
    if (p->at < p->end && *p->at == ':')
        p->at++;
    skip_space(p);
    struct value *old = value_get_mut(out, name);
    if (!old)
        old = value_set(p->arena, out, name, value_new_array(p->arena));
    if (p->at < p->end && *p->at == '[')
        return parse_list(p, old);
    struct value *v = NULL;
    int rc = parse_value(p, &v);
    if (!rc)
        (void)value_push(p->arena, old, v);
    return rc;
}

static int parse_fields(struct parser *p, char close, struct value *out)
{
    if (++p->depth > DEPTH_MAX)
        return fail(p, "too deep");
    for (skip_space(p); p->at < p->end && *p->at != close; skip_space(p)) {
        int rc = parse_field(p, out);
        if (rc)
            return rc;
    }
    if (close && p->at == p->end)
        return fail(p, "unterminated message");
    p->at += close != '\0';
    p->depth--;
    return 0;
}

int textproto_parse(struct arena *a, const char *text, size_t n, struct value **out, struct err *e)
{
    struct parser p = {.arena = a, .at = text, .end = text + n, .start = text, .e = e};
    struct value *v = value_new_object(a);
    int rc = parse_fields(&p, '\0', v);
    if (!rc)
        *out = v;
    return rc;
}
