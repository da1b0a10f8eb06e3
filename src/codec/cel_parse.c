/* cel_parse.c - text to a tree; macros become nodes of their own. */
#include <math.h>

#include "base/own.h"
#include "codec/cel_int.h"
#include "codec/cel_lex_int.h"

enum { NEST_MAX = 60, HEIGHT_MAX = 120, TEXT_MAX = 100 * 1024, ARGS_MAX = 10000 };

struct parser {
    struct cel_lexer lex;
    struct cel_token now;
    struct arena *arena;
    unsigned depth;
};

static int parse_expr(struct parser *p, struct cel_node **out);
static int parse_unary(struct parser *p, struct cel_node **out);

static int next(struct parser *p)
{
    return cel__lex(&p->lex, &p->now);
}

static int fail(struct parser *p, const char *what)
{
    return cel__lex_error(&p->lex, p->now.at, what);
}

static bool at(const struct parser *p, const char *text)
{
    return p->now.kind == TOKEN_PUNCT && strcmp(p->now.text, text) == 0;
}

static int unexpected(struct parser *p)
{
    char what[160];
    if (p->now.kind == TOKEN_END)
        return fail(p, "Syntax error: unexpected end of expression");
    (void)snprintf(what, sizeof what, "Syntax error: unexpected '%.100s'", p->now.text);
    return fail(p, what);
}

static int expect(struct parser *p, const char *text)
{
    return at(p, text) ? next(p) : unexpected(p);
}

/* ---- nodes ---- */

static struct cel_node *node_new(struct parser *p, enum cel_op op)
{
    struct cel_node *node = ARENA_NEW(p->arena, struct cel_node);
    node->op = op;
    return node;
}

static int node_add(struct parser *p, struct cel_node *node, struct cel_node *arg)
{
    if (node->n_args >= ARGS_MAX)
        return fail(p, "too many elements");
    if ((node->n_args & (node->n_args - 1)) == 0) {
        size_t cap = node->n_args ? node->n_args * 2 : 1;
        node->args = arena_grow(p->arena, node->args, node->n_args * sizeof *node->args,
                                cap * sizeof *node->args);
        node->ops = arena_grow(p->arena, node->ops, node->n_args * sizeof *node->ops,
                               cap * sizeof *node->ops);
        node->optionals = arena_grow(p->arena, node->optionals, node->n_args, cap);
    }
    node->args[node->n_args++] = arg;
    if (node->height < arg->height + 1)
        node->height = arg->height + 1;
    return node->height > HEIGHT_MAX ? fail(p, "expression nests too deeply") : 0;
}

static struct cel_node *literal(struct parser *p, struct cel_value v)
{
    struct cel_node *node = node_new(p, OP_LITERAL);
    node->literal = v;
    return node;
}

/* ---- macros ---- */

static bool is_ident(const struct cel_node *node)
{
    return node->op == OP_IDENT && !node->absolute;
}

/* x.all(v, …) with one or two variables; which is which follows from the number of arguments. */
static bool macro_of(const char *name, size_t n, enum cel_macro *out, size_t *vars)
{
    static const struct {
        const char *name;
        size_t n, vars;
        enum cel_macro macro;
    } macros[] = {
        {"all",               2, 1, MACRO_ALL            },
        {"exists",            2, 1, MACRO_EXISTS         },
        {"exists_one",        2, 1, MACRO_ONE            },
        {"existsOne",         2, 1, MACRO_ONE            },
        {"map",               2, 1, MACRO_MAP            },
        {"map",               3, 1, MACRO_MAP            },
        {"filter",            2, 1, MACRO_FILTER         },
        {"all",               3, 2, MACRO_ALL            },
        {"exists",            3, 2, MACRO_EXISTS         },
        {"exists_one",        3, 2, MACRO_ONE            },
        {"existsOne",         3, 2, MACRO_ONE            },
        {"transformList",     3, 2, MACRO_LIST           },
        {"transformList",     4, 2, MACRO_LIST           },
        {"transformMap",      3, 2, MACRO_TRANSFORM_MAP  },
        {"transformMap",      4, 2, MACRO_TRANSFORM_MAP  },
        {"transformMapEntry", 3, 2, MACRO_TRANSFORM_ENTRY},
        {"transformMapEntry", 4, 2, MACRO_TRANSFORM_ENTRY},
        {"sortBy",            2, 1, MACRO_SORT_BY        },
        {"optMap",            2, 1, MACRO_OPT_MAP        },
        {"optFlatMap",        2, 1, MACRO_OPT_FLAT_MAP   },
    };
    for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
        if (macros[i].n == n && strcmp(macros[i].name, name) == 0) {
            *out = macros[i].macro;
            *vars = macros[i].vars;
            return true;
        }
    }
    return false;
}

static int make_macro(struct parser *p, const struct cel_node *call, enum cel_macro macro,
                      size_t vars, struct cel_node **out)
{
    struct cel_node *node = node_new(p, OP_MACRO);
    for (size_t i = 1; i <= vars; i++)
        if (!is_ident(call->args[i]))
            return fail(p, "argument must be a simple name");
    node->macro = macro;
    node->name = call->name;
    node->var1 = call->args[1]->name;
    node->var2 = vars == 2 ? call->args[2]->name : NULL;
    if (node->var2 && strcmp(node->var1, node->var2) == 0)
        return fail(p, "iteration variables must have different names");
    int rc = node_add(p, node, call->args[0]);
    for (size_t i = vars + 1; i < call->n_args && !rc; i++)
        rc = node_add(p, node, call->args[i]);
    *out = node;
    return rc;
}

static int make_has(struct parser *p, struct cel_node *call, struct cel_node **out)
{
    struct cel_node *operand = call->args[0];
    if (operand->op != OP_SELECT)
        return fail(p, "invalid argument to has() macro");
    operand->op = OP_HAS;
    *out = operand;
    return 0;
}

static int make_bind(struct parser *p, const struct cel_node *call, struct cel_node **out)
{
    struct cel_node *node = node_new(p, OP_BIND);
    if (!is_ident(call->args[0]))
        return fail(p, "cel.bind() variable names must be simple identifiers");
    node->var1 = call->args[0]->name;
    int rc = node_add(p, node, call->args[1]);
    *out = node;
    return rc ? rc : node_add(p, node, call->args[2]);
}

/* cel.block([a, b], c): what an optimizer makes of common parts; c names them cel.index(0) and
 * cel.index(1), and the variables of macros cel.iterVar(depth, n). */
static int make_block(struct parser *p, const struct cel_node *call, struct cel_node **out)
{
    struct cel_node *node = node_new(p, OP_BLOCK), *slots = call->args[0];
    int rc = slots->op == OP_LIST ? 0 : fail(p, "cel.block() needs a list literal");
    for (size_t i = 0; i < slots->n_args && !rc; i++)
        rc = node_add(p, node, slots->args[i]);
    *out = node;
    return rc ? rc : node_add(p, node, call->args[1]);
}

static int make_slot_name(struct parser *p, const struct cel_node *call, struct cel_node **out)
{
    const char *name = call->name + strlen("cel."); /* index, iterVar, accuVar */
    struct cel_node *node = node_new(p, OP_IDENT);
    for (size_t i = 0; i < call->n_args; i++) {
        const struct cel_node *arg = call->args[i];
        if (arg->op != OP_LITERAL || arg->literal.kind != CEL_INT)
            return fail(p, "cel.index() and its kin need int literals");
        name = arena_printf(p->arena, "%s%s:%lld", i ? "" : "@", name, (long long)arg->literal.i);
    }
    node->name = node->path = node->root = name;
    *out = node;
    return 0;
}

static bool is_slot_name(const char *name, size_t n)
{
    return (n == 1 && strcmp(name, "cel.index") == 0) ||
           (n == 2 && (strcmp(name, "cel.iterVar") == 0 || strcmp(name, "cel.accuVar") == 0));
}

/* A call whose receiver is a namespace: "math.abs", "cel.bind". */
static const char *namespaced(struct parser *p, const struct cel_node *call)
{
    const char *path = call->method ? call->args[0]->path : NULL;
    if (!path)
        return NULL;
    char *name = arena_printf(p->arena, "%s.%s", path, call->name);
    return strncmp(name, "cel.", 4) == 0 || cel__find_function(name) ? name : NULL;
}

static int finish_call(struct parser *p, struct cel_node *call, struct cel_node **out)
{
    const char *name = namespaced(p, call);
    enum cel_macro macro;
    size_t vars;
    if (name) {
        call->name = name;
        call->method = false;
        call->args++;
        call->n_args--;
    }
    if (strcmp(call->name, "cel.bind") == 0 && call->n_args == 3)
        return make_bind(p, call, out);
    if (strcmp(call->name, "cel.block") == 0 && call->n_args == 2)
        return make_block(p, call, out);
    if (is_slot_name(call->name, call->n_args))
        return make_slot_name(p, call, out);
    if (!call->method && strcmp(call->name, "has") == 0 && call->n_args == 1)
        return make_has(p, call, out);
    if (call->method && macro_of(call->name, call->n_args - 1, &macro, &vars))
        return make_macro(p, call, macro, vars, out);
    call->builtin = cel__find_function(call->name);
    *out = call;
    return 0;
}

/* ---- primaries ---- */

/* Elements up to `close`; a question mark before one makes it optional. */
static int parse_args(struct parser *p, const char *close, bool optionals, struct cel_node *node)
{
    int rc = at(p, ",") && optionals ? next(p) : 0; /* [,] is an empty list */
    while (!rc && !at(p, close)) {
        struct cel_node *arg = NULL;
        bool optional = optionals && at(p, "?");
        rc = optional ? next(p) : 0;
        rc = rc ? rc : parse_expr(p, &arg);
        rc = rc ? rc : node_add(p, node, arg);
        if (!rc && optional)
            node->optionals[node->n_args - 1] = true;
        if (!rc && !at(p, ","))
            break;
        if (!rc)
            rc = next(p);
        if (!rc && at(p, close) && !optionals)
            return unexpected(p); /* only lists and maps may end with a comma */
    }
    return rc ? rc : expect(p, close);
}

/* {key: value} and Name{field: value}: pairs in args. */
static int parse_pairs(struct parser *p, bool fields, struct cel_node *node)
{
    int rc = at(p, ",") ? next(p) : 0;
    while (!rc && !at(p, "}")) {
        struct cel_node *key = NULL, *value = NULL;
        bool optional = at(p, "?");
        rc = optional ? next(p) : 0;
        if (!rc && fields) {
            if (p->now.kind != TOKEN_IDENT && p->now.kind != TOKEN_QUOTED)
                return unexpected(p);
            key = literal(p, cel__string(p->now.text, p->now.n));
            rc = next(p);
        } else if (!rc) {
            rc = parse_expr(p, &key);
        }
        rc = rc ? rc : expect(p, ":");
        rc = rc ? rc : parse_expr(p, &value);
        rc = rc ? rc : node_add(p, node, key);
        rc = rc ? rc : node_add(p, node, value);
        if (!rc && optional)
            node->optionals[node->n_args - 2] = true;
        if (!rc && !at(p, ","))
            break;
        rc = rc ? rc : next(p);
    }
    return rc ? rc : expect(p, "}");
}

static bool is_reserved(const char *name)
{
    static const char *const words[] = {
        "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
        "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

static int parse_call(struct parser *p, const char *name, struct cel_node *receiver,
                      struct cel_node **out)
{
    struct cel_node *call = node_new(p, OP_CALL);
    call->name = name;
    call->method = receiver != NULL;
    int rc = next(p); /* ( */
    if (!rc && receiver)
        rc = node_add(p, call, receiver);
    rc = rc ? rc : parse_args(p, ")", false, call);
    return rc ? rc : finish_call(p, call, out);
}

static int parse_ident(struct parser *p, bool absolute, struct cel_node **out)
{
    const char *name = p->now.text;
    if (p->now.kind != TOKEN_IDENT)
        return unexpected(p);
    if (is_reserved(name))
        return fail(p, arena_printf(p->arena, "reserved identifier: %.80s", name));
    int rc = next(p);
    if (rc)
        return rc;
    if (at(p, "("))
        return parse_call(p, name, NULL, out);
    struct cel_node *node = node_new(p, OP_IDENT);
    node->name = node->path = node->root = name;
    node->absolute = absolute;
    *out = node;
    return 0;
}

static int parse_primary(struct parser *p, struct cel_node **out)
{
    int rc;
    struct cel_node *node;
    if (p->now.kind == TOKEN_LITERAL) {
        *out = literal(p, p->now.literal);
        return next(p);
    }
    if (at(p, "(")) {
        rc = next(p);
        rc = rc ? rc : parse_expr(p, out);
        if (!rc)
            (*out)->grouped = true; /* (a).b is a selection, never the name "a.b" */
        return rc ? rc : expect(p, ")");
    }
    if (at(p, "[")) {
        node = *out = node_new(p, OP_LIST);
        rc = next(p);
        return rc ? rc : parse_args(p, "]", true, node);
    }
    if (at(p, "{")) {
        node = *out = node_new(p, OP_MAP);
        rc = next(p);
        return rc ? rc : parse_pairs(p, false, node);
    }
    bool absolute = at(p, ".");
    rc = absolute ? next(p) : 0;
    return rc ? rc : parse_ident(p, absolute, out);
}

static int parse_select(struct parser *p, struct cel_node *left, struct cel_node **out)
{
    int rc = next(p); /* . */
    bool optional = !rc && at(p, "?");
    if (optional)
        rc = next(p);
    if (rc)
        return rc;
    if (p->now.kind != TOKEN_IDENT && p->now.kind != TOKEN_QUOTED)
        return unexpected(p);
    const char *name = p->now.text;
    bool quoted = p->now.kind == TOKEN_QUOTED;
    rc = next(p);
    if (rc)
        return rc;
    if (at(p, "(") && !optional && !quoted)
        return parse_call(p, name, left, out);
    struct cel_node *node = node_new(p, OP_SELECT);
    node->name = name;
    node->optional = optional;
    node->absolute = left->absolute;
    if (left->path && !left->grouped && !optional && !quoted) {
        node->path = arena_printf(p->arena, "%s.%s", left->path, name);
        node->root = left->root;
    }
    *out = node;
    return node_add(p, node, left);
}

static int parse_index(struct parser *p, struct cel_node *left, struct cel_node **out)
{
    struct cel_node *node = node_new(p, OP_INDEX), *key = NULL;
    int rc = next(p); /* [ */
    if (!rc && at(p, "?")) {
        node->optional = true;
        rc = next(p);
    }
    rc = rc ? rc : parse_expr(p, &key);
    rc = rc ? rc : expect(p, "]");
    rc = rc ? rc : node_add(p, node, left);
    *out = node;
    return rc ? rc : node_add(p, node, key);
}

static int parse_message(struct parser *p, const struct cel_node *type, struct cel_node **out)
{
    struct cel_node *node = *out = node_new(p, OP_MESSAGE);
    node->name = type->path;
    node->absolute = type->absolute;
    int rc = next(p); /* { */
    return rc ? rc : parse_pairs(p, true, node);
}

static int parse_member(struct parser *p, struct cel_node **out)
{
    struct cel_node *node = NULL;
    int rc = parse_primary(p, &node);
    while (!rc) {
        if (at(p, "."))
            rc = parse_select(p, node, &node);
        else if (at(p, "["))
            rc = parse_index(p, node, &node);
        else if (at(p, "{") && node->path && !node->grouped)
            rc = parse_message(p, node, &node);
        else
            break;
    }
    *out = node;
    return rc;
}

/* ---- operators ---- */

/* -9223372036854775808 is one literal; -(x) an operation. */
static int parse_unary(struct parser *p, struct cel_node **out)
{
    unsigned bangs = 0, minuses = 0;
    int rc = 0;
    for (; !rc && at(p, "!"); bangs++)
        rc = next(p);
    for (; !rc && bangs == 0 && at(p, "-"); minuses++)
        rc = next(p);
    if (!rc && minuses && p->now.kind == TOKEN_LITERAL && p->now.literal.kind == CEL_DOUBLE) {
        p->now.literal.d = -p->now.literal.d;
        minuses--;
    } else if (!rc && minuses && p->now.kind == TOKEN_LITERAL && p->now.literal.kind == CEL_INT) {
        p->now.literal.i = (int64_t)(0 - (uint64_t)p->now.literal.i);
        p->now.too_large = false;
        minuses--;
    }
    if (!rc && p->now.kind == TOKEN_LITERAL && p->now.too_large)
        return fail(p, "invalid int literal");
    rc = rc ? rc : parse_member(p, out);
    if (rc || (bangs | minuses) % 2 == 0)
        return rc; /* two of them undo each other only for what they apply to */
    struct cel_node *node = node_new(p, bangs ? OP_NOT : OP_NEGATE), *operand = *out;
    *out = node;
    return node_add(p, node, operand);
}

/* 1: relations, 2: sums, 3: products; 0: none. */
static int binary_level(const struct parser *p, enum cel_binary *op)
{
    static const struct {
        const char *text;
        enum cel_binary op;
        int level;
    } ops[] = {
        {"==", BIN_EQ,  1},
        {"!=", BIN_NE,  1},
        {"<",  BIN_LT,  1},
        {"<=", BIN_LE,  1},
        {">",  BIN_GT,  1},
        {">=", BIN_GE,  1},
        {"in", BIN_IN,  1},
        {"+",  BIN_ADD, 2},
        {"-",  BIN_SUB, 2},
        {"*",  BIN_MUL, 3},
        {"/",  BIN_DIV, 3},
        {"%",  BIN_MOD, 3}
    };
    if (p->now.kind != TOKEN_PUNCT)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (strcmp(ops[i].text, p->now.text) == 0) {
            *op = ops[i].op;
            return ops[i].level;
        }
    }
    return 0;
}

static int parse_chain(struct parser *p, int level, struct cel_node **out)
{
    struct cel_node *chain = NULL;
    enum cel_binary op = BIN_ADD;
    int rc = level == 3 ? parse_unary(p, out) : parse_chain(p, level + 1, out);
    while (!rc && binary_level(p, &op) == level) {
        struct cel_node *right = NULL;
        if (!chain) {
            chain = node_new(p, OP_CHAIN);
            rc = node_add(p, chain, *out);
            *out = chain;
        }
        rc = rc ? rc : next(p);
        rc = rc ? rc : level == 3 ? parse_unary(p, &right) : parse_chain(p, level + 1, &right);
        rc = rc ? rc : node_add(p, chain, right);
        if (!rc)
            chain->ops[chain->n_args - 2] = op;
    }
    return rc;
}

static int parse_logic(struct parser *p, enum cel_op op, struct cel_node **out)
{
    const char *text = op == OP_OR ? "||" : "&&";
    int rc = op == OP_OR ? parse_logic(p, OP_AND, out) : parse_chain(p, 1, out);
    struct cel_node *node = NULL;
    while (!rc && at(p, text)) {
        struct cel_node *right = NULL;
        if (!node) {
            node = node_new(p, op);
            rc = node_add(p, node, *out);
            *out = node;
        }
        rc = rc ? rc : next(p);
        rc = rc ? rc : op == OP_OR ? parse_logic(p, OP_AND, &right) : parse_chain(p, 1, &right);
        rc = rc ? rc : node_add(p, node, right);
    }
    return rc;
}

static int parse_expr(struct parser *p, struct cel_node **out)
{
    if (++p->depth > NEST_MAX)
        return fail(p, "expression nests too deeply");
    int rc = parse_logic(p, OP_OR, out);
    if (!rc && at(p, "?")) {
        struct cel_node *node = node_new(p, OP_COND), *yes = NULL, *no = NULL;
        rc = node_add(p, node, *out);
        rc = rc ? rc : next(p);
        rc = rc ? rc : parse_logic(p, OP_OR, &yes);
        rc = rc ? rc : expect(p, ":");
        rc = rc ? rc : parse_expr(p, &no);
        rc = rc ? rc : node_add(p, node, yes);
        rc = rc ? rc : node_add(p, node, no);
        *out = node;
    }
    p->depth--;
    return rc;
}

int cel_compile(struct arena *a, const char *text, size_t n, struct cel_program **out,
                struct err *e)
{
    if (n > TEXT_MAX)
        return err_set(e, ERR_TOO_LARGE, "a CEL expression of %zu bytes is too long", n);
    char *copy = arena_strndup(a, text, n);
    struct parser p = {
        .arena = a, .lex = {.arena = a, .text = copy, .at = copy, .end = copy + n, .e = e}
    };
    struct cel_node *root = NULL;
    int rc = next(&p);
    rc = rc ? rc : parse_expr(&p, &root);
    if (!rc && p.now.kind != TOKEN_END)
        rc = unexpected(&p);
    if (rc)
        return rc;
    struct cel_program *program = ARENA_NEW(a, struct cel_program);
    program->root = root;
    program->text = copy;
    *out = program;
    return 0;
}
