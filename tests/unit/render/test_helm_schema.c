/* What a schema has against values; the sentences are those of Helm 3.22. */
#include "codec/json.h"
#include "render/helm/schema_int.h"
#include "t.h"

static void complains(void)
{
    static const struct {
        const char *schema, *values, *want; /* NULL: nothing */
    } cases[] = {
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}",                                      "{\"a\":1}",                                                                         NULL                                                                                                                                                                   },
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}",                                      "{\"a\":1.5}",
         "- at '/a': got number, want integer"                                                                                                                                                                                                                                                                                                               },
        {"{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}}}",                           "{\"a\":\"x\"}",
         "- at '/a': got string, want null or integer"                                                                                                                                                                                                                                                                                                       },
        {"{\"properties\":{\"a\":{\"maximum\":0.12345}}}",                                       "{\"a\":1234567.891}",
         "- at '/a': maximum: got 1.234567891×10⁰⁶, want 0.12345"                                                                                                                                                                                                                                                                                       },
        {"{\"properties\":{\"a\":{\"minimum\":12345.6789}}}",                                    "{\"a\":0.00001234}",
         "- at '/a': minimum: got 1.234×10⁻⁰⁵, want 12,345.6789"                                                                                                                                                                                                                                                                                      },
        {"{\"properties\":{\"a\":{\"exclusiveMinimum\":5}}}",                                    "{\"a\":5}",
         "- at '/a': exclusiveMinimum: got 5, want 5"                                                                                                                                                                                                                                                                                                        },
        {"{\"properties\":{\"a\":{\"exclusiveMaximum\":5}}}",                                    "{\"a\":5}",
         "- at '/a': exclusiveMaximum: got 5, want 5"                                                                                                                                                                                                                                                                                                        },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"multipleOf\":0.1}}}",                                                                                       "{\"a\":0.3}",                                                                                                                    NULL                                                                                                                                                                                       },
        {"{\"properties\":{\"a\":{\"multipleOf\":0.1}}}",                                                                                      "{\"a\":0.25}",
         "- at '/a': multipleOf: got 0.25, want 0.1"       },
        {"{\"properties\":{\"a\":{\"minLength\":3,\"maxLength\":1}}}",                                                                                      "{\"a\":\"xé\"}",
         "- at '/a': minLength: got 2, want 3\n- at '/a': maxLength: got 2, want 1"                                                                                                                                                                       },
        {"{\"properties\":{\"a\":{\"pattern\":\"^[0-9.]+$\"}}}",                                                                                      "{\"a\":\"a'b\\\"c\"}",
         "- at '/a': 'a\\'b\"c' does not match pattern '^[0-9.]+$'"        },
        {"{\"properties\":{\"a\":{\"enum\":[1,1.5,\"x\",null]}}}",                                                                                      "{\"a\":\"y\"}",
         "- at '/a': value must be one of 1, 1.5, 'x', <nil>"                                                                                                                                                                            },
        {"{\"properties\":{\"a\":{\"enum\":[\"x\"]}}}",                                                                                      "{\"a\":\"y\"}",
         "- at '/a': value must be 'x'"                   },
        {"{\"properties\":{\"a\":{\"enum\":[[\"x\"]]}}}",                                                                                      "{\"a\":\"y\"}",
         "- at '/a': 'enum' failed"                                                                                                                                                                          },
        {"{\"properties\":{\"a\":{\"const\":{\"x\":1}}}}",                                                                                      "{\"a\":{\"x\":1}}",                                                                                                                          NULL              },
        {"{\"properties\":{\"a\":{\"const\":true}}}",                                                                                      "{\"a\":1}",                                                                                                                               "- at '/a': value must be true"                                                                                                                                                                                       },
        {"{\"required\":[\"a\",\"b\"],\"minProperties\":2}",                                                                                      "{\"c\":1}",
         "- at '': minProperties: got 1, want 2\n- at '': missing properties 'a', 'b'"       },
        {"{\"additionalProperties\":false,\"properties\":{\"a\":true},\"patternProperties\":{\"^x-"
         "\":{\"type\":\"string\"}}}",                                                                                      "{\"a\":1,\"x-q\":2,\"q\":1}",
         "- at '/x-q': got number, want string\n- at '': additional properties 'q' not allowed"                                                                                                                                                                                                                                                                                                                        },
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":1}",
         "- at '/a': got number, want string"},
        {"{\"propertyNames\":{\"pattern\":\"^x\"}}",                                                   "{\"a\":1}",
         "- at '': invalid propertyName 'a'\n  - at '': 'a' does not match pattern '^x'"                                                                                                                                                                                                                                                                                                                                                                                  },
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}",        "{\"a\":1}",
         "- at '': properties 'b' required, if 'a' exists"},
        {"{\"dependencies\":{\"a\":[\"b\"]}}",                                      "{\"a\":1}",
         "- at '': properties 'b' required, if 'a' exists"                                                                                                                                                                                                                                                                                                                                                                                                                     },
        {"{\"dependentSchemas\":{\"a\":{\"required\":[\"z\"]}}}",                                      "{\"a\":1}",
         "- at '': missing property 'z'"},
        {"{\"properties\":{\"a\":{\"uniqueItems\":true,\"minItems\":3,\"maxItems\":1}}}",
         "{\"a\":[{\"x\":1},{\"x\":1}]}",                                                                                                                                           "- at '/a': minItems: got 2, want 3\n- at '/a': maxItems: got 2, want 1\n- at '/a': items "
         "at 0 and 1 are equal"                                                                                                                                                                                                                                                                                                                                                                                                               },
        {"{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}}}}",                                                                                       "{\"a\":[\"x\",1]}",
         "- at '/a/1': got number, want string"},
        {"{\"properties\":{\"a\":{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}}}",
         "{\"a\":[\"x\",1]}",                                                                                                                            "- at '/a/1': false schema"                                                                                                                                                                                                                                                                                                                                                                                               },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"items\":[{\"type\":\"string\"}],\"additionalItems\":"
         "false}}}",                                                                    "{\"a\":[\"x\",1]}",                                                                          "- at '/a': last 1 additionalItem(s) not allowed"},
        {"{\"properties\":{\"a\":{\"contains\":{\"type\":\"integer\"}}}}",                                                                             "{\"a\":[\"x\"]}",
         "- at '/a': no items match contains schema\n  - at '/a/0': got string, want integer"                                                                                                                      },
        {"{\"properties\":{\"a\":{\"contains\":{\"type\":\"integer\"},\"minContains\":2}}}",
         "{\"a\":[1]}",                                                                                                                                                               "- at '/a': min 2 items required to match contains schema, but matched 1 items at 0"                                                                                                                                                                                                                                                                },
        {"{\"properties\":{\"a\":{\"contains\":{\"type\":\"integer\"},\"maxContains\":1}}}",
         "{\"a\":[1,2]}",                                                                                                                                                             "- at '/a': max 1 items required to match contains schema, but matched 2 items at 0 1"                                                                                   },
        {"{\"properties\":{\"a\":{\"not\":{\"type\":\"string\"}}}}",     "{\"a\":\"x\"}",
         "- at '/a': 'not' failed"                                                                                 },
        {"{\"allOf\":[{\"required\":[\"x\"]},{\"required\":[\"y\"]}]}",                             "{\"a\":\"x\"}",
         "- at '': 'allOf' failed\n  - at '': missing property 'x'\n  - at '': missing property "
         "'y'"                                                                                                                                                                                                                                                                                                                           },
        {"{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}}}",
         "{\"a\":1}",                                                                                                                                                                 "- at '/a': 'anyOf' failed\n  - at '/a': got number, want string\n  - at '/a': minimum: "
         "got 1, want 5"                                                                                                                                                                                                                                                                                                                                               },
        {"{\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"number\"},{\"minimum\":0}]}}}",
         "{\"a\":1}",                                                                                            "- at '/a': 'oneOf' failed, subschemas 0, 1 matched"                                                                                                                                                                                                                                                                                                                                        },
        {"{\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"string\"},{\"minimum\":5}]}}}",
         "{\"a\":1}",                                                                                                                                            "- at '/a': 'oneOf' failed, none matched\n  - at '/a': got number, want string\n  - at "
         "'/a': minimum: got 1, want 5"                                                                                                                                                                                                                                                                                                                                         },
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":["
         "\"c\"]}}",                                                                                      "{\"a\":1}",                                                                                                    "- at '': missing property 'b'"                                                                                                                                                                                                                                                                                                                                         },
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":["
         "\"c\"]}}",                                                         "{}",                                                                                                                            "- at '': missing property 'c'"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
         "x\"}},\"$defs\":{\"x\":{\"type\":\"string\"}}}","{\"a\":1}",                                                                                                                                                                          "- at '/a': got number, want string"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
         "x\",\"minimum\":5}},\"$defs\":{\"x\":{\"minimum\":4}}}",                                                                             "{\"a\":1}",                                                                                                   "- at '/a': minimum: got 1, want 4\n- at '/a': minimum: got 1, want 5"                                                                                                                },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"$ref\":\"#/definitions/"
         "x\",\"minimum\":5}},\"definitions\":{\"x\":{\"minimum\":4}}}",                                                                                       "{\"a\":1}",                                     "- at '/a': minimum: got 1, want 4"                                                                                                                                                                                                                                                                                                  },
        {"{\"properties\":{\"a\":{\"$ref\":\"#foo\"}},\"$defs\":{\"x\":{\"$anchor\":\"foo\","
         "\"type\":\"string\"}}}",                                                                                      "{\"a\":1}",                                                  "- at '/a': got number, want string"                                                                                                                                                                                                                                                                                            },
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/a~1b\"}},\"$defs\":{\"a/"
         "b\":{\"type\":\"string\"}}}",                "{\"a\":1}",                                                                                                                                               "- at '/a': got number, want string"                                                        },
        {"{\"unevaluatedProperties\":false,\"properties\":{\"a\":true},\"anyOf\":[{\"properties\":{"
         "\"b\":true}}]}","{\"a\":1,\"b\":2,\"c\":3}",                                                                                                                                                                          "- at '/c': false schema"},
        {"{\"properties\":{\"a\":{\"unevaluatedItems\":false,\"prefixItems\":[true]}}}",
         "{\"a\":[1,2]}","- at '/a/1': false schema"                                                                                                                                   },
        {"{\"$schema\":\"https://json-schema.org/draft/2019-09/"
         "schema\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
         "x\",\"minimum\":5}},\"$defs\":{\"x\":{\"type\":\"string\"}}}",                                                                                       "{\"a\":1}",                                                                                                                                                                        "- at '/a': got number, want string\n- at '/a': minimum: got 1, want 5"                                                                                                                                                                                                                                                                                           },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"format\":\"ipv4\"}}}",                                                                                      "{\"a\":\"1.2.3\"}","- at '/a': '1.2.3' is not valid ipv4: expected four decimals"                                                                                                                                                                                                                                                                                                                                    },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"format\":\"hostname\"}}}",                                                             "{\"a\":\"a_b\"}",         "- at '/a': 'a_b' is not valid hostname: invalid character '_'"                                                                                                                                                                                           },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"format\":\"email\"}}}",                                                           "{\"a\":\"x\"}",                                                                                                               "- at '/a': 'x' is not valid email: missing @"                                                                                                                                                                                                            },
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"format\":\"uri\"}}}","{\"a\":\"x/y\"}",                                                                                                                                                                          "- at '/a': 'x/y' is not valid uri: relative url"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/"
         "schema#\",\"properties\":{\"a\":{\"format\":\"date-time\"}}}",                              "{\"a\":\"2020-01-01\"}",
         "- at '/a': '2020-01-01' is not valid date-time: less than 20 characters long"                                                                                                                                                                                                                                                                                        },
        {"{\"properties\":{\"a\":{\"format\":\"ipv4\"}}}",                                                                                       "{\"a\":\"1.2.3\"}",NULL                                                                                                                                                                                                        },
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"string\"},\"c\":{\"type\":"
         "\"string\"}},\"required\":[\"d\"]}}}",                                                                                      "{\"a\":{\"b\":1}}",
         "- at '/a': missing property 'd'\n- at '/a/b': got number, want string"                                                                                                                                                                                                                                                                                          },
        {"{\"properties\":{\"a/b\":{\"type\":\"string\"}}}",                                        "{\"a/b\":1}",
         "- at '/a~1b': got number, want string"},
        {"{\"properties\":{\"a\":false}}",                                                                                 "{\"a\":1}",                                                                                                                                      "- at '/a': false schema"                                                                                                                                                                                                                                                                                                                                                                                                           },
        {"false",                         "{\"a\":1}",                                                                                                                        "- at '': false schema"                                                                                                                                                                                                                                                                      },
        {"{}",                                       "{\"a\":1}",                                                                                                                                          NULL                                                                                                                                                                                                                                          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_log log = {.arena = a};
        struct err e = {0};
        struct value *doc = NULL;
        const char *got = NULL, *name = cases[i].schema;
        T_RC(json_parse(a, cases[i].values, strlen(cases[i].values), 0, &doc, &e), &e, name);
        struct go_value v = go_from_value(a, doc);
        T_RC(helm__schema_validate(&log, name, strlen(name), &v, &got, &e), &e, name);
        T_EQ_STR(got, cases[i].want, name);
    }
}

static void refuses_schemas(void)
{
    static const struct {
        const char *schema, *want;
    } cases[] = {
        {"{\"$ref\": \"#/$defs/x\"}",
         "json-pointer in \"file:///values.schema.json#/$defs/x\" not found"                   },
        {"{\"$ref\": \"https://example.com/a.json\"}",
         "failing loading \"https://example.com/a.json\": schemas are read from the chart only"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_log log = {.arena = a};
        struct err e = {0};
        struct go_value v = go_map(go_map_new(a, 0));
        const char *got = NULL, *s = cases[i].schema;
        T_OK(helm__schema_validate(&log, s, strlen(s), &v, &got, &e) < 0, s);
        T_EQ_STR(log.error, cases[i].want, s);
    }
}

T_MAIN(complains, refuses_schemas)
