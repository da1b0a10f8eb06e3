/* cel.c - the CEL specification's test files. */
#include <math.h>

#include "codec.h"
#include "codec/cel_int.h"
#include "textproto.h"

enum { BINDINGS_MAX = 32 };

/* The last of a field's values, or NULL. */
static const struct value *field(const struct value *message, const char *name)
{
    const struct value *all = value_get(message, name);
    return value_item(all, value_count(all) - 1);
}

static const char *text_field(const struct value *message, const char *name, const char *dflt)
{
    return value_str(field(message, name), dflt);
}

static double to_double(const char *s)
{
    return strcmp(s, "inf") == 0 || strcmp(s, "infinity") == 0     ? INFINITY
           : strcmp(s, "-inf") == 0 || strcmp(s, "-infinity") == 0 ? -INFINITY
           : strcmp(s, "nan") == 0                                 ? NAN
                                                                   : strtod(s, NULL);
}

static bool to_cel(struct arena *a, const struct value *v, struct cel_value *out);

/* A message in an Any: only those that CEL takes for plain values. */
static bool any_to_cel(struct arena *a, const struct value *any, struct cel_value *out)
{
    static const char prefix[] = "type.googleapis.com/google.protobuf.";
    const struct member *m = value_members(any);
    if (value_members_count(any) != 1 || strncmp(m->key, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *type = m->key + sizeof prefix - 1;
    const struct value *message = value_item(&m->value, 0);
    int64_t seconds = strtoll(text_field(message, "seconds", "0"), NULL, 10);
    int64_t nanos = strtoll(text_field(message, "nanos", "0"), NULL, 10);
    const char *inner = text_field(message, "value", NULL);
    (void)a;
    *out = (struct cel_value){.kind = CEL_NULL};
    if (strcmp(type, "Timestamp") == 0)
        *out = (struct cel_value){.kind = CEL_TIMESTAMP, .i = seconds, .ns = (uint32_t)nanos};
    else if (strcmp(type, "Duration") == 0)
        *out = (struct cel_value){.kind = CEL_DURATION, .i = seconds * 1000000000 + nanos};
    else if (strcmp(type, "Int32Value") == 0 || strcmp(type, "Int64Value") == 0)
        *out = cel__int(strtoll(inner ? inner : "0", NULL, 10));
    else if (strcmp(type, "UInt32Value") == 0 || strcmp(type, "UInt64Value") == 0)
        *out = (struct cel_value){.kind = CEL_UINT, .u = strtoull(inner ? inner : "0", NULL, 10)};
    else if (strcmp(type, "FloatValue") == 0 || strcmp(type, "DoubleValue") == 0)
        *out = cel__double(to_double(inner ? inner : "0"));
    else if (strcmp(type, "BoolValue") == 0)
        *out = cel__bool(inner && strcmp(inner, "true") == 0);
    else if (strcmp(type, "StringValue") == 0 || strcmp(type, "BytesValue") == 0)
        *out = cel__string(inner ? inner : "", inner ? field(message, "value")->n : 0);
    else
        return false;
    if (strcmp(type, "FloatValue") == 0)
        out->d = (double)(float)out->d;
    if (strcmp(type, "BytesValue") == 0)
        out->kind = CEL_BYTES;
    return true;
}

static bool list_to_cel(struct arena *a, const struct value *list, struct cel_value *out)
{
    const struct value *all = value_get(list, "values");
    struct cel_value *items = ARENA_ARRAY(a, struct cel_value, value_count(all) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (item, all) {
        if (!to_cel(a, item, &items[n++]))
            return false;
    }
    *out = cel__list(items, n);
    return true;
}

static bool map_to_cel(struct arena *a, const struct value *map, struct cel_value *out)
{
    const struct value *all = value_get(map, "entries");
    struct cel_entry *entries = ARENA_ARRAY(a, struct cel_entry, value_count(all) + 1);
    uint32_t n = 0;
    VALUE_EACH_ITEM (item, all) {
        if (!to_cel(a, field(item, "key"), &entries[n].key) ||
            !to_cel(a, field(item, "value"), &entries[n++].value))
            return false;
    }
    *out = (struct cel_value){.kind = CEL_MAP, .n = n, .entries = entries};
    return true;
}

/* A cel.expr.Value; false: it holds a message. */
static bool to_cel(struct arena *a, const struct value *v, struct cel_value *out)
{
    if (value_members_count(v) != 1)
        return false;
    const struct member *m = value_members(v);
    const struct value *inner = value_item(&m->value, 0);
    const char *text = value_str(inner, "");
    if (strcmp(m->key, "null_value") == 0)
        *out = (struct cel_value){.kind = CEL_NULL};
    else if (strcmp(m->key, "bool_value") == 0)
        *out = cel__bool(strcmp(text, "true") == 0);
    else if (strcmp(m->key, "int64_value") == 0)
        *out = cel__int(strtoll(text, NULL, 0));
    else if (strcmp(m->key, "uint64_value") == 0)
        *out = (struct cel_value){.kind = CEL_UINT, .u = strtoull(text, NULL, 0)};
    else if (strcmp(m->key, "double_value") == 0)
        *out = cel__double(to_double(text));
    else if (strcmp(m->key, "list_value") == 0)
        return list_to_cel(a, inner, out);
    else if (strcmp(m->key, "map_value") == 0)
        return map_to_cel(a, inner, out);
    else if (strcmp(m->key, "object_value") == 0)
        return any_to_cel(a, inner, out);
    else if (strcmp(m->key, "string_value") == 0 || strcmp(m->key, "bytes_value") == 0 ||
             strcmp(m->key, "type_value") == 0)
        *out = cel__string(text, inner->n);
    else
        return false;
    if (strcmp(m->key, "bytes_value") == 0)
        out->kind = CEL_BYTES;
    else if (strcmp(m->key, "type_value") == 0)
        out->kind = CEL_TYPE;
    return true;
}

/* The same kind too, NaN equal to itself. */
static bool same(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == CEL_DOUBLE && isnan(a->d) && isnan(b->d))
        return true;
    return cel__equal(r, a, b);
}

static size_t bind_all(struct arena *a, const struct value *test, struct cel_binding *out)
{
    size_t n = 0;
    VALUE_EACH_ITEM (binding, value_get(test, "bindings")) {
        const struct value *expr = field(binding, "value");
        if (n == BINDINGS_MAX || !to_cel(a, field(expr, "value"), &out[n].value))
            return SIZE_MAX;
        out[n++].name = text_field(binding, "key", "");
    }
    return n;
}

static void run_test(struct tally *t, struct arena *a, const char *name, const struct value *test)
{
    struct cel_binding bindings[BINDINGS_MAX];
    size_t n = bind_all(a, test, bindings);
    const struct value *expr = field(test, "expr"), *want = field(test, "value");
    const struct value *result = field(field(test, "typed_result"), "result");
    bool fails = field(test, "eval_error") || field(test, "any_eval_errors");
    struct cel_env env = {.container = text_field(test, "container", NULL)};
    struct cel_value expected = cel__bool(true), got = {0};
    struct cel_program *p = NULL;
    struct err e = {0};
    want = want ? want : result;
    if (n == SIZE_MAX || (want && !to_cel(a, want, &expected))) {
        tally_skip(t, name, "needs messages of protocol buffers");
        return;
    }
    if (strcmp(text_field(test, "check_only", ""), "true") == 0 || field(test, "unknown") ||
        field(test, "any_unknowns")) {
        tally_skip(t, name, "asks for types or unknowns, not for a value");
        return;
    }
    int rc = cel_compile(a, expr->text, expr->n, &p, &e);
    rc = rc ? rc : cel__run(a, p, &env, bindings, n, &got, &e);
    if (rc == ERR_UNSUPPORTED)
        tally_skip(t, name, "needs messages of protocol buffers");
    else if (fails && rc == 0)
        tally_fail(t, name, "%s is %s, but must fail", expr->text,
                   json_text(a, cel__to_json(a, &got), 0));
    else if (!fails && rc)
        tally_fail(t, name, "%s: %s", expr->text, e.msg);
    else if (!fails && !same(&(struct cel_run){.arena = a, .env = &env}, &got, &expected))
        tally_fail(t, name, "%s is %s (%s), not %s (%s)", expr->text,
                   json_text(a, cel__to_json(a, &got), 0), cel__type_name(&got),
                   json_text(a, cel__to_json(a, &expected), 0), cel__type_name(&expected));
    else
        tally_pass(t);
}

void suite_cel(struct tally *t, struct arena *a, const char *name, const char *text, size_t n)
{
    struct value *file = NULL;
    struct err e = {0};
    if (textproto_parse(a, text, n, &file, &e)) {
        tally_fail(t, name, "%s", e.msg);
        return;
    }
    VALUE_EACH_ITEM (section, value_get(file, "section")) {
        VALUE_EACH_ITEM (test, value_get(section, "test")) {
            AUTO(arena) struct arena *own = arena_new(0);
            char id[300];
            (void)snprintf(id, sizeof id, "%s %s/%s", name, text_field(section, "name", ""),
                           text_field(test, "name", ""));
            run_test(t, own, id, test);
        }
    }
}
