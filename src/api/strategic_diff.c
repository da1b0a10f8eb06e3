#include <string.h>

#include "api/strategic.h"
#include "api/strategic_int.h"

/* What a difference is made for. */
struct diff {
    struct arena *a;
    struct err *e;
    bool no_deletions, no_changes; /* leave these out */
    bool set_order;                /* say the order of merging lists */
    bool retain;                   /* of this map: name all keys */
};

static int diff_maps(struct diff *d, const struct schema *s, const struct value *from,
                     const struct value *to, struct value **out);

static void put_changed(struct diff *d, struct value *patch, const char *key,
                        const struct value *from, const struct value *to)
{
    if (!d->no_changes && !value_equal(from, to))
        (void)value_set(d->a, patch, key, to);
}

struct ordered {
    const char *text;
    const struct value *item;
};

static int by_text(const void *x, const void *y)
{
    const struct ordered *a = x, *b = y;
    int c = strcmp(a->text, b->text);
    return c ? c : (a->item > b->item) - (a->item < b->item);
}

/* Items by the text of their merge key (of themselves where key is NULL). */
static int sorted(struct diff *d, const struct value *list, const char *key, struct ordered **out)
{
    struct ordered *o = ARENA_ARRAY(d->a, struct ordered, value_count(list) + 1);
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *item = &list->items[i], *k = key ? value_get(item, key) : item;
        if (!k) {
            struct smp m = {.a = d->a, .e = d->e};
            return strategic__no_key(&m, item, key);
        }
        o[i] = (struct ordered){strategic__text(d->a, k), item};
    }
    qsort(o, value_count(list), sizeof *o, by_text);
    *out = o;
    return 0;
}

static void note_deleted(struct diff *d, struct value *deleted, const struct value *item,
                         const char *key)
{
    if (d->no_deletions)
        return;
    if (!key) {
        if (!deleted->n || !value_equal(&deleted->items[deleted->n - 1], item))
            (void)value_push(d->a, deleted, item);
        return;
    }
    struct value *gone = value_new_object(d->a);
    (void)value_set(d->a, gone, key, value_get(item, key));
    (void)value_set_str(d->a, gone, STRATEGIC_PATCH, "delete");
    (void)value_push(d->a, deleted, gone);
}

static int diff_item(struct diff *d, const struct schema *s, const struct value *from,
                     const struct value *to, const char *key, struct value *changed)
{
    struct value *patch;
    struct diff sub = *d;
    int r = diff_maps(&sub, s, from, to, &patch);
    if (r < 0 || !patch->n)
        return r;
    (void)value_set(d->a, patch, key, value_get(to, key));
    (void)value_push(d->a, changed, patch);
    return 0;
}

/* key NULL: lists of scalars. */
static int walk_lists(struct diff *d, const struct schema *s, const struct value *from,
                      const struct value *to, const char *key, struct value *changed,
                      struct value *deleted)
{
    struct ordered *x, *y;
    int r = sorted(d, from, key, &x);
    if (r == 0)
        r = sorted(d, to, key, &y);
    size_t i = 0, j = 0;
    while (r == 0 && (i < from->n || j < to->n)) {
        int c = i >= from->n ? 1 : j >= to->n ? -1 : strcmp(x[i].text, y[j].text);
        if (c == 0) {
            r = key ? diff_item(d, s ? s->items : NULL, x[i].item, y[j].item, key, changed) : 0;
            i++, j++;
        } else if (c < 0) {
            note_deleted(d, deleted, x[i++].item, key);
        } else {
            if (!d->no_changes)
                (void)value_push(d->a, changed, y[j].item);
            j++;
        }
    }
    return r;
}

static bool same_order(struct diff *d, const struct value *from, const struct value *to,
                       const char *key)
{
    if (from->n != to->n)
        return false;
    for (size_t i = 0; i < from->n; i++)
        if (strcmp(strategic__text(d->a, value_get(&from->items[i], key)),
                   strategic__text(d->a, value_get(&to->items[i], key))) != 0)
            return false;
    return true;
}

static struct value *only_keys(struct diff *d, const struct value *list, const char *key)
{
    struct value *out = value_new_array(d->a);
    VALUE_EACH_ITEM (item, list) {
        struct value *o = value_new_object(d->a);
        (void)value_set(d->a, o, key, value_get(item, key));
        (void)value_push(d->a, out, o);
    }
    return out;
}

static void put_list(struct diff *d, struct value *patch, const char *prefix, const char *key,
                     const struct value *list)
{
    if (value_count(list))
        (void)value_set(d->a, patch, arena_printf(d->a, "%s%s", prefix, key), list);
}

static int diff_list(struct diff *d, const struct schema *s, const char *name,
                     const struct value *from, const struct value *to, struct value *patch)
{
    if (!from->n) {
        if (to->n && !d->no_changes)
            (void)value_set(d->a, patch, name, to);
        return 0;
    }
    bool maps = value_is(value_item(from, 0), VALUE_OBJECT);
    const char *key = maps ? s->merge_key : NULL;
    if (maps && !key)
        return err_set(d->e, ERR_INVALID, "cannot merge lists without merge key");
    struct value *changed = value_new_array(d->a), *deleted = value_new_array(d->a);
    int r = walk_lists(d, s, from, to, key, changed, deleted);
    if (r < 0)
        return r;
    strategic__sort_like(d->a, changed, to, key);
    if (!maps) {
        put_list(d, patch, "", name, changed);
        put_list(d, patch, STRATEGIC_DELETE, name, deleted);
        if (d->set_order &&
            ((!d->no_deletions && deleted->n) || (!d->no_changes && !value_equal(from, to))))
            put_list(d, patch, STRATEGIC_ORDER, name, to);
        return 0;
    }
    VALUE_EACH_ITEM (item, deleted)
        (void)value_push(d->a, changed, item);
    put_list(d, patch, "", name, changed);
    bool moved = !same_order(d, from, to, key);
    if (d->set_order &&
        ((!d->no_changes && (changed->n || moved)) || (!d->no_deletions && changed->n)))
        put_list(d, patch, STRATEGIC_ORDER, name, only_keys(d, to, key));
    return 0;
}

static int diff_member(struct diff *d, const struct schema *s, const char *name,
                       const struct value *from, const struct value *to, struct value *patch)
{
    const struct schema *sub = schema_member(s, name);
    unsigned flags = sub ? sub->flags : 0;
    if (from->kind != to->kind) {
        put_changed(d, patch, name, from, to);
        return 0;
    }
    struct diff inner = *d;
    inner.retain = flags & SCHEMA_PATCH_RETAIN;
    if (to->kind == VALUE_ARRAY && (flags & SCHEMA_PATCH_MERGE))
        return diff_list(&inner, sub, name, from, to, patch);
    if (to->kind != VALUE_OBJECT || (flags & SCHEMA_PATCH_REPLACE)) {
        put_changed(d, patch, name, from, to);
        return 0;
    }
    struct value *diff;
    int r = diff_maps(&inner, sub, from, to, &diff);
    if (r == 0 && diff->n)
        (void)value_set(d->a, patch, name, diff);
    return r;
}

static bool lost_field(const struct value *from, const struct value *to)
{
    VALUE_EACH_MEMBER (m, from)
        if (m->value.kind != VALUE_NULL && !value_get(to, m->key))
            return true;
    return false;
}

static void put_retained(struct diff *d, const struct value *to, struct value *patch)
{
    struct ordered *o;
    struct value *keys = value_new_array(d->a), *names = value_new_array(d->a);
    VALUE_EACH_MEMBER (m, to)
        if (m->value.kind != VALUE_NULL)
            (void)value_push_str(d->a, keys, m->key);
    if (sorted(d, keys, NULL, &o) < 0 || !keys->n)
        return;
    for (size_t i = 0; i < keys->n; i++)
        (void)value_push(d->a, names, o[i].item);
    (void)value_set(d->a, patch, STRATEGIC_RETAIN, names);
}

static int diff_maps(struct diff *d, const struct schema *s, const struct value *from,
                     const struct value *to, struct value **out)
{
    struct value *patch = value_new_object(d->a), null = {.kind = VALUE_NULL};
    bool retain = d->retain;
    d->retain = false;
    VALUE_EACH_MEMBER (m, to) {
        const struct value *before = value_get(from, m->key);
        int r = 0;
        if (before)
            r = diff_member(d, s, m->key, before, &m->value, patch);
        else if (!d->no_changes)
            (void)value_set(d->a, patch, m->key, &m->value);
        if (r < 0)
            return r;
    }
    if (!d->no_deletions)
        VALUE_EACH_MEMBER (m, from)
            if (!value_get(to, m->key))
                (void)value_set(d->a, patch, m->key, &null);
    if (retain && (patch->n || lost_field(from, to)))
        put_retained(d, to, patch);
    *out = patch;
    return 0;
}

int strategic_diff(struct arena *a, const struct schema *s, const struct value *original,
                   const struct value *modified, struct value **out, struct err *e)
{
    struct diff d = {.a = a, .e = e, .set_order = true};
    return diff_maps(&d, s, original, modified, out);
}

/* Do two patches set something differently? */
static bool conflicting(const struct schema *s, struct arena *a, const struct value *x,
                        const struct value *y);

static bool conflicting_lists(const struct schema *s, struct arena *a, const struct value *x,
                              const struct value *y)
{
    if (!s || !(s->flags & SCHEMA_PATCH_MERGE))
        return !value_equal(x, y);
    if (!s->merge_key)
        return false;
    VALUE_EACH_ITEM (i, x)
        VALUE_EACH_ITEM (j, y) {
            if (strcmp(strategic__text(a, value_get(i, s->merge_key)),
                       strategic__text(a, value_get(j, s->merge_key))) != 0)
                continue;
            if (strategic__deletes(i) != strategic__deletes(j) || conflicting(s->items, a, i, j))
                return true;
        }
    return false;
}

static bool conflicting(const struct schema *s, struct arena *a, const struct value *x,
                        const struct value *y)
{
    if (x->kind != y->kind)
        return true;
    if (x->kind != VALUE_OBJECT)
        return !value_equal(x, y);
    VALUE_EACH_MEMBER (m, x) {
        const struct value *other = value_get(y, m->key);
        const struct schema *sub = schema_member(s, m->key);
        if (!other || strategic__has_prefix(m->key, STRATEGIC_ORDER) ||
            strategic__has_prefix(m->key, STRATEGIC_DELETE) ||
            strcmp(m->key, STRATEGIC_RETAIN) == 0)
            continue;
        bool lists = other->kind == VALUE_ARRAY && m->value.kind == VALUE_ARRAY;
        if (lists ? conflicting_lists(sub, a, &m->value, other)
                  : conflicting(sub, a, &m->value, other))
            return true;
    }
    return false;
}

int strategic_diff3(struct arena *a, const struct schema *s, const struct value *original,
                    const struct value *modified, const struct value *current, bool overwrite,
                    struct value **out, struct err *e)
{
    struct value *empty = value_new_object(a), *delta, *deletions, *patch, *changed;
    struct diff add = {.a = a, .e = e, .set_order = true, .no_deletions = true};
    struct diff del = {.a = a, .e = e, .set_order = true, .no_changes = true};
    struct diff all = {.a = a, .e = e};
    struct smp m = {.a = a, .e = e, .keep_lists = true};
    original = original ? original : empty;
    modified = modified ? modified : empty;
    current = current ? current : empty;
    int r = diff_maps(&add, s, current, modified, &delta);
    if (r == 0)
        r = diff_maps(&del, s, original, modified, &deletions);
    if (r == 0)
        r = strategic__merge(&m, s, value_copy(a, deletions), value_copy(a, delta), &patch);
    if (r < 0)
        return r;
    if (!overwrite) {
        r = diff_maps(&all, s, original, current, &changed);
        if (r < 0)
            return r;
        if (conflicting(s, a, patch, changed))
            return err_set(e, ERR_CONFLICT, "patch conflicts with the live object's changes");
    }
    *out = patch;
    return 0;
}
