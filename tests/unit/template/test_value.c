#include "base/own.h"
#include "codec/json.h"
#include "t.h"
#include "template/go_value.h"

static struct go_value read_json(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return go_from_value(a, v);
}

static const char *write_json(struct arena *a, struct go_value v)
{
    struct value out = {0};
    struct err e = {0};
    T_RC(go_to_value(a, &v, &out, &e), &e, "to value");
    return json_text(a, &out, JSON_SORTED);
}

static void converts(void)
{
    static const char *const cases[] = {
        "null",          "true", "1.5",        "1234567",
        "\"a\\u0000b\"", "[]",   "[1,[null]]", "{\"a\":{\"b\":[{}]}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(write_json(a, read_json(a, cases[i])), cases[i], cases[i]);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct go_value v = read_json(a, "{\"n\":1}");
    T_EQ_STR(go_type_name(&v), "map[string]interface {}", "object");
    T_EQ_STR(go_type_name(go_map_get(v.map, "n", 1)), "float64", "number");
}

static void maps(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct go_map *m = go_map_new(a, 0);
    for (int i = 0; i < 1000; i++) {
        char *key = arena_printf(a, "k%03d", (i * 7) % 1000);
        go_map_put(m, key, go_int(i));
    }
    T_EQ_INT(go_map_size(m), 1000, "size");
    size_t n = 0;
    const struct go_entry *sorted = go_map_sorted(m, &n);
    T_EQ_INT(n, 1000, "sorted");
    go_map_put(m, "zz", go_int(1)); /* the snapshot does not see it */
    T_OK(go_map_remove(m, "k000", 4), "removes");
    T_OK(!go_map_remove(m, "k000", 4), "removes once");
    for (size_t i = 0; i < n; i++) {
        T_EQ_STR(sorted[i].key, arena_printf(a, "k%03zu", i), "order");
        T_OK(!go_map_get(m, sorted[i].key, 4) == (i == 0), "found");
    }
    T_EQ_INT(go_map_size(m), 1000, "size");
    T_OK(go_map_get(NULL, "a", 1) == NULL, "nil map");
}

static void compares(void)
{
    static const struct {
        const char *a, *b;
        bool equal, truth;
    } cases[] = {
        {"{\"a\":[1,2]}", "{\"a\":[1,2]}", true,  true },
        {"{\"a\":1}",     "{\"b\":1}",     false, true },
        {"[]",            "{}",            false, false},
        {"null",          "null",          true,  false},
        {"\"\"",          "null",          false, false},
        {"0",             "0",             true,  false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct go_value x = read_json(a, cases[i].a), y = read_json(a, cases[i].b);
        struct go_value copy = go_copy(a, &x);
        T_EQ_INT(go_deep_equal(&x, &y), cases[i].equal, cases[i].a);
        T_OK(go_deep_equal(&x, &copy), cases[i].a);
        T_EQ_INT(go_truth(&x), cases[i].truth, cases[i].a);
    }
    struct go_value one = go_int(1), other = go_float(1);
    T_OK(!go_deep_equal(&one, &other), "types differ");
}

T_MAIN(converts, maps, compares)
