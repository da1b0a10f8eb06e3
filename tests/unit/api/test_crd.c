#include "api/crd.h"

#include "api/admit.h"
#include "api/openapi.h"
#include "api/table.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "t.h"

static struct value *parse(struct arena *a, const char *yaml)
{
    struct value *v = NULL;
    struct err e;
    T_RC(yaml_parse(a, yaml, strlen(yaml), 0, &v, &e), &e, "yaml");
    return v;
}

static const char THING[] =
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: things.example.com}\n"
    "spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Thing, plural: things}\n"
    "  versions:\n  - name: v1\n    served: true\n    storage: true\n"
    "    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]\n"
    "    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
    "          spec:\n            type: object\n            required: [size]\n"
    "            x-kubernetes-validations: [{rule: \"self.size != 7\", message: not seven}]\n"
    "            properties:\n              size: {type: integer, minimum: 1}\n"
    "              mode: {type: string, default: slow, enum: [slow, fast]}\n";

static const struct crd_version *thing(struct arena *a)
{
    struct kind k = kind_builtin(&RES_CRD);
    struct value *v = parse(a, THING);
    struct field_errors l;
    const struct crd *c;
    field_errors_init(&l, a);
    admit_default(&k, v, a);
    admit_validate_create(&k, v, &l);
    T_EQ_STR(field_errors_text(&l, a), "", "valid");
    T_EQ_INT(crd_compile(a, v, &c, NULL), 0, "compile");
    return crd_version(c, "v1");
}

static void judges_instances(void)
{
    static const struct {
        const char *spec, *want;
    } cases[] = {
        {"{size: 1}",            ""                                          },
        {"{}",                   "spec.size: Required value"                 },
        {"{size: 0}",            "spec.size: Invalid value: 0: spec.size in body should be greater "
                      "than or equal to 1"              },
        {"{size: x}",            "spec.size: Invalid value: \"string\": spec.size in body must be of "
                      "type integer: \"string\""        },
        {"{size: 1, mode: mid}",
         "spec.mode: Unsupported value: \"mid\": supported values: \"slow\", "
         "\"fast\""                                                          },
        {"{size: 7}",            "spec: Invalid value: \"object\": not seven"},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct kind k = kind_custom(thing(a));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field_errors l;
        struct strict_errors strict = {0};
        struct value *v = parse(a, arena_printf(a,
                                                "apiVersion: example.com/v1\nkind: Thing\n"
                                                "metadata: {name: t, namespace: x}\nother: 1\n"
                                                "spec: %s\n",
                                                cases[i].spec));
        field_errors_init(&l, a);
        T_EQ_INT(admit_decode(&k, v, &strict, a, NULL), 0, "decode");
        T_EQ_STR(strict.n ? strict.items[0] : "", "unknown field \"other\"", "pruned");
        admit_default(&k, v, a);
        admit_validate_create(&k, v, &l);
        T_EQ_STR(field_errors_text(&l, a), cases[i].want, cases[i].spec);
    }
}

/* Rules that are plainly wrong are refused with the CRD, right ones never. */
static void checks_rules(void)
{
    static const struct {
        const char *rule, *want;
    } cases[] = {
        {"self.size < 1e3 && self.mode != 'a.b'",                 NULL                                                              },
        {"self.?mode.orValue('x') == 'x' // not a rule",          NULL                                                              },
        {"cel.bind(half, self.size / 2, half > 1)",               NULL                                                              },
        {"['a', 'b'].exists(m, m == self.mode)",                  NULL                                                              },
        {"[1].all(i, v, v > i + self.size)",                      NULL                                                              },
        {"has(self.mode) ? self.mode == 'x' : oldSelf.size == 1", NULL                                                              },
        {"self.mode.matches(r'^[a-z]+$') && size(self.mode) > 1", NULL                                                              },
        {"self.length > 1",                                       "undefined field 'length'"                                        },
        {"self.size == 'x'",                                      "found no matching overload for '_==_' applied to '(int, string)'"},
        {"other > 1",                                             "undeclared reference to 'other' (in container '')"               },
        {"self.size >",                                           "Syntax error: mismatched input '<EOF>'"                          },
        {"self.size",                                             "cel expression must evaluate to a bool"                          },
    };
    struct kind k = kind_builtin(&RES_CRD);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct field_errors l;
        struct value *v = parse(a, THING);
        struct value *rule = value_at_mut(v, "spec.versions[0].schema.openAPIV3Schema.properties."
                                             "spec.x-kubernetes-validations[0]");
        T_OK(rule && value_set_str(a, rule, "rule", cases[i].rule), "set");
        field_errors_init(&l, a);
        admit_default(&k, v, a);
        admit_validate_create(&k, v, &l);
        const char *got = field_errors_text(&l, a);
        T_OK(cases[i].want ? strstr(got, cases[i].want) != NULL : !*got,
             *got ? got : cases[i].rule);
    }
}

static void shows_rows(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct kind k = kind_custom(thing(a));
    struct value *v = parse(a, "metadata: {name: t}\nspec: {size: 3}\n");
    T_EQ_STR(json_text(a, table_cells(&k, v, 0, a), 0), "[\"t\",3]", "cells");
    T_EQ_INT(value_count(table_columns(&k, a)), 2, "columns");
    T_EQ_STR(table_age(200000, a), "3m20s", "age");
    T_EQ_STR(table_age((int64_t)50 * 3600 * 1000, a), "2d2h", "age");
}

static void every_builtin_one_is_valid(void)
{
    struct kind k = kind_builtin(&RES_CRD);
    size_t n = 0;
    for (; crd_builtin(n); n++) {
        AUTO(arena) struct arena *a = arena_new(1 << 24);
        struct value *v = parse(a, crd_builtin(n)->text);
        T_EQ_STR(value_at_str(v, "metadata.name", ""), crd_builtin(n)->name, "name");
        struct field_errors l;
        struct strict_errors strict = {0};
        const struct crd *c;
        field_errors_init(&l, a);
        T_EQ_INT(admit_decode(&k, v, &strict, a, NULL), 0, "decode");
        T_EQ_INT(strict.n, 0, value_at_str(v, "metadata.name", ""));
        admit_default(&k, v, a);
        admit_prepare_create(&k, v, a);
        admit_validate_create(&k, v, &l);
        T_EQ_STR(field_errors_text(&l, a), "", value_at_str(v, "metadata.name", ""));
        T_EQ_INT(crd_compile(a, v, &c, NULL), 0, "compile");
        const struct resource *r = &c->versions[0].resource;
        const struct resource *known = resource_find(resource_api_version(r, a), r->kind);
        if (known)
            T_OK(strcmp(known->plural, r->plural) == 0 && known->namespaced == r->namespaced,
                 r->kind);
    }
    T_OK(n >= 20, "how many");
}

static void writes_openapi(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 26);
    struct kind deployment = kind_builtin(&RES_DEPLOYMENT), custom = kind_custom(thing(a));
    const struct kind *kinds[] = {&deployment, &custom};
    const struct value *doc = openapi_v3(kinds, 2, "apps", "v1", a);
    const struct value *schemas = value_at(doc, "components.schemas");
    const struct value *spec = value_get(schemas, "io.k8s.api.apps.v1.DeploymentSpec");
    T_EQ_STR(json_text(a, value_get(spec, "required"), 0), "[\"selector\",\"template\"]",
             "required");
    doc = openapi_v3(kinds, 2, "example.com", "v1", a);
    schemas = value_at(doc, "components.schemas");
    T_OK(value_get(schemas, "com.example.v1.Thing") != NULL, "custom");
}

T_MAIN(judges_instances, checks_rules, shows_rows, every_builtin_one_is_valid, writes_openapi)
