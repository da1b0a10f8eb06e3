/* api_status.c - /api/v1/status/…, and what is asked about the server itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/api_int.h"

enum { TOP = 10 };

static void print_build(struct buf *b)
{
    buf_puts(b, "{\"version\":\"3.0.0\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\","
                "\"buildDate\":\"\",\"goVersion\":\"\",\"application\":\"slipway\"}");
}

static void print_config(const struct monitor_api *m, struct buf *b)
{
    buf_puts(b, "{\"yaml\":");
    api__text(b, m->config ? m->config : "");
    buf_putc(b, '}');
}

static void print_flags(const struct monitor_api *m, struct buf *b)
{
    buf_putc(b, '{');
    for (size_t i = 0; m->flags && m->flags[i]; i += 2) {
        if (i)
            buf_putc(b, ',');
        api__text(b, m->flags[i]);
        buf_putc(b, ':');
        api__text(b, m->flags[i + 1]);
    }
    buf_putc(b, '}');
}

static void print_runtime(const struct monitor_api *m, struct buf *b)
{
    char started[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(m->started_ms, started);
    buf_printf(b,
               "{\"startTime\":\"%s\",\"CWD\":\"/\",\"reloadConfigSuccess\":true,"
               "\"lastConfigTime\":\"%s\",\"corruptionCount\":0,\"goroutineCount\":0,"
               "\"GOMAXPROCS\":%ld,\"GOMEMLIMIT\":0,\"GOGC\":\"\",\"GODEBUG\":\"\","
               "\"storageRetention\":\"1d\"}",
               started, started, sysconf(_SC_NPROCESSORS_ONLN));
}

/* ---- tsdb: what makes it large ---- */

struct tally {
    const char *name;
    uint64_t n;
};

static int most_first(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->name, y->name);
}

static void print_top(struct buf *b, const char *name, struct tally *t, size_t n)
{
    qsort(t, n, sizeof *t, most_first);
    buf_printf(b, ",\"%s\":[", name);
    for (size_t i = 0; i < n && i < TOP; i++) {
        buf_puts(b, i ? ",{\"name\":" : "{\"name\":");
        api__text(b, t[i].name);
        buf_printf(b, ",\"value\":%" PRIu64 "}", t[i].n);
    }
    buf_putc(b, ']');
}

static int tally_values(const struct monitor_api *m, struct arena *a, struct tally **out, size_t *n,
                        struct err *e)
{
    const char **names, **values;
    size_t n_values;
    int r = tsdb_label_names(m->db, NULL, 0, a, &names, n, e);
    if (r < 0)
        return r;
    *out = ARENA_ARRAY(a, struct tally, *n + 1);
    for (size_t i = 0; r == 0 && i < *n; i++) {
        r = tsdb_label_values(m->db, names[i], NULL, 0, a, &values, &n_values, e);
        if (r == 0)
            (*out)[i] = (struct tally){names[i], n_values};
    }
    return r;
}

/* Series of each name, by one look at the newest samples. */
static int tally_names(const struct monitor_api *m, const struct tsdb_stats *s, struct arena *a,
                       struct tally **out, size_t *n, struct err *e)
{
    static const char query[] = "count by (__name__) ({__name__!=\"\"})";
    struct promql_result r;
    int rc = promql_instant(m->source, &m->query, query, s->newest_ms, a, &r, e);
    if (rc < 0)
        return rc;
    *n = r.series.n;
    *out = ARENA_ARRAY(a, struct tally, *n + 1);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct tally){labels_get(&r.series.items[i].labels, "__name__"),
                                   (uint64_t)r.series.items[i].samples[0].v};
    return 0;
}

static int print_tsdb(const struct monitor_api *m, struct arena *a, struct buf *b, struct err *e)
{
    struct tsdb_stats s;
    struct tally *values, *names;
    size_t n_values, n_names, pairs = 0;
    tsdb_stats(m->db, &s);
    int r = tally_values(m, a, &values, &n_values, e);
    if (r == 0)
        r = tally_names(m, &s, a, &names, &n_names, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_values; i++)
        pairs += values[i].n;
    buf_printf(b,
               "{\"headStats\":{\"numSeries\":%" PRIu64 ",\"numLabelPairs\":%zu,"
               "\"chunkCount\":%" PRIu64 ",\"minTime\":%" PRId64 ",\"maxTime\":%" PRId64 "}",
               s.series, pairs, s.series, s.oldest_ms, s.newest_ms);
    print_top(b, "seriesCountByMetricName", names, n_names);
    print_top(b, "labelValueCountByLabelName", values, n_values);
    buf_puts(b, ",\"memoryInBytesByLabelName\":[],\"seriesCountByLabelValuePair\":[]}");
    return 0;
}

int api__status(const struct monitor_api *m, const struct api_params *p, const char *path,
                struct buf *out, struct err *e)
{
    if (strcmp(path, "status/buildinfo") == 0)
        print_build(out);
    else if (strcmp(path, "status/config") == 0)
        print_config(m, out);
    else if (strcmp(path, "status/flags") == 0)
        print_flags(m, out);
    else if (strcmp(path, "status/runtimeinfo") == 0)
        print_runtime(m, out);
    else if (strcmp(path, "status/tsdb") == 0)
        return print_tsdb(m, p->q->arena, out, e);
    else
        return ERR_NOT_FOUND;
    return 0;
}
