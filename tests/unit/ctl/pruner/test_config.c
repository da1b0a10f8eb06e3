#include "ctl/pruner/config.h"

#include <string.h>

#include "t.h"

static void reads(void)
{
    static const struct {
        enum prune_config which;
        const char *text, *want; /* NULL: it is good */
    } cases[] = {
        {PRUNE_GLOBAL,    "",                                                                      NULL                            },
        {PRUNE_GLOBAL,    "historyLimit: 0\nttlSecondsAfterFinished: 60",                          NULL                            },
        {PRUNE_GLOBAL,    "historyLimit: null",                                                    NULL                            },
        {PRUNE_GLOBAL,    "{enforcedConfigLevel: resource, namespaces: {dev: {historyLimit: 2}}}",
         NULL                                                                                                                      },
        {PRUNE_GLOBAL,
         "namespaces: {dev: {pipelineRuns: [{selector: [{matchLabels: {a: b}}], historyLimit: "
         "1}]}}",                                                                                  NULL                            },
        {PRUNE_GLOBAL,    "historyLimits: 1",                                                      "unknown field historyLimits"   },
        {PRUNE_GLOBAL,    "historyLimit: -1",
         "historyLimit has to be a whole number from 0 to 2147483647"                                                              },
        {PRUNE_GLOBAL,    "ttlSecondsAfterFinished: 1h",
         "ttlSecondsAfterFinished has to be a whole number from 0 to 2147483647"                                                   },
        {PRUNE_GLOBAL,    "enforcedConfigLevel: all",
         "enforcedConfigLevel: all is none of global, namespace, resource"                                                         },
        {PRUNE_GLOBAL,    "namespaces: [dev]",                                                     "namespaces has to be an object"},
        {PRUNE_GLOBAL,    "namespaces: {dev: {namespaces: {}}}",
         "unknown field namespaces.dev.namespaces"                                                                                 },
        {PRUNE_GLOBAL,    "text",                                                                  "it has to be an object"        },
        {PRUNE_NAMESPACE, "taskRuns: [{name: a, historyLimit: 1}]",                                NULL                            },
        {PRUNE_NAMESPACE, "taskRuns: [{name: a}, {nam: b}]",                                       "unknown field taskRuns[1].nam" },
        {PRUNE_NAMESPACE, "taskRuns: {name: a}",                                                   "taskRuns has to be a list"     },
        {PRUNE_NAMESPACE, "taskRuns: [{selector: [{matchLabels: {a: 1}}]}]",
         "taskRuns[0].selector[0].matchLabels.a has to be text"                                                                    },
        {PRUNE_NAMESPACE, "namespaces: {}",                                                        "unknown field namespaces"      },
        {PRUNE_IMAGES,    "{historyLimit: 3, repositories: {shop/app: {ttlSeconds: 60}}}",         NULL                            },
        {PRUNE_IMAGES,    "historyLimit: 0",
         "historyLimit has to be a whole number from 1 to 2147483647"                                                              },
        {PRUNE_IMAGES,    "repositories: {a: {repositories: {}}}",
         "unknown field repositories.a.repositories"                                                                               },
        {PRUNE_IMAGES,    "{keepTags: [v*], repositories: {\"shop/**\": {keepTags: []}}}",         NULL                            },
        {PRUNE_IMAGES,    "keepTags: [\"[a\"]",                                                    "keepTags: [a is no pattern"    },
        {PRUNE_IMAGES,    "keepTags: latest",                                                      "keepTags has to be a list"     },
        {PRUNE_LOGS,      "{ttlSeconds: 60, maxBytes: 1048576}",                                   NULL                            },
        {PRUNE_LOGS,      "maxBytes: 10",
         "maxBytes has to be a whole number from 1048576 to 1125899906842624"                                                      },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        const struct value *v;
        struct err e = {0};
        int rc = prune_config_read(cases[i].text, cases[i].which, a, &v, &e);
        T_EQ_STR(rc == 0 ? "" : e.msg, cases[i].want ? cases[i].want : "", cases[i].text);
    }
}

T_MAIN(reads)
