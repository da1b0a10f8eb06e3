#include "api/resource.h"

#include "api/kind.h"
#include "t.h"

static void finds_kinds(void)
{
    static const struct {
        const char *version, *kind;
        const struct resource *want;
    } cases[] = {
        {"v1",                   "Pod",         &RES_POD        },
        {"apps/v1",              "Deployment",  &RES_DEPLOYMENT },
        {"argoproj.io/v1alpha1", "Application", &RES_APPLICATION},
        {"v1",                   "Deployment",  NULL            },
        {"apps/v2",              "Deployment",  NULL            },
        {"apps",                 "Deployment",  NULL            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_OK(resource_find(cases[i].version, cases[i].kind) == cases[i].want, cases[i].kind);
}

static void spells_paths(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    T_EQ_STR(resource_path(&RES_POD, "x", "p", "log", a), "/api/v1/namespaces/x/pods/p/log", "pod");
    T_EQ_STR(resource_path(&RES_DEPLOYMENT, NULL, NULL, NULL, a), "/apis/apps/v1/deployments",
             "all");
    T_EQ_STR(resource_path(&RES_NODE, "ignored", "n", NULL, a), "/api/v1/nodes/n", "cluster");
}

static void stored_kinds_have_schemas(void)
{
    for (size_t i = 0; RESOURCES[i]; i++)
        T_OK(kind_builtin(RESOURCES[i]).schema != NULL, RESOURCES[i]->kind);
}

T_MAIN(finds_kinds, spells_paths, stored_kinds_have_schemas)
