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

T_MAIN(reads)
