#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <string.h>

#include "api/crd_int.h"
#include "api/names_int.h"
#include "api/tree_int.h"
#include "base/clock.h"
#include "codec/json.h"

enum { MATCH_LIMIT = 1000000 };

int crd__match(const char *pattern, const char *text, size_t n, bool *out, struct err *e)
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
    if (!re) {
        PCRE2_UCHAR why[160];
        (void)pcre2_get_error_message(code, why, sizeof why);
        return err_set(e, ERR_INVALID, "error parsing regexp: %s: `%s`", (const char *)why,
                       pattern);
    }
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
    pcre2_match_context *ctx = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(ctx, MATCH_LIMIT);
    *out = pcre2_match(re, (PCRE2_SPTR)text, n, 0, 0, data, ctx) >= 0;
    pcre2_match_context_free(ctx);
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return 0;
}

static const char *where(const char *path)
{
    return path;
}

/* "spec.size in body …"; the name goes' upstream's way for the root, too. */
static void invalid(struct field_errors *l, const char *path, const struct value *v,
                    const char *why)
{
    field_errors_addf(l, FIELD_INVALID, path, v, "%s in body %s", where(path), why);
}

static const char *type_name(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return "null";
    case VALUE_BOOL:
        return "boolean";
    case VALUE_INT:
        return "integer";
    case VALUE_FLOAT:
        return "number";
    case VALUE_STRING:
        return "string";
    case VALUE_ARRAY:
        return "array";
    case VALUE_OBJECT:
        break;
    }
    return "object";
}

static void wrong_type(struct field_errors *l, const char *path, const char *shown,
                       const char *want)
{
    field_errors_add_str(
        l, FIELD_TYPE_INVALID, path, shown,
        arena_printf(l->arena, "%s in body must be of type %s: \"%s\"", where(path), want, shown));
}

static bool whole(const struct value *v)
{
    return v->kind == VALUE_INT || (v->kind == VALUE_FLOAT && floor(v->d) == v->d);
}

/* False: no use in looking further. */
static bool check_type(const struct value *node, const struct value *v, const char *path,
                       struct field_errors *l)
{
    const char *want = str(node, "type");
    if (v->kind == VALUE_NULL && crd__flag(node, "nullable"))
        return false;
    if (crd__flag(node, "x-kubernetes-int-or-string")) {
        if (v->kind == VALUE_STRING || whole(v))
            return true;
        wrong_type(l, path, type_name(v), "integer,string");
        return false;
    }
    bool fits = !*want || is(want, type_name(v)) || (is(want, "integer") && whole(v)) ||
                (is(want, "number") && v->kind == VALUE_INT);
    if (!fits)
        wrong_type(l, path, type_name(v), want);
    return fits;
}

/* ---- scalars ---- */

static bool is_base64(const char *s)
{
    size_t n = strlen(s);
    return n % 4 == 0 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/=") == n;
}

static bool format_matches(const char *format, const char *s)
{
    static const struct {
        const char *format, *pattern;
    } patterns[] = {
        {"uuid",     "^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"},
        {"email",    "^[^@\\s]+@[^@\\s]+$"                                                   },
        {"hostname", "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$"                       },
        {"uri",      "^[A-Za-z][A-Za-z0-9+.-]*:"                                             },
        {"date",     "^[0-9]{4}-[01][0-9]-[0-3][0-9]$"                                       },
        {"cidr",     "^[0-9A-Fa-f:.]+/[0-9]{1,3}$"                                           },
        {"mac",      "^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$"                               },
    };
    int64_t ns;
    bool v6, hit = true;
    if (is(format, "date-time") || is(format, "datetime"))
        return clock_parse_rfc3339(s, &ns, NULL) == 0;
    if (is(format, "duration"))
        return clock_parse_duration(s, &ns, NULL) == 0;
    if (is(format, "ipv4") || is(format, "ipv6"))
        return name__is_ip(s, &v6) && v6 == is(format, "ipv6");
    if (is(format, "byte"))
        return is_base64(s);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        if (is(format, patterns[i].format) &&
            crd__match(patterns[i].pattern, s, strlen(s), &hit, NULL) == 0)
            return hit;
    return true;
}

static size_t characters(const struct value *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += (v->text[i] & 0xc0) != 0x80;
    return n;
}

static void check_string(const struct value *node, const struct value *v, const char *path,
                         struct field_errors *l)
{
    struct arena *a = l->arena;
    const struct value *max = value_get(node, "maxLength"), *min = value_get(node, "minLength");
    const char *pattern = str(node, "pattern"), *format = str(node, "format");
    int64_t n = (int64_t)characters(v);
    bool hit = true;
    if (max && n > max->i)
        field_errors_addf(l, FIELD_TOO_LONG, path, NULL, "may not be more than %lld bytes",
                          (long long)max->i);
    if (min && n < min->i)
        invalid(l, path, v,
                arena_printf(a, "should be at least %lld chars long", (long long)min->i));
    if (*pattern && crd__match(pattern, v->text, v->n, &hit, NULL) == 0 && !hit)
        invalid(l, path, v, arena_printf(a, "should match '%s'", pattern));
    if (*format && !format_matches(format, v->text))
        wrong_type(l, path, v->text, format);
}

static const char *number(struct arena *a, const struct value *v)
{
    return json_text(a, value_new_float(a, value_num(v, 0)), 0);
}

static void check_number(const struct value *node, const struct value *v, const char *path,
                         struct field_errors *l)
{
    struct arena *a = l->arena;
    const struct value *max = value_get(node, "maximum"), *min = value_get(node, "minimum");
    const struct value *step = value_get(node, "multipleOf");
    double d = value_num(v, 0);
    bool over = crd__flag(node, "exclusiveMaximum"), under = crd__flag(node, "exclusiveMinimum");
    if (step) {
        double s = value_num(step, 1), q = d / s;
        if (is(str(node, "type"), "number") && d == 0)
            field_errors_addf(l, FIELD_INVALID, path, v,
                              "factor MultipleOf declared for %s must be positive: %s", path,
                              number(a, v));
        else if (fabs(q - round(q)) > 1e-9)
            invalid(l, path, v, arena_printf(a, "should be a multiple of %s", number(a, step)));
    }
    if (max && (over ? d >= value_num(max, 0) : d > value_num(max, 0)))
        invalid(l, path, v,
                arena_printf(a, "should be less than %s%s", over ? "" : "or equal to ",
                             number(a, max)));
    if (min && (under ? d <= value_num(min, 0) : d < value_num(min, 0)))
        invalid(l, path, v,
                arena_printf(a, "should be greater than %s%s", under ? "" : "or equal to ",
                             number(a, min)));
}

static void check_enum(const struct value *node, const struct value *v, const char *path,
                       struct field_errors *l)
{
    const struct value *allowed = value_get(node, "enum");
    const char *list = "";
    if (!allowed)
        return;
    VALUE_EACH_ITEM (x, allowed) {
        if (value_equal(x, v))
            return;
        list = arena_printf(l->arena, "%s%s%s", list, *list ? ", " : "",
                            x->kind == VALUE_STRING
                                ? field_errors_quote(l->arena, x->text, x->n)
                                : arena_printf(l->arena, "\"%s\"", json_text(l->arena, x, 0)));
    }
    field_errors_addf(l, FIELD_NOT_SUPPORTED, path, v, "supported values: %s", list);
}

/* ---- lists and objects ---- */

static void check_count(const struct value *node, const char *path, const struct value *v,
                        const char *min_key, const char *max_key, struct field_errors *l)
{
    const struct value *max = value_get(node, max_key), *min = value_get(node, min_key);
    bool list = v->kind == VALUE_ARRAY;
    if (max && (int64_t)v->n > max->i)
        field_errors_add_raw(
            l, FIELD_TOO_MANY, path, arena_printf(l->arena, "%u", v->n),
            arena_printf(l->arena, "must have at most %lld items", (long long)max->i));
    if (min && (int64_t)v->n < min->i)
        field_errors_add_int(l, FIELD_INVALID, path, (int64_t)v->n,
                             arena_printf(l->arena, "%s in body should have at least %lld %s",
                                          where(path), (long long)min->i,
                                          list ? "items" : "properties"));
}

static const char *join(struct arena *a, const char *path, const char *key)
{
    return arena_printf(a, "%s%s%s", path, *path ? "." : "", key);
}

static void check_object(const struct value *node, const struct value *v, const char *path,
                         struct field_errors *l)
{
    VALUE_EACH_ITEM (r, value_get(node, "required"))
        if (!value_get(v, value_str(r, "")))
            field_errors_add(l, FIELD_REQUIRED, join(l->arena, path, value_str(r, "")), NULL, NULL);
    check_count(node, path, v, "minProperties", "maxProperties", l);
    VALUE_EACH_MEMBER (m, v) {
        const struct value *sub = crd__member(node, m->key);
        if (sub && !(!*path && is(m->key, "metadata")))
            crd__validate(sub, &m->value, join(l->arena, path, m->key), l);
    }
}

static void check_array(const struct value *node, const struct value *v, const char *path,
                        struct field_errors *l)
{
    const struct value *items = value_get(node, "items");
    check_count(node, path, v, "minItems", "maxItems", l);
    for (size_t i = 0; items && i < v->n; i++)
        crd__validate(items, &v->items[i], arena_printf(l->arena, "%s[%zu]", path, i), l);
}

/* ---- junctors ---- */

static bool fits(const struct value *node, const struct value *v, struct arena *a)
{
    struct field_errors l;
    field_errors_init(&l, a);
    crd__validate(node, v, "", &l);
    return l.n == 0;
}

static size_t count_fitting(const struct value *list, const struct value *v, struct arena *a)
{
    size_t n = 0;
    VALUE_EACH_ITEM (node, list)
        n += fits(node, v, a);
    return n;
}

static void check_junctors(const struct value *node, const struct value *v, const char *path,
                           struct field_errors *l)
{
    const struct value *any = value_get(node, "anyOf"), *one = value_get(node, "oneOf");
    const struct value *all = value_get(node, "allOf"), *not = value_get(node, "not");
    if (value_count(any) && !count_fitting(any, v, l->arena))
        invalid(l, path, value_new_str(l->arena, ""), "must validate at least one schema (anyOf)");
    size_t n = value_count(one) ? count_fitting(one, v, l->arena) : 1;
    if (n != 1)
        invalid(l, path, value_new_str(l->arena, ""),
                arena_printf(l->arena, "must validate one and only one schema (oneOf). %s",
                             n ? arena_printf(l->arena, "Found %zu valid alternatives", n)
                               : "Found none valid"));
    VALUE_EACH_ITEM (sub, all)
        crd__validate(sub, v, path, l);
    if (not &&fits(not, v, l->arena))
        invalid(l, path, value_new_str(l->arena, ""), "must not validate the schema (not)");
}

void crd__validate(const struct value *node, const struct value *v, const char *path,
                   struct field_errors *l)
{
    if (!value_is(node, VALUE_OBJECT) || !check_type(node, v, path, l))
        return;
    check_junctors(node, v, path, l);
    check_enum(node, v, path, l);
    if (v->kind == VALUE_STRING)
        check_string(node, v, path, l);
    else if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
        check_number(node, v, path, l);
    else if (v->kind == VALUE_OBJECT)
        check_object(node, v, path, l);
    else if (v->kind == VALUE_ARRAY)
        check_array(node, v, path, l);
}

/* ---- items that stand twice ---- */

static const char *identity(const struct value *node, const struct value *item, bool map,
                            struct arena *a)
{
    if (!map)
        return json_text(a, item, JSON_SORTED);
    const char *text = "";
    VALUE_EACH_ITEM (key, value_get(node, "x-kubernetes-list-map-keys")) {
        const struct value *v = value_get(item, value_str(key, ""));
        text = arena_printf(a, "%s,%s", text, v ? json_text(a, v, JSON_SORTED) : "");
    }
    return text;
}

static const char *duplicate_text(const struct value *node, const struct value *item, bool map,
                                  struct arena *a)
{
    if (!map)
        return item->kind == VALUE_STRING ? field_errors_quote(a, item->text, item->n)
                                          : typed__go(item, a);
    struct value *keys = value_new_object(a);
    VALUE_EACH_ITEM (key, value_get(node, "x-kubernetes-list-map-keys"))
        if (value_get(item, value_str(key, "")))
            (void)value_set(a, keys, value_str(key, ""), value_get(item, value_str(key, "")));
    return typed__go(keys, a);
}

void crd__validate_lists(const struct value *node, const struct value *v, const char *path,
                         struct field_errors *l)
{
    struct arena *a = l->arena;
    if (!node)
        return;
    if (v->kind == VALUE_OBJECT)
        VALUE_EACH_MEMBER (m, v)
            crd__validate_lists(crd__member(node, m->key), &m->value, join(a, path, m->key), l);
    if (v->kind != VALUE_ARRAY)
        return;
    const char *type = str(node, "x-kubernetes-list-type");
    bool map = is(type, "map"), set = is(type, "set");
    struct fieldset seen = {0};
    for (size_t i = 0; i < v->n; i++) {
        const char *at = arena_printf(a, "%s[%zu]", path, i);
        if (map || set) {
            struct field_path id = {NULL, identity(node, &v->items[i], map, a)};
            if (fieldset__find(&seen, id.step))
                field_errors_add_raw(l, FIELD_DUPLICATE, at,
                                     duplicate_text(node, &v->items[i], map, a), NULL);
            fieldset__insert(&seen, &id, a);
        }
        crd__validate_lists(value_get(node, "items"), &v->items[i], at, l);
    }
}

/* ---- embedded resources ---- */

static void check_embedded(const struct value *v, const char *path, struct field_errors *l)
{
    struct arena *a = l->arena;
    const char *version = str(v, "apiVersion"), *at = join(a, path, "apiVersion");
    const char *slash = strchr(version, '/');
    if (!*version)
        field_errors_add(l, FIELD_REQUIRED, at, NULL, "must not be empty");
    else if (slash && strchr(slash + 1, '/'))
        field_errors_addf(l, FIELD_INVALID, at, value_get(v, "apiVersion"),
                          "unexpected GroupVersion string: %s", version);
    if (!*str(v, "kind"))
        field_errors_add(l, FIELD_REQUIRED, join(a, path, "kind"), NULL, "must not be empty");
}

void crd__validate_embedded(const struct value *node, const struct value *v, const char *path,
                            struct field_errors *l)
{
    if (!node)
        return;
    if (v->kind == VALUE_OBJECT) {
        if (*path && crd__flag(node, "x-kubernetes-embedded-resource"))
            check_embedded(v, path, l);
        VALUE_EACH_MEMBER (m, v)
            crd__validate_embedded(crd__member(node, m->key), &m->value,
                                   join(l->arena, path, m->key), l);
    }
    for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
        crd__validate_embedded(value_get(node, "items"), &v->items[i],
                               arena_printf(l->arena, "%s[%zu]", path, i), l);
}
