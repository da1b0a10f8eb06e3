#include "logs/logql.h"

#include <ctype.h>
#include <string.h>

enum { MAX_PARTS = 64 };

struct parser {
    const char *text, *at;
    struct arena *arena;
    struct logdb_matcher matchers[MAX_PARTS];
    struct logdb_filter filters[MAX_PARTS];
    size_t n_matchers, n_filters;
};

static int fail(const struct parser *p, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "log query: %s at column %zu of %.200s", what,
                   (size_t)(p->at - p->text) + 1, p->text);
}

static void skip_space(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static bool take(struct parser *p, const char *token)
{
    skip_space(p);
    size_t n = strlen(token);
    if (strncmp(p->at, token, n) != 0)
        return false;
    p->at += n;
    return true;
}

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

static int take_string(struct parser *p, const char **out, struct err *e)
{
    skip_space(p);
    char quote = *p->at;
    if (quote != '"' && quote != '`')
        return fail(p, e, "a quoted string is missing");
    const char *start = ++p->at;
    char *text = arena_alloc(p->arena, strlen(start) + 1);
    size_t n = 0;
    for (; *p->at && *p->at != quote; p->at++) {
        if (quote == '"' && *p->at == '\\' && p->at[1])
            text[n++] = unescape(*++p->at);
        else
            text[n++] = *p->at;
    }
    if (!*p->at)
        return fail(p, e, "a string has no end");
    p->at++;
    *out = text;
    return 0;
}

/* The operators of matchers and of filters differ in the first two only. */
static bool take_op(struct parser *p, bool filter, enum logdb_op *out)
{
    static const struct {
        const char *token;
        enum logdb_op op;
    } ops[2][4] = {
        {{"=~", LOGDB_MATCH}, {"!~", LOGDB_NOT_MATCH}, {"!=", LOGDB_NE}, {"=", LOGDB_EQ} },
        {{"|~", LOGDB_MATCH}, {"!~", LOGDB_NOT_MATCH}, {"!=", LOGDB_NE}, {"|=", LOGDB_EQ}},
    };
    for (int i = 0; i < 4; i++)
        if (take(p, ops[filter][i].token)) {
            *out = ops[filter][i].op;
            return true;
        }
    return false;
}

static int take_matcher(struct parser *p, struct err *e)
{
    skip_space(p);
    size_t n = 0;
    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')
        n++;
    if (!n)
        return fail(p, e, "a label name is missing");
    if (p->n_matchers == MAX_PARTS)
        return fail(p, e, "too many matchers");
    struct logdb_matcher *m = &p->matchers[p->n_matchers];
    m->label = arena_strndup(p->arena, p->at, n);
    p->at += n;
    if (!take_op(p, false, &m->op))
        return fail(p, e, "one of = != =~ !~ is missing");
    p->n_matchers++;
    return take_string(p, &m->value, e);
}

static int take_selector(struct parser *p, struct err *e)
{
    if (!take(p, "{"))
        return fail(p, e, "a selector such as {namespace=\"default\"} is missing");
    for (bool first = true; !take(p, "}"); first = false) {
        if (!first && !take(p, ","))
            return fail(p, e, "a comma or } is missing");
        int r = take_matcher(p, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_filters(struct parser *p, struct err *e)
{
    for (;;) {
        skip_space(p);
        if (!*p->at)
            return 0;
        if (p->n_filters == MAX_PARTS)
            return fail(p, e, "too many filters");
        struct logdb_filter *f = &p->filters[p->n_filters];
        if (!take_op(p, true, &f->op))
            return fail(p, e, "one of |= != |~ !~ is missing (other stages are not offered)");
        p->n_filters++;
        int r = take_string(p, &f->text, e);
        if (r < 0)
            return r;
    }
}

int logql_parse(const char *text, struct arena *a, struct logdb_query *out, struct err *e)
{
    struct parser p = {.text = text, .at = text, .arena = a};
    int r = take_selector(&p, e);
    if (r == 0)
        r = take_filters(&p, e);
    if (r < 0)
        return r;
    out->matchers = arena_dup(a, p.matchers, p.n_matchers * sizeof *p.matchers);
    out->n_matchers = p.n_matchers;
    out->filters = arena_dup(a, p.filters, p.n_filters * sizeof *p.filters);
    out->n_filters = p.n_filters;
    return 0;
}
