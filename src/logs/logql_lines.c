/* logql_lines.c - lines that come out of a log query. */
#include <string.h>

#include "logs/logql_int.h"

enum { ARENA_ROWS = 4 << 20, KEPT_BYTES = 256 << 20, RENEW_BYTES = 16 << 20 };

struct collecting {
    const struct logql_log *log;
    struct arena *kept; /* of lines found, and of those that fell out since it was renewed */
    struct arena *rows; /* of lines on their way; renewed now and then */
    struct logql_line *found;
    size_t n, limit, renew_bytes;
    bool newest_first;
    struct row row;
};

/* Would it get among the lines found? */
static bool gets_in(const struct collecting *c, int64_t time_ns, uint64_t order, size_t before)
{
    const struct logql_line *x = &c->found[before];
    if (time_ns == x->time_ns)
        return c->newest_first ? order > x->order : order < x->order;
    return c->newest_first ? time_ns > x->time_ns : time_ns < x->time_ns;
}

static void keep(struct collecting *c, const struct row *r, uint64_t order)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (gets_in(c, r->time_ns, order, mid))
            high = mid;
        else
            low = mid + 1;
    }
    if (c->n < c->limit)
        c->n++;
    memmove(&c->found[low + 1], &c->found[low], (c->n - 1 - low) * sizeof *c->found);
    struct logql_line *l = &c->found[low];
    l->labels = labels_make(c->kept, r->labels, r->n_labels);
    l->key = labels_text(&l->labels, c->kept);
    l->time_ns = r->time_ns;
    l->order = order;
    l->text = arena_strndup(c->kept, r->text, r->n);
    l->n = r->n;
}

/* Nothing in it can get among the lines found. */
static bool comes_too_late(void *arg, const struct logdb_run *x)
{
    const struct collecting *c = arg;
    return c->n == c->limit && (c->newest_first ? x->to_ns < c->found[c->n - 1].time_ns
                                                : x->from_ns > c->found[c->n - 1].time_ns);
}

/* Lets go of the lines that fell out. */
static void renew(struct collecting *c)
{
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < c->n; i++) {
        struct logql_line *l = &c->found[i];
        l->labels = labels_copy(a, &l->labels);
        l->key = arena_strdup(a, l->key);
        l->text = arena_strndup(a, l->text, l->n);
    }
    arena_free(c->kept);
    c->kept = a;
    c->renew_bytes = 2 * arena_used(a) + RENEW_BYTES;
}

static int take(void *arg, const struct logdb_entry *x, struct err *e)
{
    struct collecting *c = arg;
    struct row *r = &c->row;
    if (c->n == c->limit && !gets_in(c, x->time_ns, x->order, c->n - 1))
        return 0;
    if (arena_used(c->rows) > ARENA_ROWS) {
        arena_free(c->rows);
        c->rows = arena_new(0);
    }
    logql__row_begin(r, x, c->rows);
    if (logql__stages_run(c->log->stages, c->log->n_stages, r))
        keep(c, r, x->order);
    if (arena_used(c->kept) <= c->renew_bytes)
        return 0;
    renew(c);
    if (arena_used(c->kept) > KEPT_BYTES)
        return err_set(e, ERR_TOO_LARGE, "the lines take more than %d MiB of memory",
                       KEPT_BYTES >> 20);
    return 0;
}

int logql__scan(const struct logql_scope *s, const struct logdb_query *query, struct arena *a,
                logdb_visit visit, void *arg, struct err *e)
{
    struct logdb_query q = *query;
    struct logdb_cost cost;
    struct logdb_matcher *m = ARENA_ARRAY(a, struct logdb_matcher, q.n_matchers + 1);
    memcpy(m, q.matchers, q.n_matchers * sizeof *m);
    if (s->narrow)
        m[q.n_matchers++] = *s->narrow;
    q.matchers = m;
    int r = logdb_scan(s->db, &q, &s->limits.budget, a, visit, arg, &cost, e);
    if (r == ERR_TOO_LARGE)
        (void)err_hint(e, "ask for less time, or choose fewer streams");
    return r;
}

int logql_lines(const struct logql_scope *s, const struct logql_log *log, struct arena *a,
                struct logql_line **out, size_t *out_n, struct err *e)
{
    struct collecting c = {.log = log,
                           .kept = arena_new(0),
                           .renew_bytes = RENEW_BYTES,
                           .rows = arena_new(0),
                           .limit = log->query.limit ? log->query.limit : 100,
                           .newest_first = log->query.newest_first};
    c.found = ARENA_ARRAY(a, struct logql_line, c.limit + 1);
    struct logdb_query q = log->query;
    q.pass = comes_too_late;
    int r = logql__scan(s, &q, a, take, &c, e);
    arena_free(c.rows);
    arena_defer(a, (void (*)(void *))arena_free, c.kept);
    *out = c.found;
    *out_n = c.n;
    return r;
}
