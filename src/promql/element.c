#include "promql/element.h"

#include <math.h>

#include "promql/native.h"

bool element_compares(enum binary_op op)
{
    return op >= OP_EQ && op <= OP_GE;
}

bool element_changes_name(enum binary_op op)
{
    return op >= OP_ADD && op <= OP_POW;
}

double element_compute(enum binary_op op, double l, double r)
{
    switch (op) {
    case OP_ADD:
        return l + r;
    case OP_SUB:
        return l - r;
    case OP_MUL:
        return l * r;
    case OP_DIV:
        return l / r;
    case OP_MOD:
        return fmod(l, r);
    case OP_POW:
        return pow(l, r);
    case OP_ATAN2:
        return atan2(l, r);
    case OP_EQ:
        return l == r;
    case OP_NE:
        return l != r;
    case OP_LT:
        return l < r;
    case OP_LE:
        return l <= r;
    case OP_GT:
        return l > r;
    case OP_GE:
        return l >= r;
    case OP_OR:
    case OP_AND:
    case OP_UNLESS:
    case OP_TRIM_UPPER:
    case OP_TRIM_LOWER:
        break;
    }
    return NAN;
}

static const char *op_text(enum binary_op op)
{
    static const char *const texts[] = {
        [OP_OR] = "or",         [OP_AND] = "and",       [OP_UNLESS] = "unless", [OP_EQ] = "==",
        [OP_NE] = "!=",         [OP_LT] = "<",          [OP_LE] = "<=",         [OP_GT] = ">",
        [OP_GE] = ">=",         [OP_ADD] = "+",         [OP_SUB] = "-",         [OP_MUL] = "*",
        [OP_DIV] = "/",         [OP_MOD] = "%",         [OP_ATAN2] = "atan2",   [OP_POW] = "^",
        [OP_TRIM_UPPER] = "</", [OP_TRIM_LOWER] = ">/",
    };
    return texts[op];
}

static enum element no_such(struct eval *ev, const struct expr *x, const struct cell *l,
                            const struct cell *r)
{
    const char *op = op_text(x->binary.op);
    note_info(ev, x->at,
              "incompatible sample types encountered for binary operator \"%s\": %s %s %s", op,
              l->h ? "histogram" : "float", op, r->h ? "histogram" : "float");
    return ELEMENT_NONE;
}

static enum element compared(const struct expr *x, bool holds, struct cell keep, struct cell *out)
{
    if (x->binary.return_bool) {
        *out = (struct cell){holds, NULL};
        return ELEMENT_KEPT;
    }
    *out = keep;
    return holds ? ELEMENT_KEPT : ELEMENT_DROPPED;
}

/* "*", "/" or a trim of a histogram by a float. */
static enum element scaled(struct eval *ev, const struct expr *x, const struct histogram *of,
                           double by, struct cell *out)
{
    struct histogram *h = histogram_copy(ev->arena, of);
    if (x->binary.op == OP_MUL)
        native_multiply(h, by);
    else if (x->binary.op == OP_DIV)
        native_divide(h, by);
    else
        native_trim(h, by, x->binary.op == OP_TRIM_UPPER);
    histogram_compact(h);
    *out = (struct cell){0, h};
    return ELEMENT_KEPT;
}

static enum element summed(struct eval *ev, const struct expr *x, const struct histogram *l,
                           const struct histogram *r, struct cell *out)
{
    bool add = x->binary.op == OP_ADD;
    const char *doing = add ? "addition" : "subtraction";
    struct histogram *h = histogram_copy(ev->arena, l);
    unsigned bent;
    if (!native_add(ev->arena, h, r, add ? 1 : -1, &bent)) {
        note_warn(ev, x->at, "incompatible bucket layout encountered for binary operator %s",
                  op_text(x->binary.op));
        return ELEMENT_NONE;
    }
    if (bent & NATIVE_COLLISION) {
        note_collision(ev, x->at, doing);
        return ELEMENT_NONE;
    }
    if (bent & NATIVE_RECONCILED)
        note_reconciled(ev, x->at, doing);
    native_settle(h);
    if (!add)
        h->hint = HISTOGRAM_GAUGE;
    *out = (struct cell){0, h};
    return ELEMENT_KEPT;
}

enum element element(struct eval *ev, const struct expr *x, struct cell l, struct cell r,
                     struct cell *out)
{
    enum binary_op op = x->binary.op;
    bool trims = op == OP_TRIM_UPPER || op == OP_TRIM_LOWER;
    if (!l.h && !r.h && !trims) {
        double v = element_compute(op, l.v, r.v);
        if (element_compares(op))
            return compared(x, v != 0, l, out);
        *out = (struct cell){v, NULL};
        return ELEMENT_KEPT;
    }
    if (l.h && r.h && (op == OP_ADD || op == OP_SUB))
        return summed(ev, x, l.h, r.h, out);
    if (l.h && r.h && (op == OP_EQ || op == OP_NE))
        return compared(x, histogram_equal(l.h, r.h) == (op == OP_EQ), l, out);
    if (l.h && !r.h && (op == OP_MUL || op == OP_DIV || trims))
        return scaled(ev, x, l.h, r.v, out);
    if (!l.h && r.h && op == OP_MUL)
        return scaled(ev, x, r.h, l.v, out);
    return no_such(ev, x, &l, &r);
}
