#include "monitor/sources.h"

#include <glob.h>
#include <string.h>

#include "api/conditions.h"
#include "base/fs.h"
#include "base/log.h"
#include "codec/json.h"
#include "kube/cache.h"
#include "kube/events.h"
#include "kube/write.h"

static const char object_prefix[] = "prometheusrule/";
static const char map_label[] = "slipway.dev/prometheus", lines_label[] = "slipway.dev/logs";
enum { FILE_MAX = 16 << 20, FAULTS_SHOWN = 5, NAMES_SHOWN = 20 };

char *rule_object_key(struct arena *a, const char *ns, const char *name)
{
    return arena_join(a, object_prefix, ns, "/", name, NULL);
}

bool rule_object_of(struct arena *a, const char *key, const char **ns, const char **name)
{
    if (strncmp(key, object_prefix, sizeof object_prefix - 1) != 0)
        return false;
    key += sizeof object_prefix - 1;
    const char *slash = strchr(key, '/');
    *ns = slash ? arena_strndup(a, key, (size_t)(slash - key)) : "";
    *name = slash ? slash + 1 : key;
    return slash != NULL;
}

/* All that is wrong with a file, in one line; an object's lines are nobody's. */
static char *faults_text(const struct rule_file *f, bool lines, struct arena *a)
{
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < f->n_faults && i < FAULTS_SHOWN; i++) {
        const char *text = f->faults[i];
        if (!lines && strncmp(text, "line ", 5) == 0 && strstr(text, ": "))
            text = strstr(text, ": ") + 2;
        out = arena_join(a, out, i ? "; " : "", text, NULL);
    }
    if (f->n_faults > FAULTS_SHOWN)
        out = arena_printf(a, "%s; and %zu more", out, f->n_faults - FAULTS_SHOWN);
    return out;
}

static size_t count_rules(const struct rule_file *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->groups[i].n;
    return n;
}

/* ---- PrometheusRules ---- */

struct counts {
    size_t rules, pending, firing;
    const char *failing;            /* the first rule that fails, and why; NULL: none */
    const char *names[NAMES_SHOWN]; /* of rules whose alerts fire */
    size_t n_names;
};

static void count_rule(struct counts *c, const struct ruler_group *g, const struct ruler_rule *x,
                       struct arena *a)
{
    size_t firing = 0;
    for (size_t k = 0; k < x->n_alerts; k++)
        firing += x->alerts[k].firing;
    c->rules++;
    c->firing += firing;
    c->pending += x->n_alerts - firing;
    if (firing && c->n_names < NAMES_SHOWN)
        c->names[c->n_names++] = x->rule.alert;
    if (*x->health.error && !c->failing)
        c->failing = arena_printf(a, "group %s, rule %s: %s", g->name,
                                  *x->rule.alert ? x->rule.alert : x->rule.record, x->health.error);
}

static struct counts count(struct ruler *r, const char *key, struct arena *a)
{
    struct counts c = {0};
    const struct ruler_group **groups;
    size_t n = ruler_groups(r, a, &groups);
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; strcmp(groups[g]->file, key) == 0 && i < groups[g]->n; i++)
            count_rule(&c, groups[g], &groups[g]->rules[i], a);
    return c;
}

static int put_status(struct controller_ctx *c, const struct object *o, const char *fault,
                      struct arena *a, struct err *e)
{
    const struct rule_sources *s = c->arg;
    struct counts n = count(s->ruler, rule_object_key(a, o->ns, o->name), a);
    int64_t now_ms = c->clock->real_ms(c->clock);
    int64_t generation = value_at_int(o->root, "metadata.generation", 0);
    struct value *root = object_edit(a, o);
    const struct value *old = value_get(o->root, "status");
    (void)value_set(a, root, "status", old ? value_copy(a, old) : value_new_object(a));
    struct value *status = value_make_object(a, root, "status");
    (void)value_set_int(a, status, "rules", (int64_t)n.rules);
    (void)value_set_int(a, status, "pending", (int64_t)n.pending);
    (void)value_set_int(a, status, "firing", (int64_t)n.firing);
    struct value *names = value_set(a, status, "firingAlerts", value_new_array(a));
    for (size_t i = 0; i < n.n_names; i++)
        (void)value_push_str(a, names, n.names[i]);
    const struct condition loaded = {"Loaded", fault ? "False" : "True",
                                     fault ? "InvalidRules" : "Loaded", fault ? fault : "",
                                     generation};
    const struct condition works = {"Evaluated", n.failing ? "False" : "True",
                                    n.failing ? "RuleFails" : "Evaluated",
                                    n.failing ? n.failing : "", generation};
    (void)condition_set(a, root, &loaded, now_ms);
    (void)condition_set(a, root, &works, now_ms);
    return write_status(c, &RES_PROMETHEUS_RULE, o, value_get(root, "status"), e);
}

/* Said once: its status remembers. */
static bool is_news(const struct object *o, const char *fault)
{
    VALUE_EACH_ITEM (x, value_at(o->root, "status.conditions"))
        if (strcmp(value_at_str(x, "type", ""), "Loaded") == 0)
            return strcmp(value_at_str(x, "message", ""), fault) != 0;
    return true;
}

static int object_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    const struct rule_sources *s = c->arg;
    const struct object *o = cache_get(c->cache, &RES_PROMETHEUS_RULE, key->ns, key->name, a);
    const char *id = rule_object_key(a, key->ns, key->name);
    if (!o || o->deleting) {
        ruler_remove(s->ruler, id);
        return 0;
    }
    struct arena *own = arena_new(0);
    struct rule_file *file = ARENA_NEW(own, struct rule_file);
    rules_read(own, value_copy(own, value_get(o->root, "spec")), &s->rules, file);
    const char *fault = file->n_faults ? faults_text(file, false, a) : NULL;
    if (fault) {
        arena_free(own);
        if (is_news(o, fault)) {
            event_warning(c, &RES_PROMETHEUS_RULE, o, "InvalidRules", "not loaded: %s", fault);
            log_warn("rules", "prometheusrule %s/%s: not loaded: %s", o->ns, o->name, fault);
        }
    } else {
        const char *version =
            arena_printf(a, "%s %lld", value_at_str(o->root, "metadata.uid", ""),
                         (long long)value_at_int(o->root, "metadata.generation", 0));
        ruler_set(s->ruler, id, version, own, file);
    }
    return put_status(c, o, fault, a, e);
}

static const struct controller_watch object_watches[] = {
    {&RES_PROMETHEUS_RULE, NULL},
    {NULL,                 NULL},
};

const struct controller rule_objects_controller = {
    .name = "prometheus-rules", .watches = object_watches, .workers = 1, .sync = object_sync};

/* ---- ConfigMaps ---- */

static bool is_rule_file(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".rules") == 0);
}

static char *map_prefix(struct arena *a, const char *ns, const char *name)
{
    return arena_join(a, "configmap/", ns, "/", name, "/", NULL);
}

/* Sources of keys that the map has no more. */
static void drop_rest(struct ruler *r, const char *prefix, const struct value *data,
                      struct arena *a)
{
    const struct ruler_group **groups;
    size_t n = ruler_groups(r, a, &groups), len = strlen(prefix);
    for (size_t i = 0; i < n; i++)
        if (strncmp(groups[i]->file, prefix, len) == 0 && !value_get(data, groups[i]->file + len))
            ruler_remove(r, groups[i]->file);
}

static bool labelled(const struct object *o, const char *label)
{
    const char *v = object_label(o, label);
    return v && strcmp(v, "rules") == 0;
}

static bool has_rules(const struct object *o)
{
    return !o->deleting && (labelled(o, map_label) || labelled(o, lines_label));
}

static void load_key(struct controller_ctx *c, const struct object *o, const char *prefix,
                     const struct member *m, struct arena *a)
{
    const struct rule_sources *s = c->arg;
    const char *text = value_str(&m->value, "");
    struct rules_opts rules = s->rules;
    struct arena *own = arena_new(0);
    struct rule_file *file = ARENA_NEW(own, struct rule_file);
    text = arena_strdup(own, text);
    if (s->lines && labelled(o, lines_label))
        rules.language = s->lines(s->arg, o->ns, own);
    rules_parse(own, text, strlen(text), &rules, file);
    if (file->n_faults == 0) {
        const char *version = arena_join(a, rules.language ? "lines " : "", text, NULL);
        ruler_set(s->ruler, arena_join(a, prefix, m->key, NULL), version, own, file);
        return;
    }
    const char *fault = faults_text(file, true, a);
    arena_free(own);
    event_warning(c, &RES_CONFIG_MAP, o, "InvalidRules", "%s: not loaded: %s", m->key, fault);
    log_warn("rules", "configmap %s/%s: %s: not loaded: %s", o->ns, o->name, m->key, fault);
}

static int map_sync(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    const struct rule_sources *s = c->arg;
    const struct object *o = cache_get(c->cache, &RES_CONFIG_MAP, key->ns, key->name, a);
    const char *prefix = map_prefix(a, key->ns, key->name);
    bool ours = o && has_rules(o) && (s->lines || labelled(o, map_label));
    const struct value *data = ours ? value_get(o->root, "data") : NULL;
    (void)e;
    drop_rest(s->ruler, prefix, data, a);
    VALUE_EACH_MEMBER (m, data)
        if (is_rule_file(m->key))
            load_key(c, o, prefix, m, a);
    return 0;
}

static const struct controller_watch map_watches[] = {
    {&RES_CONFIG_MAP, NULL},
    {NULL,            NULL},
};

const struct controller rule_maps_controller = {.name = "rule-files",
                                                .watches = map_watches,
                                                .workers = 1,
                                                .concerns = has_rules,
                                                .sync = map_sync};

/* ---- files ---- */

static int load_file(const struct rule_sources *s, const char *path, struct err *e)
{
    AUTO(arena) struct arena *own = arena_new(0);
    struct rule_file *file = ARENA_NEW(own, struct rule_file);
    char *text;
    size_t n;
    int r = fs_read(path, FILE_MAX, own, &text, &n, e);
    if (r < 0)
        return r;
    rules_parse(own, text, n, &s->rules, file);
    if (file->n_faults)
        return err_set(e, ERR_INVALID, "%s: %s", path, faults_text(file, true, own));
    log_info("rules", "%s: %zu rules", path, count_rules(file));
    ruler_set(s->ruler, path, text, take_ptr(own), file);
    return 0;
}

int rule_files_load(const struct rule_sources *s, const char *folder, const struct value *patterns,
                    struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int r = 0;
    VALUE_EACH_ITEM (p, patterns) {
        const char *pattern = value_str(p, "");
        glob_t found = {0};
        if (*pattern != '/')
            pattern = arena_join(a, folder, "/", pattern, NULL);
        (void)glob(pattern, 0, NULL, &found);
        for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
            r = load_file(s, found.gl_pathv[i], e);
        globfree(&found);
    }
    return r;
}
