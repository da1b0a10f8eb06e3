/* jsonpath_int.h - a compiled template. */
#pragma once
#include "codec/jsonpath.h"

enum node_kind {
    NODE_TEXT,      /* literal */
    NODE_NUMBER,    /* literal */
    NODE_BOOL,      /* literal */
    NODE_FIELD,     /* .name */
    NODE_SLICE,     /* [a:b:c] */
    NODE_WILDCARD,  /* * */
    NODE_RECURSIVE, /* .. */
    NODE_UNION,     /* [a,b]: lists */
    NODE_FILTER,    /* [?(left op right)]: lists[0], lists[1] */
    NODE_RANGE,     /* {range lists[0]} body {end} */
};

enum filter_op { FILTER_EXISTS, FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

struct node;

/* Steps, each applied to what the one before found. */
struct list {
    struct node *nodes;
    size_t n;
};

struct bound {
    bool known;
    int64_t value;
};

struct node {
    enum node_kind kind;
    const char *text; /* TEXT, FIELD */
    size_t text_len;
    struct value literal; /* TEXT, NUMBER, BOOL */
    struct bound start, end, step;
    bool single; /* SLICE: [n] */
    enum filter_op op;
    struct list *lists;
    size_t n_lists;
    struct list body; /* RANGE: a list of one list an action */
};

struct jsonpath {
    struct list actions; /* TEXT outside of braces, UNION with one list for an action, RANGE */
};
