#include "codec/json.h"
#include "codec/number.h"
#include "t.h"

static void makes_and_reads(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *o = value_new_object(a);
    value_set_str(a, value_make_object(a, o, "metadata.labels"), "app.kubernetes.io/name", "x");
    value_set_int(a, value_make_object(a, o, "spec"), "replicas", 3);
    struct value *list = value_make_array(a, o, "spec.items");
    for (int i = 0; i < 20; i++)
        value_push(a, list, value_new_int(a, i));
    value_push_str(a, list, "end");
    value_insert(a, list, 0, value_null(a));
    value_remove_at(list, 1);
    T_EQ_INT(value_at_int(o, "spec.items[1]", -1), 1, "items[1]");
    T_EQ_STR(value_at_str(o, "spec.items[20]", NULL), "end", "items[20]");
    T_EQ_INT(value_at_int(o, "spec.replicas", 0), 3, "replicas");
    T_OK(!value_at(o, "spec.items[99]"), "past the end");
    T_OK(!value_at(o, "spec.items[x]"), "malformed");
    T_OK(!value_at(NULL, "a.b"), "nothing");
    T_EQ_STR(value_str(value_get(value_at(o, "metadata.labels"), "app.kubernetes.io/name"), ""),
             "x", "dots in keys");
    T_OK(value_remove(o, "metadata") && !value_remove(o, "metadata"), "removed once");
    T_EQ_INT(value_count(o), 1, "what is left");
    T_OK(value_at_mut(o, "spec.items[2]"), "writable");
}

static void floats(void)
{
    static const struct {
        double d;
        const char *json, *g;
    } cases[] = {
        {0,                      "0",                       "0"                      },
        {-0.0,                   "-0",                      "-0"                     },
        {1,                      "1",                       "1"                      },
        {0.1,                    "0.1",                     "0.1"                    },
        {1e20,                   "100000000000000000000",   "1e+20"                  },
        {1e21,                   "1e+21",                   "1e+21"                  },
        {1234567.5,              "1234567.5",               "1.2345675e+06"          },
        {1e-6,                   "0.000001",                "1e-06"                  },
        {1e-7,                   "1e-7",                    "1e-07"                  },
        {1.5e-10,                "1.5e-10",                 "1.5e-10"                },
        {5e-324,                 "5e-324",                  "5e-324"                 },
        {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"},
        {0.30000000000000004,    "0.30000000000000004",     "0.30000000000000004"    },
        {100,                    "100",                     "100"                    },
        {123456,                 "123456",                  "123456"                 },
        {0.0001,                 "0.0001",                  "0.0001"                 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[NUMBER_TEXT_MAX];
        (void)number_format_json(cases[i].d, out);
        T_EQ_STR(out, cases[i].json, "json");
        (void)number_format_g(cases[i].d, out);
        T_EQ_STR(out, cases[i].g, "g");
    }
}

static void equals(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"1",                     "1.0",                   true },
        {"1",                     "2",                     false},
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true },
        {"[1,2]",                 "[2,1]",                 false},
        {"{\"a\":null}",          "{}",                    false},
        {"{\"a\":null}",          "{\"b\":null}",          false},
        {"\"a\"",                 "\"a\\u0000\"",          false},
        {"true",                  "1",                     false},
        {"9007199254740993",      "9007199254740992",      false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *x = NULL, *y = NULL;
        T_RC(json_parse(a, cases[i].a, strlen(cases[i].a), 0, &x, NULL), &(struct err){0}, "a");
        T_RC(json_parse(a, cases[i].b, strlen(cases[i].b), 0, &y, NULL), &(struct err){0}, "b");
        T_EQ_INT(value_equal(x, y), cases[i].same, cases[i].a);
    }
}

T_MAIN(makes_and_reads, floats, equals)
