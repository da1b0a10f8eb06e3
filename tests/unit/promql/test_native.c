#include "promql/native.h"

#include <math.h>
#include <stdio.h>

#include "promql/describe.h"
#include "t.h"

static struct err e;

static const struct histogram *histogram(struct arena *a, const char *text)
{
    struct description d;
    T_RC(describe_values(a, text, &d, &e), &e, text);
    return d.n ? d.values[0].h : NULL;
}

static void writes_what_it_reads(void)
{
    static const char *const texts[] = {
        "{{}}",
        "{{count:3 sum:4.5 buckets:[1 2]}}",
        "{{schema:2 count:9 sum:-1 z_bucket:1 z_bucket_w:0.5 offset:-3 buckets:[1 0 0 2]"
        " n_offset:2 n_buckets:[5]}}",
        "{{schema:-53 count:6 sum:20 custom_values:[1 2.5 10] counter_reset_hint:gauge"
        " buckets:[1 2 0 3]}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO_BUF struct buf b;
        struct histogram *back;
        const struct histogram *h = histogram(a, texts[i]);
        T_EQ_STR(describe_histogram(a, h), texts[i], texts[i]);
        buf_init(&b, 1 << 20);
        histogram_encode(h, &b);
        T_OK(histogram_decode(a, (const uint8_t *)b.data, b.len, &back), texts[i]);
        T_EQ_STR(describe_histogram(a, back), texts[i], "encoded and back");
        for (size_t n = 0; n < b.len; n++)
            T_OK(!histogram_decode(a, (const uint8_t *)b.data, n, &back), "cut short");
    }
}

static void adds(void)
{
    static const struct {
        const char *name, *x, *y, *want;
        double sign;
        unsigned bent;
    } cases[] = {
        {"buckets between others",      "{{count:2 sum:2 buckets:[1 0 1]}}",
         "{{count:2 sum:3 offset:1 buckets:[1 0 1]}}",                                                                                                                   "{{count:4 sum:5 buckets:[1 1 1 1]}}",       1,  0                },
        {"the coarser schema",          "{{schema:1 count:4 sum:4 buckets:[1 1 1 1]}}",
         "{{count:1 sum:1 buckets:[1]}}",                                                                                                                                "{{count:5 sum:5 buckets:[2 2 1]}}",         1,  0                },
        {"the wider zero bucket",       "{{count:3 sum:3 z_bucket:1 z_bucket_w:0.1 buckets:[1 1]}}",
         "{{count:1 sum:1 z_bucket:1 z_bucket_w:1.5}}",                                                                                                                  "{{count:4 sum:4 z_bucket:4 z_bucket_w:2}}",
         1,                                                                                                                                                                                                               0                },
        {"bounds that both have",
         "{{schema:-53 count:3 sum:3 custom_values:[1 2 4] buckets:[1 1 1]}}",                       "{{schema:-53 count:2 sum:2 custom_values:[2 3 4] buckets:[1 1]}}",
         "{{schema:-53 count:5 sum:5 custom_values:[2 4] buckets:[3 2]}}",                                                                                                                                            1,  NATIVE_RECONCILED},
        {"a difference leaves nothing", "{{count:2 sum:2 buckets:[1 1]}}",
         "{{count:2 sum:2 buckets:[1 1]}}",                                                                                                                              "{{}}",                                      -1, 0                },
        {"hints that differ",           "{{count:1 counter_reset_hint:reset buckets:[1]}}",
         "{{count:1 counter_reset_hint:not_reset buckets:[1]}}",                                                                                                         "{{count:2 buckets:[2]}}",                   1,
         NATIVE_COLLISION                                                                                                                                                                                                                  },
        {"no sum of two kinds",         "{{count:1 buckets:[1]}}",
         "{{schema:-53 count:1 custom_values:[1] buckets:[1]}}",                                                                                                         NULL,                                        1,  0                },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        unsigned bent = 0;
        struct histogram *h = histogram_copy(a, histogram(a, cases[i].x));
        bool ok = native_add(a, h, histogram(a, cases[i].y), cases[i].sign, &bent);
        T_EQ_INT(ok, cases[i].want != NULL, cases[i].name);
        T_EQ_INT(bent, cases[i].bent, cases[i].name);
        if (!ok)
            continue;
        native_settle(h);
        T_EQ_STR(describe_histogram(a, h), cases[i].want, cases[i].name);
    }
}

static void trims(void)
{
    static const struct {
        const char *name, *from, *want;
        double limit;
        bool upper;
    } cases[] = {
        {"at a bound",             "{{count:3 sum:9 buckets:[0 1 2]}}",
         "{{count:1 sum:1.4142135623730951 offset:1 buckets:[1]}}",                                                                              2,   true },
        {"all of it",              "{{count:3 sum:9 buckets:[0 1 2]}}",                              "{{}}",                                     100, false},
        {"nothing",                "{{count:3 sum:9 buckets:[0 1 2]}}",                              "{{count:3 sum:9 offset:1 buckets:[1 2]}}",
         100,                                                                                                                                         true },
        {"within a custom bucket", "{{schema:-53 count:4 sum:8 custom_values:[2 4] buckets:[2 2]}}",
         "{{schema:-53 count:3 sum:4.5 custom_values:[2 4] buckets:[2 1]}}",                                                                     3,   true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct histogram *h = histogram_copy(a, histogram(a, cases[i].from));
        native_trim(h, cases[i].limit, cases[i].upper);
        T_EQ_STR(describe_histogram(a, h), cases[i].want, cases[i].name);
    }
}

static void resets(void)
{
    static const struct {
        const char *name, *before, *after;
        bool want;
    } cases[] = {
        {"grew",                   "{{count:2 buckets:[1 1]}}",                                "{{count:3 buckets:[1 2]}}",                        false},
        {"a bucket fell",          "{{count:2 buckets:[2]}}",                                  "{{count:3 buckets:[1 2]}}",                        true },
        {"a finer schema",         "{{count:2 buckets:[2]}}",                                  "{{schema:1 count:3 buckets:[3]}}",                 true },
        {"a coarser schema",       "{{schema:1 count:2 buckets:[0 1 1]}}",                     "{{count:3 buckets:[0 3]}}",
         false                                                                                                                                          },
        {"told so",                "{{count:2 buckets:[2]}}",                                  "{{count:3 counter_reset_hint:reset buckets:[3]}}",
         true                                                                                                                                           },
        {"told not",               "{{count:2 buckets:[2]}}",
         "{{count:1 counter_reset_hint:not_reset buckets:[1]}}",                                                                                   false},
        {"other bounds that grew", "{{schema:-53 count:2 custom_values:[1 2] buckets:[1 1]}}",
         "{{schema:-53 count:3 custom_values:[2] buckets:[3]}}",                                                                                   false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_INT(native_is_reset(a, histogram(a, cases[i].before), histogram(a, cases[i].after)),
                 cases[i].want, cases[i].name);
    }
}

static void tells(void)
{
    static const struct {
        const char *name, *of;
        double q, quantile, below; /* below: share up to 2 */
    } cases[] = {
        {"exponential", "{{count:4 sum:9 buckets:[0 2 2]}}",                              0.75, 2.8284271247461903, 0.5},
        {"custom",      "{{schema:-53 count:4 sum:8 custom_values:[2 4] buckets:[2 2]}}", 0.75, 3,                  0.5},
        {"zero bucket", "{{count:2 sum:1 z_bucket:2 z_bucket_w:1}}",                      0.75, 0.5,                1  },
        {"too low",     "{{count:2 buckets:[2]}}",                                        -1,   -INFINITY,          1  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        unsigned infos = 0;
        char text[3][40];
        const struct histogram *h = histogram(a, cases[i].of);
        (void)snprintf(text[0], 40, "%.9g %.9g", native_quantile(h, cases[i].q, &infos),
                       native_fraction(h, -INFINITY, 2, &infos));
        (void)snprintf(text[1], 40, "%.9g %.9g", cases[i].quantile, cases[i].below);
        T_EQ_STR(text[0], text[1], cases[i].name);
    }
}

T_MAIN(writes_what_it_reads, adds, trims, resets, tells)
