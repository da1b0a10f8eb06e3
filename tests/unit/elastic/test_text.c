#include "t.h"
#include "elastic/elastic_int.h"

/* 2026-01-15T10:30:45.500Z, a Thursday. */
static const int64_t now_ms = 1768473045500;

static void cuts_words(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"The QUICK brown-fox's bone.", "the quick brown fox's bone"},
        {"GET /api/v1/users?id=7",      "get api v1 users id 7"     },
        {"1,000 items at 3.14",         "1,000 items at 3.14"       },
        {"disk_full on example.com: x", "disk_full on example.com x"},
        {"",                            ""                          },
        {" -- ",                        ""                          },
        {"ÄRGER Ωmega Привет",  "ärger ωmega привет"},
        {"a…b «c»",                 "a b c"                     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        size_t n;
        const char **w = words_all(a, cases[i].text, strlen(cases[i].text), &n);
        char *s = arena_strdup(a, "");
        for (size_t k = 0; k < n; k++)
            s = arena_printf(a, "%s%s%s", s, k ? " " : "", w[k]);
        T_EQ_STR(s, cases[i].want, cases[i].text);
    }
}

static void reads_times(void)
{
    static const struct {
        const char *text, *format, *zone;
        bool up;
        const char *want; /* NULL: no time */
    } cases[] = {
        {"now",                            NULL,               NULL,     false, "2026-01-15T10:30:45.500Z"},
        {"now-1h",                         NULL,               NULL,     false, "2026-01-15T09:30:45.500Z"},
        {"now/d",                          NULL,               NULL,     false, "2026-01-15T00:00:00.000Z"},
        {"now/d",                          NULL,               NULL,     true,  "2026-01-15T23:59:59.999Z"},
        {"now-1M/M",                       NULL,               NULL,     false, "2025-12-01T00:00:00.000Z"},
        {"now/w",                          NULL,               NULL,     false, "2026-01-12T00:00:00.000Z"},
        {"2001-02-01||+1M/d",              NULL,               NULL,     false, "2001-03-01T00:00:00.000Z"},
        {"2024-01-31||+1M",                NULL,               NULL,     false, "2024-02-29T00:00:00.000Z"},
        {"2020",                           NULL,               NULL,     false, "2020-01-01T00:00:00.000Z"},
        {"2020-02",                        NULL,               NULL,     true,  "2020-02-29T23:59:59.999Z"},
        {"2020-01-02T03:04:05",            NULL,               NULL,     true,  "2020-01-02T03:04:05.999Z"},
        {"2020-01-02T03:04:05.123456789Z", NULL,               NULL,     false, "2020-01-02T03:04:05.123Z"},
        {"2020-01-02T03:04:05+01:30",      NULL,               NULL,     false, "2020-01-02T01:34:05.000Z"},
        {"2020-01-01T00:00:00",            NULL,               "+01:00", false, "2019-12-31T23:00:00.000Z"},
        {"now/d",                          NULL,               "-03:00", false, "2026-01-15T03:00:00.000Z"},
        {"1768473045500",                  NULL,               NULL,     false, "2026-01-15T10:30:45.500Z"},
        {"1768473045",                     "epoch_second",     NULL,     false, "2026-01-15T10:30:45.000Z"},
        {"15/01/2026",                     "dd/MM/yyyy||yyyy", NULL,     false, "2026-01-15T00:00:00.000Z"},
        {"2026",                           "dd/MM/yyyy||yyyy", NULL,     true,  "2026-12-31T23:59:59.999Z"},
        {"yesterday",                      NULL,               NULL,     false, NULL                      },
        {"now+",                           NULL,               NULL,     false, NULL                      },
        {"2020-13-01",                     NULL,               NULL,     false, NULL                      },
        {"",                               NULL,               NULL,     false, NULL                      },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct date_rule r = {.format = cases[i].format, .now_ms = now_ms, .round_up = cases[i].up};
        int64_t ms = 0;
        if (cases[i].zone)
            T_OK(date_zone(cases[i].zone, &r.zone_ms), cases[i].zone);
        bool ok = date_parse(cases[i].text, &r, &ms);
        T_EQ_STR(ok ? date_text(a, ms, NULL, 0) : NULL, cases[i].want, cases[i].text);
    }
}

static void writes_times(void)
{
    static const struct {
        const char *format, *want;
    } cases[] = {
        {"epoch_millis",           "1768473045500"       },
        {"epoch_second",           "1768473045"          },
        {"yyyy-MM-dd",             "2026-01-15"          },
        {"dd/MM/yy HH:mm||yyyy",   "15/01/26 10:30"      },
        {"yyyy-MM-dd'T'HH:mm:ssX", "2026-01-15T10:30:45Z"},
        {"strict_date",            "2026-01-15"          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(date_text(a, now_ms, cases[i].format, 0), cases[i].want, cases[i].format);
    }
}

static void matches_wildcards(void)
{
    static const struct {
        const char *pattern, *text;
        bool fold, want;
    } cases[] = {
        {"ki*y",   "kimchy",  false, true },
        {"ki*y",   "kiy",     false, true },
        {"k?mchy", "kimchy",  false, true },
        {"k?",     "kä",     false, true },
        {"*",      "",        false, true },
        {"a\\*b",  "a*b",     false, true },
        {"a\\*b",  "axb",     false, false},
        {"KI*",    "kimchy",  false, false},
        {"KI*",    "kimchy",  true,  true },
        {"a*b*c",  "aXbYbZc", false, true },
        {"a*b*c",  "aXbYbZ",  false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(
            wildcard_match(cases[i].pattern, cases[i].text, strlen(cases[i].text), cases[i].fold),
            cases[i].want, cases[i].pattern);
}

T_MAIN(cuts_words, reads_times, writes_times, matches_wildcards)
