#include "promql/parser.h"

#include <string.h>
#include <strings.h>

struct expr *parser_fail(struct parser *p, size_t at, const char *fmt, ...)
{
    if (p->failed)
        return NULL;
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && p->lexer.text[i]; i++, column++)
        if (p->lexer.text[i] == '\n') {
            line++;
            column = 0;
        }
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(p->lexer.arena, fmt, ap);
    va_end(ap);
    p->failed = true;
    (void)err_set(p->e, ERR_INVALID, "%zu:%zu: parse error: %s", line, column, what);
    return NULL;
}

struct expr *parser_unexpected(struct parser *p, const char *where)
{
    const struct token *t = &p->token;
    const char *what = t->kind == TOKEN_NUMBER || t->kind == TOKEN_DURATION ? "number" : t->text;
    if (t->kind == TOKEN_BAD)
        return parser_fail(p, t->at, "%s", t->text);
    return parser_fail(p, t->at, "unexpected \"%.80s\" in %s", what, where);
}

void parser_next(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

bool parser_is_op(const struct parser *p, const char *op)
{
    return p->token.kind == TOKEN_OP && strcmp(p->token.text, op) == 0;
}

bool parser_is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && strcasecmp(p->token.text, word) == 0;
}

bool parser_take_op(struct parser *p, const char *op)
{
    if (!parser_is_op(p, op))
        return false;
    parser_next(p);
    return true;
}

bool parser_take_word(struct parser *p, const char *word)
{
    if (!parser_is_word(p, word))
        return false;
    parser_next(p);
    return true;
}

bool parser_expect(struct parser *p, const char *op, const char *where)
{
    if (parser_take_op(p, op))
        return true;
    (void)parser_unexpected(p, where);
    return false;
}

struct expr *parser_expr(struct parser *p, enum expr_kind kind, enum expr_type type, size_t at)
{
    struct expr *x = ARENA_NEW(p->lexer.arena, struct expr);
    x->kind = kind;
    x->type = type;
    x->at = x->outer = at;
    return x;
}

/* ---- primaries and operators ---- */

static struct expr *parse_name(struct parser *p)
{
    const char *name = p->token.text;
    size_t at = p->token.at;
    parser_next(p);
    if (parser_is_aggregator(name) &&
        (parser_is_op(p, "(") || parser_is_word(p, "by") || parser_is_word(p, "without")))
        return parser_aggregate(p, name, at);
    if (parser_is_op(p, "("))
        return parser_call(p, name, at);
    return parser_selector(p, name, at);
}

static struct expr *parse_primary(struct parser *p)
{
    size_t at = p->token.at;
    struct expr *x;
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        x = parser_expr(p, EXPR_NUMBER, TYPE_SCALAR, at);
        x->number = p->token.number;
        parser_next(p);
        return x;
    case TOKEN_STRING:
        x = parser_expr(p, EXPR_STRING, TYPE_STRING, at);
        x->string = p->token.text;
        parser_next(p);
        return x;
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_OP:
        if (parser_is_op(p, "{"))
            return parser_selector(p, NULL, at);
        if (parser_take_op(p, "(")) {
            x = parser_binary(p, 0);
            if (!x || !parser_expect(p, ")", "paren expression"))
                return NULL;
            x->paren = true;
            x->outer = at;
            return x;
        }
        return parser_unexpected(p, "expression");
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    return parser_unexpected(p, "expression");
}

static const struct {
    const char *text;
    enum binary_op op;
    int level;
} operators[] = {
    {"or",     OP_OR,         1},
    {"and",    OP_AND,        2},
    {"unless", OP_UNLESS,     2},
    {"==",     OP_EQ,         3},
    {"!=",     OP_NE,         3},
    {"<=",     OP_LE,         3},
    {"<",      OP_LT,         3},
    {">=",     OP_GE,         3},
    {">",      OP_GT,         3},
    {"</",     OP_TRIM_UPPER, 3},
    {">/",     OP_TRIM_LOWER, 3},
    {"+",      OP_ADD,        4},
    {"-",      OP_SUB,        4},
    {"*",      OP_MUL,        5},
    {"/",      OP_DIV,        5},
    {"%",      OP_MOD,        5},
    {"atan2",  OP_ATAN2,      5},
    {"^",      OP_POW,        6},
};

static int operator_at(const struct parser *p)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (parser_is_op(p, operators[i].text) || parser_is_word(p, operators[i].text))
            return (int)i;
    return -1;
}

static struct expr *parse_unary(struct parser *p)
{
    size_t at = p->token.at;
    if (parser_is_op(p, "-") || parser_is_op(p, "+")) {
        bool negative = parser_is_op(p, "-");
        parser_next(p);
        struct expr *inner = parser_binary(p, 6);
        if (!inner)
            return NULL;
        if (inner->type != TYPE_SCALAR && inner->type != TYPE_VECTOR)
            return parser_fail(
                p, at,
                "unary expression only allowed on expressions of type scalar or instant vector");
        if (!negative) {
            inner->paren = true;
            inner->at = inner->outer = at;
            return inner;
        }
        struct expr *x = parser_expr(p, EXPR_NEGATE, inner->type, at);
        x->inner = inner;
        return x;
    }
    return parser_postfix(p, parse_primary(p));
}

static bool grouped(struct parser *p, struct expr *x)
{
    struct matching *m = &x->binary.matching;
    m->on = parser_is_word(p, "on");
    parser_next(p);
    if (!parser_names(p, &m->labels))
        return false;
    if (!parser_is_word(p, "group_left") && !parser_is_word(p, "group_right"))
        return true;
    m->card = parser_is_word(p, "group_left") ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
    parser_next(p);
    return !parser_is_op(p, "(") || parser_names(p, &m->include);
}

/* After the name: "(0)", "(-1)". */
static bool fill_value(struct parser *p, struct fill *to)
{
    if (to->set || !parser_expect(p, "(", "fill")) {
        (void)parser_unexpected(p, "fill");
        return false;
    }
    double sign = parser_is_op(p, "-") ? -1 : 1;
    if (parser_is_op(p, "-") || parser_is_op(p, "+"))
        parser_next(p);
    if (p->token.kind != TOKEN_NUMBER && p->token.kind != TOKEN_DURATION) {
        (void)parser_unexpected(p, "fill");
        return false;
    }
    *to = (struct fill){true, sign * p->token.number};
    parser_next(p);
    return parser_expect(p, ")", "fill");
}

/* A metric may have the name of a modifier: only a parenthesis tells. */
static bool at_fill(const struct parser *p, const char *word)
{
    return parser_is_word(p, word) && p->lexer.text[p->lexer.at] == '(';
}

static bool fills(struct parser *p, struct expr *x)
{
    struct matching *m = &x->binary.matching;
    size_t at = p->token.at;
    if (at_fill(p, "fill")) {
        parser_next(p);
        if (!fill_value(p, &m->fill_left))
            return false;
        m->fill_right = m->fill_left;
    }
    while (at_fill(p, "fill_left") || at_fill(p, "fill_right")) {
        struct fill *to = parser_is_word(p, "fill_left") ? &m->fill_left : &m->fill_right;
        parser_next(p);
        if (!fill_value(p, to))
            return false;
    }
    if ((m->fill_left.set || m->fill_right.set) && !(p->opts.features & PROMQL_FILL))
        (void)parser_fail(p, at, "binop fill modifiers are experimental and not enabled");
    return !p->failed;
}

static bool parse_matching(struct parser *p, struct expr *x)
{
    x->binary.return_bool = parser_take_word(p, "bool");
    if ((parser_is_word(p, "on") || parser_is_word(p, "ignoring")) && !grouped(p, x))
        return false;
    return fills(p, x);
}

static const char *matching_fault(const struct expr *x, bool set, bool vectors)
{
    const struct matching *m = &x->binary.matching;
    bool filled = m->fill_left.set || m->fill_right.set;
    if (set && !vectors)
        return "set operator not allowed in binary scalar expression";
    if (set && m->card != CARD_ONE)
        return "no grouping allowed for set operations";
    if (set && filled)
        return "filling in missing series not allowed for set operators";
    if (!vectors && (m->on || m->labels.n))
        return "vector matching only allowed between instant vectors";
    if (!vectors && filled)
        return "filling in missing series only allowed between instant vectors";
    return NULL;
}

static bool is_value(enum expr_type t)
{
    return t == TYPE_SCALAR || t == TYPE_VECTOR;
}

static const char *operands_fault(const struct expr *x, bool scalars)
{
    enum expr_type l = x->binary.left->type, r = x->binary.right->type;
    bool compare = x->binary.op >= OP_EQ && x->binary.op <= OP_GE;
    if (!is_value(l) || !is_value(r))
        return "binary expression must contain only scalar and instant vector types";
    if (x->binary.return_bool && !compare)
        return "bool modifier can only be used on comparison operators";
    if (compare && scalars && !x->binary.return_bool)
        return "comparisons between scalars must use BOOL modifier";
    return matching_fault(x, x->binary.op <= OP_UNLESS, l == TYPE_VECTOR && r == TYPE_VECTOR);
}

static struct expr *check_binary(struct parser *p, struct expr *x)
{
    const struct matching *m = &x->binary.matching;
    bool scalars = x->binary.left->type == TYPE_SCALAR && x->binary.right->type == TYPE_SCALAR;
    const char *why = operands_fault(x, scalars);
    if (why)
        return parser_fail(p, x->at, "%s", why);
    for (size_t i = 0; m->on && i < m->labels.n; i++)
        for (size_t k = 0; k < m->include.n; k++)
            if (strcmp(m->labels.items[i], m->include.items[k]) == 0)
                return parser_fail(p, x->at,
                                   "label \"%.100s\" must not occur in ON and GROUP clause at once",
                                   m->labels.items[i]);
    x->type = scalars ? TYPE_SCALAR : TYPE_VECTOR;
    return x;
}

struct expr *parser_binary(struct parser *p, int least)
{
    if (++p->depth > PARSER_MAX_DEPTH)
        return parser_fail(p, p->token.at, "the expression is nested too deeply");
    struct expr *left = parse_unary(p);
    while (left && !p->failed) {
        int i = operator_at(p);
        if (i < 0 || operators[i].level < least)
            break;
        struct expr *x = parser_expr(p, EXPR_BINARY, TYPE_VECTOR, left->outer);
        x->binary.op = operators[i].op;
        x->binary.left = left;
        parser_next(p);
        if (!parse_matching(p, x))
            return NULL;
        /* All but ^ take their equals on the right into the next round. */
        x->binary.right = parser_binary(p, operators[i].op == OP_POW ? 6 : operators[i].level + 1);
        left = x->binary.right ? check_binary(p, x) : NULL;
    }
    p->depth--;
    return p->failed ? NULL : left;
}

int promql_parse(struct arena *a, const char *text, const struct parse_opts *o, struct expr **out,
                 struct err *e)
{
    struct parser p = {
        .lexer = {.text = text,    .arena = a     },
        .e = e,
        .opts = { .start_ms = 0, .end_ms = 1000, .step_ms = 1000}
    };
    if (o)
        p.opts = *o;
    parser_next(&p);
    if (p.token.kind == TOKEN_END)
        (void)parser_fail(&p, 0, "no expression found in input");
    struct expr *x = p.failed ? NULL : parser_binary(&p, 0);
    if (x && p.token.kind != TOKEN_END)
        x = parser_unexpected(&p, "expression");
    if (!x)
        return ERR_INVALID;
    *out = x;
    return 0;
}
