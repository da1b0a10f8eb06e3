/* binary.c - operators between scalars and vectors, and the matching of series. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "promql/eval.h"

static bool is_comparison(enum binary_op op)
{
    return op >= OP_EQ && op <= OP_GE;
}

static double compute(enum binary_op op, double l, double r)
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
        break;
    }
    return NAN;
}

/* The value of one pair; false when a comparison filters it out. `keep`: what a comparison that
 * holds gives on. */
static bool pair(const struct expr *x, double l, double r, double keep, double *out)
{
    double v = compute(x->binary.op, l, r);
    if (!is_comparison(x->binary.op) || x->binary.return_bool) {
        *out = v;
        return true;
    }
    *out = keep;
    return v != 0;
}

static void scalars(struct eval *ev, const struct expr *x, const struct table *l,
                    const struct table *r, struct table *out)
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++)
        row->has[k] = pair(x, l->rows[0].v[k], r->rows[0].v[k], l->rows[0].v[k], &row->v[k]);
}

/* Vector with scalar: `swapped` when the scalar stood on the left. */
static void with_scalar(struct eval *ev, const struct expr *x, const struct table *vector,
                        const struct table *scalar, bool swapped, struct table *out)
{
    bool keeps = is_comparison(x->binary.op) && !x->binary.return_bool;
    for (size_t i = 0; i < vector->n; i++) {
        const struct row *in = &vector->rows[i];
        struct row *row =
            table_add(out, ev, keeps ? in->labels : labels__nameless(ev->arena, &in->labels));
        for (size_t k = 0; k < ev->steps; k++) {
            double s = scalar->rows[0].v[k], v = in->v[k];
            row->has[k] = in->has[k] && pair(x, swapped ? s : v, swapped ? v : s, v, &row->v[k]);
        }
    }
}

/* ---- between vectors ---- */

static char *signature(struct eval *ev, const struct expr *x, const struct labels *l)
{
    struct labels part =
        labels__group(ev->arena, l, &x->binary.matching.labels, x->binary.matching.on);
    return labels_text(&part, ev->arena);
}

/* Rows of one side that share a signature. */
struct group {
    const struct row **rows;
    size_t n;
};

static void group_rows(struct eval *ev, const struct expr *x, const struct table *t,
                       struct map *out)
{
    for (size_t i = 0; i < t->n; i++) {
        char *key = signature(ev, x, &t->rows[i].labels);
        struct group *g = map_get(out, key);
        if (!g) {
            g = ARENA_NEW(ev->arena, struct group);
            (void)map_put(out, key, g);
        }
        g->rows = arena_grow(ev->arena, (void *)g->rows, g->n * sizeof *g->rows,
                             (g->n + 1) * sizeof *g->rows);
        g->rows[g->n++] = &t->rows[i];
    }
}

static bool any_at(const struct group *g, size_t k)
{
    for (size_t i = 0; g && i < g->n; i++)
        if (g->rows[i]->has[k])
            return true;
    return false;
}

/* and, unless: the left rows, where the right side has or lacks the signature. */
static void filter_set(struct eval *ev, const struct expr *x, const struct table *l,
                       const struct map *right, struct table *out)
{
    bool want = x->binary.op == OP_AND;
    for (size_t i = 0; i < l->n; i++) {
        const struct group *g = map_get(right, signature(ev, x, &l->rows[i].labels));
        struct row *row = table_add(out, ev, l->rows[i].labels);
        for (size_t k = 0; k < ev->steps; k++) {
            row->v[k] = l->rows[i].v[k];
            row->has[k] = l->rows[i].has[k] && any_at(g, k) == want;
        }
    }
}

static int sets(struct eval *ev, const struct expr *x, const struct table *l, const struct table *r,
                struct table *out)
{
    struct map groups;
    map_init(&groups);
    if (x->binary.op == OP_OR) {
        group_rows(ev, x, l, &groups);
        for (size_t i = 0; i < l->n; i++) {
            struct row *row = table_add(out, ev, l->rows[i].labels);
            memcpy(row->v, l->rows[i].v, ev->steps * sizeof *row->v);
            memcpy(row->has, l->rows[i].has, ev->steps * sizeof *row->has);
        }
        struct expr unless = *x;
        unless.binary.op = OP_UNLESS;
        filter_set(ev, &unless, r, &groups, out);
    } else {
        group_rows(ev, x, r, &groups);
        filter_set(ev, x, l, &groups, out);
    }
    map_done(&groups);
    return 0;
}

static struct labels result_labels(struct eval *ev, const struct expr *x, const struct labels *many,
                                   const struct labels *one)
{
    const struct matching *m = &x->binary.matching;
    bool keeps_name = is_comparison(x->binary.op) && !x->binary.return_bool;
    struct labels l = keeps_name ? *many : labels__nameless(ev->arena, many);
    if (m->card == CARD_ONE) {
        if (m->on)
            return labels__group(ev->arena, many, &m->labels, true);
        struct labels kept = labels__group(ev->arena, many, &m->labels, false);
        const char *name = labels_get(many, "__name__");
        return keeps_name && *name ? labels__set(ev->arena, &kept, "__name__", name) : kept;
    }
    for (size_t i = 0; i < m->include.n; i++)
        l = labels__set(ev->arena, &l, m->include.items[i], labels_get(one, m->include.items[i]));
    return l;
}

/* The one row of the group that is there at this step; two are an error. */
static int only_one(const struct group *g, size_t k, const struct row **out, struct err *e)
{
    *out = NULL;
    for (size_t i = 0; i < g->n; i++) {
        if (!g->rows[i]->has[k])
            continue;
        if (*out)
            return err_set(
                e, ERR_INVALID,
                "found duplicate series for the match group on the one side"
                " of the operation; many-to-many matching not allowed: matching labels must"
                " be unique on one side");
        *out = g->rows[i];
    }
    return 0;
}

static void mark_present(const struct table *t, size_t steps, bool *out)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < steps; k++)
            out[k] |= t->rows[i].has[k];
}

/* The one side must be unambiguous wherever both sides have anything, matched or not. */
static int check_ones(struct eval *ev, const struct expr *x, const struct table *many,
                      const struct table *one, const struct map *ones, struct err *e)
{
    bool *there = ARENA_ARRAY(ev->arena, bool, ev->steps);
    mark_present(many, ev->steps, there);
    int r = 0;
    for (size_t i = 0; i < one->n && r == 0; i++) {
        const struct group *g = map_get(ones, signature(ev, x, &one->rows[i].labels));
        const struct row *only;
        for (size_t k = 0; g->n > 1 && g->rows[0] == &one->rows[i] && k < ev->steps && r == 0; k++)
            r = there[k] ? only_one(g, k, &only, e) : 0;
    }
    return r;
}

struct join {
    struct eval *ev;
    const struct expr *x;
    bool swapped;     /* the many side stood on the right */
    struct map seen;  /* result labels → its row */
    struct map taken; /* match → bool of each step */
    struct table *out;
};

/* A match is good for one pair, or with group_left and group_right for one of each result: also
 * when a comparison then drops it. */
static int take(struct join *j, const char *match, const char *result, size_t k, struct err *e)
{
    bool one = j->x->binary.matching.card == CARD_ONE;
    const char *key = one ? match : arena_printf(j->ev->arena, "%s%s", match, result);
    bool *taken = map_get(&j->taken, key);
    if (!taken) {
        taken = ARENA_ARRAY(j->ev->arena, bool, j->ev->steps);
        (void)map_put(&j->taken, key, taken);
    }
    if (taken[k])
        return err_set(e, ERR_INVALID, "multiple matches for labels: %s",
                       one ? "many-to-one matching must be explicit (group_left/group_right)"
                           : "grouping labels must ensure unique matches");
    taken[k] = true;
    return 0;
}

static int join_at(struct join *j, const char *match, const struct row *many, const struct row *one,
                   size_t k, struct err *e)
{
    double l = j->swapped ? one->v[k] : many->v[k], r = j->swapped ? many->v[k] : one->v[k], v;
    struct labels labels = result_labels(j->ev, j->x, &many->labels, &one->labels);
    char *key = labels_text(&labels, j->ev->arena);
    int rc = take(j, match, key, k, e);
    if (rc < 0 || !pair(j->x, l, r, l, &v))
        return rc;
    uintptr_t at = (uintptr_t)map_get(&j->seen, key);
    if (!at) {
        (void)table_add(j->out, j->ev, labels);
        at = j->out->n;
        (void)map_put(&j->seen, key, (void *)at);
    }
    struct row *row = &j->out->rows[at - 1];
    if (row->has[k])
        return err_set(e, ERR_INVALID, "vector cannot contain metrics with the same labelset");
    row->v[k] = v;
    row->has[k] = true;
    return 0;
}

static int join_rows(struct join *j, const struct table *many, const struct map *ones,
                     struct err *e)
{
    for (size_t i = 0; i < many->n; i++) {
        const char *match = signature(j->ev, j->x, &many->rows[i].labels);
        const struct group *g = map_get(ones, match);
        for (size_t k = 0; g && k < j->ev->steps; k++) {
            const struct row *one;
            int r = many->rows[i].has[k] ? only_one(g, k, &one, e) : 0;
            if (r == 0 && many->rows[i].has[k] && one)
                r = join_at(j, match, &many->rows[i], one, k, e);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int vectors(struct eval *ev, const struct expr *x, const struct table *l,
                   const struct table *r, struct table *out, struct err *e)
{
    if (x->binary.op <= OP_UNLESS)
        return sets(ev, x, l, r, out);
    bool swapped = x->binary.matching.card == CARD_ONE_TO_MANY;
    struct join j = {.ev = ev, .x = x, .swapped = swapped, .out = out};
    struct map ones;
    map_init(&ones);
    map_init(&j.seen);
    map_init(&j.taken);
    group_rows(ev, x, swapped ? l : r, &ones);
    const struct table *many = swapped ? r : l, *one = swapped ? l : r;
    int rc = check_ones(ev, x, many, one, &ones, e);
    if (rc == 0)
        rc = join_rows(&j, many, &ones, e);
    map_done(&ones);
    map_done(&j.seen);
    map_done(&j.taken);
    return rc;
}

int eval__binary(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    struct table l = {0}, r = {0};
    int rc = eval__expr(ev, x->binary.left, &l, e);
    if (rc == 0)
        rc = eval__expr(ev, x->binary.right, &r, e);
    if (rc < 0)
        return rc;
    bool ls = x->binary.left->type == TYPE_SCALAR, rs = x->binary.right->type == TYPE_SCALAR;
    if (ls && rs)
        scalars(ev, x, &l, &r, out);
    else if (ls || rs)
        with_scalar(ev, x, ls ? &r : &l, ls ? &l : &r, ls, out);
    else
        return vectors(ev, x, &l, &r, out, e);
    return 0;
}
