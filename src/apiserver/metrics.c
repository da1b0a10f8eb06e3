#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"

enum { SERIES_MAX = 4096 };

static const double bounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct series {
    char *verb, *resource;
    int code;
    uint64_t count, buckets[ARRAY_LEN(bounds)];
    double seconds;
};

struct metrics {
    pthread_mutex_t mutex;
    struct map by_key; /* → struct series */
};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (!m)
        log_die("out of memory");
    (void)pthread_mutex_init(&m->mutex, NULL);
    map_init(&m->by_key);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    size_t at = 0;
    for (const struct map_entry *e; (e = map_next(&m->by_key, &at));) {
        struct series *s = e->value;
        free(s->verb);
        free(s->resource);
        free(s);
    }
    map_done(&m->by_key);
    (void)pthread_mutex_destroy(&m->mutex);
    free(m);
}

static struct series *find(struct metrics *m, const char *verb, const char *resource, int code)
{
    char key[400];
    (void)snprintf(key, sizeof key, "%s %s %d", verb, resource, code);
    struct series *s = map_get(&m->by_key, key);
    if (s || map_size(&m->by_key) >= SERIES_MAX)
        return s;
    s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->verb = strdup(verb);
    s->resource = strdup(resource);
    s->code = code;
    map_put(&m->by_key, key, s);
    return s;
}

void metrics_count(struct metrics *m, const char *verb, const char *resource, int code, int64_t us)
{
    LOCK_SCOPE(&m->mutex);
    struct series *s = find(m, verb, resource, code);
    if (!s)
        return;
    double seconds = (double)us / 1e6;
    s->count++;
    s->seconds += seconds;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        if (seconds <= bounds[i])
            s->buckets[i]++;
}

static void put_label(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (*text != '"' && *text != '\\' && (unsigned char)*text >= 0x20)
            buf_putc(out, *text);
}

static void put_labels(struct buf *out, const struct series *s)
{
    buf_puts(out, "{verb=\"");
    put_label(out, s->verb);
    buf_puts(out, "\",resource=\"");
    put_label(out, s->resource);
    buf_printf(out, "\",code=\"%d\"", s->code);
}

void metrics_print(struct apiserver *s, struct buf *out)
{
    struct metrics *m = s->metrics;
    LOCK_SCOPE(&m->mutex);
    buf_puts(out, "# HELP apiserver_request_total Requests answered.\n"
                  "# TYPE apiserver_request_total counter\n");
    size_t at = 0;
    for (const struct map_entry *e; (e = map_next(&m->by_key, &at));) {
        const struct series *v = e->value;
        buf_puts(out, "apiserver_request_total");
        put_labels(out, v);
        buf_printf(out, "} %llu\n", (unsigned long long)v->count);
    }
    buf_puts(out, "# HELP apiserver_request_duration_seconds How long answers took.\n"
                  "# TYPE apiserver_request_duration_seconds histogram\n");
    at = 0;
    for (const struct map_entry *e; (e = map_next(&m->by_key, &at));) {
        const struct series *v = e->value;
        for (size_t i = 0; i <= ARRAY_LEN(bounds); i++) {
            buf_puts(out, "apiserver_request_duration_seconds_bucket");
            put_labels(out, v);
            if (i < ARRAY_LEN(bounds))
                buf_printf(out, ",le=\"%g\"} %llu\n", bounds[i], (unsigned long long)v->buckets[i]);
            else
                buf_printf(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)v->count);
        }
        buf_puts(out, "apiserver_request_duration_seconds_sum");
        put_labels(out, v);
        buf_printf(out, "} %g\napiserver_request_duration_seconds_count", v->seconds);
        put_labels(out, v);
        buf_printf(out, "} %llu\n", (unsigned long long)v->count);
    }
    buf_printf(out,
               "# HELP slipway_store_revision Newest revision of the store.\n"
               "# TYPE slipway_store_revision counter\nslipway_store_revision %llu\n",
               (unsigned long long)store_revision(s->store));
}
