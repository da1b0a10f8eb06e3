/* select.c - which series fit, and their samples copied out. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "tsdb/tsdb_int.h"

enum { MATCH_LIMIT = 100000 };

struct test {
    const struct matcher *m;
    pcre2_code *code;
};

struct tests {
    struct test *items;
    size_t n;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static int compile(const struct matcher *m, pcre2_code **out, struct err *e)
{
    int code;
    size_t at;
    pcre2_code *c =
        pcre2_compile((PCRE2_SPTR)m->value, PCRE2_ZERO_TERMINATED,
                      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, &code, &at, NULL);
    if (!c) {
        unsigned char why[128];
        (void)pcre2_get_error_message(code, why, sizeof why);
        return err_set(e, ERR_INVALID, "label %s: regular expression \"%.100s\": %s", m->name,
                       m->value, (const char *)why);
    }
    *out = c;
    return 0;
}

static int tests_begin(const struct matcher *m, size_t n, struct arena *a, struct tests *out,
                       struct err *e)
{
    out->items = ARENA_ARRAY(a, struct test, n + 1);
    out->n = n;
    out->data = pcre2_match_data_create(1, NULL);
    out->context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(out->context, MATCH_LIMIT);
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        out->items[i].m = &m[i];
        if (r == 0 && (m[i].op == MATCH_RE || m[i].op == MATCH_NOT_RE))
            r = compile(&m[i], &out->items[i].code, e);
    }
    return r;
}

static void tests_end(struct tests *t)
{
    for (size_t i = 0; i < t->n; i++)
        pcre2_code_free(t->items[i].code);
    pcre2_match_data_free(t->data);
    pcre2_match_context_free(t->context);
}

static bool passes(const struct tests *t, const struct labels *l)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct test *x = &t->items[i];
        const char *have = labels_get(l, x->m->name);
        bool yes = x->code ? pcre2_match(x->code, (PCRE2_SPTR)have, strlen(have), 0, 0, t->data,
                                         t->context) >= 0
                           : strcmp(have, x->m->value) == 0;
        if (yes != (x->m->op == MATCH_EQ || x->m->op == MATCH_RE))
            return false;
    }
    return true;
}

int tsdb_matches(const struct matcher *m, size_t n, const struct labels *l, bool *out,
                 struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct tests t = {0};
    int r = tests_begin(m, n, a, &t, e);
    if (r == 0)
        *out = passes(&t, l);
    tests_end(&t);
    return r;
}

static const struct postings none;

/* The shortest list that holds every series that can pass; NULL: all of them. */
static const struct postings *narrow(struct tsdb *db, const struct tests *t, struct arena *a)
{
    const struct postings *best = NULL;
    for (size_t i = 0; i < t->n; i++) {
        const struct matcher *m = t->items[i].m;
        if (m->op != MATCH_EQ || !*m->value)
            continue;
        const struct label wanted = {m->name, m->value};
        const struct postings *p = index__postings(db, &wanted, a);
        if (!p)
            return &none;
        if (!best || p->n < best->n)
            best = p;
    }
    return best;
}

/* Calls fn for every series that passes, until it fails. Under the lock. */
static int each(struct tsdb *db, const struct tests *t, struct arena *a,
                int (*fn)(struct mem_series *, void *, struct err *), void *arg, struct err *e)
{
    const struct postings *p = narrow(db, t, a);
    size_t n = p ? p->n : db->n_slots;
    for (size_t i = 0; i < n; i++) {
        struct mem_series *s = db->slots[p ? p->slots[i] : i].series;
        int r = s && passes(t, &s->labels) ? fn(s, arg, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int select__slots(struct tsdb *db, const struct matcher *m, size_t n, struct arena *a,
                  uint32_t **out, size_t *out_n, struct err *e)
{
    struct tests t = {0};
    int r = tests_begin(m, n, a, &t, e);
    if (r == 0) {
        const struct postings *p = narrow(db, &t, a);
        size_t all = p ? p->n : db->n_slots, count = 0;
        uint32_t *slots = ARENA_ARRAY(a, uint32_t, all + 1);
        for (uint32_t i = 0; i < all; i++) {
            uint32_t slot = p ? p->slots[i] : i;
            const struct mem_series *s = db->slots[slot].series;
            if (s && passes(&t, &s->labels))
                slots[count++] = slot;
        }
        *out = slots;
        *out_n = count;
    }
    tests_end(&t);
    return r;
}

struct gather {
    struct arena *arena;
    int64_t min_t, max_t;
    size_t left, max;
    struct series *items;
    size_t n, cap;
};

static bool overlaps(const struct chunk *c, const struct gather *g)
{
    return c->n && c->last_t >= g->min_t && c->first_t <= g->max_t;
}

static int copy_samples(struct mem_series *s, struct gather *g, struct series *out, struct err *e)
{
    size_t room = 0, n = 0;
    for (size_t i = 0; i < s->n_chunks; i++)
        room += overlaps(&s->chunks[i], g) ? s->chunks[i].n : 0;
    if (!room && !s->n_natives)
        return 0;
    struct sample *to = ARENA_ARRAY(g->arena, struct sample, room);
    for (size_t i = 0; i < s->n_chunks; i++) {
        if (!overlaps(&s->chunks[i], g))
            continue;
        struct chunk_reader r;
        chunk_reader_init(&r, &s->chunks[i]);
        for (struct sample x; chunk_next(&r, &x);)
            if (x.t >= g->min_t && x.t <= g->max_t)
                to[n++] = x;
    }
    out->samples = to;
    out->n = n;
    if (s->n_natives)
        native__merge(s, g->min_t, g->max_t, g->arena, out);
    if (out->n > g->left)
        return err_set(e, ERR_TOO_LARGE, "the query would read more than %zu samples", g->max);
    g->left -= out->n;
    starts__fill(s, g->arena, out);
    return 0;
}

static int gather_one(struct mem_series *s, void *arg, struct err *e)
{
    struct gather *g = arg;
    struct series x = {0};
    int r = copy_samples(s, g, &x, e);
    if (r < 0 || x.n == 0)
        return r;
    x.labels = labels_copy(g->arena, &s->labels);
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        g->items = arena_grow(g->arena, g->items, g->cap * sizeof x, cap * sizeof x);
        g->cap = cap;
    }
    g->items[g->n++] = x;
    return 0;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(&((const struct series *)a)->labels, &((const struct series *)b)->labels);
}

int tsdb_select(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                size_t max_samples, struct arena *a, struct series_set *out, struct err *e)
{
    struct tests t = {0};
    struct gather g = {
        .arena = a, .min_t = min_t, .max_t = max_t, .left = max_samples, .max = max_samples};
    int r = tests_begin(m, n, a, &t, e);
    if (r == 0) {
        LOCK_SCOPE(&db->lock);
        r = each(db, &t, a, gather_one, &g, e);
    }
    tests_end(&t);
    if (r < 0)
        return r;
    if (g.n)
        qsort(g.items, g.n, sizeof *g.items, by_labels);
    *out = (struct series_set){g.items, g.n};
    return 0;
}

struct texts {
    const char *name; /* NULL: names are wanted, not values */
    struct map set;
};

static int texts_one(struct mem_series *s, void *arg, struct err *e)
{
    struct texts *t = arg;
    (void)e;
    if (t->name && *labels_get(&s->labels, t->name))
        (void)map_put(&t->set, labels_get(&s->labels, t->name), t);
    for (size_t i = 0; !t->name && i < s->labels.n; i++)
        (void)map_put(&t->set, s->labels.items[i].name, t);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int texts(struct tsdb *db, const char *name, const struct matcher *m, size_t n,
                 struct arena *a, const char ***out, size_t *out_n, struct err *e)
{
    struct tests t = {0};
    struct texts x = {.name = name};
    map_init(&x.set);
    int r = tests_begin(m, n, a, &t, e);
    if (r == 0) {
        LOCK_SCOPE(&db->lock);
        r = each(db, &t, a, texts_one, &x, e);
    }
    tests_end(&t);
    if (r == 0) {
        const char **list = ARENA_ARRAY(a, const char *, map_size(&x.set) + 1);
        size_t at = 0, count = 0;
        for (const struct map_entry *k; (k = map_next(&x.set, &at));)
            list[count++] = arena_strdup(a, k->key);
        qsort((void *)list, count, sizeof *list, by_text);
        *out = list;
        *out_n = count;
    }
    map_done(&x.set);
    return r;
}

int tsdb_label_names(struct tsdb *db, const struct matcher *m, size_t n, struct arena *a,
                     const char ***out, size_t *out_n, struct err *e)
{
    return texts(db, NULL, m, n, a, out, out_n, e);
}

int tsdb_label_values(struct tsdb *db, const char *name, const struct matcher *m, size_t n,
                      struct arena *a, const char ***out, size_t *out_n, struct err *e)
{
    return texts(db, name, m, n, a, out, out_n, e);
}
