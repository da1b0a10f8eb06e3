#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <math.h>
#include <pcre2.h>
#include <string.h>
#include <strings.h>

#include "promql/ast.h"
#include "promql/function.h"
#include "promql/lexer.h"

enum { MAX_DEPTH = 200, MAX_ITEMS = 256 };

static const double MAX_SECONDS = 9223372036; /* 292 years: what fits nanoseconds */

struct parser {
    struct lexer lexer;
    struct token token;
    int depth;
    int64_t step_ms, range_ms; /* of the query: step() and range() */
    struct err *e;
    bool failed;
};

static struct expr *parse_binary(struct parser *p, int least);

static struct expr *fail(struct parser *p, size_t at, const char *what)
{
    if (p->failed)
        return NULL;
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && p->lexer.text[i]; i++, column++)
        if (p->lexer.text[i] == '\n') {
            line++;
            column = 0;
        }
    p->failed = true;
    (void)err_set(p->e, ERR_INVALID, "%zu:%zu: parse error: %s", line, column, what);
    return NULL;
}

static struct expr *unexpected(struct parser *p, const char *where)
{
    const struct token *t = &p->token;
    const char *what = t->kind == TOKEN_NUMBER || t->kind == TOKEN_DURATION ? "number" : t->text;
    if (t->kind == TOKEN_BAD)
        return fail(p, t->at, t->text);
    return fail(p, t->at, arena_printf(p->lexer.arena, "unexpected \"%.80s\" in %s", what, where));
}

static void next(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

static bool is_op(const struct parser *p, const char *op)
{
    return p->token.kind == TOKEN_OP && strcmp(p->token.text, op) == 0;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && strcasecmp(p->token.text, word) == 0;
}

static bool take_op(struct parser *p, const char *op)
{
    if (!is_op(p, op))
        return false;
    next(p);
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    if (!is_word(p, word))
        return false;
    next(p);
    return true;
}

static bool expect(struct parser *p, const char *op, const char *where)
{
    if (take_op(p, op))
        return true;
    (void)unexpected(p, where);
    return false;
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind, enum expr_type type, size_t at)
{
    struct expr *x = ARENA_NEW(p->lexer.arena, struct expr);
    x->kind = kind;
    x->type = type;
    x->at = at;
    return x;
}

/* ---- selectors ---- */

static void add_matcher(struct parser *p, struct expr *x, struct matcher m)
{
    size_t had = x->selector.n_matchers * sizeof m;
    x->selector.matchers = arena_grow(p->lexer.arena, x->selector.matchers, had, had + sizeof m);
    x->selector.matchers[x->selector.n_matchers++] = m;
}

static bool take_match_op(struct parser *p, enum match_op *out)
{
    static const struct {
        const char *text;
        enum match_op op;
    } ops[] = {
        {"=",  MATCH_EQ    },
        {"!=", MATCH_NE    },
        {"=~", MATCH_RE    },
        {"!~", MATCH_NOT_RE}
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (take_op(p, ops[i].text)) {
            *out = ops[i].op;
            return true;
        }
    return false;
}

static bool parse_matcher(struct parser *p, struct expr *x)
{
    bool quoted = p->token.kind == TOKEN_STRING;
    if (!quoted && p->token.kind != TOKEN_NAME) {
        (void)unexpected(p, "label matching");
        return false;
    }
    struct matcher m = {.name = p->token.text};
    next(p);
    if (quoted && (is_op(p, ",") || is_op(p, "}"))) { /* {"metric.name"} */
        x->selector.named = true;
        add_matcher(p, x, (struct matcher){"__name__", MATCH_EQ, m.name});
        return true;
    }
    if (!take_match_op(p, &m.op) || p->token.kind != TOKEN_STRING) {
        (void)unexpected(p, "label matching");
        return false;
    }
    m.value = p->token.text;
    next(p);
    add_matcher(p, x, m);
    return true;
}

/* -1: it is no regular expression. */
static int fits_empty(const char *pattern)
{
    int code;
    size_t at;
    pcre2_code *c =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, &code, &at, NULL);
    if (!c)
        return -1;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int r = pcre2_match(c, (PCRE2_SPTR) "", 0, 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(c);
    return r;
}

static bool matches_empty(const struct matcher *m)
{
    if (m->op == MATCH_EQ || m->op == MATCH_NE)
        return (m->op == MATCH_EQ) == !*m->value;
    return fits_empty(m->value) == (m->op == MATCH_RE);
}

/* A name before the braces or alone within them leaves no room for another. */
static struct expr *check_matchers(struct parser *p, struct expr *x)
{
    const struct matcher *m = x->selector.matchers, *name = NULL;
    bool narrow = false;
    for (size_t i = 0; i < x->selector.n_matchers; i++) {
        if ((m[i].op == MATCH_RE || m[i].op == MATCH_NOT_RE) && fits_empty(m[i].value) < 0)
            return fail(p, x->at,
                        arena_printf(p->lexer.arena, "error parsing regexp: %.200s", m[i].value));
        narrow |= !matches_empty(&m[i]);
        if (m[i].op != MATCH_EQ || strcmp(m[i].name, "__name__") != 0)
            continue;
        if (name && x->selector.named)
            return fail(p, x->at,
                        arena_printf(p->lexer.arena,
                                     "metric name must not be set twice: \"%.100s\" or \"%.100s\"",
                                     name->value, m[i].value));
        name = &m[i];
    }
    if (!narrow)
        return fail(p, x->at, "vector selector must contain at least one non-empty matcher");
    return x;
}

static struct expr *parse_selector(struct parser *p, const char *name, size_t at)
{
    struct expr *x = expr_new(p, EXPR_SELECTOR, TYPE_VECTOR, at);
    x->selector.named = name != NULL;
    if (name)
        add_matcher(p, x, (struct matcher){"__name__", MATCH_EQ, name});
    if (take_op(p, "{")) {
        while (!is_op(p, "}")) {
            if (!parse_matcher(p, x))
                return NULL;
            if (!is_op(p, "}") && !expect(p, ",", "label matching"))
                return NULL;
        }
        next(p);
    }
    return check_matchers(p, x);
}

/* ---- [range], offset, @ ---- */

static bool duration_binary(struct parser *p, int least, double *out);

/* min_of(a, b) and max_of(a, b) after the name. */
static bool duration_pick(struct parser *p, bool larger, double *out)
{
    double other;
    if (!expect(p, "(", "duration") || !duration_binary(p, 0, out) || !expect(p, ",", "duration") ||
        !duration_binary(p, 0, &other) || !expect(p, ")", "duration"))
        return false;
    *out = larger ? fmax(*out, other) : fmin(*out, other);
    return true;
}

static bool duration_primary(struct parser *p, double *out)
{
    if (p->token.kind == TOKEN_DURATION || p->token.kind == TOKEN_NUMBER) {
        *out = p->token.number;
        next(p);
        return true;
    }
    if (take_op(p, "("))
        return duration_binary(p, 0, out) && expect(p, ")", "duration");
    if (is_word(p, "min_of") || is_word(p, "max_of")) {
        bool larger = is_word(p, "max_of");
        next(p);
        return duration_pick(p, larger, out);
    }
    if (is_word(p, "step") || is_word(p, "range")) {
        *out = (double)(is_word(p, "step") ? p->step_ms : p->range_ms) / 1000;
        next(p);
        return expect(p, "(", "duration") && expect(p, ")", "duration");
    }
    (void)unexpected(p, "duration");
    return false;
}

static bool duration_unary(struct parser *p, double *out)
{
    if (is_op(p, "-") || is_op(p, "+")) {
        double sign = is_op(p, "-") ? -1 : 1;
        next(p);
        if (!duration_binary(p, 6, out))
            return false;
        *out *= sign;
        return true;
    }
    return duration_primary(p, out);
}

/* Arithmetic on seconds, with the precedence of expressions. */
static bool duration_binary(struct parser *p, int least, double *out)
{
    if (++p->depth > MAX_DEPTH) {
        (void)fail(p, p->token.at, "the expression is nested too deeply");
        return false;
    }
    bool ok = duration_unary(p, out);
    while (ok && p->token.kind == TOKEN_OP && strchr("+-*/%^", *p->token.text)) {
        char op = *p->token.text;
        int level = op == '^' ? 6 : op == '+' || op == '-' ? 4 : 5;
        double r;
        if (level < least)
            break;
        next(p);
        ok = duration_binary(p, op == '^' ? 6 : level + 1, &r);
        if (!ok)
            break;
        *out = op == '+'   ? *out + r
               : op == '-' ? *out - r
               : op == '*' ? *out * r
               : op == '/' ? *out / r
               : op == '%' ? fmod(*out, r)
                           : pow(*out, r);
    }
    p->depth--;
    return ok;
}

static bool duration_ms(struct parser *p, double seconds, size_t at, int64_t *out_ms)
{
    if (!(fabs(seconds) <= MAX_SECONDS)) {
        (void)fail(p, at, "duration out of range");
        return false;
    }
    *out_ms = (int64_t)llround(seconds * 1000);
    return true;
}

/* Of a range or a subquery's step: any arithmetic. */
static bool parse_duration(struct parser *p, int64_t *out_ms)
{
    size_t at = p->token.at;
    double seconds;
    if (!duration_binary(p, 0, &seconds) || !duration_ms(p, seconds, at, out_ms))
        return false;
    if (*out_ms <= 0)
        (void)fail(p, at, "duration must be greater than 0");
    return *out_ms > 0;
}

/* Of an offset: one operand, so that what follows is arithmetic on the selector. */
static bool parse_offset(struct parser *p, int64_t *out_ms)
{
    size_t at = p->token.at;
    double seconds, sign = is_op(p, "-") ? -1 : 1;
    if (is_op(p, "-") || is_op(p, "+"))
        next(p);
    return duration_primary(p, &seconds) && duration_ms(p, sign * seconds, at, out_ms);
}

static struct when *when_of(struct expr *x)
{
    if (x->kind == EXPR_SELECTOR || x->kind == EXPR_MATRIX)
        return &x->selector.when;
    return x->kind == EXPR_SUBQUERY ? &x->subquery.when : NULL;
}

static struct expr *parse_range(struct parser *p, struct expr *x)
{
    size_t at = p->token.at;
    int64_t range_ms, step_ms = 0;
    next(p);
    if (!parse_duration(p, &range_ms))
        return NULL;
    if (take_op(p, ":")) {
        if (!is_op(p, "]") && !parse_duration(p, &step_ms))
            return NULL;
        if (!expect(p, "]", "subquery selector"))
            return NULL;
        if (x->type != TYPE_VECTOR)
            return fail(p, at, "subquery is only allowed on instant vector");
        struct expr *s = expr_new(p, EXPR_SUBQUERY, TYPE_MATRIX, x->at);
        s->subquery.inner = x;
        s->subquery.range_ms = range_ms;
        s->subquery.step_ms = step_ms;
        return s;
    }
    if (!expect(p, "]", "matrix selector"))
        return NULL;
    if (x->kind != EXPR_SELECTOR)
        return fail(p, at, "ranges only allowed for vector selectors");
    if (x->selector.when.offset_ms || x->selector.when.at != AT_NONE)
        return fail(p, at, "no offset or @ modifiers allowed before range");
    x->kind = EXPR_MATRIX;
    x->type = TYPE_MATRIX;
    x->selector.range_ms = range_ms;
    return x;
}

static struct expr *parse_at(struct parser *p, struct expr *x, struct when *w)
{
    next(p);
    if (w->at != AT_NONE)
        return fail(p, p->token.at, "@ <timestamp> may not be set multiple times");
    if (is_word(p, "start") || is_word(p, "end")) {
        w->at = is_word(p, "start") ? AT_START : AT_END;
        next(p);
        return expect(p, "(", "@") && expect(p, ")", "@") ? x : NULL;
    }
    bool negative = take_op(p, "-");
    if (!negative)
        (void)take_op(p, "+");
    bool number = p->token.kind == TOKEN_NUMBER || p->token.kind == TOKEN_DURATION;
    if (!number || !isfinite(p->token.number))
        return unexpected(p, "@");
    if (p->token.number > 100 * MAX_SECONDS)
        return fail(p, p->token.at, "timestamp out of bounds for @ modifier");
    w->at = AT_TIME;
    w->at_ms = (int64_t)llround(p->token.number * 1000) * (negative ? -1 : 1);
    next(p);
    return x;
}

static struct expr *parse_postfix(struct parser *p, struct expr *x)
{
    bool offset_set = false;
    while (x && !p->failed) {
        struct when *w = when_of(x);
        if (is_op(p, "[")) {
            x = parse_range(p, x);
        } else if (is_word(p, "offset")) {
            if (!w)
                return fail(p, p->token.at,
                            "offset modifier must be preceded by a selector or subquery");
            if (offset_set && x->kind != EXPR_SUBQUERY)
                return fail(p, p->token.at, "offset may not be set multiple times");
            next(p);
            offset_set = true;
            if (!parse_offset(p, &w->offset_ms))
                return NULL;
        } else if (is_op(p, "@")) {
            if (!w)
                return fail(p, p->token.at,
                            "@ modifier must be preceded by a selector or subquery");
            x = parse_at(p, x, w);
        } else {
            return x;
        }
    }
    return NULL;
}

/* ---- calls and aggregations ---- */

static bool parse_names(struct parser *p, struct names *out)
{
    const char *items[MAX_ITEMS];
    if (!expect(p, "(", "grouping"))
        return false;
    while (!is_op(p, ")")) {
        if ((p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_STRING) || out->n == MAX_ITEMS) {
            (void)unexpected(p, "grouping opts");
            return false;
        }
        items[out->n++] = p->token.text;
        next(p);
        if (!is_op(p, ")") && !expect(p, ",", "grouping opts"))
            return false;
    }
    next(p);
    out->items = arena_dup(p->lexer.arena, (const void *)items, out->n * sizeof *items);
    return true;
}

static bool parse_args(struct parser *p, struct expr **args, size_t *n)
{
    *n = 0;
    if (!expect(p, "(", "call"))
        return false;
    while (!is_op(p, ")")) {
        if (*n == MAX_ITEMS || !(args[*n] = parse_binary(p, 0)))
            return false;
        ++*n;
        if (is_op(p, ")"))
            break;
        if (!expect(p, ",", "call"))
            return false;
        if (is_op(p, ")")) {
            (void)fail(p, p->token.at, "trailing commas not allowed in function call args");
            return false;
        }
    }
    next(p);
    return true;
}

static bool is_aggregator(const char *name)
{
    static const char *const names[] = {"sum",  "avg",     "count",        "min",
                                        "max",  "group",   "stddev",       "stdvar",
                                        "topk", "bottomk", "count_values", "quantile"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static bool parse_grouping(struct parser *p, struct expr *x)
{
    x->aggregate.without = is_word(p, "without");
    next(p);
    return parse_names(p, &x->aggregate.grouping);
}

static struct expr *parse_aggregate(struct parser *p, const char *name, size_t at)
{
    struct expr *args[MAX_ITEMS], *x = expr_new(p, EXPR_AGGREGATE, TYPE_VECTOR, at);
    size_t n;
    char *lower = arena_strdup(p->lexer.arena, name);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    x->aggregate.name = lower;
    bool grouped = is_word(p, "by") || is_word(p, "without");
    if ((grouped && !parse_grouping(p, x)) || !parse_args(p, args, &n))
        return NULL;
    if (!grouped && (is_word(p, "by") || is_word(p, "without")) && !parse_grouping(p, x))
        return NULL;
    bool param = strcmp(lower, "topk") == 0 || strcmp(lower, "bottomk") == 0 ||
                 strcmp(lower, "count_values") == 0 || strcmp(lower, "quantile") == 0;
    if (n != (param ? 2u : 1u))
        return fail(p, at,
                    arena_printf(p->lexer.arena,
                                 "wrong number of arguments for aggregate expression"
                                 " provided, expected %d, got %zu",
                                 param ? 2 : 1, n));
    x->aggregate.param = param ? args[0] : NULL;
    x->aggregate.inner = args[n - 1];
    enum expr_type want = strcmp(lower, "count_values") == 0 ? TYPE_STRING : TYPE_SCALAR;
    if (param && args[0]->type != want)
        return fail(p, at, "wrong type for the parameter of an aggregation");
    if (x->aggregate.inner->type != TYPE_VECTOR)
        return fail(p, at, "expected type instant vector in aggregation expression");
    return x;
}

static const char *type_name(enum expr_type t)
{
    static const char *const names[] = {"scalar", "instant vector", "range vector", "string"};
    return names[t];
}

static enum expr_type type_of_letter(char c)
{
    return c == 's' ? TYPE_SCALAR : c == 'v' ? TYPE_VECTOR : c == 'm' ? TYPE_MATRIX : TYPE_STRING;
}

static bool check_args(struct parser *p, const struct function *f, struct expr **args, size_t n,
                       size_t at)
{
    size_t i = 0;
    bool may_lack = false;
    const char *c = f->args;
    for (; *c; c++) {
        if (*c == '?') {
            may_lack = true;
            continue;
        }
        if (*c == '*') {
            may_lack = true;
            if (i >= n)
                break;
            c -= 1; /* the letter before, once more */
        }
        if (i >= n)
            break;
        enum expr_type want = type_of_letter(*c);
        if (args[i]->type != want) {
            (void)fail(p, args[i]->at,
                       arena_printf(p->lexer.arena,
                                    "expected type %s in call to function \"%s\", got %s",
                                    type_name(want), f->name, type_name(args[i]->type)));
            return false;
        }
        i++;
        if (c[1] == '*' && i < n)
            c -= 1;
    }
    if (i < n || (*c && *c != '*' && !may_lack)) {
        (void)fail(p, at,
                   arena_printf(p->lexer.arena, "wrong number of arguments in call to \"%s\": %zu",
                                f->name, n));
        return false;
    }
    return true;
}

static struct expr *parse_call(struct parser *p, const char *name, size_t at)
{
    struct expr *args[MAX_ITEMS];
    size_t n;
    const struct function *f = function_find(name);
    if (!f)
        return fail(p, at,
                    arena_printf(p->lexer.arena, "unknown function with name \"%.100s\"", name));
    if (!parse_args(p, args, &n) || !check_args(p, f, args, n, at))
        return NULL;
    struct expr *x = expr_new(p, EXPR_CALL, f->type, at);
    x->call.function = f;
    x->call.args = arena_dup(p->lexer.arena, (const void *)args, n * sizeof *args);
    x->call.n_args = n;
    return x;
}

/* ---- primaries and operators ---- */

static struct expr *parse_name(struct parser *p)
{
    const char *name = p->token.text;
    size_t at = p->token.at;
    next(p);
    if (is_aggregator(name) && (is_op(p, "(") || is_word(p, "by") || is_word(p, "without")))
        return parse_aggregate(p, name, at);
    if (is_op(p, "("))
        return parse_call(p, name, at);
    return parse_selector(p, name, at);
}

static struct expr *parse_primary(struct parser *p)
{
    size_t at = p->token.at;
    struct expr *x;
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        x = expr_new(p, EXPR_NUMBER, TYPE_SCALAR, at);
        x->number = p->token.number;
        next(p);
        return x;
    case TOKEN_STRING:
        x = expr_new(p, EXPR_STRING, TYPE_STRING, at);
        x->string = p->token.text;
        next(p);
        return x;
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_OP:
        if (is_op(p, "{"))
            return parse_selector(p, NULL, at);
        if (take_op(p, "(")) {
            x = parse_binary(p, 0);
            return x && expect(p, ")", "paren expression") ? x : NULL;
        }
        return unexpected(p, "expression");
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    return unexpected(p, "expression");
}

static const struct {
    const char *text;
    enum binary_op op;
    int level;
} operators[] = {
    {"or",     OP_OR,     1},
    {"and",    OP_AND,    2},
    {"unless", OP_UNLESS, 2},
    {"==",     OP_EQ,     3},
    {"!=",     OP_NE,     3},
    {"<=",     OP_LE,     3},
    {"<",      OP_LT,     3},
    {">=",     OP_GE,     3},
    {">",      OP_GT,     3},
    {"+",      OP_ADD,    4},
    {"-",      OP_SUB,    4},
    {"*",      OP_MUL,    5},
    {"/",      OP_DIV,    5},
    {"%",      OP_MOD,    5},
    {"atan2",  OP_ATAN2,  5},
    {"^",      OP_POW,    6},
};

static int operator_at(const struct parser *p)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (is_op(p, operators[i].text) || is_word(p, operators[i].text))
            return (int)i;
    return -1;
}

static struct expr *parse_unary(struct parser *p)
{
    size_t at = p->token.at;
    if (is_op(p, "-") || is_op(p, "+")) {
        bool negative = is_op(p, "-");
        next(p);
        struct expr *inner = parse_binary(p, 6);
        if (!inner || !negative)
            return inner;
        if (inner->type != TYPE_SCALAR && inner->type != TYPE_VECTOR)
            return fail(
                p, at,
                "unary expression only allowed on expressions of type scalar or instant vector");
        struct expr *x = expr_new(p, EXPR_NEGATE, inner->type, at);
        x->inner = inner;
        return x;
    }
    return parse_postfix(p, parse_primary(p));
}

static bool parse_matching(struct parser *p, struct expr *x)
{
    x->binary.return_bool = take_word(p, "bool");
    if (is_word(p, "on") || is_word(p, "ignoring")) {
        x->binary.matching.on = is_word(p, "on");
        next(p);
        if (!parse_names(p, &x->binary.matching.labels))
            return false;
        if (is_word(p, "group_left") || is_word(p, "group_right")) {
            x->binary.matching.card =
                is_word(p, "group_left") ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
            next(p);
            if (is_op(p, "("))
                return parse_names(p, &x->binary.matching.include);
        }
    }
    return true;
}

static struct expr *check_binary(struct parser *p, struct expr *x)
{
    const struct expr *l = x->binary.left, *r = x->binary.right;
    bool set = x->binary.op <= OP_UNLESS, compare = x->binary.op >= OP_EQ && x->binary.op <= OP_GE;
    bool scalars = l->type == TYPE_SCALAR && r->type == TYPE_SCALAR;
    if (l->type == TYPE_STRING || l->type == TYPE_MATRIX || r->type == TYPE_STRING ||
        r->type == TYPE_MATRIX)
        return fail(p, x->at,
                    "binary expression must contain only scalar and instant vector types");
    if (x->binary.return_bool && !compare)
        return fail(p, x->at, "bool modifier can only be used on comparison operators");
    if (compare && scalars && !x->binary.return_bool)
        return fail(p, x->at, "comparisons between scalars must use BOOL modifier");
    if (set && (l->type == TYPE_SCALAR || r->type == TYPE_SCALAR))
        return fail(p, x->at, "set operator not allowed in binary scalar expression");
    if (set && x->binary.matching.card != CARD_ONE)
        return fail(p, x->at, "no grouping allowed for set operations");
    const struct matching *m = &x->binary.matching;
    if ((l->type == TYPE_SCALAR || r->type == TYPE_SCALAR) && (m->on || m->labels.n))
        return fail(p, x->at, "vector matching only allowed between instant vectors");
    for (size_t i = 0; m->on && i < m->labels.n; i++)
        for (size_t k = 0; k < m->include.n; k++)
            if (strcmp(m->labels.items[i], m->include.items[k]) == 0)
                return fail(p, x->at,
                            arena_printf(p->lexer.arena,
                                         "label \"%.100s\" must not occur in ON and GROUP clause"
                                         " at once",
                                         m->labels.items[i]));
    x->type = scalars ? TYPE_SCALAR : TYPE_VECTOR;
    return x;
}

static struct expr *parse_binary(struct parser *p, int least)
{
    if (++p->depth > MAX_DEPTH)
        return fail(p, p->token.at, "the expression is nested too deeply");
    struct expr *left = parse_unary(p);
    while (left && !p->failed) {
        int i = operator_at(p);
        if (i < 0 || operators[i].level < least)
            break;
        struct expr *x = expr_new(p, EXPR_BINARY, TYPE_VECTOR, left->at);
        x->binary.op = operators[i].op;
        x->binary.left = left;
        next(p);
        if (!parse_matching(p, x))
            return NULL;
        /* All but ^ take their equals on the right into the next round. */
        x->binary.right = parse_binary(p, operators[i].op == OP_POW ? 6 : operators[i].level + 1);
        left = x->binary.right ? check_binary(p, x) : NULL;
    }
    p->depth--;
    return p->failed ? NULL : left;
}

int promql_parse_for(struct arena *a, const char *text, int64_t step_ms, int64_t range_ms,
                     struct expr **out, struct err *e)
{
    struct parser p = {
        .lexer = {.text = text, .arena = a},
          .e = e, .step_ms = step_ms, .range_ms = range_ms
    };
    next(&p);
    if (p.token.kind == TOKEN_END)
        (void)fail(&p, 0, "no expression found in input");
    struct expr *x = p.failed ? NULL : parse_binary(&p, 0);
    if (x && p.token.kind != TOKEN_END)
        x = unexpected(&p, "expression");
    if (!x)
        return ERR_INVALID;
    *out = x;
    return 0;
}

int promql_parse(struct arena *a, const char *text, struct expr **out, struct err *e)
{
    return promql_parse_for(a, text, 1000, 1000, out, e);
}
