/* Kustomize puts the elements that a strategic patch names before all others of their list. */
#include "api/schema.h"
#include "render/kustomize/kust_int.h"

static bool same_key(const struct value *a, const struct value *b, const char *key)
{
    const struct value *x = value_get(a, key), *y = value_get(b, key);
    return x && y && value_equal(x, y);
}

static void reorder_list(struct arena *a, const struct schema *s, struct value *list,
                         const struct value *patch, int depth)
{
    size_t n = value_count(list), done = 0;
    VALUE_EACH_ITEM (want, patch) {
        for (size_t i = done; i < n; i++) {
            if (!same_key(&list->items[i], want, s->merge_key))
                continue;
            struct value found = list->items[i];
            memmove(&list->items[done + 1], &list->items[done], (i - done) * sizeof found);
            list->items[done] = found;
            kust_reorder(a, s->items, &list->items[done], want, depth + 1);
            done++;
            break;
        }
    }
}

void kust_reorder(struct arena *a, const struct schema *s, struct value *merged,
                  const struct value *patch, int depth)
{
    if (!s || depth > 64)
        return;
    if (value_is(merged, VALUE_ARRAY) && value_is(patch, VALUE_ARRAY) && s->merge_key)
        reorder_list(a, s, merged, patch, depth);
    if (!value_is(merged, VALUE_OBJECT))
        return;
    VALUE_EACH_MEMBER (m, patch) {
        struct value *below = value_get_mut(merged, m->key);
        if (below)
            kust_reorder(a, schema_member(s, m->key), below, &m->value, depth + 1);
    }
}
