/* cel_value.c - values: equality, order, what a document holds, operators. */
#include <math.h>

#include "base/own.h"
#include "codec/base64.h"
#include "codec/cel_int.h"
#include "codec/number.h"

enum { COMPARE_DEPTH = 200 };

struct cel_value cel__string(const char *text, size_t n)
{
    return (struct cel_value){.kind = CEL_STRING, .n = (uint32_t)n, .text = text};
}

struct cel_value cel__copy_string(struct arena *a, const char *text, size_t n)
{
    return cel__string(arena_strndup(a, text, n), n);
}

const char *cel__type_name(const struct cel_value *v)
{
    static const char *const names[] = {"null_type",
                                        "bool",
                                        "int",
                                        "uint",
                                        "double",
                                        "string",
                                        "bytes",
                                        "list",
                                        "map",
                                        "google.protobuf.Timestamp",
                                        "google.protobuf.Duration",
                                        "type",
                                        "optional_type"};
    return names[v->kind];
}

bool cel__is_type_name(const char *name)
{
    for (int kind = CEL_NULL; kind <= CEL_OPTIONAL; kind++)
        if (strcmp(cel__type_name(&(struct cel_value){.kind = (enum cel_kind)kind}), name) == 0)
            return true;
    return false;
}

/* ---- documents ---- */

struct cel_value cel__from_json(const struct cel_run *r, const struct value *v)
{
    struct cel_value c = {.kind = CEL_NULL};
    if (!v)
        return c;
    switch (v->kind) {
    case VALUE_NULL:
        break;
    case VALUE_BOOL:
        return cel__bool(v->boolean);
    case VALUE_INT:
        return r->env->doubles ? cel__double((double)v->i) : cel__int(v->i);
    case VALUE_FLOAT:
        return cel__double(v->d);
    case VALUE_STRING:
        return cel__string(v->text, v->n);
    case VALUE_ARRAY:
        return (struct cel_value){.kind = CEL_LIST, .n = v->n, .json = true, .doc = v};
    case VALUE_OBJECT:
        return (struct cel_value){.kind = CEL_MAP, .n = v->n, .json = true, .doc = v};
    }
    return c;
}

struct cel_value cel__item(const struct cel_run *r, const struct cel_value *list, size_t i)
{
    return list->json ? cel__from_json(r, &list->doc->items[i]) : list->items[i];
}

struct cel_entry cel__entry(const struct cel_run *r, const struct cel_value *map, size_t i)
{
    if (!map->json)
        return map->entries[i];
    const struct member *m = &map->doc->members[i];
    return (struct cel_entry){cel__string(m->key, m->key_len), cel__from_json(r, &m->value)};
}

/* A key as text, as JSON has it. */
static const char *key_text(struct arena *a, const struct cel_value *key)
{
    struct value *v = cel__to_json(a, key);
    if (v->kind == VALUE_BOOL)
        return v->boolean ? "true" : "false";
    return v->text;
}

static struct value *containers_to_json(struct arena *a, const struct cel_value *v)
{
    if (v->json)
        return arena_dup(a, v->doc, sizeof *v->doc);
    struct value *out = v->kind == CEL_LIST ? value_new_array(a) : value_new_object(a);
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->kind == CEL_LIST)
            (void)value_push(a, out, cel__to_json(a, &v->items[i]));
        else
            (void)value_set(a, out, key_text(a, &v->entries[i].key),
                            cel__to_json(a, &v->entries[i].value));
    }
    return out;
}

struct value *cel__to_json(struct arena *a, const struct cel_value *v)
{
    struct value *out;
    switch (v->kind) {
    case CEL_NULL:
        return value_null(a);
    case CEL_BOOL:
        return value_new_bool(a, v->b);
    case CEL_INT:
        return value_new_int(a, v->i);
    case CEL_UINT:
        if (v->u <= INT64_MAX)
            return value_new_int(a, (int64_t)v->u);
        out = value_new_float(a, (double)v->u);
        out->text = arena_printf(a, "%llu", (unsigned long long)v->u);
        out->n = (uint32_t)strlen(out->text);
        return out;
    case CEL_DOUBLE:
        return isfinite(v->d) ? value_new_float(a, v->d)
                              : value_new_str(a, isnan(v->d) ? "NaN"
                                                 : v->d > 0  ? "Infinity"
                                                             : "-Infinity");
    case CEL_STRING:
    case CEL_TYPE:
        return value_new_strn(a, v->text, v->n);
    case CEL_BYTES:
        return value_new_str(a, base64_encode(a, v->text, v->n, BASE64_STD));
    case CEL_LIST:
    case CEL_MAP:
        return containers_to_json(a, v);
    case CEL_TIMESTAMP:
        return value_new_str(a, cel__timestamp_text(a, v));
    case CEL_DURATION:
        return value_new_str(a, cel__duration_text(a, v));
    case CEL_OPTIONAL:
        return v->n ? cel__to_json(a, &v->items[0]) : value_null(a);
    }
    return value_null(a);
}

/* ---- order and equality ---- */

static bool is_number(const struct cel_value *v)
{
    return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

/* As other implementations do, between a double and an integer by what a double can hold. */
static double as_double(const struct cel_value *v)
{
    return v->kind == CEL_INT ? (double)v->i : v->kind == CEL_UINT ? (double)v->u : v->d;
}

static int order_numbers(const struct cel_value *a, const struct cel_value *b, bool *nan)
{
    if ((a->kind == CEL_DOUBLE && isnan(a->d)) || (b->kind == CEL_DOUBLE && isnan(b->d))) {
        *nan = true;
        return 0;
    }
    if (a->kind == CEL_DOUBLE || b->kind == CEL_DOUBLE)
        return (as_double(a) > as_double(b)) - (as_double(a) < as_double(b));
    bool minus_a = a->kind == CEL_INT && a->i < 0, minus_b = b->kind == CEL_INT && b->i < 0;
    if (minus_a != minus_b)
        return minus_a ? -1 : 1;
    if (minus_a)
        return (a->i > b->i) - (a->i < b->i);
    return (a->u > b->u) - (a->u < b->u); /* not negative: the same bits */
}

static int order_bytes(const struct cel_value *a, const struct cel_value *b)
{
    int c = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

bool cel__order(const struct cel_value *a, const struct cel_value *b, int *out, bool *nan)
{
    *nan = false;
    if (is_number(a) && is_number(b)) {
        *out = order_numbers(a, b, nan);
        return true;
    }
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case CEL_BOOL:
        *out = a->b - b->b;
        return true;
    case CEL_STRING:
    case CEL_BYTES:
        *out = order_bytes(a, b);
        return true;
    case CEL_DURATION:
        *out = (a->i > b->i) - (a->i < b->i);
        return true;
    case CEL_TIMESTAMP:
        *out = a->i != b->i ? (a->i > b->i) - (a->i < b->i) : (a->ns > b->ns) - (a->ns < b->ns);
        return true;
    case CEL_NULL:
    case CEL_INT:
    case CEL_UINT:
    case CEL_DOUBLE:
    case CEL_LIST:
    case CEL_MAP:
    case CEL_TYPE:
    case CEL_OPTIONAL:
        break;
    }
    return false;
}

static bool equal(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                  unsigned depth);

static bool same_maps(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                      unsigned depth)
{
    for (uint32_t i = 0; i < a->n; i++) {
        struct cel_entry entry = cel__entry(r, a, i);
        struct cel_value other;
        if (!cel__lookup(r, b, &entry.key, &other) || !equal(r, &entry.value, &other, depth))
            return false;
    }
    return true;
}

static bool equal(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                  unsigned depth)
{
    int c = 0;
    bool nan = false;
    if (depth > COMPARE_DEPTH)
        return false;
    if (cel__order(a, b, &c, &nan))
        return c == 0 && !nan;
    if (a->kind != b->kind || (a->kind != CEL_TYPE && a->n != b->n))
        return false;
    switch (a->kind) {
    case CEL_NULL:
        return true;
    case CEL_TYPE:
        return strcmp(a->text, b->text) == 0;
    case CEL_OPTIONAL:
        return a->n == 0 || equal(r, &a->items[0], &b->items[0], depth + 1);
    case CEL_MAP:
        return same_maps(r, a, b, depth + 1);
    case CEL_LIST:
        for (uint32_t i = 0; i < a->n; i++) {
            struct cel_value x = cel__item(r, a, i), y = cel__item(r, b, i);
            if (!equal(r, &x, &y, depth + 1))
                return false;
        }
        return true;
    case CEL_BOOL:
    case CEL_INT:
    case CEL_UINT:
    case CEL_DOUBLE:
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_TIMESTAMP:
    case CEL_DURATION:
        break;
    }
    return false;
}

bool cel__equal(const struct cel_run *r, const struct cel_value *a, const struct cel_value *b)
{
    return equal(r, a, b, 0);
}

bool cel__lookup(const struct cel_run *r, const struct cel_value *map, const struct cel_value *key,
                 struct cel_value *out)
{
    if (map->json) {
        const struct value *v =
            key->kind == CEL_STRING ? value_getn(map->doc, key->text, key->n) : NULL;
        if (v)
            *out = cel__from_json(r, v);
        return v != NULL;
    }
    for (uint32_t i = 0; i < map->n; i++) {
        if (equal(r, &map->entries[i].key, key, 0)) {
            *out = map->entries[i].value;
            return true;
        }
    }
    return false;
}

/* ---- operators ---- */

static int overflow(struct cel_run *r)
{
    return cel__fail(r, "return error for overflow");
}

static int int_math(struct cel_run *r, enum cel_binary op, int64_t a, int64_t b,
                    struct cel_value *out)
{
    int64_t n = 0;
    bool bad = false;
    if ((op == BIN_DIV || op == BIN_MOD) && b == 0)
        return cel__fail(r, op == BIN_DIV ? "divide by zero" : "modulus by zero");
    if (op == BIN_ADD)
        bad = __builtin_add_overflow(a, b, &n);
    else if (op == BIN_SUB)
        bad = __builtin_sub_overflow(a, b, &n);
    else if (op == BIN_MUL)
        bad = __builtin_mul_overflow(a, b, &n);
    else if (b == -1)
        bad = a == INT64_MIN, n = op == BIN_DIV && !bad ? -a : 0;
    else
        n = op == BIN_DIV ? a / b : a % b;
    *out = cel__int(n);
    return bad ? overflow(r) : 0;
}

static int uint_math(struct cel_run *r, enum cel_binary op, uint64_t a, uint64_t b,
                     struct cel_value *out)
{
    uint64_t n = 0;
    bool bad = false;
    if ((op == BIN_DIV || op == BIN_MOD) && b == 0)
        return cel__fail(r, op == BIN_DIV ? "divide by zero" : "modulus by zero");
    if (op == BIN_ADD)
        bad = __builtin_add_overflow(a, b, &n);
    else if (op == BIN_SUB)
        bad = __builtin_sub_overflow(a, b, &n);
    else if (op == BIN_MUL)
        bad = __builtin_mul_overflow(a, b, &n);
    else
        n = op == BIN_DIV ? a / b : a % b;
    *out = (struct cel_value){.kind = CEL_UINT, .u = n};
    return bad ? overflow(r) : 0;
}

static const char *op_name(enum cel_binary op)
{
    static const char *const names[] = {"_+_",  "_-_", "_*_",  "_/_", "_%_",  "_==_",
                                        "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"};
    return names[op];
}

static int no_overload(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                       const struct cel_value *b)
{
    return cel__no_overload(r, op_name(op), (struct cel_value[]){*a, *b}, 2);
}

static int double_math(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                       const struct cel_value *b, struct cel_value *out)
{
    if (op == BIN_MOD)
        return no_overload(r, op, a, b);
    *out = cel__double(op == BIN_ADD   ? a->d + b->d
                       : op == BIN_SUB ? a->d - b->d
                       : op == BIN_MUL ? a->d * b->d
                                       : a->d / b->d);
    return 0;
}

static int concat(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                  struct cel_value *out)
{
    size_t n = (size_t)a->n + b->n;
    int rc = cel__charge(r, n / 16);
    if (rc)
        return rc;
    if (a->kind == CEL_LIST) {
        struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, n);
        for (size_t i = 0; i < n; i++)
            items[i] = i < a->n ? cel__item(r, a, i) : cel__item(r, b, i - a->n);
        *out = cel__list(items, n);
        return 0;
    }
    char *text = arena_alloc(r->arena, n + 1);
    memcpy(text, a->text, a->n);
    memcpy(text + a->n, b->text, b->n);
    *out = cel__string(text, n);
    out->kind = a->kind;
    return 0;
}

static int math(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                const struct cel_value *b, struct cel_value *out)
{
    bool time = a->kind == CEL_TIMESTAMP || a->kind == CEL_DURATION;
    if (time && (b->kind == CEL_TIMESTAMP || b->kind == CEL_DURATION))
        return cel__time_binary(r, op, a, b, out);
    if (a->kind != b->kind)
        return no_overload(r, op, a, b);
    if (a->kind == CEL_INT)
        return int_math(r, op, a->i, b->i, out);
    if (a->kind == CEL_UINT)
        return uint_math(r, op, a->u, b->u, out);
    if (a->kind == CEL_DOUBLE)
        return double_math(r, op, a, b, out);
    if (op == BIN_ADD && (a->kind == CEL_STRING || a->kind == CEL_BYTES || a->kind == CEL_LIST))
        return concat(r, a, b, out);
    return no_overload(r, op, a, b);
}

static int is_in(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                 struct cel_value *out)
{
    struct cel_value found;
    if (b->kind != CEL_LIST && b->kind != CEL_MAP)
        return no_overload(r, BIN_IN, a, b);
    int rc = cel__charge(r, b->n / 8);
    if (rc)
        return rc;
    *out = cel__bool(b->kind == CEL_MAP && cel__lookup(r, b, a, &found));
    for (uint32_t i = 0; b->kind == CEL_LIST && i < b->n && !out->b; i++) {
        struct cel_value item = cel__item(r, b, i);
        out->b = equal(r, a, &item, 0);
    }
    return 0;
}

int cel__binary(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                const struct cel_value *b, struct cel_value *out)
{
    int c = 0;
    bool nan = false;
    switch (op) {
    case BIN_ADD:
    case BIN_SUB:
    case BIN_MUL:
    case BIN_DIV:
    case BIN_MOD:
        return math(r, op, a, b, out);
    case BIN_EQ:
    case BIN_NE:
        *out = cel__bool(equal(r, a, b, 0) == (op == BIN_EQ));
        return cel__charge(r, (a->kind >= CEL_STRING ? a->n : 0) / 16);
    case BIN_IN:
        return is_in(r, a, b, out);
    case BIN_LT:
    case BIN_LE:
    case BIN_GT:
    case BIN_GE:
        break;
    }
    if (!cel__order(a, b, &c, &nan))
        return no_overload(r, op, a, b);
    bool less = op == BIN_LT || op == BIN_LE, or_same = op == BIN_LE || op == BIN_GE;
    *out = cel__bool(!nan && ((c == 0 && or_same) || (less ? c < 0 : c > 0)));
    return 0;
}

/* A whole number that can count elements. */
static bool as_index(const struct cel_value *v, int64_t *out)
{
    *out = v->i;
    if (v->kind == CEL_DOUBLE) {
        if (v->d != trunc(v->d) || fabs(v->d) > 0x1p53)
            return false;
        *out = (int64_t)v->d;
    } else if (v->kind == CEL_UINT) {
        *out = v->u > INT64_MAX ? INT64_MAX : (int64_t)v->u;
    }
    return is_number(v);
}

int cel__index(struct cel_run *r, const struct cel_value *v, const struct cel_value *key,
               bool *found, struct cel_value *out)
{
    int64_t i;
    *found = false;
    if (v->kind == CEL_MAP) {
        *found = cel__lookup(r, v, key, out);
        return 0;
    }
    if (v->kind != CEL_LIST)
        return cel__no_overload(r, "_[_]", (struct cel_value[]){*v, *key}, 2);
    if (!as_index(key, &i))
        return cel__fail(r, "invalid index of type %s", cel__type_name(key));
    *found = i >= 0 && i < v->n;
    if (*found)
        *out = cel__item(r, v, (size_t)i);
    return 0;
}
