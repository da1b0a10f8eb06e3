#include "ctl/gitops/diff.h"

#include <string.h>

#include "api/quantity.h"
#include "codec/base64.h"
#include "vcs/match.h"

enum { DEPTH_MAX = 100 };

/* ---- what is ignored ---- */

static bool name_fits(const struct value *entry, const char *key, const char *have)
{
    const char *want = value_at_str(entry, key, "");
    return !*want || strcmp(want, have) == 0 || path_match(want, have);
}

static bool entry_fits(const struct value *entry, const struct value *o, struct arena *a)
{
    const char *version = value_at_str(o, "apiVersion", ""), *slash = strchr(version, '/');
    const char *group = slash ? arena_strndup(a, version, (size_t)(slash - version)) : "";
    const char *want = value_at_str(entry, "group", "");
    return (strcmp(want, group) == 0 || strcmp(want, "*") == 0) &&
           name_fits(entry, "kind", value_at_str(o, "kind", "")) &&
           name_fits(entry, "name", value_at_str(o, "metadata.name", "")) &&
           name_fits(entry, "namespace", value_at_str(o, "metadata.namespace", ""));
}

int diff_ignore_check(const struct value *entries, struct err *e)
{
    static const char *const known[] = {"group",     "kind",         "name",
                                        "namespace", "jsonPointers", "managedFieldsManagers"};
    VALUE_EACH_ITEM (entry, entries)
        VALUE_EACH_MEMBER (m, entry) {
            bool found = value_count(&m->value) == 0;
            for (size_t i = 0; i < ARRAY_LEN(known); i++)
                found |= strcmp(known[i], m->key) == 0;
            if (!found)
                return err_set(e, ERR_UNSUPPORTED, "spec.ignoreDifferences: %s is not offered here",
                               m->key);
        }
    return 0;
}

/* The next token of a JSON pointer; NULL at the end. */
static const char *pointer_next(const char **s, struct arena *a)
{
    if (**s != '/')
        return NULL;
    size_t n = strcspn(*s + 1, "/");
    char *token = arena_strndup(a, *s + 1, n), *w = token;
    for (const char *r = token; *r; r++, w++) {
        *w = *r;
        if (*r == '~' && (r[1] == '0' || r[1] == '1'))
            *w = *++r == '1' ? '/' : '~';
    }
    *w = '\0';
    *s += n + 1;
    return token;
}

static struct value *step(struct value *at, const char *token)
{
    if (value_is(at, VALUE_OBJECT))
        return value_get_mut(at, token);
    if (!value_is(at, VALUE_ARRAY) || !*token || strspn(token, "0123456789") != strlen(token))
        return NULL;
    size_t i = strtoul(token, NULL, 10);
    return i < value_count(at) ? &at->items[i] : NULL;
}

static void remove_pointer(struct value *root, const char *pointer, struct arena *a)
{
    const char *token = pointer_next(&pointer, a);
    struct value *at = root;
    while (token && *pointer == '/' && at) {
        at = step(at, token);
        token = pointer_next(&pointer, a);
    }
    if (!token || !at)
        return;
    if (value_is(at, VALUE_OBJECT))
        (void)value_remove(at, token);
    else if (step(at, token))
        value_remove_at(at, strtoul(token, NULL, 10));
}

/* An element of a list by the key that managed fields write: k:{"name":"x"}. */
static bool keyed(const struct value *item, const char *key)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (const char *s = key; (s = strchr(s, '"'));) {
        const char *end = strchr(s + 1, '"'), *colon = end ? end + 1 : NULL;
        if (!colon || *colon != ':')
            return false;
        const char *name = arena_strndup(a, s + 1, (size_t)(end - s - 1));
        const char *from = colon + 1;
        size_t n = *from == '"' ? strcspn(from + 1, "\"") : strcspn(from, ",}");
        const char *want = arena_strndup(a, from + (*from == '"'), n);
        const struct value *have = value_get(item, name);
        if (!have || have->kind < VALUE_INT || have->kind > VALUE_STRING)
            return false;
        const char *text =
            have->kind == VALUE_INT ? arena_printf(a, "%lld", (long long)have->i) : have->text;
        if (strcmp(text, want) != 0)
            return false;
        s = from + n + (*from == '"' ? 2 : 0);
    }
    return true;
}

/* Removes from `at` what a manager's fieldsV1 names. */
static void remove_fields(struct value *at, const struct value *fields, int depth)
{
    VALUE_EACH_MEMBER (f, fields) {
        if (depth > DEPTH_MAX || strcmp(f->key, ".") == 0)
            continue;
        bool leaf = value_count(&f->value) == 0;
        if (strncmp(f->key, "f:", 2) == 0 && value_is(at, VALUE_OBJECT)) {
            struct value *below = value_get_mut(at, f->key + 2);
            if (leaf)
                (void)value_remove(at, f->key + 2);
            else if (below)
                remove_fields(below, &f->value, depth + 1);
        }
        for (size_t i = 0;
             strncmp(f->key, "k:", 2) == 0 && value_is(at, VALUE_ARRAY) && i < value_count(at); i++)
            if (keyed(&at->items[i], f->key + 2))
                remove_fields(&at->items[i], &f->value, depth + 1);
    }
}

static void remove_managers(struct value *root, const struct value *entry, const struct value *live)
{
    VALUE_EACH_ITEM (manager, value_get(entry, "managedFieldsManagers"))
        VALUE_EACH_ITEM (m, value_at(live, "metadata.managedFields"))
            if (strcmp(value_at_str(m, "manager", ""), value_str(manager, "")) == 0)
                remove_fields(root, value_get(m, "fieldsV1"), 0);
}

static void remove_ignored(struct value *root, const struct value *live,
                           const struct diff_ignore *ignore, struct arena *a)
{
    if (!ignore)
        return;
    VALUE_EACH_ITEM (entry, ignore->entries) {
        if (!entry_fits(entry, live, a))
            continue;
        VALUE_EACH_ITEM (pointer, value_get(entry, "jsonPointers"))
            remove_pointer(root, value_str(pointer, ""), a);
        remove_managers(root, entry, live);
    }
}

/* ---- normal forms ---- */

static void remove_bookkeeping(struct value *v)
{
    static const char *const meta[] = {"managedFields", "resourceVersion",   "generation",
                                       "uid",           "creationTimestamp", "selfLink"};
    static const char *const notes[] = {"kubectl.kubernetes.io/last-applied-configuration"};
    (void)value_remove(v, "status");
    struct value *m = value_get_mut(v, "metadata");
    if (!value_is(m, VALUE_OBJECT))
        return;
    for (size_t i = 0; i < ARRAY_LEN(meta); i++)
        (void)value_remove(m, meta[i]);
    struct value *n = value_get_mut(m, "annotations");
    for (size_t i = 0; value_is(n, VALUE_OBJECT) && i < ARRAY_LEN(notes); i++)
        (void)value_remove(n, notes[i]);
    if (n && value_count(n) == 0)
        (void)value_remove(m, "annotations");
}

/* stringData is a way of writing data. */
static void fold_string_data(struct value *v, struct arena *a)
{
    const struct value *plain = value_get(v, "stringData");
    if (strcmp(value_at_str(v, "kind", ""), "Secret") != 0 || !value_is(plain, VALUE_OBJECT))
        return;
    VALUE_EACH_MEMBER (m, plain) {
        const char *text = value_str(&m->value, "");
        (void)value_set_str(a, value_make_object(a, v, "data"), m->key,
                            base64_encode(a, text, value_count(&m->value), BASE64_STD));
    }
    (void)value_remove(v, "stringData");
}

static struct value *normal_of(const struct value *object, const struct value *live,
                               const struct diff_ignore *ignore, struct arena *a)
{
    struct value *v = value_copy(a, object);
    remove_ignored(v, live, ignore, a);
    fold_string_data(v, a);
    /* Rules of an aggregated role are its controller's. */
    if (value_get(v, "aggregationRule"))
        (void)value_remove(v, "rules");
    remove_bookkeeping(v);
    return v;
}

struct value *diff_normal(const struct value *object, const struct diff_ignore *ignore,
                          struct arena *a)
{
    return normal_of(object, object, ignore, a);
}

/* ---- comparing ---- */

static bool empty(const struct value *v)
{
    if (!v || value_is(v, VALUE_NULL))
        return true;
    return (v->kind == VALUE_OBJECT || v->kind == VALUE_ARRAY) && v->n == 0;
}

static const char *child(struct arena *a, const char *path, const char *key)
{
    return arena_printf(a, "%s%s%s", path, *path ? "." : "", key);
}

static const char *differs(const struct value *x, const struct value *y, const char *path,
                           struct arena *a);

static const char *objects_differ(const struct value *x, const struct value *y, const char *path,
                                  struct arena *a)
{
    VALUE_EACH_MEMBER (m, x) {
        const char *at = differs(&m->value, value_get(y, m->key), child(a, path, m->key), a);
        if (at)
            return at;
    }
    VALUE_EACH_MEMBER (m, y)
        if (!value_get(x, m->key) && !empty(&m->value))
            return child(a, path, m->key);
    return NULL;
}

static const char *differs(const struct value *x, const struct value *y, const char *path,
                           struct arena *a)
{
    if (empty(x) && empty(y))
        return NULL;
    if (value_is(x, VALUE_OBJECT) && value_is(y, VALUE_OBJECT))
        return objects_differ(x, y, path, a);
    if (value_is(x, VALUE_ARRAY) && value_is(y, VALUE_ARRAY) && x->n == y->n) {
        for (size_t i = 0; i < x->n; i++) {
            const char *at =
                differs(&x->items[i], &y->items[i], arena_printf(a, "%s[%zu]", path, i), a);
            if (at)
                return at;
        }
        return NULL;
    }
    return value_equal(x, y) ? NULL : path;
}

const char *diff_objects(const struct value *predicted, const struct value *live,
                         const struct diff_ignore *ignore, struct arena *a)
{
    return differs(normal_of(predicted, live, ignore, a), normal_of(live, live, ignore, a), "", a);
}

/* ---- wanted against live ---- */

static const char *lacks(const struct value *want, const struct value *have, const char *path,
                         struct arena *a);

static bool same_scalar(const struct value *want, const struct value *have)
{
    if (value_equal(want, have))
        return true;
    bool scalars = want->kind >= VALUE_INT && want->kind <= VALUE_STRING &&
                   have->kind >= VALUE_INT && have->kind <= VALUE_STRING;
    if (!scalars)
        return false;
    if (strcmp(want->text ? want->text : "", have->text ? have->text : "") == 0)
        return true;
    struct quantity x, y;
    return quantity_parse(want->text, &x, NULL) == 0 && quantity_parse(have->text, &y, NULL) == 0 &&
           quantity_cmp(&x, &y) == 0;
}

/* The live element that a wanted one stands for: same name or key, else same place. */
static const struct value *counterpart(const struct value *want, const struct value *list, size_t i)
{
    static const char *const keys[] = {"name", "key", "mountPath", "containerPort", "port", "ip"};
    for (size_t k = 0; value_is(want, VALUE_OBJECT) && k < ARRAY_LEN(keys); k++) {
        const struct value *id = value_get(want, keys[k]), *found = NULL;
        size_t hits = 0;
        VALUE_EACH_ITEM (item, list)
            if (id && value_equal(value_get(item, keys[k]), id)) {
                found = item;
                hits++;
            }
        if (hits == 1)
            return found;
    }
    return value_item(list, i);
}

static const char *list_lacks(const struct value *want, const struct value *have, const char *path,
                              struct arena *a)
{
    /* Elements with names may stand among others'; those without are a whole. */
    bool named = want->n > 0 && value_get(&want->items[0], "name");
    if (named ? want->n > have->n : want->n != have->n)
        return path;
    for (size_t i = 0; i < want->n; i++) {
        const struct value *w = &want->items[i];
        const char *at = lacks(w, counterpart(w, have, i), arena_printf(a, "%s[%zu]", path, i), a);
        if (at)
            return at;
    }
    return NULL;
}

static const char *lacks(const struct value *want, const struct value *have, const char *path,
                         struct arena *a)
{
    if (empty(want))
        return NULL;
    if (!have || value_is(have, VALUE_NULL)) {
        bool nothing = (value_is(want, VALUE_BOOL) && !want->boolean) ||
                       (value_is(want, VALUE_STRING) && want->n == 0);
        return nothing ? NULL : path;
    }
    if (value_is(want, VALUE_OBJECT) && value_is(have, VALUE_OBJECT)) {
        VALUE_EACH_MEMBER (m, want) {
            const char *at = lacks(&m->value, value_get(have, m->key), child(a, path, m->key), a);
            if (at)
                return at;
        }
        return NULL;
    }
    if (value_is(want, VALUE_ARRAY) && value_is(have, VALUE_ARRAY))
        return list_lacks(want, have, path, a);
    return same_scalar(want, have) ? NULL : path;
}

const char *diff_config_ignoring(const struct value *wanted, const struct value *live,
                                 const struct diff_ignore *ignore, struct arena *a)
{
    struct value *want = normal_of(wanted, live, ignore, a);
    struct value *have = normal_of(live, live, ignore, a);
    /* The namespace may be left to the destination. */
    if (!*value_at_str(want, "metadata.namespace", ""))
        (void)value_remove(value_make_object(a, want, "metadata"), "namespace");
    return lacks(want, have, "", a);
}

const char *diff_config(const struct value *wanted, const struct value *live, struct arena *a)
{
    return diff_config_ignoring(wanted, live, NULL, a);
}

/* ---- keeping what is ignored ---- */

static void keep_pointer(struct value *into, const struct value *live, const char *pointer,
                         struct arena *a)
{
    const char *token = pointer_next(&pointer, a);
    struct value *at = into;
    struct value *from = value_copy(a, live);
    while (token && *pointer == '/' && at && from) {
        at = step(at, token);
        from = step(from, token);
        token = pointer_next(&pointer, a);
    }
    const struct value *kept = token && from ? step(from, token) : NULL;
    if (!token || !value_is(at, VALUE_OBJECT))
        return;
    if (kept)
        (void)value_set(a, at, token, kept);
    else
        (void)value_remove(at, token);
}

struct value *diff_keep_ignored(const struct value *wanted, const struct value *live,
                                const struct diff_ignore *ignore, struct arena *a)
{
    struct value *v = value_copy(a, wanted);
    VALUE_EACH_ITEM (entry, ignore->entries) {
        if (!entry_fits(entry, live, a))
            continue;
        VALUE_EACH_ITEM (pointer, value_get(entry, "jsonPointers"))
            keep_pointer(v, live, value_str(pointer, ""), a);
        remove_managers(v, entry, live);
    }
    return v;
}
