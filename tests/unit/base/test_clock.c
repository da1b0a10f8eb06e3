#include "base/clock.h"
#include "base/own.h"
#include "t.h"

static void parses_times(void)
{
    static const struct {
        const char *text;
        long long ns;
        int rc;
    } cases[] = {
        {"1970-01-01T00:00:00Z",      0,                   0          },
        {"2026-11-23T06:32:19.5Z",    1795415539500000000, 0          },
        {"2026-11-23T07:32:19+01:00", 1795415539000000000, 0          },
        {"2024-02-29T00:00:00Z",      1709164800000000000, 0          },
        {"2023-02-29T00:00:00Z",      0,                   ERR_INVALID},
        {"2026-11-23 06:32:19Z",      0,                   ERR_INVALID},
        {"2026-11-23T06:32:19",       0,                   ERR_INVALID},
        {"",                          0,                   ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = 0;
        T_EQ_INT(clock_parse_rfc3339(cases[i].text, &ns, NULL), cases[i].rc, cases[i].text);
        T_EQ_INT(ns, cases[i].ns, cases[i].text);
    }
    int64_t early, late;
    T_EQ_INT(clock_parse_rfc3339("0001-01-01T00:00:00Z", &early, NULL), 0, "before all");
    T_EQ_INT(clock_parse_rfc3339("9999-12-31T23:59:59Z", &late, NULL), 0, "after all");
    T_OK(early == INT64_MIN && late == INT64_MAX, "what 64 bits cannot hold");
}

static void prints_times(void)
{
    char out[CLOCK_TEXT_MAX];
    clock_format_rfc3339(1795415539500, out);
    T_EQ_STR(out, "2026-11-23T06:32:19Z", "seconds");
    clock_format_rfc3339_micro(1795415539500001, out);
    T_EQ_STR(out, "2026-11-23T06:32:19.500001Z", "micro");
}

static void durations(void)
{
    static const struct {
        const char *text;
        long long ns;
        const char *printed;
    } cases[] = {
        {"0",      0,             "0s"     },
        {"1h30m",  5400000000000, "1h30m0s"},
        {"90s",    90000000000,   "1m30s"  },
        {"1.5s",   1500000000,    "1.5s"   },
        {"300ms",  300000000,     "300ms"  },
        {"-2m",    -120000000000, "-2m0s"  },
        {"1500us", 1500000,       "1.5ms"  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = 0;
        char out[CLOCK_TEXT_MAX];
        T_EQ_INT(clock_parse_duration(cases[i].text, &ns, NULL), 0, cases[i].text);
        T_EQ_INT(ns, cases[i].ns, cases[i].text);
        clock_format_duration(ns, out);
        T_EQ_STR(out, cases[i].printed, cases[i].text);
    }
    static const char *const bad[] = {"", "1", "h", "1x", "1h-2m", ".", "-"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ns;
        T_EQ_INT(clock_parse_duration(bad[i], &ns, NULL), ERR_INVALID, bad[i]);
    }
}

T_MAIN(parses_times, prints_times, durations)
