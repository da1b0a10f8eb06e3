/* objects.c - the objects of a text: its documents, and what lists among them hold. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

enum { OBJECTS_MAX = 100000 };

struct objects {
    struct arena *a;
    const char *where;
    struct value **items;
    size_t n, cap;
};

static int push(struct objects *o, struct value *v, struct err *e)
{
    if (o->n == OBJECTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d objects", o->where, OBJECTS_MAX);
    if (o->n == o->cap) {
        size_t more = o->cap ? 2 * o->cap : 8;
        o->items = arena_grow(o->a, o->items, o->cap * sizeof *o->items, more * sizeof *o->items);
        o->cap = more;
    }
    o->items[o->n++] = v;
    return 0;
}

static bool is_list_kind(const char *kind)
{
    size_t n = strlen(kind);
    return n >= 4 && strcmp(kind + n - 4, "List") == 0;
}

/* Takes what is an object; what is empty is passed over. */
static int take(struct objects *o, struct value *v, struct err *e)
{
    const char *kind = value_at_str(v, "kind", "");
    if (value_is(v, VALUE_NULL) || (!value_is(v, VALUE_STRING) && value_count(v) == 0))
        return 0;
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s:%u: an object is expected, not %s", o->where, v->line,
                       value_kind_name(v->kind));
    if (!*kind)
        return err_set(e, ERR_INVALID, "%s:%u: kind is missing", o->where, v->line);
    const struct value *name = value_at(v, "metadata.name");
    if (!is_list_kind(kind) && (!name || !*value_str(name, "?")))
        return err_set(e, ERR_INVALID, "%s:%u: %s has no metadata.name", o->where, v->line, kind);
    return push(o, v, e);
}

/* Items of lists go by way of JSON, and are written so then. */
static void write_as_json(struct value *v)
{
    v->style = v->kind == VALUE_STRING ? VALUE_DOUBLE : v->kind >= VALUE_ARRAY ? VALUE_FLOW : 0;
    for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
        write_as_json(&v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++)
        write_as_json(&v->members[i].value);
}

/* The items of a list stand behind all that is there already. */
static int take_items(struct objects *o, struct value *items, struct err *e)
{
    if (!value_is(items, VALUE_ARRAY))
        return value_is(items, VALUE_NULL)
                   ? 0
                   : err_set(e, ERR_INVALID, "%s:%u: items are expected", o->where, items->line);
    for (uint32_t i = 0; i < items->n; i++) {
        struct value *item = value_copy(o->a, &items->items[i]);
        int rc = yaml_settle(o->a, item, e);
        write_as_json(item);
        if (rc == 0)
            rc = take(o, item, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int inline_lists(struct objects *o, struct err *e)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n; i++) {
        struct value *v = o->items[i];
        struct value *items =
            is_list_kind(value_at_str(v, "kind", "")) ? value_get_mut(v, "items") : NULL;
        if (items)
            rc = take_items(o, items, e);
        else
            o->items[kept++] = v;
    }
    o->n = kept;
    return rc;
}

/* The line that begins a document holds nothing else; only the first of a text may. */
static int check_separators(const struct objects *o, const char *text, size_t n, struct err *e)
{
    const char *end = text + n;
    unsigned line = 1;
    for (const char *p = text; (p = memchr(p, '\n', (size_t)(end - p)));) {
        line++;
        if (++p + 3 > end || memcmp(p, "---", 3) != 0)
            continue;
        const char *rest = p + 3 + strspn(p + 3, " \t\r");
        if (rest < end && *rest != '\n' && *rest != '#' && memchr(rest, '\n', (size_t)(end - rest)))
            return err_set(e, ERR_INVALID, "%s:%u: --- stands alone on its line", o->where, line);
    }
    return 0;
}

int kust_parse(const struct kust_layer *l, const char *where, const char *text, size_t n,
               struct value ***out, size_t *out_n, struct err *e)
{
    struct arena *a = l->a;
    struct value **docs;
    size_t n_docs;
    struct objects o = {.a = a, .where = where};
    int rc = yaml_parse_all(a, text, n, YAML_NODES | YAML_STRICT_KEYS, &docs, &n_docs, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", where);
    kust_mark(l, text, n, docs, n_docs);
    rc = check_separators(&o, text, n, e);
    struct value *items = rc == 0 && n_docs == 1 ? value_get_mut(docs[0], "items") : NULL;
    const char *kind = n_docs == 1 ? value_at_str(docs[0], "kind", "") : "";
    if (items && (strcmp(kind, "List") == 0 || strcmp(kind, "ResourceList") == 0)) {
        for (uint32_t i = 0; rc == 0 && items->kind == VALUE_ARRAY && i < items->n; i++)
            rc = take(&o, &items->items[i], e);
        n_docs = 0;
    }
    for (size_t i = 0; rc == 0 && i < n_docs; i++)
        rc = take(&o, docs[i], e);
    if (rc == 0)
        rc = inline_lists(&o, e);
    *out = o.items;
    *out_n = o.n;
    return rc;
}

bool kustomize_are_resources(const char *text, size_t n, struct arena *a)
{
    struct value **objects;
    size_t n_objects;
    struct kust_set none = {.a = a};
    const struct kust_layer l = {.a = a, .set = &none, .marks = kust_marks_new(a)};
    return kust_parse(&l, "", text, n, &objects, &n_objects, NULL) == 0;
}
