/* function.h - PromQL's functions, as a table. */
#pragma once
#include "promql/ast.h"
#include "promql/eval.h"

struct function {
    const char *name;
    const char
        *args; /* a letter each: s scalar, v vector, m matrix, t string; "?" before: may lack;
                  "*" at the end: the last one any number of times */
    enum expr_type type;
    /* One of these. `over`: a window of one series to one value, false for none. */
    bool (*over)(const struct window *w, double *out);
    double (*map)(double v);
    int (*call)(struct eval *ev, const struct expr *call, struct table *out, struct err *e);
    bool keeps_name; /* of `over` */
};

const struct function *function_find(const char *name);
