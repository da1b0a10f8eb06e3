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
    OP_TRIM_UPPER, /* "</": what lies above is cut off */
    OP_TRIM_LOWER, /* ">/" */
};

enum aggregate_op {
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_COUNT,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_GROUP,
    AGGREGATE_STDDEV,
    AGGREGATE_STDVAR,
    AGGREGATE_QUANTILE,
    AGGREGATE_COUNT_VALUES,
    AGGREGATE_TOPK, /* from here on rows are picked as they are */
    AGGREGATE_BOTTOMK,
    AGGREGATE_LIMITK,
    AGGREGATE_LIMIT_RATIO,
};

/* As a query spells it: "count_values". */
const char *aggregate_name(enum aggregate_op op);

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* Shared by selectors, matrices and subqueries. */
struct when {
    enum at_kind at;
    int64_t at_ms, offset_ms;
};

struct expr;
struct function;

struct names {
    const char *const *items;
    size_t n;
};

/* The value of a series that one side lacks. */
struct fill {
    bool set;
    double value;
};

struct matching {
    bool on; /* else ignoring */
    struct names labels, include;
    enum { CARD_ONE, CARD_MANY_TO_ONE, CARD_ONE_TO_MANY } card; /* group_left, group_right */
    struct fill fill_left, fill_right;
};

struct expr {
    enum expr_kind kind;
    enum expr_type type;
    size_t at;    /* offset in the text */
    size_t outer; /* the same, parentheses around it included */
    bool paren;   /* there are some */
    union {
        double number;
        const char *string;
        struct {
            struct matcher *matchers;
            size_t n_matchers;
            bool named; /* before the braces */
            bool anchored, smoothed;
            bool stats_only; /* of histograms only counts and sums are asked */
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
            enum aggregate_op op;
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

/* What a text may use, and what start(), end(), range() and step() are in it. */
struct parse_opts {
    unsigned features; /* PROMQL_…, see promql.h */
    int64_t start_ms, end_ms, step_ms;
};

/* ERR_INVALID: "1:5: parse error: …". `o` NULL: no features. */
int promql_parse(struct arena *a, const char *text, const struct parse_opts *o, struct expr **out,
                 struct err *e) MUST_CHECK;
