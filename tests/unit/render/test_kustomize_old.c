/* What a build says of old fields, and of functions that it does not run. */
#include "render/kustomize/kustomize.h"
#include "t.h"

static char said[1000];

static void hear(const char *line)
{
    (void)snprintf(said + strlen(said), sizeof said - strlen(said), "%.25s;", line);
}

static int build(const char *text, struct arena *a, struct value ***objects, size_t *n,
                 struct err *e)
{
    const struct tree_file files[] = {
        {"kustomization.yaml",      text                                                     },
        {"base/kustomization.yaml", "vars: []\nresources: [pod.yaml]\n"                      },
        {"base/pod.yaml",
         "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: x}]}\n"},
        {NULL,                      NULL                                                     },
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct kustomize_opts o = {.warn = hear};
    said[0] = '\0';
    return kustomize_build(t, "", &o, a, objects, n, e);
}

static void warns_of_old_fields(void)
{
    static const char *const cases[][2] = {
        {"resources: [base]\n",                                     "# Warning: 'vars' is depr;"},
        {"bases: [base]\ncommonLabels: {a: b}\n",
         "# Warning: 'bases' is dep;# Warning: 'commonLabels';# Warning: 'vars' is depr;"       },
        {"resources: [base]\nimageTags: [{name: x, newTag: v2}]\n",
         "# Warning: 'imageTags' is;# Warning: 'vars' is depr;"                                 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct value **objects;
        struct err e = {0};
        size_t n;
        T_RC(build(cases[i][0], a, &objects, &n, &e), &e, cases[i][0]);
        T_EQ_STR(said, cases[i][1], cases[i][0]);
        if (i == 2)
            T_EQ_STR(value_at_str(objects[0], "spec.containers[0].image", ""), "x:v2", "imageTags");
    }
}

static void names_functions_it_does_not_run(void)
{
    static const char *const cases[][2] = {
        {"config.kubernetes.io/function: \"container: {image: r/f:v1}\"",
         "function Fn of image r/f:v1 is not run: --enable-alpha-plugins"                                               },
        {"config.kubernetes.io/container: r/f:v2",                        "function Fn of image r/f:v2 is not run"      },
        {"config.kubernetes.io/function: \"exec: {path: ./f.sh}\"",
         "function Fn, program ./f.sh, is not run: --enable-alpha-plugins with"                                         },
        {"a: b",                                                          "plugin x/v1 Fn is not one of Kustomize's own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct value **objects;
        struct err e = {0};
        size_t n;
        const char *text = arena_printf(a,
                                        "resources: [base]\ntransformers:\n- |-\n"
                                        "  apiVersion: x/v1\n  kind: Fn\n  metadata:\n"
                                        "    name: f\n    annotations:\n      %s\n",
                                        cases[i][0]);
        T_EQ_INT(build(text, a, &objects, &n, &e), ERR_UNSUPPORTED, cases[i][0]);
        T_OK(strstr(e.msg, cases[i][1]), e.msg);
    }
}

T_MAIN(warns_of_old_fields, names_functions_it_does_not_run)
