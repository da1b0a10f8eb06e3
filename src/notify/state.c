/* state.c - alerts.db: what was told to whom, and silences. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/json.h"
#include "notify/notify_int.h"

static const char *const migrations[] = {
    "CREATE TABLE told(key TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL, body TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE silence(id TEXT PRIMARY KEY, ends_ms INTEGER NOT NULL, body TEXT NOT NULL)"
    " WITHOUT ROWID;",
    NULL,
};

struct state {
    struct db *db;
};

int state_open(const char *path, struct state **out, struct err *e)
{
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    int r = db_open(path, migrations, &s->db, e);
    if (r < 0)
        free(s);
    else
        *out = s;
    return r;
}

void state_free(struct state *s)
{
    if (s)
        db_free(s->db);
    free(s);
}

static int put(struct state *s, const char *sql, const char *key, int64_t until_ms,
               const struct value *body, struct arena *a, struct err *e)
{
    AUTO(statement) struct statement *st = NULL;
    int r = statement_new(s->db, sql, &st, e);
    if (r < 0)
        return r;
    bind_text(st, 1, key);
    bind_int(st, 2, until_ms);
    bind_text(st, 3, json_text(a, body, 0));
    return statement_run(st, e);
}

static int drop(struct state *s, const char *sql, int64_t before_ms, struct err *e)
{
    AUTO(statement) struct statement *st = NULL;
    int r = statement_new(s->db, sql, &st, e);
    if (r < 0)
        return r;
    bind_int(st, 1, before_ms);
    return statement_run(st, e);
}

/* ---- what was told ---- */

static struct value *told_value(const struct alert_told *t, struct arena *a)
{
    const struct alert_post p = {t->labels, t->annotations, t->starts_ms, 0, t->generator_url};
    struct value *v = json_post(&p, a);
    (void)value_set_str(a, v, "print", t->print);
    return v;
}

int state_keep_entry(struct state *s, const struct alert_log_entry *x, int64_t now_ms,
                     struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *body = value_new_object(a);
    struct value *firing = value_make_array(a, body, "firing");
    for (size_t i = 0; i < x->n_firing; i++)
        (void)value_push(a, firing, told_value(&x->firing[i], a));
    struct value *resolved = value_make_array(a, body, "resolved");
    for (size_t i = 0; i < x->n_resolved; i++)
        (void)value_push_str(a, resolved, x->resolved[i].print);
    (void)value_set_int(a, body, "at", x->at_ms);
    int r = drop(s, "DELETE FROM told WHERE expires_ms < ?", now_ms, e);
    return r < 0 ? r
                 : put(s, "INSERT OR REPLACE INTO told VALUES(?, ?, ?)", x->key, x->expires_ms,
                       body, a, e);
}

static void set_print(struct alert_told *t, const char *print)
{
    (void)memcpy(t->print, print, strnlen(print, ALERT_PRINT_MAX - 1));
}

static int read_entry(const struct value *v, struct arena *a, struct alert_log_entry *out,
                      struct err *e)
{
    const struct value *firing = value_get(v, "firing"), *resolved = value_get(v, "resolved");
    struct alert_told *f = ARENA_ARRAY(a, struct alert_told, value_count(firing) + 1);
    struct alert_told *o = ARENA_ARRAY(a, struct alert_told, value_count(resolved) + 1);
    VALUE_EACH_ITEM (x, firing) {
        struct alert_post p;
        int r = json_read_post(x, a, &p, e);
        if (r < 0)
            return r;
        f[out->n_firing] = (struct alert_told){.labels = p.labels,
                                               .annotations = p.annotations,
                                               .starts_ms = p.starts_ms,
                                               .generator_url = p.generator_url};
        set_print(&f[out->n_firing++], value_at_str(x, "print", ""));
    }
    VALUE_EACH_ITEM (x, resolved)
        set_print(&o[out->n_resolved++], value_str(x, ""));
    out->firing = f;
    out->resolved = o;
    out->at_ms = value_at_int(v, "at", 0);
    return 0;
}

/* ---- silences ---- */

int state_keep_silence(struct state *s, const struct alert_silence *x, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return put(s, "INSERT OR REPLACE INTO silence VALUES(?, ?, ?)", x->id, x->ends_ms,
               json_silence(x, 0, a), a, e);
}

int state_drop_silences(struct state *s, int64_t ended_before_ms, struct err *e)
{
    return drop(s, "DELETE FROM silence WHERE ends_ms < ?", ended_before_ms, e);
}

/* ---- loading ---- */

/* One row; one that cannot be read is said and left out. */
static void load_row(struct statement *st, bool silence, struct alert_engine *g, int64_t now_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v;
    struct err e;
    const char *text = column_text(st, 2);
    struct alert_log_entry entry = {.key = column_text(st, 0), .expires_ms = column_int(st, 1)};
    struct alert_silence s;
    int r = json_parse(a, text, strlen(text), 0, &v, &e);
    if (r == 0)
        r = silence ? json_read_silence(v, a, &s, &e) : read_entry(v, a, &entry, &e);
    if (r < 0)
        log_warn("alerts", "alerts.db, %s: %s", column_text(st, 0), e.msg);
    else if (silence)
        alert_engine_recall_silence(g, &s);
    else
        alert_engine_recall(g, &entry, now_ms);
}

static int load(struct state *s, const char *sql, bool silence, struct alert_engine *g,
                int64_t now_ms, struct err *e)
{
    AUTO(statement) struct statement *st = NULL;
    int r = statement_new(s->db, sql, &st, e);
    while (r >= 0 && (r = statement_step(st, e)) == 1)
        load_row(st, silence, g, now_ms);
    return r;
}

int state_load(struct state *s, struct alert_engine *g, int64_t now_ms, struct err *e)
{
    int r = load(s, "SELECT id, ends_ms, body FROM silence", true, g, now_ms, e);
    return r < 0 ? r : load(s, "SELECT key, expires_ms, body FROM told", false, g, now_ms, e);
}
