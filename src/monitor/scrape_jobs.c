#include "monitor/scrape_jobs.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "codec/yaml.h"
#include "kube/cache.h"
#include "monitor/discovery.h"
#include "rules/rules.h"

enum { FILE_MAX = 16 << 20, JOBS_MAX = 1000, GAP_MS = 1000 };

struct scrape_job {
    const char *name;
    const char *key, *prefix; /* the controller's; of its targets' keys */
    struct client_config client;
    struct discovery *discovery;
    struct discovered_spec how;
    struct relabel *relabel, *metric_relabel;
    struct scrape_opts opts;
    size_t target_limit;
    int64_t synced_ms; /* monotonic; 0: never */
    char said[200];    /* what was wrong last; "" nothing */
};

struct scrape_jobs {
    struct arena *arena;
    struct scraper *scraper;
    const struct value *global;
    struct scrape_job *jobs;
    size_t n;
};

/* ---- reading ---- */

static const struct value *field(const struct scrape_jobs *j, const struct value *v,
                                 const char *name)
{
    const struct value *own = value_get(v, name);
    return own && own->kind != VALUE_NULL ? own : value_get(j->global, name);
}

static size_t count_of(const struct scrape_jobs *j, const struct value *v, const char *name)
{
    int64_t n = value_int(field(j, v, name), 0);
    return n > 0 ? (size_t)n : 0;
}

/* "10MB": units are powers of 1024, with and without the i. */
static size_t size_of(const struct value *v)
{
    static const char units[] = "KMGTPE";
    char *end = NULL;
    bool given = value_is(v, VALUE_STRING) || value_is(v, VALUE_INT);
    double n = given ? strtod(v->text, &end) : 0;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    for (const char *p = units; unit && p <= unit; p++)
        n *= 1024;
    return n > 0 && n < 1e15 ? (size_t)n : 0;
}

static int read_time(const struct scrape_jobs *j, const struct value *v, const char *name,
                     int64_t *out, struct err *e)
{
    const char *text = value_str(field(j, v, name), "");
    int r = *text ? rules_duration(text, out, e) : 0;
    return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

static int read_times(const struct scrape_jobs *j, const struct value *v, struct scrape_opts *o,
                      struct err *e)
{
    const char *own = value_at_str(v, "scrape_timeout", "");
    o->interval_ms = 60000;
    o->timeout_ms = 10000;
    int r = read_time(j, v, "scrape_interval", &o->interval_ms, e);
    if (r == 0)
        r = read_time(j, v, "scrape_timeout", &o->timeout_ms, e);
    if (r == 0 && !*own && o->timeout_ms > o->interval_ms)
        o->timeout_ms = o->interval_ms;
    return r < 0 ? r : scrape_times_check(o->interval_ms, o->timeout_ms, e);
}

/* What changes nothing here may stand there; what would change something is refused. */
static int check_done(const struct scrape_jobs *j, const struct value *v, struct err *e)
{
    static const struct {
        const char *name, *may; /* texts that ask for nothing else than what is done */
    } fields[] = {
        {"native_histogram_bucket_limit",      "0"                                      },
        {"native_histogram_min_bucket_factor", "0"                                      },
        {"convert_classic_histograms_to_nhcb", "false"                                  },
        {"extra_scrape_metrics",               "false"                                  },
        {"scrape_failure_log_file",            ""                                       },
        {"metric_name_validation_scheme",      "utf8"                                   },
        {"metric_name_escaping_scheme",        "allow-utf-8"                            },
        {"fallback_scrape_protocol",           "PrometheusText0.0.4 PrometheusText1.0.0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct value *x = field(j, v, fields[i].name);
        bool is_bool = value_is(x, VALUE_BOOL);
        if (!x || x->kind == VALUE_NULL || (is_bool && !x->boolean))
            continue;
        if (is_bool || (x->n && !strstr(fields[i].may, x->text)))
            return err_set(e, ERR_UNSUPPORTED, "line %u: %s %s is not acted on here", x->line,
                           fields[i].name, is_bool ? "true" : x->text);
    }
    return 0;
}

static bool wants_protobuf(const struct scrape_jobs *j, const struct value *v)
{
    VALUE_EACH_ITEM (p, field(j, v, "scrape_protocols"))
        if (strcmp(value_str(p, ""), "PrometheusProto") == 0)
            return true;
    return value_bool(field(j, v, "scrape_native_histograms"), false);
}

static int read_opts(struct scrape_jobs *j, const struct value *v, struct scrape_job *job,
                     struct err *e)
{
    struct scrape_opts *o = &job->opts;
    o->honor_labels = value_at_bool(v, "honor_labels", false);
    o->honor_timestamps = value_at_bool(v, "honor_timestamps", true);
    o->track_timestamps = value_at_bool(v, "track_timestamps_staleness", false);
    o->classic = value_bool(field(j, v, "always_scrape_classic_histograms"), false);
    o->text_only = !wants_protobuf(j, v);
    o->sample_limit = count_of(j, v, "sample_limit");
    o->label_limit = count_of(j, v, "label_limit");
    o->label_name_limit = count_of(j, v, "label_name_length_limit");
    o->label_value_limit = count_of(j, v, "label_value_length_limit");
    o->body_limit = size_of(field(j, v, "body_size_limit"));
    o->client = &job->client;
    o->rules = job->metric_relabel;
    job->target_limit = count_of(j, v, "target_limit");
    job->how = (struct discovered_spec){.scheme = value_at_str(v, "scheme", "http"),
                                        .path = value_at_str(v, "metrics_path", "/metrics"),
                                        .params = value_get(v, "params"),
                                        .relabel = job->relabel};
    return read_times(j, v, o, e);
}

static int read_job(struct scrape_jobs *j, const struct value *v, const char *folder, struct err *e)
{
    struct scrape_job *job = &j->jobs[j->n];
    if (j->n == JOBS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d scrape_configs", JOBS_MAX);
    job->name = value_at_str(v, "job_name", "");
    job->key = arena_printf(j->arena, "%zu", j->n++);
    job->prefix = arena_join(j->arena, "scrape/", job->key, "/", NULL);
    int r = check_done(j, v, e);
    if (r == 0)
        r = client_config_read(v, folder, j->arena, &job->client, e);
    if (r == 0)
        r = discovery_new(v, folder, &job->discovery, e);
    if (r == 0)
        r = relabel_new(value_get(v, "relabel_configs"), false, &job->relabel, e);
    if (r == 0)
        r = relabel_new(value_get(v, "metric_relabel_configs"), false, &job->metric_relabel, e);
    if (r == 0)
        r = read_opts(j, v, job, e);
    return r < 0 ? err_wrap(e, r, "scrape_configs: job %.80s", job->name) : 0;
}

static int read_list(struct scrape_jobs *j, const struct value *root, const char *folder,
                     struct err *e)
{
    int r = 0;
    VALUE_EACH_ITEM (v, value_get(root, "scrape_configs"))
        if (r == 0)
            r = read_job(j, v, folder, e);
    return r;
}

static int read_file(struct scrape_jobs *j, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_strndup(j->arena, path, (size_t)(slash - path)) : ".";
    struct value *v;
    char *text;
    size_t n;
    int r = fs_read(path, FILE_MAX, j->arena, &text, &n, e);
    if (r == 0)
        r = yaml_parse(j->arena, text, n, YAML_STRICT_KEYS, &v, e);
    if (r == 0)
        r = read_list(j, v, folder, e);
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static int read_files(struct scrape_jobs *j, const struct value *root, const char *folder,
                      struct err *e)
{
    int r = 0;
    VALUE_EACH_ITEM (p, value_get(root, "scrape_config_files")) {
        const char *pattern = value_str(p, "");
        glob_t found = {0};
        if (*pattern != '/')
            pattern = arena_join(j->arena, folder, "/", pattern, NULL);
        (void)glob(pattern, 0, NULL, &found);
        for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
            r = read_file(j, found.gl_pathv[i], e);
        globfree(&found);
    }
    return r;
}

int scrape_jobs_open(const struct value *root, const char *folder, struct scraper *s,
                     struct scrape_jobs **out, struct err *e)
{
    AUTO(scrape_jobs) struct scrape_jobs *j = calloc(1, sizeof *j);
    if (!j)
        log_die("out of memory");
    j->arena = arena_new(0);
    j->scraper = s;
    j->global = value_get(root, "global");
    j->jobs = ARENA_ARRAY(j->arena, struct scrape_job, JOBS_MAX);
    int r = read_list(j, root, folder, e);
    if (r == 0)
        r = read_files(j, root, folder, e);
    if (r == 0)
        *out = take_ptr(j);
    return r;
}

void scrape_jobs_free(struct scrape_jobs *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n; i++) {
        discovery_free(j->jobs[i].discovery);
        relabel_free(j->jobs[i].relabel);
        relabel_free(j->jobs[i].metric_relabel);
    }
    arena_free(j->arena);
    free(j);
}

size_t scrape_jobs_count(const struct scrape_jobs *j)
{
    return j->n;
}

/* ---- finding targets ---- */

struct found_target {
    const char *key, *url;
    struct labels labels;
    int64_t interval_ms, timeout_ms;
};

/* One sync of one job. */
struct search {
    const struct scrape_job *job;
    struct arena *arena;
    struct found_target *targets;
    size_t n, cap;
};

/* Relabelling may have changed how often it is asked. */
static int times_of(const struct label_set *l, struct found_target *out, struct err *e)
{
    const char *interval = label_set_get(l, "__scrape_interval__");
    const char *timeout = label_set_get(l, "__scrape_timeout__");
    int r = rules_duration(interval, &out->interval_ms, e);
    if (r == 0)
        r = rules_duration(timeout, &out->timeout_ms, e);
    if (r == 0 && (out->interval_ms == 0 || out->timeout_ms == 0))
        r = err_set(e, ERR_INVALID, "scrape interval %.20s, timeout %.20s: neither may be 0",
                    interval, timeout);
    if (r == 0 && out->timeout_ms > out->interval_ms)
        r = err_set(e, ERR_INVALID, "scrape timeout %.20s is longer than the interval %.20s",
                    timeout, interval);
    return r < 0 ? r : scrape_times_check(out->interval_ms, out->timeout_ms, e);
}

static void add_target(struct search *s, const struct found_target *t)
{
    struct arena *a = s->arena;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        s->targets =
            arena_grow(a, s->targets, s->cap * sizeof *s->targets, cap * sizeof *s->targets);
        s->cap = cap;
    }
    struct found_target *to = &s->targets[s->n++];
    *to = *t;
    to->url = arena_strdup(a, t->url);
    to->labels = labels_copy(a, &t->labels);
    to->key = arena_printf(a, "%s%016llx%016llx", s->job->prefix,
                           (unsigned long long)map_hash(t->url, strlen(t->url)),
                           (unsigned long long)labels_hash(&t->labels));
}

static int found(void *arg, struct label_set *l, struct arena *a, struct err *e)
{
    struct search *s = arg;
    const struct scrape_job *job = s->job;
    struct found_target t;
    struct err why;
    const char *address = label_set_get(l, "__address__");
    (void)e;
    if (!*label_set_get(l, "job"))
        label_set_put(l, "job", job->name);
    label_set_put(l, "__scrape_interval__",
                  arena_printf(a, "%lldms", (long long)job->opts.interval_ms));
    label_set_put(l, "__scrape_timeout__",
                  arena_printf(a, "%lldms", (long long)job->opts.timeout_ms));
    if (!discovered_target(&job->how, l, a, &t.url, &t.labels))
        return 0;
    if (times_of(l, &t, &why) < 0)
        log_warn("metrics", "job %s: target %s is not asked: %s", job->name, address, why.msg);
    else
        add_target(s, &t);
    return 0;
}

static void put_targets(struct scrape_jobs *j, const struct search *s)
{
    const struct scrape_job *job = s->job;
    const char **kept = ARENA_ARRAY(s->arena, const char *, s->n + 1);
    struct scrape_opts o = job->opts;
    if (job->target_limit && s->n > job->target_limit)
        o.refused = arena_printf(s->arena, "target_limit exceeded: %zu targets, %zu allowed", s->n,
                                 job->target_limit);
    for (size_t i = 0; i < s->n; i++) {
        const struct found_target *t = &s->targets[i];
        o.interval_ms = t->interval_ms;
        o.timeout_ms = t->timeout_ms;
        o.version = arena_printf(s->arena, "%lld/%lld/%d", (long long)t->interval_ms,
                                 (long long)t->timeout_ms, o.refused != NULL);
        scraper_put(j->scraper, t->key, t->url, &t->labels, &o);
        kept[i] = t->key;
    }
    scraper_keep(j->scraper, job->prefix, kept, s->n);
}

static void say_once(struct scrape_job *job, const char *fault)
{
    if (*fault && strncmp(job->said, fault, sizeof job->said - 1) != 0)
        log_warn("metrics", "job %s: none of its targets is asked: %s", job->name, fault);
    (void)snprintf(job->said, sizeof job->said, "%.199s", fault);
}

static int jobs_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                     struct err *e)
{
    struct scrape_jobs *j = c->arg;
    size_t number = strtoul(key->name, NULL, 10);
    if (number >= j->n)
        return 0;
    struct scrape_job *job = &j->jobs[number];
    struct search s = {.job = job, .arena = a};
    int64_t now = c->clock->mono_ms(c->clock), wait = job->synced_ms + GAP_MS - now;
    if (job->synced_ms && wait > 0) {
        c->requeue_after_ms = wait;
        return 0;
    }
    job->synced_ms = now;
    c->requeue_after_ms = discovery_again_ms(job->discovery);
    int r = discovery_run(job->discovery, c->cache, found, &s, e);
    if (r < 0 && r != ERR_TOO_LARGE)
        return r;
    if (r < 0)
        s.n = 0;
    say_once(job, r < 0 ? e->msg : "");
    put_targets(j, &s);
    return 0;
}

void scrape_jobs_kick(const struct scrape_jobs *j, struct runner *r)
{
    for (size_t i = 0; i < j->n; i++)
        runner_kick(r, scrape_jobs_controller.name, "", j->jobs[i].key);
}

static void concerned(const struct object *o, struct controller_ctx *c, struct key_sink *sink)
{
    const struct scrape_jobs *j = c->arg;
    (void)o;
    for (size_t i = 0; i < j->n; i++)
        if (discovery_watches(j->jobs[i].discovery))
            key_add(sink, "", j->jobs[i].key);
}

static const struct controller_watch watches[] = {
    {&RES_POD,            concerned},
    {&RES_SERVICE,        concerned},
    {&RES_ENDPOINTS,      concerned},
    {&RES_ENDPOINT_SLICE, concerned},
    {&RES_NODE,           concerned},
    {NULL,                NULL     },
};

const struct controller scrape_jobs_controller = {
    .name = "scrape-jobs", .watches = watches, .workers = 1, .sync = jobs_sync};
