#include "api/quantity.h"

#include "api/intstr.h"
#include "base/arena.h"
#include "t.h"

static void prints_what_it_parsed(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"1",      "1"                  },
        {"1000m",  "1"                  },
        {"0.5",    "500m"               },
        {"1024Mi", "1Gi"                },
        {"1.5Gi",  "1536Mi"             },
        {"1e3",    "1e3"                },
        {"-0.1",   "-100m"              },
        {"1Ki",    "1Ki"                },
        {"100Ei",  "9223372036854775807"},
        {"0.1n",   "1n"                 },
        {"",       NULL                 },
        {"64mb",   NULL                 },
        {"1.2.3",  NULL                 },
        {"e3",     NULL                 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct quantity q;
        char text[QUANTITY_TEXT_MAX];
        int r = quantity_parse(cases[i].text, &q, NULL);
        T_EQ_INT(r < 0, cases[i].want == NULL, cases[i].text);
        if (r < 0)
            continue;
        quantity_print(&q, text);
        T_EQ_STR(text, cases[i].want, cases[i].text);
    }
}

static void counts(void)
{
    struct quantity a, b;
    char text[QUANTITY_TEXT_MAX];
    T_EQ_INT(quantity_parse("100m", &a, NULL), 0, "parse");
    T_EQ_INT(quantity_parse("2", &b, NULL), 0, "parse");
    T_EQ_INT(quantity_value(&a), 1, "rounds up");
    T_EQ_INT(quantity_milli_value(&b), 2000, "milli");
    quantity_add(&a, &b);
    quantity_print(&a, text);
    T_EQ_STR(text, "2100m", "sum");
    quantity_sub(&a, &b);
    T_EQ_INT(quantity_milli_value(&a), 100, "difference");
}

static void scales_percentages(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    int64_t n;
    T_EQ_INT(intstr_scale(value_new_str(a, "25%"), 10, true, &n, NULL), 0, "up");
    T_EQ_INT(n, 3, "up");
    T_EQ_INT(intstr_scale(value_new_str(a, "25%"), 10, false, &n, NULL), 0, "down");
    T_EQ_INT(n, 2, "down");
    T_EQ_INT(intstr_scale(value_new_int(a, 7), 10, false, &n, NULL), 0, "number");
    T_EQ_INT(n, 7, "number");
    T_OK(intstr_scale(value_new_str(a, "many"), 10, false, &n, NULL) < 0, "text");
}

T_MAIN(prints_what_it_parsed, counts, scales_percentages)
