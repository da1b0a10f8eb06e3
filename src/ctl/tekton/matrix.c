/* matrix.c - combinations, then `include` on top. */
#include "ctl/tekton/matrix.h"

#include "base/own.h"
#include "ctl/tekton/params.h"

static struct value *param_of(const char *name, const struct value *v, struct arena *a)
{
    struct value *p = value_new_object(a);
    (void)value_set_str(a, p, "name", name);
    (void)value_set(a, p, "value", v);
    return p;
}

/* Every combination so far with every value of one more parameter. */
static struct value *multiply(const struct value *combos, const struct value *param,
                              struct arena *a)
{
    struct value *out = value_new_array(a);
    const char *name = value_at_str(param, "name", "");
    VALUE_EACH_ITEM (v, value_get(param, "value")) {
        VALUE_EACH_ITEM (combo, combos) {
            struct value *next = value_copy(a, combo);
            (void)value_push(a, next, param_of(name, v, a));
            (void)value_push(a, out, next);
        }
    }
    return out;
}

/* An include joins a combination when they agree on every name that both have, and at least
 * one of the include's names is the matrix's. */
static bool joins(const struct value *combo, const struct value *params)
{
    bool shares = false;
    VALUE_EACH_ITEM (p, params) {
        const struct value *has = named(combo, value_at_str(p, "name", ""));
        if (has && !value_equal(value_get(has, "value"), value_get(p, "value")))
            return false;
        shares = shares || has;
    }
    return shares;
}

static bool names_any(const struct value *matrix_params, const struct value *params)
{
    VALUE_EACH_ITEM (p, params)
        if (named(matrix_params, value_at_str(p, "name", "")))
            return true;
    return false;
}

static void add_include(struct value *combos, const struct value *matrix_params,
                        const struct value *params, size_t n_product, struct arena *a)
{
    bool everywhere = !names_any(matrix_params, params), joined = false;
    for (size_t i = 0; i < n_product; i++) {
        struct value *combo = &combos->items[i];
        if (!everywhere && !joins(combo, params))
            continue;
        joined = true;
        VALUE_EACH_ITEM (p, params)
            if (!named(combo, value_at_str(p, "name", "")))
                (void)value_push(a, combo, p);
    }
    if (!joined)
        (void)value_push(a, combos, value_copy(a, params));
}

int matrix_expand(const struct value *matrix, struct arena *a, const struct value **out,
                  struct err *e)
{
    const struct value *params = value_get(matrix, "params");
    struct value *combos = value_new_array(a);
    size_t product = value_count(params) ? 1 : 0;
    VALUE_EACH_ITEM (p, params) {
        if (!value_is(value_get(p, "value"), VALUE_ARRAY))
            return err_set(e, ERR_INVALID, "matrix parameter %s must be an array",
                           value_at_str(p, "name", ""));
        product *= value_count(value_get(p, "value"));
        if (product > MATRIX_MAX)
            return err_set(e, ERR_TOO_LARGE, "a matrix may have %d combinations", MATRIX_MAX);
    }
    if (value_count(params))
        (void)value_push(a, combos, value_new_array(a));
    VALUE_EACH_ITEM (p, params)
        combos = multiply(combos, p, a);
    size_t n_product = value_count(combos);
    if (value_count(params) && n_product == 0) {
        *out = combos;
        return 0;
    }
    VALUE_EACH_ITEM (inc, value_get(matrix, "include"))
        add_include(combos, params, value_get(inc, "params"), n_product, a);
    if (value_count(combos) > MATRIX_MAX)
        return err_set(e, ERR_TOO_LARGE, "a matrix may have %d combinations", MATRIX_MAX);
    *out = combos;
    return 0;
}
