#include "codec/json.h"
#include "render/render.h"
#include "t.h"

#define DEPLOYMENT                                                                                 \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n"          \
    "    spec:\n      containers:\n      - name: app\n        image: shop\n        envFrom:\n"     \
    "        - configMapRef:\n            name: settings\n"

static const struct tree_file files[] = {
    {"base/kustomization.yaml",
     "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [color=red]\n"},
    {"base/web.yaml",             DEPLOYMENT                                                  },
    {"prod/kustomization.yaml",
     "resources: [../base]\nnamespace: prod\nnamePrefix: p-\nimages:\n- name: shop\n"
     "  newName: reg/shop\n  newTag: v2\nreplicas:\n- name: web\n  count: 3\n"
     "commonLabels: {env: prod}\npatches:\n- target: {kind: Deployment}\n  patch: |\n"
     "    - op: add\n      path: /metadata/annotations\n      value: {a: b}\n"                },
    {"values/kustomization.yaml",
     "resources: [../base]\nnamePrefix: v-\nvars:\n- name: NAME\n"
     "  objref: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
     "replacements:\n- source: {kind: Deployment, name: web}\n  targets:\n"
     "  - select: {kind: Deployment}\n    options: {create: true}\n"
     "    fieldPaths: [metadata.labels.self]\n"
     "transformers:\n- |\n  apiVersion: builtin\n  kind: AnnotationsTransformer\n"
     "  metadata: {name: x}\n  annotations: {is: $(NAME)}\n"
     "  fieldSpecs: [{path: metadata/annotations, create: true, kind: Deployment}]\n"         },
    {"above/kustomization.yaml",  "resources: [../base/web.yaml]\n"                           },
    {"odd/kustomization.yaml",    "resources: []\noddities:\n- name: x\n"                     },
    {"gone/kustomization.yaml",   "resources:\n- nothing.yaml\n"                              },
    {"chart/Chart.yaml",          "name: x\n"                                                 },
    {"plain/a.yaml",              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
                     "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n"
                     "  metadata: {name: b}\n"                            },
    {"plain/sub/c.json",
     "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"c\"}}"             },
    {"plain/README.md",           "not this"                                                  },
    {"bad/x.yaml",                "apiVersion: v1\nmetadata: {name: a}\n"                     },
    {NULL,                        NULL                                                        },
};

static int run(const char *path, const struct value *directory, const struct value *kustomize,
               struct arena *a, struct render_result *r, struct err *e)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct render_opts o = {path, directory, kustomize};
    return render_objects(t, &o, a, r, e);
}

static void builds_layers(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct render_result r;
    struct err e = {0};
    T_RC(run("prod", NULL, NULL, a, &r, &e), &e, "prod");
    T_EQ_INT(r.n, 2, "objects");
    const struct value *map = r.objects[0], *web = r.objects[1];
    const char *name = value_at_str(map, "metadata.name", "");
    T_EQ_INT(strncmp(name, "p-settings-", 11), 0, name);
    T_EQ_STR(value_at_str(web, "metadata.name", ""), "p-web", "prefix");
    T_EQ_STR(value_at_str(web, "metadata.namespace", ""), "prod", "namespace");
    T_EQ_STR(value_at_str(web, "metadata.annotations.a", ""), "b", "patch");
    T_EQ_INT(value_at_int(web, "spec.replicas", 0), 3, "replicas");
    T_EQ_STR(value_at_str(web, "spec.template.spec.containers[0].image", ""), "reg/shop:v2",
             "image");
    T_EQ_STR(value_at_str(web, "spec.template.spec.containers[0].envFrom[0].configMapRef.name", ""),
             name, "the reference follows the generated name");
    T_EQ_STR(value_at_str(web, "spec.selector.matchLabels.env", ""), "prod", "labels");
}

static void puts_values_in(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct render_result r;
    struct err e = {0};
    T_RC(run("values", NULL, NULL, a, &r, &e), &e, "values");
    T_EQ_INT(r.n, 2, "objects");
    const struct value *web = r.objects[1];
    T_EQ_STR(value_at_str(web, "metadata.name", ""), "v-web", "prefix");
    T_EQ_STR(value_at_str(web, "metadata.labels.self", ""), "v-web", "replacement");
    T_EQ_STR(value_at_str(web, "metadata.annotations.is", ""), "v-web", "var by transformer");
    T_EQ_INT(value_count(value_at(r.objects[0], "metadata.annotations")), 0, "only its kind");
}

static void applications_override(void)
{
    static const char text[] = "{\"images\":[\"shop=other/shop@sha256:ab\"],\"nameSuffix\":\"-x\"}";
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct render_result r;
    struct err e = {0};
    struct value *o;
    T_RC(json_parse(a, text, sizeof text - 1, 0, &o, &e), &e, "parse");
    T_RC(run("prod", NULL, o, a, &r, &e), &e, "prod");
    T_EQ_STR(value_at_str(r.objects[1], "spec.template.spec.containers[0].image", ""),
             "other/shop@sha256:ab", "image");
    T_EQ_STR(value_at_str(r.objects[1], "metadata.name", ""), "p-web-x", "suffix");
}

static void reads_folders(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct render_result r;
    struct err e = {0};
    struct value *o = value_new_object(a);
    T_RC(run("plain", NULL, NULL, a, &r, &e), &e, "plain");
    T_EQ_INT(r.n, 2, "not recursive");
    T_EQ_STR(value_at_str(r.objects[1], "kind", ""), "Secret", "lists are taken apart");
    (void)value_set_bool(a, o, "recurse", true);
    (void)value_set_str(a, o, "exclude", "{a,x}.yaml");
    T_RC(run("plain", o, NULL, a, &r, &e), &e, "recursive");
    T_EQ_INT(r.n, 1, "recursive, one excluded");
}

static void refuses(void)
{
    static const struct {
        const char *path, *want;
        int rc;
    } cases[] = {
        {"odd",     "odd/kustomization.yaml:2: field oddities is not offered here",              ERR_UNSUPPORTED},
        {"gone",    "gone/kustomization.yaml:2: resources: nothing.yaml does not exist",         ERR_INVALID    },
        {"above",   "above/kustomization.yaml:1: base/web.yaml is not in or below folder above",
         ERR_INVALID                                                                                            },
        {"chart",   "chart chart: validation: chart.metadata.version is required",               ERR_INVALID    },
        {"bad",     "bad/x.yaml:1: kind is missing",                                             ERR_INVALID    },
        {"nowhere", "folder nowhere does not exist",                                             ERR_NOT_FOUND  },
        {"../x",    "path \"../x\" in folder \"\" leaves the root",                              ERR_INVALID    },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct render_result r;
        struct err e = {0};
        T_EQ_INT(run(cases[i].path, NULL, NULL, a, &r, &e), cases[i].rc, cases[i].path);
        T_EQ_STR(e.msg, cases[i].want, cases[i].path);
    }
}

T_MAIN(builds_layers, puts_values_in, applications_override, reads_folders, refuses)
