/* Prints the table of docs/analysis.md: how often the health check condemns a good release, and how
 * soon a bad one.
 *
 * Simulates releases: ten minutes of the last good version's requests, then measurements of the new
 * one's, judged by slipway.dev/baseline. A release is good when its requests fail as often as
 * before. Failures are independent, or come in incidents of ten.   usage: analysis [RELEASES]  */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ctl/analysis/baseline.h"

enum { DELAY_S = 4, INTERVAL_S = 2, LOOKS = 5, BEFORE_S = 600, SLICES = 60, INCIDENT = 10 };

struct traffic {
    double per_s, good, bad; /* requests; ratios that fail, before and after */
    int at_once;             /* failures of one incident */
};

struct outcome {
    int condemned;
    double seconds; /* until then, summed */
};

/* Of `n` requests, by skipping from one incident to the next. */
static int64_t failures(unsigned short seed[3], int64_t n, double ratio, int at_once)
{
    double start = ratio / at_once;
    int64_t bad = 0;
    if (start <= 0)
        return 0;
    for (double at = floor(log(1 - erand48(seed)) / log1p(-start)); at < (double)n;
         at += 1 + floor(log(1 - erand48(seed)) / log1p(-start)))
        bad += at_once;
    return bad < n ? bad : n;
}

static void release(const struct baseline *b, const struct traffic *t, unsigned short seed[3],
                    struct outcome *out)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    struct baseline_counts c = {.before_ms = BEFORE_S * 1000};
    struct tally slices[SLICES];
    int64_t n = (int64_t)(t->per_s * BEFORE_S / SLICES);
    for (int i = 0; i < SLICES; i++) {
        slices[i] = (struct tally){failures(seed, n, t->good, t->at_once), n};
        c.before.bad += slices[i].bad;
        c.before.all += n;
    }
    c.clump = chance_clump(slices, SLICES);
    for (int i = 0; i < LOOKS; i++) {
        int span = i ? INTERVAL_S : DELAY_S;
        n = (int64_t)(t->per_s * span);
        c.now.bad += failures(seed, n, t->bad, t->at_once);
        c.now.all += n;
        c.now_ms += span * 1000;
        if (!baseline_judge(b, &c, a).bad)
            continue;
        out->condemned++;
        out->seconds += (double)c.now_ms / 1000;
        return;
    }
}

static struct outcome releases(const struct traffic *t, double rate, int n)
{
    const struct baseline b = {.rate = rate, .tolerance = 0.01, .limit = 1, .looks = LOOKS};
    unsigned short seed[3] = {17, 23, 42};
    struct outcome out = {0, 0};
    for (int i = 0; i < n; i++)
        release(&b, t, seed, &out);
    return out;
}

int main(int argc, char **argv)
{
    static const double rates[] = {10, 100, 1000}, goods[] = {0, 0.001, 0.01, 0.05},
                        worse[] = {0.02, 0.05, 0.2};
    int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20000;
    if (n < 1) {
        fprintf(stderr, "usage: analysis [RELEASES]\n");
        return 2;
    }
    printf(
        "| requests a second | fail before | good ones condemned | in incidents of %d | "
        "2 %% more fail | 5 %% more | 20 %% more |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        INCIDENT);
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (size_t g = 0; g < sizeof goods / sizeof *goods; g++) {
            printf("| %g | %g %%", rates[r], goods[g] * 100);
            for (int at_once = 1; at_once <= INCIDENT; at_once += INCIDENT - 1) {
                struct traffic t = {rates[r], goods[g], goods[g], at_once};
                printf(" | %.3g %%", releases(&t, 0.001, n).condemned * 100.0 / n);
            }
            for (size_t w = 0; w < sizeof worse / sizeof *worse; w++) {
                struct traffic t = {rates[r], goods[g], goods[g] + worse[w], 1};
                struct outcome o = releases(&t, 0.001, n / 10 + 1);
                printf(" | %.3g %%", o.condemned * 100.0 / (n / 10 + 1));
                if (o.condemned)
                    printf(", %.1f s", o.seconds / o.condemned);
            }
            printf(" |\n");
            fflush(stdout);
        }
    return 0;
}
