/* stats.c - selectors of which only counts and sums are asked: their buckets are not carried along.
 *
 * Whether a counter began anew is found out while the buckets are there; so a query that asks for
 * no more than this learns of every reset, also where storage was silent about it. */
#include <string.h>

#include "promql/eval.h"
#include "promql/function.h"
#include "promql/native.h"

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* `counted`: something above asks for counts or sums. Below what needs buckets nothing is marked.
 */
static void mark(struct expr *x, bool counted)
{
    static const char *const counting[] = {"histogram_count", "histogram_sum", "histogram_avg"};
    static const char *const whole[] = {"histogram_quantile", "histogram_quantiles",
                                        "histogram_fraction"};
    switch (x->kind) {
    case EXPR_SELECTOR:
    case EXPR_MATRIX:
        x->selector.stats_only = counted;
        break;
    case EXPR_CALL:
        if (is_one_of(x->call.function->name, whole, ARRAY_LEN(whole)))
            break;
        counted |= is_one_of(x->call.function->name, counting, ARRAY_LEN(counting));
        for (size_t i = 0; i < x->call.n_args; i++)
            mark(x->call.args[i], counted);
        break;
    case EXPR_AGGREGATE:
        mark(x->aggregate.inner, counted);
        break;
    case EXPR_BINARY:
        if (x->binary.op == OP_TRIM_LOWER || x->binary.op == OP_TRIM_UPPER)
            break;
        mark(x->binary.left, counted);
        mark(x->binary.right, counted);
        break;
    case EXPR_NEGATE:
        mark(x->inner, counted);
        break;
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_SUBQUERY: /* may skip samples: resets must be found in what is left */
        break;
    }
}

void stats__mark(struct expr *x)
{
    mark(x, false);
}

static enum histogram_hint hint_of(struct eval *ev, const struct histogram *before,
                                   const struct histogram *h)
{
    if (h->hint != HISTOGRAM_UNKNOWN || !before)
        return h->hint;
    return native_is_reset(ev->arena, before, h) ? HISTOGRAM_RESET : HISTOGRAM_NOT_RESET;
}

void stats__strip(struct eval *ev, struct series *s)
{
    if (!s->histograms)
        return;
    const struct histogram **out = ARENA_ARRAY(ev->arena, const struct histogram *, s->n);
    const struct histogram *before = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const struct histogram *h = s->histograms[i];
        if (!h)
            continue;
        struct histogram *c = ARENA_NEW(ev->arena, struct histogram);
        *c = (struct histogram){
            .hint = hint_of(ev, before, h), .schema = h->schema, .count = h->count, .sum = h->sum};
        out[i] = c;
        before = h;
    }
    s->histograms = out;
}
