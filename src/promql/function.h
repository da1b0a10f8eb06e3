/* function.h - PromQL's functions, as a table. */
#pragma once
#include "promql/ast.h"
#include "promql/eval.h"

struct function {
    const char *name;
    const char *args;  /* a letter each: s scalar, v vector, m matrix, t string */
    unsigned optional; /* so many of the last may lack */
    unsigned repeats;  /* the last may come so many times more */
    enum expr_type type;
    /* One of these. `over`: a window of one series to one value, false for none. */
    bool (*over)(const struct window *w, struct cell *out);
    double (*map)(double v);
    double (*stat)(const struct histogram *h);
    int (*call)(struct eval *ev, const struct expr *call, struct table *out, struct err *e);
    bool experimental;
    bool keeps_name;         /* of `over` */
    bool floats_only;        /* of `over`: histograms are left out, and that is said */
    bool of_counters;        /* of `over`: a name that does not look like one is doubted */
    bool smoothing;          /* of `over`: both parameters must lie between 0 and 1 */
    bool anchored, smoothed; /* may be used with selectors of this kind */
    bool label_selector;     /* the second argument is matchers alone */
};

const struct function *function_find(const char *name);
