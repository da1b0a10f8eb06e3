#include "template/sprig_int.h"

#include "base/banned.h"

enum { DEPTH_MAX = 1000 };

static struct go_value *find(const struct go_value *map, const struct go_value *key)
{
    return go_map_get(map->map, key->s, key->n);
}

GO_FN(dict)
{
    struct go_map *m = go_map_new(c->arena, n / 2);
    for (size_t i = 0; i < n; i += 2) {
        struct go_value key = call__strval(c, &args[i]);
        go_map_set(m, key.s, key.n, i + 1 < n ? args[i + 1] : go_str(""));
    }
    *out = go_map(m);
    return 0;
}

GO_FN(get)
{
    const struct go_value *v = find(&args[0], &args[1]);
    *out = v ? *v : go_str("");
    return 0;
}

GO_FN(set)
{
    if (!args[0].map)
        return go_fail(c, "assignment to entry in nil map");
    go_map_set(args[0].map, args[1].s, args[1].n, args[2]);
    *out = go_map(args[0].map);
    return 0;
}

GO_FN(unset)
{
    if (args[0].map)
        (void)go_map_remove(args[0].map, args[1].s, args[1].n);
    *out = go_map(args[0].map);
    return 0;
}

GO_FN(has_key)
{
    *out = go_bool(find(&args[0], &args[1]) != NULL);
    return 0;
}

GO_FN(pluck)
{
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, n);
    size_t count = 0;
    for (size_t i = 1; i < n; i++) {
        const struct go_value *v = find(&args[i], &args[0]);
        if (v)
            items[count++] = *v;
    }
    *out = go_list(items, count);
    return 0;
}

/* Sprig's order is Go's, a different one each time; here it is that of the keys. */
GO_FN(keys)
{
    size_t count = 0, n_entries = 0;
    for (size_t i = 0; i < n; i++)
        count += go_map_size(args[i].map);
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count + 1), *to = items;
    for (size_t i = 0; i < n; i++) {
        const struct go_entry *entries = go_map_sorted(args[i].map, &n_entries);
        for (size_t k = 0; k < n_entries; k++)
            *to++ = go_strn(entries[k].key, entries[k].n);
    }
    *out = go_typed_list(&go_strings_type, items, count);
    return 0;
}

GO_FN(values)
{
    size_t count = 0;
    const struct go_entry *entries = go_map_sorted(args[0].map, &count);
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count + 1);
    for (size_t i = 0; i < count; i++)
        items[i] = entries[i].value;
    *out = go_list(items, count);
    return 0;
}

GO_FN(pick)
{
    struct go_map *m = go_map_new(c->arena, n);
    for (size_t i = 1; i < n; i++) {
        const struct go_value *v = find(&args[0], &args[i]);
        if (v)
            go_map_set(m, args[i].s, args[i].n, *v);
    }
    *out = go_map(m);
    return 0;
}

GO_FN(omit)
{
    size_t count = 0;
    const struct go_entry *entries = go_map_sorted(args[0].map, &count);
    struct go_map *m = go_map_new(c->arena, count);
    for (size_t i = 0; i < count; i++)
        go_map_set(m, entries[i].key, entries[i].n, entries[i].value);
    for (size_t i = 1; i < n; i++)
        (void)go_map_remove(m, args[i].s, args[i].n);
    *out = go_map(m);
    return 0;
}

/* ---- merging ---- */

static bool is_nil(const struct go_value *v)
{
    return go_kind_of(v) == GO_INTERFACE || go_kind_of(v) == GO_INVALID;
}

/* mergo's: maps into maps where both have one; a value in `to` stays unless it is empty, or with
 * `overwrite` unless both are maps. What is taken is shared, not copied. */
static int merge_maps(struct go_call *c, struct go_map *to, struct go_map *from, bool overwrite,
                      int depth)
{
    size_t count = 0;
    const struct go_entry *entries = to == from ? NULL : go_map_sorted(from, &count);
    if (depth > DEPTH_MAX)
        return go_fail(c, "maps of more than %d levels", DEPTH_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct go_entry *e = &entries[i];
        struct go_value *old = go_map_get_hashed(to, e->key, e->n, e->hash);
        if (is_nil(&e->value)) {
            if (overwrite)
                go_map_set(to, e->key, e->n, e->value);
            continue;
        }
        bool maps = old && go_kind_of(old) == GO_MAP && go_kind_of(&e->value) == GO_MAP;
        if (maps && old->map) {
            int rc = merge_maps(c, old->map, e->value.map, overwrite, depth + 1);
            if (rc)
                return rc;
        }
        if (maps && go_truth(old))
            continue;
        if (overwrite || !old || !go_truth(old))
            go_map_set(to, e->key, e->n, e->value);
    }
    return 0;
}

static int merge_all(struct go_call *c, const struct go_value *args, size_t n, bool overwrite,
                     struct go_value *out)
{
    struct go_map *to = args[0].map;
    for (size_t i = 1; i < n; i++) {
        if (!to && args[i].map)
            to = go_map_new(c->arena, 0);
        int rc = to ? merge_maps(c, to, args[i].map, overwrite, 0) : 0;
        if (rc)
            return rc;
    }
    *out = go_map(to);
    return 0;
}

GO_FN(merge)
{
    return merge_all(c, args, n, false, out);
}

GO_FN(merge_overwrite)
{
    return merge_all(c, args, n, true, out);
}

GO_FN(deep_copy)
{
    if (is_nil(&args[0]))
        return go_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    *out = go_copy(c->arena, &args[0]);
    return out->type ? 0 : go_fail(c, "a value of more than %d levels", DEPTH_MAX);
}

/* ---- digging ---- */

static int not_a(struct go_call *c, const struct go_value *v, const char *wanted)
{
    return go_fail(c, "interface conversion: interface {} is %s, not %s",
                   is_nil(v) ? "nil" : v->type->name, wanted);
}

GO_FN(dig)
{
    if (n < 3)
        return go_fail(c, "dig needs at least three arguments");
    struct go_value at = args[n - 1];
    if (at.type != &go_map_type)
        return not_a(c, &at, go_map_type.name);
    for (size_t i = 0; i < n - 2; i++)
        if (args[i].type != &go_string_type)
            return not_a(c, &args[i], "string");
    for (size_t i = 0; i < n - 2; i++) {
        if (at.type != &go_map_type)
            return not_a(c, &at, go_map_type.name);
        const struct go_value *next = find(&at, &args[i]);
        at = next ? *next : args[n - 2];
        if (!next)
            break;
    }
    *out = at;
    return 0;
}

const struct go_func dict_functions[] = {
    {"deepCopy",           "A>a",     deep_copy      },
    {"dict",               "a...",    dict           },
    {"dig",                "a...>a",  dig            },
    {"get",                "ms>a",    get            },
    {"hasKey",             "ms",      has_key        },
    {"keys",               "m...",    keys           },
    {"merge",              "MM...>a", merge          },
    {"mergeOverwrite",     "MM...>a", merge_overwrite},
    {"mustDeepCopy",       "A>a",     deep_copy      },
    {"mustMerge",          "MM...>a", merge          },
    {"mustMergeOverwrite", "MM...>a", merge_overwrite},
    {"omit",               "ms...",   omit           },
    {"pick",               "ms...",   pick           },
    {"pluck",              "sm...",   pluck          },
    {"set",                "msa",     set            },
    {"unset",              "ms",      unset          },
    {"values",             "m",       values         },
    {NULL,                 NULL,      NULL           },
};
