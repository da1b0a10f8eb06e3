/* promql_load.c - `load` of the scripts: series into a store in memory. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "promql.h"

enum { MAX_SERIES = 1024 };

/* When what the samples of a series count began. */
struct started {
    struct labels labels;
    int64_t *t, *start;
    size_t n;
};

int64_t script_duration(const char *s)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", "w", "y"};
    static const double ms[] = {1, 1000, 60000, 3600000, 86400000, 604800000, 31536000000};
    double total = 0, sign = *s == '-' ? -1 : 1;
    for (s += *s == '-' || *s == '+'; *s;) {
        char *end;
        double v = strtod(s, &end), unit = 1000;
        size_t n = strspn(end, "mshdwy");
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (strlen(units[i]) == n && strncmp(end, units[i], n) == 0)
                unit = ms[i];
        if (end == s)
            break;
        total += v * unit;
        s = end + n;
    }
    return (int64_t)llround(sign * total);
}

/* ---- the store ---- */

static int64_t start_at(const struct started *s, int64_t t)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->t[i] == t)
            return s->start[i];
    return 0;
}

static void add_starts(const struct world *w, struct series *s, struct arena *a)
{
    for (size_t i = 0; i < w->n_starts; i++) {
        if (labels_compare(&w->starts[i].labels, &s->labels) != 0)
            continue;
        int64_t *starts = ARENA_ARRAY(a, int64_t, s->n);
        for (size_t k = 0; k < s->n; k++)
            starts[k] = start_at(&w->starts[i], s->samples[k].t);
        s->starts = starts;
    }
}

static int world_select(struct promql_source *s, const struct matcher *m, size_t n, int64_t min_t,
                        int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                        struct err *e)
{
    struct world *w = container_of(s, struct world, source);
    int r = tsdb_select(w->db, m, n, min_t, max_t, max_samples, a, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++)
        add_starts(w, &out->items[i], a);
    return r;
}

bool world_reset(struct world *w)
{
    struct tsdb_opts o = {.clock = &clock_system};
    struct err e;
    tsdb_free(w->db);
    *w = (struct world){.source = {world_select}, .arena = w->arena};
    return tsdb_open(&o, &w->db, &e) == 0;
}

static const char *store(struct world *w, const struct description *d, int64_t gap)
{
    struct err e;
    uint64_t ref;
    int r = tsdb_series(w->db, &d->labels, &ref, &e);
    for (size_t i = 0; r == 0 && i < d->n; i++) {
        const struct described *v = &d->values[i];
        int64_t t = (int64_t)i * gap;
        if (v->omitted)
            continue;
        r = v->h ? tsdb_append_histogram(w->db, ref, t, v->h, &e)
                 : tsdb_append(w->db, ref, t, v->v, &e);
    }
    return r < 0 ? arena_strdup(w->arena, e.msg) : NULL;
}

/* ---- classic histograms as native ones ---- */

enum suffix { SUFFIX_NONE, SUFFIX_BUCKET, SUFFIX_SUM, SUFFIX_COUNT };

static enum suffix suffix_of(const char *name, size_t *base)
{
    static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};
    for (size_t i = 1; i < ARRAY_LEN(suffixes); i++) {
        size_t n = strlen(name), k = strlen(suffixes[i]);
        if (n < k || strcmp(name + n - k, suffixes[i]) != 0)
            continue;
        *base = n - k;
        return (enum suffix)i;
    }
    return SUFFIX_NONE;
}

static struct labels base_labels(struct arena *a, const struct labels *l, size_t base)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n);
    for (size_t i = 0; i < l->n; i++) {
        all[i] = l->items[i];
        if (strcmp(all[i].name, "le") == 0)
            all[i].value = "";
        if (strcmp(all[i].name, "__name__") == 0)
            all[i].value = arena_strndup(a, all[i].value, base);
    }
    return labels_make(a, all, l->n);
}

struct classic {
    struct labels labels;
    struct part {
        enum suffix suffix;
        double le;
        const struct description *d;
    } parts[128];
    size_t n;
};

static int by_le(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->suffix != y->suffix)
        return x->suffix < y->suffix ? -1 : 1;
    return x->le < y->le ? -1 : x->le > y->le;
}

static bool value_at(const struct part *p, size_t i, double *out)
{
    if (i >= p->d->n || p->d->values[i].omitted || p->d->values[i].h)
        return false;
    *out = p->d->values[i].v;
    return true;
}

/* False: nothing is there at this interval. */
static bool convert(struct arena *a, const struct classic *c, size_t i, struct described *out)
{
    struct histogram *h = ARENA_NEW(a, struct histogram);
    double *bounds = ARENA_ARRAY(a, double, c->n + 1), before = 0, v;
    bool counted = false, any = false, endless = false;
    h->schema = HISTOGRAM_CUSTOM;
    h->positive.items = ARENA_ARRAY(a, struct histogram_bucket, c->n + 1);
    for (size_t k = 0; k < c->n; k++) {
        const struct part *p = &c->parts[k];
        if (!value_at(p, i, &v))
            continue;
        any = true;
        if (p->suffix == SUFFIX_SUM)
            h->sum = v;
        counted |= p->suffix == SUFFIX_COUNT;
        if (p->suffix == SUFFIX_COUNT)
            h->count = v;
        if (p->suffix != SUFFIX_BUCKET)
            continue;
        h->positive.items[h->positive.n] =
            (struct histogram_bucket){(int32_t)h->positive.n, v - before, 0};
        h->positive.n++;
        endless = isinf(p->le);
        if (!endless)
            bounds[h->n_bounds++] = p->le;
        before = v;
    }
    if (!counted)
        h->count = before;
    if (!endless && h->count != before) {
        h->positive.items[h->positive.n] =
            (struct histogram_bucket){(int32_t)h->positive.n, h->count - before, 0};
        h->positive.n++;
    }
    h->bounds = bounds;
    histogram_compact(h);
    *out = (struct described){.omitted = !any, .h = h};
    return any;
}

static const char *store_converted(struct world *w, struct classic *c, int64_t gap)
{
    struct description d = {.labels = c->labels};
    for (size_t i = 0; i < c->n; i++)
        d.n = c->parts[i].d->n > d.n ? c->parts[i].d->n : d.n;
    d.values = ARENA_ARRAY(w->arena, struct described, d.n);
    qsort(c->parts, c->n, sizeof *c->parts, by_le);
    for (size_t i = 0; i < d.n; i++)
        (void)convert(w->arena, c, i, &d.values[i]);
    return store(w, &d, gap);
}

static void add_part(struct world *w, struct classic *all, size_t *n, const struct description *d)
{
    size_t base = 0, i = 0;
    const char *le = labels_get(&d->labels, "le");
    char *end;
    enum suffix suffix = suffix_of(labels_get(&d->labels, "__name__"), &base);
    double upper = strtod(le, &end);
    if (suffix == SUFFIX_NONE || (suffix == SUFFIX_BUCKET && (end == le || *end)))
        return;
    struct labels l = base_labels(w->arena, &d->labels, base);
    while (i < *n && labels_compare(&all[i].labels, &l) != 0)
        i++;
    if (i == MAX_SERIES || all[i].n == ARRAY_LEN(all[i].parts))
        return;
    for (size_t k = 0; k < all[i].n; k++) /* another spelling of the same bound is left out */
        if (all[i].parts[k].suffix == suffix && all[i].parts[k].le == upper)
            return;
    all[i].labels = l;
    *n += i == *n;
    all[i].parts[all[i].n++] = (struct part){suffix, upper, d};
}

/* ---- lines ---- */

/* "-1m", "-1mx3", "-1m-30sx3", "_", "_x3": offsets from the samples' times. */
static const char *read_starts(struct world *w, struct started *s, char *text, int64_t gap)
{
    size_t i = 0;
    s->t = ARENA_ARRAY(w->arena, int64_t, 1024);
    s->start = ARENA_ARRAY(w->arena, int64_t, 1024);
    for (char *item; (item = strsep(&text, " \t"));) {
        if (!*item)
            continue;
        char *x = strchr(item, 'x'), *step = strpbrk(item + 1, "+-");
        size_t again = x ? strtoul(x + 1, NULL, 10) : 0;
        if (x)
            *x = '\0';
        if (*item == '_') {
            i += x ? again : 1;
            continue;
        }
        int64_t delta = step ? script_duration(step) : 0;
        if (step)
            *step = '\0';
        int64_t offset = script_duration(item);
        for (size_t k = 0; k <= again && s->n < 1024; k++, i++, offset += delta) {
            s->t[s->n] = (int64_t)i * gap;
            s->start[s->n++] = (int64_t)i * gap + offset;
        }
    }
    return NULL;
}

static const char *read_line(struct world *w, char *line, int64_t gap, struct description *all,
                             size_t *n)
{
    struct err e;
    const char *rest;
    struct labels labels;
    if (describe_labels(w->arena, line, &labels, &rest, &e) < 0)
        return arena_strdup(w->arena, e.msg);
    if (strncmp(rest, "@st", 3) == 0) {
        w->starts = arena_grow(w->arena, w->starts, w->n_starts * sizeof *w->starts,
                               (w->n_starts + 1) * sizeof *w->starts);
        w->starts[w->n_starts] = (struct started){.labels = labels};
        return read_starts(w, &w->starts[w->n_starts++], arena_strdup(w->arena, rest + 3), gap);
    }
    size_t i = 0; /* a series that is named twice has its last values */
    while (i < *n && labels_compare(&all[i].labels, &labels) != 0)
        i++;
    if (i == MAX_SERIES)
        return "too many series";
    if (describe_values(w->arena, rest, &all[i], &e) < 0)
        return arena_strdup(w->arena, e.msg);
    all[i].labels = labels;
    *n += i == *n;
    return NULL;
}

const char *world_load(struct world *w, char **lines, size_t n)
{
    struct description *all = ARENA_ARRAY(w->arena, struct description, MAX_SERIES);
    size_t n_series = 0, n_classics = 0;
    const char *p = lines[0] + strcspn(lines[0], " \t"), *why = NULL;
    int64_t gap = script_duration(p + strspn(p, " \t"));
    for (size_t i = 1; i < n && !why; i++)
        why = read_line(w, lines[i], gap, all, &n_series);
    for (size_t i = 0; i < n_series && !why; i++)
        why = store(w, &all[i], gap);
    if (why || strncmp(lines[0], "load_with_nhcb", 14) != 0)
        return why;
    struct classic *classics = ARENA_ARRAY(w->arena, struct classic, MAX_SERIES);
    for (size_t i = 0; i < n_series; i++)
        add_part(w, classics, &n_classics, &all[i]);
    for (size_t i = 0; i < n_classics && !why; i++)
        why = store_converted(w, &classics[i], gap);
    return why;
}
