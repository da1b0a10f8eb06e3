/* api.c - Alertmanager's HTTP API v2: status, receivers, alerts, groups; silences are beside. */
#include <string.h>

#include "base/thread.h"
#include "codec/json.h"
#include "codec/regex.h"
#include "notify/notify_int.h"

enum { BODY_MAX = 16 << 20, POSTS_MAX = 10000, FILTERS_MAX = 64 };

void notifier__send(struct http_request *q, int status, const struct value *v)
{
    const char *text = json_text(q->arena, v, 0);
    http_send(q, status, "application/json", text, strlen(text));
}

/* Errors are a JSON text, as upstream's are. */
void notifier__fail(struct http_request *q, int status, const char *message)
{
    notifier__send(q, status, value_new_str(q->arena, message));
}

int notifier__filters(struct http_request *q, struct arena *a, struct alert_matchers *out,
                      struct err *e)
{
    struct matcher *all = ARENA_ARRAY(a, struct matcher, FILTERS_MAX);
    const char *key, *value;
    size_t n = 0;
    for (size_t cursor = 0; http_query_next(q, &cursor, &key, &value);) {
        struct alert_matchers m;
        if (strcmp(key, "filter") != 0)
            continue;
        int r = alert_matchers_parse(a, value, &m, e);
        if (r == 0 && n + m.n > FILTERS_MAX)
            r = err_set(e, ERR_INVALID, "more than %d filters", FILTERS_MAX);
        if (r < 0)
            return r;
        memcpy(all + n, m.items, m.n * sizeof *all);
        n += m.n;
    }
    *out = (struct alert_matchers){all, n};
    return 0;
}

/* ---- status, receivers ---- */

/* A reference. Answers are sent without the lock: a reader may be slow. */
static struct alert_config *config_of(struct notifier *n)
{
    LOCK_SCOPE(&n->lock);
    return alert_config_ref(alert_engine_config(n->engine));
}

static void get_status(struct notifier *n, struct http_request *q)
{
    static const char *const version[] = {"branch", "buildDate", "buildUser", "goVersion",
                                          "revision"};
    struct arena *a = q->arena;
    struct value *v = value_new_object(a);
    struct value *cluster = value_make_object(a, v, "cluster");
    (void)value_set_str(a, cluster, "status", "disabled");
    (void)value_make_array(a, v, "cluster.peers");
    for (size_t i = 0; i < ARRAY_LEN(version); i++)
        (void)value_set_str(a, value_make_object(a, v, "versionInfo"), version[i], "");
    (void)value_set_str(a, value_make_object(a, v, "versionInfo"), "version", "0.28.0");
    json_set_time(a, v, "uptime", n->started_ms);
    AUTO(alert_config) struct alert_config *c = config_of(n);
    (void)value_set_str(a, value_make_object(a, v, "config"), "original", c->shown);
    notifier__send(q, 200, v);
}

static void get_receivers(struct notifier *n, struct http_request *q)
{
    struct value *v = value_new_array(q->arena);
    AUTO(alert_config) struct alert_config *c = config_of(n);
    for (size_t i = 0; i < c->n_receivers; i++)
        (void)value_set_str(q->arena, value_push(q->arena, v, value_new_object(q->arena)), "name",
                            c->receivers[i].name);
    notifier__send(q, 200, v);
}

/* ---- alerts ---- */

static struct value *texts(const char *const *list, struct arena *a)
{
    struct value *v = value_new_array(a);
    for (; *list; list++)
        (void)value_push_str(a, v, *list);
    return v;
}

static const char *state_of(const struct alert_seen *s)
{
    if (!s->processed)
        return "unprocessed";
    return *s->silenced_by || *s->inhibited_by || *s->muted_by ? "suppressed" : "active";
}

static struct value *alert_value(const struct alert_seen *s, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set(a, v, "annotations", json_labels(&s->alert.annotations, a));
    json_set_time(a, v, "endsAt", s->alert.ends_ms);
    (void)value_set_str(a, v, "fingerprint", s->alert.print);
    struct value *receivers = value_make_array(a, v, "receivers");
    for (const char **r = s->receivers; *r; r++)
        (void)value_set_str(a, value_push(a, receivers, value_new_object(a)), "name", *r);
    json_set_time(a, v, "startsAt", s->alert.starts_ms);
    struct value *status = value_make_object(a, v, "status");
    (void)value_set(a, status, "inhibitedBy", texts(s->inhibited_by, a));
    (void)value_set(a, status, "mutedBy", texts(s->muted_by, a));
    (void)value_set(a, status, "silencedBy", texts(s->silenced_by, a));
    (void)value_set_str(a, status, "state", state_of(s));
    json_set_time(a, v, "updatedAt", s->updated_ms);
    (void)value_set_str(a, v, "generatorURL", s->alert.generator_url);
    (void)value_set(a, v, "labels", json_labels(&s->alert.labels, a));
    return v;
}

/* What is asked for; everything where nothing is said. */
struct wanted {
    struct alert_matchers filters;
    bool active, silenced, inhibited, muted, unprocessed;
    struct matcher receiver;
};

static bool flag(struct http_request *q, const char *name)
{
    const char *v = http_query(q, name);
    return !v || strcmp(v, "false") != 0;
}

static int read_wanted(struct http_request *q, struct wanted *w, struct err *e)
{
    const char *receiver = http_query(q, "receiver");
    const struct labels none = {0};
    bool fits;
    *w = (struct wanted){.active = flag(q, "active"),
                         .silenced = flag(q, "silenced"),
                         .inhibited = flag(q, "inhibited"),
                         .muted = flag(q, "muted"),
                         .unprocessed = flag(q, "unprocessed")};
    w->receiver = (struct matcher){"receiver", MATCH_RE, receiver ? receiver : ""};
    int r = tsdb_matches(&w->receiver, 1, &none, &fits, e);
    return r < 0 ? r : notifier__filters(q, q->arena, &w->filters, e);
}

static bool to_receiver(const struct wanted *w, const char *name)
{
    const struct label l = {"receiver", name};
    const struct labels labels = {&l, 1};
    const struct alert_matchers m = {&w->receiver, 1};
    return !*w->receiver.value || alert_matches(&m, &labels);
}

static bool is_wanted(const struct wanted *w, const struct alert_seen *s)
{
    bool receiver = false;
    for (const char **r = s->receivers; *r && !receiver; r++)
        receiver = to_receiver(w, *r);
    if (!receiver || !alert_matches(&w->filters, &s->alert.labels))
        return false;
    bool held = *s->silenced_by || *s->inhibited_by || *s->muted_by;
    return (held || s->processed || w->unprocessed) && (held || !s->processed || w->active) &&
           (!*s->silenced_by || w->silenced) && (!*s->inhibited_by || w->inhibited) &&
           (!*s->muted_by || w->muted);
}

static int64_t now_of(const struct notifier *n)
{
    return n->opts.clock->real_ms(n->opts.clock);
}

/* GET /alerts: those that are wanted, in one list. */
static struct value *list_alerts(struct notifier *n, struct http_request *q, const struct wanted *w)
{
    struct value *v = value_new_array(q->arena);
    struct alert_seen *seen;
    size_t count;
    {
        LOCK_SCOPE(&n->lock);
        count = alert_engine_alerts(n->engine, now_of(n), q->arena, &seen);
    }
    for (size_t i = 0; i < count; i++)
        if (is_wanted(w, &seen[i]))
            (void)value_push(q->arena, v, alert_value(&seen[i], q->arena));
    return v;
}

static struct value *wanted_of_group(const struct alert_group_seen *g, const struct wanted *w,
                                     struct arena *a)
{
    struct value *v = value_new_array(a);
    for (size_t i = 0; i < g->n; i++)
        if (is_wanted(w, &g->alerts[i]))
            (void)value_push(a, v, alert_value(&g->alerts[i], a));
    return v;
}

/* GET /alerts/groups: groups that have any. */
static struct value *list_groups(struct notifier *n, struct http_request *q, const struct wanted *w)
{
    struct value *v = value_new_array(q->arena);
    struct alert_group_seen *groups;
    size_t count;
    {
        LOCK_SCOPE(&n->lock);
        count = alert_engine_groups(n->engine, now_of(n), q->arena, &groups);
    }
    for (size_t i = 0; i < count; i++) {
        struct value *alerts = wanted_of_group(&groups[i], w, q->arena);
        if (!value_count(alerts) || !to_receiver(w, groups[i].receiver))
            continue;
        struct value *g = value_push(q->arena, v, value_new_object(q->arena));
        (void)value_set(q->arena, g, "alerts", alerts);
        (void)value_set(q->arena, g, "labels", json_labels(&groups[i].labels, q->arena));
        (void)value_set_str(q->arena, value_make_object(q->arena, g, "receiver"), "name",
                            groups[i].receiver);
    }
    return v;
}

static void answer_wanted(struct notifier *n, struct http_request *q,
                          struct value *(*list)(struct notifier *n, struct http_request *q,
                                                const struct wanted *w))
{
    struct wanted w;
    struct err e;
    if (read_wanted(q, &w, &e) < 0)
        notifier__fail(q, 400, e.msg);
    else
        notifier__send(q, 200, list(n, q, &w));
}

/* All that can be taken is taken; the first that cannot is named. */
static int put_all(struct notifier *n, const struct value *list, struct arena *a, struct err *e)
{
    int first = 0;
    if (list->kind != VALUE_ARRAY)
        return err_set(e, ERR_INVALID, "the body is no list of alerts");
    if (value_count(list) > POSTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d alerts at a time", POSTS_MAX);
    LOCK_SCOPE(&n->lock);
    VALUE_EACH_ITEM (x, list) {
        struct alert_post p;
        struct err why;
        int r = json_read_post(x, a, &p, &why);
        if (r == 0)
            r = alert_engine_put(n->engine, &p, now_of(n), &why);
        if (r < 0 && first == 0) {
            first = r;
            *e = why;
        }
    }
    notifier__wake(n);
    return first;
}

static void post_alerts(struct notifier *n, struct http_request *q)
{
    struct value *list;
    struct err e;
    char *body;
    size_t len;
    int r = http_read_all(q, BODY_MAX, &body, &len, &e);
    if (r == 0)
        r = json_parse(q->arena, body, len, JSON_SHALLOW, &list, &e);
    if (r == 0)
        r = put_all(n, list, q->arena, &e);
    if (r < 0)
        notifier__fail(q, 400, e.msg);
    else
        http_send(q, 200, "application/json", "", 0);
}

/* ---- the door ---- */

/* A page in somebody's browser cannot send this type without asking first. */
static bool is_json(struct http_request *q)
{
    const char *type = http_header(q, "Content-Type");
    return type && strncmp(type, "application/json", 16) == 0;
}

void notifier_handle(struct http_request *q, void *arg)
{
    struct notifier *n = arg;
    const char *path = q->path + strlen("/api/v2/");
    bool get = strcmp(q->method, "GET") == 0, posted = strcmp(q->method, "POST") == 0;
    if (posted && !is_json(q))
        notifier__fail(q, 415, "the body must be application/json");
    else if (get && strcmp(path, "status") == 0)
        get_status(n, q);
    else if (get && strcmp(path, "receivers") == 0)
        get_receivers(n, q);
    else if (get && strcmp(path, "alerts/groups") == 0)
        answer_wanted(n, q, list_groups);
    else if (get && strcmp(path, "alerts") == 0)
        answer_wanted(n, q, list_alerts);
    else if (posted && strcmp(path, "alerts") == 0)
        post_alerts(n, q);
    else if (!notifier__silences(n, q, path))
        notifier__fail(q, 404, "there is no such path below /api/v2/");
}
