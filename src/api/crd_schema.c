#include <string.h>

#include "api/crd_int.h"
#include "api/validate_int.h"

/* Where a node stands: below a junctor (allOf …) only values may be restricted. */
enum level { ROOT, FIELD, JUNCTOR };

static void check(const struct value *node, const char *at, enum level level,
                  struct field_errors *l);

static void check_type(const struct value *node, const char *at, enum level level,
                       struct field_errors *l)
{
    static const char *const types[] = {"array",  "boolean", "integer", "number",
                                        "object", "string",  NULL};
    const char *type = str(node, "type");
    bool free_form = crd__flag(node, "x-kubernetes-int-or-string") ||
                     crd__flag(node, "x-kubernetes-preserve-unknown-fields");
    if (level == JUNCTOR) {
        if (*type)
            forbidden(l, path(l, "%s.type", at), "must be empty to be structural");
        return;
    }
    if (*type)
        one_of(l, path(l, "%s.type", at), type, types, false);
    else if (!free_form && !value_get(node, "$ref"))
        required(l, path(l, "%s.type", at), "must not be empty for specified object fields");
}

static void check_forbidden(const struct value *node, const char *at, struct field_errors *l)
{
    static const char *const never[] = {"definitions",       "dependencies", "id",
                                        "patternProperties", "$ref",         "additionalItems"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (has(node, never[i]))
            forbidden(l, path(l, "%s.%s", at, never[i]), path(l, "%s is not supported", never[i]));
    if (crd__flag(node, "uniqueItems"))
        forbidden(l, path(l, "%s.uniqueItems", at),
                  "uniqueItems cannot be set to true since the runtime complexity becomes "
                  "quadratic");
    if (has(node, "additionalProperties") && value_count(value_get(node, "properties")) &&
        !(value_is(value_get(node, "additionalProperties"), VALUE_BOOL) &&
          value_bool(value_get(node, "additionalProperties"), false)))
        forbidden(l, path(l, "%s.additionalProperties", at),
                  "additionalProperties and properties are mutual exclusive");
}

static void check_pattern(const struct value *node, const char *at, struct field_errors *l)
{
    const char *p = str(node, "pattern");
    bool hit;
    struct err e;
    if (!*p || crd__match(p, "", 0, &hit, &e) == 0)
        return;
    const char *why = e.msg;
    if (strstr(why, "missing closing parenthesis"))
        why = path(l, "error parsing regexp: missing closing ): `%s`", p);
    bad_str(l, path(l, "%s.pattern", at), p,
            path(l, "must be a valid regular expression, but isn't: %s", why));
}

/* ---- lists and maps ---- */

static bool in_list(const struct value *list, const char *s)
{
    VALUE_EACH_ITEM (x, list)
        if (is(value_str(x, ""), s))
            return true;
    return false;
}

static void check_map_keys(const struct value *node, const char *at, struct field_errors *l)
{
    const struct value *keys = value_get(node, "x-kubernetes-list-map-keys");
    const struct value *items = value_get(node, "items"), *props = value_get(items, "properties");
    const char *where = path(l, "%s.x-kubernetes-list-map-keys", at);
    if (!value_count(keys)) {
        required(l, where, "must not be empty if x-kubernetes-list-type is map");
        return;
    }
    VALUE_EACH_ITEM (key, keys) {
        const struct value *p = value_get(props, value_str(key, ""));
        if (!p)
            bad(l, where, keys, "entries must all be names of item properties");
        else if (!has(p, "default") && !in_list(value_get(items, "required"), value_str(key, "")))
            required(l, path(l, "%s.items.properties[%s].default", at, value_str(key, "")),
                     "this property is in x-kubernetes-list-map-keys, so it must have a default or "
                     "be a required property");
    }
}

static void check_list(const struct value *node, const char *at, struct field_errors *l)
{
    static const char *const types[] = {"atomic", "set", "map", NULL};
    const char *type = str(node, "x-kubernetes-list-type");
    const struct value *items = value_get(node, "items");
    if (is(str(node, "type"), "array") && !value_is(items, VALUE_OBJECT))
        required(l, path(l, "%s.items", at), "must be specified");
    one_of(l, path(l, "%s.x-kubernetes-list-type", at), type, types, false);
    if (is(type, "map"))
        check_map_keys(node, at, l);
    if (is(type, "set") && is(str(items, "type"), "object") &&
        !is(str(items, "x-kubernetes-map-type"), "atomic"))
        bad_shown(l, path(l, "%s.items.x-kubernetes-map-type", at),
                  *str(items, "x-kubernetes-map-type")
                      ? path(l, "\"%s\"", str(items, "x-kubernetes-map-type"))
                      : "\"null\"",
                  "must be atomic as item of a list with x-kubernetes-list-type=set");
    if (value_count(value_get(node, "x-kubernetes-list-map-keys")) && !is(type, "map"))
        bad(l, path(l, "%s.x-kubernetes-list-type", at), value_get(node, "x-kubernetes-list-type"),
            "must be map if x-kubernetes-list-map-keys is non-empty");
}

/* ---- defaults ---- */

static void check_default(const struct value *node, const char *at, struct field_errors *l)
{
    const struct value *dflt = value_get(node, "default");
    struct field_errors below;
    if (!dflt)
        return;
    field_errors_init(&below, l->arena);
    struct value *v = value_copy(l->arena, dflt);
    crd__fill(node, v, l->arena);
    crd__validate(node, v, "", &below);
    for (size_t i = 0; i < below.n; i++) {
        struct field_error e = below.items[i];
        e.field = path(l, "%s.default%s%s", at, *e.field ? "." : "", e.field);
        field_errors_keep(l, &e);
    }
}

/* ---- rules ---- */

static bool is_path_of(const struct value *node, const char *p)
{
    while (*p == '.') {
        size_t n = strcspn(p + 1, ".[");
        const struct value *next = value_getn(value_get(node, "properties"), p + 1, n);
        if (!next)
            return false;
        node = next;
        p += n + 1;
        while (*p == '[') {
            const char *end = strchr(p, ']');
            if (!end)
                return false;
            const struct value *more = value_get(node, "additionalProperties");
            node = more ? more : value_get(node, "items");
            p = end + 1;
        }
    }
    return *p == '\0';
}

static void check_expression(const struct value *node, const char *text, bool is_message,
                             const char *at, struct field_errors *l)
{
    const char *why = crd__rule_error(node, text, is_message, l->arena);
    if (why)
        bad_shown(l, at, typed__go(value_new_str(l->arena, text), l->arena), why);
}

static void check_rules(const struct value *node, const char *base, struct field_errors *l)
{
    static const char *const reasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
                                          "FieldValueInvalid", "FieldValueRequired", NULL};
    size_t i = 0;
    VALUE_EACH_ITEM (r, value_get(node, "x-kubernetes-validations")) {
        const char *at = path(l, "%s.x-kubernetes-validations[%zu]", base, i++);
        const char *rule = str(r, "rule"), *message = str(r, "message");
        const char *field = str(r, "fieldPath");
        if (!*rule || strspn(rule, " \t\n") == strlen(rule)) {
            required(l, path(l, "%s.rule", at), "rule is not specified");
            continue;
        }
        if (*message && strspn(message, " \t\n") == strlen(message))
            bad_str(l, path(l, "%s.message", at), message,
                    "message must be non-empty if specified");
        else if (strchr(message, '\n'))
            bad_str(l, path(l, "%s.message", at), message, "message must not contain line breaks");
        if (strchr(rule, '\n') && !*message)
            required(l, path(l, "%s.message", at),
                     "message must be specified if rule contains line breaks");
        one_of(l, path(l, "%s.reason", at), str(r, "reason"), reasons, false);
        if (*field && (*field != '.' || !is_path_of(node, field)))
            bad_str(l, path(l, "%s.fieldPath", at), field, "fieldPath must be a valid path");
        check_expression(node, rule, false, path(l, "%s.rule", at), l);
        if (*str(r, "messageExpression"))
            check_expression(node, str(r, "messageExpression"), true,
                             path(l, "%s.messageExpression", at), l);
    }
}

/* ---- the tree ---- */

static void check_metadata(const struct value *node, const char *at, struct field_errors *l)
{
    VALUE_EACH_MEMBER (m, value_get(node, "properties"))
        if (!is(m->key, "name") && !is(m->key, "generateName")) {
            forbidden(l, at,
                      "must not specify anything other than name and generateName, but metadata is "
                      "implicitly specified");
            return;
        }
}

static void check_junctors(const struct value *node, const char *at, struct field_errors *l)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
    bool mixed = crd__flag(node, "x-kubernetes-int-or-string");
    for (size_t i = 0; i < 3; i++) {
        size_t n = 0;
        VALUE_EACH_ITEM (sub, value_get(node, lists[i])) {
            const char *where = path(l, "%s.%s[%zu]", at, lists[i], n++);
            if (!mixed)
                check(sub, where, JUNCTOR, l);
        }
    }
    if (value_is(value_get(node, "not"), VALUE_OBJECT))
        check(value_get(node, "not"), path(l, "%s.not", at), JUNCTOR, l);
}

static void check(const struct value *node, const char *at, enum level level,
                  struct field_errors *l)
{
    static const char *const map_types[] = {"atomic", "granular", NULL};
    if (!value_is(node, VALUE_OBJECT))
        return;
    check_forbidden(node, at, l);
    if (level != ROOT)
        check_type(node, at, level, l);
    check_pattern(node, at, l);
    check_list(node, at, l);
    one_of(l, path(l, "%s.x-kubernetes-map-type", at), str(node, "x-kubernetes-map-type"),
           map_types, false);
    check_junctors(node, at, l);
    check_rules(node, at, l);
    VALUE_EACH_MEMBER (m, value_get(node, "properties")) {
        const char *where = path(l, "%s.properties[%s]", at, m->key);
        if (level == ROOT && is(m->key, "metadata"))
            check_metadata(&m->value, where, l);
        else
            check(&m->value, where, level == JUNCTOR ? JUNCTOR : FIELD, l);
    }
    enum level below = level == JUNCTOR ? JUNCTOR : FIELD;
    check(value_get(node, "additionalProperties"), path(l, "%s.additionalProperties", at), below,
          l);
    check(value_get(node, "items"), path(l, "%s.items", at), below, l);
    check_default(node, at, l);
}

void crd__check_schema(const struct value *node, const char *at, struct field_errors *l)
{
    check(node, at, ROOT, l);
}
