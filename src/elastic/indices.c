/* indices.c - which indices there are, and their documents out of the log store. */
#include <string.h>

#include "codec/json.h"
#include "elastic/api_int.h"
#include "logs/push.h"

/* What one scan may cost; all of a request share the time. */
static const struct logdb_budget limits = {
    .max_lines = 200000000, .max_bytes = (uint64_t)64 << 30, .max_ms = 60000};

const char *index_of(const struct value *labels, struct arena *a)
{
    const char *name = value_at_str(labels, "index", NULL);
    return name ? name
                : arena_join(a, "logs-pods-", value_at_str(labels, "namespace", "none"), NULL);
}

int indices_narrow(struct ask *k, struct err *e)
{
    if (k->narrowed)
        return 0;
    int r = logs_access_narrow(&k->x->opts.access, k->q, &k->narrow, &k->narrow_any, e);
    k->narrowed = r == 0;
    return r;
}

static struct index_info *add_index(struct ask *k, struct map *by_name, const char *name)
{
    struct index_info *i = map_get(by_name, name);
    if (!i) {
        i = ARENA_NEW(k->call.arena, struct index_info);
        i->name = name;
        (void)map_put(by_name, name, i);
    }
    return i;
}

static int64_t hidden_ns(const struct ask *k, const char *name)
{
    return value_at_int(names_get(k, "hidden", name), "until_ms", 0) * 1000000;
}

/* All that the caller may see, and those that were only named. */
static int all_indices(struct ask *k, struct map *by_name, struct err *e)
{
    struct logdb_stream_info *list;
    struct arena *a = k->call.arena;
    size_t n;
    int r = indices_narrow(k, e);
    struct logdb_query q = {.matchers = &k->narrow, .n_matchers = !k->narrow_any};
    if (r == 0)
        r = logdb_streams(k->x->opts.access.db, &q, a, &list, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        const char *name = index_of(list[i].labels, a);
        if (list[i].to_ns <= hidden_ns(k, name))
            continue;
        struct index_info *x = add_index(k, by_name, name);
        x->lines += list[i].lines;
        x->bytes += list[i].bytes;
        x->pods = !value_get(list[i].labels, "index");
    }
    VALUE_EACH_MEMBER (m, value_get(k->names, "indices"))
        (void)add_index(k, by_name, m->key);
    VALUE_EACH_MEMBER (m, value_get(k->names, "data_stream"))
        add_index(k, by_name, m->key)->stream = true;
    return 0;
}

/* Does one term of an expression name it? */
static bool named(const char *term, size_t n, const char *name, struct arena *a)
{
    char *t = arena_strndup(a, term, n);
    return strcmp(t, "_all") == 0 || pattern_matches(t, name);
}

static int check_terms(struct ask *k, const char *expression, const struct map *by_name,
                       struct err *e)
{
    bool ignore = ask_flag(k, "ignore_unavailable");
    for (const char *t = expression; *t && !ignore;) {
        size_t n = strcspn(t, ",");
        char *term = arena_strndup(k->call.arena, t, n);
        bool plain = !strchr(term, '*') && *term != '-' && strcmp(term, "_all") != 0;
        if (plain && !map_has(by_name, term))
            return elastic__fault(&k->call, e, ERR_NOT_FOUND, "index_not_found_exception",
                                  "no such index [%s]", term);
        t += n + (t[n] == ',');
    }
    return 0;
}

static bool wanted(const char *expression, const char *name, struct arena *a)
{
    bool in = false;
    for (const char *t = expression; *t;) {
        size_t n = strcspn(t, ",");
        if (*t == '-' && n > 1)
            in = in && !named(t + 1, n - 1, name, a);
        else
            in = in || named(t, n, name, a);
        t += n + (t[n] == ',');
    }
    return in;
}

int indices_resolve(struct ask *k, const char *expression, struct index_info **out, size_t *out_n,
                    struct err *e)
{
    struct arena *a = k->call.arena;
    struct map by_name;
    size_t n = 0, at = 0;
    if (!expression || !*expression)
        expression = "_all";
    map_init(&by_name);
    int r = all_indices(k, &by_name, e);
    if (r == 0)
        r = check_terms(k, expression, &by_name, e);
    struct index_info *list = ARENA_ARRAY(a, struct index_info, map_size(&by_name) + 1);
    for (const struct map_entry *m; r == 0 && (m = map_next(&by_name, &at));)
        if (wanted(expression, m->key, a))
            list[n++] = *(struct index_info *)m->value;
    map_done(&by_name);
    *out = list;
    *out_n = n;
    return r;
}

/* ---- documents ---- */

/* Streams come chunk by chunk: what was found out about one holds for many lines. */
static void look_up(struct log_port *p, const struct value *labels)
{
    struct ask *k = p->ask;
    const char *name = index_of(labels, k->call.arena);
    p->last_labels = labels;
    p->last = NULL;
    for (size_t i = 0; i < p->n_indices; i++)
        if (strcmp(p->indices[i].name, name) == 0)
            p->last = &p->indices[i];
    p->hidden_ns = hidden_ns(k, name);
    if (p->last && !p->last->mapped) { /* of all its chunks once: a template may be large */
        p->last->mappings = names_mappings(k, name);
        p->last->mapped = true;
    }
    p->mappings = p->last ? p->last->mappings : NULL;
}

static int show(void *arg, const struct logdb_entry *x, struct err *e)
{
    struct log_port *p = arg;
    if (x->labels != p->last_labels)
        look_up(p, x->labels);
    if (!p->last || x->time_ns <= p->hidden_ns)
        return 0;
    struct elastic_doc d = {.index = p->last->name,
                            .labels = p->last->pods ? x->labels : NULL,
                            .mappings = p->mappings,
                            .time_ns = x->time_ns,
                            .stream = x->stream,
                            .nth = x->nth,
                            .text = x->text,
                            .n = x->n};
    int r = p->visit(p->arg, &d, e);
    doc_done(&d);
    return r;
}

static int scan_kind(struct log_port *p, const struct logdb_matcher *kind, size_t n_kind,
                     const struct span *span, int64_t slack_ms, struct err *e)
{
    struct ask *k = p->ask;
    struct logdb_matcher m[4];
    struct logdb_cost cost;
    struct logdb_budget budget = limits;
    struct logdb_query q = {.matchers = m};
    budget.began_ms = k->began_ms;
    memcpy(m, kind, n_kind * sizeof *m);
    q.n_matchers = n_kind;
    if (!k->narrow_any)
        m[q.n_matchers++] = k->narrow;
    if (span) {
        int64_t edge_ms = INT64_MAX / 1000000 - PUSH_SLACK_MS - 1;
        if (span->from_ms > edge_ms || span->to_ms < -slack_ms)
            return 0; /* no line has such a time */
        q.from_ns = span->from_ms > -edge_ms ? (span->from_ms - slack_ms) * 1000000 : 0;
        if (span->to_ms < edge_ms)
            q.to_ns = (span->to_ms + slack_ms + 1) * 1000000;
    }
    int r = logdb_scan(k->x->opts.access.db, &q, &budget, k->call.arena, show, p, &cost, e);
    if (r == ERR_TOO_LARGE && !k->call.fault)
        k->call.fault = "circuit_breaking_exception";
    return r;
}

/* Lines of pods have their time; documents have been here for an hour more or less when they say
 * so, or else are late. */
static int scan(struct doc_port *port, const struct span *span, doc_visit visit, void *arg,
                struct err *e)
{
    struct log_port *p = (struct log_port *)port;
    static const struct logdb_matcher pods[] = {
        {"index", LOGDB_EQ, ""}
    };
    static const struct logdb_matcher near[] = {
        {"index", LOGDB_NE, ""},
        {"late",  LOGDB_EQ, ""}
    };
    static const struct logdb_matcher late[] = {
        {"index", LOGDB_NE, ""},
        {"late",  LOGDB_NE, ""}
    };
    p->visit = visit;
    p->arg = arg;
    int r = scan_kind(p, pods, 1, span, 0, e);
    if (r == 0)
        r = scan_kind(p, near, 2, span, PUSH_SLACK_MS, e);
    return r == 0 ? scan_kind(p, late, 2, NULL, 0, e) : r;
}

int log_port_init(struct log_port *p, struct ask *k, const char *expression, struct err *e)
{
    struct index_info *list;
    *p = (struct log_port){.port.scan = scan, .ask = k};
    int r = indices_resolve(k, expression, &list, &p->n_indices, e);
    p->indices = list;
    return r;
}
