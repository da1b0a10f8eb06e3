#include <string.h>

#include "kube/fake_int.h"

/* ---- selectors ---- */

/* The end of the requirement that starts at p: its comma outside parentheses. */
static const char *requirement_end(const char *p)
{
    int depth = 0;
    for (; *p && (*p != ',' || depth > 0); p++)
        depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    return p;
}

static bool in_set(const char *set, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = set + strspn(set, "( "); *p && *p != ')'; p += strspn(p, ", ")) {
        size_t len = strcspn(p, ",) ");
        if (len == n && strncmp(p, value, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static bool requirement_holds(struct arena *a, const struct object *o, char *req)
{
    req += strspn(req, " ");
    bool negated = *req == '!';
    req += negated;
    size_t n = strcspn(req, "!= ");
    const char *key = arena_strndup(a, req, n);
    const char *has = object_label(o, key);
    const char *op = req + n + strspn(req + n, " ");
    if (!*op)
        return (has != NULL) != negated;
    if (strncmp(op, "!=", 2) == 0)
        return !has || strcmp(has, op + 2 + strspn(op + 2, " ")) != 0;
    if (*op == '=') {
        op += strspn(op, "= ");
        return has && strcmp(has, op) == 0;
    }
    if (strncmp(op, "notin", 5) == 0)
        return !has || !in_set(op + 5, has);
    return has && in_set(op + 2, has);
}

bool fake__match_labels(const struct object *o, const char *selector)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (const char *p = selector; p && *p;) {
        const char *end = requirement_end(p);
        if (!requirement_holds(a, o, arena_strndup(a, p, (size_t)(end - p))))
            return false;
        p = *end ? end + 1 : end;
    }
    return true;
}

bool fake__match_fields(const struct object *o, const char *selector)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (const char *p = selector; p && *p;) {
        size_t n = strcspn(p, ",");
        char *req = arena_strndup(a, p, n);
        size_t key = strcspn(req, "!=");
        bool negated = req[key] == '!';
        const char *want = req + key + strspn(req + key, "!=");
        const char *has = value_at_str(o->root, arena_strndup(a, req, key), "");
        if ((strcmp(has, want) == 0) == negated)
            return false;
        p += n + (p[n] == ',');
    }
    return true;
}

/* ---- merging ---- */

static const char *const LIST_KEYS[] = {"name", "type", "uid",      "containerPort",
                                        "port", "ip",   "mountPath"};

/* The member by which the elements of this list are told apart, or NULL. */
static const char *list_key(const struct value *list)
{
    const struct value *first = value_item(list, 0);
    for (size_t i = 0; value_is(first, VALUE_OBJECT) && i < ARRAY_LEN(LIST_KEYS); i++)
        if (value_get(first, LIST_KEYS[i]))
            return LIST_KEYS[i];
    return NULL;
}

static size_t item_with(const struct value *list, const char *key, const struct value *want)
{
    size_t i = 0;
    VALUE_EACH_ITEM(x, list)
    {
        if (value_equal(value_get(x, key), want))
            return i;
        i++;
    }
    return SIZE_MAX;
}

static struct value *merge_lists(struct arena *a, const struct value *doc,
                                 const struct value *patch, const char *key)
{
    struct value *out = value_copy(a, doc);
    VALUE_EACH_ITEM(p, patch)
    {
        size_t at = item_with(out, key, value_get(p, key));
        bool drop = strcmp(value_str(value_get(p, "$patch"), ""), "delete") == 0;
        if (at == SIZE_MAX && !drop)
            (void)value_push(a, out, value_copy(a, p));
        else if (at != SIZE_MAX && drop)
            value_remove_at(out, at);
        else if (at != SIZE_MAX)
            out->items[at] = *fake__merge(a, &out->items[at], p);
    }
    return out;
}

struct value *fake__merge(struct arena *a, const struct value *doc, const struct value *patch)
{
    if (value_is(doc, VALUE_ARRAY) && value_is(patch, VALUE_ARRAY) && list_key(patch))
        return merge_lists(a, doc, patch, list_key(patch));
    if (!value_is(patch, VALUE_OBJECT))
        return value_copy(a, patch);
    struct value *out = value_is(doc, VALUE_OBJECT) ? value_copy(a, doc) : value_new_object(a);
    VALUE_EACH_MEMBER(m, patch)
    {
        if (m->key[0] == '$')
            continue;
        if (value_is(&m->value, VALUE_NULL))
            (void)value_remove(out, m->key);
        else
            (void)value_set(a, out, m->key, fake__merge(a, value_get(out, m->key), &m->value));
    }
    return out;
}

/* Takes out of `doc` what `before` names and `now` does not. */
static void forget(struct value *doc, const struct value *before, const struct value *now)
{
    if (value_is(before, VALUE_OBJECT) && value_is(doc, VALUE_OBJECT)) {
        VALUE_EACH_MEMBER(m, before)
        {
            if (!value_get(now, m->key))
                (void)value_remove(doc, m->key);
            else
                forget(value_get_mut(doc, m->key), &m->value, value_get(now, m->key));
        }
        return;
    }
    const char *key = list_key(before);
    if (!value_is(doc, VALUE_ARRAY) || !key)
        return;
    VALUE_EACH_ITEM(b, before)
    {
        const struct value *id = value_get(b, key);
        size_t at = item_with(doc, key, id), kept = item_with(now, key, id);
        if (at != SIZE_MAX && kept == SIZE_MAX)
            value_remove_at(doc, at);
        else if (at != SIZE_MAX)
            forget(&doc->items[at], b, value_item(now, kept));
    }
}

struct value *fake__apply(struct arena *a, const struct value *doc, const struct value *before,
                          const struct value *now)
{
    struct value *out = value_copy(a, doc);
    if (before)
        forget(out, before, now);
    return fake__merge(a, out, now);
}
