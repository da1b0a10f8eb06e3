#include <ctype.h>
#include <string.h>

#include "api/crd_int.h"
#include "api/validate_int.h"
#include "codec/json.h"

static char *lower(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return out;
}

static void dns1035(struct field_errors *l, const char *at, const char *s)
{
    name_errors(l, at, s, name__dns1035_label(s, l->arena));
}

/* ---- the name and the group ---- */

static void check_name(const struct value *crd, struct field_errors *l)
{
    const struct value *spec = value_get(crd, "spec");
    const char *name = value_at_str(crd, "metadata.name", "");
    const char *want = path(l, "%s.%s", value_at_str(spec, "names.plural", ""), str(spec, "group"));
    if (!*name)
        required(l, "metadata.name", "name or generateName is required");
    else
        name_errors(l, "metadata.name", name, name__dns1123_subdomain(name, l->arena));
    if (*name && !is(name, want))
        bad_str(l, "metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
    validate__meta_labels(l, "metadata.labels", value_at(crd, "metadata.labels"));
}

static void check_group(const struct value *spec, struct field_errors *l)
{
    const char *group = str(spec, "group");
    struct name_errors n = name__dns1123_subdomain(group, l->arena);
    if (!*group)
        required(l, "spec.group", NULL);
    else if (n.n)
        name_errors(l, "spec.group", group, n);
    else if (!strchr(group, '.'))
        bad_str(l, "spec.group", group, "should be a domain with at least one dot");
}

static void check_approval(const struct value *crd, struct field_errors *l)
{
    static const char note[] = "api-approved.kubernetes.io";
    static const char *const ends[] = {".k8s.io", ".kubernetes.io"};
    const char *group = value_at_str(crd, "spec.group", "");
    size_t n = strlen(group);
    for (size_t i = 0; i < 2; i++) {
        size_t e = strlen(ends[i]);
        bool guarded = is(group, ends[i] + 1) || (n > e && is(group + n - e, ends[i]));
        if (guarded && !*str(value_at(crd, "metadata.annotations"), note))
            required(l, path(l, "metadata.annotations[%s]", note),
                     "protected groups must have approval annotation "
                     "\"api-approved.kubernetes.io\", see "
                     "https://github.com/kubernetes/enhancements/pull/1111");
    }
}

static void check_names(const struct value *names, struct field_errors *l)
{
    static const char *const all[] = {"plural", "singular", "kind", "listKind"};
    const char *kind = str(names, "kind"), *list = str(names, "listKind");
    size_t i = 0;
    for (size_t f = 0; f < 4; f++)
        if (!*str(names, all[f]))
            required(l, path(l, "spec.names.%s", all[f]), NULL);
    for (size_t f = 0; f < 2; f++)
        if (*str(names, all[f]))
            dns1035(l, path(l, "spec.names.%s", all[f]), str(names, all[f]));
    for (size_t f = 2; f < 4; f++) {
        const char *s = str(names, all[f]);
        struct name_errors n = name__dns1035_label(lower(l->arena, s), l->arena);
        for (size_t k = 0; *s && k < n.n; k++)
            bad_str(l, path(l, "spec.names.%s", all[f]), s,
                    path(l, "may have mixed case, but should otherwise match: %s", n.text[k]));
    }
    VALUE_EACH_ITEM (s, value_get(names, "shortNames"))
        dns1035(l, path(l, "spec.names.shortNames[%zu]", i++), value_str(s, ""));
    i = 0;
    VALUE_EACH_ITEM (c, value_get(names, "categories"))
        dns1035(l, path(l, "spec.names.categories[%zu]", i++), value_str(c, ""));
    if (*kind && is(kind, list))
        bad_str(l, "spec.names.listKind", list, "kind and listKind may not be the same");
}

/* ---- versions ---- */

/* What all versions say alike is spoken of as the definition's own. */
static bool shared(const struct value *versions, const char *key)
{
    const struct value *first = value_get(value_item(versions, 0), key);
    VALUE_EACH_ITEM (v, versions) {
        const struct value *x = value_get(v, key);
        if (!x != !first || (x && !value_equal(x, first)))
            return false;
    }
    return true;
}

static void check_columns(const struct value *v, const char *base, struct field_errors *l)
{
    static const char types[] = "boolean,date,integer,number,string";
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_get(v, "additionalPrinterColumns")) {
        const char *at = path(l, "%s.additionalPrinterColumns[%zu]", base, i++);
        const char *type = str(c, "type");
        if (!*str(c, "name"))
            required(l, path(l, "%s.name", at), NULL);
        if (!*type)
            required(l, path(l, "%s.type", at), path(l, "must be one of %s", types));
        else if (!strstr(types, type) || strchr(type, ','))
            bad_str(l, path(l, "%s.type", at), type, path(l, "must be one of %s", types));
        if (!*str(c, "jsonPath"))
            required(l, path(l, "%s.jsonPath", at), NULL);
    }
}

static void check_json_path(const char *s, const char *root, const char *at, struct field_errors *l)
{
    size_t n = strlen(root);
    if (*s != '.' || strpbrk(s, "[]{}*?()"))
        bad_str(l, at, s, "must be a simple json path starting with .");
    else if (strncmp(s, root, n) != 0 || (s[n] && s[n] != '.'))
        bad_str(l, at, s, path(l, "should be a json path under %s", root));
}

static void check_scale(const struct value *v, const char *base, struct field_errors *l)
{
    const struct value *scale = value_at(v, "subresources.scale");
    static const char *const paths[][2] = {
        {"specReplicasPath",   ".spec"  },
        {"statusReplicasPath", ".status"}
    };
    if (!scale)
        return;
    for (size_t i = 0; i < 2; i++) {
        const char *at = path(l, "%s.subresources.scale.%s", base, paths[i][0]);
        const char *s = str(scale, paths[i][0]);
        if (!*s)
            required(l, at, NULL);
        else
            check_json_path(s, paths[i][1], at, l);
    }
    const char *selector = str(scale, "labelSelectorPath");
    if (*selector && (*selector != '.' ||
                      (strncmp(selector, ".spec", 5) != 0 && strncmp(selector, ".status", 7) != 0)))
        bad_str(l, path(l, "%s.subresources.scale.labelSelectorPath", base), selector,
                "should be a json path under either .spec or .status");
}

static void check_root(const struct value *schema, const char *at, struct field_errors *l)
{
    if (!is(str(schema, "type"), "object")) {
        if (*str(schema, "type"))
            bad_str(l, path(l, "%s.type", at), str(schema, "type"), "must be object at the root");
        else
            required(l, path(l, "%s.type", at), "must not be empty at the root");
        return;
    }
    crd__check_schema(schema, at, l);
}

static void check_version(const struct value *v, size_t i, const struct value *versions,
                          struct field_errors *l)
{
    const char *base = path(l, "spec.versions[%zu]", i), *top = "spec";
    const struct value *schema = value_at(v, "schema.openAPIV3Schema");
    bool first = i == 0;
    bool one_schema = shared(versions, "schema");
    if (schema && (!one_schema || first))
        check_root(schema,
                   one_schema ? "spec.validation.openAPIV3Schema"
                              : path(l, "%s.schema.openAPIV3Schema", base),
                   l);
    bool one_sub = shared(versions, "subresources");
    if (!one_sub || first)
        check_scale(v, one_sub ? top : base, l);
    bool one_columns = shared(versions, "additionalPrinterColumns");
    if (!one_columns || first)
        check_columns(v, one_columns ? top : base, l);
}

static void check_versions(const struct value *spec, struct field_errors *l)
{
    const struct value *versions = value_get(spec, "versions");
    const char *first = str(value_item(versions, 0), "name");
    size_t stored = 0;
    bool twice = false;
    for (size_t i = 0; i < value_count(versions); i++) {
        const struct value *v = &versions->items[i];
        stored += crd__flag(v, "storage");
        dns1035(l, path(l, "spec.versions[%zu].name", i), str(v, "name"));
        for (size_t j = 0; j < i; j++)
            twice |= is(str(&versions->items[j], "name"), str(v, "name"));
        if (!value_at(v, "schema.openAPIV3Schema"))
            required(l, path(l, "spec.versions[%zu].schema.openAPIV3Schema", i),
                     "schemas are required");
    }
    if (twice)
        bad_shown(l, "spec.versions", typed__go(versions, l->arena),
                  "must contain unique version names");
    if (stored != 1)
        bad_shown(l, "spec.versions", versions ? typed__go(versions, l->arena) : "null",
                  "must have exactly one version marked as storage version");
    if (*first)
        dns1035(l, "spec.version", first);
}

static void check_stored(const struct value *crd, struct field_errors *l)
{
    const struct value *stored = value_at(crd, "status.storedVersions");
    const char *storage = "";
    VALUE_EACH_ITEM (v, value_at(crd, "spec.versions"))
        if (crd__flag(v, "storage"))
            storage = str(v, "name");
    if (!value_count(stored) && !*storage) {
        bad_shown(l, "status.storedVersions", "[]string(nil)",
                  "must have at least one stored version");
        return;
    }
    bool found = !value_count(stored); /* the server will put it there */
    VALUE_EACH_ITEM (s, stored)
        found |= is(value_str(s, ""), storage);
    if (!found)
        bad(l, "status.storedVersions", stored,
            path(l, "must have the storage version %s", storage));
}

static void check_conversion(const struct value *spec, struct field_errors *l)
{
    static const char *const known[] = {"None", "Webhook", NULL};
    const struct value *c = value_get(spec, "conversion"), *hook = value_get(c, "webhook");
    const char *strategy = str(c, "strategy");
    one_of(l, "spec.conversion.strategy", strategy, known, true);
    if (!is(strategy, "Webhook"))
        return;
    if (!value_is(value_get(hook, "clientConfig"), VALUE_OBJECT))
        required(l, "spec.conversion.webhookClientConfig",
                 "required when strategy is set to Webhook");
    if (!value_count(value_get(hook, "conversionReviewVersions")))
        required(l, "spec.conversion.conversionReviewVersions", NULL);
}

static void check_changes(const struct value *crd, const struct value *old, struct field_errors *l)
{
    static const char *const fixed[] = {"spec.group", "spec.scope", "spec.names.kind",
                                        "spec.names.plural"};
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        const char *now = value_at_str(crd, fixed[i], ""), *was = value_at_str(old, fixed[i], "");
        bool established = false;
        VALUE_EACH_ITEM (c, value_at(old, "status.conditions"))
            established |= is(str(c, "type"), "Established") && is(str(c, "status"), "True");
        if (!is(now, was) && (established || i == 0 || i == 3))
            bad_str(l, fixed[i], now, "field is immutable");
    }
}

void crd__check(const struct value *crd, const struct value *old, struct field_errors *l)
{
    static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
    const struct value *spec = value_get(crd, "spec"), *versions = value_get(spec, "versions");
    if (!old)
        check_name(crd, l);
    check_group(spec, l);
    one_of(l, "spec.scope", str(spec, "scope"), scopes, true);
    check_versions(spec, l);
    check_names(value_get(spec, "names"), l);
    for (size_t i = 0; i < value_count(versions); i++)
        check_version(&versions->items[i], i, versions, l);
    check_conversion(spec, l);
    check_stored(crd, l);
    check_approval(crd, l);
    if (crd__flag(spec, "preserveUnknownFields"))
        bad(l, "spec.preserveUnknownFields", value_get(spec, "preserveUnknownFields"),
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead");
    if (old)
        check_changes(crd, old, l);
}
