#include "render/chart_port.h"
#include "render/kustomize/kustomize.h"
#include "t.h"

#define CHART  "apiVersion: v2\nname: web\nversion: 1.0.0\n"
#define VALUES "color: red\nsize: {w: 1, h: 2}\n"
#define TEMPLATE                                                                                   \
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"                    \
    "  namespace: {{ .Release.Namespace }}\ndata:\n  values: {{ .Values | toJson | quote }}\n"     \
    "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: check\n  annotations: "                    \
    "{helm.sh/hook: test}\n"
static int build(const char *kustomization, struct kustomize_opts opts, struct arena *a,
                 const char **out, struct err *e)
{
    const struct tree_file files[] = {
        {"app/charts/web/Chart.yaml", CHART},
        {"app/charts/web/values.yaml", VALUES},
        {"app/charts/web/templates/a.yaml", TEMPLATE},
        {"app/kustomization.yaml", kustomization},
        {"app/more.yaml", "color: blue\n"},
        {"over/kustomization.yaml", "namespace: outer\nnamePrefix: o-\nresources: [../app]\n"},
        {"out.yaml", "color: green\n"},
        {NULL, NULL},
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct value **objects;
    size_t n;
    int rc = kustomize_build(t, opts.overrides ? "over" : "app", &opts, a, &objects, &n, e);
    if (rc < 0)
        return rc;
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        const char *values = value_at_str(objects[i], "data.values", "");
        buf_printf(&b, "%s %s/%s %s;", value_at_str(objects[i], "kind", ""),
                   value_at_str(objects[i], "metadata.namespace", ""),
                   value_at_str(objects[i], "metadata.name", ""), values);
    }
    *out = arena_strdup(a, buf_text(&b));
    return 0;
}

static void inflates(void)
{
    static const struct {
        const char *name, *fields, *want;
    } cases[] = {
        {"as it is", "",
         "ConfigMap default/release-name {\"color\":\"red\",\"size\":{\"h\":2,\"w\":1}};Pod /check ;"},
        {"named", "releaseName: r\n  namespace: ns\n  skipTests: true",
         "ConfigMap ns/r {\"color\":\"red\",\"size\":{\"h\":2,\"w\":1}};"},
        {"name of a template", "nameTemplate: '{{ upper \"x\" | lower }}'\n  skipHooks: true",
         "ConfigMap default/x {\"color\":\"red\",\"size\":{\"h\":2,\"w\":1}};"},
        {"inline wins", "skipHooks: true\n  valuesInline: {color: black, size: {w: null}}",
         "ConfigMap default/release-name {\"color\":\"black\",\"size\":{\"h\":2,\"w\":1}};"},
        {"the chart wins",
         "skipHooks: true\n  valuesMerge: merge\n  valuesInline: {color: black, new: 1}",
         "ConfigMap default/release-name {\"color\":\"red\",\"new\":1,\"size\":{\"h\":2,\"w\":1}};"},
        {"a file wins", "skipHooks: true\n  additionalValuesFiles: [more.yaml]",
         "ConfigMap default/release-name {\"color\":\"blue\",\"size\":{\"h\":2,\"w\":1}};"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct err e = {0};
        const char *got = "",
                   *text = arena_printf(a, "helmCharts:\n- name: web\n  %s\n", cases[i].fields);
        T_RC(build(text, (struct kustomize_opts){.helm = true}, a, &got, &e), &e, cases[i].name);
        T_EQ_STR(got, cases[i].want, cases[i].name);
    }
}

/* Helm has set namespaces; the transformer leaves them. */
static void keeps_namespaces(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct err e = {0};
    const char *got = "";
    struct kustomize_opts o = {.helm = true, .overrides = value_new_object(a)};
    T_RC(build("helmCharts:\n- name: web\n  skipHooks: true\n", o, a, &got, &e), &e, "outer");
    T_EQ_INT(strncmp(got, "ConfigMap outer/o-release-name ", 31), 0, got);
    T_RC(build("helmCharts:\n- name: web\n  namespace: own\n", o, a, &got, &e), &e, "own");
    T_EQ_INT(strncmp(got, "ConfigMap own/o-release-name ", 29), 0, got);
}

static void refuses(void)
{
    static const struct {
        const char *text, *want;
        bool helm;
    } cases[] = {
        {"helmCharts:\n- name: web\n", "app/kustomization.yaml:2: helmCharts: must specify", false},
        {"helmCharts:\n- name: -web\n", "must not start with '-'", true},
        {"helmCharts:\n- name: web\n  version: 1.0\n", ":3: helmCharts: version is", true},
        {"helmCharts:\n- name: web\n  colour: 1\n", ":3: field helmCharts.colour", true},
        {"helmCharts:\n- name: web\n  valuesMerge: x\n", "must be one of", true},
        {"helmCharts:\n- name: none\n", "no chart found at 'app/charts/none'", true},
        {"helmCharts:\n- name: web\n  valuesFile: ../out.yaml\n", "not in or below", true},
        {"helmCharts:\n- name: web\n  repo: https://x\n  version: 1.2.3\n", "not fetched from", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct err e = {0};
        const char *got;
        struct kustomize_opts o = {.helm = cases[i].helm};
        T_EQ_INT(build(cases[i].text, o, a, &got, &e) < 0, 1, cases[i].text);
        T_EQ_INT(strstr(e.msg, cases[i].want) != NULL, 1, e.msg);
    }
}

struct table_port {
    struct chart_port base;
    char asked[200];
};

static int nothing(struct chart_port *p, const struct chart_request *r, struct arena *a,
                   const void **archive, size_t *n, struct err *e)
{
    struct table_port *t = (struct table_port *)p;
    (void)a, (void)archive, (void)n;
    (void)snprintf(t->asked, sizeof t->asked, "%s %s %s", r->repository, r->name, r->version);
    return err_set(e, ERR_NOT_FOUND, "chart \"%s\" not found", r->name);
}

static void asks_the_port(void)
{
    static const struct {
        const char *fields, *want;
    } cases[] = {
        {"repo: https://x",                  "https://x new "        },
        {"repo: oci://x/y\n  version: ^1.2", "oci://x/y new ^1.2"    },
        {"repo: https://x\n  devel: true",   "https://x new >0.0.0-0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct table_port port = {.base = {nothing}};
        struct err e = {0};
        const char *got,
            *text = arena_printf(a, "helmCharts:\n- name: new\n  %s\n", cases[i].fields);
        struct kustomize_opts o = {.helm = true, .charts = &port.base};
        T_EQ_INT(build(text, o, a, &got, &e), ERR_NOT_FOUND, "refused");
        T_EQ_STR(port.asked, cases[i].want, cases[i].fields);
        T_EQ_STR(e.msg, "app/kustomization.yaml:2: chart new: chart \"new\" not found", "words");
    }
}

T_MAIN(inflates, keeps_namespaces, refuses, asks_the_port)
