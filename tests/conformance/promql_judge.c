/* promql_judge.c - whether an answer is the one that a script wants. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <string.h>

#include "promql.h"

static const double EPSILON = 1e-6; /* of the sum of both values */

static bool about(double a, double b)
{
    if (is_stale(a) || is_stale(b))
        return is_stale(a) && is_stale(b);
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);
    if (a == 0 || b == 0 || sum < __DBL_MIN__)
        return diff < EPSILON * __DBL_MIN__;
    return diff / fmin(sum, __DBL_MAX__) < EPSILON;
}

static bool same_side(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].index != b->items[i].index || !about(a->items[i].count, b->items[i].count))
            return false;
    return true;
}

static bool same_histogram(const struct described *want, const struct histogram *got)
{
    const struct histogram *h = want->h;
    return h->schema == got->schema && about(h->count, got->count) && about(h->sum, got->sum) &&
           (!histogram_is_custom(h) || histogram_same_bounds(h, got)) &&
           h->zero_threshold == got->zero_threshold && about(h->zero_count, got->zero_count) &&
           same_side(&h->positive, &got->positive) && same_side(&h->negative, &got->negative) &&
           (!want->hint_set || h->hint == got->hint);
}

static char *show(const struct series *s, struct arena *a)
{
    char *out = labels_text(&s->labels, a);
    for (size_t i = 0; i < s->n; i++) {
        const struct histogram *h = s->histograms ? s->histograms[i] : NULL;
        out =
            h ? arena_printf(a, "%s %s@%lld", out, describe_histogram(a, h),
                             (long long)s->samples[i].t)
              : arena_printf(a, "%s %.17g@%lld", out, s->samples[i].v, (long long)s->samples[i].t);
    }
    return out;
}

static bool same_values(const struct eval *v, const struct description *want,
                        const struct series *got, bool times)
{
    size_t n = 0;
    for (size_t i = 0; i < want->n; i++) {
        const struct described *w = &want->values[i];
        if (w->omitted)
            continue;
        if (n == got->n || (times && got->samples[n].t != v->start + (int64_t)i * v->step))
            return false;
        const struct histogram *h = got->histograms ? got->histograms[n] : NULL;
        if ((w->h != NULL) != (h != NULL))
            return false;
        if (h ? !same_histogram(w, h) : !about(w->v, got->samples[n].v))
            return false;
        n++;
    }
    return n == got->n;
}

static bool anything(const struct description *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (!d->values[i].omitted)
            return true;
    return false;
}

static const char *judge_series(const struct eval *v, const struct promql_result *r,
                                struct arena *a)
{
    size_t matched = 0, wanted = 0;
    for (size_t i = 0; i < v->n_want; i++)
        wanted += anything(&v->want[i]);
    for (size_t i = 0; i < r->series.n; i++) {
        const struct series *got = &r->series.items[i];
        size_t k = 0;
        while (k < v->n_want && labels_compare(&v->want[k].labels, &got->labels) != 0)
            k++;
        if (k == v->n_want)
            return arena_printf(a, "unwanted %s", show(got, a));
        if (!same_values(v, &v->want[k], got, r->type == PROMQL_MATRIX))
            return arena_printf(a, "other values: %s", show(got, a));
        if (v->ordered && k != i)
            return arena_printf(a, "out of order: %s", show(got, a));
        matched++;
    }
    return matched == wanted ? NULL : arena_printf(a, "%zu of %zu series", matched, wanted);
}

/* ---- what is said besides ---- */

static bool fits(const struct expectation *x, const char *text)
{
    int code;
    size_t at;
    if (x->any)
        return true;
    if (!x->pattern)
        return strcmp(x->text, text) == 0;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)x->text, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    if (!c)
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    bool yes = pcre2_match(c, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(c);
    return yes;
}

/* Each expectation must be met, and, where there is any, each text expected. */
static const char *judge_notes(const struct eval *v, int kind, int none, const char *const *said,
                               size_t n, struct arena *a)
{
    bool any = false;
    for (size_t i = 0; i < v->n_expects; i++) {
        const struct expectation *x = &v->expects[i];
        size_t k = 0;
        if ((int)x->kind == none && n)
            return arena_printf(a, "unwanted note: %s", said[0]);
        if ((int)x->kind != kind)
            continue;
        any = true;
        while (k < n && !fits(x, said[k]))
            k++;
        if (k == n)
            return arena_printf(a, "not said: %s; but: %s", x->text ? x->text : "anything",
                                n ? said[0] : "nothing");
    }
    for (size_t k = 0; any && k < n; k++) {
        bool expected = false;
        for (size_t i = 0; i < v->n_expects; i++)
            expected |= (int)v->expects[i].kind == kind && fits(&v->expects[i], said[k]);
        if (!expected)
            return arena_printf(a, "unwanted note: %s", said[k]);
    }
    return NULL;
}

const char *judge(const struct eval *v, int rc, const struct err *e, const struct promql_result *r,
                  struct arena *a)
{
    const struct expectation *fail = NULL;
    for (size_t i = 0; i < v->n_expects; i++)
        if (v->expects[i].kind == EXPECT_FAIL)
            fail = &v->expects[i];
    if (rc < 0)
        return fail && fits(fail, e->msg) ? NULL : arena_printf(a, "refused: %s", e->msg);
    if (fail)
        return "not refused";
    const char *why = judge_notes(v, EXPECT_WARN, EXPECT_NO_WARN, r->warnings, r->n_warnings, a);
    if (!why)
        why = judge_notes(v, EXPECT_INFO, EXPECT_NO_INFO, r->infos, r->n_infos, a);
    if (why)
        return why;
    if (v->string || r->type == PROMQL_STRING)
        return v->string && r->type == PROMQL_STRING && strcmp(v->string, r->string) == 0
                   ? NULL
                   : "another string";
    if (v->scalar != (r->type == PROMQL_SCALAR))
        return "scalar or vector: another type";
    return judge_series(v, r, a);
}
