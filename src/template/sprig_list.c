#include "template/sprig_int.h"

#include <math.h>

#include "base/banned.h"

static bool is_nil(const struct go_value *v)
{
    return go_kind_of(v) == GO_INTERFACE || go_kind_of(v) == GO_INVALID;
}

/* Go's reflection breaks on nil, and refuses what is no list. */
static int check_list(struct go_call *c, const struct go_value *v, const char *what)
{
    if (is_nil(v))
        return go_fail(c, "runtime error: invalid memory address or nil pointer dereference");
    if (go_kind_of(v) != GO_SLICE)
        return go_fail(c, "%s type %s", what, go_kind_name(go_kind_of(v)));
    return 0;
}

/* []interface {} with room for `room` items, the list's first. */
static struct go_value *copy_items(struct go_call *c, const struct go_value *list, size_t before,
                                   size_t room)
{
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, room + 1);
    for (uint32_t i = 0; i < list->n; i++)
        items[before + i] = go_item(list, i);
    return items;
}

GO_FN(list)
{
    *out = go_list(arena_dup(c->arena, args, n * sizeof *args), n);
    return 0;
}

GO_FN(append)
{
    int rc = check_list(c, &args[0], "Cannot push on");
    if (rc)
        return rc;
    struct go_value *items = copy_items(c, &args[0], 0, args[0].n + 1u);
    items[args[0].n] = args[1];
    *out = go_list(items, args[0].n + 1u);
    return 0;
}

GO_FN(prepend)
{
    int rc = check_list(c, &args[0], "Cannot prepend on");
    if (rc)
        return rc;
    struct go_value *items = copy_items(c, &args[0], 1, args[0].n + 1u);
    items[0] = args[1];
    *out = go_list(items, args[0].n + 1u);
    return 0;
}

GO_FN(concat)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_nil(&args[i]))
            return go_fail(c, "runtime error: invalid memory address or nil pointer dereference");
        if (go_kind_of(&args[i]) != GO_SLICE)
            return go_fail(c, "Cannot concat type %s as list", go_kind_name(go_kind_of(&args[i])));
        count += args[i].n;
    }
    *out = (struct go_value){.type = &go_list_type}; /* nothing at all makes a nil list */
    if (count) {
        struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count), *to = items;
        for (size_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < args[i].n; k++)
                *to++ = go_item(&args[i], k);
        *out = go_list(items, count);
    }
    return 0;
}

GO_FN(first)
{
    int rc = check_list(c, &args[0], "Cannot find first on");
    *out = go_nil();
    if (rc == 0 && args[0].n)
        *out = go_item(&args[0], 0);
    return rc;
}

GO_FN(last)
{
    int rc = check_list(c, &args[0], "Cannot find last on");
    *out = go_nil();
    if (rc == 0 && args[0].n)
        *out = go_item(&args[0], args[0].n - 1);
    return rc;
}

/* The list without its first or last item; of an empty one nil. */
static int without_one(struct go_call *c, const struct go_value *v, bool first,
                       struct go_value *out)
{
    *out = (struct go_value){.type = &go_list_type};
    if (v->n)
        *out = go_list(copy_items(c, v, 0, v->n) + first, v->n - 1);
    return 0;
}

GO_FN(rest)
{
    int rc = check_list(c, &args[0], "Cannot find rest on");
    return rc ? rc : without_one(c, &args[0], true, out);
}

GO_FN(initial)
{
    int rc = check_list(c, &args[0], "Cannot find initial on");
    return rc ? rc : without_one(c, &args[0], false, out);
}

GO_FN(reverse)
{
    int rc = check_list(c, &args[0], "Cannot find reverse on");
    if (rc)
        return rc;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, args[0].n + 1u);
    for (uint32_t i = 0; i < args[0].n; i++)
        items[args[0].n - 1 - i] = go_item(&args[0], i);
    *out = go_list(items, args[0].n);
    return 0;
}

GO_FN(compact)
{
    int rc = check_list(c, &args[0], "Cannot compact on");
    if (rc)
        return rc;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, args[0].n + 1u);
    size_t count = 0;
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct go_value item = go_item(&args[0], i);
        if (go_truth(&item))
            items[count++] = item;
    }
    *out = go_list(items, count);
    return 0;
}

static bool in_list(const struct go_value *items, size_t n, const struct go_value *v)
{
    for (size_t i = 0; i < n; i++)
        if (go_deep_equal(v, &items[i]))
            return true;
    return false;
}

GO_FN(uniq)
{
    int rc = check_list(c, &args[0], "Cannot find uniq on");
    if (rc)
        return rc;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, args[0].n + 1u);
    size_t count = 0;
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct go_value item = go_item(&args[0], i);
        if (!in_list(items, count, &item))
            items[count++] = item;
    }
    *out = go_list(items, count);
    return 0;
}

GO_FN(without)
{
    int rc = check_list(c, &args[0], "Cannot find without on");
    if (rc)
        return rc;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, args[0].n + 1u);
    size_t count = 0;
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct go_value item = go_item(&args[0], i);
        if (!in_list(args + 1, n - 1, &item))
            items[count++] = item;
    }
    *out = go_list(items, count);
    return 0;
}

GO_FN(has)
{
    *out = go_bool(false);
    if (is_nil(&args[1]))
        return 0;
    int rc = check_list(c, &args[1], "Cannot find has on");
    for (uint32_t i = 0; rc == 0 && i < args[1].n && !out->b; i++) {
        struct go_value item = go_item(&args[1], i);
        out->b = go_deep_equal(&args[0], &item);
    }
    return rc;
}

GO_FN(slice)
{
    int rc = check_list(c, &args[0], "list should be type of slice or array but");
    if (rc && go_kind_of(&args[0]) != GO_INVALID && !is_nil(&args[0]))
        return go_fail(c, "list should be type of slice or array but %s",
                       go_kind_name(go_kind_of(&args[0])));
    *out = go_nil();
    if (rc || args[0].n == 0)
        return rc;
    int64_t start = n > 1 ? cast__int(&args[1]) : 0;
    int64_t end = n > 2 ? cast__int(&args[2]) : args[0].n;
    if (start < 0 || start > end || end > args[0].n)
        return go_fail(c, "reflect.Value.Slice: slice index out of bounds");
    *out = args[0];
    out->n = (uint32_t)(end - start);
    if (args[0].type == &go_bytes_type)
        out->s += start;
    else
        out->items += start;
    return 0;
}

GO_FN(chunk)
{
    int rc = check_list(c, &args[1], "Cannot chunk");
    if (rc)
        return rc;
    int64_t size = args[0].i, len = args[1].n;
    double wanted = floor((double)(len - 1) / (double)size) + 1;
    if (!(wanted >= 0 && wanted <= (double)len))
        return go_fail(c, "runtime error: makeslice: len out of range");
    size_t count = (size_t)wanted;
    struct go_value *chunks = ARENA_ARRAY(c->arena, struct go_value, count + 1);
    struct go_value *items = copy_items(c, &args[1], 0, args[1].n);
    for (size_t i = 0; i < count; i++) {
        size_t at = i * (size_t)size, end = at + (size_t)size;
        chunks[i] = go_list(items + at, (end < args[1].n ? end : args[1].n) - at);
    }
    *out = go_typed_list(&go_lists_type, chunks, count);
    return 0;
}

/* ---- numbers in a row ---- */

enum { NUMBERS_MAX = 10000000 };

static int numbers(struct go_call *c, int64_t start, int64_t stop, int64_t step,
                   struct go_value *out)
{
    bool none = stop < start ? step >= 0 : step <= 0 || stop == start;
    uint64_t span =
        stop < start ? (uint64_t)start - (uint64_t)stop : (uint64_t)stop - (uint64_t)start;
    uint64_t each = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    uint64_t count = none ? 0 : (span + each - 1) / each;
    if (count > NUMBERS_MAX)
        return go_fail(c, "a list of more than %d numbers", NUMBERS_MAX);
    void *memory = NULL;
    int rc = call__alloc(c, (count + 1) * sizeof(struct go_value), &memory);
    if (rc)
        return rc;
    struct go_value *items = memory;
    for (uint64_t i = 0; i < count; i++)
        items[i] = go_int(start + (int64_t)i * step);
    *out = go_typed_list(&go_ints_type, items, count);
    return 0;
}

GO_FN(until)
{
    return numbers(c, 0, args[0].i, args[0].i < 0 ? -1 : 1, out);
}

GO_FN(until_step)
{
    return numbers(c, args[0].i, args[1].i, args[2].i, out);
}

GO_FN(seq)
{
    int64_t start = n > 1 ? args[0].i : 1, end = n ? args[n == 1 ? 0 : n - 1].i : 0;
    int64_t one = end < start ? -1 : 1, step = n == 3 ? args[1].i : one;
    *out = go_str("");
    if (n == 0 || n > 3 || (n == 3 && end < start && step > 0))
        return 0;
    struct go_value all;
    int rc = numbers(c, start, end + one, step, &all);
    if (rc)
        return rc;
    struct buf *b = call__scratch(c);
    for (uint32_t i = 0; i < all.n; i++)
        buf_printf(b, i ? " %lld" : "%lld", (long long)all.items[i].i);
    return call__finish(c, out);
}

const struct go_func list_functions[] = {
    {"append",      "aa",      append    },
    {"chunk",       "ia",      chunk     },
    {"compact",     "a",       compact   },
    {"concat",      "a...>a",  concat    },
    {"first",       "a>a",     first     },
    {"has",         "AA",      has       },
    {"initial",     "a",       initial   },
    {"last",        "a>a",     last      },
    {"list",        "a...",    list      },
    {"mustAppend",  "aa",      append    },
    {"mustChunk",   "ia",      chunk     },
    {"mustCompact", "a",       compact   },
    {"mustFirst",   "a>a",     first     },
    {"mustHas",     "AA",      has       },
    {"mustInitial", "a",       initial   },
    {"mustLast",    "a>a",     last      },
    {"mustPrepend", "aa",      prepend   },
    {"mustPush",    "aa",      append    },
    {"mustRest",    "a",       rest      },
    {"mustReverse", "a",       reverse   },
    {"mustSlice",   "aa...>a", slice     },
    {"mustUniq",    "A",       uniq      },
    {"mustWithout", "AA...",   without   },
    {"prepend",     "aa",      prepend   },
    {"push",        "aa",      append    },
    {"rest",        "a",       rest      },
    {"reverse",     "a",       reverse   },
    {"seq",         "i...",    seq       },
    {"slice",       "aa...>a", slice     },
    {"tuple",       "a...",    list      },
    {"uniq",        "A",       uniq      },
    {"until",       "i",       until     },
    {"untilStep",   "iii",     until_step},
    {"without",     "AA...",   without   },
    {NULL,          NULL,      NULL      },
};
