#include "api/typed_int.h"

#include <string.h>

#include "api/errors.h"
#include "codec/json.h"

enum shape { SCALAR, ATOMIC, MAP, KEYED };

static bool is_list(const struct value *v)
{
    return value_is(v, VALUE_ARRAY);
}

static bool keyed(const struct schema *s)
{
    if (!s || s->type != SCHEMA_LIST)
        return false;
    return s->list_type == LIST_MAP || s->list_type == LIST_SET ||
           (s->list_type == LIST_UNSET && (s->flags & SCHEMA_PATCH_MERGE));
}

/* Null and absent fit any shape: `other` decides, then the schema. */
static enum shape shape_of(const struct schema *s, const struct value *v, const struct value *other)
{
    if (!v || v->kind == VALUE_NULL)
        v = other;
    bool map = value_is(v, VALUE_OBJECT), list = is_list(v);
    if (!v || v->kind == VALUE_NULL) {
        map = s && (s->type == SCHEMA_STRUCT || s->type == SCHEMA_MAP);
        list = s && s->type == SCHEMA_LIST;
    }
    if (map)
        return s && (s->flags & SCHEMA_ATOMIC) ? ATOMIC : MAP;
    if (list)
        return keyed(s) ? KEYED : ATOMIC;
    return SCALAR;
}

/* ---- steps ---- */

static const char *number_text(const struct value *v, struct arena *a)
{
    if (v->kind == VALUE_FLOAT && v->d > -1e15 && v->d < 1e15 && (double)(int64_t)v->d == v->d)
        return arena_printf(a, "%lld", (long long)v->d);
    return json_text(a, v, JSON_NO_HTML);
}

static const struct value *key_default(const struct schema *items, const char *key, struct arena *a)
{
    const struct schema *s = schema_member(items, key);
    struct value *v;
    if (!s || !s->dflt)
        return s ? s->dflt_value : NULL;
    return json_parse(a, s->dflt, strlen(s->dflt), 0, &v, NULL) < 0 ? NULL : v;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static size_t list_keys(const struct schema *list, struct arena *a, const char ***out)
{
    size_t n = list->n_map_keys ? list->n_map_keys : list->merge_key ? 1 : 0;
    const char **keys = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        keys[i] = list->n_map_keys ? list->map_keys[i] : list->merge_key;
    qsort(keys, n, sizeof *keys, by_name);
    *out = keys;
    return n;
}

static bool is_required_key(const struct schema *list, const char *key)
{
    const struct schema_field *f = schema_field(list->items, key);
    return f && f->required;
}

static const char *keyed_step(const struct schema *list, const struct value *item,
                              const char **keys, size_t n, struct arena *a, const char **why)
{
    const char *text = "k:{", *sep = "", *missing = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct value *v = value_get(item, keys[i]);
        if (!v)
            v = key_default(list->items, keys[i], a);
        if (!v) {
            if (!missing)
                missing = keys[i];
            continue;
        }
        text = arena_printf(a, "%s%s%s:%s", text, sep,
                            field_errors_quote(a, keys[i], strlen(keys[i])), number_text(v, a));
        sep = ",";
    }
    if (*sep && !(missing && is_required_key(list, missing)))
        return arena_printf(a, "%s}", text);
    *why =
        arena_printf(a,
                     "associative list with keys has an element that omits key field \"%s\" (and "
                     "doesn't have default value)",
                     missing);
    return NULL;
}

const char *typed__item_step(const struct schema *list, const struct value *item, struct arena *a,
                             const char **why)
{
    const char **keys;
    size_t n = list_keys(list, a, &keys);
    if (!n) {
        if (item->kind == VALUE_OBJECT) {
            *why = "associative list without keys has an element that's a map type";
            return NULL;
        }
        return arena_printf(a, "v:%s", number_text(item, a));
    }
    if (item->kind != VALUE_OBJECT) {
        *why = item->kind == VALUE_NULL
                   ? "associative list with keys may not have a null element"
                   : "associative list with keys may not have non-map elements";
        return NULL;
    }
    return keyed_step(list, item, keys, n, a, why);
}

/* Of every item of a list, in its order; "" for an item that has none. */
struct steps {
    const char **at;
    size_t n;
};

static struct steps steps_of(const struct schema *s, const struct value *list, struct arena *a)
{
    const char *why;
    struct steps out = {.at = ARENA_ARRAY(a, const char *, value_count(list) + 1)};
    VALUE_EACH_ITEM (item, list) {
        const char *step = typed__item_step(s, item, a, &why);
        out.at[out.n++] = step ? step : "";
    }
    return out;
}

static bool is_step(const char *step, const char *wanted)
{
    return *step && strcmp(step, wanted) == 0;
}

static size_t times_in(const struct steps *l, const char *step)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += is_step(l->at[i], step);
    return n;
}

static const struct value *first_with(const struct value *list, const struct steps *l,
                                      const char *step)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_step(l->at[i], step))
            return &list->items[i];
    return NULL;
}

static struct value *all_with(const struct value *list, const struct steps *l, const char *step,
                              struct arena *a)
{
    struct value *out = value_new_array(a);
    for (size_t i = 0; i < l->n; i++)
        if (is_step(l->at[i], step))
            (void)value_push(a, out, &list->items[i]);
    return out;
}

/* ---- check ---- */

struct check {
    struct arena *a;
    bool allow_dups;
    const char *text; /* "path: why" lines */
    size_t n;
};

static void complain(struct check *c, const struct field_path *p, const char *why)
{
    c->text = arena_printf(c->a, "%s%s%s: %s", c->text, c->n ? "\n  " : "",
                           field_path__text(p, c->a), why);
    c->n++;
}

const char *typed__go(const struct value *v, struct arena *a)
{
    if (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) {
        const char *out = v->kind == VALUE_ARRAY ? "[]interface {}{" : "map[string]interface {}{";
        for (size_t i = 0; i < v->n; i++)
            out = v->kind == VALUE_ARRAY
                      ? arena_printf(a, "%s%s%s", out, i ? ", " : "", typed__go(&v->items[i], a))
                      : arena_printf(a, "%s%s\"%s\":%s", out, i ? ", " : "", v->members[i].key,
                                     typed__go(&v->members[i].value, a));
        return arena_printf(a, "%s}", out);
    }
    return json_text(a, v, JSON_NO_HTML);
}

static void expected(struct check *c, const struct field_path *p, const char *what,
                     const struct value *v)
{
    complain(c, p,
             arena_printf(c->a, "expected %s, got &value.valueUnstructured{Value:%s}", what,
                          typed__go(v, c->a)));
}

static void check(struct check *c, const struct schema *s, const struct value *v,
                  const struct field_path *p);

static void check_list(struct check *c, const struct schema *s, const struct value *v,
                       const struct field_path *p)
{
    struct fieldset seen = {0};
    if (v->kind != VALUE_ARRAY) {
        expected(c, p, "list", v);
        return;
    }
    for (size_t i = 0; i < v->n; i++) {
        const char *why, *step = arena_printf(c->a, "i:%zu", i);
        if (keyed(s)) {
            step = typed__item_step(s, &v->items[i], c->a, &why);
            if (!step) {
                complain(c, p, arena_printf(c->a, "element %zu: %s", i, why));
                continue;
            }
        }
        struct field_path sub = {p, step}, alone = {NULL, step};
        if (!c->allow_dups && fieldset__find(&seen, step)) {
            complain(
                c, p,
                arena_printf(c->a, "duplicate entries for key %s", field_path__text(&alone, c->a)));
            continue;
        }
        fieldset__insert(&seen, &alone, c->a);
        check(c, s->items, &v->items[i], &sub);
    }
}

static void check_map(struct check *c, const struct schema *s, const struct value *v,
                      const struct field_path *p)
{
    if (v->kind != VALUE_OBJECT) {
        expected(c, p, "map", v);
        return;
    }
    VALUE_EACH_MEMBER (m, v) {
        const struct schema *sub = schema_member(s, m->key);
        struct field_path at = {p, arena_join(c->a, "f:", m->key, NULL)};
        if (!sub && s->type == SCHEMA_STRUCT && !(s->flags & SCHEMA_PRESERVE))
            complain(c, &at, "field not declared in schema");
        else
            check(c, sub, &m->value, &at);
    }
}

static void check(struct check *c, const struct schema *s, const struct value *v,
                  const struct field_path *p)
{
    if (!s || v->kind == VALUE_NULL)
        return;
    bool number = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    switch (s->type) {
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        check_map(c, s, v, p);
        break;
    case SCHEMA_LIST:
        check_list(c, s, v, p);
        break;
    case SCHEMA_STRING:
        if (v->kind != VALUE_STRING && !(s->format == FORMAT_QUANTITY && number))
            expected(c, p, "string", v);
        break;
    case SCHEMA_INT:
    case SCHEMA_NUMBER:
        if (!number)
            complain(c, p,
                     arena_printf(c->a, "expected numeric (int or float), got %s",
                                  v->kind == VALUE_STRING ? "string"
                                  : v->kind == VALUE_BOOL ? "bool"
                                                          : value_kind_name(v->kind)));
        break;
    case SCHEMA_BOOL:
        if (v->kind != VALUE_BOOL)
            expected(c, p, "boolean", v);
        break;
    default:
        break;
    }
}

int typed__check(const struct schema *s, const struct value *v, bool allow_dups, struct arena *a,
                 struct err *e)
{
    struct check c = {.a = a, .allow_dups = allow_dups, .text = ""};
    check(&c, s, v, NULL);
    if (!c.n)
        return 0;
    return err_set(e, ERR_SYSTEM, "%s%s", c.n > 1 ? "errors:\n  " : "", c.text);
}

/* ---- to set ---- */

static void put_set(const struct schema *s, const struct value *v, const struct field_path *p,
                    struct arena *a, struct fieldset *out);

static void put_items(const struct schema *s, const struct value *v, const struct field_path *p,
                      struct arena *a, struct fieldset *out)
{
    struct steps steps = steps_of(s, v, a);
    for (size_t i = 0; i < steps.n; i++) {
        struct field_path sub = {p, steps.at[i]};
        if (!*sub.step)
            continue;
        if (times_in(&steps, sub.step) == 1)
            put_set(s->items, &v->items[i], &sub, a, out);
        fieldset__insert(out, &sub, a);
    }
}

static void put_set(const struct schema *s, const struct value *v, const struct field_path *p,
                    struct arena *a, struct fieldset *out)
{
    enum shape shape = shape_of(s, v, NULL);
    if (shape == SCALAR || shape == ATOMIC) {
        fieldset__insert(out, p, a);
    } else if (shape == KEYED) {
        put_items(s, v, p, a, out);
    } else {
        VALUE_EACH_MEMBER (m, v) {
            struct field_path sub = {p, arena_join(a, "f:", m->key, NULL)};
            put_set(schema_member(s, m->key), &m->value, &sub, a, out);
            bool empty =
                m->value.kind == VALUE_NULL || (m->value.kind == VALUE_OBJECT && !m->value.n);
            if (empty || !schema_field(s, m->key))
                fieldset__insert(out, &sub, a);
        }
    }
}

void typed__to_set(const struct schema *s, const struct value *v, struct arena *a,
                   struct fieldset *out)
{
    *out = (struct fieldset){0};
    put_set(s, v, NULL, a, out);
}

/* ---- compare ---- */

struct compare {
    struct arena *a;
    struct comparison *out;
};

static void compare(struct compare *c, const struct schema *s, const struct value *lhs,
                    const struct value *rhs, const struct field_path *p);

static void compare_leaf(struct compare *c, const struct value *lhs, const struct value *rhs,
                         const struct field_path *p)
{
    if (!lhs)
        fieldset__insert(&c->out->added, p, c->a);
    else if (!rhs)
        fieldset__insert(&c->out->removed, p, c->a);
    else if (!value_equal(lhs, rhs))
        fieldset__insert(&c->out->modified, p, c->a);
}

struct compare_lists {
    const struct schema *s;
    const struct value *lhs, *rhs;
    struct steps l, r;
};

/* Items with equal keys count as one atomic thing. */
static void compare_items(struct compare *c, const struct compare_lists *x, const char *step,
                          const struct field_path *up)
{
    struct field_path p = {up, step};
    size_t l = times_in(&x->l, step), r = times_in(&x->r, step);
    const struct value *lhs = first_with(x->lhs, &x->l, step);
    const struct value *rhs = first_with(x->rhs, &x->r, step);
    if (l <= 1 && r <= 1) {
        compare(c, x->s->items, lhs, rhs, &p);
    } else if (l > 1 && r > 1) {
        if (!value_equal(all_with(x->lhs, &x->l, step, c->a), all_with(x->rhs, &x->r, step, c->a)))
            fieldset__insert(&c->out->modified, &p, c->a);
    } else if (l > 1) {
        if (rhs)
            compare(c, x->s->items, NULL, rhs, &p);
        fieldset__insert(&c->out->removed, &p, c->a);
    } else {
        if (lhs)
            compare(c, x->s->items, lhs, NULL, &p);
        fieldset__insert(&c->out->added, &p, c->a);
    }
}

static void compare_lists(struct compare *c, const struct schema *s, const struct value *lhs,
                          const struct value *rhs, const struct field_path *p)
{
    struct compare_lists x = {s, lhs, rhs, steps_of(s, lhs, c->a), steps_of(s, rhs, c->a)};
    struct fieldset seen = {0};
    const struct steps *both[] = {&x.l, &x.r};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < both[i]->n; k++) {
            struct field_path alone = {NULL, both[i]->at[k]};
            if (!*alone.step || fieldset__find(&seen, alone.step))
                continue;
            fieldset__insert(&seen, &alone, c->a);
            compare_items(c, &x, alone.step, p);
        }
}

static void compare_maps(struct compare *c, const struct schema *s, const struct value *lhs,
                         const struct value *rhs, const struct field_path *p)
{
    VALUE_EACH_MEMBER (m, lhs) {
        struct field_path sub = {p, arena_join(c->a, "f:", m->key, NULL)};
        compare(c, schema_member(s, m->key), &m->value, value_get(rhs, m->key), &sub);
    }
    VALUE_EACH_MEMBER (m, rhs) {
        struct field_path sub = {p, arena_join(c->a, "f:", m->key, NULL)};
        if (!value_get(lhs, m->key))
            compare(c, schema_member(s, m->key), NULL, &m->value, &sub);
    }
}

static void compare_as(struct compare *c, enum shape shape, const struct schema *s,
                       const struct value *lhs, const struct value *rhs, const struct field_path *p)
{
    enum value_kind want = shape == MAP ? VALUE_OBJECT : VALUE_ARRAY;
    const struct value *l = value_is(lhs, want) ? lhs : NULL;
    const struct value *r = value_is(rhs, want) ? rhs : NULL;
    if (shape == SCALAR || shape == ATOMIC || (!value_count(l) && !value_count(r))) {
        compare_leaf(c, lhs, rhs, p);
        return;
    }
    if (shape == MAP)
        compare_maps(c, s, l, r, p);
    else
        compare_lists(c, s, l, r, p);
    if (!lhs)
        fieldset__insert(&c->out->added, p, c->a);
    else if (!rhs)
        fieldset__insert(&c->out->removed, p, c->a);
}

static void compare(struct compare *c, const struct schema *s, const struct value *lhs,
                    const struct value *rhs, const struct field_path *p)
{
    if (lhs && value_equal(lhs, rhs))
        return;
    enum shape l = shape_of(s, lhs, rhs), r = shape_of(s, rhs, lhs);
    if (lhs && rhs && l != r)
        compare_as(c, l, s, lhs, rhs, p);
    compare_as(c, rhs ? r : l, s, lhs, rhs, p);
}

void typed__compare(const struct schema *s, const struct value *lhs, const struct value *rhs,
                    struct arena *a, struct comparison *out)
{
    struct compare c = {a, out};
    *out = (struct comparison){0};
    compare(&c, s, lhs, rhs, NULL);
}

/* ---- merge ---- */

static bool among(const struct steps *l, const char *step)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->at[i], step) == 0)
            return true;
    return false;
}

struct merge_lists {
    const struct schema *s;
    const struct value *lhs, *rhs;
    struct steps l, r, shared, done;
    size_t next; /* of shared */
    struct arena *a;
    struct value *out;
};

/* Live's own item where the applied list has none; the merged one otherwise. */
static void take(struct merge_lists *m, const char *step, const struct value *own)
{
    const struct value *x = own, *y = NULL;
    if (!own) {
        m->done.at[m->done.n++] = step;
        x = times_in(&m->l, step) == 1 ? first_with(m->lhs, &m->l, step) : NULL;
        y = first_with(m->rhs, &m->r, step);
    }
    struct value *item = typed__merge(m->s->items, x, y, m->a);
    if (item)
        (void)value_push(m->a, m->out, item);
}

static void advance_shared(struct merge_lists *m, const char *step)
{
    if (m->next < m->shared.n && strcmp(m->shared.at[m->next], step) == 0)
        m->next++;
}

/* The applied order wins for what both have; live's own items keep their places. */
static struct value *merge_lists(const struct schema *s, const struct value *lhs,
                                 const struct value *rhs, struct arena *a)
{
    struct merge_lists m = {.s = s, .lhs = lhs, .rhs = rhs, .a = a, .out = value_new_array(a)};
    m.l = steps_of(s, lhs, a);
    m.r = steps_of(s, rhs, a);
    m.shared.at = ARENA_ARRAY(a, const char *, m.r.n + 1);
    m.done.at = ARENA_ARRAY(a, const char *, m.r.n + 1);
    for (size_t i = 0; i < m.r.n; i++)
        if (among(&m.l, m.r.at[i]))
            m.shared.at[m.shared.n++] = m.r.at[i];
    size_t i = 0, j = 0;
    while (i < m.l.n || j < m.r.n) {
        if (i < m.l.n && j < m.r.n) {
            if (strcmp(m.l.at[i], m.r.at[j]) == 0) {
                take(&m, m.r.at[j], NULL);
                m.next++;
                i++, j++;
                continue;
            }
            if (among(&m.r, m.l.at[i]) && m.next < m.shared.n &&
                strcmp(m.shared.at[m.next], m.l.at[i]) != 0) {
                i++;
                continue;
            }
        }
        if (i < m.l.n && !among(&m.r, m.l.at[i])) {
            take(&m, m.l.at[i], &lhs->items[i]);
            i++;
            continue;
        }
        if (i < m.l.n && among(&m.done, m.l.at[i]))
            i++;
        if (j < m.r.n) {
            take(&m, m.r.at[j], NULL);
            advance_shared(&m, m.r.at[j++]);
        }
    }
    return m.out->n ? m.out : NULL;
}

static struct value *merge_maps(const struct schema *s, const struct value *lhs,
                                const struct value *rhs, struct arena *a)
{
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, lhs) {
        struct value *v =
            typed__merge(schema_member(s, m->key), &m->value, value_get(rhs, m->key), a);
        if (v)
            (void)value_set(a, out, m->key, v);
    }
    VALUE_EACH_MEMBER (m, rhs) {
        struct value *v = value_get(lhs, m->key)
                              ? NULL
                              : typed__merge(schema_member(s, m->key), NULL, &m->value, a);
        if (v)
            (void)value_set(a, out, m->key, v);
    }
    return out->n ? out : NULL;
}

struct value *typed__merge(const struct schema *s, const struct value *lhs, const struct value *rhs,
                           struct arena *a)
{
    const struct value *last = rhs ? rhs : lhs;
    if (!last)
        return NULL;
    enum shape shape = rhs ? shape_of(s, rhs, lhs) : shape_of(s, lhs, rhs);
    enum value_kind want = shape == MAP ? VALUE_OBJECT : VALUE_ARRAY;
    const struct value *l = value_is(lhs, want) ? lhs : NULL;
    const struct value *r = value_is(rhs, want) ? rhs : NULL;
    if (shape == SCALAR || shape == ATOMIC || (!value_count(l) && !value_count(r)))
        return value_copy(a, last);
    return shape == MAP ? merge_maps(s, l, r, a) : merge_lists(s, l, r, a);
}

/* ---- remove ---- */

/* What to keep of a child; false: drop it. */
static bool keep(const struct schema *s, const struct value *v, const struct fieldset *gone,
                 const char *step, bool extract, struct arena *a, const struct value **out)
{
    static const struct value null = {.kind = VALUE_NULL};
    const struct field_node *n = fieldset__find(gone, step);
    *out = v;
    if (n && n->member && !extract)
        return false;
    if (n && (n->member || !fieldset__empty(&n->below))) {
        *out = typed__remove(s, v, &n->below, extract, a);
        if (!*out)
            *out = &null;
        return true;
    }
    return !extract;
}

static struct value *remove_items(const struct schema *s, const struct value *v,
                                  const struct fieldset *gone, bool extract, struct arena *a)
{
    struct value *out = value_new_array(a);
    const char *why;
    VALUE_EACH_ITEM (item, v) {
        const char *step = typed__item_step(s, item, a, &why);
        const struct value *kept = item;
        if (!step || keep(s->items, item, gone, step, extract, a, &kept))
            (void)value_push(a, out, kept);
    }
    return out->n ? out : NULL;
}

struct value *typed__remove(const struct schema *s, const struct value *v,
                            const struct fieldset *gone, bool extract, struct arena *a)
{
    enum shape shape = shape_of(s, v, NULL);
    if (shape == SCALAR || (shape == ATOMIC && extract))
        return value_copy(a, v);
    if (shape == ATOMIC || !value_count(v))
        return NULL;
    if (shape == KEYED)
        return remove_items(s, v, gone, extract, a);
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, v) {
        const struct value *kept;
        const char *step = arena_join(a, "f:", m->key, NULL);
        if (keep(schema_member(s, m->key), &m->value, gone, step, extract, a, &kept))
            (void)value_set(a, out, m->key, kept);
    }
    return out->n ? out : NULL;
}
