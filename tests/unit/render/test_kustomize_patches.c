/* Patches as Kustomize makes them: what a strategic merge does with nulls, styles, directives and
 * lists, and what JSON patches may do beyond RFC 6902. */
#include "codec/yaml.h"
#include "render/kustomize/kustomize.h"
#include "t.h"

#define HEAD(version, kind) "apiVersion: " version "\nkind: " kind "\nmetadata: {name: a}\n"
#define T                   HEAD("example.com/v1", "T")
#define POD                 HEAD("v1", "Pod")
#define SERVICE             HEAD("v1", "Service")

struct patched {
    const char *name, *head, *object, *patch, *want; /* want: what follows metadata; or an error */
};

static int build(const struct tree_file *files, struct arena *a, const char **text, struct err *e)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct kustomize_opts o = {0};
    struct value **objects;
    size_t n;
    int rc = kustomize_build(t, "", &o, a, &objects, &n, e);
    if (rc < 0)
        return rc;
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    kustomize_print(&b, objects, n);
    *text = arena_strdup(a, buf_text(&b));
    return 0;
}

static void check(const struct patched *c, const char *kustomization, const char *patch)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct err e = {0};
    const char *text = "";
    const struct tree_file files[] = {
        {"kustomization.yaml", kustomization },
        {"object.yaml",        arena_printf(a, "%s%s", c->head, c->object)},
        {"patch.yaml",             patch                },
        {NULL,         NULL     },
    };
    int rc = build(files, a, &text, &e);
    if (rc < 0) {
        T_OK(strstr(e.msg, c->want), e.msg);
        return;
    }
    const char *rest = strstr(text, "metadata:\n  name: a\n");
    T_OK(rest, c->name);
    if (rest)
        T_EQ_STR(rest + strlen("metadata:\n  name: a\n"), c->want, c->name);
}

static const struct patched merges[] = {
    {"null takes away",            T,       "spec: {x: 1, z: 2}\n",                                           "spec: {x: null}\n",                    "spec:\n  z: 2\n"                                                                       },
    {"a null without a word goes", T,       "spec:\n  x:\n  y: ~\n",                                          "spec: {z: 1}\n",
     "spec:\n  \"y\": null\n  z: 1\n"                                                                                                                                                                                                         },
    {"what is added has no nulls", T,       "spec: {z: 1}\n",                                                 "spec: {x: {y: null, w: 1}}\n",
     "spec:\n  x:\n    w: 1\n  z: 1\n"                                                                                                                                                                                                        },
    {"quotes stay",                T,       "spec: {x: \"5\"}\n",                                             "spec: {x: 6}\n",                       "spec:\n  x: \"6\"\n"                                                                   },
    {"as it was written",          T,       "spec: {x: \"5\"}\n",                                             "spec: {x: 0x10}\n",                    "spec:\n  x: \"0x10\"\n"                                                                },
    {"text stays text",            T,       "spec: {x: 5}\n",                                                 "spec: {x: \"6\"}\n",                   "spec:\n  x: \"6\"\n"                                                                   },
    {"delete",                     T,       "spec: {x: {y: 1}, z: 1}\n",                                      "spec: {x: {$patch: delete}}\n",        "spec:\n  z: 1\n"                                                                       },
    {"replace",                    T,       "spec: {x: {y: 1}}\n",                                            "spec: {x: {$patch: replace, z: 2}}\n",
     "spec:\n  x:\n    z: 2\n"                                                                                                                                                                                                                },
    {"an unknown directive",       T,       "spec: {x: {y: 1}}\n",                                            "spec: {x: {$patch: no}}\n",
     "$patch: no is not known"                                                                                                                                                                                                                },
    {"kinds that differ",          T,       "spec: {x: {y: 1}}\n",                                            "spec: {x: [1]}\n",
     "the patch has array where the object has object"                                                                                                                                                                                        },
    {"an empty key",               T,       "spec: {\"\": 1}\n",                                              "spec: {x: 1}\n",                       "a key is empty"                                                                        },
    {"a list without a schema",    T,       "spec: {l: [{name: a}]}\n",                                       "spec: {l: [{name: b}]}\n",
     "spec:\n  l:\n  - name: b\n"                                                                                                                                                                                                             },
    {"the patch's elements first", POD,     "spec: {containers: [{name: a, image: x}]}\n",
     "spec: {containers: [{name: b}, {name: a, image: z}]}\n",                                                                                        "spec:\n  containers:\n  - name: b\n  - image: z\n    name: a\n"                        },
    {"an element deleted",         POD,     "spec: {containers: [{name: a}, {name: b}]}\n",
     "spec: {containers: [{name: a, $patch: delete}]}\n",                                                                                             "spec:\n  containers:\n  - name: b\n"                                                   },
    {"a list replaced",            POD,     "spec: {containers: [{name: a}]}\n",
     "spec: {containers: [{name: b}, {$patch: replace}]}\n",                                                                                          "spec:\n  containers:\n  - name: b\n"                                                   },
    {"two keys, one used",         POD,     "spec: {containers: [{name: a, ports: [{containerPort: 1}]}]}\n",
     "spec: {containers: [{name: a, ports: [{containerPort: 1, name: m}]}]}\n",                                                                       "spec:\n  containers:\n  - name: a\n    ports:\n    - containerPort: 1\n      name: m\n"},
    {"two keys, both used",        SERVICE, "spec: {ports: [{port: 80, name: h}]}\n",
     "spec: {ports: [{port: 81, protocol: UDP}, {port: 81, protocol: TCP}]}\n",                                                                       "spec:\n  ports:\n  - port: 81\n    protocol: UDP\n  - port: 81\n    protocol: TCP\n"
     "  - name: h\n    port: 80\n"                                                                                                                             },
};

static void merges_as_kustomize(void)
{
    for (size_t i = 0; i < ARRAY_LEN(merges); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        check(&merges[i], "resources: [object.yaml]\npatches: [{path: patch.yaml}]\n",
              arena_printf(a, "%s%s", merges[i].head, merges[i].patch));
    }
}

static const struct patched operations[] = {
    {"from the end",           T, "spec: [1, 2]\n", "[{\"op\":\"add\",\"path\":\"/spec/-1\",\"value\":3}]",
     "spec:\n- 1\n- 2\n- 3\n"                                                                                                                 },
    {"leading zeros",          T, "spec: [1, 2]\n", "[{\"op\":\"remove\",\"path\":\"/spec/01\"}]",
     "spec:\n- 1\n"                                                                                                                           },
    {"no value",               T, "spec: {}\n",     "[{\"op\":\"add\",\"path\":\"/spec/x\"}]",                 "spec:\n  x: null\n"           },
    {"replace makes",          T, "spec: {}\n",     "[{\"op\":\"replace\",\"path\":\"/spec/x\",\"value\":1}]",
     "spec:\n  x: 1\n"                                                                                                                        },
    {"copy of nothing",        T, "spec: {}\n",
     "[{\"op\":\"copy\",\"from\":\"/spec/y\",\"path\":\"/spec/x\"}]",                                          "spec:\n  x: null\n"           },
    {"move of nothing",        T, "spec: {}\n",
     "[{\"op\":\"move\",\"from\":\"/spec/y\",\"path\":\"/spec/x\"}]",                                          "there is no place \"/spec/y\""},
    {"test of nothing",        T, "spec: {x: 1}\n",
     "[{\"op\":\"test\",\"path\":\"/spec/y\",\"value\":null}]",                                                "spec:\n  x: 1\n"              },
    {"numbers by their texts", T, "spec: {x: 1}\n",
     "[{\"op\":\"test\",\"path\":\"/spec/x\",\"value\":1.0}]",                                                 "test of \"/spec/x\" failed"   },
    {"YAML, the first of two", T, "spec: {}\n",
     "- {op: add, path: /spec/x, value: 1}\n---\n- {op: add, path: /spec/x, value: 2}\n",                      "spec:\n  x: 1\n"              },
};

static void operates_as_kustomize(void)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        check(&operations[i],
              "resources: [object.yaml]\npatches: [{path: patch.yaml, target: {kind: T}}]\n",
              operations[i].patch);
}

/* What printing and reading changes, whether there is a patch or not. */
static const struct patched prints[] = {
    {"nothing within brackets", T, "spec: {x: , y: ~}\n",        "", "spec:\n  x: \"\"\n  \"y\": null\n"     },
    {"nothing in a block",      T, "spec:\n  x:\n",              "", "spec:\n  x: null\n"                    },
    {"a time",                  T, "spec: {x: 2001-12-14}\n",    "", "spec:\n  x: \"2001-12-14T00:00:00Z\"\n"},
    {"folded text",             T, "spec: >\n  a\n    b\n  c\n", "", "spec: |\n  a\n\n    b\n  c\n"          },
    {"a line break of old",     T, "spec: \"a \\x85 b\"\n",      "", "spec: a b\n"                           },
    {"a control character",     T, "spec: \"\\x7f\"\n",          "", "control character U+007F"              },
    {"a tab begins a block",    T, "spec: |2\n  \tx\n",          "", "begins with a tab"                     },
    {"an escape of JSON",       T, "spec: \"a\\/b\"\n",          "", "found unknown escape character"        },
    {"a key that is no text",   T, "spec: {5: x}\n",             "", "key 5 is not text"                     },
};

static void prints_as_kustomize(void)
{
    for (size_t i = 0; i < ARRAY_LEN(prints); i++)
        check(&prints[i], "resources: [object.yaml]\n", "");
}

static const struct {
    const char *name;
    struct tree_file files[4];
    const char *want;
} refused[] = {
    {"a base of itself",
     {{"kustomization.yaml", "resources:\n- b\n"}, {"b/kustomization.yaml", "resources: [../]\n"}},
     "b/kustomization.yaml:1: folder \"\" is a base of itself"                                                },
    {"out of the root",
     {{"kustomization.yaml", "resources:\n- ../x.yaml\n"}},
     "kustomization.yaml:2"                                                                                   },
    {"two files",
     {{"kustomization.yaml", "resources: []\n"}, {"kustomization.yml", "resources: []\n"}},
     "there is kustomization.yml, too"                                                                        },
    {"nothing",          {{"kustomization.yaml", "kind: Kustomization\n"}},                         "is empty"},
    {"another version",
     {{"kustomization.yaml", "apiVersion: foo/v1\nresources: []\n"}},
     "kustomization.yaml:1: apiVersion foo/v1 is not kustomize.config.k8s.io/v1beta1"                         },
};

static void refuses(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct err e = {0};
        const char *text;
        T_OK(build(refused[i].files, a, &text, &e) < 0, refused[i].name);
        T_OK(strstr(e.msg, refused[i].want), e.msg);
    }
}

T_MAIN(merges_as_kustomize, operates_as_kustomize, prints_as_kustomize, refuses)
