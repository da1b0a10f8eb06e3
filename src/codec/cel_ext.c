/* cel_ext.c - math, lists, sets, base64 and Kubernetes' functions. */
#include <math.h>

#include "codec/base64.h"
#include "codec/cel_int.h"
#include "codec/regex.h"

/* ---- math ---- */

static bool is_number(const struct cel_value *v)
{
    return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

static int extreme(struct cel_run *r, const char *name, int sign, const struct cel_value *args,
                   size_t n, struct cel_value *out)
{
    struct cel_value best = {0};
    bool list = n == 1 && args[0].kind == CEL_LIST;
    size_t count = list ? args[0].n : n;
    for (size_t i = 0; i < count; i++) {
        struct cel_value v = list ? cel__item(r, &args[0], i) : args[i];
        int c = 0;
        bool nan = false;
        if (!is_number(&v))
            return cel__no_overload(r, name, args, n);
        if (i == 0 || (cel__order(&v, &best, &c, &nan) && c * sign > 0))
            best = v;
    }
    *out = best;
    return count ? cel__charge(r, count) : cel__no_overload(r, name, args, n);
}

static int greatest(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    return extreme(r, "math.greatest", 1, args, n, out);
}

static int least(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    return extreme(r, "math.least", -1, args, n, out);
}

/* Halves away from zero, as Go's math.Round. */
#define DOUBLE_FUNCTION(fn, name, expr)                                                            \
    static int fn(struct cel_run *r, const struct cel_value *args, size_t n,                       \
                  struct cel_value *out)                                                           \
    {                                                                                              \
        double d = args[0].d;                                                                      \
        if (args[0].kind != CEL_DOUBLE)                                                            \
            return cel__no_overload(r, name, args, n);                                             \
        *out = (expr);                                                                             \
        return 0;                                                                                  \
    }

DOUBLE_FUNCTION(math_ceil, "math.ceil", cel__double(ceil(d)))
DOUBLE_FUNCTION(math_floor, "math.floor", cel__double(floor(d)))
DOUBLE_FUNCTION(math_round, "math.round", cel__double(round(d)))
DOUBLE_FUNCTION(math_trunc, "math.trunc", cel__double(trunc(d)))
DOUBLE_FUNCTION(math_is_nan, "math.isNaN", cel__bool(isnan(d)))
DOUBLE_FUNCTION(math_is_inf, "math.isInf", cel__bool(isinf(d)))
DOUBLE_FUNCTION(math_is_finite, "math.isFinite", cel__bool(isfinite(d)))

static int math_abs(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (!is_number(&args[0]))
        return cel__no_overload(r, "math.abs", args, n);
    *out = args[0];
    if (args[0].kind == CEL_DOUBLE)
        out->d = fabs(args[0].d);
    else if (args[0].kind == CEL_INT && args[0].i == INT64_MIN)
        return cel__fail(r, "integer overflow");
    else if (args[0].kind == CEL_INT)
        out->i = args[0].i < 0 ? -args[0].i : args[0].i;
    return 0;
}

static int math_sign(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    if (!is_number(v))
        return cel__no_overload(r, "math.sign", args, n);
    *out = *v;
    if (v->kind == CEL_DOUBLE)
        out->d = isnan(v->d) ? v->d : (double)((v->d > 0) - (v->d < 0));
    else if (v->kind == CEL_INT)
        out->i = (v->i > 0) - (v->i < 0);
    else
        out->u = v->u > 0;
    return 0;
}

static int math_sqrt(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    if (!is_number(v))
        return cel__no_overload(r, "math.sqrt", args, n);
    *out = cel__double(sqrt(v->kind == CEL_INT    ? (double)v->i
                            : v->kind == CEL_UINT ? (double)v->u
                                                  : v->d));
    return 0;
}

static bool same_integers(const struct cel_value *args)
{
    return args[0].kind == args[1].kind && (args[0].kind == CEL_INT || args[0].kind == CEL_UINT);
}

#define BIT_FUNCTION(fn, name, op)                                                                 \
    static int fn(struct cel_run *r, const struct cel_value *args, size_t n,                       \
                  struct cel_value *out)                                                           \
    {                                                                                              \
        if (!same_integers(args))                                                                  \
            return cel__no_overload(r, name, args, n);                                             \
        *out = args[0];                                                                            \
        out->u = args[0].u op args[1].u;                                                           \
        return 0;                                                                                  \
    }

BIT_FUNCTION(bit_and, "math.bitAnd", &)
BIT_FUNCTION(bit_or, "math.bitOr", |)
BIT_FUNCTION(bit_xor, "math.bitXor", ^)

static int bit_not(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_INT && args[0].kind != CEL_UINT)
        return cel__no_overload(r, "math.bitNot", args, n);
    *out = args[0];
    out->u = ~args[0].u;
    return 0;
}

/* The bits move as if unsigned; past the width nothing is left. */
static int bit_shift(struct cel_run *r, const char *name, bool left, const struct cel_value *args,
                     struct cel_value *out)
{
    if ((args[0].kind != CEL_INT && args[0].kind != CEL_UINT) || args[1].kind != CEL_INT)
        return cel__no_overload(r, name, args, 2);
    if (args[1].i < 0)
        return cel__fail(r, "%s() negative offset: %lld", name, (long long)args[1].i);
    *out = args[0];
    if (args[1].i >= 64)
        out->u = 0;
    else
        out->u = left ? args[0].u << args[1].i : args[0].u >> args[1].i;
    return 0;
}

static int shift_left(struct cel_run *r, const struct cel_value *args, size_t n,
                      struct cel_value *out)
{
    (void)n;
    return bit_shift(r, "math.bitShiftLeft", true, args, out);
}

static int shift_right(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    (void)n;
    return bit_shift(r, "math.bitShiftRight", false, args, out);
}

/* ---- base64 ---- */

static int encode(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_BYTES)
        return cel__no_overload(r, "base64.encode", args, n);
    const char *text = base64_encode(r->arena, args[0].text, args[0].n, BASE64_STD);
    *out = cel__string(text, strlen(text));
    return cel__charge(r, args[0].n / 16);
}

/* Padding may be left out. */
static int decode(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    if (args[0].kind != CEL_STRING)
        return cel__no_overload(r, "base64.decode", args, n);
    if (base64_decode(r->arena, args[0].text, args[0].n, BASE64_STD, &bytes, &n_bytes, NULL)) {
        int rc = base64_decode(r->arena, args[0].text, args[0].n, BASE64_STD_RAW, &bytes, &n_bytes,
                               r->e);
        if (rc)
            return rc;
    }
    *out = cel__string(bytes, n_bytes);
    out->kind = CEL_BYTES;
    return cel__charge(r, n_bytes / 16);
}

/* ---- lists ---- */

static int slice(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_LIST || args[1].kind != CEL_INT || args[2].kind != CEL_INT)
        return cel__no_overload(r, "slice", args, n);
    int64_t from = args[1].i, to = args[2].i;
    if (from < 0 || to < 0 || from > to || to > args[0].n)
        return cel__fail(r, "cannot slice(%lld, %lld), list is length %u", (long long)from,
                         (long long)to, args[0].n);
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, (size_t)(to - from));
    for (int64_t i = from; i < to; i++)
        items[i - from] = cel__item(r, &args[0], (size_t)i);
    *out = cel__list(items, (size_t)(to - from));
    return cel__charge(r, (uint64_t)(to - from));
}

struct flat {
    struct cel_value *items;
    size_t n, cap;
};

static int flatten_into(struct cel_run *r, struct flat *f, const struct cel_value *list,
                        int64_t depth)
{
    int rc = cel__charge(r, 1 + list->n);
    for (uint32_t i = 0; i < list->n && !rc; i++) {
        struct cel_value item = cel__item(r, list, i);
        if (item.kind == CEL_LIST && depth > 0) {
            rc = flatten_into(r, f, &item, depth - 1);
            continue;
        }
        if (f->n == f->cap) {
            size_t cap = f->cap ? f->cap * 2 : 8;
            f->items =
                arena_grow(r->arena, f->items, f->n * sizeof *f->items, cap * sizeof *f->items);
            f->cap = cap;
        }
        f->items[f->n++] = item;
    }
    return rc;
}

static int flatten(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    struct flat f = {0};
    if (args[0].kind != CEL_LIST || (n == 2 && args[1].kind != CEL_INT))
        return cel__no_overload(r, "flatten", args, n);
    int64_t depth = n == 2 ? args[1].i : 1;
    if (depth < 0)
        return cel__fail(r, "level must be non-negative");
    int rc = flatten_into(r, &f, &args[0], depth < 100 ? depth : 100);
    *out = cel__list(f.items, f.n);
    return rc;
}

static int distinct(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "distinct", args, n);
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, args[0].n);
    size_t kept = 0;
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct cel_value item = cel__item(r, &args[0], i);
        size_t k = 0;
        while (k < kept && !cel__equal(r, &items[k], &item))
            k++;
        if (k == kept)
            items[kept++] = item;
        int rc = cel__charge(r, 1 + kept / 4);
        if (rc)
            return rc;
    }
    *out = cel__list(items, kept);
    return 0;
}

static int item_cmp(const void *x, const void *y)
{
    int c = 0;
    bool nan;
    (void)cel__order(x, y, &c, &nan);
    return c;
}

static int sort(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "sort", args, n);
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, args[0].n);
    for (uint32_t i = 0; i < args[0].n; i++) {
        int c;
        bool nan;
        items[i] = cel__item(r, &args[0], i);
        if (items[i].kind != items[0].kind || !cel__order(&items[0], &items[i], &c, &nan))
            return cel__fail(r, "list elements must have the same type and an order");
    }
    if (args[0].n)
        qsort(items, args[0].n, sizeof *items, item_cmp);
    *out = cel__list(items, args[0].n);
    return cel__charge(r, (uint64_t)args[0].n * 8);
}

static int is_sorted(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    *out = cel__bool(true);
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "isSorted", args, n);
    for (uint32_t i = 1; i < args[0].n; i++) {
        struct cel_value a = cel__item(r, &args[0], i - 1), b = cel__item(r, &args[0], i);
        int c = 0;
        bool nan;
        if (!cel__order(&a, &b, &c, &nan))
            return cel__no_overload(r, "isSorted", args, n);
        out->b = out->b && c <= 0;
    }
    return cel__charge(r, args[0].n);
}

static int range(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_INT)
        return cel__no_overload(r, "lists.range", args, n);
    int64_t count = args[0].i < 0 ? 0 : args[0].i;
    int rc = cel__charge(r, (uint64_t)count);
    if (rc)
        return rc;
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        items[i] = cel__int(i);
    *out = cel__list(items, (size_t)count);
    return 0;
}

static int sum(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    *out = cel__int(0);
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "sum", args, n);
    for (uint32_t i = 0; i < args[0].n; i++) {
        struct cel_value item = cel__item(r, &args[0], i), total = *out;
        int rc = i == 0 ? 0 : cel__binary(r, BIN_ADD, &total, &item, out);
        if (i == 0)
            *out = item;
        if (rc)
            return rc;
    }
    return cel__charge(r, args[0].n);
}

static int end_of(struct cel_run *r, const char *name, int sign, const struct cel_value *args,
                  struct cel_value *out)
{
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, name, args, 1);
    if (args[0].n == 0)
        return cel__fail(r, "%s called on empty list", name);
    *out = cel__item(r, &args[0], 0);
    for (uint32_t i = 1; i < args[0].n; i++) {
        struct cel_value item = cel__item(r, &args[0], i);
        int c = 0;
        bool nan;
        if (!cel__order(&item, out, &c, &nan))
            return cel__no_overload(r, name, args, 1);
        if (c * sign > 0)
            *out = item;
    }
    return cel__charge(r, args[0].n);
}

static int list_min(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    (void)n;
    return end_of(r, "min", -1, args, out);
}

static int list_max(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    (void)n;
    return end_of(r, "max", 1, args, out);
}

static int first(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "first", args, n);
    *out = (struct cel_value){.kind = CEL_OPTIONAL, .n = args[0].n > 0};
    if (out->n) {
        struct cel_value item = cel__item(r, &args[0], 0);
        out->items = arena_dup(r->arena, &item, sizeof item);
    }
    return 0;
}

static int last(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    if (args[0].kind != CEL_LIST)
        return cel__no_overload(r, "last", args, n);
    *out = (struct cel_value){.kind = CEL_OPTIONAL, .n = args[0].n > 0};
    if (out->n) {
        struct cel_value item = cel__item(r, &args[0], args[0].n - 1);
        out->items = arena_dup(r->arena, &item, sizeof item);
    }
    return 0;
}

/* ---- sets ---- */

static bool has_item(const struct cel_run *r, const struct cel_value *list,
                     const struct cel_value *want)
{
    for (uint32_t i = 0; i < list->n; i++) {
        struct cel_value item = cel__item(r, list, i);
        if (cel__equal(r, &item, want))
            return true;
    }
    return false;
}

/* How many items of b are in a. */
static uint32_t shared(const struct cel_run *r, const struct cel_value *a,
                       const struct cel_value *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        struct cel_value item = cel__item(r, b, i);
        n += has_item(r, a, &item);
    }
    return n;
}

static int two_lists(struct cel_run *r, const char *name, const struct cel_value *args)
{
    if (args[0].kind != CEL_LIST || args[1].kind != CEL_LIST)
        return cel__no_overload(r, name, args, 2);
    return cel__charge(r, 1 + (uint64_t)args[0].n * args[1].n);
}

static int sets_contains(struct cel_run *r, const struct cel_value *args, size_t n,
                         struct cel_value *out)
{
    (void)n;
    int rc = two_lists(r, "sets.contains", args);
    if (!rc)
        *out = cel__bool(shared(r, &args[0], &args[1]) == args[1].n);
    return rc;
}

static int sets_equivalent(struct cel_run *r, const struct cel_value *args, size_t n,
                           struct cel_value *out)
{
    (void)n;
    int rc = two_lists(r, "sets.equivalent", args);
    if (!rc)
        *out = cel__bool(shared(r, &args[0], &args[1]) == args[1].n &&
                         shared(r, &args[1], &args[0]) == args[0].n);
    return rc;
}

static int sets_intersects(struct cel_run *r, const struct cel_value *args, size_t n,
                           struct cel_value *out)
{
    (void)n;
    int rc = two_lists(r, "sets.intersects", args);
    if (!rc)
        *out = cel__bool(shared(r, &args[0], &args[1]) > 0);
    return rc;
}

/* ---- find, findAll (Kubernetes) ---- */

static int find_matches(struct cel_run *r, const char *name, const struct cel_value *args,
                        int64_t limit, struct flat *f)
{
    AUTO(regex) struct regex *re = NULL;
    if (args[0].kind != CEL_STRING || args[1].kind != CEL_STRING)
        return cel__no_overload(r, name, args, 2);
    int rc = regex_compile(args[1].text, args[1].n, 0, &re, r->e);
    for (size_t at = 0; !rc && at <= args[0].n && limit != 0;) {
        struct regex_span span;
        bool hit = false;
        rc = cel__charge(r, 1 + args[0].n / 16);
        rc = rc ? rc : regex_match(re, args[0].text, args[0].n, at, &span, 1, &hit, r->e);
        if (rc || !hit)
            break;
        f->items =
            arena_grow(r->arena, f->items, f->n * sizeof *f->items, (f->n + 1) * sizeof *f->items);
        f->items[f->n++] =
            cel__copy_string(r->arena, args[0].text + span.start, span.end - span.start);
        at = span.end;
        if (span.end == span.start)
            for (at++; at < args[0].n && ((unsigned char)args[0].text[at] & 0xc0) == 0x80; at++)
                ;
        limit -= limit > 0;
    }
    return rc;
}

static int find(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    struct flat f = {0};
    (void)n;
    int rc = find_matches(r, "find", args, 1, &f);
    *out = f.n ? f.items[0] : cel__string("", 0);
    return rc;
}

static int find_all(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    struct flat f = {0};
    if (n == 3 && args[2].kind != CEL_INT)
        return cel__no_overload(r, "findAll", args, n);
    int rc = find_matches(r, "findAll", args, n == 3 ? args[2].i : -1, &f);
    *out = cel__list(f.items, f.n);
    return rc;
}

const struct cel_builtin cel__ext_functions[] = {
    {"math.greatest",      1, -1, greatest       },
    {"math.least",         1, -1, least          },
    {"math.ceil",          1, 1,  math_ceil      },
    {"math.floor",         1, 1,  math_floor     },
    {"math.round",         1, 1,  math_round     },
    {"math.trunc",         1, 1,  math_trunc     },
    {"math.abs",           1, 1,  math_abs       },
    {"math.sign",          1, 1,  math_sign      },
    {"math.sqrt",          1, 1,  math_sqrt      },
    {"math.isNaN",         1, 1,  math_is_nan    },
    {"math.isInf",         1, 1,  math_is_inf    },
    {"math.isFinite",      1, 1,  math_is_finite },
    {"math.bitAnd",        2, 2,  bit_and        },
    {"math.bitOr",         2, 2,  bit_or         },
    {"math.bitXor",        2, 2,  bit_xor        },
    {"math.bitNot",        1, 1,  bit_not        },
    {"math.bitShiftLeft",  2, 2,  shift_left     },
    {"math.bitShiftRight", 2, 2,  shift_right    },
    {"base64.encode",      1, 1,  encode         },
    {"base64.decode",      1, 1,  decode         },
    {"slice",              3, 3,  slice          },
    {"flatten",            1, 2,  flatten        },
    {"distinct",           1, 1,  distinct       },
    {"sort",               1, 1,  sort           },
    {"isSorted",           1, 1,  is_sorted      },
    {"lists.range",        1, 1,  range          },
    {"sum",                1, 1,  sum            },
    {"min",                1, 1,  list_min       },
    {"max",                1, 1,  list_max       },
    {"first",              1, 1,  first          },
    {"last",               1, 1,  last           },
    {"sets.contains",      2, 2,  sets_contains  },
    {"sets.equivalent",    2, 2,  sets_equivalent},
    {"sets.intersects",    2, 2,  sets_intersects},
    {"find",               2, 2,  find           },
    {"findAll",            2, 3,  find_all       },
};
const size_t cel__n_ext_functions = ARRAY_LEN(cel__ext_functions);
