/* replacements: a value of one object written into fields of others. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

struct replacement {
    struct kust_layer *l;
    const struct value *value, *options; /* options of the target at work */
};

static int keep(void *arg, struct value *at, struct err *e)
{
    (void)e;
    *(struct value **)arg = at;
    return 0;
}

/* ---- what is put in ---- */

static int part_of(struct kust_layer *l, const struct value *source, const struct value **value,
                   struct err *e)
{
    const struct value *options = value_get(source, "options");
    const char *delimiter = value_at_str(options, "delimiter", "");
    const char *text = kust_scalar(l->a, *value), *end;
    if (!*delimiter)
        return 0;
    if (!text)
        return kust_error(l, source, e, "replacements: a delimiter needs a plain value");
    for (int64_t i = value_at_int(options, "index", 0);; i--) {
        end = strstr(text, delimiter);
        if (i <= 0)
            break;
        if (!end)
            return kust_error(l, source, e, "replacements: source index is out of bounds");
        text = end + strlen(delimiter);
    }
    *value = value_new_strn(l->a, text, end ? (size_t)(end - text) : strlen(text));
    return 0;
}

static bool is_word(const struct value *source, const char *member, const char *text)
{
    const char *want = value_at_str(source, member, "");
    return !*want || strcmp(want, text) == 0;
}

/* A source is named as it is, by any name it has had. */
static bool is_source(struct arena *a, const struct value *source, const struct kust_resource *r)
{
    const char *version = value_at_str(r->object, "apiVersion", ""), *slash = strchr(version, '/');
    if (!is_word(source, "group", kust_group(a, r)) ||
        !is_word(source, "version", slash ? slash + 1 : version))
        return false;
    for (size_t i = 0; i < r->n_was; i++) {
        const char *ns = r->was[i].ns;
        if (is_word(source, "name", r->was[i].name) &&
            is_word(source, "namespace", *ns ? ns : "default") &&
            is_word(source, "kind", r->was[i].kind))
            return true;
    }
    return false;
}

static int find_source(struct kust_layer *l, const struct value *source, const struct value **out,
                       struct err *e)
{
    const struct kust_resource *from = NULL;
    const char *path = value_at_str(source, "fieldPath", "metadata.name");
    size_t found;
    struct value *at = NULL;
    for (size_t i = 0; i < l->set->n; i++) {
        if (!is_source(l->a, source, l->set->items[i]))
            continue;
        if (from)
            return kust_error(l, source, e, "replacements: the source fits more than one object");
        from = l->set->items[i];
    }
    if (!from)
        return kust_error(l, source, e, "replacements: the source fits no object");
    int rc = kust_walk(l->a, from->object, path, keep, &at, &found, e);
    if (rc < 0 || !at)
        return rc < 0 ? rc
                      : kust_error(l, source, e, "replacements: %s %s has no field %s",
                                   kust_kind(from), kust_name(from), path);
    *out = value_copy(l->a, at);
    return part_of(l, source, out, e);
}

/* ---- putting in ---- */

static const char *join_part(const struct replacement *r, const char *text, const char *part)
{
    const char *delimiter = value_at_str(r->options, "delimiter", "");
    int64_t index = value_at_int(r->options, "index", 0);
    size_t len = strlen(delimiter);
    struct arena *a = r->l->a;
    if (index < 0)
        return arena_printf(a, "%s%s%s", part, delimiter, text);
    const char *p = text, *end;
    for (; (end = strstr(p, delimiter)) && index > 0; index--)
        p = end + len;
    if (index > 0)
        return arena_printf(a, "%s%s%s", text, delimiter, part);
    return arena_printf(a, "%.*s%s%s", (int)(p - text), text, part, end ? end : "");
}

/* A plain value takes the type of the place it is put in. */
static struct value *typed(struct arena *a, const struct value *at, const char *text)
{
    struct value *v;
    if (!value_is(at, VALUE_STRING) && strcspn(text, "\n:#{}[]&*!|>'\"%@`,") == strlen(text) &&
        yaml_parse(a, text, strlen(text), 0, &v, NULL) == 0 && kust_scalar(a, v))
        return v;
    return value_new_str(a, text);
}

static int put_value(void *arg, struct value *at, struct err *e)
{
    const struct replacement *r = arg;
    struct arena *a = r->l->a;
    const char *part = kust_scalar(a, r->value);
    bool plain = value_is(at, VALUE_NULL) || kust_scalar(a, at);
    if (*value_at_str(r->options, "delimiter", "")) {
        if (!plain || !part)
            return err_set(e, ERR_INVALID, "a delimiter needs plain values");
        const char *text = kust_scalar(a, at);
        *at = *typed(a, at, join_part(r, text ? text : "", part));
    } else if (plain && part) {
        *at = *typed(a, at, part);
    } else {
        *at = *value_copy(a, r->value);
    }
    return 0;
}

static int put_into(struct replacement *r, const struct value *target, struct kust_resource *into,
                    struct err *e)
{
    const struct value *paths = value_get(target, "fieldPaths");
    size_t n = value_count(paths);
    for (size_t i = 0; i < (n ? n : 1); i++) {
        const char *path = n ? value_str(value_item(paths, i), "") : "metadata.name";
        size_t found;
        if (!*path)
            return kust_error(r->l, target, e, "replacements: a field path is empty");
        int rc =
            kust_walk_into(r->l->a, into->object, path, value_at_bool(r->options, "create", false),
                           put_value, r, &found, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s:%u: %s", r->l->file, target->line, path);
        if (found == 0)
            return kust_error(r->l, target, e, "replacements: %s %s has no field %s",
                              kust_kind(into), kust_name(into), path);
    }
    return 0;
}

static int drop_rejected(struct kust_layer *l, const struct value *target, bool *chosen,
                         struct err *e)
{
    VALUE_EACH_ITEM (reject, value_get(target, "reject")) {
        AUTO(kust_target) struct kust_target *t = NULL;
        int rc = kust_target_new(l, reject, &t, e);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < l->set->n; i++)
            chosen[i] = chosen[i] && !kust_target_knew(t, l->set->items[i], l->a);
    }
    return 0;
}

static int into_target(struct replacement *r, const struct value *target, struct err *e)
{
    struct kust_layer *l = r->l;
    AUTO(kust_target) struct kust_target *t = NULL;
    const struct value *select = value_get(target, "select");
    bool *chosen = ARENA_ARRAY(l->a, bool, l->set->n + 1);
    if (!select)
        return kust_error(l, target, e, "replacements: a target needs select");
    int rc = kust_target_new(l, select, &t, e);
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        chosen[i] = kust_target_knew(t, l->set->items[i], l->a);
    if (rc == 0)
        rc = drop_rejected(l, target, chosen, e);
    r->options = value_get(target, "options");
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        if (chosen[i])
            rc = put_into(r, target, l->set->items[i], e);
    return rc;
}

static int one_replacement(struct kust_layer *l, const struct value *v, struct err *e)
{
    static const char *const known[] = {"source", "sourceValue", "targets", NULL};
    static const char *const targets[] = {"select", "reject", "fieldPaths", "options", NULL};
    struct replacement r = {.l = l, .value = value_get(v, "sourceValue")};
    const struct value *source = value_get(v, "source");
    int rc = kust_only(l, v, "replacements", known, e);
    if (rc == 0 && (!source == !r.value || value_count(value_get(v, "targets")) == 0))
        return kust_error(l, v, e, "replacements: a source and targets are needed");
    if (rc == 0 && source)
        rc = find_source(l, source, &r.value, e);
    VALUE_EACH_ITEM (target, value_get(v, "targets")) {
        if (rc == 0)
            rc = kust_only(l, target, "replacements.targets", targets, e);
        if (rc == 0)
            rc = into_target(&r, target, e);
    }
    return rc;
}

static int from_file(struct kust_layer *l, const struct value *entry, struct err *e)
{
    const char *path;
    struct value *doc;
    int rc = kust_read_yaml(l, entry, value_at_str(entry, "path", ""), &path, &doc, e);
    if (rc < 0)
        return rc;
    struct kust_layer of_file = *l;
    of_file.file = path;
    if (!value_is(doc, VALUE_ARRAY))
        return one_replacement(&of_file, doc, e);
    VALUE_EACH_ITEM (v, doc)
        if (rc == 0)
            rc = one_replacement(&of_file, v, e);
    return rc;
}

int kust_replacements(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "replacements"))
        if (rc == 0)
            rc = value_get(entry, "path") ? from_file(l, entry, e) : one_replacement(l, entry, e);
    return rc;
}
