/* eval.h - how an expression is worked out: a table of series by steps. Private to promql/. */
#pragma once
#include "promql/ast.h"
#include "promql/notes.h"
#include "promql/promql.h"

/* A value at one step: a float, or a histogram (then v is 0). */
struct cell {
    double v;
    const struct histogram *h;
};

/* One series over all steps. */
struct row {
    struct labels labels;
    double *v;
    bool *has;
    const struct histogram **h; /* NULL: floats at all steps */
    bool nameless;              /* the name goes when all is done: with PROMQL_DELAYED_NAMES */
};

struct table {
    struct row *rows; /* a scalar is one row without labels, present everywhere */
    size_t n, cap;
    const char *string; /* of a string expression */
};

/* Series with their own times: of a range or a subquery. */
struct matrix {
    struct series *items;
    size_t n;
    const bool *nameless; /* NULL: none. As of a row */
};

struct eval {
    struct promql_source *source;
    const struct promql_opts *opts;
    struct arena *arena;
    int64_t start, end, step; /* of the steps */
    size_t steps;
    int64_t query_start, query_end; /* for @ start() and @ end() */
    size_t *samples_left;           /* shared with subqueries */
    struct notes *notes;
};

/* The samples of one series within one range, and what functions need besides. */
struct window {
    const struct sample *s;
    const struct histogram *const *h; /* NULL: all are floats */
    const int64_t *starts;            /* NULL: not known */
    size_t n, n_histograms;
    int64_t start, end; /* the range: start < t <= end; extended selectors have samples around it */
    int64_t now;        /* of the step, whatever offset and @ say */
    double p1, p2;      /* scalar parameters */
    struct eval *ev;
    const struct expr *call, *arg; /* arg: the matrix */
    const struct labels *labels;
};

int eval__expr(struct eval *ev, const struct expr *x, struct table *out, struct err *e) MUST_CHECK;
int eval__binary(struct eval *ev, const struct expr *x, struct table *out,
                 struct err *e) MUST_CHECK;
int eval__aggregate(struct eval *ev, const struct expr *x, struct table *out,
                    struct err *e) MUST_CHECK;
/* A range function over a matrix or subquery. */
int eval__over(struct eval *ev, const struct expr *call, struct table *out,
               struct err *e) MUST_CHECK;
/* Series that have the same labels are one; two values at one step are an error. */
int eval__merge(struct eval *ev, struct table *t, struct err *e) MUST_CHECK;

/* select.c: of the sample that counts at a step its value, its time or when it began. */
enum take { TAKE_VALUE, TAKE_TIME, TAKE_START };
int eval__selector(struct eval *ev, const struct expr *x, enum take take, struct table *out,
                   struct err *e) MUST_CHECK;
/* Series and times of a matrix or subquery, for functions that look at it themselves. */
int eval__matrix(struct eval *ev, const struct expr *x, struct matrix *out,
                 struct err *e) MUST_CHECK;
/* From `before_ms` before the first step to `after_ms` after the last. */
int eval__fetch(struct eval *ev, const struct expr *x, int64_t before_ms, int64_t after_ms,
                struct series_set *out, struct err *e) MUST_CHECK;
int64_t eval__time(const struct eval *ev, const struct when *w, size_t step);
/* What a row has, as a series; `hints`: with what its histograms say of resets. */
struct series eval__series(const struct eval *ev, const struct row *row, bool hints);
const struct when *eval__when(const struct expr *x); /* of a selector, matrix or subquery */
int64_t eval__range(const struct expr *x);           /* of a matrix or subquery */
int eval__too_many(struct err *e);

/* stats.c: marks selectors of which only counts and sums are asked, and leaves no more of series.
 */
void stats__mark(struct expr *x);
void stats__strip(struct eval *ev, struct series *s);

/* extended.c: selectors that look beyond their range. */
int eval__smoothed(struct eval *ev, const struct expr *x, struct table *out,
                   struct err *e) MUST_CHECK;
/* A matrix alone: its ends become samples of their own. */
int eval__extend(struct eval *ev, const struct expr *x, struct matrix *m, struct err *e) MUST_CHECK;

struct row *table_add(struct table *t, struct eval *ev, struct labels l);
/* A row for what a function makes of another: it loses its name, now or in the end. */
struct row *table_derive(struct table *t, struct eval *ev, const struct row *from);
void row_set(struct eval *ev, struct row *r, size_t step, struct cell c);
void row_drop_name(struct eval *ev, struct row *r);
static inline struct cell row_at(const struct row *r, size_t step)
{
    return (struct cell){r->v[step], r->h ? r->h[step] : NULL};
}
static inline bool row_has_float(const struct row *r, size_t step)
{
    return r->has[step] && !(r->h && r->h[step]);
}
static inline int64_t eval_step(const struct eval *ev, size_t i)
{
    return ev->start + (int64_t)i * ev->step;
}

/* Without __name__; without the names given (keep false) or with only them. */
struct labels labels__group(struct arena *a, const struct labels *l, const struct names *names,
                            bool only);
/* Without what says of which metric it is: __name__, __type__ and __unit__. */
struct labels labels__nameless(struct arena *a, const struct labels *l);
/* With `name` set; "" takes it away. */
struct labels labels__set(struct arena *a, const struct labels *l, const char *name,
                          const char *value);
/* Any text that is not empty and is UTF-8. */
bool labels__name_ok(const char *name);
/* As upstream's default build has it: what limit_ratio samples by. */
uint64_t labels__sampling_hash(const struct labels *l);
double quantile_of(double q, double *values, size_t n); /* sorts the values */
