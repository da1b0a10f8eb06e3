/* binary.c - operators between scalars and vectors, and the matching of series. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "promql/element.h"
#include "promql/eval.h"

static void scalars(struct eval *ev, const struct expr *x, const struct table *l,
                    const struct table *r, struct table *out)
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++)
        row_set(
            ev, row, k,
            (struct cell){element_compute(x->binary.op, l->rows[0].v[k], r->rows[0].v[k]), NULL});
}

/* Vector with scalar: `swapped` when the scalar stood on the left. */
static void with_scalar(struct eval *ev, const struct expr *x, const struct table *vector,
                        const struct table *scalar, bool swapped, struct table *out)
{
    bool keeps = !element_changes_name(x->binary.op) && !x->binary.return_bool;
    for (size_t i = 0; i < vector->n; i++) {
        const struct row *in = &vector->rows[i];
        struct row *row = table_add(out, ev, in->labels);
        row->nameless = in->nameless;
        if (!keeps)
            row_drop_name(ev, row);
        for (size_t k = 0; k < ev->steps; k++) {
            struct cell s = {scalar->rows[0].v[k], NULL}, v = row_at(in, k), c;
            if (in->has[k] && element(ev, x, swapped ? s : v, swapped ? v : s, &c) == ELEMENT_KEPT)
                row_set(ev, row, k,
                        swapped && element_compares(x->binary.op) && !x->binary.return_bool ? v
                                                                                            : c);
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
        row->nameless = l->rows[i].nameless;
        for (size_t k = 0; k < ev->steps; k++)
            if (l->rows[i].has[k] && any_at(g, k) == want)
                row_set(ev, row, k, row_at(&l->rows[i], k));
    }
}

static int sets(struct eval *ev, const struct expr *x, const struct table *l, const struct table *r,
                struct table *out)
{
    struct map groups;
    map_init(&groups);
    if (x->binary.op == OP_OR) {
        group_rows(ev, x, l, &groups);
        for (size_t i = 0; i < l->n; i++)
            *table_add(out, ev, l->rows[i].labels) = l->rows[i];
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

/* ---- joins ---- */

static struct labels result_labels(struct eval *ev, const struct expr *x, const struct labels *many,
                                   const struct labels *one)
{
    const struct matching *m = &x->binary.matching;
    bool drops = element_changes_name(x->binary.op) ||
                 (x->binary.return_bool && !(ev->opts->features & PROMQL_DELAYED_NAMES));
    struct labels l = drops ? labels__nameless(ev->arena, many) : *many;
    if (m->card == CARD_ONE && m->on)
        return labels__group(ev->arena, &l, &m->labels, true);
    for (size_t i = 0; m->card == CARD_ONE && i < m->labels.n; i++)
        l = labels__set(ev->arena, &l, m->labels.items[i], "");
    for (size_t i = 0; i < m->include.n; i++)
        l = labels__set(ev->arena, &l, m->include.items[i], labels_get(one, m->include.items[i]));
    return l;
}

struct join {
    struct eval *ev;
    const struct expr *x;
    bool swapped;     /* the many side stood on the right */
    struct map ones;  /* match → struct group of the one side */
    struct map seen;  /* result labels → its row */
    struct map taken; /* match → bool of each step: there was a pair */
    struct map pairs; /* match and result labels → the same, of group_left and group_right */
    struct table *out;
};

static int duplicate(const struct join *j, const struct row *a, const struct row *b, struct err *e)
{
    const struct matching *m = &j->x->binary.matching;
    struct arena *arena = j->ev->arena;
    struct labels part = labels__group(arena, &b->labels, &m->labels, m->on);
    const char *x = labels_text(&a->labels, arena), *y = labels_text(&b->labels, arena);
    bool first = strcmp(x, y) < 0;
    return err_set(e, ERR_INVALID,
                   "found duplicate series for the match group %s on the %s hand-side of the"
                   " operation: [%s, %s];many-to-many matching not allowed: matching labels must be"
                   " unique on one side",
                   labels_text(&part, arena), j->swapped ? "left" : "right", first ? x : y,
                   first ? y : x);
}

/* The one row of the group that is there at this step; two are an error. */
static int only_one(const struct join *j, const struct group *g, size_t k, const struct row **out,
                    struct err *e)
{
    *out = NULL;
    for (size_t i = 0; g && i < g->n; i++) {
        if (!g->rows[i]->has[k])
            continue;
        if (*out)
            return duplicate(j, *out, g->rows[i], e);
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
static int check_ones(const struct join *j, const struct table *many, const struct table *one,
                      struct err *e)
{
    const struct matching *m = &j->x->binary.matching;
    bool *there = ARENA_ARRAY(j->ev->arena, bool, j->ev->steps);
    mark_present(many, j->ev->steps, there);
    int r = 0;
    for (size_t i = 0; i < one->n && r == 0; i++) {
        const struct group *g = map_get(&j->ones, signature(j->ev, j->x, &one->rows[i].labels));
        const struct row *only;
        if (g->n < 2 || g->rows[0] != &one->rows[i])
            continue;
        for (size_t k = 0; k < j->ev->steps && r == 0; k++)
            r = there[k] || m->fill_left.set || m->fill_right.set ? only_one(j, g, k, &only, e) : 0;
    }
    return r;
}

/* Marks a step; true when it was marked before. */
static bool mark(struct join *j, struct map *in, const char *key, size_t k)
{
    bool *steps = map_get(in, key);
    if (!steps) {
        steps = ARENA_ARRAY(j->ev->arena, bool, j->ev->steps);
        (void)map_put(in, key, steps);
    }
    bool was = steps[k];
    steps[k] = true;
    return was;
}

/* A match is good for one pair, or with group_left and group_right for one of each result: also
 * when a comparison then drops it. */
static int take(struct join *j, const char *match, const char *result, size_t k, struct err *e)
{
    bool one = j->x->binary.matching.card == CARD_ONE;
    bool again = mark(j, &j->taken, match, k);
    if (!one)
        again = mark(j, &j->pairs, arena_join(j->ev->arena, match, result, NULL), k);
    if (!again)
        return 0;
    return err_set(e, ERR_INVALID, "multiple matches for labels: %s",
                   one ? "many-to-one matching must be explicit (group_left/group_right)"
                       : "grouping labels must ensure unique matches");
}

/* A row of one side at a step, or what fills its place. */
struct side {
    const struct labels *labels;
    struct cell cell;
};

static int put(struct join *j, const char *key, struct labels labels, size_t k, struct cell c,
               struct err *e)
{
    uintptr_t at = (uintptr_t)map_get(&j->seen, key);
    if (!at) {
        table_add(j->out, j->ev, labels)->nameless = j->x->binary.return_bool;
        at = j->out->n;
        (void)map_put(&j->seen, key, (void *)at);
    }
    struct row *row = &j->out->rows[at - 1];
    if (row->has[k])
        return err_set(e, ERR_INVALID, "vector cannot contain metrics with the same labelset");
    row_set(j->ev, row, k, c);
    return 0;
}

static int join_at(struct join *j, const char *match, struct side many, struct side one, size_t k,
                   struct err *e)
{
    struct cell l = j->swapped ? one.cell : many.cell, r = j->swapped ? many.cell : one.cell, c;
    enum element is = element(j->ev, j->x, l, r, &c);
    if (is == ELEMENT_NONE)
        return 0;
    struct labels labels = result_labels(j->ev, j->x, many.labels, one.labels);
    char *key = labels_text(&labels, j->ev->arena);
    int rc = take(j, match, key, k, e);
    return rc < 0 || is == ELEMENT_DROPPED ? rc : put(j, key, labels, k, c, e);
}

/* The labels of a series that is not there: those that matched. */
static struct labels filler(struct join *j, const struct labels *of)
{
    const struct matching *m = &j->x->binary.matching;
    return labels__group(j->ev->arena, of, &m->labels, m->on);
}

static int join_many(struct join *j, const struct row *many, struct err *e)
{
    const struct fill *fill = &j->x->binary.matching.fill_right;
    const char *match = signature(j->ev, j->x, &many->labels);
    const struct group *g = map_get(&j->ones, match);
    const struct labels instead = filler(j, &many->labels);
    for (size_t k = 0; (g || fill->set) && k < j->ev->steps; k++) {
        const struct row *one;
        int r = many->has[k] ? only_one(j, g, k, &one, e) : 0;
        if (r < 0)
            return r;
        if (!many->has[k] || (!one && !fill->set))
            continue;
        struct side other = one ? (struct side){&one->labels, row_at(one, k)}
                                : (struct side){&instead, {fill->value, NULL}};
        r = join_at(j, match, (struct side){&many->labels, row_at(many, k)}, other, k, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Rows of the one side that nothing matched, with what fills the other. */
static int join_rest(struct join *j, const struct row *one, struct err *e)
{
    const struct fill *fill = &j->x->binary.matching.fill_left;
    const char *match = signature(j->ev, j->x, &one->labels);
    const bool *taken = map_get(&j->taken, match);
    const struct labels instead = filler(j, &one->labels);
    for (size_t k = 0; k < j->ev->steps; k++) {
        if (!one->has[k] || (taken && taken[k]))
            continue;
        int r = join_at(j, match,
                        (struct side){
                            &instead, {fill->value, NULL}
        },
                        (struct side){&one->labels, row_at(one, k)}, k, e);
        if (r < 0)
            return r;
        taken = map_get(&j->taken, match);
    }
    return 0;
}

static int join(struct join *j, const struct table *many, const struct table *one, struct err *e)
{
    int r = check_ones(j, many, one, e);
    for (size_t i = 0; r == 0 && i < many->n; i++)
        r = join_many(j, &many->rows[i], e);
    for (size_t i = 0; r == 0 && j->x->binary.matching.fill_left.set && i < one->n; i++)
        r = join_rest(j, &one->rows[i], e);
    return r;
}

static int vectors(struct eval *ev, const struct expr *x, const struct table *l,
                   const struct table *r, struct table *out, struct err *e)
{
    if (x->binary.op <= OP_UNLESS)
        return sets(ev, x, l, r, out);
    bool swapped = x->binary.matching.card == CARD_ONE_TO_MANY;
    struct join j = {.ev = ev, .x = x, .swapped = swapped, .out = out};
    map_init(&j.ones);
    map_init(&j.seen);
    map_init(&j.taken);
    map_init(&j.pairs);
    group_rows(ev, x, swapped ? l : r, &j.ones);
    int rc = join(&j, swapped ? r : l, swapped ? l : r, e);
    map_done(&j.ones);
    map_done(&j.seen);
    map_done(&j.taken);
    map_done(&j.pairs);
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
