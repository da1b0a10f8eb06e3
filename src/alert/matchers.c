/* matchers.c - matchers of routes, silences and inhibitions as text. */
#include <ctype.h>
#include <string.h>

#include "alert/config.h"
#include "base/buf.h"

enum { MATCHERS_MAX = 64, TEXT_MAX = 1 << 16 };

static const char *skip(const char *s)
{
    return s + strspn(s, " \t\n");
}

/* "…" with \", \\ and \n; NULL: it does not end. */
static const char *read_quoted(struct arena *a, const char *s, const char **out)
{
    char *to = arena_alloc(a, strlen(s) + 1);
    *out = to;
    for (s++; *s && *s != '"'; s++) {
        bool escaped = *s == '\\' && s[1];
        s += escaped;
        *to++ = escaped && *s == 'n' ? '\n' : *s;
    }
    return *s ? s + 1 : NULL;
}

static const char *read_name(struct arena *a, const char *s, const char **out)
{
    if (*s == '"')
        return read_quoted(a, s, out);
    size_t n = strcspn(s, "=!~ \t\n,{}\"");
    *out = arena_strndup(a, s, n);
    return n ? s + n : NULL;
}

static const char *read_value(struct arena *a, const char *s, const char **out)
{
    if (*s == '"')
        return read_quoted(a, s, out);
    size_t n = strcspn(s, ",}");
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    *out = arena_strndup(a, s, n);
    return s + n;
}

static const char *read_op(const char *s, enum match_op *out)
{
    static const struct {
        const char *text;
        enum match_op op;
    } ops[] = {
        {"=~", MATCH_RE    },
        {"!~", MATCH_NOT_RE},
        {"!=", MATCH_NE    },
        {"=",  MATCH_EQ    },
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (strncmp(s, ops[i].text, strlen(ops[i].text)) == 0) {
            *out = ops[i].op;
            return s + strlen(ops[i].text);
        }
    return NULL;
}

/* A malformed regular expression is found by trying it. */
static int check(const struct matcher *m, struct err *e)
{
    const struct labels none = {0};
    bool fits;
    return tsdb_matches(m, 1, &none, &fits, e);
}

static const char *read_matcher(struct arena *a, const char *s, struct matcher *m)
{
    s = read_name(a, skip(s), &m->name);
    s = s ? read_op(skip(s), &m->op) : NULL;
    return s ? read_value(a, skip(s), &m->value) : NULL;
}

int alert_matchers_parse(struct arena *a, const char *text, struct alert_matchers *out,
                         struct err *e)
{
    struct matcher *items = ARENA_ARRAY(a, struct matcher, MATCHERS_MAX);
    const char *s = skip(text);
    bool braces = *s == '{';
    size_t n = 0;
    s = skip(s + braces);
    while (*s && *s != '}') {
        if (n == MATCHERS_MAX)
            return err_set(e, ERR_TOO_LARGE, "more than %d matchers", MATCHERS_MAX);
        s = read_matcher(a, s, &items[n]);
        if (!s)
            return err_set(e, ERR_INVALID, "bad matcher format: %.200s", text);
        int r = check(&items[n++], e);
        if (r < 0)
            return r;
        s = skip(s);
        if (*s == ',')
            s = skip(s + 1);
        else if (*s && *s != '}')
            return err_set(e, ERR_INVALID, "bad matcher format: %.200s", text);
    }
    if ((*s == '}') != braces || (braces && *skip(s + 1)))
        return err_set(e, ERR_INVALID, "bad matcher format: %.200s", text);
    *out = (struct alert_matchers){items, n};
    return 0;
}

char *alert_matchers_text(struct arena *a, const struct alert_matchers *m)
{
    static const char *const ops[] = {"=", "!=", "=~", "!~"};
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_putc(&b, '{');
    for (size_t i = 0; i < m->n; i++) {
        buf_printf(&b, "%s%s%s\"", i ? "," : "", m->items[i].name, ops[m->items[i].op]);
        for (const char *s = m->items[i].value; *s; s++) {
            if (*s == '"' || *s == '\\')
                buf_putc(&b, '\\');
            if (*s == '\n')
                buf_puts(&b, "\\n");
            else
                buf_putc(&b, *s);
        }
        buf_putc(&b, '"');
    }
    buf_putc(&b, '}');
    return arena_strdup(a, buf_text(&b));
}

bool alert_matches(const struct alert_matchers *m, const struct labels *l)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct matcher *x = &m->items[i];
        bool fits, equal = x->op == MATCH_EQ || x->op == MATCH_NE;
        struct err e;
        if (equal) /* nearly all are: they cost no memory */
            fits = (strcmp(labels_get(l, x->name), x->value) == 0) == (x->op == MATCH_EQ);
        else if (tsdb_matches(x, 1, l, &fits, &e) < 0)
            return false;
        if (!fits)
            return false;
    }
    return true;
}
