/* remote_writers.c - remote_write of a configuration: read, started, counted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "monitor/remote_write.h"
#include "rules/rules.h"

enum { WRITERS_MAX = 16, SAMPLES_MAX = 100000 };

struct remote_writers {
    struct arena *arena;
    struct remote_write_config configs[WRITERS_MAX];
    struct remote_writer *writers[WRITERS_MAX];
    size_t n;
};

static int read_time(const struct value *v, const char *name, int64_t *out, struct err *e)
{
    const char *text = value_at_str(v, name, "");
    int r = *text ? rules_duration(text, out, e) : 0;
    return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

/* The store's log is the queue, and one connection sends: capacity and shards have no meaning. */
static int read_queue(const struct value *v, struct remote_write_config *out, struct err *e)
{
    int64_t n = value_at_int(v, "max_samples_per_send", 2000);
    out->max_samples = n < SAMPLES_MAX ? (size_t)n : SAMPLES_MAX;
    out->retry_429 = value_at_bool(v, "retry_on_http_429", true);
    out->deadline_ms = 5000;
    out->min_backoff_ms = 30;
    out->max_backoff_ms = 5000;
    int r = read_time(v, "batch_send_deadline", &out->deadline_ms, e);
    if (r == 0)
        r = read_time(v, "min_backoff", &out->min_backoff_ms, e);
    if (r == 0)
        r = read_time(v, "max_backoff", &out->max_backoff_ms, e);
    if (r == 0)
        r = read_time(v, "sample_age_limit", &out->age_limit_ms, e);
    return r;
}

static int check_done(const struct value *v, struct err *e)
{
    const struct value *send = value_at(v, "metadata_config.send");
    const struct value *robin = value_get(v, "round_robin_dns");
    const struct value *log = value_get(v, "failed_request_logging");
    if (value_bool(send, false))
        return err_set(e, ERR_UNSUPPORTED, "line %u: metadata_config: send is not acted on here",
                       send->line);
    if (value_bool(robin, false))
        return err_set(e, ERR_UNSUPPORTED, "line %u: round_robin_dns is not acted on here",
                       robin->line);
    if (log && log->kind != VALUE_NULL)
        return err_set(e, ERR_UNSUPPORTED, "line %u: failed_request_logging is not acted on here",
                       log->line);
    return 0;
}

int remote_write_config_read(const struct value *v, const char *folder,
                             const struct labels *external, struct arena *a,
                             struct remote_write_config *out, struct err *e)
{
    const char *message = value_at_str(v, "protobuf_message", "");
    *out = (struct remote_write_config){
        .name = arena_strdup(a, value_at_str(v, "name", "")),
        .url = arena_strdup(a, value_at_str(v, "url", "")),
        .version = strcmp(message, "io.prometheus.write.v2.Request") == 0 ? REMOTE_WRITE_2
                                                                          : REMOTE_WRITE_1,
        .external = labels_copy(a, external),
        .exemplars = value_at_bool(v, "send_exemplars", false),
        .histograms = value_at_bool(v, "send_native_histograms", false),
        .timeout_ms = 30000,
    };
    int r = check_done(v, e);
    if (r == 0 && strncmp(out->url, "http://", 7) != 0 && strncmp(out->url, "https://", 8) != 0)
        r = err_set(e, ERR_INVALID, "line %u: url %.80s is neither http nor https", v->line,
                    out->url);
    if (r == 0)
        r = client_config_read(v, folder, a, &out->client, e);
    if (r == 0)
        r = read_time(v, "remote_timeout", &out->timeout_ms, e);
    if (r == 0)
        r = read_queue(value_get(v, "queue_config"), out, e);
    return r < 0 ? r : relabel_new(value_get(v, "write_relabel_configs"), false, &out->relabel, e);
}

void remote_write_config_done(struct remote_write_config *c)
{
    relabel_free(c->relabel);
    c->relabel = NULL;
}

/* Its name, or else its URL, tells which file is whose. */
static int start_writer(struct remote_writers *w, struct tsdb *db, const char *dir, struct err *e)
{
    const struct remote_write_config *c = &w->configs[w->n - 1];
    const char *id = *c->name ? c->name : c->url;
    const char *file =
        arena_printf(w->arena, "%s/%016" PRIx64 ".json", dir, map_hash(id, strlen(id)));
    struct remote_writer_opts o = {.db = db, .clock = &clock_system, .config = c, .file = file};
    return remote_writer_start(&o, &w->writers[w->n - 1], e);
}

static int add_writer(struct remote_writers *w, const struct value *v, const char *folder,
                      const struct labels *external, struct err *e)
{
    if (w->n == WRITERS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d", WRITERS_MAX);
    struct remote_write_config *c = &w->configs[w->n++];
    int r = remote_write_config_read(v, folder, external, w->arena, c, e);
    for (size_t i = 0; r == 0 && i + 1 < w->n; i++)
        if (!*c->name && !*w->configs[i].name && strcmp(c->url, w->configs[i].url) == 0)
            r = err_set(e, ERR_INVALID, "line %u: url %.80s stands twice: give them names", v->line,
                        c->url);
    return r;
}

int remote_writers_start(const struct value *root, const char *folder,
                         const struct labels *external, struct tsdb *db, const char *dir,
                         struct remote_writers **out, struct err *e)
{
    const struct value *list = value_get(root, "remote_write");
    int r = 0;
    *out = NULL;
    if (!value_count(list))
        return 0;
    struct remote_writers *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    w->arena = arena_new(0);
    r = fs_mkdirs(dir, 0700, e);
    VALUE_EACH_ITEM (v, list) {
        if (r == 0)
            r = add_writer(w, v, folder, external, e);
        if (r == 0)
            r = start_writer(w, db, dir, e);
    }
    if (r < 0) {
        remote_writers_free(w);
        return err_wrap(e, r, "remote_write");
    }
    *out = w;
    return 0;
}

void remote_writers_free(struct remote_writers *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++) {
        remote_writer_free(w->writers[i]);
        remote_write_config_done(&w->configs[i]);
    }
    arena_free(w->arena);
    free(w);
}

void remote_writers_emit(void *arg,
                         void (*emit)(void *to, const struct label *labels, size_t n, double v),
                         void *to)
{
    const struct remote_writers *w = arg;
    for (size_t i = 0; i < w->n; i++) {
        struct remote_writer_stats s;
        remote_writer_stats(w->writers[i], &s);
        const struct {
            const char *name;
            uint64_t v;
        } values[] = {
            {"prometheus_remote_storage_samples_total",         s.sent         },
            {"prometheus_remote_storage_samples_failed_total",  s.refused      },
            {"prometheus_remote_storage_samples_dropped_total", s.aged + s.lost},
            {"prometheus_remote_storage_samples_retried_total", s.retried      },
            {"prometheus_remote_storage_samples_pending",       s.behind       },
        };
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            const struct label l[] = {
                {"__name__",    values[k].name    },
                {"job",         "slipway"         },
                {"remote_name", w->configs[i].name},
                {"url",         w->configs[i].url }
            };
            emit(to, l, ARRAY_LEN(l), (double)values[k].v);
        }
    }
}
