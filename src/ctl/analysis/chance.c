#include "ctl/analysis/chance.h"

#include <math.h>

static double log_factorial(double n)
{
    int sign;
    return lgamma_r(n + 1, &sign);
}

static double log_choose(double n, double k)
{
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

static double bounded(double p)
{
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

/* Beyond its peak a tail falls faster and faster: what no longer shows ends it. */
static int vanishes(double term, double sum)
{
    return term < sum * 1e-17;
}

double chance_worse(struct tally now, struct tally before)
{
    double n = (double)now.all, k = (double)now.bad;
    double bad = (double)(now.bad + before.bad), all = (double)(now.all + before.all);
    if (now.all <= 0 || before.all <= 0 || k * all <= n * bad)
        return 1;
    double first = log_choose(bad, k) + log_choose(all - bad, n - k) - log_choose(all, n);
    double term = 1, sum = 1;
    for (double x = k; x < n && x < bad && !vanishes(term, sum); x++) {
        term *= (bad - x) * (n - x) / ((x + 1) * (all - bad - n + x + 1));
        sum += term;
    }
    return bounded(exp(first + log(sum)));
}

double chance_above(struct tally now, double ratio)
{
    double n = (double)now.all, k = (double)now.bad;
    if (now.all <= 0 || ratio >= 1 || k <= n * ratio)
        return 1;
    if (ratio <= 0)
        return 0;
    double first = log_choose(n, k) + k * log(ratio) + (n - k) * log1p(-ratio);
    double term = 1, sum = 1;
    for (double x = k; x < n && !vanishes(term, sum); x++) {
        term *= (n - x) / (x + 1) * (ratio / (1 - ratio));
        sum += term;
    }
    return bounded(exp(first + log(sum)));
}

double chance_clump(const struct tally *slices, size_t n)
{
    double bad = 0, all = 0, sum = 0, used = 0;
    for (size_t i = 0; i < n; i++) {
        bad += (double)slices[i].bad;
        all += (double)slices[i].all;
    }
    double p = all > 0 ? bad / all : 0;
    if (p <= 0 || p >= 1)
        return 1;
    for (size_t i = 0; i < n; i++) {
        double want = (double)slices[i].all * p, off = (double)slices[i].bad - want;
        if (slices[i].all <= 0)
            continue;
        sum += off * off / (want * (1 - p));
        used++;
    }
    return used > 1 && sum > used - 1 ? sum / (used - 1) : 1;
}

struct tally chance_thin(struct tally t, double clump)
{
    return (struct tally){(int64_t)floor((double)t.bad / clump),
                          (int64_t)ceil((double)t.all / clump)};
}
