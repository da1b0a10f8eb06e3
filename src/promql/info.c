/* info.c - info(): labels of a target's info series for the series of that target. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "promql/calls.h"

enum { PATTERN_MAX = 8 << 20 };

/* What names a target. */
static const char *const identifying[] = {"instance", "job"};

struct matchers {
    struct matcher *items;
    size_t n;
};

/* What the second argument asks for. */
struct wanted {
    struct matchers names; /* of __name__, completed */
    struct matchers data;  /* of the other labels */
};

static void matchers_add(struct arena *a, struct matchers *to, struct matcher m)
{
    to->items = arena_grow(a, to->items, to->n * sizeof m, (to->n + 1) * sizeof m);
    to->items[to->n++] = m;
}

static struct wanted wanted_of(struct arena *a, const struct expr *call)
{
    struct wanted w = {0};
    bool positive = false;
    const struct expr *x = call->call.n_args > 1 ? call->call.args[1] : NULL;
    for (size_t i = 0; x && i < x->selector.n_matchers; i++) {
        struct matcher m = x->selector.matchers[i];
        bool name = strcmp(m.name, "__name__") == 0;
        positive |= name && (m.op == MATCH_EQ || m.op == MATCH_RE);
        matchers_add(a, name ? &w.names : &w.data, m);
    }
    if (w.names.n == 0)
        matchers_add(a, &w.names, (struct matcher){"__name__", MATCH_EQ, "target_info"});
    else if (!positive)
        matchers_add(a, &w.names, (struct matcher){"__name__", MATCH_RE, ".+_info"});
    return w;
}

/* ---- the info series ---- */

/* The selector whose time is that of the info series: the first one within. Subqueries on the way
 * add their offsets, as far as an @ does not settle it. */
static bool find_time(const struct expr *x, struct when *out)
{
    if (!x)
        return false;
    switch (x->kind) {
    case EXPR_SELECTOR:
    case EXPR_MATRIX:
        *out = x->selector.when;
        return true;
    case EXPR_SUBQUERY:
        if (!find_time(x->subquery.inner, out))
            return false;
        if (out->at == AT_NONE) {
            int64_t offset = out->offset_ms;
            *out = x->subquery.when;
            out->offset_ms += offset;
        }
        return true;
    case EXPR_CALL:
        for (size_t i = 0; i < x->call.n_args; i++)
            if (find_time(x->call.args[i], out))
                return true;
        return false;
    case EXPR_AGGREGATE:
        return find_time(x->aggregate.inner, out) || find_time(x->aggregate.param, out);
    case EXPR_BINARY:
        return find_time(x->binary.left, out) || find_time(x->binary.right, out);
    case EXPR_NEGATE:
        return find_time(x->inner, out);
    case EXPR_NUMBER:
    case EXPR_STRING:
        break;
    }
    return false;
}

static void put_quoted(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (strchr("\\.+*?()|[]{}^$", *s))
            buf_putc(b, '\\');
        buf_putc(b, *s);
    }
}

/* "a|b" of the values that a label has; NULL: none. */
static const char *values_pattern(struct eval *ev, const struct table *in, const bool *skip,
                                  const char *label, struct err *e)
{
    AUTO_BUF struct buf b;
    struct map seen;
    buf_init(&b, PATTERN_MAX);
    map_init(&seen);
    for (size_t i = 0; i < in->n; i++) {
        const char *value = labels_get(&in->rows[i].labels, label);
        if (skip[i] || !*value || map_has(&seen, value))
            continue;
        (void)map_put(&seen, value, &seen);
        if (b.len)
            buf_putc(&b, '|');
        put_quoted(&b, value);
    }
    map_done(&seen);
    if (buf_check(&b, e) < 0 || !b.len)
        return NULL;
    return arena_strdup(ev->arena, buf_text(&b));
}

/* Info series as a table of the times of their samples. */
static int fetch_infos(struct eval *ev, const struct expr *call, const struct table *in,
                       const bool *skip, const struct wanted *w, struct table *out, struct err *e)
{
    struct matchers m = {0};
    for (size_t i = 0; i < ARRAY_LEN(identifying); i++) {
        const char *pattern = values_pattern(ev, in, skip, identifying[i], e);
        if (pattern)
            matchers_add(ev->arena, &m, (struct matcher){identifying[i], MATCH_RE, pattern});
    }
    if (!m.n)
        return 0;
    for (size_t i = 0; i < w->data.n; i++)
        matchers_add(ev->arena, &m, w->data.items[i]);
    for (size_t i = 0; i < w->names.n; i++)
        matchers_add(ev->arena, &m, w->names.items[i]);
    struct expr x = {.kind = EXPR_SELECTOR, .type = TYPE_VECTOR, .at = call->at};
    x.selector.matchers = m.items;
    x.selector.n_matchers = m.n;
    (void)find_time(call->call.args[0], &x.selector.when);
    return eval__selector(ev, &x, TAKE_TIME, out, e);
}

/* ---- joining ---- */

static const char *target_key(struct eval *ev, const struct labels *l)
{
    static const struct names names = {identifying, ARRAY_LEN(identifying)};
    struct labels part = labels__group(ev->arena, l, &names, true);
    return labels_text(&part, ev->arena);
}

/* The info series of one target. */
struct target {
    const struct row **infos;
    size_t n;
};

struct join {
    struct eval *ev;
    const struct wanted *w;
    struct map targets; /* key → struct target */
    struct map seen;    /* labels → row of out + 1 */
    struct table *out;
};

static void add_info(struct join *j, const struct row *info)
{
    const char *key = target_key(j->ev, &info->labels);
    struct target *t = map_get(&j->targets, key);
    if (!t) {
        t = ARENA_NEW(j->ev->arena, struct target);
        (void)map_put(&j->targets, key, t);
    }
    t->infos = arena_grow(j->ev->arena, (void *)t->infos, t->n * sizeof *t->infos,
                          (t->n + 1) * sizeof *t->infos);
    t->infos[t->n++] = info;
}

static bool wanted_label(const struct wanted *w, const char *name)
{
    for (size_t i = 0; i < w->data.n; i++)
        if (strcmp(w->data.items[i].name, name) == 0)
            return true;
    return w->data.n == 0;
}

/* Of two info series of one name the one with the newer sample counts. */
static int is_newest(const struct join *j, const struct target *t, size_t i, size_t k, bool *out,
                     struct err *e)
{
    const struct row *x = t->infos[i];
    *out = true;
    for (size_t other = 0; other < t->n; other++) {
        const struct row *y = t->infos[other];
        if (other == i || !y->has[k] ||
            strcmp(labels_get(&x->labels, "__name__"), labels_get(&y->labels, "__name__")) != 0)
            continue;
        if (y->v[k] == x->v[k])
            return err_set(e, ERR_INVALID,
                           "found duplicate series for info metric: existing %s @ %" PRId64
                           ", new %s @ %" PRId64,
                           labels_text(&x->labels, j->ev->arena), (int64_t)(x->v[k] * 1000),
                           labels_text(&y->labels, j->ev->arena), (int64_t)(y->v[k] * 1000));
        *out &= x->v[k] > y->v[k];
    }
    return 0;
}

static int take_labels(const struct join *j, const struct labels *base, const struct labels *info,
                       struct labels *extra, struct err *e)
{
    for (size_t i = 0; i < info->n; i++) {
        const struct label *l = &info->items[i];
        if (strcmp(l->name, "__name__") == 0 || !wanted_label(j->w, l->name))
            continue;
        const char *had = labels_get(extra, l->name);
        if (*had && strcmp(had, l->value) != 0)
            return err_set(e, ERR_INVALID, "conflicting label: %s", l->name);
        if (!*labels_get(base, l->name))
            *extra = labels__set(j->ev->arena, extra, l->name, l->value);
    }
    return 0;
}

static int put(struct join *j, const struct row *from, size_t k, struct labels labels,
               struct err *e)
{
    char *key = labels_text(&labels, j->ev->arena);
    uintptr_t at = (uintptr_t)map_get(&j->seen, key);
    if (!at) {
        struct row *row = table_add(j->out, j->ev, labels);
        row->nameless = from->nameless;
        at = j->out->n;
        (void)map_put(&j->seen, key, (void *)at);
    }
    struct row *row = &j->out->rows[at - 1];
    if (row->has[k])
        return err_set(e, ERR_INVALID, "vector cannot contain metrics with the same labelset");
    row_set(j->ev, row, k, row_at(from, k));
    return 0;
}

/* With no info series: whether the matchers of data labels would do with nothing. */
static int without_infos(const struct wanted *w, bool *out, struct err *e)
{
    static const struct labels nothing;
    *out = true;
    return w->data.n ? tsdb_matches(w->data.items, w->data.n, &nothing, out, e) : 0;
}

static int join_at(struct join *j, const struct row *base, const struct target *t, size_t k,
                   bool empty_fits, struct err *e)
{
    struct labels extra = {0}, all = base->labels;
    bool found = false;
    for (size_t i = 0; t && i < t->n; i++) {
        bool newest = false;
        int r = t->infos[i]->has[k] ? is_newest(j, t, i, k, &newest, e) : 0;
        if (r == 0 && newest)
            r = take_labels(j, &base->labels, &t->infos[i]->labels, &extra, e);
        if (r < 0)
            return r;
        found |= newest;
    }
    if (!found && !empty_fits)
        return 0;
    for (size_t i = 0; i < extra.n; i++)
        all = labels__set(j->ev->arena, &all, extra.items[i].name, extra.items[i].value);
    return put(j, base, k, all, e);
}

static int join_row(struct join *j, const struct row *base, bool skip, bool empty_fits,
                    struct err *e)
{
    const struct target *t = map_get(&j->targets, target_key(j->ev, &base->labels));
    int r = 0;
    for (size_t k = 0; r == 0 && k < j->ev->steps; k++)
        if (base->has[k])
            r = skip ? put(j, base, k, base->labels, e) : join_at(j, base, t, k, empty_fits, e);
    return r;
}

int call_info(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0}, infos = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    const struct wanted w = wanted_of(ev->arena, call);
    bool *skip = ARENA_ARRAY(ev->arena, bool, in.n + 1); /* info series themselves */
    bool empty_fits = true;
    for (size_t i = 0; r == 0 && i < in.n; i++)
        r = tsdb_matches(w.names.items, w.names.n, &in.rows[i].labels, &skip[i], e);
    if (r == 0)
        r = fetch_infos(ev, call, &in, skip, &w, &infos, e);
    if (r == 0)
        r = without_infos(&w, &empty_fits, e);
    if (r < 0)
        return r;
    struct join j = {.ev = ev, .w = &w, .out = out};
    map_init(&j.targets);
    map_init(&j.seen);
    for (size_t i = 0; i < infos.n; i++)
        add_info(&j, &infos.rows[i]);
    for (size_t i = 0; r == 0 && i < in.n; i++)
        r = join_row(&j, &in.rows[i], skip[i], empty_fits, e);
    map_done(&j.seen);
    map_done(&j.targets);
    return r;
}
