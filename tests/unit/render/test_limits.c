/* What charts and kustomizations may cost: each bomb is refused in words that name its place. */
#include "render/helm/helm.h"
#include "render/render.h"
#include "t.h"

#define CHART                                                                                      \
    {                                                                                              \
        "Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"                                  \
    }
#define CONFIG "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
#define TEN(x) x x x x x x x x x x
#define ALIASES                                                                                    \
    "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"                         \
    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"               \
    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"               \
    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
#define BRACKETS TEN(TEN(TEN("[["))) /* 2,000 deep */
/* Every definition asks for the next ten times. */
#define ASK(n)     "{\"$ref\":\"#/$defs/" n "\"},"
#define ALL(at, n) "\"" at "\":{\"allOf\":[" TEN(ASK(n)) "true]},"
#define SCHEMA                                                                                     \
    "{\"$ref\":\"#/$defs/a\",\"$defs\":{" ALL("a", "b") ALL("b", "c") ALL("c", "d") ALL("d", "e")  \
        ALL("e", "f") ALL("f", "g") ALL("g", "h") ALL("h", "i") "\"i\":{\"type\":\"object\"}}}"

struct bomb {
    const char *name, *says;
    struct tree_file files[6];
};

static void charts(void)
{
    static const struct bomb bombs[] = {
        {"aliases in values",
         "cannot load values.yaml: error converting YAML to JSON: yaml: document contains "
         "excessive "
         "aliasing",                                                                         {CHART, {"values.yaml", ALIASES}}                                   },
        {"deep values",
         "cannot load values.yaml: error converting YAML to JSON: yaml: exceeded max depth", {CHART, {"values.yaml", "a: " BRACKETS}}                            },
        {"a deep manifest",
         "YAML parse error on c/templates/t.yaml: error converting YAML to JSON: yaml: exceeded "
         "max "
         "depth",                                                                            {CHART, {"templates/t.yaml", "a: " BRACKETS}}                       },
        {"aliases in a manifest",
         "YAML parse error on c/templates/t.yaml: error converting YAML to JSON: yaml: document "
         "contains excessive aliasing",                                                      {CHART, {"templates/t.yaml", ALIASES}}                              },
        {"a schema that doubles",
         "a schema takes more than 2000000 checks",                                          {CHART, {"values.schema.json", SCHEMA}}                             },
        {"deep parentheses",
         "parse error at (c/templates/t.yaml:2): max expression depth exceeded",             {CHART, {"templates/t.yaml", "\n{{ " TEN(TEN(TEN("(("))) " }}"}}    },
        {"deep controls",
         "(c/templates/t.yaml:1): controls are nested more than 1500 deep",                  {CHART, {"templates/t.yaml", TEN(TEN(TEN("{{ if 1 }}{{ if 1 }}")))}}},
        {"recursion",
         "template: c/templates/t.yaml:2:3: executing",                                      {CHART,
          {"templates/t.yaml",
           "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}\n{{ include \"a\" . }}"}}                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO(tree) struct tree *t = tree_of_table(bombs[i].files);
        struct helm_log log = {.arena = a};
        struct helm_render_opts opts = {.release = "r", .namespace = "n"};
        struct helm_chart *c = NULL;
        struct helm_result r;
        struct err e = {0};
        int rc = helm_chart_load(t, "", &log, &c, &e);
        if (rc == 0)
            rc = helm_render(c, go_map_new(a, 0), &opts, &log, &r, &e);
        T_OK(rc < 0, bombs[i].name);
        if (!log.error || !strstr(log.error, bombs[i].says))
            T_FAIL(bombs[i].name, "got %.300s", log.error ? log.error : "");
    }
}

static void kustomizations(void)
{
    static const struct bomb bombs[] = {
        {"aliases in a resource",
         "r.yaml: line 4, column 14: document contains excessive aliasing",             {{"kustomization.yaml", "resources: [r.yaml]\n"}, {"r.yaml", ALIASES}}                 },
        {"aliases in the file",
         "kustomization.yaml: line 4, column 14: document contains excessive aliasing", {{"kustomization.yaml", ALIASES}}                                                      },
        {"a deep resource",
         "r.yaml: line 4, column 1006: exceeded max depth of 1000",                     {{"kustomization.yaml", "resources: [r.yaml]\n"}, {"r.yaml", CONFIG "data: " BRACKETS}}},
        {"a base of itself",
         "a/kustomization.yaml:1: folder \"\" is a base of itself",                     {{"kustomization.yaml", "resources: [a]\n"},
          {"a/kustomization.yaml", "resources: [..]\n"}}                                                    },
        {"a path out of the root",
         "kustomization.yaml:1: path \"../r.yaml\" in folder \"\" leaves",              {{"kustomization.yaml", "resources: [../r.yaml]\n"}}                                   },
        {"a path out of its folder",
         "a/kustomization.yaml:1: r.yaml is not in or below folder a",                  {{"kustomization.yaml", "resources: [a]\n"},
          {"a/kustomization.yaml", "resources: [../r.yaml]\n"},
          {"r.yaml", CONFIG}}                                                                            },
    };
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 30);
        AUTO(tree) struct tree *t = tree_of_table(bombs[i].files);
        struct render_opts opts = {.path = ""};
        struct render_result r;
        struct err e = {0};
        T_OK(render_objects(t, &opts, a, &r, &e) < 0, bombs[i].name);
        if (!strstr(e.msg, bombs[i].says))
            T_FAIL(bombs[i].name, "got %.300s", e.msg);
    }
}

/* Each of thirteen layers has two bases that both name the two of the next one. */
static void bases_that_double(void)
{
    enum { LAYERS = 16 };
    AUTO(arena) struct arena *a = arena_new(1 << 30);
    struct tree_file *files = ARENA_ARRAY(a, struct tree_file, 2 * LAYERS + 1);
    for (int i = 0; i < LAYERS; i++)
        for (int k = 0; k < 2; k++)
            files[2 * i + k] = (struct tree_file){
                arena_printf(a, "l%d%c/kustomization.yaml", i, 'a' + k),
                arena_printf(a,
                             i + 1 < LAYERS ? "resources: [../l%da, ../l%db]\n" : "resources: []\n",
                             i + 1, i + 1)};
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct render_opts opts = {.path = "l0a"};
    struct render_result r;
    struct err e = {0};
    T_OK(render_objects(t, &opts, a, &r, &e) < 0, "bases that double");
    if (!strstr(e.msg, "kustomization.yaml:1: more than 10000 kustomizations make one build"))
        T_FAIL("bases that double", "got %s", e.msg);
}

T_MAIN(charts, kustomizations, bases_that_double)
