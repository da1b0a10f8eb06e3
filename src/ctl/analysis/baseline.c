#include "ctl/analysis/baseline.h"

#include <math.h>
#include <string.h>

#include "api/object.h"
#include "base/clock.h"
#include "codec/json.h"
#include "ctl/analysis/plan.h"

static const double RATE = 0.001, TOLERANCE = 0.01;
static const double LEAST = 1e-300; /* of a chance that is said as a number */
enum { BEFORE_MS = 600 * 1000, BEFORE_MAX_MS = 24 * 3600 * 1000, SHORTEST_MS = 1000, SLICES = 60 };

/* ---- settings ---- */

const struct value *baseline_settings(const struct value *metric)
{
    return value_get(value_at(metric, "provider.plugin"), "slipway.dev/baseline");
}

/* Numbers may be written as text, because arguments are put into text. */
static int ratio(const struct value *settings, const char *key, double dflt, double *out,
                 struct err *e)
{
    const struct value *v = value_get(settings, key);
    char *end = NULL;
    *out = dflt;
    if (!v)
        return 0;
    if (value_is(v, VALUE_STRING))
        *out = strtod(v->text, &end);
    else
        *out = value_num(v, NAN);
    if ((end && (*end || end == v->text)) || !(*out >= 0 && *out <= 1))
        return err_set(e, ERR_INVALID, "slipway.dev/baseline: %s must be a number from 0 to 1",
                       key);
    return 0;
}

static int check_keys(const struct value *settings, struct err *e)
{
    static const char *const known[] = {"errors",    "requests", "before",  "falsePositiveRate",
                                        "tolerance", "limit",    "address", "headers",
                                        "timeout",   "insecure"};
    VALUE_EACH_MEMBER (m, settings) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            is_known |= strcmp(known[i], m->key) == 0;
        if (!is_known)
            return err_set(e, ERR_INVALID, "slipway.dev/baseline has no setting %s", m->key);
    }
    return 0;
}

static int read_before(const struct value *v, int64_t *out_ms, struct err *e)
{
    int64_t ns = 0;
    *out_ms = BEFORE_MS;
    if (!v)
        return 0;
    if (clock_parse_duration(value_str(v, ""), &ns, NULL) == 0)
        *out_ms = ns / 1000000;
    if (ns == 0 || *out_ms < SHORTEST_MS || *out_ms > BEFORE_MAX_MS)
        return err_set(e, ERR_INVALID,
                       "slipway.dev/baseline: before must be a duration from 1s to 24h");
    return 0;
}

int baseline_read(const struct value *metric, struct baseline *out, struct err *e)
{
    const struct value *s = baseline_settings(metric);
    *out = (struct baseline){.errors = value_at_str(s, "errors", ""),
                             .requests = value_at_str(s, "requests", ""),
                             .looks = analysis_looks(metric)};
    int rc = check_keys(s, e);
    if (rc == 0)
        rc = ratio(s, "falsePositiveRate", RATE, &out->rate, e);
    if (rc == 0)
        rc = ratio(s, "tolerance", TOLERANCE, &out->tolerance, e);
    if (rc == 0)
        rc = ratio(s, "limit", 1, &out->limit, e);
    if (rc < 0)
        return rc;
    if (!*out->errors || !*out->requests)
        return err_set(e, ERR_INVALID,
                       "slipway.dev/baseline needs errors and requests, two selectors of counters");
    rc = read_before(value_get(s, "before"), &out->before_ms, e);
    if (rc < 0)
        return rc;
    if (out->looks == 0)
        return err_set(e, ERR_INVALID,
                       "metric %s: slipway.dev/baseline shares its falsePositiveRate among the "
                       "measurements; set count beside interval",
                       value_at_str(metric, "name", ""));
    if (value_get(metric, "successCondition") || value_get(metric, "failureCondition"))
        return err_set(e, ERR_INVALID,
                       "metric %s: slipway.dev/baseline judges by itself; conditions have no use",
                       value_at_str(metric, "name", ""));
    return 0;
}

/* ---- the verdict ---- */

static double ratio_of(struct tally t)
{
    return t.all > 0 ? (double)t.bad / (double)t.all : 0;
}

static const char *tally_text(struct arena *a, struct tally t)
{
    return arena_printf(a, "%lld of %lld requests (%.3g %%)", (long long)t.bad, (long long)t.all,
                        ratio_of(t) * 100);
}

static const char *sentence(const struct baseline_counts *c, struct arena *a)
{
    const char *first = arena_printf(a, "%s failed in the %.3g s since the analysis began",
                                     tally_text(a, c->now), (double)c->now_ms / 1000);
    if (c->now.all == 0)
        return "no requests since the analysis began";
    if (c->before.all == 0)
        return arena_printf(a, "%s; the last good version had none to compare with", first);
    return arena_printf(a, "%s; of the last good version %s in the %.3g s before", first,
                        tally_text(a, c->before), (double)c->before_ms / 1000);
}

struct baseline_verdict baseline_judge(const struct baseline *b, const struct baseline_counts *c,
                                       struct arena *a)
{
    struct baseline_verdict v = {.chance = 1, .reason = sentence(c, a)};
    struct tally now = chance_thin(c->now, c->clump), before = chance_thin(c->before, c->clump);
    double worse = 1, above = 1;
    if (ratio_of(c->now) > ratio_of(c->before) + b->tolerance)
        worse = chance_worse(now, before);
    if (b->limit < 1 && ratio_of(c->now) > b->limit)
        above = chance_above(now, b->limit);
    v.chance = above < worse ? above : worse;
    v.bad = v.chance * (double)b->looks * (b->limit < 1 ? 2 : 1) < b->rate;
    if (v.bad)
        v.reason = arena_printf(
            a, "%s: %s, and luck %s", v.reason,
            above < worse ? arena_printf(a, "above the limit of %.3g %%", b->limit * 100)
                          : "it is worse",
            v.chance > LEAST ? arena_printf(a, "explains that once in %.2g times", 1 / v.chance)
                             : "does not explain that");
    return v;
}

/* ---- counting ---- */

/* A time in slices; the counts of each. */
struct span {
    int64_t from_ms, to_ms;
    struct tally slices[SLICES];
    size_t n;
};

static size_t slice_of(const struct span *s, double at_s)
{
    double i = (at_s * 1000 - (double)s->from_ms) * (double)s->n / (double)(s->to_ms - s->from_ms);
    return i <= 0 ? 0 : i >= (double)s->n ? s->n - 1 : (size_t)i;
}

/* What a counter grew by, over its restarts. */
static void add_growth(const struct span *s, const struct value *samples, double *sums)
{
    double last = NAN;
    VALUE_EACH_ITEM (sample, samples) {
        double v = strtod(value_str(value_item(sample, 1), "NaN"), NULL);
        if (isnan(v))
            continue;
        if (!isnan(last))
            sums[slice_of(s, value_num(value_item(sample, 0), 0))] += v >= last ? v - last : v;
        last = v;
    }
}

static int count(struct measure_ctx *m, const struct value *settings, const char *selector,
                 const struct span *s, double *sums, struct err *e)
{
    struct value *data;
    if (s->to_ms - s->from_ms < SHORTEST_MS)
        return 0;
    const char *query =
        arena_printf(m->a, "%s[%lldms]", selector, (long long)(s->to_ms - s->from_ms));
    int rc = measure__ask(m, settings, query, s->to_ms, &data, e);
    if (rc < 0)
        return rc;
    if (strcmp(value_at_str(data, "resultType", ""), "matrix") != 0)
        return err_set(e, ERR_INVALID, "%s gives a %s; a selector of counters is needed", selector,
                       value_at_str(data, "resultType", "result without a type"));
    VALUE_EACH_ITEM (series, value_get(data, "result"))
        add_growth(s, value_get(series, "values"), sums);
    return 0;
}

static int64_t whole(double sum)
{
    return sum < CHANCE_MAX ? llround(sum) : CHANCE_MAX;
}

/* Fills the slices; *out is their sum. */
static int count_both(struct measure_ctx *m, const struct value *settings, const struct baseline *b,
                      struct span *s, struct tally *out, struct err *e)
{
    double bad[SLICES] = {0}, all[SLICES] = {0};
    *out = (struct tally){0, 0};
    /* Errors first: a scrape that comes in between adds requests without errors, not the reverse.
     */
    int rc = count(m, settings, b->errors, s, bad, e);
    if (rc == 0)
        rc = count(m, settings, b->requests, s, all, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s->n; i++) {
        s->slices[i] = (struct tally){whole(bad[i]), whole(all[i])};
        out->bad += s->slices[i].bad;
        out->all += s->slices[i].all;
    }
    if (out->bad > out->all)
        return err_set(e, ERR_INVALID,
                       "%lld errors among %lld requests: errors must be of requests",
                       (long long)out->bad, (long long)out->all);
    return 0;
}

static int64_t noted_ms(const struct object *run, const char *note, int64_t dflt)
{
    int64_t ns;
    const char *text = value_str(value_get(value_at(run->root, "metadata.annotations"), note), "");
    return *text && clock_parse_rfc3339(text, &ns, NULL) == 0 ? ns / 1000000 : dflt;
}

/* When the last good version served alone. */
static struct span span_before(const struct measure_ctx *m, const struct baseline *b)
{
    int64_t until = noted_ms(m->run, "slipway.dev/rollout-began", m->started_ms);
    int64_t from = noted_ms(m->run, "slipway.dev/good-since", 0);
    if (from < until - b->before_ms)
        from = until - b->before_ms;
    return (struct span){.from_ms = from, .to_ms = until, .n = SLICES};
}

static struct value *shown(struct arena *a, const struct baseline_counts *c, double chance)
{
    struct value *v = value_new_object(a);
    (void)value_set_int(a, v, "errors", c->now.bad);
    (void)value_set_int(a, v, "requests", c->now.all);
    (void)value_set_int(a, v, "errorsBefore", c->before.bad);
    (void)value_set_int(a, v, "requestsBefore", c->before.all);
    (void)value_set_str(a, v, "clump", arena_printf(a, "%.2g", c->clump));
    (void)value_set_str(a, v, "chance", arena_printf(a, "%.2g", chance));
    return v;
}

int baseline_measure(struct measure_ctx *m, const struct value *settings, struct measurement *out,
                     struct err *e)
{
    struct baseline b;
    struct baseline_counts c;
    int rc = baseline_read(m->metric, &b, e);
    if (rc < 0)
        return rc;
    struct span before = span_before(m, &b);
    struct span now = {m->started_ms, m->c->clock->real_ms(m->c->clock), .n = 1};
    rc = count_both(m, settings, &b, &now, &c.now, e);
    if (rc == 0)
        rc = count_both(m, settings, &b, &before, &c.before, e);
    if (rc < 0)
        return rc;
    c.now_ms = now.to_ms - now.from_ms;
    c.before_ms = before.to_ms - before.from_ms;
    c.clump = chance_clump(before.slices, before.n);
    struct baseline_verdict v = baseline_judge(&b, &c, m->a);
    out->shown = json_text(m->a, shown(m->a, &c, v.chance), 0);
    out->phase = analysis_phase_name(v.bad ? ANALYSIS_FAILED : ANALYSIS_SUCCESSFUL);
    out->message = v.reason;
    return 0;
}
