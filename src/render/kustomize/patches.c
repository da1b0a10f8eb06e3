/* patches, patchesStrategicMerge and patchesJson6902. */
#include "api/schema.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

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
    bool targeted;            /* not by its own name */
};

/* What a patch may not change is put back. */
static void keep(struct kust_layer *l, struct value *object, const struct patch *p,
                 const struct kust_resource *was)
{
    struct value *meta = value_make_object(l->a, object, "metadata");
    if (!p->rekind)
        (void)value_set_str(l->a, object, "kind", kust_kind(was));
    if (!p->rename)
        (void)value_set_str(l->a, meta, "name", kust_name(was));
    if (*kust_ns(was))
        (void)value_set_str(l->a, meta, "namespace", kust_ns(was));
    else
        (void)value_remove(meta, "namespace");
}

/* The object is NULL afterwards when the patch deletes all of it. */
static int apply_strategic(struct kust_layer *l, const struct patch *p, struct kust_resource *r,
                           struct err *e)
{
    struct value *merged, *body = value_copy(l->a, p->body);
    const struct kust_resource was = {.object = value_copy(l->a, r->object)};
    if (p->targeted)
        (void)value_set_str(l->a, body, "apiVersion", value_at_str(r->object, "apiVersion", ""));
    const char *version = value_at_str(r->object, "apiVersion", "");
    const struct schema *s = kust_schema(l, version, kust_kind(r));
    if (!s) /* what the patch says that it is counts then */
        s = kust_schema(l, value_at_str(body, "apiVersion", ""), value_at_str(body, "kind", ""));
    int rc = kust_merge(l, s, r->object, body, &merged, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s: patch of %s %s", p->where, kust_kind(&was), kust_name(&was));
    r->object = value_count(merged) > 0 ? value_copy(l->a, merged) : NULL;
    if (r->object)
        keep(l, r->object, p, &was);
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
    int rc = value_is(p->body, VALUE_ARRAY) ? apply_json(l, p, r, e) : apply_strategic(l, p, r, e);
    if (rc == 0 && !r->object) {
        drop(l->set, *at);
        (*at)--;
        return 0;
    }
    bool same = rc < 0 || (strcmp(kust_name(r), r->was[r->n_was - 1].name) == 0 &&
                           strcmp(kust_kind(r), r->was[r->n_was - 1].kind) == 0);
    if (!same)
        kust_renamed(r);
    return rc;
}

static int apply_target(struct kust_layer *l, const struct patch *p, const struct value *target,
                        struct err *e)
{
    AUTO(kust_target) struct kust_target *t = NULL;
    int rc = kust_target_new(l, target, &t, e);
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        if (kust_target_selects(t, l->set->items[i], l->a))
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

/* What a patch's text turned out to be: objects, or operations. */
struct patch_text {
    const char *where;
    struct value **objects;
    size_t n;
    const struct value *operations;
};

static bool is_object(const struct value *v)
{
    const char *kind = value_at_str(v, "kind", "");
    return *kind && *value_at_str(v, "metadata.name", "");
}

/* The objects of strategic patches; false when the text has something else. */
static bool read_objects(struct kust_layer *l, const char *text, size_t n, struct patch_text *out)
{
    struct value **docs;
    size_t n_docs;
    if (yaml_parse_all(l->a, text, n, YAML_NODES, &docs, &n_docs, NULL) < 0)
        return false;
    kust_mark(l, text, n, docs, n_docs);
    out->objects = ARENA_ARRAY(l->a, struct value *, n_docs + 1);
    out->n = 0;
    for (size_t i = 0; i < n_docs; i++) {
        bool empty = value_is(docs[i], VALUE_NULL) || value_count(docs[i]) == 0;
        if (!empty && !is_object(docs[i]))
            return false;
        if (!empty)
            out->objects[out->n++] = docs[i];
    }
    return true;
}

/* Operations are JSON where they begin as a list of JSON does, else the first document of YAML. */
static int read_operations(struct kust_layer *l, const char *text, size_t n,
                           const struct value **out, struct err *e)
{
    struct value **docs, *doc = NULL;
    size_t n_docs = 0;
    int rc;
    if (n > 0 && *text == '[') {
        rc = json_parse(l->a, text, n, 0, &doc, e);
    } else {
        rc = yaml_parse_all(l->a, text, n, YAML_FIRST, &docs, &n_docs, e);
        doc = rc == 0 && n_docs > 0 ? docs[0] : NULL;
    }
    if (rc == 0 && doc && !value_is(doc, VALUE_ARRAY))
        return err_set(e, ERR_INVALID,
                       "line %u: neither operations nor an object with kind and metadata.name",
                       doc->line);
    *out = doc;
    return rc;
}

static int read_patch(struct kust_layer *l, const char *where, const char *text, size_t n,
                      struct patch_text *out, struct err *e)
{
    *out = (struct patch_text){.where = where};
    if (read_objects(l, text, n, out))
        return 0;
    out->n = 0;
    int rc = read_operations(l, text, n, &out->operations, e);
    return rc < 0 ? err_wrap(e, rc, "%s", where) : 0;
}

static int apply_patch(struct kust_layer *l, const struct patch_text *t, const struct value *entry,
                       struct err *e)
{
    const struct value *target = value_get(entry, "target");
    struct patch p = {.where = t->where,
                      .rename = value_at_bool(entry, "options.allowNameChange", false),
                      .rekind = value_at_bool(entry, "options.allowKindChange", false),
                      .targeted = target};
    if (target && t->n > 1)
        return err_set(e, ERR_INVALID, "%s: %zu patches in one with a target", t->where, t->n);
    if (t->operations && !target)
        return err_set(e, ERR_INVALID, "%s: a JSON patch needs a target", t->where);
    if (t->operations) {
        p.body = t->operations;
        return apply_target(l, &p, target, e);
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n; i++) {
        p.body = t->objects[i];
        rc = target ? apply_target(l, &p, target, e) : apply_by_identity(l, &p, e);
    }
    return rc;
}

static int apply_text(struct kust_layer *l, const char *where, const char *text, size_t n,
                      const struct value *entry, struct err *e)
{
    struct patch_text t;
    int rc = read_patch(l, where, text, n, &t, e);
    return rc < 0 ? rc : apply_patch(l, &t, entry, e);
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
    text += strspn(text, " \t\r\n");
    if (!*text)
        return kust_error(l, entry, e, "patches: the patch is empty");
    return apply_text(l, arena_printf(l->a, "%s:%u", l->file, entry->line), text, strlen(text),
                      entry, e);
}

/* An entry is taken for a patch before it is taken for the name of a file. */
static int strategic_entry(struct kust_layer *l, const struct value *item, size_t *found,
                           struct err *e)
{
    const char *text = value_str(item, "");
    struct patch_text t = {.where = arena_printf(l->a, "%s:%u", l->file, item->line)};
    struct kust_file f;
    if (read_objects(l, text, strlen(text), &t)) {
        *found += t.n;
        return apply_patch(l, &t, NULL, e);
    }
    if (strchr(text, '\n'))
        return kust_error(l, item, e, "patchesStrategicMerge: this is no patch");
    int rc = kust_read(l, item, text, &f, e);
    if (rc < 0)
        return rc;
    t.where = f.path;
    if (!read_objects(l, f.text, f.n, &t))
        return err_set(e, ERR_INVALID, "%s: objects with kind and metadata.name are expected",
                       f.path);
    *found += t.n;
    return apply_patch(l, &t, NULL, e);
}

int kust_patches_strategic(struct kust_layer *l, struct err *e)
{
    size_t found = 0;
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(l->doc, "patchesStrategicMerge"))
        if (rc == 0)
            rc = strategic_entry(l, item, &found, e);
    if (rc == 0 && found == 0)
        return kust_error(l, value_get(l->doc, "patchesStrategicMerge"), e,
                          "patchesStrategicMerge: all patches are empty");
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
