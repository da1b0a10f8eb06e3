#include "logs/logql.h"

#include <ctype.h>
#include <string.h>

#include "logs/logql_int.h"

enum { MAX_PARTS = 64 };

static const double span_max_s = 100.0 * 365 * 86400;

int logql__fail(const struct parser *p, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "log query: %s at column %zu of %.200s", what,
                   (size_t)(p->at - p->text) + 1, p->text);
}

void logql__skip(struct parser *p)
{
    for (;;) {
        while (isspace((unsigned char)*p->at))
            p->at++;
        if (*p->at != '#')
            return;
        while (*p->at && *p->at != '\n')
            p->at++;
    }
}

bool logql__take(struct parser *p, const char *token)
{
    logql__skip(p);
    size_t n = strlen(token);
    if (strncmp(p->at, token, n) != 0)
        return false;
    p->at += n;
    return true;
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return isdigit((unsigned char)*s) ? 0 : n;
}

bool logql__word(struct parser *p, const char *word)
{
    logql__skip(p);
    size_t n = strlen(word);
    if (name_length(p->at) != n || strncmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

const char *logql__name(struct parser *p)
{
    logql__skip(p);
    size_t n = name_length(p->at);
    const char *name = n ? arena_strndup(p->arena, p->at, n) : NULL;
    p->at += n;
    return name;
}

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

int logql__string(struct parser *p, const char **out, struct err *e)
{
    logql__skip(p);
    char quote = *p->at;
    if (quote != '"' && quote != '`')
        return logql__fail(p, e, "a quoted string is missing");
    const char *start = ++p->at;
    char *text = arena_alloc(p->arena, strcspn(start, quote == '`' ? "`" : "") + 1);
    size_t n = 0;
    for (; *p->at && *p->at != quote; p->at++) {
        if (quote == '"' && *p->at == '\\' && p->at[1])
            text[n++] = unescape(*++p->at);
        else
            text[n++] = *p->at;
    }
    if (!*p->at)
        return logql__fail(p, e, "a string has no end");
    p->at++;
    *out = text;
    return 0;
}

int logql__span(struct parser *p, int64_t *out_ms, struct err *e)
{
    double seconds;
    logql__skip(p);
    size_t n = 0;
    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '.')
        n++;
    if (!logql__duration(arena_strndup(p->arena, p->at, n), &seconds) || seconds <= 0)
        return logql__fail(p, e, "a duration such as 5m is missing");
    if (seconds > span_max_s)
        return logql__fail(p, e, "a duration of more than 100 years");
    p->at += n;
    *out_ms = (int64_t)(seconds * 1000);
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
        if (logql__take(p, ops[filter][i].token)) {
            *out = ops[filter][i].op;
            return true;
        }
    return false;
}

static int take_matcher(struct parser *p, struct logdb_matcher *m, struct err *e)
{
    m->label = logql__name(p);
    if (!m->label)
        return logql__fail(p, e, "a label name is missing");
    if (!take_op(p, false, &m->op))
        return logql__fail(p, e, "one of = != =~ !~ is missing");
    return logql__string(p, &m->value, e);
}

static int take_selector(struct parser *p, struct logql_log *out, struct err *e)
{
    struct logdb_matcher *list = ARENA_ARRAY(p->arena, struct logdb_matcher, MAX_PARTS + 1);
    size_t n = 0;
    if (!logql__take(p, "{"))
        return logql__fail(p, e, "a selector such as {namespace=\"default\"} is missing");
    while (!logql__take(p, "}")) {
        if (n && !logql__take(p, ","))
            return logql__fail(p, e, "a comma or } is missing");
        if (n == MAX_PARTS)
            return logql__fail(p, e, "too many matchers");
        int r = take_matcher(p, &list[n++], e);
        if (r < 0)
            return r;
    }
    out->query.matchers = list;
    out->query.n_matchers = n;
    return 0;
}

static int compile(struct parser *p, const char *text, struct regex **out, struct err *e)
{
    int r = regex_compile(text, strlen(text), 0, out, e);
    if (r == 0)
        arena_defer(p->arena, (void (*)(void *))regex_free, *out);
    return r;
}

/* A filter of lines behind its operator: "a" or "b" … */
static int take_filter(struct parser *p, enum logdb_op op, struct stage *out, struct err *e)
{
    const char **texts = ARENA_ARRAY(p->arena, const char *, MAX_PARTS);
    *out = (struct stage){.kind = STAGE_LINE, .op = op, .texts = texts};
    out->regexes = ARENA_ARRAY(p->arena, struct regex *, MAX_PARTS);
    do {
        if (out->n_texts == MAX_PARTS)
            return logql__fail(p, e, "too many filters");
        int r = logql__string(p, &texts[out->n_texts], e);
        if (r == 0 && (op == LOGDB_MATCH || op == LOGDB_NOT_MATCH))
            r = compile(p, texts[out->n_texts], &out->regexes[out->n_texts], e);
        if (r < 0)
            return r;
        out->n_texts++;
    } while (logql__word(p, "or"));
    return 0;
}

/* Filters that come before any other stage are the store's: it is fast at them. */
static void put_stage(struct logql_log *out, struct logdb_filter *filters, struct stage *stages,
                      const struct stage *s)
{
    if (s->kind == STAGE_LINE && s->n_texts == 1 && out->n_stages == 0)
        filters[out->query.n_filters++] = (struct logdb_filter){s->op, s->texts[0]};
    else
        stages[out->n_stages++] = *s;
}

int logql__log(struct parser *p, struct logql_log *out, int64_t *range_ms, struct err *e)
{
    struct logdb_filter *filters = ARENA_ARRAY(p->arena, struct logdb_filter, MAX_PARTS);
    struct stage *stages = ARENA_ARRAY(p->arena, struct stage, MAX_PARTS);
    *out = (struct logql_log){.stages = stages, .query.filters = filters};
    int r = take_selector(p, out, e);
    for (size_t n = 0; r == 0; n++) {
        struct stage s;
        enum logdb_op op;
        if (range_ms && logql__take(p, "[")) {
            r = logql__span(p, range_ms, e);
            if (r == 0 && !logql__take(p, "]"))
                r = logql__fail(p, e, "a ] is missing");
            continue;
        }
        if (n == MAX_PARTS)
            return logql__fail(p, e, "too many stages");
        if (take_op(p, true, &op))
            r = take_filter(p, op, &s, e);
        else if (logql__take(p, "|"))
            r = logql__stage(p, &s, e);
        else
            break;
        if (r == 0)
            put_stage(out, filters, stages, &s);
    }
    return r;
}

int logql_parse(const char *text, struct arena *a, struct logql_log *out, struct err *e)
{
    struct parser p = {.text = text, .at = text, .arena = a};
    int r = logql__log(&p, out, NULL, e);
    logql__skip(&p);
    if (r == 0 && *p.at)
        return logql__fail(&p, e, "one of |= != |~ !~ | is missing");
    return r;
}

bool logql_is_log(const char *text)
{
    struct parser p = {.text = text, .at = text};
    return logql__take(&p, "{");
}
