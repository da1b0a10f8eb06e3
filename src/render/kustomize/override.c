/* What an Application's spec.source.kustomize changes in the root kustomization: the same as
 * `kustomize edit` would write there. */
#include "render/kustomize/kust_int.h"

/* "name=new:tag", "new:tag", "name@sha256:…" */
static struct value *image_entry(struct arena *a, const char *text)
{
    struct value *v = value_new_object(a);
    const char *equals = strchr(text, '='), *image = equals ? equals + 1 : text;
    const char *at = strchr(image, '@');
    size_t n = at ? (size_t)(at - image) : strlen(image);
    const char *slash = memrchr(image, '/', n), *from = slash ? slash : image;
    const char *colon = memchr(from, ':', n - (size_t)(from - image));
    const char *fresh = arena_strndup(a, image, colon ? (size_t)(colon - image) : n);
    (void)value_set_str(a, v, "name",
                        equals ? arena_strndup(a, text, (size_t)(equals - text)) : fresh);
    if (equals && *fresh)
        (void)value_set_str(a, v, "newName", fresh);
    if (colon)
        (void)value_set_str(a, v, "newTag",
                            arena_strndup(a, colon + 1, n - (size_t)(colon + 1 - image)));
    if (at)
        (void)value_set_str(a, v, "digest", at + 1);
    return v;
}

/* Replaces the element of the same name, or appends. */
static void put_named(struct arena *a, struct value *doc, const char *field,
                      const struct value *entry)
{
    struct value *list = value_make_array(a, doc, field);
    for (size_t i = 0; i < value_count(list); i++) {
        if (strcmp(value_at_str(&list->items[i], "name", ""), value_at_str(entry, "name", "")))
            continue;
        list->items[i] = *entry;
        return;
    }
    (void)value_push(a, list, entry);
}

static void put_list(struct arena *a, struct value *doc, const char *field,
                     const struct value *items)
{
    VALUE_EACH_ITEM (item, items)
        (void)value_push(a, value_make_array(a, doc, field), item);
}

static int put_pairs(struct kust_layer *l, struct value *doc, const struct value *o,
                     const char *field, bool force, struct err *e)
{
    VALUE_EACH_MEMBER (m, value_get(o, field)) {
        struct value *into = value_make_object(l->a, doc, field);
        if (value_get(into, m->key) && !force)
            return kust_error(l, value_get(into, m->key), e,
                              "%s: %s is set already and is not forced", field, m->key);
        (void)value_set(l->a, into, m->key, &m->value);
    }
    return 0;
}

static int put_labels(struct kust_layer *l, struct value *doc, const struct value *o, struct err *e)
{
    if (!value_at_bool(o, "labelWithoutSelector", false))
        return put_pairs(l, doc, o, "commonLabels", value_at_bool(o, "forceCommonLabels", false),
                         e);
    if (value_count(value_get(o, "commonLabels")) == 0)
        return 0;
    struct value *entry = value_new_object(l->a);
    (void)value_set(l->a, entry, "pairs", value_get(o, "commonLabels"));
    if (value_at_bool(o, "labelIncludeTemplates", false))
        (void)value_set_bool(l->a, entry, "includeTemplates", true);
    (void)value_push(l->a, value_make_array(l->a, doc, "labels"), entry);
    return 0;
}

int kust_override(struct kust_layer *l, const struct value *o, struct err *e)
{
    static const char *const known[] = {"namePrefix",
                                        "nameSuffix",
                                        "namespace",
                                        "images",
                                        "replicas",
                                        "commonLabels",
                                        "commonAnnotations",
                                        "forceCommonLabels",
                                        "forceCommonAnnotations",
                                        "labelWithoutSelector",
                                        "labelIncludeTemplates",
                                        "components",
                                        "patches",
                                        "version",
                                        NULL};
    static const char *const scalars[] = {"namePrefix", "nameSuffix", "namespace"};
    struct kust_layer of_app = *l;
    of_app.file = "spec.source.kustomize";
    int rc = kust_only(&of_app, o, "", known, e);
    if (rc < 0)
        return rc;
    struct arena *a = l->a;
    struct value *doc = value_copy(a, l->doc);
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (*value_at_str(o, scalars[i], ""))
            (void)value_set_str(a, doc, scalars[i], value_at_str(o, scalars[i], ""));
    VALUE_EACH_ITEM (image, value_get(o, "images"))
        put_named(a, doc, "images", image_entry(a, value_str(image, "")));
    VALUE_EACH_ITEM (replica, value_get(o, "replicas"))
        put_named(a, doc, "replicas", replica);
    put_list(a, doc, "components", value_get(o, "components"));
    put_list(a, doc, "patches", value_get(o, "patches"));
    rc = put_labels(l, doc, o, e);
    if (rc == 0)
        rc = put_pairs(l, doc, o, "commonAnnotations",
                       value_at_bool(o, "forceCommonAnnotations", false), e);
    l->doc = doc;
    return rc;
}
