/* ast.h - a PromQL expression as a tree. */
#pragma once
#include "tsdb/tsdb.h"

enum expr_kind {
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_SELECTOR, /* an instant vector selector */
    EXPR_MATRIX,   /* selector[range] */
    EXPR_SUBQUERY, /* expr[range:step] */
    EXPR_CALL,
    EXPR_AGGREGATE,
    EXPR_BINARY,
    EXPR_NEGATE,
};

enum expr_type { TYPE_SCALAR, TYPE_VECTOR, TYPE_MATRIX, TYPE_STRING };

enum binary_op {
    OP_OR,
    OP_AND,
    OP_UNLESS,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_ATAN2,
    OP_POW,
};

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* Shared by selectors, matrices and subqueries. */
struct when {
    enum at_kind at;
    int64_t at_ms, offset_ms;
};

struct expr;
struct function;

struct names {
    const char **items;
    size_t n;
};

struct matching {
    bool on; /* else ignoring */
    struct names labels, include;
    enum { CARD_ONE, CARD_MANY_TO_ONE, CARD_ONE_TO_MANY } card; /* group_left, group_right */
};

struct expr {
    enum expr_kind kind;
    enum expr_type type;
    size_t at; /* offset in the text */
    union {
        double number;
        const char *string;
        struct {
            struct matcher *matchers;
            size_t n_matchers;
            bool named; /* before the braces, or a string alone within them */
            struct when when;
            int64_t range_ms; /* MATRIX */
        } selector;
        struct {
            struct expr *inner;
            int64_t range_ms, step_ms; /* step 0: the default */
            struct when when;
        } subquery;
        struct {
            const struct function *function;
            struct expr **args;
            size_t n_args;
        } call;
        struct {
            const char *name; /* "sum" */
            struct expr *inner, *param;
            struct names grouping;
            bool without;
        } aggregate;
        struct {
            enum binary_op op;
            struct expr *left, *right;
            bool return_bool;
            struct matching matching;
        } binary;
        struct expr *inner; /* NEGATE */
    };
};

/* ERR_INVALID: "1:5: parse error: …". */
int promql_parse(struct arena *a, const char *text, struct expr **out, struct err *e) MUST_CHECK;
/* For a query with this step and span, which durations may be worked out from. */
int promql_parse_for(struct arena *a, const char *text, int64_t step_ms, int64_t range_ms,
                     struct expr **out, struct err *e) MUST_CHECK;
