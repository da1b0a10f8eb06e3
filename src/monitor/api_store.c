/* api_store.c - query_exemplars, admin/tsdb, and /federate. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/number.h"
#include "monitor/api_int.h"

enum { SELECTORS_MAX = 32, PAGE_MAX = 256 << 20, SAMPLES_MAX = 50000000, LOOKBACK_MS = 300000 };

/* ---- exemplars ---- */

struct selectors {
    const struct expr *items[SELECTORS_MAX];
    size_t n;
};

/* Every selector of an expression. */
static void collect(const struct expr *x, struct selectors *out)
{
    if (!x || out->n == SELECTORS_MAX)
        return;
    switch (x->kind) {
    case EXPR_SELECTOR:
    case EXPR_MATRIX:
        out->items[out->n++] = x;
        break;
    case EXPR_SUBQUERY:
        collect(x->subquery.inner, out);
        break;
    case EXPR_CALL:
        for (size_t i = 0; i < x->call.n_args; i++)
            collect(x->call.args[i], out);
        break;
    case EXPR_AGGREGATE:
        collect(x->aggregate.inner, out);
        break;
    case EXPR_BINARY:
        collect(x->binary.left, out);
        collect(x->binary.right, out);
        break;
    case EXPR_NEGATE:
        collect(x->inner, out);
        break;
    case EXPR_NUMBER:
    case EXPR_STRING:
        break;
    }
}

static void print_exemplars(struct buf *b, const struct exemplar_series *s)
{
    char v[NUMBER_PLAIN_MAX];
    buf_puts(b, "{\"seriesLabels\":");
    api__labels(b, &s->labels);
    for (size_t i = 0; i < s->n; i++) {
        const struct exemplar *x = &s->items[i];
        (void)number_format_plain(x->v, v);
        buf_puts(b, i ? ",{\"labels\":" : ",\"exemplars\":[{\"labels\":");
        api__labels(b, &x->labels);
        buf_printf(b, ",\"value\":\"%s\",\"timestamp\":", v);
        api__seconds(b, x->t);
        buf_putc(b, '}');
    }
    buf_puts(b, "]}");
}

int api__exemplars(const struct monitor_api *m, const struct api_params *p, struct buf *out,
                   struct err *e)
{
    const struct parse_opts o = {.features = m->query.features};
    const char *query = api__param(p, "query");
    struct selectors which = {.n = 0};
    int64_t start, end;
    struct expr *x;
    size_t printed = 0;
    int r = query ? promql_parse(p->q->arena, query, &o, &x, e)
                  : err_set(e, ERR_INVALID, "invalid parameter \"query\": it is missing");
    if (r == 0)
        r = api__time(p, "start", INT64_MIN / 2, &start, e);
    if (r == 0)
        r = api__time(p, "end", INT64_MAX / 2, &end, e);
    if (r == 0 && end < start)
        r = err_set(e, ERR_INVALID, "end timestamp must not be before start timestamp");
    if (r < 0)
        return r;
    collect(x, &which);
    buf_putc(out, '[');
    for (size_t i = 0; r == 0 && i < which.n && !out->overflow; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct exemplar_series *list;
        size_t n = 0;
        r = tsdb_exemplars(m->db, which.items[i]->selector.matchers,
                           which.items[i]->selector.n_matchers, start, end, a, &list, &n, e);
        for (size_t k = 0; r == 0 && k < n; k++) {
            buf_puts(out, printed++ ? "," : "");
            print_exemplars(out, &list[k]);
        }
    }
    buf_putc(out, ']');
    return r;
}

/* ---- admin ---- */

static int delete_series(const struct monitor_api *m, const struct api_params *p, struct err *e)
{
    struct expr *which[SELECTORS_MAX];
    int64_t start, end;
    size_t n;
    int r = api__selectors(p, which, &n, e);
    if (r == 0 && n == 0)
        r = err_set(e, ERR_INVALID, "no match[] parameter provided");
    if (r == 0)
        r = api__time(p, "start", INT64_MIN / 2, &start, e);
    if (r == 0)
        r = api__time(p, "end", INT64_MAX / 2, &end, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = tsdb_delete(m->db, which[i]->selector.matchers, which[i]->selector.n_matchers, start,
                        end, e);
    return r;
}

int api__admin(const struct monitor_api *m, const struct api_params *p, const char *path,
               struct buf *out, struct err *e)
{
    const char *name = "", *skip = api__param(p, "skip_head");
    if (strcmp(path, "admin/tsdb/delete_series") == 0)
        return delete_series(m, p, e);
    if (strcmp(path, "admin/tsdb/clean_tombstones") == 0)
        return 0; /* what is deleted is gone at once */
    if (strcmp(path, "admin/tsdb/snapshot") != 0)
        return ERR_NOT_FOUND;
    if (skip && strcmp(skip, "false") != 0)
        return err_set(e, ERR_INVALID, "invalid parameter \"skip_head\": the head is all there is");
    int r = tsdb_snapshot(m->db, p->q->arena, &name, e);
    buf_puts(out, "{\"name\":");
    api__text(out, name);
    buf_putc(out, '}');
    return r;
}

/* ---- federation ---- */

static void print_label(struct buf *b, const char *between, const struct label *l)
{
    buf_printf(b, "%s%s=\"", between, l->name);
    for (const char *p = l->value; *p; p++) {
        if (*p == '\\' || *p == '"')
            buf_putc(b, '\\');
        if (*p == '\n')
            buf_puts(b, "\\n");
        else
            buf_putc(b, *p);
    }
    buf_putc(b, '"');
}

/* One line: the newest sample. External labels stand where the series has none of that name. */
static void print_sample(struct buf *b, const struct monitor_api *m, const struct series *s,
                         const char **family, struct arena *a)
{
    const struct sample *x = &s->samples[s->n - 1];
    const char *name = labels_get(&s->labels, "__name__"), *between = "{";
    struct label *all = ARENA_ARRAY(a, struct label, s->labels.n + m->external.n + 1);
    size_t n = 0;
    char v[NUMBER_PLAIN_MAX];
    if (is_stale(x->v) || (s->histograms && s->histograms[s->n - 1]))
        return;
    if (!*family || strcmp(*family, name) != 0)
        buf_printf(b, "# TYPE %s untyped\n", name);
    *family = name;
    for (size_t i = 0; i < m->external.n; i++)
        all[n++] = m->external.items[i];
    for (size_t i = 0; i < s->labels.n; i++)
        all[n++] = s->labels.items[i];
    struct labels l = labels_make(a, all, n);
    buf_puts(b, name);
    if (!*labels_get(&l, "instance")) {
        print_label(b, between, &(struct label){"instance", ""});
        between = ",";
    }
    for (size_t i = 0; i < l.n; i++) {
        if (strcmp(l.items[i].name, "__name__") == 0)
            continue;
        print_label(b, between, &l.items[i]);
        between = ",";
    }
    (void)number_format_plain(x->v, v);
    buf_printf(b, "%s %s %" PRId64 "\n", *between == ',' ? "}" : "", v, x->t);
}

static int by_family(const void *a, const void *b)
{
    const struct labels *x = &((const struct series *)a)->labels;
    const struct labels *y = &((const struct series *)b)->labels;
    int c = strcmp(labels_get(x, "__name__"), labels_get(y, "__name__"));
    return c ? c : labels_compare(x, y);
}

/* What any of the selectors names, each series once, families together. */
static int gather(const struct monitor_api *m, const struct api_params *p, struct series_set *out,
                  struct err *e)
{
    struct expr *which[SELECTORS_MAX];
    struct arena *a = p->q->arena;
    size_t n, kept = 0, left = SAMPLES_MAX;
    int64_t now = clock_real_ms();
    int64_t back = m->query.lookback_ms ? m->query.lookback_ms : LOOKBACK_MS;
    int r = api__selectors(p, which, &n, e);
    *out = (struct series_set){0};
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct series_set set;
        r = tsdb_select(m->db, which[i]->selector.matchers, which[i]->selector.n_matchers,
                        now - back, now, left, a, &set, e);
        if (r < 0)
            return r;
        for (size_t k = 0; k < set.n; k++)
            left -= set.items[k].n;
        out->items = arena_grow(a, out->items, out->n * sizeof *out->items,
                                (out->n + set.n) * sizeof *out->items);
        if (set.n)
            memcpy(out->items + out->n, set.items, set.n * sizeof *set.items);
        out->n += set.n;
    }
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_family);
    for (size_t i = 0; i < out->n; i++)
        if (!kept || labels_compare(&out->items[kept - 1].labels, &out->items[i].labels) != 0)
            out->items[kept++] = out->items[i];
    out->n = kept;
    return r;
}

void monitor_federate(struct http_request *q, void *arg)
{
    const struct monitor_api *m = arg;
    const struct api_params p = {.q = q};
    struct series_set set;
    struct err e;
    const char *family = NULL;
    AUTO_BUF struct buf b;
    buf_init(&b, PAGE_MAX);
    int r = gather(m, &p, &set, &e);
    for (size_t i = 0; r == 0 && i < set.n; i++)
        print_sample(&b, m, &set.items[i], &family, q->arena);
    if (r == 0)
        r = buf_check(&b, &e);
    if (r < 0)
        http_send_text(q, r == ERR_INVALID ? 400 : 500, arena_printf(q->arena, "%s\n", e.msg));
    else
        http_send(q, 200, "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
                  buf_text(&b), b.len);
}
