#include "monitor/exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_MAX = 128 };

struct page {
    const char *at, *end; /* of the line */
    struct arena *arena;
    size_t line;
};

static int fail(const struct page *p, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "line %zu of the page: %s", p->line, what);
}

static void skip_blanks(struct page *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
}

static const char *take_name(struct page *p, bool colons)
{
    const char *start = p->at;
    while (p->at < p->end &&
           (isalnum((unsigned char)*p->at) || *p->at == '_' || (colons && *p->at == ':')))
        p->at++;
    bool ok = p->at > start && !isdigit((unsigned char)*start);
    return ok ? arena_strndup(p->arena, start, (size_t)(p->at - start)) : NULL;
}

static const char *take_value(struct page *p)
{
    if (p->at == p->end || *p->at != '"')
        return NULL;
    char *out = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1);
    size_t n = 0;
    for (p->at++; p->at < p->end && *p->at != '"'; p->at++) {
        if (*p->at == '\\' && p->at + 1 < p->end) {
            char c = *++p->at;
            if (c != 'n' && c != '"' && c != '\\')
                out[n++] = '\\';
            out[n++] = c == 'n' ? '\n' : c;
        } else {
            out[n++] = *p->at;
        }
    }
    if (p->at == p->end)
        return NULL;
    p->at++;
    return out;
}

static int take_labels(struct page *p, struct label *l, size_t *n, struct err *e)
{
    for (p->at++;;) {
        skip_blanks(p);
        if (p->at < p->end && *p->at == '}') {
            p->at++;
            return 0;
        }
        if (*n == LABELS_MAX)
            return fail(p, e, "too many labels");
        l[*n].name = take_name(p, false);
        skip_blanks(p);
        if (!l[*n].name || p->at == p->end || *p->at++ != '=')
            return fail(p, e, "a label name is malformed");
        skip_blanks(p);
        l[*n].value = take_value(p);
        if (!l[(*n)++].value)
            return fail(p, e, "a label value is malformed");
        skip_blanks(p);
        if (p->at < p->end && *p->at == ',')
            p->at++;
        else if (p->at == p->end || *p->at != '}')
            return fail(p, e, "a comma or } is missing");
    }
}

static bool take_number(struct page *p, double *out)
{
    char text[64];
    skip_blanks(p);
    size_t n = 0;
    while (p->at < p->end && !isspace((unsigned char)*p->at) && n < sizeof text - 1)
        text[n++] = *p->at++;
    text[n] = '\0';
    char *end;
    *out = strtod(text, &end);
    return n > 0 && *end == '\0' && strpbrk(text, "xXpP_") == NULL;
}

static int take_sample(struct page *p, exposition_sample fn, void *arg, struct err *e)
{
    struct label l[LABELS_MAX + 1];
    size_t n = 1;
    double v, t = 0;
    l[0] = (struct label){"__name__", take_name(p, true)};
    if (!l[0].value)
        return fail(p, e, "a metric name is malformed");
    skip_blanks(p);
    if (p->at < p->end && *p->at == '{') {
        int r = take_labels(p, l, &n, e);
        if (r < 0)
            return r;
    }
    if (!take_number(p, &v))
        return fail(p, e, "the value is no number");
    skip_blanks(p);
    if (p->at < p->end && !take_number(p, &t))
        return fail(p, e, "the time is no number");
    skip_blanks(p);
    if (p->at < p->end)
        return fail(p, e, "something stands behind the sample");
    struct labels labels = labels_make(p->arena, l, n);
    fn(arg, &labels, v, (int64_t)t);
    return 0;
}

int exposition_parse(const char *text, size_t n, exposition_sample fn, void *arg, struct err *e)
{
    struct page p = {.line = 1};
    for (const char *line = text, *end = text + n; line < end; p.line++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        AUTO(arena) struct arena *a = arena_new(0);
        p.arena = a;
        p.at = line;
        p.end = nl ? nl : end;
        if (p.end > p.at && p.end[-1] == '\r')
            p.end--;
        skip_blanks(&p);
        if (p.at < p.end && *p.at != '#') {
            int r = take_sample(&p, fn, arg, e);
            if (r < 0)
                return r;
        }
        line = nl ? nl + 1 : end;
    }
    return 0;
}
