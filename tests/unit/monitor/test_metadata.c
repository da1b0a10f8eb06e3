#include "monitor/metadata.h"

#include "t.h"

static void reads(void)
{
    static const char page[] = "# HELP hits Requests\\nwith a\\\\b.\n"
                               "# TYPE hits counter\n"
                               "hits{code=\"200\"} 1\n"
                               "# a comment\n"
                               "#TYPE other gauge\r\n"
                               "# UNIT time_seconds seconds\n"
                               "# TYPE\n"
                               "# HELP empty\n"
                               "# EOF";
    static const struct metric_note want[] = {
        {"hits",         "counter", "Requests\nwith a\\b.", ""       },
        {"other",        "gauge",   "",                     ""       },
        {"time_seconds", "unknown", "",                     "seconds"},
        {"empty",        "unknown", "",                     ""       },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct metric_note *got;
    size_t n = metric_notes_read(page, sizeof page - 1, a, &got);
    T_EQ_INT(n, ARRAY_LEN(want), "metrics");
    for (size_t i = 0; i < n && i < ARRAY_LEN(want); i++) {
        T_EQ_STR(got[i].name, want[i].name, "name");
        T_EQ_STR(got[i].type, want[i].type, want[i].name);
        T_EQ_STR(got[i].help, want[i].help, want[i].name);
        T_EQ_STR(got[i].unit, want[i].unit, want[i].name);
    }
    T_EQ_INT(metric_notes_read("", 0, a, &got), 0, "nothing");
}

static void a_page_has_limits(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct metric_note *got;
    char *page = arena_alloc(a, 4 << 20), *end = page;
    for (int i = 0; i < 2000; i++)
        end += snprintf(end, 1100, "# HELP m%d %01000d\n", i, 0);
    size_t n = metric_notes_read(page, (size_t)(end - page), a, &got);
    T_OK(n > 1000 && n < 1100, "a MiB of texts");
    memset(page, 'x', 10000);
    memcpy(page, "# HELP m ", 9);
    T_EQ_INT(metric_notes_read(page, 10000, a, &got), 0, "a line");
}

static void backslashes(void)
{
    static const char page[] = "# HELP m C:\\\\new\\nline";
    AUTO(arena) struct arena *a = arena_new(0);
    struct metric_note *got;
    T_EQ_INT(metric_notes_read(page, sizeof page - 1, a, &got), 1, "one");
    T_EQ_STR(got->help, "C:\\new\nline", "a backslash before an n");
}

T_MAIN(reads, a_page_has_limits, backslashes)
