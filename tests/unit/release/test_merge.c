#include "codec/json.h"
#include "codec/yaml.h"
#include "world.h"

static struct value *yaml(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(yaml_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static const struct resource widget = {.group = "example.com", .version = "v1", .kind = "Widget"};

/* What was released, what the API has, what is wanted; the patch. */
static const struct {
    const char *name;
    const struct resource *res;
    bool three_way;
    const char *original, *live, *target, *want;
} cases[] = {
    {"nothing to do",                &RES_CONFIG_MAP, false, "data: {a: x}",                                  "data: {a: x}",             "data: {a: x}",                                  "{}"                             },
    {"a change",                     &RES_CONFIG_MAP, false, "data: {a: x}",                                  "data: {a: x}",             "data: {a: w}",
     "{\"data\":{\"a\":\"w\"}}"                                                                                                                                                                                             },
    {"drift is undone",              &RES_CONFIG_MAP, false, "data: {a: x}",                                  "data: {a: z}",             "data: {a: x}",
     "{\"data\":{\"a\":\"x\"}}"                                                                                                                                                                                             },
    {"what others have added stays", &RES_CONFIG_MAP, false, "data: {a: x}",                                  "data: {a: x, b: w}",
     "data: {a: x}",                                                                                                                                                                       "{}"                             },
    {"what was ours goes",           &RES_CONFIG_MAP, false, "data: {a: x, b: w}",                            "data: {a: x, b: w}",
     "data: {a: x}",                                                                                                                                                                       "{\"data\":{\"b\":null}}"        },
    {"containers by name",           &RES_POD,        false, "spec: {containers: [{name: a, image: \"1\"}]}",
     "spec: {containers: [{name: a, image: \"1\"}, {name: injected, image: i}]}",                                                         "spec: {containers: [{name: a, image: \"2\"}]}",
     "{\"spec\":{\"$setElementOrder/containers\":[{\"name\":\"a\"}],\"containers\":[{\"image\":"
     "\"2\",\"name\":\"a\"}]}}"                                                                                                                                                                                             },
    {"a custom kind: old to new",    &widget,         false, "spec: {a: 1, l: [x]}",                          "spec: {a: 9, l: [x, w]}",
     "spec: {a: 1, l: [z]}",                                                                                                                                                               "{\"spec\":{\"l\":[\"z\"]}}"     },
    {"and all three",                &widget,         true,  "spec: {a: 1, b: 2}",                            "spec: {a: 9, b: 2, c: 3}",
     "spec: {a: 1}",                                                                                                                                                                       "{\"spec\":{\"a\":1,\"b\":null}}"},
};

static void patches(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct release_object o = {
            .root = yaml(a, cases[i].target), .res = cases[i].res, .name = "x", .ns = ""};
        enum kube_patch_type type;
        struct value *patch = NULL;
        struct err e = {0};
        T_RC(release__patch(&o, yaml(a, cases[i].original), yaml(a, cases[i].live),
                            cases[i].three_way, a, &type, &patch, &e),
             &e, cases[i].name);
        T_EQ_STR(json_text(a, patch, JSON_SORTED), cases[i].want, cases[i].name);
        T_EQ_INT(type, cases[i].res == &widget ? KUBE_PATCH_MERGE : KUBE_PATCH_STRATEGIC,
                 cases[i].name);
    }
}

T_MAIN(patches)
