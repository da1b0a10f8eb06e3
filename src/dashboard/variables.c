/* variables.c - Grafana's variables in the text of a query, and plausible values of them. */
#include "dashboard/dashboard_int.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

/* What Grafana itself gives. */
static const struct {
    const char *name, *value;
} builtins[] = {
    {"__interval",         "1m"           },
    {"__interval_ms",      "60000"        },
    {"__rate_interval",    "5m"           },
    {"__rate_interval_ms", "300000"       },
    {"__range",            "1h"           },
    {"__range_s",          "3600"         },
    {"__range_ms",         "3600000"      },
    {"__from",             "1700000000000"},
    {"__to",               "1700003600000"},
    {"__dashboard",        "x"            },
    {"__dashboard_uid",    "x"            },
    {"__user",             "x"            },
    {"__user_login",       "x"            },
    {"__user_email",       "x"            },
    {"__org",              "1"            },
    {"__org_name",         "x"            },
    {"__name",             "x"            },
    {"__timezone",         "utc"          },
    {"__timeFilter",       "x"            },
    {"interval",           "1m"           }, /* of old ones, where no variable has the name */
};

/* For a variable of which nothing is known: a name, a duration, a number, a matcher, one of
 * several matchers, nothing at all. */
static const char *const guesses[] = {"x", "5m", "1", "x=\"x\"", ",x=\"x\"", ""};

size_t dashboard__choices(void)
{
    return 1 + ARRAY_LEN(guesses);
}

/* ---- references ---- */

struct reference {
    size_t n; /* bytes of it */
    const char *name, *format;
    size_t name_n, format_n;
};

static size_t word(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

/* "name", "name:format" up to `end`; also "name.path" where `path`. */
static bool braced(const char *s, const char *end, bool path, struct reference *out)
{
    size_t open = strlen(end), n = word(s + open);
    const char *at = s + open + n;
    if (n == 0)
        return false;
    out->name = s + open;
    out->name_n = n;
    if (path && *at == '.')
        at += strcspn(at, ":}\n");
    if (*at == ':') {
        out->format = at + 1;
        at += strcspn(at, path ? "}\n" : "]\n");
        out->format_n = (size_t)(at - out->format);
    }
    if (strncmp(at, end, strlen(end)) != 0)
        return false;
    out->n = (size_t)(at - s) + strlen(end);
    return true;
}

static bool reference_at(const char *s, struct reference *out)
{
    *out = (struct reference){.format = ""};
    if (s[0] == '[' && s[1] == '[')
        return braced(s, "]]", false, out);
    if (s[0] != '$')
        return false;
    if (s[1] == '{') {
        if (!braced(s + 1, "}", true, out))
            return false;
        out->n++;
        return true;
    }
    out->name = s + 1;
    out->name_n = word(s + 1);
    out->n = out->name_n + 1;
    return out->name_n > 0;
}

const char *dashboard__reference(struct arena *a, const char *text)
{
    struct reference r;
    if (!reference_at(text, &r) || text[r.n])
        return NULL;
    return arena_strndup(a, r.name, r.name_n);
}

const struct dashboard_variable *dashboard__variable(const struct dashboard *d, const char *name,
                                                     size_t n)
{
    for (size_t i = 0; i < d->n_variables; i++)
        if (strlen(d->variables[i].name) == n && memcmp(d->variables[i].name, name, n) == 0)
            return &d->variables[i];
    return NULL;
}

static const char *builtin(const struct reference *r)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        if (strlen(builtins[i].name) == r->name_n &&
            memcmp(builtins[i].name, r->name, r->name_n) == 0)
            return builtins[i].value;
    /* Of variables of type interval. */
    return r->name_n > 16 && memcmp(r->name, "__auto_interval_", 16) == 0 ? "5m" : NULL;
}

static bool all_digits(const struct reference *r)
{
    size_t n = 0;
    while (n < r->name_n && isdigit((unsigned char)r->name[n]))
        n++;
    return n == r->name_n;
}

/* $1 and $name of label_replace() are its own: what a group of a pattern is called. */
static bool is_group(const char *text, const struct reference *r)
{
    char mark[72];
    if (all_digits(r))
        return true;
    if (r->name_n > sizeof mark - 3)
        return false;
    mark[0] = '<';
    memcpy(mark + 1, r->name, r->name_n);
    memcpy(mark + 1 + r->name_n, ">", 2);
    return strstr(text, mark) != NULL;
}

/* ---- a text in pieces ---- */

struct splitter {
    struct arena *a;
    const struct dashboard *d;
    const char *text;
    struct dashboard__text *out;
    const struct dashboard_variable *free[DASHBOARD_FREE];
    size_t literal; /* where what is copied begins */
    char quote;     /* within a string, a comment ('#'), or 0 */
};

static void put(struct splitter *s, const struct dashboard__piece *p)
{
    s->out->pieces[s->out->n++] = *p;
}

static void put_literal(struct splitter *s, size_t end)
{
    const struct dashboard__piece p = {.at = s->literal,
                                       .n = end - s->literal,
                                       .fixed = s->text + s->literal,
                                       .fixed_n = end - s->literal};
    if (p.n)
        put(s, &p);
}

static void name_undeclared(struct dashboard__text *t, struct arena *a, const struct reference *r)
{
    for (size_t i = 0; i < t->n_undeclared; i++)
        if (strlen(t->undeclared[i]) == r->name_n &&
            memcmp(t->undeclared[i], r->name, r->name_n) == 0)
            return;
    if (t->n_undeclared < DASHBOARD_UNDECLARED)
        t->undeclared[t->n_undeclared++] = arena_strndup(a, r->name, r->name_n);
}

/* Past the last slot variables share it: as good as any guess. */
static unsigned slot_of(struct splitter *s, const struct dashboard_variable *v)
{
    for (unsigned i = 0; i < s->out->slots; i++)
        if (s->free[i] == v)
            return i;
    if (s->out->slots == DASHBOARD_FREE)
        return DASHBOARD_FREE - 1;
    s->free[s->out->slots] = v;
    return s->out->slots++;
}

static bool quotes(const struct reference *r)
{
    static const char *const formats[] = {"doublequote", "singlequote", "json"};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (r->format_n == strlen(formats[i]) && memcmp(r->format, formats[i], r->format_n) == 0)
            return true;
    return false;
}

/* False: it is no variable, and stays. */
static bool put_reference(struct splitter *s, size_t at, const struct reference *r)
{
    const struct dashboard_variable *v = dashboard__variable(s->d, r->name, r->name_n);
    struct dashboard__piece p = {.at = at, .n = r->n, .variable = v};
    if (!v && is_group(s->text, r))
        return false;
    if (!v) {
        p.fixed = builtin(r);
        if (!p.fixed)
            name_undeclared(s->out, s->a, r);
    }
    if (!p.fixed && s->quote)
        p.fixed = "x"; /* within a string any value will do */
    else if (!p.fixed && quotes(r))
        p.fixed = "\"x\"";
    if (p.fixed)
        p.fixed_n = strlen(p.fixed);
    else
        p.slot = slot_of(s, v);
    put_literal(s, at);
    put(s, &p);
    s->literal = at + r->n;
    return true;
}

/* Strings and comments begin and end. Gives how many bytes were looked at. */
static size_t step(struct splitter *s, const char *at)
{
    if (s->quote == '#') {
        if (*at == '\n')
            s->quote = 0;
    } else if (s->quote) {
        if (*at == '\\' && s->quote != '`' && at[1])
            return 2;
        if (*at == s->quote)
            s->quote = 0;
    } else if (strchr("\"'`#", *at)) {
        s->quote = *at;
    }
    return 1;
}

int dashboard__split(struct arena *a, const struct dashboard *d, const char *text,
                     struct dashboard__text *out, struct err *e)
{
    size_t len = strlen(text), marks = 0;
    if (len > DASHBOARD_EXPR_MAX)
        return err_set(e, ERR_TOO_LARGE, "it has %zu bytes, more than %d", len, DASHBOARD_EXPR_MAX);
    for (size_t i = 0; i < len; i++)
        marks += text[i] == '$' || (text[i] == '[' && text[i + 1] == '[');
    if (2 * marks + 1 > DASHBOARD_PIECES)
        return err_set(e, ERR_TOO_LARGE, "it has more than %d variables", DASHBOARD_PIECES / 2 - 1);
    *out =
        (struct dashboard__text){.pieces = ARENA_ARRAY(a, struct dashboard__piece, 2 * marks + 1)};
    struct splitter s = {.a = a, .d = d, .text = text, .out = out};
    for (size_t i = 0; i < len;) {
        struct reference r;
        if (s.quote != '#' && reference_at(text + i, &r) && put_reference(&s, i, &r))
            i = s.literal;
        else
            i += step(&s, text + i);
    }
    put_literal(&s, len);
    return 0;
}

/* ---- and together again ---- */

static const char *piece_text(const struct dashboard__piece *p, const size_t *choice, size_t *n)
{
    const char *text = p->fixed;
    *n = p->fixed_n;
    if (!text) {
        size_t i = choice[p->slot];
        text = i > 0                               ? guesses[i - 1]
               : p->variable && p->variable->value ? p->variable->value
                                                   : "x";
        *n = strlen(text);
    }
    return text;
}

char *dashboard__fill(struct arena *a, const struct dashboard__text *t,
                      const size_t choice[DASHBOARD_FREE])
{
    size_t len = 0, n;
    for (size_t i = 0; i < t->n; i++, len += n)
        (void)piece_text(&t->pieces[i], choice, &n);
    char *out = arena_alloc(a, len + 1), *to = out;
    for (size_t i = 0; i < t->n; i++, to += n) {
        const char *text = piece_text(&t->pieces[i], choice, &n);
        memcpy(to, text, n);
    }
    return out;
}

size_t dashboard__origin(const struct dashboard__text *t, const size_t choice[DASHBOARD_FREE],
                         size_t at)
{
    size_t n, end = 0;
    for (size_t i = 0; i < t->n; i++, at -= n) {
        const struct dashboard__piece *p = &t->pieces[i];
        (void)piece_text(p, choice, &n);
        end = p->at + p->n;
        if (at < n)
            return p->fixed && n == p->n ? p->at + at : p->at;
    }
    return end;
}
