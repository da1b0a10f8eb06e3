#include "api/managed.h"

#include "api/strategic.h"
#include "codec/json.h"
#include "t.h"

static struct value *parse(struct arena *a, const char *text)
{
    struct value *v = NULL;
    T_EQ_INT(json_parse(a, text, strlen(text), 0, &v, NULL), 0, text);
    return v;
}

static const char *fields(struct arena *a, const struct value *v, size_t i)
{
    const struct value *m = value_item(value_at(v, "metadata.managedFields"), i);
    return m ? json_text(a, value_get(m, "fieldsV1"), JSON_SORTED) : "";
}

static const char CM[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"},"
    "\"data\":{\"a\":\"%s\"%s}}";

static void appliers_own_what_they_say(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct kind k = kind_builtin(&RES_CONFIG_MAP);
    struct managed_opts one = {.manager = "one", .subresource = ""};
    struct managed_opts two = {.manager = "two", .subresource = ""};
    struct managed_conflicts c = {0};
    struct value *live, *next;
    struct err e = {.msg = ""};
    T_RC(managed_apply(&k, NULL, parse(a, arena_printf(a, CM, "1", ",\"b\":\"1\"")), &one, a, &live,
                       &c, &e),
         &e, "first");
    T_EQ_STR(fields(a, live, 0), "{\"f:data\":{\"f:a\":{},\"f:b\":{}}}", "owned");
    T_EQ_INT(
        managed_apply(&k, live, parse(a, arena_printf(a, CM, "2", "")), &two, a, &next, &c, &e),
        ERR_CONFLICT, "other value");
    T_EQ_STR(e.msg, "Apply failed with 1 conflict: conflict with \"one\": .data.a", "words");
    two.force = true;
    T_RC(managed_apply(&k, live, parse(a, arena_printf(a, CM, "2", "")), &two, a, &next, &c, &e),
         &e, "force");
    T_EQ_STR(value_at_str(next, "data.a", ""), "2", "taken");
    T_EQ_STR(value_at_str(next, "data.b", ""), "1", "kept");
    T_RC(managed_apply(&k, next, parse(a, arena_printf(a, CM, "2", "")), &one, a, &live, &c, &e),
         &e, "one says less");
    T_OK(!value_at(live, "data.b"), "what nobody says any more goes");
}

static void updaters_own_what_they_change(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct kind k = kind_builtin(&RES_CONFIG_MAP);
    struct managed_opts o = {.manager = "m", .subresource = ""};
    struct value *v = parse(a, arena_printf(a, CM, "1", ""));
    struct err e;
    T_RC(managed_update(&k, NULL, v, &o, a, &e), &e, "create");
    T_EQ_STR(fields(a, v, 0), "{\"f:data\":{\".\":{},\"f:a\":{}}}", "created");
    struct value *next = value_copy(a, v);
    (void)value_set_str(a, value_at_mut(next, "data"), "z", "1");
    o.manager = "n";
    T_RC(managed_update(&k, v, next, &o, a, &e), &e, "update");
    T_EQ_INT(value_count(value_at(next, "metadata.managedFields")), 2, "entries");
    T_EQ_STR(fields(a, next, 1), "{\"f:data\":{\"f:z\":{}}}", "changed");
}

static void merges_lists_by_key(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct kind k = kind_builtin(&RES_POD);
    const struct value *doc =
        parse(a, "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{"
                 "\"name\":\"b\",\"image\":\"1\"}]}}");
    struct value *out;
    struct err e;
    T_RC(strategic_apply(a, k.schema, doc,
                         parse(a, "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"2\"},{"
                                  "\"name\":\"a\",\"$patch\":\"delete\"}]}}"),
                         &out, &e),
         &e, "apply");
    T_EQ_STR(json_text(a, out, 0), "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"2\"}]}}",
             "merged");
    T_RC(strategic_diff(a, k.schema, doc, out, &out, &e), &e, "diff");
    T_EQ_STR(json_text(a, out, JSON_SORTED),
             "{\"spec\":{\"$setElementOrder/containers\":[{\"name\":\"b\"}],\"containers\":[{"
             "\"image\":\"2\",\"name\":\"b\"},{\"$patch\":\"delete\",\"name\":\"a\"}]}}",
             "patch");
}

T_MAIN(appliers_own_what_they_say, updaters_own_what_they_change, merges_lists_by_key)
