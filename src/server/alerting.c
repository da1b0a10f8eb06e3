/* alerting.c - rules, and where their alerts go. */
#include <glob.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "codec/yaml.h"
#include "logs/line_rules.h"
#include "rules/config.h"
#include "server/server_int.h"

enum { FILE_MAX = 1 << 20, TEMPLATES_MAX = 64, MANAGERS_MAX = 16, WRITERS_MS = 15000 };

/* Alerts of a PrometheusRule come or go: its status says so. */
static void rules_changed(void *arg, const char *key)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *ns, *name;
    if (s->runner && rule_object_of(a, key, &ns, &name))
        runner_kick(s->runner, rule_objects_controller.name, ns, name);
}

static void tell(void *arg, const struct alert_post *posts, size_t n)
{
    notifier_put(((struct server *)arg)->notifier, posts, n);
}

static const char *folder_of(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".";
}

/* ---- alertmanager.yml ---- */

static int read_templates(const struct alert_config *c, const char *folder, struct arena *a,
                          struct notifier_file *out, size_t *n, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < c->n_templates; i++) {
        glob_t found = {0};
        const char *pattern = *c->templates[i] == '/'
                                  ? c->templates[i]
                                  : arena_join(a, folder, "/", c->templates[i], NULL);
        (void)glob(pattern, 0, NULL, &found);
        for (size_t k = 0; r == 0 && k < found.gl_pathc && *n < TEMPLATES_MAX; k++) {
            char *text = NULL;
            size_t len;
            r = fs_read(found.gl_pathv[k], FILE_MAX, a, &text, &len, e);
            out[(*n)++] = (struct notifier_file){arena_strdup(a, found.gl_pathv[k]), text};
        }
        globfree(&found);
    }
    return r;
}

static int configure_notifier(struct server *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(alert_config) struct alert_config *c = NULL;
    struct notifier_file templates[TEMPLATES_MAX];
    const char *path = s->opts.alertmanager_config;
    size_t len, n = 0;
    char *text;
    if (!path)
        return 0;
    int r = fs_read(path, FILE_MAX, a, &text, &len, e);
    if (r == 0)
        r = alert_config_read(text, len, &c, e);
    if (r == 0)
        r = read_templates(c, folder_of(path, a), a, templates, &n, e);
    if (r == 0)
        r = notifier_configure(s->notifier, &(struct notifier_config){text, templates, n, true}, e);
    return r < 0 ? err_wrap(e, r, "--alertmanager-config %s", path) : 0;
}

/* ---- prometheus.yml ---- */

/* Fields that it acts on; what it would not do is refused. */
static int check_fields(const struct value *v, const char *what, const char *const *known,
                        struct err *e)
{
    VALUE_EACH_MEMBER (m, v) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], m->key) != 0)
            i++;
        if (!known[i])
            return err_set(e, ERR_INVALID, "line %u: %s %s is not acted on here", m->line, what,
                           m->key);
    }
    return 0;
}

static int read_managers(struct server *s, const struct value *alerting, struct err *e)
{
    static const char *const known[] = {"static_configs", "scheme", "path_prefix", "api_version",
                                        NULL};
    const char **urls = ARENA_ARRAY(s->arena, const char *, MANAGERS_MAX + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (m, value_get(alerting, "alertmanagers")) {
        int r = check_fields(m, "alertmanagers:", known, e);
        if (r < 0)
            return r;
        VALUE_EACH_ITEM (group, value_get(m, "static_configs"))
            VALUE_EACH_ITEM (t, value_get(group, "targets")) {
                if (n == MANAGERS_MAX)
                    return err_set(e, ERR_TOO_LARGE, "more than %d Alertmanagers", MANAGERS_MAX);
                urls[n++] = arena_printf(s->arena, "%s://%s%s", value_at_str(m, "scheme", "http"),
                                         value_str(t, ""), value_at_str(m, "path_prefix", ""));
            }
    }
    if (n)
        notifier_forward(s->notifier, urls);
    s->managers = urls;
    return 0;
}

static int read_global(const struct value *global, struct arena *a, struct ruler_opts *o,
                       struct err *e)
{
    /* Those after rule_query_offset are what scrape_configs leave out. */
    static const char *const known[] = {"evaluation_interval",
                                        "external_labels",
                                        "rule_query_offset",
                                        "scrape_interval",
                                        "scrape_timeout",
                                        "scrape_protocols",
                                        "scrape_native_histograms",
                                        "always_scrape_classic_histograms",
                                        "convert_classic_histograms_to_nhcb",
                                        "extra_scrape_metrics",
                                        "metric_name_validation_scheme",
                                        "metric_name_escaping_scheme",
                                        "scrape_failure_log_file",
                                        "body_size_limit",
                                        "sample_limit",
                                        "target_limit",
                                        "label_limit",
                                        "label_name_length_limit",
                                        "label_value_length_limit",
                                        "keep_dropped_targets",
                                        NULL};
    const struct value *labels = value_get(global, "external_labels");
    struct label *l = ARENA_ARRAY(a, struct label, value_members_count(labels) + 1);
    size_t n = 0;
    VALUE_EACH_MEMBER (m, labels)
        l[n++] = (struct label){m->key, value_str(&m->value, "")};
    o->external = labels_make(a, l, n);
    int r = check_fields(global, "global:", known, e);
    if (r == 0)
        r = rules_duration(value_at_str(global, "evaluation_interval", "0"), &o->interval_ms, e);
    if (r == 0)
        r = rules_duration(value_at_str(global, "rule_query_offset", "0"), &o->offset_ms, e);
    return r;
}

static int read_jobs(struct server *s, const struct value *root, struct err *e)
{
    int r = scrape_jobs_open(root, folder_of(s->opts.prometheus_config, s->arena), s->scraper,
                             &s->jobs, e);
    if (r == 0 && scrape_jobs_count(s->jobs) && s->opts.no_controllers)
        return err_set(e, ERR_INVALID, "scrape_configs need the controllers: --no-controllers");
    return r;
}

static int start_writers(struct server *s, const struct value *root, const struct labels *external,
                         struct err *e)
{
    const char *dir = arena_join(s->arena, s->dir, "/remote-write", NULL);
    int r = remote_writers_start(root, folder_of(s->opts.prometheus_config, s->arena), external,
                                 s->metrics, dir, &s->writers, e);
    if (r == 0 && s->writers)
        scraper_set_source(s->scraper, "remote-write", remote_writers_emit, s->writers,
                           &(struct labels){0}, WRITERS_MS);
    return r;
}

/* *out_rules: its rule_files. */
static int read_prometheus(struct server *s, struct ruler_opts *o, const struct value **out_rules,
                           struct err *e)
{
    static const char *const known[] = {
        "global",       "rule_files", "alerting", "scrape_configs", "scrape_config_files",
        "remote_write", NULL};
    static const char *const managers[] = {"alertmanagers", NULL};
    const char *path = s->opts.prometheus_config;
    struct value *v;
    size_t len;
    char *text;
    if (!path)
        return 0;
    int r = fs_read(path, FILE_MAX, s->arena, &text, &len, e);
    if (r == 0)
        r = config_check(path, false, e);
    if (r == 0)
        r = yaml_parse(s->arena, text, len, YAML_STRICT_KEYS, &v, e);
    if (r == 0)
        r = check_fields(v, "field", known, e);
    if (r == 0)
        r = check_fields(value_get(v, "alerting"), "alerting:", managers, e);
    if (r == 0)
        r = read_global(value_get(v, "global"), s->arena, o, e);
    if (r == 0)
        r = read_managers(s, value_get(v, "alerting"), e);
    if (r == 0)
        r = read_jobs(s, v, e);
    if (r == 0)
        r = start_writers(s, v, &o->external, e);
    if (r < 0)
        return err_wrap(e, r, "--prometheus-config %s", path);
    s->monitor.config = config_shown(v, s->arena);
    s->monitor.external = o->external;
    *out_rules = value_get(v, "rule_files");
    return 0;
}

/* ---- life ---- */

/* What the API says of where alerts go: here, and to others. */
static void show_managers(struct server *s, const char *own)
{
    const char **urls = ARENA_ARRAY(s->arena, const char *, MANAGERS_MAX + 2);
    size_t n = 0;
    urls[n++] = arena_join(s->arena, own, "/api/v2/alerts", NULL);
    for (size_t i = 0; s->managers && s->managers[i]; i++)
        urls[n++] = arena_join(s->arena, s->managers[i], "/api/v2/alerts", NULL);
    s->monitor.alertmanagers = urls;
}

static const struct rules_language *lines_language(void *db, const char *ns, struct arena *a)
{
    struct line_rules *x = line_rules_new(a, db, ns);
    struct rules_language *l = ARENA_NEW(a, struct rules_language);
    *l = (struct rules_language){line_rules_check, line_rules_eval, x, LINE_RULES_OFFSET_MS};
    return l;
}

int alerting_start(struct server *s, struct err *e)
{
    const char *url = arena_printf(s->arena, "http://%s", s->opts.metrics_address);
    const struct value *files = NULL;
    struct notifier_opts notify = {.dir = s->dir, .clock = &clock_system, .external_url = url};
    struct ruler_opts o = {.source = &s->source.source,
                           .query = &s->monitor.query,
                           .db = s->metrics,
                           .clock = &clock_system,
                           .external_url = url,
                           .tell = tell,
                           .changed = rules_changed,
                           .arg = s};
    int r = notifier_start(&notify, &s->notifier, e);
    if (r == 0)
        r = configure_notifier(s, e);
    if (r == 0)
        r = read_prometheus(s, &o, &files, e);
    if (r < 0)
        return r;
    s->ruler = ruler_new(&o);
    s->notify.notifier = s->notifier;
    s->rules = (struct rule_sources){
        s->ruler, {.features = s->opts.query_features}, lines_language, s->logs};
    s->monitor.ruler = s->ruler;
    s->dashboards = dashboards_new(s->opts.query_features);
    s->monitor.dashboards = s->dashboards;
    show_managers(s, url);
    return files ? rule_files_load(&s->rules, folder_of(s->opts.prometheus_config, s->arena), files,
                                   e)
                 : 0;
}

void alerting_stop(struct server *s)
{
    ruler_stop(s->ruler);
    notifier_stop(s->notifier);
}

void alerting_free(struct server *s)
{
    dashboards_free(s->dashboards);
    ruler_free(s->ruler);
    notifier_free(s->notifier);
}
