/* parser_call.c - calls and aggregations, and whether their arguments fit. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "promql/function.h"
#include "promql/parser.h"

bool parser_names(struct parser *p, struct names *out)
{
    const char *items[PARSER_MAX_ITEMS];
    if (!parser_expect(p, "(", "grouping opts"))
        return false;
    while (!parser_is_op(p, ")")) {
        if ((p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_STRING) ||
            out->n == PARSER_MAX_ITEMS) {
            (void)parser_unexpected(p, "grouping opts");
            return false;
        }
        items[out->n++] = p->token.text;
        parser_next(p);
        if (!parser_is_op(p, ")") && !parser_expect(p, ",", "grouping opts"))
            return false;
    }
    parser_next(p);
    out->items = arena_dup(p->lexer.arena, (const void *)items, out->n * sizeof *items);
    return true;
}

/* `labels`: the second argument is matchers alone, of info(). */
static bool arguments(struct parser *p, bool labels, struct expr **args, size_t *n)
{
    *n = 0;
    if (!parser_expect(p, "(", "call"))
        return false;
    while (!parser_is_op(p, ")")) {
        p->any_matchers = labels && *n == 1 && parser_is_op(p, "{");
        if (*n == PARSER_MAX_ITEMS || !(args[*n] = parser_binary(p, 0)))
            return false;
        ++*n;
        if (parser_is_op(p, ")"))
            break;
        if (!parser_expect(p, ",", "call"))
            return false;
        if (parser_is_op(p, ")")) {
            (void)parser_fail(p, p->token.at, "trailing commas not allowed in function call args");
            return false;
        }
    }
    parser_next(p);
    return true;
}

/* ---- aggregations ---- */

static const struct aggregator {
    const char *name;
    enum expr_type param; /* TYPE_VECTOR: none */
    bool experimental;
} aggregators[] = {
    [AGGREGATE_SUM] = {"sum",          TYPE_VECTOR, false},
    [AGGREGATE_AVG] = {"avg",          TYPE_VECTOR, false},
    [AGGREGATE_COUNT] = {"count",        TYPE_VECTOR, false},
    [AGGREGATE_MIN] = {"min",          TYPE_VECTOR, false},
    [AGGREGATE_MAX] = {"max",          TYPE_VECTOR, false},
    [AGGREGATE_GROUP] = {"group",        TYPE_VECTOR, false},
    [AGGREGATE_STDDEV] = {"stddev",       TYPE_VECTOR, false},
    [AGGREGATE_STDVAR] = {"stdvar",       TYPE_VECTOR, false},
    [AGGREGATE_QUANTILE] = {"quantile",     TYPE_SCALAR, false},
    [AGGREGATE_COUNT_VALUES] = {"count_values", TYPE_STRING, false},
    [AGGREGATE_TOPK] = {"topk",         TYPE_SCALAR, false},
    [AGGREGATE_BOTTOMK] = {"bottomk",      TYPE_SCALAR, false},
    [AGGREGATE_LIMITK] = {"limitk",       TYPE_SCALAR, true },
    [AGGREGATE_LIMIT_RATIO] = {"limit_ratio",  TYPE_SCALAR, true },
};

static const struct aggregator *aggregator_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(aggregators); i++)
        if (strcasecmp(aggregators[i].name, name) == 0)
            return &aggregators[i];
    return NULL;
}

const char *aggregate_name(enum aggregate_op op)
{
    return aggregators[op].name;
}

bool parser_is_aggregator(const char *name)
{
    return aggregator_find(name) != NULL;
}

static bool grouping(struct parser *p, struct expr *x)
{
    x->aggregate.without = parser_is_word(p, "without");
    parser_next(p);
    return parser_names(p, &x->aggregate.grouping);
}

static bool at_grouping(const struct parser *p)
{
    return parser_is_word(p, "by") || parser_is_word(p, "without");
}

static const char *type_name(enum expr_type t)
{
    static const char *const names[] = {"scalar", "instant vector", "range vector", "string"};
    return names[t];
}

static struct expr *expect_type(struct parser *p, struct expr *x, enum expr_type want,
                                const char *where)
{
    if (x->type == want)
        return x;
    return parser_fail(p, x->outer, "expected type %s in %s, got %s", type_name(want), where,
                       type_name(x->type));
}

struct expr *parser_aggregate(struct parser *p, const char *name, size_t at)
{
    struct expr *args[PARSER_MAX_ITEMS], *x = parser_expr(p, EXPR_AGGREGATE, TYPE_VECTOR, at);
    const struct aggregator *f = aggregator_find(name);
    size_t n;
    bool grouped = at_grouping(p);
    x->aggregate.op = (enum aggregate_op)(f - aggregators);
    if ((grouped && !grouping(p, x)) || !arguments(p, false, args, &n))
        return NULL;
    if (!grouped && at_grouping(p) && !grouping(p, x))
        return NULL;
    if (n == 0)
        return parser_fail(p, at, "no arguments for aggregate expression provided");
    if (f->experimental && !(p->opts.features & PROMQL_FUNCTIONS))
        return parser_fail(p, at,
                           "%s() is experimental and must be enabled with"
                           " --enable-feature=promql-experimental-functions",
                           f->name);
    size_t want = f->param == TYPE_VECTOR ? 1 : 2;
    if (n != want)
        return parser_fail(p, at,
                           "wrong number of arguments for aggregate expression provided, expected"
                           " %zu, got %zu",
                           want, n);
    x->aggregate.param = want == 2 ? args[0] : NULL;
    x->aggregate.inner = args[n - 1];
    if (!expect_type(p, x->aggregate.inner, TYPE_VECTOR, "aggregation expression"))
        return NULL;
    if (want == 2 && !expect_type(p, args[0], f->param, "aggregation parameter"))
        return NULL;
    return x;
}

/* ---- functions ---- */

static enum expr_type type_of_letter(char c)
{
    return c == 's' ? TYPE_SCALAR : c == 'v' ? TYPE_VECTOR : c == 'm' ? TYPE_MATRIX : TYPE_STRING;
}

static bool count_fits(struct parser *p, const struct function *f, size_t n, size_t at)
{
    size_t letters = strlen(f->args), least = letters - f->optional;
    if (n < least || (!f->repeats && n > letters) || (f->repeats && n > letters + f->repeats)) {
        bool exact = !f->optional && !f->repeats;
        (void)parser_fail(p, at, "expected %s%zu argument(s) in call to \"%s\", got %zu",
                          exact       ? ""
                          : n < least ? "at least "
                                      : "at most ",
                          n < least || exact ? least : letters + f->repeats, f->name, n);
        return false;
    }
    return true;
}

static bool label_selector_fits(struct parser *p, const struct expr *x)
{
    bool selector = x->kind == EXPR_SELECTOR && !x->paren;
    if (selector && !x->selector.named)
        return true;
    (void)parser_fail(p, x->outer, "expected label selectors only%s",
                      selector ? ", got vector selector instead" : "");
    return false;
}

static bool arguments_fit(struct parser *p, const struct function *f, struct expr **args, size_t n,
                          size_t at)
{
    size_t letters = strlen(f->args);
    char where[100];
    (void)snprintf(where, sizeof where, "call to function \"%s\"", f->name);
    if (!count_fits(p, f, n, at))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!expect_type(p, args[i], type_of_letter(f->args[i < letters ? i : letters - 1]), where))
            return false;
    return !f->label_selector || n < 2 || label_selector_fits(p, args[1]);
}

/* start(), end(), range() and step(): numbers of the query. */
static bool folded(const struct parser *p, const char *name, double *out)
{
    const struct parse_opts *o = &p->opts;
    if (strcmp(name, "start") == 0)
        *out = (double)o->start_ms / 1000;
    else if (strcmp(name, "end") == 0)
        *out = (double)o->end_ms / 1000;
    else if (strcmp(name, "range") == 0)
        *out = (double)(o->end_ms - o->start_ms) / 1000;
    else if (strcmp(name, "step") == 0)
        *out = o->start_ms == o->end_ms ? 0 : (double)o->step_ms / 1000;
    else
        return false;
    return true;
}

struct expr *parser_call(struct parser *p, const char *name, size_t at)
{
    struct expr *args[PARSER_MAX_ITEMS], *x;
    size_t n;
    double number;
    const struct function *f = function_find(name);
    if (!f)
        return parser_fail(p, at, "unknown function with name \"%.100s\"", name);
    if (f->experimental && !(p->opts.features & PROMQL_FUNCTIONS))
        return parser_fail(p, at, "function \"%s\" is not enabled", name);
    if (!arguments(p, f->label_selector, args, &n) || !arguments_fit(p, f, args, n, at))
        return NULL;
    if (folded(p, name, &number)) {
        x = parser_expr(p, EXPR_NUMBER, TYPE_SCALAR, at);
        x->number = number;
        return x;
    }
    x = parser_expr(p, EXPR_CALL, f->type, at);
    x->call.function = f;
    x->call.args = arena_dup(p->lexer.arena, (const void *)args, n * sizeof *args);
    x->call.n_args = n;
    return x;
}
