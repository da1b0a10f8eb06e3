/* aggregate.h - what the files of aggregations share. Private to promql/. */
#pragma once
#include "promql/eval.h"

/* Rows that have the same labels of those that count. */
struct group {
    struct labels labels;
    bool nameless;
    const struct row **rows;
    size_t n;
};

/* pick.c: aggregations that give some of their rows as they are. */
static inline bool aggregate__picks(enum aggregate_op op)
{
    return op >= AGGREGATE_TOPK;
}
int aggregate__check_pick(struct eval *ev, const struct expr *x, const struct table *param,
                          struct err *e) MUST_CHECK;
void aggregate__pick(struct eval *ev, const struct expr *x, const struct group *g,
                     const struct table *param, struct table *out);

/* Says that histograms were left out. */
void aggregate__ignored(struct eval *ev, size_t at, enum aggregate_op op);
