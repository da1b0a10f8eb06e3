#include "registry/policy.h"
#include "t.h"

static void refuses_what_it_does_not_know(void)
{
    static const struct {
        const char *text, *why; /* NULL: it is accepted */
    } cases[] = {
        {"",                                                                             NULL                                    },
        {"{}",                                                                           NULL                                    },
        {"immutableTags: [{repositories: [a], tags: [v*]}]",                             NULL                                    },
        {"immutableTags: [{repositories: [a]}]",                                         "immutableTags[0].tags has to be a list"},
        {"immutableTags: [{repositories: [\"[a\"], tags: [x]}]",                         "no pattern"                            },
        {"quotas: [{repositories: [a/**], maxBytes: 10Gi}]",                             NULL                                    },
        {"quotas: [{repositories: [a], maxBytes: 5}]",                                   NULL                                    },
        {"quotas: [{repositories: [a], maxBytes: lots}]",
         "quotas[0].maxBytes has to be a quantity"                                                                               },
        {"quotas: [{repositories: [a], maxBytes: 0}]",                                   "more than 0"                           },
        {"quotas: [{repositories: [a], maxbytes: 1}]",                                   "unknown field maxbytes"                },
        {"quotas: 5",                                                                    "quotas has to be a list"               },
        {"upstreams: [{prefix: hub, urls: [https://registry-1.docker.io]}]",             NULL                                    },
        {"upstreams: [{prefix: hub, urls: [https://a.b/], revalidate: 10s, secret: x}]", NULL                                    },
        {"upstreams: [{prefix: hub, urls: [file:///etc]}]",                              "upstreams[0].urls"                     },
        {"upstreams: [{prefix: hub, urls: [https://u:p@a.b]}]",                          "upstreams[0].urls"                     },
        {"upstreams: [{prefix: hub, urls: []}]",                                         "upstreams[0].urls"                     },
        {"upstreams: [{prefix: HUB, urls: [https://a.b]}]",                              "upstreams[0].prefix"                   },
        {"upstreams: [{prefix: hub, urls: [https://a.b], revalidate: often}]",           "revalidate"                            },
        {"retention: []",                                                                "unknown field retention"               },
        {"[]",                                                                           "it has to be an object"                },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        struct registry_policy *p = NULL;
        int rc = registry_policy_read(cases[i].text, &p, &e);
        T_EQ_INT(rc, cases[i].why ? ERR_INVALID : 0, cases[i].text);
        if (cases[i].why)
            T_OK(strstr(e.msg, cases[i].why) != NULL, e.msg);
        registry_policy_free(p);
    }
}

static void decides(void)
{
    static const char text[] = "immutableTags:\n"
                               "- {repositories: [shop/**, base], tags: [\"v*\", release-?]}\n"
                               "upstreams:\n"
                               "- {prefix: hub, urls: [https://registry-1.docker.io]}\n"
                               "- {prefix: hub/quay, urls: [https://quay.io]}\n";
    static const struct {
        const char *repository, *tag;
        bool fixed;
    } tags[] = {
        {"shop/app",  "v1",         true },
        {"shop/a/b",  "v1.2",       true },
        {"shop/app",  "release-1",  true },
        {"shop/app",  "release-10", false},
        {"shop/app",  "latest",     false},
        {"other/app", "v1",         false},
        {"base",      "v1",         true },
        {"base/app",  "v1",         false},
    };
    static const struct {
        const char *repository, *url, *path;
    } copies[] = {
        {"hub/library/busybox", "https://registry-1.docker.io", "library/busybox"},
        {"hub/quay/a/b",        "https://quay.io",              "a/b"            },
        {"hubs/a",              NULL,                           NULL             },
        {"hub",                 NULL,                           NULL             },
    };
    struct err e = {0};
    struct registry_policy *p = NULL;
    T_RC(registry_policy_read(text, &p, &e), &e, "read");
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        T_OK(registry_policy_fixes(p, tags[i].repository, tags[i].tag) == tags[i].fixed,
             tags[i].tag);
    for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
        const char *path = NULL;
        const struct registry_upstream *u =
            registry_policy_upstream(p, copies[i].repository, &path);
        T_EQ_STR(u ? u->urls[0] : NULL, copies[i].url, copies[i].repository);
        T_EQ_STR(u ? path : NULL, copies[i].path, copies[i].repository);
    }
    registry_policy_free(p);
}

T_MAIN(refuses_what_it_does_not_know, decides)
