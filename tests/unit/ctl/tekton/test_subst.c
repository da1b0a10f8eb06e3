#include "t.h"

#include "codec/json.h"
#include "ctl/tekton/subst.h"

static struct scope *make(struct arena *a)
{
    static const char list[] = "[\"x\",\"y\",\"z\"]", object[] = "{\"url\":\"u\",\"rev\":\"main\"}";
    struct scope *s = scope_new(a);
    struct value *v;
    scope_put_str(s, "hello", "params.word");
    scope_put_str(s, "dotted", "params.a.b");
    scope_put_str(s, "$(params.word)", "params.loop");
    scope_put_str(s, "$(steps.s.results.r[*])", "params.later");
    T_OK(json_parse(a, list, strlen(list), 0, &v, NULL) == 0, list);
    scope_put(s, v, "params.list");
    T_OK(json_parse(a, object, strlen(object), 0, &v, NULL) == 0, object);
    scope_put(s, v, "params.git");
    return s;
}

static void texts(void)
{
    static const char *const cases[][2] = {
        {"no variables",             "no variables"            },
        {"$(params.word)",           "hello"                   },
        {"a $(params.word)b",        "a hellob"                },
        {"$(params[\"word\"])",      "hello"                   },
        {"$(params['a.b'])",         "dotted"                  },
        {"$(params.list[1])",        "y"                       },
        {"$(params.list[9])",        "$(params.list[9])"       },
        {"$(params.git.url)",        "u"                       },
        {"$(params['git'].url)",     "u"                       },
        {"$(params.git.none)",       "$(params.git.none)"      },
        {"$(date) $(params.word)",   "$(date) hello"           },
        {"$(echo $(params.word))",   "$(echo hello)"           },
        {"$$(params.word)",          "$hello"                  },
        {"$(params.loop)",           "$(params.word)"          },
        {"$(params.list)",           "$(params.list)"          },
        {"x$(params.list[*])",       "x$(params.list[*])"      },
        {"$(params.later[2])",       "$(steps.s.results.r[2])" },
        {"$(params.later[*])",       "$(steps.s.results.r[*])" },
        {"$(params.later.key)",      "$(steps.s.results.r.key)"},
        {"$(unclosed $(params.word", "$(unclosed $(params.word"},
        {"$()",                      "$()"                     },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        T_EQ_STR(subst_text(make(a), cases[i][0]), cases[i][1], cases[i][0]);
    }
}

static void trees(void)
{
    static const struct {
        const char *in, *want;
        unsigned flags;
    } cases[] = {
        {"[\"-a\",\"$(params.list[*])\",\"$(params.word)\"]",
         "[\"-a\",\"x\",\"y\",\"z\",\"hello\"]",                                                          0          },
        {"[\"$(params.list)\"]",                              "[\"x\",\"y\",\"z\"]",                      0          },
        {"{\"a\":{\"b\":\"$(params.git.rev)\"}}",             "{\"a\":{\"b\":\"main\"}}",                 0          },
        {"{\"v\":\"$(params.git[*])\"}",                      "{\"v\":\"$(params.git[*])\"}",             0          },
        {"{\"v\":\"$(params.git[*])\"}",                      "{\"v\":{\"url\":\"u\",\"rev\":\"main\"}}", SUBST_WHOLE},
        {"{\"v\":\"$(params.list[*])\",\"n\":1}",             "{\"v\":[\"x\",\"y\",\"z\"],\"n\":1}",
         SUBST_WHOLE                                                                                                 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        struct value *in;
        struct err e;
        T_RC(json_parse(a, cases[i].in, strlen(cases[i].in), 0, &in, &e), &e, cases[i].in);
        const struct value *out = subst_tree(make(a), in, cases[i].flags);
        T_EQ_STR(json_text(a, out, 0), cases[i].want, cases[i].in);
    }
}

T_MAIN(texts, trees)
