/* params.c - binding and judging parameters. */
#include "ctl/tekton/params.h"

#include "base/buf.h"

const struct value *named(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (item, list)
        if (strcmp(value_at_str(item, "name", ""), name) == 0)
            return item;
    return NULL;
}

const char *param_type(const struct value *decl)
{
    const char *type = value_str(value_get(decl, "type"), "");
    if (*type)
        return type;
    const struct value *dflt = value_get(decl, "default");
    if (value_get(decl, "properties") || value_is(dflt, VALUE_OBJECT))
        return "object";
    return value_is(dflt, VALUE_ARRAY) ? "array" : "string";
}

static const char *type_of(const struct value *v)
{
    if (value_is(v, VALUE_ARRAY))
        return "array";
    return value_is(v, VALUE_OBJECT) ? "object" : "string";
}

const struct value *param_value(const struct value *v, struct arena *a)
{
    if (!v || v->kind == VALUE_NULL)
        return value_new_str(a, "");
    if (v->kind == VALUE_BOOL)
        return value_new_str(a, v->boolean ? "true" : "false");
    if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
        return value_new_strn(a, v->text, v->n);
    if (v->kind == VALUE_ARRAY) {
        struct value *out = value_new_array(a);
        VALUE_EACH_ITEM (item, v)
            (void)value_push(a, out, param_value(item, a));
        return out;
    }
    if (v->kind == VALUE_OBJECT) {
        struct value *out = value_new_object(a);
        VALUE_EACH_MEMBER (m, v)
            (void)value_set(a, out, m->key, param_value(&m->value, a));
        return out;
    }
    return v;
}

static void add_word(struct buf *b, const char *word)
{
    buf_printf(b, "%s%s", b->len ? " " : "", word);
}

/* An object's given keys over its default's. */
static const struct value *object_over(const struct value *dflt, const struct value *given,
                                       struct arena *a)
{
    if (!value_is(dflt, VALUE_OBJECT) || !value_is(given, VALUE_OBJECT))
        return given;
    struct value *out = value_copy(a, dflt);
    VALUE_EACH_MEMBER (m, given)
        (void)value_set(a, out, m->key, &m->value);
    return out;
}

/* Defaults may speak of other parameters; each round settles those whose sources are settled. */
static void defaults_resolve(const struct value *decls, struct value *bound,
                             const struct value *given, struct arena *a)
{
    for (size_t round = 0; round < 8; round++) {
        struct scope *s = scope_new(a);
        params_scope(s, bound);
        bool changed = false;
        VALUE_EACH_ITEM (d, decls) {
            const char *name = value_at_str(d, "name", "");
            const struct value *now = value_get(bound, name);
            if (!now || named(given, name))
                continue;
            const struct value *next = subst_tree(s, now, SUBST_WHOLE);
            if (!value_equal(now, next)) {
                (void)value_set(a, bound, name, next);
                changed = true;
            }
        }
        if (!changed)
            return;
    }
}

static int check_keys(const struct value *decls, const struct value *bound, struct err *e)
{
    AUTO_BUF struct buf missing;
    buf_init(&missing, 512);
    VALUE_EACH_ITEM (d, decls) {
        const char *name = value_at_str(d, "name", "");
        const struct value *v = value_get(bound, name);
        AUTO_BUF struct buf keys;
        buf_init(&keys, 256);
        VALUE_EACH_MEMBER (p, value_get(d, "properties"))
            if (value_is(v, VALUE_OBJECT) && !value_get(v, p->key))
                add_word(&keys, p->key);
        if (keys.len)
            buf_printf(&missing, "%s%s:[%s]", missing.len ? " " : "", name, buf_text(&keys));
    }
    if (!missing.len)
        return 0;
    return err_set(e, ERR_INVALID,
                   "missing keys for these params which are required in ParamSpec's properties "
                   "map[%s]",
                   buf_text(&missing));
}

int params_bind(const struct value *decls, const struct value *given, struct arena *a,
                struct value **out, struct err *e)
{
    struct value *bound = value_new_object(a);
    AUTO_BUF struct buf missing, wrong;
    buf_init(&missing, 512);
    buf_init(&wrong, 512);
    VALUE_EACH_ITEM (d, decls) {
        const char *name = value_at_str(d, "name", "");
        const struct value *dflt = value_get(d, "default"), *g = named(given, name);
        if (!g && !dflt) {
            add_word(&missing, name);
            continue;
        }
        if (dflt)
            dflt = param_value(dflt, a);
        const struct value *v =
            g ? object_over(dflt, param_value(value_get(g, "value"), a), a) : dflt;
        if (strcmp(type_of(v), param_type(d)) != 0)
            add_word(&wrong, name);
        (void)value_set(a, bound, name, v);
    }
    VALUE_EACH_ITEM (g, given) {
        const char *name = value_at_str(g, "name", "");
        if (!value_get(bound, name))
            (void)value_set(a, bound, name, param_value(value_get(g, "value"), a));
    }
    if (missing.len)
        return err_set(e, ERR_INVALID,
                       "missing values for these params which have no default values: [%s]",
                       buf_text(&missing));
    if (wrong.len)
        return err_set(e, ERR_INVALID, "param types don't match the user-specified type: [%s]",
                       buf_text(&wrong));
    defaults_resolve(decls, bound, given, a);
    int r = check_keys(decls, bound, e);
    if (r < 0)
        return r;
    *out = bound;
    return 0;
}

int params_check_enum(const struct value *decls, const struct value *bound, struct err *e)
{
    VALUE_EACH_ITEM (d, decls) {
        const struct value *allowed = value_get(d, "enum");
        const char *name = value_at_str(d, "name", "");
        const struct value *v = value_get(bound, name);
        bool found = value_count(allowed) == 0 || !v;
        VALUE_EACH_ITEM (item, allowed)
            found = found || value_equal(item, v);
        if (!found)
            return err_set(e, ERR_INVALID, "param `%s` value: %s is not in the enum list", name,
                           value_str(v, ""));
    }
    return 0;
}

struct index_check {
    const struct value *bound;
    struct buf *bad;
};

static void check_index(void *arg, const struct subst_ref *ref)
{
    struct index_check *c = arg;
    if (ref->index < 0 || strncmp(ref->name, "params.", 7) != 0)
        return;
    const struct value *v = value_get(c->bound, ref->name + 7);
    if (value_is(v, VALUE_ARRAY) && (size_t)ref->index >= value_count(v))
        buf_printf(c->bad, "%s$(%s)", c->bad->len ? " " : "", ref->spelled);
}

int params_check_indexes(const struct value *tree, const struct value *bound, struct arena *a,
                         struct err *e)
{
    AUTO_BUF struct buf bad;
    buf_init(&bad, 512);
    subst_each_ref(tree, a, check_index, &(struct index_check){bound, &bad});
    if (!bad.len)
        return 0;
    return err_set(e, ERR_INVALID, "non-existent param references:[%s]", buf_text(&bad));
}

void params_scope(struct scope *s, const struct value *bound)
{
    VALUE_EACH_MEMBER (m, bound) {
        scope_put(s, &m->value, "params.%s", m->key);
        scope_put(s, &m->value, "inputs.params.%s", m->key);
    }
}
