#include "api/strategic.h"

#include <string.h>

#include "api/strategic_int.h"
#include "base/buf.h"

bool strategic__has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void print_go(struct buf *b, struct arena *a, const struct value *v);

static int by_key(const void *x, const void *y)
{
    const struct member *const *a = x, *const *b = y;
    return strcmp((*a)->key, (*b)->key);
}

static void print_map(struct buf *b, struct arena *a, const struct value *v)
{
    const struct member **order = ARENA_ARRAY(a, const struct member *, v->n + 1);
    for (size_t i = 0; i < v->n; i++)
        order[i] = &v->members[i];
    qsort(order, v->n, sizeof(void *), by_key);
    buf_puts(b, "map[");
    for (size_t i = 0; i < v->n; i++) {
        buf_printf(b, "%s%s:", i ? " " : "", order[i]->key);
        print_go(b, a, &order[i]->value);
    }
    buf_putc(b, ']');
}

static void print_go(struct buf *b, struct arena *a, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_puts(b, "<nil>");
        return;
    case VALUE_BOOL:
        buf_puts(b, v->boolean ? "true" : "false");
        return;
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_STRING:
        buf_add(b, v->text, v->n);
        return;
    case VALUE_ARRAY:
        buf_putc(b, '[');
        for (size_t i = 0; i < v->n; i++) {
            if (i)
                buf_putc(b, ' ');
            print_go(b, a, &v->items[i]);
        }
        buf_putc(b, ']');
        return;
    case VALUE_OBJECT:
        print_map(b, a, v);
        return;
    }
}

const char *strategic__text(struct arena *a, const struct value *v)
{
    if (!v)
        return "<nil>";
    if (v->kind == VALUE_STRING || v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
        return v->text;
    struct buf b;
    buf_init(&b, 1 << 16);
    print_go(&b, a, v);
    const char *out = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return out;
}

bool strategic__deletes(const struct value *item)
{
    return strcmp(value_str(value_get(item, STRATEGIC_PATCH), ""), "delete") == 0;
}

int strategic__no_key(struct smp *m, const struct value *item, const char *key)
{
    return err_set(m->e, ERR_SYSTEM, "map: %s does not contain declared merge key: %s",
                   strategic__text(m->a, item), key);
}

static bool same_item(struct arena *a, const struct value *x, const struct value *y,
                      const char *key)
{
    if (!key)
        return value_equal(x, y);
    const struct value *kx = value_get(x, key), *ky = value_get(y, key);
    return kx && ky && strcmp(strategic__text(a, kx), strategic__text(a, ky)) == 0;
}

static long index_in(struct arena *a, const struct value *list, const struct value *item,
                     const char *key)
{
    for (size_t i = 0; i < value_count(list); i++)
        if (same_item(a, &list->items[i], item, key))
            return (long)i;
    return -1;
}

void strategic__sort_like(struct arena *a, struct value *list, const struct value *order,
                          const char *key)
{
    size_t n = value_count(list);
    long *at = ARENA_ARRAY(a, long, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct value item = list->items[i];
        long rank = index_in(a, order, &item, key);
        size_t j = i;
        for (; j > 0 && at[j - 1] > rank; j--) {
            at[j] = at[j - 1];
            list->items[j] = list->items[j - 1];
        }
        at[j] = rank;
        list->items[j] = item;
    }
}

/* ---- merging lists ---- */

/* Those of `list` that `chosen` names, and the rest, both in order. */
static void partition(struct smp *m, const struct value *list, const struct value *chosen,
                      const char *key, struct value *in, struct value *rest)
{
    VALUE_EACH_ITEM (item, list)
        (void)value_push(m->a, index_in(m->a, chosen, item, key) >= 0 ? in : rest, item);
}

/* Patch items in the patch's order among the server's own in the server's order. */
static struct value *order_list(struct smp *m, const struct value *merged,
                                const struct value *patch_order, const struct value *server_order,
                                const char *key)
{
    struct value *patched = value_new_array(m->a), *own = value_new_array(m->a);
    struct value *out = value_new_array(m->a);
    partition(m, merged, patch_order, key, patched, own);
    strategic__sort_like(m->a, patched, patch_order, key);
    strategic__sort_like(m->a, own, server_order, key);
    size_t i = 0, j = 0;
    while (i < own->n || j < patched->n) {
        bool left = j >= patched->n;
        if (i < own->n && j < patched->n) {
            long l = index_in(m->a, server_order, &own->items[i], key);
            long r = index_in(m->a, server_order, &patched->items[j], key);
            left = l >= 0 && r >= 0 && l < r;
        }
        (void)value_push(m->a, out, left ? &own->items[i++] : &patched->items[j++]);
    }
    return out;
}

static struct value *without(struct smp *m, const struct value *list, const struct value *gone)
{
    struct value *out = value_new_array(m->a);
    VALUE_EACH_ITEM (item, list)
        if (index_in(m->a, gone, item, NULL) < 0)
            (void)value_push(m->a, out, item);
    return out;
}

static struct value *join_scalars(struct smp *m, const struct value *x, const struct value *y)
{
    struct value *out = value_new_array(m->a);
    const struct value *both[] = {x, y};
    for (size_t i = 0; i < 2; i++)
        VALUE_EACH_ITEM (item, both[i])
            if (index_in(m->a, out, item, NULL) < 0)
                (void)value_push(m->a, out, item);
    return out;
}

/* What is new needs no directives; false: it asks for its own removal. `all`: also those that a
 * later merge could use. */
static bool drop_directives(struct value *v, bool all)
{
    if (v->kind == VALUE_OBJECT && strategic__deletes(v))
        return false;
    if (v->kind == VALUE_OBJECT)
        for (size_t i = v->n; i-- > 0;) {
            const char *key = v->members[i].key;
            bool directive = strcmp(key, STRATEGIC_PATCH) == 0 ||
                             (all && (strcmp(key, STRATEGIC_RETAIN) == 0 ||
                                      strategic__has_prefix(key, STRATEGIC_ORDER) ||
                                      strategic__has_prefix(key, STRATEGIC_DELETE)));
            if (directive || !drop_directives(&v->members[i].value, all))
                (void)value_remove(v, key);
        }
    else if (v->kind == VALUE_ARRAY)
        for (size_t i = v->n; i-- > 0;)
            if (!drop_directives(&v->items[i], all))
                value_remove_at(v, i);
    return true;
}

static void drop_nulls(struct value *v)
{
    if (v->kind == VALUE_OBJECT)
        for (size_t i = v->n; i-- > 0;)
            if (v->members[i].value.kind == VALUE_NULL)
                (void)value_remove(v, v->members[i].key);
            else
                drop_nulls(&v->members[i].value);
    else if (v->kind == VALUE_ARRAY)
        for (size_t i = 0; i < v->n; i++)
            drop_nulls(&v->items[i]);
}

/* Takes out items with $patch: deletes what they name from *original, or all of it. */
static int apply_special(struct smp *m, struct value **original, struct value **patch,
                         const char *key)
{
    struct value *plain = value_new_array(m->a);
    bool replace = false;
    VALUE_EACH_ITEM (item, *patch) {
        const struct value *directive = value_get(item, STRATEGIC_PATCH);
        const char *what = value_str(directive, "");
        if (item->kind != VALUE_OBJECT)
            return err_set(m->e, ERR_INVALID, "expected a map in the list, but received a %s",
                           value_kind_name(item->kind));
        if (!directive) {
            (void)value_push(m->a, plain, item);
        } else if (strcmp(what, "delete") == 0) {
            if (!value_get(item, key))
                return strategic__no_key(m, item, key);
            for (size_t i = (*original)->n; i-- > 0;)
                if (same_item(m->a, &(*original)->items[i], item, key))
                    value_remove_at(*original, i);
        } else if (strcmp(what, "replace") == 0) {
            replace = true;
        } else if (strcmp(what, "merge") == 0) {
            return err_set(m->e, ERR_INVALID, "merging lists cannot yet be specified in the patch");
        } else {
            return err_set(m->e, ERR_SYSTEM, "unknown patch type: %s in map: %s", what,
                           strategic__text(m->a, item));
        }
    }
    *original = replace ? plain : *original;
    *patch = replace ? value_new_array(m->a) : plain;
    return 0;
}

static int merge_items(struct smp *m, const struct schema *s, struct value *original,
                       struct value *patch, const char *key)
{
    for (size_t i = 0; i < patch->n; i++) {
        struct value *item = &patch->items[i];
        if (!value_get(item, key))
            return strategic__no_key(m, item, key);
        long at = index_in(m->a, original, item, key);
        if (at < 0) {
            if (m->ignore_nulls)
                drop_nulls(item);
            if (m->keep_lists || drop_directives(item, true))
                (void)value_push(m->a, original, item);
            continue;
        }
        struct value *merged;
        int r = strategic__merge(m, s ? s->items : NULL, &original->items[at], item, &merged);
        if (r < 0)
            return r;
        original->items[at] = *merged;
    }
    return 0;
}

static bool holds_maps(const struct value *x, const struct value *y)
{
    const struct value *first = value_count(x) ? x : y;
    return value_is(value_item(first, 0), VALUE_OBJECT);
}

static int merge_list(struct smp *m, const struct schema *s, struct value *original,
                      struct value *patch, bool deletes, struct value **out)
{
    if (!original->n && !patch->n) {
        *out = original;
        return 0;
    }
    const char *key = s ? s->merge_key : NULL;
    if (!holds_maps(original, patch)) {
        if (deletes && !m->keep_lists) {
            *out = without(m, original, patch);
            return 0;
        }
        *out = order_list(m, join_scalars(m, original, patch), patch, original, NULL);
        return 0;
    }
    if (!key)
        return err_set(m->e, ERR_INVALID, "cannot merge lists without merge key");
    int r = apply_special(m, &original, &patch, key);
    struct value *before = value_copy(m->a, original);
    if (r == 0)
        r = merge_items(m, s, original, patch, key);
    if (r < 0)
        return r;
    *out = order_list(m, original, patch, before, key);
    return 0;
}

/* ---- merging maps ---- */

static int apply_retain(struct smp *m, struct value *original, struct value *patch)
{
    const struct value *found = value_get(patch, STRATEGIC_RETAIN);
    if (!found)
        return 0;
    const struct value *keys = value_copy(m->a, found);
    (void)value_remove(patch, STRATEGIC_RETAIN);
    if (m->keep_lists) {
        const struct value *before = value_get(original, STRATEGIC_RETAIN);
        if (before && !value_equal(before, keys))
            return err_set(m->e, ERR_INVALID, "%s doesn't match between patches", STRATEGIC_RETAIN);
        (void)value_set(m->a, original, STRATEGIC_RETAIN, keys);
        return 0;
    }
    static const char bad[] = "invalid patch format of retainKeys";
    if (keys->kind != VALUE_ARRAY)
        return err_set(m->e, ERR_INVALID, "%s", bad);
    VALUE_EACH_MEMBER (f, patch) {
        struct value name = {.kind = VALUE_STRING, .text = f->key, .n = f->key_len};
        if (f->value.kind == VALUE_NULL || strategic__has_prefix(f->key, STRATEGIC_DELETE) ||
            strategic__has_prefix(f->key, STRATEGIC_ORDER))
            continue;
        if (index_in(m->a, keys, &name, NULL) < 0)
            return err_set(m->e, ERR_INVALID, "%s", bad);
    }
    for (size_t i = original->n; i-- > 0;) {
        const struct member *f = &original->members[i];
        struct value name = {.kind = VALUE_STRING, .text = f->key, .n = f->key_len};
        if (index_in(m->a, keys, &name, NULL) < 0)
            (void)value_remove(original, f->key);
    }
    return 0;
}

/* Every item of the patch must be in the order list, in that order. */
static int check_order(struct smp *m, const struct value *patch, const struct value *order,
                       const char *key)
{
    size_t at = 0;
    if (!value_count(order))
        return 0;
    VALUE_EACH_ITEM (item, patch) {
        if (key && value_get(item, STRATEGIC_PATCH))
            continue;
        if (key && !value_get(item, key))
            return strategic__no_key(m, item, key);
        while (at < order->n && !same_item(m->a, &order->items[at], item, key))
            at++;
        if (at >= order->n)
            return err_set(
                m->e, ERR_SYSTEM, "The order in patch list:\n%s\n doesn't match %s list:\n%s\n",
                strategic__text(m->a, patch), "$setElementOrder", strategic__text(m->a, order));
        at++;
    }
    return 0;
}

/* Upstream deletes and appends in the array it later takes the server's order from: what is new
 * fills the places of what went. Clients have come to see that order. */
static struct value *order_after_deletions(struct smp *m, struct value *before,
                                           const struct value *after, const struct value *patch)
{
    bool deletes = false;
    VALUE_EACH_ITEM (item, patch)
        deletes |= strategic__deletes(item);
    if (!deletes)
        return before;
    struct value *order = value_copy(m->a, after);
    if (order->n > before->n)
        order->n = before->n;
    return order;
}

/* A list whose patch says the order of its elements. */
static int merge_ordered(struct smp *m, const struct schema *s, struct value *original,
                         struct value *patch, const char *directive)
{
    const char *name = directive + strlen(STRATEGIC_ORDER);
    const struct value *order = value_copy(m->a, value_get(patch, directive));
    if (m->keep_lists) {
        const struct value *before = value_get(original, directive);
        if (before && !value_equal(before, order))
            return err_set(m->e, ERR_INVALID, "%s doesn't match between patches", directive);
        (void)value_set(m->a, original, directive, order);
    }
    (void)value_remove(patch, directive);
    if (order->kind != VALUE_ARRAY)
        return err_set(m->e, ERR_INVALID, "expected a list, but received a %s",
                       value_kind_name(order->kind));
    struct value *have = value_get_mut(original, name), *want = value_get_mut(patch, name);
    const struct schema *list = schema_member(s, name);
    if (want && want->kind == VALUE_NULL)
        return 0;
    int r = check_order(m, want, order, list ? list->merge_key : NULL);
    if (r < 0 || (!have && !want))
        return r;
    struct value *before = have ? value_copy(m->a, have) : value_new_array(m->a), *merged = have;
    if (have && have->kind != VALUE_ARRAY)
        have = NULL;
    if (!have) {
        merged = want;
        (void)drop_directives(merged, !m->keep_lists);
    } else if (want) {
        bool merges = list && (list->flags & SCHEMA_PATCH_MERGE);
        r = merges ? merge_list(m, list, have, want, false, &merged) : (merged = want, 0);
        if (r < 0)
            return r;
        before = order_after_deletions(m, before, have, want);
    }
    merged = order_list(m, merged, order, before, list ? list->merge_key : NULL);
    (void)value_set(m->a, original, name, merged);
    (void)value_remove(patch, name);
    return 0;
}

static int apply_orders(struct smp *m, const struct schema *s, struct value *original,
                        struct value *patch)
{
    for (size_t i = 0; i < patch->n;) {
        const char *key = patch->members[i].key;
        if (!strategic__has_prefix(key, STRATEGIC_ORDER)) {
            i++;
            continue;
        }
        int r = merge_ordered(m, s, original, patch, key);
        if (r < 0)
            return r;
        i = 0;
    }
    return 0;
}

static int merge_member(struct smp *m, const struct schema *s, struct value *original,
                        const char *key, struct value *patch)
{
    bool deletes = strategic__has_prefix(key, STRATEGIC_DELETE);
    if (deletes && m->keep_lists) {
        (void)value_set(m->a, original, key, patch);
        return 0;
    }
    if (deletes)
        key += strlen(STRATEGIC_DELETE);
    if (patch->kind == VALUE_NULL) {
        (void)value_remove(original, key);
        if (!m->ignore_nulls)
            (void)value_set(m->a, original, key, patch);
        return 0;
    }
    struct value *have = value_get_mut(original, key), *merged = patch;
    const struct schema *sub = schema_member(s, key);
    if (!have || have->kind != patch->kind) {
        if (deletes)
            return 0;
        if (m->ignore_nulls)
            drop_nulls(patch);
        if (m->keep_lists || drop_directives(patch, true))
            (void)value_set(m->a, original, key, patch);
        return 0;
    }
    int r = 0;
    if (patch->kind == VALUE_OBJECT && !(sub && (sub->flags & SCHEMA_PATCH_REPLACE)))
        r = strategic__merge(m, sub, have, patch, &merged);
    else if (patch->kind == VALUE_ARRAY && (deletes || (sub && (sub->flags & SCHEMA_PATCH_MERGE))))
        r = merge_list(m, sub, have, patch, deletes, &merged);
    if (r == 0)
        (void)value_set(m->a, original, key, merged);
    return r;
}

static int apply_directive(struct smp *m, struct value *patch, struct value **out)
{
    const struct value *directive = value_get(patch, STRATEGIC_PATCH);
    const char *what = value_str(directive, "");
    if (strcmp(what, "replace") == 0) {
        (void)value_remove(patch, STRATEGIC_PATCH);
        *out = patch;
        return 0;
    }
    if (strcmp(what, "delete") == 0) {
        *out = value_new_object(m->a);
        return 0;
    }
    return err_set(m->e, ERR_SYSTEM, "unknown patch type: %s in map: %s",
                   strategic__text(m->a, directive), strategic__text(m->a, patch));
}

int strategic__merge(struct smp *m, const struct schema *s, struct value *original,
                     struct value *patch, struct value **out)
{
    if (value_get(patch, STRATEGIC_PATCH))
        return apply_directive(m, patch, out);
    if (m->depth >= STRATEGIC_DEPTH_MAX)
        return err_set(m->e, ERR_TOO_LARGE, "patch is nested too deeply");
    m->depth++;
    int r = apply_retain(m, original, patch);
    if (r == 0)
        r = apply_orders(m, s, original, patch);
    for (size_t i = 0; r == 0 && i < patch->n; i++)
        r = merge_member(m, s, original, patch->members[i].key, &patch->members[i].value);
    m->depth--;
    *out = original;
    return r;
}

int strategic_apply(struct arena *a, const struct schema *s, const struct value *doc,
                    const struct value *patch, struct value **out, struct err *e)
{
    struct smp m = {.a = a, .e = e, .ignore_nulls = true};
    if (!value_is(doc, VALUE_OBJECT) || !value_is(patch, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "a strategic merge patch must be an object");
    return strategic__merge(&m, s, value_copy(a, doc), value_copy(a, patch), out);
}
