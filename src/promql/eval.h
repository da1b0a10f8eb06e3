/* eval.h - how an expression is worked out: a table of series by steps. Private to promql/. */
#pragma once
#include "promql/ast.h"
#include "promql/promql.h"

/* One series over all steps. */
struct row {
    struct labels labels;
    double *v;
    bool *has;
};

struct table {
    struct row *rows; /* a scalar is one row without labels, present everywhere */
    size_t n, cap;
    const char *string; /* of a string expression */
};

struct eval {
    struct promql_source *source;
    const struct promql_opts *opts;
    struct arena *arena;
    int64_t start, end, step; /* of the steps */
    size_t steps;
    int64_t query_start, query_end; /* for @ start() and @ end() */
    size_t *samples_left;           /* shared with subqueries */
};

/* The samples of one series within one range, and what functions need besides. */
struct window {
    const struct sample *s;
    size_t n;
    int64_t start, end; /* the range: start < t <= end */
    int64_t now;        /* of the step, whatever offset and @ say */
    double p1, p2;      /* scalar parameters */
};

int eval__expr(struct eval *ev, const struct expr *x, struct table *out, struct err *e) MUST_CHECK;
int eval__binary(struct eval *ev, const struct expr *x, struct table *out,
                 struct err *e) MUST_CHECK;
int eval__aggregate(struct eval *ev, const struct expr *x, struct table *out,
                    struct err *e) MUST_CHECK;
/* A range function over a matrix or subquery. */
int eval__over(struct eval *ev, const struct expr *call, struct table *out,
               struct err *e) MUST_CHECK;
/* Series and times of a matrix or subquery, for functions that look at it themselves. */
int eval__matrix(struct eval *ev, const struct expr *x, struct series_set *out,
                 struct err *e) MUST_CHECK;
int64_t eval__time(const struct eval *ev, const struct when *w, size_t step);

struct row *table_add(struct table *t, struct eval *ev, struct labels l);
static inline int64_t eval_step(const struct eval *ev, size_t i)
{
    return ev->start + (int64_t)i * ev->step;
}
/* Without __name__; without the names given (keep false) or with only them. */
struct labels labels__nameless(struct arena *a, const struct labels *l);
struct labels labels__group(struct arena *a, const struct labels *l, const struct names *names,
                            bool only);
/* With `name` set; "" takes it away. */
struct labels labels__set(struct arena *a, const struct labels *l, const char *name,
                          const char *value);
/* Any text that is not empty and is UTF-8. */
bool labels__name_ok(const char *name);
double quantile_of(double q, double *values, size_t n); /* sorts the values */
