/* crds: OpenAPI definitions of custom kinds; their extensions say where names, labels, annotations
 * and references are. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

enum { CRD_DEPTH_MAX = 32 };

struct crd_walk {
    struct kust_layer *l;
    const struct value *types; /* name: {Schema, Dependencies} */
    const char *kind;
    struct value *config;
};

static void add_spec(struct crd_walk *w, struct value *list, const char *path)
{
    struct value *spec = value_new_object(w->l->a);
    (void)value_set_str(w->l->a, spec, "kind", w->kind);
    (void)value_set_str(w->l->a, spec, "path", path);
    (void)value_push(w->l->a, list, spec);
}

static void add_reference(struct crd_walk *w, const struct value *property, const char *path)
{
    struct arena *a = w->l->a;
    const struct value *version = value_get(property, "x-kubernetes-object-ref-api-version");
    const struct value *kind = value_get(property, "x-kubernetes-object-ref-kind");
    const char *key = value_at_str(property, "x-kubernetes-object-ref-name-key", "name");
    if (!value_is(version, VALUE_STRING) || !value_is(kind, VALUE_STRING))
        return;
    struct value *ref =
        value_push(a, value_make_array(a, w->config, "nameReference"), value_new_object(a));
    (void)value_set(a, ref, "kind", kind);
    (void)value_set(a, ref, "version", version);
    add_spec(w, value_make_array(a, ref, "fieldSpecs"), arena_printf(a, "%s/%s", path, key));
}

static int walk_type(struct crd_walk *w, const char *type, const char *path, int depth,
                     struct err *e)
{
    static const struct {
        const char *extension, *field;
    } marks[] = {
        {"x-kubernetes-annotation",     "commonAnnotations"},
        {"x-kubernetes-label-selector", "commonLabels"     },
        {"x-kubernetes-identity",       "namePrefix"       },
    };
    struct arena *a = w->l->a;
    if (depth > CRD_DEPTH_MAX)
        return err_set(e, ERR_INVALID, "type %s refers to itself, or is more than %d levels deep",
                       type, CRD_DEPTH_MAX);
    VALUE_EACH_MEMBER (m, value_at(value_get(w->types, type), "Schema.properties")) {
        const char *at = *path ? arena_printf(a, "%s/%s", path, m->key) : m->key;
        for (size_t i = 0; i < ARRAY_LEN(marks); i++)
            if (value_get(&m->value, marks[i].extension))
                add_spec(w, value_make_array(a, w->config, marks[i].field), at);
        add_reference(w, &m->value, at);
        const char *ref = value_str(value_get(&m->value, "$ref"), NULL);
        int rc = ref ? walk_type(w, ref, at, depth + 1, e) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_object(const struct value *type)
{
    const struct value *has = value_at(type, "Schema.properties");
    return value_get(has, "kind") && value_get(has, "apiVersion") && value_get(has, "metadata");
}

static int load(struct kust_layer *l, const struct value *item, struct err *e)
{
    struct kust_file f;
    size_t n_docs;
    struct value **docs;
    int rc = kust_read(l, item, value_str(item, ""), &f, e);
    if (rc < 0)
        return rc;
    rc = yaml_or_json_parse_all(l->a, f.text, f.n, 0, &docs, &n_docs, e);
    struct crd_walk w = {.l = l, .config = value_new_object(l->a)};
    w.types = rc == 0 && n_docs > 0 ? docs[0] : NULL;
    VALUE_EACH_MEMBER (m, w.types) {
        const char *dot = strrchr(m->key, '.');
        w.kind = dot ? dot + 1 : m->key;
        if (rc == 0 && is_object(&m->value))
            rc = walk_type(&w, m->key, "", 0, e);
    }
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u: %s", l->file, item->line, value_str(item, "crds"));
    kust_config_merge(l->set, w.config);
    return 0;
}

int kust_crds(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(l->doc, "crds"))
        if (rc == 0)
            rc = load(l, item, e);
    return rc;
}
