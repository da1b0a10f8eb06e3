#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "rules/rules.h"
#include "t.h"

static struct err e;

static const char rules[] =
    "groups:\n"
    "- name: g\n"
    "  labels: {team: a}\n"
    "  rules:\n"
    "  - {record: 'job:up:sum', expr: sum by (job) (up)}\n"
    "  - alert: Down\n"
    "    expr: up == 0\n"
    "    for: 2m\n"
    "    keep_firing_for: 3m\n"
    "    labels: {severity: page}\n"
    "    annotations:\n"
    "      text: '{{ $labels.job | toUpper }} is {{ $value }} ({{ 1234567 | humanize }},"
    " {{ humanizeDuration 3725 }}, {{ reReplaceAll \"(.)x\" \"$1\" \"axbx\" }})'\n";

static void writes(const char *dir, const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    T_OK(f && fputs(text, f) >= 0 && fclose(f) == 0, path);
}

static void runs_tests(void)
{
    static const struct {
        const char *name, *test, *failure; /* NULL: it passes */
    } cases[] = {
        {"recording",
         "promql_expr_test: [{expr: 'job:up:sum', eval_time: 1m, exp_samples: [{labels:"
         " 'job:up:sum{job=\"x\", team=\"a\"}', value: 1}]}]",                                      NULL                                  },
        {"pending",       "alert_rule_test: [{eval_time: 3m, alertname: Down, exp_alerts: []}]",    NULL                                  },
        {"firing",
         "alert_rule_test: [{eval_time: 4m, alertname: Down, exp_alerts: [{exp_labels: {job: x,"
         " severity: page, team: a}, exp_annotations: {text: 'X is 0 (1.235M, 1h 2m 5s, ab)'}}]}]", NULL                                  },
        {"kept firing",
         "promql_expr_test: [{expr: 'ALERTS{alertstate=\"firing\"} or vector(0)', eval_time: 7m,"
         " exp_samples: [{labels: '{}', value: 0}, {labels: 'ALERTS{alertname=\"Down\","
         " alertstate=\"firing\", job=\"x\", severity=\"page\", team=\"a\"}', value: 1}]}]",        NULL                                  },
        {"resolved",
         "promql_expr_test: [{expr: 'count(ALERTS) or vector(0)', eval_time: 12m, exp_samples:"
         " [{labels: '{}', value: 0}]}]",                                                           NULL                                  },
        {"another value",
         "promql_expr_test: [{expr: up, eval_time: 0m, exp_samples: [{labels: 'up{job=\"x\"}',"
         " value: 2}]}]",                                                                           "    name: another value,\n    expr: \"up\", time: 0ms,\n        exp: up{job=\"x\"} 2\n"
         "        got: up{job=\"x\"} 1"                                                                          },
        {"no name",       "alert_rule_test: [{eval_time: 3m}]",
         "    name: no name,\n    an item under alert_rule_test misses required attribute"
         " alertname"                                                                                                                     },
        {"unknown",       "nope: 1",                                                                "line 7: field nope not found in test"},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/rules-XXXXXX";
    const struct rule_test_opts o = {0};
    T_OK(mkdtemp(dir), "mkdtemp");
    writes(dir, "rules.yml", rules);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char **failures;
        size_t n;
        writes(dir, "test.yml",
               arena_printf(a,
                            "rule_files: [rules.yml]\ntests:\n- name: %s\n  interval: 1m\n"
                            "  input_series:\n  - {series: 'up{job=\"x\"}', values: '1 1 0 0 0 0 1"
                            " 1 1 1 1 1 1'}\n  %s\n",
                            cases[i].name, cases[i].test));
        bool ok = rule_test_file(a, arena_printf(a, "%s/test.yml", dir), &o, &failures, &n);
        T_EQ_STR(ok ? "" : failures[0], cases[i].failure ? cases[i].failure : "", cases[i].name);
    }
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

T_MAIN(runs_tests)
