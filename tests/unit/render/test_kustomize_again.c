/* Builds that are made again: they are what a whole build would be, or are not made. */
#include "render/kustomize/again.h"

#include <stdlib.h>

#include "codec/json.h"
#include "t.h"

#define MAP(name, more)                                                                            \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\ndata: {k: " more "}\n"
#define POD(name, map)                                                                             \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\nspec:\n  volumes:\n"                   \
    "  - {name: v, configMap: {name: " map "}}\n"

static const char *text_of(struct arena *a, struct value **objects, size_t n)
{
    struct value *all = value_new_array(a);
    for (size_t i = 0; i < n; i++)
        (void)value_push(a, all, objects[i]);
    return json_text(a, all, 0);
}

/* NULL: it cannot be built. */
static const char *whole(struct arena *a, const struct tree_file *files,
                         struct kustomize_made **made)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    *made = kustomize_made_new(a);
    struct kustomize_opts opts = {.made = *made};
    struct value **objects;
    size_t n;
    return kustomize_build(t, "over", &opts, a, &objects, &n, NULL) < 0 ? NULL
                                                                        : text_of(a, objects, n);
}

/* NULL: it is to be built whole. */
static const char *again(struct arena *a, const struct tree_file *files, const char *const *changed,
                         struct kustomize_made **made)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct kustomize_change change = {*made, changed};
    struct kustomize_opts opts = {.made = kustomize_made_new(a)};
    struct kustomize_result r;
    struct err e = {0};
    int rc = kustomize_build_again(t, "over", &opts, &change, a, &r, &e);
    if (rc < 0) {
        T_EQ_INT(rc, ERR_UNSUPPORTED, e.msg);
        return NULL;
    }
    *made = opts.made;
    return text_of(a, r.objects, r.n);
}

enum { OVER, BASE, A, B, C, FILES };

static void decides(void)
{
    static const struct {
        const char *name, *over, *to;
        int file;
        bool made;
    } cases[] = {
        {"text",                            "resources: [../base, a.yaml]\n",                            MAP("a",   "2"),                                                      A,                                                                                                                                                                                   true    },
        {"a reference",                     "resources: [../base, a.yaml]\nnamePrefix: p-\n",            POD("b",   "a"),                                                      B,                                                                                                                                                                                   true    },
        {"labels",                          "resources: [../base, a.yaml]\nlabels: [{pairs: {x: z}}]\n", MAP("a",   "2"),                                                      A,
         true                                                                                                                                                                                                                                                                                                                                                               },
        {"another name",                    "resources: [../base, a.yaml]\n",                            MAP("z",   "1"),                                                      A,                                                                                                                                                                                   false   },
        {"another kind",                    "resources: [../base, a.yaml]\n",                            POD("a",   "c"),                                                      A,                                                                                                                                                                                   false   },
        {"one more",                        "resources: [../base, a.yaml]\n",                            MAP("a",   "1") "---\n" MAP("d",                                      "1"),                                                                                                                                                                                A,
         false},
        {"none",                                 "resources: [../base, a.yaml]\n",                                                                                       "",                                A, false                                                                                                                                                   },
        {"unreadable",                      "resources: [../base, a.yaml]\n",                            "kind: [", A,                                                         false                                                                                                                                                                              },
        {"for the build only", "resources: [../base, a.yaml]\n",
         "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n"
         "    config.kubernetes.io/local-config: \"true\"\n",                                                    A,                                                     false                                                                                                                                                                                   },
        {"a layer",          "resources: [../base, a.yaml]\n",                                                                 "resources: [b.yaml]\n",     BASE,                                                          false                                                                                                                                                                           },
        {"a patch",                             "resources: [../base, a.yaml]\npatches: [{path: a.yaml}]\n",                                                                                       MAP("a",                                                                                                     "2"),                                                                                                                                                              A,
         false                                                                                                                                                      },
        {"a generator",                             "resources: [../base]\nconfigMapGenerator: [{name: g, files: [a.yaml]}]\n",
         MAP("a",                                                                                           "2"),                                                          A,                                                                                                                                                                           false        },
        {"an image",                             "resources: [../base, a.yaml]\nimages: [{name: i, newTag: x}]\n",
         MAP("a",                                                                                           "2"),                                                          A, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new((size_t)1 << 24);
        struct tree_file files[] = {
            {"over/kustomization.yaml", cases[i].over                  },
            {"base/kustomization.yaml", "resources: [b.yaml, c.yaml]\n"},
            {"over/a.yaml",             MAP("a",                         "1")},
            {"base/b.yaml",                         POD("b",                                            "c")},
            {"base/c.yaml",                     MAP("c",         "1")},
            {NULL,NULL                },
        };
        struct kustomize_made *made, *unused;
        T_OK(whole(a, files, &made) != NULL, cases[i].name);
        files[cases[i].file].text = cases[i].to;
        const char *got = again(a, files, (const char *[]){files[cases[i].file].path, NULL}, &made);
        T_EQ_INT(got != NULL, cases[i].made, cases[i].name);
        if (got)
            T_EQ_STR(got, whole(a, files, &unused), cases[i].name);
    }
}

static uint32_t below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* Names that refer to each other across layers, and come and go. */
static const char *random_text(struct arena *a, uint32_t *seed, const char *own)
{
    static const char *const names[] = {"a", "b", "c"};
    const char *name = below(seed, 12) == 0 ? names[below(seed, 3)] : own;
    const char *ns = below(seed, 10) == 0 ? ", namespace: other" : "";
    if (strcmp(own, "b") == 0)
        return arena_printf(a,
                            "apiVersion: v1\nkind: Pod\nmetadata: {name: %s%s}\nspec:\n"
                            "  volumes:\n  - {name: v, configMap: {name: %s}}\n"
                            "  serviceAccountName: %s\n",
                            name, ns, names[below(seed, 3)], names[below(seed, 3)]);
    return arena_printf(a, "apiVersion: v1\nkind: %s\nmetadata: {name: %s%s}\ndata: {k: v%u}\n",
                        below(seed, 9) == 0 ? "ServiceAccount" : "ConfigMap", name, ns,
                        below(seed, 100));
}

static const char *random_layer(struct arena *a, uint32_t *seed, const char *resources)
{
    static const char *const more[] = {"",
                                       "namePrefix: p-\n",
                                       "nameSuffix: -s\n",
                                       "namespace: n\n",
                                       "labels: [{pairs: {x: z}, includeSelectors: true}]\n",
                                       "commonAnnotations: {note: m}\n",
                                       "sortOptions: {order: legacy}\n"};
    uint32_t one = below(seed, ARRAY_LEN(more)), two = below(seed, ARRAY_LEN(more));
    return arena_printf(a, "resources: [%s]\n%s%s", resources, more[one],
                        one == two ? "" : more[two]);
}

static void is_what_a_whole_build_is(void)
{
    static const char *const own[FILES] = {[A] = "a", [B] = "b", [C] = "c"};
    uint32_t seed = 3;
    int made_again = 0, built_whole = 0;
    for (int world = 0; world < 60; world++) {
        AUTO(arena) struct arena *a = arena_new((size_t)1 << 26);
        struct tree_file files[FILES + 1] = {
            {"over/kustomization.yaml", random_layer(a, &seed,                    "a.yaml, ../base")},
            {"base/kustomization.yaml",                         random_layer(a,               &seed, "b.yaml, c.yaml")},
            {"over/a.yaml",        MAP("a",                      "1")                                 },
            {"base/b.yaml",                     POD("b",              "c")},
            {"base/c.yaml",                     MAP("c",                      "1")                                         },
        };
        struct kustomize_made *made = NULL, *next;
        bool built = whole(a, files, &made) != NULL;
        for (int round = 0; round < 20; round++) {
            const char *changed[3] = {NULL};
            size_t n = 1 + below(&seed, 2);
            for (size_t i = 0; i < n; i++) {
                int file = A + (int)below(&seed, 3);
                files[file].text = random_text(a, &seed, own[file]);
                changed[changed[0] && changed[0] != files[file].path] = files[file].path;
            }
            const char *got = built ? again(a, files, changed, &made) : NULL;
            const char *want = whole(a, files, &next);
            if (got)
                T_EQ_STR(got, want, changed[0]);
            got ? made_again++ : built_whole++;
            if (!got)
                made = next;
            built = want != NULL;
        }
    }
    T_OK(made_again > 300 && built_whole > 100, "some were made again and some were not");
}

T_MAIN(decides, is_what_a_whole_build_is)
