#include "alert/interval.h"

#include "base/clock.h"
#include "codec/yaml.h"
#include "t.h"

static struct err e;

static int interval_of(struct arena *a, const char *times, struct alert_interval *out)
{
    struct value *v;
    const char *text = arena_printf(a, "{name: x, time_intervals: [%s]}", times);
    T_RC(yaml_parse(a, text, strlen(text), 0, &v, &e), &e, times);
    return alert_interval_read(a, v, out, &e);
}

static void holds(void)
{
    static const struct {
        const char *times, *at;
        bool holds;
    } cases[] = {
        {"{}",                                                                           "2026-11-23T12:00:00Z", true },
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}",                          "2026-11-23T09:00:00Z", true },
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}",                          "2026-11-23T16:59:59Z", true },
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}",                          "2026-11-23T17:00:00Z", false},
        {"{times: [{start_time: '09:00', end_time: '24:00'}]}",                          "2026-11-23T23:59:00Z", true },
        {"{weekdays: ['monday:friday']}",                                                "2026-11-23T12:00:00Z", true },
        {"{weekdays: ['tuesday:friday', Saturday]}",                                     "2026-11-23T12:00:00Z", false},
        {"{weekdays: ['sunday']}",                                                       "2026-11-22T12:00:00Z", true },
        {"{days_of_month: ['-1']}",                                                      "2026-11-30T12:00:00Z", true },
        {"{days_of_month: ['-1']}",                                                      "2026-11-29T12:00:00Z", false},
        {"{days_of_month: ['1:7', '20:-1']}",                                            "2026-02-28T12:00:00Z", true },
        {"{months: ['november:december', '1']}",                                         "2026-01-01T12:00:00Z", true },
        {"{months: ['november:december']}",                                              "2026-10-31T12:00:00Z", false},
        {"{years: ['2020:2025']}",                                                       "2026-01-01T12:00:00Z", false},
        {"{location: Europe/Berlin, times: [{start_time: '09:00', end_time: '10:00'}]}",
         "2026-07-01T07:30:00Z",                                                                                 true },
        {"{location: Europe/Berlin, times: [{start_time: '09:00', end_time: '10:00'}]}",
         "2026-12-01T07:30:00Z",                                                                                 false},
        {"{years: ['2020']}, {months: [11]}",                                            "2026-11-30T12:00:00Z", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_interval x;
        int64_t ns;
        T_RC(interval_of(a, cases[i].times, &x), &e, cases[i].times);
        T_RC(clock_parse_rfc3339(cases[i].at, &ns, &e), &e, cases[i].at);
        T_EQ_INT(alert_interval_holds(&x, ns / 1000000), cases[i].holds,
                 arena_join(a, cases[i].times, " ", cases[i].at, NULL));
    }
}

static void refuses(void)
{
    static const char *const cases[] = {
        "{times: [{start_time: '17:00', end_time: '09:00'}]}",
        "{times: [{start_time: '9:00', end_time: '17:00'}]}",
        "{times: [{start_time: '09:00', end_time: '24:01'}]}",
        "{weekdays: [friday:monday]}",
        "{weekdays: [someday]}",
        "{days_of_month: ['0']}",
        "{days_of_month: ['32']}",
        "{months: ['13']}",
        "{hours: ['1']}",
        "{location: Nowhere/Land}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct alert_interval x;
        T_EQ_INT(interval_of(a, cases[i], &x), ERR_INVALID, cases[i]);
    }
}

T_MAIN(holds, refuses)
