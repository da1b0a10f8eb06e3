/* order_int.h - the order in which the printers write a map's members. Inline: json.h's printer
 * asks for every map, and most stand in order. */
#pragma once
#include <stdlib.h>

#include "base/log.h"
#include "codec/value.h"

typedef int (*member_cmp_fn)(const struct member *a, const struct member *b);

struct member_order {
    const struct member *members;
    member_cmp_fn cmp;
};

static inline int member_order_cmp(const void *x, const void *y, void *arg)
{
    const struct member_order *o = arg;
    return o->cmp(&o->members[*(const uint32_t *)x], &o->members[*(const uint32_t *)y]);
}

/* The indexes of v's members in cmp's order, the caller's to free; NULL when they stand in it. */
static inline uint32_t *member_order(const struct value *v, member_cmp_fn cmp)
{
    uint32_t i = 1;
    while (i < v->n && cmp(&v->members[i - 1], &v->members[i]) <= 0)
        i++;
    if (i >= v->n)
        return NULL;
    uint32_t *order = calloc(v->n, sizeof *order);
    if (!order)
        log_die("out of memory (%u keys)", v->n);
    for (i = 0; i < v->n; i++)
        order[i] = i;
    struct member_order o = {v->members, cmp};
    qsort_r(order, v->n, sizeof *order, member_order_cmp, &o);
    return order;
}
