#include "t.h"
#include "codec/json.h"
#include "codec/patch.h"
#include "render/kustomize/edit.h"

#define HEAD "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"

static int edited(const char *text, const char *patch, struct arena *a, const char **out,
                  struct err *e)
{
    struct kustomize_edit k;
    struct value *p;
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    int rc = kustomize_edit_open(a, "kustomization.yaml", text, strlen(text), &k, e);
    if (rc == 0)
        rc = json_parse(a, patch, strlen(patch), 0, &p, e);
    if (rc < 0)
        return rc;
    k.doc = patch_merge(a, k.doc, p);
    rc = kustomize_edit_text(&k, &b, e);
    *out = arena_strdup(a, buf_text(&b));
    return rc;
}

static void changes_only_what_it_must(void)
{
    static const struct {
        const char *name, *text, *patch, *want;
    } cases[] = {
        {"nothing",                             HEAD "resources: [a.yaml,  b.yaml] # these\n",          "{}",
         HEAD "resources: [a.yaml,  b.yaml] # these\n"                                                                                                                                                             },
        {"a new file",                          "",                                                     "{\"resources\":[\"a\"]}", HEAD "resources:\n- a\n"                                                        },
        {"what is missing",                     "resources:\n- a\n# the end\n",                         "{}",
         "resources:\n- a\n# the end\n" HEAD                                                                                                                                                                       },
        {"a scalar in its style",               HEAD "# why\nnamePrefix: 'a-' # short\n",
         "{\"namePrefix\":\"b-\"}",                                                                                                HEAD "# why\nnamePrefix: 'b-' # short\n"                                        },
        {"a field that goes",                   HEAD "# why\nnamePrefix: a-\nnamespace: x\n",           "{\"namePrefix\":null}",
         HEAD "# why\nnamespace: x\n"                                                                                                                                                                              },
        {"an emptied field",                    HEAD "namePrefix: a-\n",                                "{\"namePrefix\":\"\"}",   HEAD                                                                            },
        {"an entry more, at their depth",
         HEAD "resources:\n  # first\n  - a.yaml # one\n\n  - \"b.yaml\"\n\nnamespace: x\n",
         "{\"resources\":[\"a.yaml\",\"b.yaml\",\"c.yaml\"]}",                                                                     HEAD "resources:\n  # first\n  - a.yaml # one\n\n  - \"b.yaml\"\n  - c.yaml\n\n"
              "namespace: x\n"                                                                                                                       },
        {"an entry less goes with its comment", HEAD "resources:\n# a\n- a.yaml\n# b\n- b.yaml\n",
         "{\"resources\":[\"a.yaml\"]}",                                                                                           HEAD "resources:\n# a\n- a.yaml\n"                                              },
        {"a tag, where it stands",
         HEAD "images:\n- name: app # ours\n  newTag: v1 # {\"policy\": 1}\n- name: db\n",
         "{\"images\":[{\"name\":\"app\",\"newTag\":\"v2\"},{\"name\":\"db\"}]}",                                                  HEAD "images:\n- name: app # ours\n  newTag: v2 # {\"policy\": 1}\n- name: db\n"},
        {"a tag that needs quotes",             HEAD "images:\n- name: app\n  newTag: v1\n",
         "{\"images\":[{\"name\":\"app\",\"newTag\":\"1.20\"}]}",                                                                  HEAD "images:\n- name: app\n  newTag: \"1.20\"\n"                               },
        {"a list in flow style",                HEAD "resources: [a.yaml]\n",
         "{\"resources\":[\"a.yaml\",\"b.yaml\"]}",                                                                                HEAD "resources:\n- a.yaml\n- b.yaml\n"                                         },
        {"a key among keys",                    HEAD "commonLabels:\n  # x\n  a.b/c: d # y\n  z: 1x\n",
         "{\"commonLabels\":{\"k\":\"v\"}}",                                                                                       HEAD "commonLabels:\n  # x\n  a.b/c: d # y\n  k: v\n  z: 1x\n"                  },
        {"texts with comments of their own",
         HEAD "patches:\n- patch: |-\n    # not ours\n    a: b\n\n    # nor this\n  path: x\n",
         "{\"namespace\":\"ns\"}",                                                                                                  HEAD "patches:\n- patch: |-\n    # not ours\n    a: b\n\n    # nor this\n  path: x\n"
              "namespace: ns\n"                                                                                                                                                    },
        {"old fields",                          "bases:\n- ../b # up\nresources:\n- a\n" HEAD,          "{}",
         "resources:\n- a\n- ../b\n" HEAD                                                                                                                                                                          },
        {"one line for all",                    "{resources: [a], namePrefix: x}",                      "{\"namePrefix\":\"y\"}",
         HEAD "resources:\n- a\nnamePrefix: \"y\"\n"                                                                                                                                                               },
        {"no end of line",                      HEAD "namespace: x",                                    "{\"nameSuffix\":\"s\"}",
         HEAD "namespace: x\nnameSuffix: s\n"                                                                                                                                                                      },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct err e = {0};
        const char *got = "";
        T_RC(edited(cases[i].text, cases[i].patch, a, &got, &e), &e, cases[i].name);
        T_EQ_STR(got, cases[i].want, cases[i].name);
    }
}

static void refuses(void)
{
    static const char *const cases[][2] = {
        {"resources: [\n",       "kustomization.yaml: invalid Kustomization: "    },
        {"- a\n",                "kustomization.yaml: a kustomization is expected"},
        {"kind: X\ncolour: 1\n",
         "kustomization.yaml:2: invalid Kustomization: unknown field \"colour\""  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct err e = {0};
        const char *got;
        T_EQ_INT(edited(cases[i][0], "{}", a, &got, &e), ERR_INVALID, cases[i][0]);
        T_EQ_INT(strncmp(e.msg, cases[i][1], strlen(cases[i][1])), 0, e.msg);
    }
}

T_MAIN(changes_only_what_it_must, refuses)
