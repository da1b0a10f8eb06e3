#include "api/conditions.h"

#include <string.h>

#include "base/clock.h"

static struct value *find(struct value *conditions, const char *type)
{
    for (size_t i = 0; i < value_count(conditions); i++)
        if (strcmp(value_str(value_get(&conditions->items[i], "type"), ""), type) == 0)
            return &conditions->items[i];
    return NULL;
}

/* True when the text differs; an empty one is removed. */
static bool put(struct arena *a, struct value *c, const char *key, const char *text)
{
    const char *is = value_str(value_get(c, key), "");
    if (!text)
        text = "";
    if (strcmp(is, text) == 0)
        return false;
    (void)value_set_str(a, c, key, text);
    return true;
}

bool condition_set_in(struct arena *a, struct value *conditions, const struct condition *c,
                      int64_t now_ms, bool update_time)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(now_ms, now);
    struct value *at = find(conditions, c->type);
    bool fresh = !at;
    if (fresh) {
        at = value_push(a, conditions, value_new_object(a));
        (void)value_set_str(a, at, "type", c->type);
    }
    bool moved = put(a, at, "status", c->status);
    bool changed = fresh | moved;
    changed |= put(a, at, "reason", c->reason);
    changed |= put(a, at, "message", c->message);
    if (c->observed_generation &&
        value_int(value_get(at, "observedGeneration"), 0) != c->observed_generation) {
        (void)value_set_int(a, at, "observedGeneration", c->observed_generation);
        changed = true;
    }
    if (changed && update_time)
        (void)value_set_str(a, at, "lastUpdateTime", now);
    if (moved)
        (void)value_set_str(a, at, "lastTransitionTime", now);
    return changed;
}

bool condition_set(struct arena *a, struct value *root, const struct condition *c, int64_t now_ms)
{
    return condition_set_in(a, value_make_array(a, root, "status.conditions"), c, now_ms, false);
}

bool condition_is(const struct value *root, const char *type, const char *status)
{
    VALUE_EACH_ITEM (c, value_get(value_get(root, "status"), "conditions"))
        if (strcmp(value_str(value_get(c, "type"), ""), type) == 0)
            return strcmp(value_str(value_get(c, "status"), ""), status) == 0;
    return false;
}

bool condition_remove(struct value *root, const char *type)
{
    struct value *list = value_at_mut(root, "status.conditions");
    for (size_t i = 0; i < value_count(list); i++) {
        if (strcmp(value_str(value_get(&list->items[i], "type"), ""), type) != 0)
            continue;
        value_remove_at(list, i);
        return true;
    }
    return false;
}
