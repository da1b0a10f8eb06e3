/* cel_int.h - the evaluator's own values, its tree and its tables of functions. */
#pragma once
#include "codec/cel.h"

enum cel_kind {
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_LIST,
    CEL_MAP,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_TYPE,
    CEL_OPTIONAL,
};

struct cel_entry;

struct cel_value {
    enum cel_kind kind;
    uint32_t n; /* bytes, items or entries; OPTIONAL: 1 when there is a value */
    bool json;  /* LIST, MAP: what it holds stands in a document */
    union {
        bool b;
        int64_t i; /* INT; DURATION: nanoseconds; TIMESTAMP: seconds since 1970 */
        uint64_t u;
        double d;
        const char *text;                /* STRING, BYTES, TYPE; NUL-terminated */
        const struct cel_value *items;   /* LIST, OPTIONAL */
        const struct cel_entry *entries; /* MAP */
        const struct value *doc;         /* LIST, MAP with `json` */
    };
    uint32_t ns; /* TIMESTAMP: nanoseconds past its second */
};

struct cel_entry {
    struct cel_value key, value;
};

/* ---- the tree ---- */

enum cel_op {
    OP_LITERAL,
    OP_IDENT,
    OP_SELECT, /* args[0].name */
    OP_HAS,    /* has(args[0].name) */
    OP_INDEX,  /* args[0][args[1]] */
    OP_CALL,   /* name(args…) or args[0].name(args…) */
    OP_LIST,
    OP_MAP,     /* key, value, key, value… */
    OP_MESSAGE, /* name{field: value…}; fields are literals */
    OP_COND,
    OP_AND, /* any number of args */
    OP_OR,
    OP_NOT,
    OP_NEGATE,
    OP_CHAIN, /* args[0] ops[0] args[1] ops[1] …, from the left */
    OP_MACRO, /* args[0] is the range, then the bodies */
    OP_BIND,  /* var1 = args[0] in args[1] */
    OP_BLOCK, /* @index:0 = args[0], @index:1 = args[1] … in the last of args */
};

enum cel_binary {
    BIN_ADD,
    BIN_SUB,
    BIN_MUL,
    BIN_DIV,
    BIN_MOD,
    BIN_EQ,
    BIN_NE,
    BIN_LT,
    BIN_LE,
    BIN_GT,
    BIN_GE,
    BIN_IN
};

enum cel_macro {
    MACRO_ALL,
    MACRO_EXISTS,
    MACRO_ONE,
    MACRO_MAP,
    MACRO_FILTER,
    MACRO_LIST,
    MACRO_TRANSFORM_MAP,
    MACRO_TRANSFORM_ENTRY,
    MACRO_SORT_BY,
    MACRO_OPT_MAP,
    MACRO_OPT_FLAT_MAP
};

struct cel_run;
typedef int cel_call(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out);

struct cel_builtin {
    const char *name; /* "math.abs", "size" */
    int min, max;     /* arguments, the receiver among them */
    cel_call *call;
};

struct cel_node {
    enum cel_op op;
    enum cel_macro macro;
    unsigned height;
    const char *name; /* IDENT, SELECT, HAS, CALL, MESSAGE */
    const char *path; /* IDENT, SELECT: "a.b.c" when it is nothing but names */
    const char *root; /* with path: "a" */
    bool absolute;    /* the path began with a dot */
    bool method;      /* CALL: args[0] is the receiver */
    bool grouped;     /* it stood in parentheses */
    bool optional;    /* SELECT, INDEX: with a question mark */
    bool *optionals;  /* LIST, MAP, MESSAGE: elements with a question mark */
    const char *var1, *var2;
    struct cel_value literal;
    const struct cel_builtin *builtin;
    struct cel_node **args;
    enum cel_binary *ops;
    size_t n_args;
};

struct cel_program {
    const struct cel_node *root;
    const char *text;
};

/* ---- running ---- */

struct cel_binding {
    const char *name;
    struct cel_value value;
};

struct cel_run {
    struct arena *arena;
    const struct cel_env *env;
    const struct cel_binding *bindings; /* beside those of env */
    size_t n_bindings;
    const struct scope *scope;
    uint64_t cost, cost_max;
    unsigned depth;
    size_t memory_max;
    struct err *e;
};

int cel__run(struct arena *a, const struct cel_program *p, const struct cel_env *env,
             const struct cel_binding *bindings, size_t n_bindings, struct cel_value *out,
             struct err *e) MUST_CHECK;
int cel__eval(struct cel_run *r, const struct cel_node *node, struct cel_value *out) MUST_CHECK;
int cel__charge(struct cel_run *r, uint64_t steps) MUST_CHECK;

/* "no such overload: name(int, string)" */
int cel__no_overload(struct cel_run *r, const char *name, const struct cel_value *args, size_t n);
int cel__fail(struct cel_run *r, const char *fmt, ...) PRINTF(2, 3);

/* ---- values ---- */

const char *cel__type_name(const struct cel_value *v);
struct cel_value cel__from_json(const struct cel_run *r, const struct value *v);
struct value *cel__to_json(struct arena *a, const struct cel_value *v);
bool cel__equal(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b);

/* *out is negative, 0 or positive; false when they cannot be ordered. NaN: *nan. */
bool cel__order(const struct cel_value *a, const struct cel_value *b, int *out, bool *nan);

struct cel_value cel__item(const struct cel_run *r, const struct cel_value *list, size_t i);
struct cel_entry cel__entry(const struct cel_run *r, const struct cel_value *map, size_t i);
bool cel__lookup(const struct cel_run *r, const struct cel_value *map, const struct cel_value *key,
                 struct cel_value *out);
size_t cel__length(const struct cel_value *s); /* of a string, in characters */
struct cel_value cel__string(const char *text, size_t n);
struct cel_value cel__copy_string(struct arena *a, const char *text, size_t n);

static inline struct cel_value cel__bool(bool b)
{
    return (struct cel_value){.kind = CEL_BOOL, .b = b};
}

static inline struct cel_value cel__int(int64_t i)
{
    return (struct cel_value){.kind = CEL_INT, .i = i};
}

static inline struct cel_value cel__double(double d)
{
    return (struct cel_value){.kind = CEL_DOUBLE, .d = d};
}

static inline struct cel_value cel__list(const struct cel_value *items, size_t n)
{
    return (struct cel_value){.kind = CEL_LIST, .n = (uint32_t)n, .items = items};
}

/* ---- operators, times, tables ---- */

int cel__binary(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                const struct cel_value *b, struct cel_value *out) MUST_CHECK;
int cel__index(struct cel_run *r, const struct cel_value *v, const struct cel_value *key,
               bool *found, struct cel_value *out) MUST_CHECK;
int cel__time_binary(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                     const struct cel_value *b, struct cel_value *out) MUST_CHECK;
bool cel__parse_timestamp(const char *s, struct cel_value *out);
bool cel__parse_duration(const char *s, struct cel_value *out);
char *cel__timestamp_text(struct arena *a, const struct cel_value *v);
char *cel__duration_text(struct arena *a, const struct cel_value *v);
bool cel__timestamp_in_range(int64_t seconds);
int cel__message(struct cel_run *r, const char *name, const struct cel_entry *fields, size_t n,
                 struct cel_value *out) MUST_CHECK;

extern const struct cel_builtin cel__std_functions[], cel__string_functions[],
    cel__time_functions[], cel__ext_functions[];
extern const size_t cel__n_std_functions, cel__n_string_functions, cel__n_time_functions,
    cel__n_ext_functions;

const struct cel_builtin *cel__find_function(const char *name);
bool cel__is_type_name(const char *name);
