#include "alert/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "alert/config_int.h"
#include "base/log.h"
#include "codec/yaml.h"
#include "rules/rules.h"

enum {
    GROUP_WAIT_MS = 30000,
    GROUP_INTERVAL_MS = 300000,
    REPEAT_MS = 14400000,
    RESOLVE_MS = 300000,
    DEPTH_MAX = 64
};

static const struct alert_field root_fields[] = {
    {"global",    FIELD_ANY, false, alert_global_fields},
    {"route",      FIELD_ANY, false, NULL},
    {"receivers",           FIELD_ANY, false, NULL},
    {"inhibit_rules",FIELD_ANY, false, NULL},
    {"templates",       FIELD_ANY, false, NULL},
    {"time_intervals", FIELD_ANY, false, NULL},
    {"mute_time_intervals",      FIELD_ANY, false, NULL},
    {0          },
};
static const struct alert_field route_fields[] = {
    {"receiver", FIELD_TEXT, false, NULL},
    {"group_by",     FIELD_ANY, false, NULL},
    {"match",          FIELD_ANY, false, NULL},
    {"match_re",FIELD_ANY, false, NULL},
    {"matchers",      FIELD_ANY, false, NULL},
    {"continue",    FIELD_BOOL, false, NULL},
    {"group_wait",     FIELD_SPAN, false, NULL},
    {"group_interval",          FIELD_SPAN, false, NULL},
    {"repeat_interval",     FIELD_SPAN, false, NULL},
    {"mute_time_intervals",      FIELD_ANY, false, NULL},
    {"active_time_intervals", FIELD_ANY, false, NULL},
    {"routes",     FIELD_ANY, false, NULL},
    {0         },
};
static const struct alert_field inhibit_fields[] = {
    {"source_match",    FIELD_ANY, false, NULL},
    {"source_match_re",            FIELD_ANY, false, NULL},
    {"source_matchers",                 FIELD_ANY, false, NULL},
    {"target_match",FIELD_ANY, false, NULL},
    {"target_match_re",             FIELD_ANY, false, NULL},
    {"target_matchers", FIELD_ANY, false, NULL},
    {"equal",            FIELD_ANY, false, NULL},
    {0                },
};

int alert_span(const struct value *v, const char *name, int64_t dflt_ms, int64_t *out,
               struct err *e)
{
    const struct value *of = *name ? value_get(v, name) : v;
    if (!of || of->kind == VALUE_NULL) {
        *out = dflt_ms;
        return 0;
    }
    if (of->kind != VALUE_STRING && of->kind != VALUE_INT)
        return err_set(e, ERR_INVALID, "line %u: %s is no duration", of->line, name);
    return rules_duration(of->text, out, e);
}

/* ---- matchers, in the three ways that the file has them ---- */

struct collected {
    struct arena *arena;
    struct matcher *items;
    size_t n;
};

static void collect(struct collected *c, const struct matcher *m, size_t n)
{
    if (n == 0)
        return;
    c->items =
        arena_grow(c->arena, c->items, c->n * sizeof *c->items, (c->n + n) * sizeof *c->items);
    memcpy(c->items + c->n, m, n * sizeof *m);
    c->n += n;
}

static int collect_map(struct collected *c, const struct value *v, enum match_op op, struct err *e)
{
    VALUE_EACH_MEMBER (m, v) {
        const struct labels none = {0};
        const struct matcher one = {
            m->key, op,
            m->value.kind == VALUE_STRING || m->value.kind == VALUE_INT ? m->value.text : ""};
        bool fits;
        int r = tsdb_matches(&one, 1, &none, &fits, e);
        if (r < 0)
            return r;
        collect(c, &one, 1);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct matcher *)a)->name, ((const struct matcher *)b)->name);
}

/* "PREFIXmatch", "PREFIXmatch_re" and "PREFIXmatchers". */
static int read_matchers(struct arena *a, const struct value *v, const char *prefix,
                         struct alert_matchers *out, struct err *e)
{
    struct collected c = {.arena = a};
    const struct value *texts = value_get(v, arena_join(a, prefix, "matchers", NULL));
    struct alert_matchers one;
    int r = collect_map(&c, value_get(v, arena_join(a, prefix, "match", NULL)), MATCH_EQ, e);
    if (r == 0)
        r = collect_map(&c, value_get(v, arena_join(a, prefix, "match_re", NULL)), MATCH_RE, e);
    if (r == 0 && value_is(texts, VALUE_STRING)) {
        r = alert_matchers_parse(a, texts->text, &one, e);
        if (r == 0)
            collect(&c, one.items, one.n);
    }
    VALUE_EACH_ITEM (x, value_is(texts, VALUE_ARRAY) ? texts : NULL) {
        if (r == 0)
            r = alert_matchers_parse(a, value_str(x, "?"), &one, e);
        if (r == 0)
            collect(&c, one.items, one.n);
    }
    if (r < 0)
        return err_wrap(e, r, "line %u", v->line);
    if (c.n)
        qsort(c.items, c.n, sizeof *c.items, by_name);
    *out = (struct alert_matchers){c.items, c.n};
    return 0;
}

static const char *const *read_texts(struct arena *a, const struct value *v, size_t *n)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(v) + 1);
    *n = 0;
    VALUE_EACH_ITEM (x, v)
        out[(*n)++] = value_str(x, "");
    return out;
}

/* ---- routes ---- */

static const struct alert_receiver *find_receiver(const struct alert_config *c, const char *name)
{
    for (size_t i = 0; i < c->n_receivers; i++)
        if (strcmp(c->receivers[i].name, name) == 0)
            return &c->receivers[i];
    return NULL;
}

static int check_intervals(const struct alert_config *c, const char *const *names, size_t n,
                           struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < c->n_intervals && strcmp(c->intervals[k].name, names[i]) != 0)
            k++;
        if (k == c->n_intervals)
            return err_set(e, ERR_INVALID, "there is no time interval %.60s", names[i]);
    }
    return 0;
}

static int read_group_by(struct alert_config *c, const struct value *v, struct alert_route *r,
                         struct err *e)
{
    const struct value *list = value_get(v, "group_by");
    if (!list)
        return 0;
    r->group_by = read_texts(c->arena, list, &r->n_group_by);
    r->group_all = false;
    for (size_t i = 0; i < r->n_group_by; i++)
        r->group_all |= strcmp(r->group_by[i], "...") == 0;
    if (r->group_all && r->n_group_by > 1)
        return err_set(
            e, ERR_INVALID,
            "line %u: group_by: '...' stands for all labels, so nothing can be beside it",
            list->line);
    return 0;
}

static int read_timing(const struct value *v, struct alert_route *r, struct err *e)
{
    int rc = alert_span(v, "group_wait", r->group_wait_ms, &r->group_wait_ms, e);
    if (rc == 0)
        rc = alert_span(v, "group_interval", r->group_interval_ms, &r->group_interval_ms, e);
    if (rc == 0)
        rc = alert_span(v, "repeat_interval", r->repeat_ms, &r->repeat_ms, e);
    if (rc == 0 && (r->group_interval_ms == 0 || r->repeat_ms == 0))
        rc = err_set(e, ERR_INVALID, "line %u: group_interval and repeat_interval cannot be zero",
                     v->line);
    return rc;
}

static int read_route(struct alert_config *c, const struct value *v,
                      const struct alert_route *parent, unsigned depth, struct alert_route *r,
                      struct err *e);

static int read_children(struct alert_config *c, const struct value *v, unsigned depth,
                         struct alert_route *r, struct err *e)
{
    const struct value *list = value_get(v, "routes");
    int rc = 0;
    r->routes = ARENA_ARRAY(c->arena, struct alert_route, value_count(list) + 1);
    r->n = 0;
    if (depth == DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "routes are nested more than %d deep", DEPTH_MAX);
    VALUE_EACH_ITEM (x, list)
        if (rc == 0)
            rc = read_route(c, x, r, depth + 1, &r->routes[r->n++], e);
    return rc;
}

/* What it does not say is its parent's. */
static int read_route(struct alert_config *c, const struct value *v,
                      const struct alert_route *parent, unsigned depth, struct alert_route *r,
                      struct err *e)
{
    int rc = alert_fields_check(v, "a route", route_fields, e);
    *r = *parent;
    r->index = c->n_routes++;
    r->matchers = (struct alert_matchers){0};
    if (rc == 0)
        rc = read_matchers(c->arena, v, "", &r->matchers, e);
    if (rc == 0)
        rc = read_group_by(c, v, r, e);
    if (rc == 0)
        rc = read_timing(v, r, e);
    if (rc < 0)
        return rc;
    const char *receiver = value_at_str(v, "receiver", "");
    if (*receiver && !(r->receiver = find_receiver(c, receiver)))
        return err_set(e, ERR_INVALID, "line %u: there is no receiver %s", v->line, receiver);
    r->go_on = value_at_bool(v, "continue", false);
    r->mute = read_texts(c->arena, value_get(v, "mute_time_intervals"), &r->n_mute);
    r->active = read_texts(c->arena, value_get(v, "active_time_intervals"), &r->n_active);
    rc = check_intervals(c, r->mute, r->n_mute, e);
    if (rc == 0)
        rc = check_intervals(c, r->active, r->n_active, e);
    const char *own = alert_matchers_text(c->arena, &r->matchers);
    r->key = parent->key ? arena_join(c->arena, parent->key, "/", own, NULL) : own;
    return rc < 0 ? rc : read_children(c, v, depth, r, e);
}

static int read_root(struct alert_config *c, const struct value *root, struct err *e)
{
    const struct alert_route dflt = {.group_wait_ms = GROUP_WAIT_MS,
                                     .group_interval_ms = GROUP_INTERVAL_MS,
                                     .repeat_ms = REPEAT_MS};
    const struct value *v = value_get(root, "route");
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "no route provided");
    int r = read_route(c, v, &dflt, 0, &c->root, e);
    if (r < 0)
        return r;
    if (!c->root.receiver)
        return err_set(e, ERR_INVALID, "line %u: the root route must name a receiver", v->line);
    if (c->root.matchers.n || c->root.n_mute || c->root.n_active || c->root.go_on)
        return err_set(e, ERR_INVALID,
                       "line %u: the root route must not have matchers, time intervals or continue",
                       v->line);
    return 0;
}

/* ---- the rest ---- */

static int read_intervals(struct alert_config *c, const struct value *root, struct err *e)
{
    static const char *const names[] = {"time_intervals", "mute_time_intervals"};
    int r = 0;
    c->intervals = ARENA_ARRAY(c->arena, struct alert_interval,
                               value_count(value_get(root, names[0])) +
                                   value_count(value_get(root, names[1])) + 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        VALUE_EACH_ITEM (x, value_get(root, names[i]))
            if (r == 0)
                r = alert_interval_read(c->arena, x, &c->intervals[c->n_intervals++], e);
    return r;
}

static int read_inhibitions(struct alert_config *c, const struct value *root, struct err *e)
{
    const struct value *list = value_get(root, "inhibit_rules");
    int r = 0;
    c->inhibitions = ARENA_ARRAY(c->arena, struct alert_inhibition, value_count(list) + 1);
    VALUE_EACH_ITEM (x, list) {
        struct alert_inhibition *to = &c->inhibitions[c->n_inhibitions++];
        r = alert_fields_check(x, "an inhibition", inhibit_fields, e);
        if (r == 0)
            r = read_matchers(c->arena, x, "source_", &to->source, e);
        if (r == 0)
            r = read_matchers(c->arena, x, "target_", &to->target, e);
        if (r < 0)
            return r;
        to->equal = read_texts(c->arena, value_get(x, "equal"), &to->n_equal);
    }
    return 0;
}

/* An address without what tells who may use it: "https://hooks.example/<secret>". */
static const char *hide(struct arena *a, const struct value *v)
{
    const char *text = value_str(v, ""), *host = strstr(text, "://");
    if (!host)
        return "<secret>";
    size_t scheme = (size_t)(host - text), n = strcspn(host + 3, "/?#");
    const char *at = memrchr(host + 3, '@', n), *from = at ? at + 1 : host + 3;
    n -= (size_t)(from - (host + 3));
    return arena_printf(a, "%.*s://%.*s/<secret>", (int)scheme, text, (int)n, from);
}

static void hide_secrets(struct arena *a, struct value *v)
{
    if (v->kind == VALUE_ARRAY)
        for (uint32_t i = 0; i < v->n; i++)
            hide_secrets(a, &v->items[i]);
    if (v->kind != VALUE_OBJECT)
        return;
    for (uint32_t i = 0; i < v->n; i++) {
        struct member *m = &v->members[i];
        if (alert_field_is_secret(m->key) && m->value.kind != VALUE_NULL)
            m->value = *value_new_str(a, hide(a, &m->value));
        else
            hide_secrets(a, &m->value);
    }
}

static bool names_files(const struct value *v)
{
    VALUE_EACH_ITEM (x, value_is(v, VALUE_ARRAY) ? v : NULL)
        if (names_files(x))
            return true;
    VALUE_EACH_MEMBER (m, v) {
        size_t n = strlen(m->key);
        if ((n > 5 && strcmp(m->key + n - 5, "_file") == 0) || names_files(&m->value))
            return true;
    }
    return false;
}

static const char *show(struct arena *a, const struct value *root)
{
    struct value *copy = value_copy(a, root);
    hide_secrets(a, copy);
    return yaml_text(a, copy, 0);
}

static int read_all(struct alert_config *c, const char *text, size_t n, struct err *e)
{
    struct value *root;
    text = arena_strndup(c->arena, text, n);
    int r = yaml_parse(c->arena, text, n, YAML_STRICT_KEYS, &root, e);
    if (r == 0)
        r = alert_fields_check(root, "the configuration", root_fields, e);
    if (r == 0)
        r = alert_span(value_get(root, "global"), "resolve_timeout", RESOLVE_MS,
                       &c->resolve_timeout_ms, e);
    if (r == 0)
        r = alert_receivers_read(c, root, e);
    if (r == 0)
        r = read_intervals(c, root, e);
    if (r == 0)
        r = read_inhibitions(c, root, e);
    if (r == 0)
        r = read_root(c, root, e);
    if (r < 0)
        return r;
    c->templates = read_texts(c->arena, value_get(root, "templates"), &c->n_templates);
    c->names_files =
        names_files(value_get(root, "global")) || names_files(value_get(root, "receivers"));
    c->shown = show(c->arena, root);
    return 0;
}

int alert_config_read(const char *text, size_t n, struct alert_config **out, struct err *e)
{
    struct arena *a = arena_new(0);
    struct alert_config *c = ARENA_NEW(a, struct alert_config);
    c->arena = a;
    atomic_init(&c->refs, 1);
    int r = read_all(c, text, n, e);
    if (r < 0)
        arena_free(a);
    else
        *out = c;
    return r;
}

struct alert_config *alert_config_none(void)
{
    static const char text[] = "route: {receiver: nobody, group_by: [alertname]}\n"
                               "receivers: [{name: nobody}]\n";
    struct alert_config *c;
    struct err e;
    if (alert_config_read(text, sizeof text - 1, &c, &e) < 0)
        log_die("the configuration without receivers is wrong: %s", e.msg);
    return c;
}

struct alert_config *alert_config_ref(struct alert_config *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void alert_config_free(struct alert_config *c)
{
    if (c && atomic_fetch_sub(&c->refs, 1) == 1)
        arena_free(c->arena);
}
