#include "template/functions_int.h"

#include "base/banned.h"

/* What text/template compares by. */
enum basic {
    BASIC_NONE,
    BASIC_BOOL,
    BASIC_COMPLEX,
    BASIC_INT,
    BASIC_FLOAT,
    BASIC_STRING,
    BASIC_UINT
};

static enum basic basic_of(const struct go_value *v)
{
    switch ((int)go_kind_of(v)) {
    case GO_BOOL:
        return BASIC_BOOL;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
        return BASIC_INT;
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        return BASIC_UINT;
    case GO_FLOAT64:
        return BASIC_FLOAT;
    case GO_COMPLEX128:
        return BASIC_COMPLEX;
    case GO_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

static bool is_nothing(const struct go_value *v)
{
    return go_kind_of(v) == GO_INVALID || go_kind_of(v) == GO_INTERFACE;
}

static int not_comparable(struct go_call *c, const struct go_value *v)
{
    struct format_verb {
        const char *text;
    } all = {"non-comparable type %s: "};
    struct buf *b = call__scratch(c);
    fmt__printf(c->run, b, all.text, strlen(all.text), v, 1);
    return go_fail(c, "%s%s", buf_text(b), v->type->name);
}

/* Neither is a number or text. */
static int equal_others(struct go_call *c, const struct go_value *a, const struct go_value *b,
                        bool *out)
{
    enum go_kind ka = is_nothing(a) ? GO_INVALID : go_kind_of(a);
    enum go_kind kb = is_nothing(b) ? GO_INVALID : go_kind_of(b);
    if (ka != kb && ka != GO_INVALID && kb != GO_INVALID) {
        struct buf *text = call__scratch(c);
        static const char first[] = "non-comparable types %s: ", second[] = ": %v";
        fmt__printf(c->run, text, first, sizeof first - 1, a, 1);
        buf_printf(text, "%s, %s", a->type->name, b->type->name);
        fmt__printf(c->run, text, second, sizeof second - 1, b, 1);
        return go_fail(c, "%s", buf_text(text));
    }
    if (go_is_nil(a) || go_is_nil(b))
        *out = go_is_nil(a) == go_is_nil(b);
    else if (kb == GO_MAP || kb == GO_SLICE)
        return not_comparable(c, b);
    else
        *out = a->type == b->type && go_deep_equal(a, b);
    return 0;
}

static bool same_basic(enum basic kind, const struct go_value *a, const struct go_value *b)
{
    switch (kind) {
    case BASIC_BOOL:
        return a->b == b->b;
    case BASIC_FLOAT:
        return a->f == b->f;
    case BASIC_STRING:
        return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
    case BASIC_COMPLEX:
        return a->complex->re == b->complex->re && a->complex->im == b->complex->im;
    case BASIC_INT:
    case BASIC_UINT:
    case BASIC_NONE:
        break;
    }
    return a->u == b->u;
}

static int incompatible(struct go_call *c, const struct go_value *a, const struct go_value *b)
{
    return go_fail(c, "incompatible types for comparison: %s and %s", a->type->name, b->type->name);
}

static int equal_two(struct go_call *c, const struct go_value *a, const struct go_value *b,
                     bool *out)
{
    enum basic ka = basic_of(a), kb = basic_of(b);
    *out = false;
    if (ka == kb) {
        if (ka == BASIC_NONE)
            return equal_others(c, a, b, out);
        *out = same_basic(ka, a, b);
    } else if (ka == BASIC_INT && kb == BASIC_UINT) {
        *out = a->i >= 0 && a->u == b->u;
    } else if (ka == BASIC_UINT && kb == BASIC_INT) {
        *out = b->i >= 0 && a->u == b->u;
    } else if (!is_nothing(a) && !is_nothing(b)) {
        return incompatible(c, a, b);
    }
    return 0;
}

static int less_two(struct go_call *c, const struct go_value *a, const struct go_value *b,
                    bool *out)
{
    enum basic ka = basic_of(a), kb = basic_of(b);
    if (ka == BASIC_NONE || kb == BASIC_NONE)
        return go_fail(c, "invalid type for comparison");
    if (ka == BASIC_INT && kb == BASIC_UINT)
        *out = a->i < 0 || a->u < b->u;
    else if (ka == BASIC_UINT && kb == BASIC_INT)
        *out = b->i >= 0 && a->u < b->u;
    else if (ka != kb)
        return incompatible(c, a, b);
    else if (ka == BASIC_BOOL || ka == BASIC_COMPLEX)
        return go_fail(c, "invalid type for comparison");
    else if (ka == BASIC_FLOAT)
        *out = a->f < b->f;
    else if (ka == BASIC_STRING)
        *out = go_compare_text(a->s, a->n, b->s, b->n) < 0;
    else
        *out = ka == BASIC_INT ? a->i < b->i : a->u < b->u;
    return 0;
}

static int eq(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    if (n < 2)
        return go_fail(c, "missing argument for comparison");
    bool same = false;
    for (size_t i = 1; i < n && !same; i++) {
        int rc = equal_two(c, &args[0], &args[i], &same);
        if (rc)
            return rc;
    }
    *out = go_bool(same);
    return 0;
}

static int ne(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    bool same = false;
    int rc = equal_two(c, &args[0], &args[1], &same);
    *out = go_bool(!same);
    return rc;
}

static int lt(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    bool less = false;
    int rc = less_two(c, &args[0], &args[1], &less);
    *out = go_bool(less);
    return rc;
}

static int at_most(struct go_call *c, const struct go_value *args, bool *out)
{
    int rc = less_two(c, &args[0], &args[1], out);
    return rc || *out ? rc : equal_two(c, &args[0], &args[1], out);
}

static int le(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    bool yes = false;
    int rc = at_most(c, args, &yes);
    *out = go_bool(yes);
    return rc;
}

static int gt(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    bool yes = false;
    int rc = at_most(c, args, &yes);
    *out = go_bool(!yes);
    return rc;
}

static int ge(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    bool less = false;
    int rc = less_two(c, &args[0], &args[1], &less);
    *out = go_bool(!less);
    return rc;
}

const struct go_func compare_functions[] = {
    {"eq", "vv...", eq  },
    {"ge", "vv",    ge  },
    {"gt", "vv",    gt  },
    {"le", "vv",    le  },
    {"lt", "vv",    lt  },
    {"ne", "vv",    ne  },
    {NULL, NULL,    NULL},
};
