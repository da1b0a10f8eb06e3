/* What the options that set values make of their texts; the results are those of Helm 3.22. */
#include "codec/json.h"
#include "render/helm/helm.h"
#include "t.h"

static int no_file(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                   size_t *n, struct err *e)
{
    (void)r, (void)a;
    if (strcmp(path, "there") != 0)
        return err_set(e, ERR_NOT_FOUND, "open %s: no such file or directory", path);
    *out = "content\n";
    *n = 8;
    return 0;
}

static const char *json_of(struct arena *a, struct go_map *m)
{
    struct go_value v = go_map(m);
    struct value plain;
    return go_to_value(a, &v, &plain, NULL) < 0 ? "?"
                                                : json_text(a, &plain, JSON_SORTED | JSON_NO_HTML);
}

static void sets(void)
{
    static const struct {
        enum helm_values_kind kind;
        const char *text, *want, *error; /* "*": any */
    } cases[] = {
        {HELM_SET,         "a=1",                                                                    "{\"a\":1}",                                           NULL                                          },
        {HELM_SET,         "a=1,b=x,c=true,d=null,e=0,f=007,g=-5,h=+7,i=1.5,j=12345678901234567890",
         "{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":null,\"e\":0,\"f\":\"007\",\"g\":-5,\"h\":7,\"i\":"
         "\"1.5\",\"j\":\"12345678901234567890\"}",                                                                                                         NULL                                          },
        {HELM_SET,         "a.b.c=1,a.b.d=2",                                                        "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}",                   NULL                                          },
        {HELM_SET,         "a={x,y,1}",                                                              "{\"a\":[\"x\",\"y\",1]}",                             NULL                                          },
        {HELM_SET,         "a={}",                                                                   "{\"a\":[\"\"]}",                                      NULL                                          },
        {HELM_SET,         "a={x",                                                                   "{}",                                                  "list must terminate with '}'"                },
        {HELM_SET,         "a={x},b=2",                                                              "{\"a\":[\"x\"],\"b\":2}",                             NULL                                          },
        {HELM_SET,         "a[0]=1,a[2]=3",                                                          "{\"a\":[1,null,3]}",                                  NULL                                          },
        {HELM_SET,         "a[0].b=1,a[0].c=2,a[1].b=3",                                             "{\"a\":[{\"b\":1,\"c\":2},{\"b\":3}]}",               NULL                                          },
        {HELM_SET,         "a[0][1]=x",                                                              "{\"a\":[[null,\"x\"]]}",                              NULL                                          },
        {HELM_SET,         "a[0]",                                                                   "{\"a\":[]}",                                          NULL                                          },
        {HELM_SET,         "a[x]=1",                                                                 "{}",
         "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"                                                                                                                               },
        {HELM_SET,         "a[-1]=1",                                                                "{\"a\":[]}",                                          "negative -1 index not allowed"               },
        {HELM_SET,         "a[65537]=1",                                                             "{\"a\":[]}",
         "index of 65537 is greater than maximum supported index of 65536"                                                                                                                                },
        {HELM_SET,         "a[99999999999999999999]=1",                                              "{}",
         "error parsing index: strconv.Atoi: parsing \"99999999999999999999\": value out of range"                                                                                                        },
        {HELM_SET,         "a[0]x=1",                                                                "{\"a\":[]}",                                          "unexpected data at end of array index: ['x']"},
        {HELM_SET,         "a",                                                                      "{}",                                                  "key \"a\" has no value"                      },
        {HELM_SET,         "a,b=1",                                                                  "{\"a\":\"\"}",                                        "key \"a\" has no value (cannot end with ,)"  },
        {HELM_SET,         "a.",                                                                     "{}",                                                  NULL                                          },
        {HELM_SET,         "a.=1",                                                                   "{}",                                                  "key map \"a\" has no value"                  },
        {HELM_SET,         "a\\.b=1",                                                                "{\"a.b\":1}",                                         NULL                                          },
        {HELM_SET,         "a\\,b=c\\,d",                                                            "{\"a,b\":\"c,d\"}",                                   NULL                                          },
        {HELM_SET,         "a=b=c",                                                                  "{\"a\":\"b=c\"}",                                     NULL                                          },
        {HELM_SET,         "=1",                                                                     "{}",                                                  NULL                                          },
        {HELM_SET,         "",                                                                       "{}",                                                  NULL                                          },
        {HELM_SET,         "a=",                                                                     "{\"a\":\"\"}",                                        NULL                                          },
        {HELM_SET,         "a=,b=1",                                                                 "{\"a\":\"\",\"b\":1}",                                NULL                                          },
        {HELM_SET,         "a=1,a.b=2",                                                              "{\"a\":1}",
         "unable to parse key: interface conversion: interface {} is int64, not "
         "map[string]interface {}"                                                                                                                                                                        },
        {HELM_SET,         "a.b=1,a=2",                                                              "{\"a\":2}",                                           NULL                                          },
        {HELM_SET,         "a=1,a[0]=2",                                                             "{\"a\":1}",
         "unable to parse key: interface conversion: interface {} is int64, not []interface {}"                                                                                                           },
        {HELM_SET,         "a.b=1,a[0]=2",                                                           "{\"a\":{\"b\":1}}",
         "unable to parse key: interface conversion: interface {} is map[string]interface {}, not "
         "[]interface {}"                                                                                                                                                                                 },
        {HELM_SET,         "a[0]=1,a.b=2",                                                           "{\"a\":[1]}",
         "unable to parse key: interface conversion: interface {} is []interface {}, not "
         "map[string]interface {}"                                                                                                                                                                        },
        {HELM_SET,         "a[0]=x,a[0].b=y",                                                        "{\"a\":[{\"b\":\"y\"}]}",                             NULL                                          },
        {HELM_SET,         "a[0]=x,a[0][0]=y",                                                       "{\"a\":[\"x\"]}",
         "unable to parse key: interface conversion: interface {} is string, not []interface {}"                                                                                                          },
        {HELM_SET,         "a[",                                                                     "{}",                                                  "error parsing index: EOF"                    },
        {HELM_SET,         "a[0",                                                                    "{}",                                                  "error parsing index: EOF"                    },
        {HELM_SET,         "a=TRUE,b=False,c=Null",                                                  "{\"a\":true,\"b\":false,\"c\":null}",                 NULL                                          },
        {HELM_SET,         "a=\\{x\\}",                                                              "{\"a\":\"{x}\"}",                                     NULL                                          },
        {HELM_SET,         "a={x\\,y,z}",                                                            "{\"a\":[\"x,y\",\"z\"]}",                             NULL                                          },
        {HELM_SET,         "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f=1",      "{}",
         "value name nested level is greater than maximum supported nested level of 30"                                                                                                                   },
        {HELM_SET,         "a={a=b,c}",                                                              "{\"a\":[\"a=b\",\"c\"]}",                             NULL                                          },
        {HELM_SET,         "a=é,ü=1",                                                              "{\"a\":\"é\",\"ü\":1}",                             NULL                                          },
        {HELM_SET,         "a b=c d",                                                                "{\"a b\":\"c d\"}",                                   NULL                                          },
        {HELM_SET,         "a=\\",                                                                   "{\"a\":\"\"}",                                        NULL                                          },
        {HELM_SET,         "a\\",                                                                    "{}",                                                  "key \"a\" has no value"                      },
        {HELM_SET_STRING,  "a=1,b=true,c=null",                                                      "{\"a\":\"1\",\"b\":\"true\",\"c\":\"null\"}",         NULL                                          },
        {HELM_SET_STRING,  "a={1,2}",                                                                "{\"a\":[\"1\",\"2\"]}",                               NULL                                          },
        {HELM_SET_STRING,  "a[1]=5",                                                                 "{\"a\":[null,\"5\"]}",                                NULL                                          },
        {HELM_SET_LITERAL, "a=x,y={z}",                                                              "{\"a\":\"x,y={z}\"}",                                 NULL                                          },
        {HELM_SET_LITERAL, "a.b[0].c=x\\,y",                                                         "{\"a\":{\"b\":[{\"c\":\"x\\\\,y\"}]}}",               NULL                                          },
        {HELM_SET_LITERAL, "a\\.b=1",                                                                "{\"a\\\\\":{\"b\":\"1\"}}",                           NULL                                          },
        {HELM_SET_LITERAL, "a",                                                                      "{}",                                                  "key \"a\" has no value"                      },
        {HELM_SET_LITERAL, "a[0=x",                                                                  "{}",                                                  "error parsing index: EOF"                    },
        {HELM_SET_LITERAL, "a.=",                                                                    "{}",                                                  "key map \"a\" has no value"                  },
        {HELM_SET_JSON,    "a=1,b=\"x\",c=[1,2],d={\"e\":null}",
         "{\"a\":1,\"b\":\"x\",\"c\":[1,2],\"d\":{\"e\":null}}",                                                                                            NULL                                          },
        {HELM_SET_JSON,    "a= , b=2",                                                               "{\" b\":2,\"a\":null}",                               NULL                                          },
        {HELM_SET_JSON,    "a=[1",                                                                   "{}",                                                  "*"                                           },
        {HELM_SET_JSON,    "a[0]=1,a[1]={\"b\":2}",                                                  "{\"a\":[1,{\"b\":2}]}",                               NULL                                          },
        {HELM_SET_JSON,    "a.b={\"c\":1},a.b.d=2",                                                  "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}",                   NULL                                          },
        {HELM_SET_JSON,    "a=x",                                                                    "{}",                                                  "*"                                           },
        {HELM_SET_JSON,    "a=1 b=2",                                                                "{\"a\":1,\"b\":2}",                                   NULL                                          },
        {HELM_SET_FILE,    "a=there,b.c=there",                                                      "{\"a\":\"content\\n\",\"b\":{\"c\":\"content\\n\"}}",
         NULL                                                                                                                                                                                             },
        {HELM_SET_FILE,    "a=gone",                                                                 "{}",                                                  "open gone: no such file or directory"        },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_log log = {.arena = a};
        struct helm_reader files = {no_file};
        struct err e = {0};
        struct go_map *m = go_map_new(a, 0);
        int rc = helm_values_set(cases[i].kind, cases[i].text, &files, &log, m, &e);
        if (cases[i].error && strcmp(cases[i].error, "*") == 0)
            T_OK(rc < 0, cases[i].text);
        else
            T_EQ_STR(rc < 0 ? log.error : NULL, cases[i].error, cases[i].text);
        T_EQ_STR(json_of(a, m), cases[i].want, cases[i].text);
    }
}

static void merges_in_order(void)
{
    static const struct helm_value_source sources[] = {
        {HELM_SET_STRING, "a=5,m.x=s"  },
        {HELM_SET,        "a=1,m.y=2"  },
        {HELM_SET_JSON,   "m={\"j\":1}"},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct helm_reader files = {no_file};
    struct err e = {0};
    struct go_map *m = NULL;
    T_RC(helm_values_merge(sources, ARRAY_LEN(sources), &files, &log, &m, &e), &e, "merge");
    T_EQ_STR(json_of(a, m), "{\"a\":\"5\",\"m\":{\"j\":1,\"x\":\"s\",\"y\":2}}", "later kinds win");
}

T_MAIN(sets, merges_in_order)
