/* What the linter says, and which line of a template it names. */
#include "t.h"
#include "base/buf.h"
#include "base/own.h"
#include "render/helm/lint.h"

#define HEAD "apiVersion: v2\nname: c\nversion: 1.0.0\nicon: https://a.example/i.png\n"

static const struct {
    const char *name, *chart, *values, *file, *text, *want;
} cases[] = {
    {
     .name = "nothing to say",
     .chart = HEAD,
     .values = "a: 1\n",
     .file = "templates/x.yaml",
     .text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n",
     .want = "",
     },
    {
     .name = "no icon, no values",
     .chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n",
     .values = NULL,
     .file = "templates/_x.tpl",
     .text = "",
     .want = "1 Chart.yaml: icon is recommended|1 values.yaml: file does not exist|",
     },
    {
     .name = "types",
     .chart = "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: 1.2\nicon: x:/y\n",
     .values = "",
     .file = "templates/_x.tpl",
     .text = "",
     .want = "3 Chart.yaml: appVersion should be of type string but it's of type float64|",
     },
    {
     .name = "an old chart",
     .chart = "name: c\nversion: 1.0.0\nicon: x:/y\n",
     .values = "",
     .file = "templates/_x.tpl",
     .text = "",
     .want = "3 Chart.yaml: apiVersion is required. The value must be either \"v1\" or \"v2\"|",
     },
    {
     .name = "a file of another kind",
     .chart = HEAD,
     .values = "",
     .file = "templates/x.md",
     .text = "x",
     .want =
            "3 templates/x.md: file extension '.md' not valid. Valid extensions are .yaml, .yml, "
            ".tpl, or "
            ".txt|", },
    {.name = "YAML that a range has moved down",
     .chart = HEAD,
     .values = "l: [1, 2, 3]\n",
     .file = "templates/x.yaml",
     .text = "a:\n{{- range .Values.l }}\n- {{ . }}\n{{- end }}\nb: {{ \"c: d: e\" }}\n",
     .want =
         "3 templates/x.yaml: unable to parse YAML: error converting YAML to JSON: yaml: line 5: "
         "mapping "
         "values are not allowed in this context\n\tat templates/x.yaml:5: b: {{ \"c: d: e\" }}|"},
    {
     .name = "a name of the second document",
     .chart = HEAD,
     .values = "n: Bad\n",
     .file = "templates/x.yaml",
     .text = "{{/* a\nb\n*/}}\nkind: A\nmetadata: {name: a}\n---\nkind: Role\nmetadata:\n  "
                "name: a%b\n",                                 .want =
            "2 templates/x.yaml: object name does not conform to Kubernetes naming requirements: "
            "\"a%b\": "
            "metadata.name: Invalid value: \"a%b\": may not contain '%'\n\tat templates/x.yaml:9: "
            "name: a%b|", },
    {
     .name = "required and fail let pass",
     .chart = HEAD,
     .values = "",
     .file = "templates/x.yaml",
     .text = "kind: A\nmetadata: {name: a}\na: {{ required \"x\" .Values.q }}\nb: {{ fail "
                "\"no\" }}\n", .want = "",
     },
    {
     .name = "a kind on its way out",
     .chart = HEAD,
     .values = "",
     .file = "templates/x.yaml",
     .text = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n",
     .want =
            "2 templates/x.yaml: extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable "
            "in v1.22+; "
            "use networking.k8s.io/v1 Ingress|", },
};

static void says(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_log log = {.arena = a};
        struct tree_file files[4] = {0};
        files[0].path = "c/Chart.yaml";
        files[0].text = cases[i].chart;
        files[1].path = arena_printf(a, "c/%s", cases[i].file);
        files[1].text = cases[i].text;
        files[2].path = cases[i].values ? "c/values.yaml" : NULL;
        files[2].text = cases[i].values;
        AUTO(tree) struct tree *t = tree_of_table(files);
        const struct helm_lint_opts o = {.namespace = "n", .folder = "/c"};
        struct helm_lint lint;
        struct err e = {0};
        AUTO_BUF struct buf b;
        buf_init(&b, 1 << 16);
        T_RC(helm_lint(t, "c", go_map_new(a, 0), &o, &log, &lint, &e), &e, cases[i].name);
        for (size_t k = 0; k < lint.n; k++)
            buf_printf(&b, "%d %s: %s|", (int)lint.items[k].severity, lint.items[k].path,
                       lint.items[k].text);
        T_EQ_STR(buf_text(&b), cases[i].want, cases[i].name);
    }
}

static void refuses(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    const struct tree_file files[] = {
        {"c/values.yaml", "a: 1"},
        {NULL,            NULL  }
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    const struct helm_lint_opts o = {.namespace = "n", .folder = "/c"};
    struct helm_lint lint;
    T_EQ_INT(helm_lint(t, "c", go_map_new(a, 0), &o, &log, &lint, NULL), ERR_NOT_FOUND, "no chart");
}

T_MAIN(says, refuses)
