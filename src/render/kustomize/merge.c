/* merge.c - Kustomize's strategic merge, which is its own and not the API's.
 *
 * Model  Object and patch are walked side by side, a patch's directives are taken out as they
 *        are met, and what the patch brings is walked with itself. Lists with a merge key take
 *        the patch's elements first. Null takes a member away, also where it stands in the
 *        object as nothing at all. A value that takes another's place is written as that was. */
#include "api/schema.h"
#include "render/kustomize/kust_int.h"

enum { DEPTH_MAX = 1000, KEYS_MAX = 4 };

struct merge {
    struct arena *a;
    const struct kust_marks *marks;
    struct err *e;
    int depth;
};

enum directive { MERGE, REPLACE, DELETE, UNKNOWN };

static int walk(struct merge *m, const struct schema *s, struct value *dest, struct value *patch,
                struct value **out);

/* ---- nodes ---- */

static bool is_null(const struct value *v)
{
    return !v || v->kind == VALUE_NULL;
}

static bool is_container(const struct value *v)
{
    return v->kind == VALUE_OBJECT || v->kind == VALUE_ARRAY;
}

/* A node's text: that of maps and lists is none. */
static const char *text_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_BOOL:
        if (v->style & VALUE_SPELLED)
            return v->word;
        return v->kind == VALUE_NULL ? "null" : v->boolean ? "true" : "false";
    case VALUE_STRING:
    case VALUE_INT:
    case VALUE_FLOAT:
        return v->text;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return "";
}

/* ---- lists of nodes ---- */

struct list {
    struct arena *a;
    struct value **items;
    size_t n, cap;
};

static void list_add(struct list *l, struct value *v)
{
    if (l->n == l->cap) {
        size_t more = l->cap ? 2 * l->cap : 8;
        l->items = arena_grow(l->a, l->items, l->cap * sizeof *l->items, more * sizeof *l->items);
        l->cap = more;
    }
    l->items[l->n++] = v;
}

static struct list list_of(struct arena *a, struct value *array)
{
    struct list l = {.a = a};
    for (uint32_t i = 0; array && i < array->n; i++)
        list_add(&l, &array->items[i]);
    return l;
}

/* The values of merge keys, "" for one that is not there. */
struct keys {
    const char *name[KEYS_MAX], *is[KEYS_MAX];
    size_t n, n_is;
};

static int kind_error(struct merge *m, const struct value *v, const char *want)
{
    return err_set(m->e, ERR_INVALID, "%s is expected, not %s", want, value_kind_name(v->kind));
}

/* Whether an element has all of the keys; with a value of "" any will do. */
static int fits(struct merge *m, const struct value *v, const struct keys *k, bool *yes)
{
    bool found = false;
    for (size_t i = 0; i < k->n; i++) {
        if (i < k->n_is && !*k->name[i]) {
            if (is_container(v))
                return kind_error(m, v, "a scalar");
            found = strcmp(text_of(v), k->is[i]) == 0;
        } else if (i < k->n_is) {
            if (v->kind != VALUE_OBJECT)
                return kind_error(m, v, "an object");
            const struct value *has = value_get(v, k->name[i]);
            found = has && (!*k->is[i] || strcmp(text_of(has), k->is[i]) == 0);
        }
        if (!found)
            break;
    }
    *yes = found;
    return 0;
}

/* Puts `with` where elements fit, or at the end; NULL takes them out. What is null or empty goes
 * on the way. */
static int list_put(struct merge *m, struct list *l, const struct keys *k, struct value *with)
{
    struct list out = {.a = m->a};
    bool of_objects = k->n_is > 0 && *k->name[0] && *k->is[0], put = false;
    for (size_t i = 0; i < l->n; i++) {
        struct value *v = l->items[i];
        bool yes = false;
        if (is_null(v) || (v->kind == VALUE_OBJECT && v->n == 0))
            continue;
        if (v->kind != VALUE_OBJECT && of_objects) {
            list_add(&out, v);
            continue;
        }
        int rc = fits(m, v, k, &yes);
        if (rc < 0)
            return rc;
        if (!yes && k->n_is > 0)
            list_add(&out, v);
        if (!yes)
            continue;
        put = true;
        if (with)
            list_add(&out, with);
    }
    if (!put && !is_null(with))
        list_add(&out, with);
    *l = out;
    return 0;
}

/* ---- directives ---- */

static enum directive directive_named(const char *text)
{
    return strcmp(text, "merge") == 0     ? MERGE
           : strcmp(text, "replace") == 0 ? REPLACE
           : strcmp(text, "delete") == 0  ? DELETE
                                          : UNKNOWN;
}

static void set_items(struct merge *m, struct value *array, const struct list *l)
{
    struct value *items = ARENA_ARRAY(m->a, struct value, l->n + 1);
    for (size_t i = 0; i < l->n; i++)
        items[i] = *l->items[i];
    array->items = items;
    array->n = (uint32_t)l->n;
    array->cap = l->n + 1;
}

/* A list's directive is an element of its own. */
static int take_list_directive(struct merge *m, struct value *patch, enum directive *out)
{
    static const char name[] = "$patch";
    const struct value *of = NULL;
    for (uint32_t i = 0; i < patch->n && !of; i++)
        if (value_get(&patch->items[i], name))
            of = &patch->items[i];
    *out = MERGE;
    if (!of || of->n > 1)
        return 0;
    const char *text = text_of(value_get(of, name));
    *out = directive_named(text);
    if (*out == UNKNOWN)
        return err_set(m->e, ERR_INVALID, "$patch: %s is not known", text);
    struct list l = list_of(m->a, patch);
    struct keys k = {{name}, {text}, 1, 1};
    int rc = list_put(m, &l, &k, NULL);
    if (rc == 0)
        set_items(m, patch, &l);
    return rc;
}

static int take_directive(struct merge *m, struct value *patch, enum directive *out)
{
    *out = MERGE;
    if (!patch)
        return 0;
    if (patch->kind == VALUE_ARRAY)
        return take_list_directive(m, patch, out);
    if (patch->kind != VALUE_OBJECT) {
        *out = UNKNOWN;
        return kind_error(m, patch, "a list or an object");
    }
    const struct value *v = value_get(patch, "$patch");
    if (!v)
        return 0;
    *out = directive_named(text_of(v));
    if (*out == UNKNOWN)
        return err_set(m->e, ERR_INVALID, "$patch: %s is not known", text_of(v));
    (void)value_remove(patch, "$patch");
    return 0;
}

/* What becomes the object: one of both, or NULL. `kept` is set for a null that stays. */
static int choose(struct merge *m, struct value *dest, struct value *patch, struct value **out)
{
    enum directive d;
    if (is_null(dest)) {
        struct err ignored;
        struct merge quiet = {.a = m->a, .e = &ignored};
        if (patch && patch->kind == VALUE_ARRAY)
            d = MERGE;
        else
            (void)take_directive(&quiet, patch, &d);
        *out = d == DELETE ? NULL : !patch && dest && *text_of(dest) ? dest : patch;
        return 0;
    }
    *out = NULL;
    if (patch && is_null(patch))
        return 0;
    int rc = take_directive(m, patch, &d);
    if (rc == 0)
        *out = d == DELETE ? NULL : d == REPLACE ? patch : dest;
    return rc;
}

/* ---- objects ---- */

/* Whether a null stays: it is the object's own, and is written as a word. */
static bool null_stays(const struct value *dest, const struct value *patch,
                       const struct value *result)
{
    return !patch && result == dest && *text_of(dest);
}

static int merge_member(struct merge *m, const struct schema *s, struct value *dest,
                        struct value *patch, const struct member *of)
{
    char *key = arena_strndup(m->a, of->key, of->key_len);
    struct value *into = value_get_mutn(dest, key, of->key_len), *result;
    struct value *from = patch ? value_get_mutn(patch, key, of->key_len) : NULL;
    bool bare = of->value.style & VALUE_BARE_KEY;
    const struct schema *of_key = kust_marked(m->marks, into);
    if (!of_key)
        of_key = kust_marked(m->marks, from);
    if (!of_key && s)
        of_key = schema_member(s, key);
    int rc = walk(m, of_key, into, from, &result);
    if (rc < 0)
        return rc;
    if (!*key)
        return err_set(m->e, ERR_INVALID, "a key is empty, which a patch cannot go over");
    if (!result || (is_null(result) && !null_stays(into, from, result))) {
        (void)value_removen(dest, key, of->key_len);
        return 0;
    }
    into = value_get_mutn(dest, key, of->key_len);
    if (into) {
        unsigned keep = VALUE_STYLES | VALUE_BARE_KEY | 0xffu << VALUE_MARK_SHIFT;
        unsigned style = (result->style & ~keep) | (into->style & keep);
        *into = *result;
        into->style = style & 0xffffff;
    } else {
        into = value_setn(m->a, dest, key, of->key_len, result);
        into->style &= (1u << VALUE_MARK_SHIFT) - 1;
        into->style =
            bare ? into->style | VALUE_BARE_KEY : into->style & ~VALUE_BARE_KEY & 0xffffff;
    }
    return 0;
}

static int walk_object(struct merge *m, const struct schema *s, struct value *dest,
                       struct value *patch, struct value **out)
{
    struct value *result;
    int rc = choose(m, dest, patch, &result);
    *out = result;
    if (rc < 0 || !result || result->kind != VALUE_OBJECT)
        return rc;
    /* The members as they are now: the walk adds and removes some. */
    struct value before[2] = {*result, {0}};
    if (patch && patch != result && patch->kind == VALUE_OBJECT)
        before[1] = *patch;
    for (size_t k = 0; k < 2; k++)
        before[k].members =
            before[k].n ? arena_dup(m->a, before[k].members, before[k].n * sizeof(struct member))
                        : NULL;
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; rc == 0 && i < before[k].n; i++) {
            const struct member *of = &before[k].members[i];
            if (k == 0 || !value_getn(&before[0], of->key, of->key_len))
                rc = merge_member(m, s, result, patch, of);
        }
    return rc;
}

/* ---- lists with a merge key ---- */

static const char *key_text(const struct value *v)
{
    return is_null(v) || (is_container(v) && v->n == 0) ? "" : text_of(v);
}

struct rows {
    struct keys *items;
    size_t n;
};

/* What the elements have for keys, each once; of the patch first. */
static void gather(struct rows *r, const struct keys *k, struct value *list)
{
    for (uint32_t i = 0; list && i < list->n; i++) {
        struct value *v = &list->items[i];
        struct keys row = *k;
        bool seen = false;
        row.n_is = k->n;
        for (size_t j = 0; j < k->n; j++)
            row.is[j] = *k->name[j] ? key_text(value_get(v, k->name[j])) : text_of(v);
        for (size_t at = 0; at < r->n && !seen; at++) {
            seen = true;
            for (size_t j = 0; j < k->n; j++)
                seen = seen && strcmp(r->items[at].is[j], row.is[j]) == 0;
        }
        if (!seen)
            r->items[r->n++] = row;
    }
}

/* Rows that differ only where one has nothing are the same. */
static void join_rows(struct rows *r)
{
    for (size_t x = 0; x < r->n; x++)
        for (size_t y = 0; y < r->n; y++) {
            struct keys *a = &r->items[x], *b = &r->items[y], both = *a;
            bool common = false, differ = false;
            for (size_t i = 0; i < a->n; i++) {
                bool same = strcmp(a->is[i], b->is[i]) == 0;
                common = common || same;
                differ = differ || (!same && *a->is[i] && *b->is[i]);
                both.is[i] = *a->is[i] ? a->is[i] : b->is[i];
            }
            if (common && !differ)
                *a = *b = both;
        }
}

/* The keys that some row has a value for; all of them when none has. */
static struct keys used_keys(const struct keys *row, const struct rows *r)
{
    struct keys k = {.n = 0};
    for (size_t i = 0; i < row->n; i++) {
        bool used = false;
        for (size_t at = 0; at < r->n; at++)
            used = used || *r->items[at].is[i];
        if (used) {
            k.name[k.n] = row->name[i];
            k.is[k.n++] = row->is[i];
        }
    }
    k.n_is = k.n;
    return k.n ? k : *row;
}

/* The first element that has the row's keys. */
static struct value *find(const struct keys *k, struct value *list)
{
    struct keys row = used_keys(k, &(struct rows){(struct keys *)(uintptr_t)k, 1});
    for (uint32_t i = 0; list && i < list->n; i++) {
        struct value *v = &list->items[i];
        bool yes = true;
        if (!*row.name[0] && strcmp(text_of(v), row.is[0]) == 0)
            return v;
        if (!*row.name[0] || v->kind != VALUE_OBJECT)
            continue;
        for (size_t j = 0; yes && j < row.n; j++) {
            const struct value *has = value_get(v, row.name[j]);
            yes = has && (!*row.is[j] || strcmp(text_of(has), row.is[j]) == 0);
        }
        if (yes)
            return v;
    }
    return NULL;
}

/* One element of both lists, merged, goes into `added`. */
static int merge_row(struct merge *m, const struct schema *s, const struct keys *k,
                     struct value *lists[2], struct list *dest, struct list *added)
{
    struct value *v;
    int rc = walk(m, s, find(k, lists[0]), find(k, lists[1]), &v);
    if (rc < 0)
        return rc;
    if (is_null(v) || (v->kind == VALUE_OBJECT && v->n == 0))
        return list_put(m, dest, k, NULL);
    for (size_t i = 0; i < k->n; i++)
        if (*k->name[i] && *k->is[i] && v->kind == VALUE_OBJECT && !value_get(v, k->name[i]))
            (void)value_set_str(m->a, v, k->name[i], k->is[i]);
    return list_put(m, added, k, v);
}

/* Puts the object's own elements to the patch's, where they have no namesake. */
static int append_rest(struct merge *m, struct list *l, const struct list *dest,
                       const struct keys *keys)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < dest->n; i++) {
        struct value *v = dest->items[i];
        struct keys k = *keys;
        k.n_is = 0;
        for (size_t j = 0; j < k.n; j++) {
            if (*k.name[j] && !is_null(v) && v->kind != VALUE_OBJECT)
                return kind_error(m, v, "an object");
            const struct value *has = *k.name[j] ? value_get(v, k.name[j]) : v;
            if (has)
                k.is[k.n_is++] = text_of(has);
            else
                list_add(l, v);
        }
        if (k.n > 1)
            rc = list_put(m, l, &k, NULL);
        if (rc == 0)
            rc = list_put(m, l, &k, v);
    }
    return rc;
}

static struct keys keys_of(const struct schema *s)
{
    struct keys k = {.n = 0};
    if (s->list_type == LIST_MAP && s->n_map_keys > 0 && s->n_map_keys <= KEYS_MAX)
        for (; k.n < s->n_map_keys; k.n++)
            k.name[k.n] = s->map_keys[k.n];
    else
        k.name[k.n++] = s->merge_key ? s->merge_key : "";
    return k;
}

static int walk_keyed(struct merge *m, const struct schema *s, struct value *dest,
                      struct value *patch, struct value **out)
{
    struct value *result;
    int rc = choose(m, dest, patch, &result);
    *out = result;
    if (rc < 0 || !result || result->kind != VALUE_ARRAY)
        return rc;
    struct keys keys = keys_of(s), last = keys;
    size_t most = result->n + (patch ? patch->n : 0);
    struct rows rows = {ARENA_ARRAY(m->a, struct keys, most + 1), 0};
    gather(&rows, &keys, patch);
    gather(&rows, &keys, result);
    if (keys.n > 1)
        join_rows(&rows);
    struct list of_dest = list_of(m->a, result), added = {.a = m->a};
    struct value *lists[2] = {result, patch};
    for (size_t i = 0; rc == 0 && i < rows.n; i++) {
        last = used_keys(&rows.items[i], &rows);
        rc = merge_row(m, s->items, &last, lists, &of_dest, &added);
    }
    if (rc == 0 && rows.n > 0)
        rc = append_rest(m, &added, &of_dest, &last);
    if (rc == 0 && rows.n > 0)
        set_items(m, result, &added);
    return rc;
}

/* ---- the walk ---- */

static int walk_values(struct merge *m, const struct schema *s, struct value *dest,
                       struct value *patch, struct value **out)
{
    if (dest && patch && is_container(dest) && dest->n == 0)
        dest->style = patch->style;
    const struct value *first = !is_null(dest) ? dest : patch;
    enum value_kind kind = is_null(first) ? VALUE_NULL : first->kind;
    if (!is_null(dest) && !is_null(patch) && is_container(dest) + is_container(patch) > 0 &&
        dest->kind != patch->kind)
        return err_set(m->e, ERR_INVALID, "line %u: the patch has %s where the object has %s",
                       patch->line, value_kind_name(patch->kind), value_kind_name(dest->kind));
    if (kind == VALUE_OBJECT || kind == VALUE_NULL)
        return walk_object(m, s, dest, patch, out);
    if (kind == VALUE_ARRAY && s && s->type == SCHEMA_LIST && (s->flags & SCHEMA_PATCH_MERGE))
        return walk_keyed(m, s, dest, patch, out);
    *out = patch ? patch : dest;
    return 0;
}

static int walk(struct merge *m, const struct schema *s, struct value *dest, struct value *patch,
                struct value **out)
{
    if (m->depth == DEPTH_MAX)
        return err_set(m->e, ERR_TOO_LARGE, "more than %d levels", DEPTH_MAX);
    m->depth++;
    int rc = walk_values(m, s, dest, patch, out);
    m->depth--;
    return rc;
}

int kust_merge(const struct kust_layer *l, const struct schema *s, struct value *object,
               struct value *patch, struct value **out, struct err *e)
{
    struct merge m = {.a = l->a, .marks = l->marks, .e = e};
    return walk(&m, s, object, patch, out);
}
