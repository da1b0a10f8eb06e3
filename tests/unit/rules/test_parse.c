#include "rules/rules.h"

#include <string.h>

#include "t.h"

static void names_what_is_wrong(void)
{
    static const struct {
        const char *rules, *fault; /* NULL: none; of the list below `rules:` */
    } cases[] = {
        {"- {record: a, expr: up}",                                                          NULL                                                                  },
        {"- {alert: a, expr: up, for: 5m, annotations: {x: '{{ $labels.job | toUpper }}'}}", NULL                                                                  },
        {"- {record: a, alert: b, expr: up}",
         "line 4: group \"g\", rule 1, \"b\": only one of 'record' and 'alert' must be set"                                                                        },
        {"- {expr: up}",
         "line 4: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"                                                                               },
        {"- {record: a}",                                                                    "line 4: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"},
        {"- {record: a, expr: up{}",                                                         "yaml: "                                                              },
        {"- {record: a, expr: up +}",
         "line 4: group \"g\", rule 1, \"a\": could not parse expression: 1:5: parse error:"
         " unexpected \"end of input\" in expression"                                                                                                              },
        {"- {record: a, expr: up, for: 1m}",
         "line 4: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"                                                                               },
        {"- {record: a, expr: up, labels: {__name__: b}}",
         "line 4: group \"g\", rule 1, \"a\": invalid label name: __name__"                                                                                        },
        {"- {record: 'a{}', expr: up}",
         "line 4: group \"g\", rule 1, \"a{}\": braces present in the recording rule name; should"
         " it be in expr?: a{}"                                                                                                                                    },
        {"- {record: a, expr: up, nope: 1}",                                                 "line 4: field nope not found in rule"                                },
        {"- {record: a, expr: up, for: 1q}",                                                 "line 4: not a valid duration string: \"1q\""                         },
        {"- {record: a, expr: [up]}",                                                        "line 4: field expr of rule has the wrong type"                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct rules_opts o = {0};
        struct rule_file f;
        char *text = arena_printf(a, "groups:\n- name: g\n  rules:\n  %s\n", cases[i].rules);
        rules_parse(a, text, strlen(text), &o, &f);
        T_EQ_INT(f.n_faults > 0, cases[i].fault != NULL, cases[i].rules);
        if (f.n_faults && strcmp(cases[i].fault, "yaml: ") != 0)
            T_EQ_STR(f.faults[0], cases[i].fault, cases[i].rules);
        T_EQ_INT(f.n, cases[i].fault ? 0 : 1, "a file with a fault has no groups");
    }
}

static void reads_durations(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {
        {"0",       0      },
        {"1h30m",   5400000},
        {"15ms",    15     },
        {"1m1h",    -1     },
        {"5",       -1     },
        {"",        -1     },
        {"1.5h",    -1     },
        {"999999y", -1     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -1;
        struct err e;
        int r = rules_duration(cases[i].text, &ms, &e);
        T_EQ_INT(r < 0 ? -1 : ms, cases[i].ms, cases[i].text);
    }
}

T_MAIN(names_what_is_wrong, reads_durations)
