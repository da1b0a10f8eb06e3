#include "rules/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "t.h"

static const char *check(struct arena *a, const char *text, bool agent)
{
    char path[] = "/tmp/slipway-config-XXXXXX";
    int fd = mkstemp(path);
    struct err e = {0};
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    T_OK(written && close(fd) == 0, "write");
    int r = config_check(path, agent, &e);
    (void)unlink(path);
    return r == 0 ? "" : arena_strdup(a, e.msg);
}

static void says_what_is_wrong(void)
{
    static const struct {
        const char *text, *fault; /* "": none */
    } cases[] = {
        {"",                                                                                   ""                                                 },
        {"global: {scrape_interval: 15s}\nscrape_configs: [{job_name: a}]",                    ""                                                 },
        {"- a",                                                                                "cannot unmarshal array into config"               },
        {"global: []",                                                                         "cannot unmarshal array into global"               },
        {"scrape_configs: {job_name: a}",                                                      "cannot unmarshal object into field scrape_configs"},
        {"scrape_configs: [a]",                                                                "cannot unmarshal string into scrape"              },
        {"scrape_configs: [{job_name: a}, ~]",                                                 "empty or null scrape config section"              },
        {"scrape_configs: [{job_name: [a]}]",                                                  "cannot unmarshal array into field job_name"       },
        {"scrape_configs: [{job_name: a, nope: 1}]",                                           "field nope not found in type scrape"              },
        {"scrape_configs: [{job_name: a, static_configs: [{targets: [[a]]}]}]",
         "into field targets"                                                                                                                     },
        {"scrape_configs: [{job_name: a, relabel_configs: [{regex: '(', target_label: b}]}]",
         "error parsing regexp"                                                                                                                   },
        {"scrape_configs: [{job_name: a, relabel_configs: [{action: Keep, regex: b}]}]",       ""                                                 },
        {"scrape_configs: [{job_name: a, scrape_timeout: 2m}]",
         "scrape timeout greater than scrape interval"                                                                                            },
        {"global: {scrape_interval: 3m}\nscrape_configs: [{job_name: a, scrape_timeout: 2m}]", ""                                                 },
        {"scrape_configs: [{job_name: a, body_size_limit: 5XB}]",                              "units: unknown unit XB in 5XB"                    },
        {"rule_files: ['a/*.yml', 'b/*/c']",                                                   "invalid rule file path \"b/*/c\""                 },
        {"remote_write: [{url: a, headers: {Host: b}}]",                                       "host is a reserved header"                        },
        {"global: {external_labels: {a: \"\\xff\"}}",                                          ""                                                 },
        {"global: {external_labels: {a: !!binary /w==}}",                                      "is not a valid label value"                       },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = check(a, cases[i].text, false);
        T_OK(*cases[i].fault ? strstr(got, cases[i].fault) != NULL : !*got,
             arena_printf(a, "%s: %s", cases[i].text, got));
    }
}

static void knows_what_an_agent_may_not(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    T_OK(!*check(a, "rule_files: [a]", false), "server");
    T_OK(*check(a, "rule_files: [a]", true), "agent");
}

T_MAIN(says_what_is_wrong, knows_what_an_agent_may_not)
