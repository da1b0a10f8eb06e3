/* patches, patchesStrategicMerge and patchesJson6902. */
#include <regex.h>

#include "api/schema.h"
#include "api/selector.h"
#include "api/strategic.h"
#include "codec/patch.h"
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

/* ---- targets ---- */

/* Kustomize anchors its patterns at both ends. */
static bool fits(const char *pattern, const char *text, struct arena *a)
{
    regex_t re;
    if (!pattern || !*pattern)
        return true;
    if (regcomp(&re, arena_printf(a, "^(%s)$", pattern), REG_EXTENDED | REG_NOSUB) != 0)
        return strcmp(pattern, text) == 0;
    bool yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

static bool had_name(const struct kust_resource *r, const char *name, const char *ns,
                     struct arena *a)
{
    for (size_t i = 0; i < r->n_was; i++)
        if (fits(name, r->was[i].name, a) && fits(ns, *r->was[i].ns ? r->was[i].ns : "default", a))
            return true;
    return false;
}

static const char *version_of(struct arena *a, const struct kust_resource *r)
{
    const char *text = value_at_str(r->object, "apiVersion", ""), *slash = strchr(text, '/');
    return arena_strdup(a, slash ? slash + 1 : text);
}

static bool selected(const char *selector, const struct value *labels, struct arena *a)
{
    struct selector s;
    return !selector || !*selector ||
           (selector_parse(selector, a, &s, NULL) == 0 && selector_matches(&s, labels));
}

bool kust_targeted(const struct value *target, const struct kust_resource *r, struct arena *a)
{
    const struct value *meta = value_get(r->object, "metadata");
    return fits(value_at_str(target, "kind", ""), kust_kind(r), a) &&
           fits(value_at_str(target, "group", ""), kust_group(a, r), a) &&
           fits(value_at_str(target, "version", ""), version_of(a, r), a) &&
           had_name(r, value_at_str(target, "name", ""), value_at_str(target, "namespace", ""),
                    a) &&
           selected(value_at_str(target, "labelSelector", ""), value_get(meta, "labels"), a) &&
           selected(value_at_str(target, "annotationSelector", ""), value_get(meta, "annotations"),
                    a);
}

/* ---- applying ---- */

static void drop(struct kust_set *s, size_t at)
{
    memmove(&s->items[at], &s->items[at + 1], (s->n - at - 1) * sizeof *s->items);
    s->n--;
}

struct patch {
    const struct value *body; /* an object: strategic; an array: JSON 6902 */
    const char *where;        /* file, for errors */
    bool rename, rekind;      /* what options allow to change */
};

static bool deletes(const struct value *body)
{
    return strcmp(value_str(value_get(body, "$patch"), ""), "delete") == 0;
}

/* A strategic merge leaves no lists and objects that are null. */
static void drop_nulls(const struct schema *s, struct value *v, int depth)
{
    if (!s || depth > 64)
        return;
    for (size_t i = 0; value_is(v, VALUE_ARRAY) && i < v->n; i++)
        drop_nulls(s->items, &v->items[i], depth + 1);
    for (size_t i = 0; value_is(v, VALUE_OBJECT) && i < v->n;) {
        struct member *m = &v->members[i];
        const struct schema *of = schema_member(s, m->key);
        bool nested =
            of && (of->type == SCHEMA_LIST || of->type == SCHEMA_STRUCT || of->type == SCHEMA_MAP);
        if (nested && value_is(&m->value, VALUE_NULL)) {
            (void)value_removen(v, m->key, m->key_len);
            continue;
        }
        drop_nulls(of, &m->value, depth + 1);
        i++;
    }
}

static int apply_strategic(struct kust_layer *l, const struct patch *p, struct kust_resource *r,
                           struct err *e)
{
    const struct schema *schema = kust_schema(l, r);
    struct value *merged, *body = value_copy(l->a, p->body);
    const char *keep[] = {p->rekind ? NULL : "kind", p->rekind ? NULL : "apiVersion"};
    for (size_t i = 0; i < ARRAY_LEN(keep); i++)
        if (keep[i])
            (void)value_remove(body, keep[i]);
    struct value *meta = value_get_mut(body, "metadata");
    if (meta && !p->rename)
        (void)value_remove(meta, "name");
    if (meta && value_get(meta, "namespace") && !p->rename)
        (void)value_remove(meta, "namespace");
    int rc = 0;
    if (schema)
        rc = strategic_apply(l->a, schema, r->object, body, &merged, e);
    else
        merged = patch_merge(l->a, r->object, body);
    if (rc < 0)
        return err_wrap(e, rc, "%s: patch of %s %s", p->where, kust_kind(r), kust_name(r));
    r->object = value_copy(l->a, merged);
    drop_nulls(schema, r->object, 0);
    kust_reorder(l->a, schema, r->object, p->body, 0);
    return 0;
}

static int apply_json(struct kust_layer *l, const struct patch *p, struct kust_resource *r,
                      struct err *e)
{
    struct value *patched;
    int rc = kust_json_patch(l->a, r->object, p->body, &patched, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s: patch of %s %s", p->where, kust_kind(r), kust_name(r));
    r->object = value_copy(l->a, patched);
    return 0;
}

static int apply_at(struct kust_layer *l, const struct patch *p, size_t *at, struct err *e)
{
    struct kust_resource *r = l->set->items[*at];
    if (value_is(p->body, VALUE_OBJECT) && deletes(p->body)) {
        drop(l->set, *at);
        (*at)--;
        return 0;
    }
    int rc = value_is(p->body, VALUE_ARRAY) ? apply_json(l, p, r, e) : apply_strategic(l, p, r, e);
    const char *now = kust_name(r);
    if (rc == 0 && strcmp(now, r->was[r->n_was - 1].name) != 0)
        kust_renamed(r);
    return rc;
}

static int apply_target(struct kust_layer *l, const struct patch *p, const struct value *target,
                        struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        if (kust_targeted(target, l->set->items[i], l->a))
            rc = apply_at(l, p, &i, e);
    return rc;
}

static bool was_named(const struct kust_resource *r, const char *name, const char *ns)
{
    for (size_t k = 0; k < r->n_was; k++)
        if (strcmp(r->was[k].name, name) == 0 && kust_same_ns(r->was[k].ns, ns))
            return true;
    return false;
}

/* A strategic patch without a target names its object itself. */
static int apply_by_identity(struct kust_layer *l, const struct patch *p, struct err *e)
{
    const char *kind = value_at_str(p->body, "kind", "");
    const char *name = value_at_str(p->body, "metadata.name", "");
    const char *ns = value_at_str(p->body, "metadata.namespace", "");
    const char *group = value_at_str(p->body, "apiVersion", ""), *slash = strchr(group, '/');
    group = slash ? arena_strndup(l->a, group, (size_t)(slash - group)) : "";
    if (!*kind || !*name)
        return err_set(e, ERR_INVALID, "%s: a patch without target needs kind and metadata.name",
                       p->where);
    size_t fitting = 0, first = 0;
    for (size_t i = 0; i < l->set->n; i++) {
        const struct kust_resource *r = l->set->items[i];
        if (strcmp(kust_kind(r), kind) != 0 || strcmp(kust_group(l->a, r), group) != 0 ||
            !was_named(r, name, ns))
            continue;
        first = fitting++ ? first : i;
    }
    if (fitting > 1)
        return err_set(e, ERR_INVALID, "%s: more than one %s %s for this patch", p->where, kind,
                       name);
    if (fitting == 1)
        return apply_at(l, p, &first, e);
    return err_set(e, ERR_INVALID, "%s: no %s %s%s%s for this patch", p->where, kind, ns,
                   *ns ? "/" : "", name);
}

/* ---- reading ---- */

static int patch_docs(struct kust_layer *l, const char *where, const char *text, size_t n,
                      struct value ***docs, size_t *n_docs, struct err *e)
{
    int rc = yaml_or_json_parse_all(l->a, text, n, YAML_NODES, docs, n_docs, e);
    if (rc == 0 && *n_docs > 0 && value_is((*docs)[0], VALUE_ARRAY)) /* a JSON patch */
        rc = yaml_or_json_parse_all(l->a, text, n, 0, docs, n_docs, e);
    return rc < 0 ? err_wrap(e, rc, "%s", where) : 0;
}

static int apply_text(struct kust_layer *l, const char *where, const char *text, size_t n,
                      const struct value *entry, struct err *e)
{
    struct value **docs;
    size_t n_docs;
    const struct value *target = value_get(entry, "target");
    int rc = patch_docs(l, where, text, n, &docs, &n_docs, e);
    size_t empty = 0;
    while (rc == 0 && empty < n_docs && value_is(docs[empty], VALUE_NULL))
        empty++;
    if (rc == 0 && empty == n_docs)
        return err_set(e, ERR_INVALID, "%s: the patch is empty", where);
    for (size_t i = 0; rc == 0 && i < n_docs; i++) {
        struct patch p = {docs[i], where, value_at_bool(entry, "options.allowNameChange", false),
                          value_at_bool(entry, "options.allowKindChange", false)};
        if (value_is(docs[i], VALUE_NULL))
            continue;
        if (!value_is(docs[i], VALUE_OBJECT) && !value_is(docs[i], VALUE_ARRAY))
            return err_set(e, ERR_INVALID, "%s: this is no patch", where);
        if (value_is(docs[i], VALUE_ARRAY) && !target)
            return err_set(e, ERR_INVALID, "%s: a JSON patch needs a target", where);
        rc = target ? apply_target(l, &p, target, e) : apply_by_identity(l, &p, e);
    }
    return rc;
}

static int apply_file(struct kust_layer *l, const struct value *at, const char *name,
                      const struct value *entry, struct err *e)
{
    struct kust_file f;
    int rc = kust_read(l, at, name, &f, e);
    return rc < 0 ? rc : apply_text(l, f.path, f.text, f.n, entry, e);
}

static int one_entry(struct kust_layer *l, const struct value *entry, struct err *e)
{
    static const char *const known[] = {"path", "patch", "target", "options", NULL};
    static const char *const targets[] = {
        "group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector",
        NULL};
    const char *path = value_at_str(entry, "path", ""), *text = value_at_str(entry, "patch", "");
    int rc = kust_only(l, entry, "patches", known, e);
    if (rc == 0)
        rc = kust_only(l, value_get(entry, "target"), "patches.target", targets, e);
    if (rc < 0)
        return rc;
    if (!*path == !*text)
        return kust_error(l, entry, e, "patches: one of path and patch is needed");
    if (*path)
        return apply_file(l, entry, path, entry, e);
    return apply_text(l, arena_printf(l->a, "%s:%u", l->file, entry->line), text, strlen(text),
                      entry, e);
}

int kust_patches_strategic(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(l->doc, "patchesStrategicMerge")) {
        const char *text = value_str(item, "");
        bool inlined = strchr(text, '\n') != NULL;
        if (rc == 0 && inlined)
            rc = apply_text(l, arena_printf(l->a, "%s:%u", l->file, item->line), text, strlen(text),
                            NULL, e);
        else if (rc == 0)
            rc = apply_file(l, item, text, NULL, e);
    }
    return rc;
}

int kust_patches(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "patches"))
        if (rc == 0)
            rc = one_entry(l, entry, e);
    return rc;
}

int kust_patches_json6902(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "patchesJson6902"))
        if (rc == 0)
            rc = one_entry(l, entry, e);
    return rc;
}
