/* api_admin.c - indices, mappings, templates and data streams: names that were given. */
#include <inttypes.h>
#include <string.h>

#include "codec/json.h"
#include "elastic/api_int.h"

enum { SAMPLE = 500 };

static void acknowledge(struct ask *k, const char *index)
{
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a);
    (void)value_set_bool(a, v, "acknowledged", true);
    if (index) {
        (void)value_set_bool(a, v, "shards_acknowledged", true);
        (void)value_set_str(a, v, "index", index);
    }
    ask_send(k, 200, v);
}

static bool is(const struct ask *k, const char *method)
{
    return strcmp(k->method, method) == 0;
}

/* ---- fields: what was mapped, and what the newest documents have ---- */

static const char *type_of(const struct doc_values *v)
{
    switch (v->v[0]->kind) {
    case VALUE_INT:
        return v->type == FIELD_DATE ? "date" : "long";
    case VALUE_FLOAT:
        return "float";
    case VALUE_BOOL:
        return "boolean";
    case VALUE_STRING: {
        int64_t ms;
        if (v->type == FIELD_DATE || (v->type != FIELD_KEYWORD && v->v[0]->n > 9 &&
                                      date_read(v->v[0]->text, v->v[0]->n, NULL, &ms)))
            return "date";
        return v->type == FIELD_KEYWORD ? "keyword" : "text";
    }
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return "keyword";
}

struct fields {
    struct arena *arena;
    struct value *types; /* field → type */
};

static bool see_field(void *arg, const char *field, const struct doc_values *v)
{
    struct fields *f = arg;
    if (!value_get(f->types, field))
        (void)value_set_str(f->arena, f->types, field, type_of(v));
    return false;
}

static void see_mapped(struct fields *f, const struct value *mapping, const char *prefix)
{
    VALUE_EACH_MEMBER (m, value_get(mapping, "properties")) {
        const char *path = *prefix ? arena_join(f->arena, prefix, ".", m->key, NULL) : m->key;
        const char *type = value_at_str(&m->value, "type", NULL);
        if (type)
            (void)value_set_str(f->arena, f->types, path, type);
        see_mapped(f, &m->value, path);
    }
}

static int see_newest(struct ask *k, const struct index_info *i, struct fields *f, struct err *e)
{
    struct logdb_matcher m[] = {
        {i->pods ? "namespace" : "index", LOGDB_EQ,                      i->pods ? i->name + 10 : i->name},
        {"index",                         i->pods ? LOGDB_EQ : LOGDB_NE, ""                              },
        k->narrow
    };
    struct logdb_query q = {
        .matchers = m, .n_matchers = k->narrow_any ? 2 : 3, .limit = SAMPLE, .newest_first = true};
    struct logdb_result found;
    int r = logdb_query(k->x->opts.access.db, &q, f->arena, &found, e);
    const struct value *mappings = names_mappings(k, i->name);
    for (size_t n = 0; r == 0 && n < found.n; n++) {
        struct elastic_doc d = {.index = i->name,
                                .labels = i->pods ? found.lines[n].labels : NULL,
                                .mappings = mappings,
                                .time_ns = found.lines[n].time_ns,
                                .text = found.lines[n].text,
                                .n = found.lines[n].n};
        doc_each(&d, "*", see_field, f);
        doc_done(&d);
    }
    return r;
}

static int fields_of(struct ask *k, const struct index_info *i, struct fields *f, struct err *e)
{
    see_mapped(f, names_mappings(k, i->name), "");
    return see_newest(k, i, f, e);
}

/* {"a.b": "long"} → {"a": {"properties": {"b": {"type": "long"}}}} */
static struct value *properties_of(const struct value *types, struct arena *a)
{
    struct value *root = value_new_object(a);
    VALUE_EACH_MEMBER (m, types) {
        struct value *at = value_make_object(a, root, "properties");
        const char *name = m->key;
        for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
            char *part = arena_strndup(a, name, (size_t)(dot - name));
            struct value *next = value_get_mut(at, part);
            if (!next)
                next = value_set(a, at, part, value_new_object(a));
            at = value_get_mut(next, "properties");
            if (!at)
                at = value_set(a, next, "properties", value_new_object(a));
        }
        struct value *leaf = value_get_mut(at, name);
        if (!leaf)
            leaf = value_set(a, at, name, value_new_object(a));
        (void)value_set(a, leaf, "type", &m->value);
        if (strcmp(value_str(&m->value, ""), "text") == 0) {
            struct value *sub = value_make_object(a, leaf, "fields.keyword");
            (void)value_set_str(a, sub, "type", "keyword");
            (void)value_set_int(a, sub, "ignore_above", 256);
        }
    }
    return root;
}

/* ---- indices ---- */

static struct value *settings_of(struct ask *k, const char *name)
{
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a), *index = value_make_object(a, v, "index");
    (void)value_set_str(a, index, "number_of_shards", "1");
    (void)value_set_str(a, index, "number_of_replicas", "0");
    (void)value_set_str(a, index, "provided_name", name);
    (void)value_set_str(a, index, "uuid",
                        arena_printf(a, "%016" PRIx64, map_hash(name, strlen(name))));
    return v;
}

static int describe(struct ask *k, bool mappings, bool settings, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *all = value_new_object(a);
    struct index_info *list;
    size_t n;
    const char *expression =
        k->part[0] && (k->part[0][0] != '_' || k->n_parts > 1) ? k->part[0] : NULL;
    int r = indices_resolve(k, expression, &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct value *one = value_new_object(a);
        struct fields f = {a, value_new_object(a)};
        if (mappings && settings)
            (void)value_set(a, one, "aliases", value_new_object(a));
        if (mappings)
            r = fields_of(k, &list[i], &f, e);
        if (mappings)
            (void)value_set(a, one, "mappings", properties_of(f.types, a));
        if (settings)
            (void)value_set(a, one, "settings", settings_of(k, list[i].name));
        (void)value_set(a, all, list[i].name, one);
    }
    if (r == 0)
        ask_send(k, 200, all);
    return r;
}

static int create_index(struct ask *k, struct err *e)
{
    const char *name = k->part[0];
    struct value *body = NULL;
    struct index_info *list;
    struct err none = {0};
    size_t n;
    bool had;
    int r = ask_may_create(k, NULL, e);
    if (r == 0)
        r = ask_body(k, &body, e);
    if (r < 0)
        return r;
    if (!names_valid(name) || strncmp(name, "logs-pods-", 10) == 0)
        return elastic__fault(&k->call, e, ERR_INVALID, "invalid_index_name_exception",
                              "Invalid index name [%s]", name);
    if (indices_resolve(k, name, &list, &n, &none) == 0 && n)
        return elastic__fault(&k->call, e, ERR_INVALID, "resource_already_exists_exception",
                              "index [%s] already exists", name);
    k->call.fault = NULL;
    r = names_put(k->x, "indices", name, body ? body : value_new_object(k->call.arena), &had, e);
    if (r == 0)
        acknowledge(k, name);
    return r;
}

/* Lines stay where they are until their time is over; they are not found any more. */
static int hide(struct ask *k, const char *name, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *until = value_new_object(a);
    bool had;
    (void)value_set_int(a, until, "until_ms", k->call.now_ms);
    int r = names_put(k->x, "hidden", name, until, &had, e);
    if (r == 0)
        r = names_put(k->x, "indices", name, NULL, &had, e);
    return r == 0 ? names_put(k->x, "data_stream", name, NULL, &had, e) : r;
}

static int delete_index(struct ask *k, struct err *e)
{
    struct index_info *list;
    size_t n;
    int r = ask_may_create(k, NULL, e);
    if (r == 0)
        r = indices_resolve(k, k->part[0], &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (list[i].pods)
            return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                                  "[%s] holds lines of pods: they go by their age", list[i].name);
        r = hide(k, list[i].name, e);
    }
    if (r == 0)
        acknowledge(k, NULL);
    return r;
}

int api_settings(struct ask *k, struct err *e)
{
    if (k->n_parts == 1 && is(k, "PUT"))
        return create_index(k, e);
    if (k->n_parts == 1 && is(k, "DELETE"))
        return delete_index(k, e);
    const char *what = k->part[k->n_parts - 1];
    if (strcmp(what, "_settings") == 0 && is(k, "PUT"))
        return elastic__fault(&k->call, e, ERR_UNSUPPORTED, "illegal_argument_exception",
                              "indices have no settings that can be changed");
    if (strcmp(what, "_refresh") == 0 || strcmp(what, "_flush") == 0) {
        struct value *v = value_new_object(k->call.arena);
        (void)value_set(k->call.arena, v, "_shards", ask_shards(k->call.arena));
        ask_send(k, 200, v);
        return 0;
    }
    return describe(k, strcmp(what, "_settings") != 0, true, e);
}

int api_mapping(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *body = NULL;
    bool had;
    if (!is(k, "PUT") && !is(k, "POST"))
        return describe(k, true, false, e);
    int r = ask_may_create(k, NULL, e);
    if (r == 0)
        r = ask_body(k, &body, e);
    if (r < 0)
        return r;
    const struct value *now = names_get(k, "indices", k->part[0]);
    struct value *index = now ? value_copy(a, now) : value_new_object(a);
    struct value *properties = value_make_object(a, index, "mappings.properties");
    VALUE_EACH_MEMBER (m, value_get(body, "properties"))
        (void)value_set(a, properties, m->key, &m->value);
    r = names_put(k->x, "indices", k->part[0], index, &had, e);
    if (r == 0)
        acknowledge(k, NULL);
    return r;
}

/* ---- _field_caps ---- */

static bool asked(const char *patterns, const char *field, struct arena *a)
{
    for (const char *t = patterns; *t;) {
        size_t n = strcspn(t, ",");
        if (pattern_matches(arena_strndup(a, t, n), field))
            return true;
        t += n + (t[n] == ',');
    }
    return false;
}

static void put_cap(struct value *out, const char *field, const char *type, struct arena *a)
{
    struct value *cap = value_new_object(a), *by_type = value_new_object(a);
    (void)value_set_str(a, cap, "type", type);
    (void)value_set_bool(a, cap, "metadata_field", false);
    (void)value_set_bool(a, cap, "searchable", true);
    (void)value_set_bool(a, cap, "aggregatable", strcmp(type, "text") != 0);
    (void)value_set(a, by_type, type, cap);
    (void)value_set(a, out, field, by_type);
}

int api_field_caps(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *body = NULL, *all = value_new_object(a), *names = value_new_array(a);
    struct value *caps = value_new_object(a);
    struct index_info *list;
    struct fields f = {a, value_new_object(a)};
    size_t n;
    int r = ask_body(k, &body, e);
    const char *patterns = ask_param(k, "fields", value_at_str(body, "fields", NULL));
    VALUE_EACH_ITEM (x, value_get(body, "fields"))
        patterns =
            patterns ? arena_join(a, patterns, ",", value_str(x, ""), NULL) : value_str(x, "");
    if (r == 0)
        r = indices_resolve(k, k->n_parts > 1 ? k->part[0] : NULL, &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        (void)value_push_str(a, names, list[i].name);
        r = fields_of(k, &list[i], &f, e);
    }
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, f.types) {
        const char *type = value_str(&m->value, "keyword");
        const char *keyword = arena_join(a, m->key, ".keyword", NULL);
        if (!patterns || asked(patterns, m->key, a))
            put_cap(caps, m->key, type, a);
        if (strcmp(type, "text") == 0 && (!patterns || asked(patterns, keyword, a)))
            put_cap(caps, keyword, "keyword", a);
    }
    (void)value_set(a, all, "indices", names);
    (void)value_set(a, all, "fields", caps);
    ask_send(k, 200, all);
    return 0;
}

/* ---- templates: /_index_template/NAME, /_component_template/NAME, /_template/NAME ---- */

static int get_named(struct ask *k, const char *section, struct err *e)
{
    struct arena *a = k->call.arena;
    const char *pattern = k->part[1] ? k->part[1] : "*";
    bool old = strcmp(section, "template") == 0;
    const char *plural = arena_join(a, section, "s", NULL);
    struct value *all = value_new_object(a), *list = value_new_array(a);
    size_t n = 0;
    int r = indices_narrow(k, e); /* for those who see some lines */
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_get(k->names, section)) {
        struct value *one = value_new_object(a);
        if (!pattern_matches(pattern, m->key))
            continue;
        n++;
        if (old) {
            (void)value_set(a, all, m->key, &m->value);
            continue;
        }
        (void)value_set_str(a, one, "name", m->key);
        (void)value_set(a, one, section, &m->value);
        (void)value_push(a, list, one);
    }
    if (n == 0 && k->part[1] && !strchr(pattern, '*'))
        return elastic__fault(&k->call, e, ERR_NOT_FOUND, "resource_not_found_exception",
                              "%s matching [%s] not found", section, pattern);
    if (!old)
        (void)value_set(a, all, plural, list);
    ask_send(k, 200, all);
    return 0;
}

int api_named(struct ask *k, struct err *e)
{
    const char *section = k->part[0] + 1, *name = k->part[1];
    struct value *body = NULL;
    bool had = false, put = is(k, "PUT") || is(k, "POST");
    if (!put && !is(k, "DELETE"))
        return get_named(k, section, e);
    int r = ask_may_create(k, NULL, e);
    if (r == 0)
        r = ask_body(k, &body, e);
    if (r == 0 && put && strcmp(section, "component_template") != 0 &&
        !value_get(body, "index_patterns"))
        return elastic__fault(&k->call, e, ERR_INVALID, "action_request_validation_exception",
                              "Validation Failed: 1: index patterns are missing;");
    if (r == 0)
        r = names_put(k->x, section, name, put ? body : NULL, &had, e);
    if (r == 0 && !put && !had)
        return elastic__fault(&k->call, e, ERR_NOT_FOUND, "resource_not_found_exception",
                              "%s [%s] missing", section, name);
    if (r == 0)
        acknowledge(k, NULL);
    return r;
}

/* ---- data streams: an index by another name ---- */

static struct value *stream_value(struct ask *k, const char *name)
{
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a), *index = value_new_object(a);
    (void)value_set_str(a, v, "name", name);
    (void)value_set_str(a, value_make_object(a, v, "timestamp_field"), "name", "@timestamp");
    (void)value_set_str(a, index, "index_name", name);
    (void)value_push(a, value_make_array(a, v, "indices"), index);
    (void)value_set_int(a, v, "generation", 1);
    (void)value_set_str(a, v, "status", "GREEN");
    return v;
}

static int list_streams(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *all = value_new_object(a), *list = value_make_array(a, all, "data_streams");
    struct index_info *found;
    size_t n;
    int r = indices_resolve(k, k->part[1], &found, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (found[i].stream || found[i].pods || strncmp(found[i].name, "logs-", 5) == 0)
            (void)value_push(a, list, stream_value(k, found[i].name));
    if (r == 0)
        ask_send(k, 200, all);
    return r;
}

int api_data_stream(struct ask *k, struct err *e)
{
    const char *name = k->part[1];
    bool had;
    if (is(k, "GET"))
        return list_streams(k, e);
    int r = ask_may_create(k, NULL, e);
    if (r < 0)
        return r;
    if (is(k, "DELETE")) {
        k->part[0] = name;
        return delete_index(k, e);
    }
    if (!names_valid(name))
        return elastic__fault(&k->call, e, ERR_INVALID, "invalid_index_name_exception",
                              "Invalid index name [%s]", name);
    r = names_put(k->x, "data_stream", name, value_new_object(k->call.arena), &had, e);
    if (r == 0)
        acknowledge(k, NULL);
    return r;
}
