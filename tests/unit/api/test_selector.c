#include "api/selector.h"

#include "api/kind.h"
#include "codec/json.h"
#include "t.h"

static struct value *parse(struct arena *a, const char *text)
{
    struct value *v = NULL;
    T_EQ_INT(json_parse(a, text, strlen(text), 0, &v, NULL), 0, text);
    return v;
}

static void matches_labels(void)
{
    static const struct {
        const char *selector;
        bool want;
    } cases[] = {
        {"",                  true },
        {"app=web",           true },
        {"app==web,tier!=be", true },
        {"app in (web,api)",  true },
        {"app notin (web)",   false},
        {"missing",           false},
        {"!missing",          true },
        {"n>3",               true },
        {"n<3",               false},
        {"in=x",              false},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct value *labels = parse(a, "{\"app\":\"web\",\"tier\":\"fe\",\"n\":\"5\"}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct selector s;
        T_EQ_INT(selector_parse(cases[i].selector, a, &s, NULL), 0, cases[i].selector);
        T_EQ_INT(selector_matches(&s, labels), cases[i].want, cases[i].selector);
    }
}

static void refuses_as_upstream(void)
{
    static const struct {
        const char *selector, *want;
    } cases[] = {
        {"app in web", "unable to parse requirement: found 'web' expected: '('"      },
        {"app,",       "found '', expected: identifier after ','"                    },
        {"a b",        "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, "
                "gt, lt"                                              },
        {"app===web",  "unable to parse requirement: found '=', expected: identifier"},
        {"n>x",        "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', "
                "'Lt' operators, the value must be an integer"        },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct selector s;
        struct err e = {.msg = ""};
        T_EQ_INT(selector_parse(cases[i].selector, a, &s, &e), ERR_INVALID, cases[i].selector);
        T_EQ_STR(e.msg, cases[i].want, cases[i].selector);
    }
}

static void prints_in_key_order(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct selector s;
    T_EQ_INT(selector_parse("z=1,a in (c,b),!m", a, &s, NULL), 0, "parse");
    T_EQ_STR(selector_text(&s, a), "a in (b,c),!m,z=1", "text");
}

static void reads_label_selectors(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct selector s;
    const struct value *labels = parse(a, "{\"a\":\"b\"}");
    T_EQ_INT(selector_from_value(NULL, a, &s, NULL), 0, "absent");
    T_OK(!selector_matches(&s, labels), "absent matches nothing");
    T_EQ_INT(selector_from_value(parse(a, "{}"), a, &s, NULL), 0, "empty");
    T_OK(selector_matches(&s, labels), "empty matches everything");
    const char *in =
        "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"b\"]}]}";
    T_EQ_INT(selector_from_value(parse(a, in), a, &s, NULL), 0, "expression");
    T_OK(selector_matches(&s, labels), "expression");
}

static void selects_by_field(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct kind pod = kind_builtin(&RES_POD), lease = kind_builtin(&RES_LEASE);
    const struct value *obj =
        parse(a, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"}}");
    struct selector s;
    struct err e;
    T_EQ_INT(selector_parse_fields("metadata.name=p,spec.nodeName!=m", a, &s, NULL), 0, "parse");
    T_EQ_INT(selector_check_fields(&pod, &s, NULL), 0, "offered");
    T_OK(selector_matches_fields(&s, &pod, obj, a), "matches");
    T_EQ_INT(selector_check_fields(&lease, &s, &e), ERR_INVALID, "not offered");
    T_EQ_STR(e.msg,
             "\"spec.nodeName\" is not a known field selector: only \"metadata.name\", "
             "\"metadata.namespace\"",
             "words");
    T_EQ_INT(selector_parse_fields("nope", a, &s, &e), ERR_INVALID, "no operator");
}

T_MAIN(matches_labels, refuses_as_upstream, prints_in_key_order, reads_label_selectors,
       selects_by_field)
