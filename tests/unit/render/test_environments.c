#include "render/environments.h"

#include "t.h"

static const struct tree_file files[] = {
    {"infra/base/kustomization.yaml",         "resources: [web.yaml]\n"         },
    {"infra/parts/kustomization.yaml",        "kind: Component\nresources: []\n"},
    {"infra/overlays/dev/kustomization.yaml",
     "resources: [../../base]\ncomponents: [../../parts]\n"                     },
    {"infra/overlays/prod/kustomization.yml", "bases: [../../base]\n"           },
    {"infra/.hidden/kustomization.yaml",      "resources: []\n"                 },
    {"charts/shop/Chart.yaml",                "name: shop\n"                    },
    {"charts/shop/values.yaml",               "a: 1\n"                          },
    {"charts/shop/values.schema.json",        "{}\n"                            },
    {"charts/shop/values-prod.yaml",          "a: 2\n"                          },
    {"charts/shop/values.dev.yaml",           "a: 3\n"                          },
    {"charts/shop/environments/qa.yml",       "a: 4\n"                          },
    {"charts/shop/charts/sub/Chart.yaml",     "name: sub\n"                     },
    {"charts/lib/Chart.yaml",                 "name: lib\ntype: library\n"      },
    {"charts/alone/Chart.yaml",               "name: alone\n"                   },
    {"plain/web.yaml",                        "kind: Service\n"                 },
    {"bad/kustomization.yaml",                "resources: [\n"                  },
    {NULL,                                    NULL                              },
};

static void finds(void)
{
    static const struct {
        const char *dir, *want; /* name=path:values … */
    } cases[] = {
        {"infra",      "overlays/dev=infra/overlays/dev:- overlays/prod=infra/overlays/prod:- " },
        {"infra/base", ".=infra/base:- "                                                        },
        {"charts",     "alone=charts/alone:- "
                   "shop/values-prod.yaml=charts/shop:values-prod.yaml "
                   "shop/values.dev.yaml=charts/shop:values.dev.yaml "
                   "shop/environments/qa.yml=charts/shop:environments/qa.yml "},
        {"plain",      ".=plain:- "                                                             },
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct environment *list;
        struct err e = {0};
        size_t n;
        T_RC(environments_find(t, cases[i].dir, a, &list, &n, &e), &e, cases[i].dir);
        const char *got = "";
        for (size_t k = 0; k < n; k++)
            got = arena_printf(a, "%s%s=%s:%s ", got, list[k].name, list[k].path,
                               list[k].values ? list[k].values : "-");
        T_EQ_STR(got, cases[i].want, cases[i].dir);
    }
}

static void refuses(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct environment *list;
    struct err e = {0};
    size_t n;
    T_EQ_INT(environments_find(t, "bad", a, &list, &n, &e), ERR_INVALID, "broken YAML");
    T_EQ_INT(strncmp(e.msg, "bad/kustomization.yaml", 22), 0, e.msg);
    T_EQ_INT(environments_find(t, "nowhere", a, &list, &n, &e) < 0, 1, "no such folder");
}

T_MAIN(finds, refuses)
