/* doc.c - a line as a document: which values a field has, and of what type they are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "codec/json.h"
#include "codec/number.h"
#include "elastic/elastic_int.h"

enum { DEEPEST = 20, DOC_BYTES = 16 << 20 };

void doc_done(struct elastic_doc *d)
{
    arena_free(d->arena);
    d->arena = NULL;
}

/* What the text holds when it is a JSON object, else NULL. */
static const struct value *json_of(struct elastic_doc *d)
{
    if (d->read)
        return d->json;
    d->read = true;
    if (d->n < 2 || d->text[0] != '{')
        return NULL;
    struct value *v;
    d->arena = arena_new(DOC_BYTES);
    if (json_parse(d->arena, d->text, d->n, JSON_BORROW | JSON_SHALLOW, &v, NULL) == 0 &&
        v->kind == VALUE_OBJECT)
        d->json = v;
    return d->json;
}

/* ---- types ---- */

static const struct value *property(const struct value *mappings, const char *field, size_t n)
{
    const struct value *at = mappings;
    for (const char *end = field + n; at && field < end;) {
        const char *dot = memchr(field, '.', (size_t)(end - field));
        size_t len = dot ? (size_t)(dot - field) : (size_t)(end - field);
        const struct value *p = value_getn(value_get(at, "properties"), field, len);
        if (!p)
            p = value_getn(value_get(at, "fields"), field, len);
        at = p;
        field += len + 1;
    }
    return at;
}

static enum field_type type_named(const char *name)
{
    static const struct {
        const char *name;
        enum field_type type;
    } types[] = {
        {"text",             FIELD_TEXT   },
        {"match_only_text",  FIELD_TEXT   },
        {"keyword",          FIELD_KEYWORD},
        {"constant_keyword", FIELD_KEYWORD},
        {"wildcard",         FIELD_KEYWORD},
        {"ip",               FIELD_KEYWORD},
        {"version",          FIELD_KEYWORD},
        {"long",             FIELD_NUMBER },
        {"integer",          FIELD_NUMBER },
        {"short",            FIELD_NUMBER },
        {"byte",             FIELD_NUMBER },
        {"unsigned_long",    FIELD_NUMBER },
        {"double",           FIELD_NUMBER },
        {"float",            FIELD_NUMBER },
        {"half_float",       FIELD_NUMBER },
        {"scaled_float",     FIELD_NUMBER },
        {"date",             FIELD_DATE   },
        {"date_nanos",       FIELD_DATE   },
        {"boolean",          FIELD_BOOL   },
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return FIELD_AUTO;
}

/* ---- values ---- */

static void add(struct doc_values *out, const struct value *v)
{
    if (value_is(v, VALUE_ARRAY)) {
        VALUE_EACH_ITEM (x, v)
            add(out, x);
    } else if (v && v->kind != VALUE_NULL && v->kind != VALUE_OBJECT && out->n < VALUES_MAX) {
        out->v[out->n++] = v;
    }
}

/* "a.b" is a member "a.b" as well as "b" in "a"; arrays on the way are walked. */
static void walk(const struct value *at, const char *path, size_t n, unsigned depth,
                 struct doc_values *out)
{
    if (value_is(at, VALUE_ARRAY)) {
        VALUE_EACH_ITEM (x, at)
            walk(x, path, n, depth + 1, out);
        return;
    }
    if (!value_is(at, VALUE_OBJECT) || depth > DEEPEST)
        return;
    const struct value *whole = value_getn(at, path, n);
    if (whole)
        add(out, whole);
    for (const char *dot = path; (dot = memchr(dot, '.', n - (size_t)(dot - path))); dot++) {
        const struct value *x = value_getn(at, path, (size_t)(dot - path));
        if (x)
            walk(x, dot + 1, n - (size_t)(dot + 1 - path), depth + 1, out);
    }
}

static void own_value(struct elastic_doc *d, struct doc_values *out, int which, struct value v)
{
    d->made[which] = v;
    out->v[out->n++] = &d->made[which];
}

/* Fields that a pod's line has though its text does not say them. True when it is one. */
static bool pod_field(struct elastic_doc *d, const char *field, size_t n, struct doc_values *out)
{
    if (n == 10 && memcmp(field, "@timestamp", n) == 0) {
        out->type = FIELD_DATE;
        own_value(d, out, 0, (struct value){.kind = VALUE_INT, .i = d->time_ns / 1000000});
        return true;
    }
    const struct value *label = value_getn(d->labels, field, n);
    if (label) {
        out->type = FIELD_KEYWORD;
        add(out, label);
        return true;
    }
    if (n == 7 && memcmp(field, "message", n) == 0 && !value_get(json_of(d), "message")) {
        out->type = FIELD_TEXT;
        own_value(d, out, 1,
                  (struct value){.kind = VALUE_STRING, .n = (uint32_t)d->n, .text = d->text});
        return true;
    }
    return false;
}

static void lookup(struct elastic_doc *d, const char *field, size_t n, struct doc_values *out)
{
    const struct value *mapped = d->mappings ? property(d->mappings, field, n) : NULL;
    out->type = mapped ? type_named(value_at_str(mapped, "type", "")) : FIELD_AUTO;
    out->format = value_at_str(mapped, "format", NULL);
    if (d->labels && pod_field(d, field, n, out))
        return;
    walk(json_of(d), field, n, 0, out);
    if (out->type == FIELD_AUTO && out->n && out->v[0]->kind == VALUE_STRING)
        out->type = d->labels ? FIELD_BOTH : FIELD_TEXT;
}

void doc_values(struct elastic_doc *d, const char *field, struct doc_values *out)
{
    size_t n = strlen(field);
    out->n = 0;
    out->format = NULL;
    out->type = FIELD_AUTO;
    if (strcmp(field, "_index") == 0 || strcmp(field, "_id") == 0 || strcmp(field, "_doc") == 0) {
        const char *text = field[2] == 'n' ? d->index : NULL;
        if (!text) {
            if (!d->arena)
                (void)json_of(d);
            if (!d->arena)
                d->arena = arena_new(DOC_BYTES);
            text = field[1] == 'i' ? doc_id(d, d->arena) : doc_place(d, d->arena);
        }
        out->type = FIELD_KEYWORD;
        own_value(d, out, 0,
                  (struct value){.kind = VALUE_STRING, .n = (uint32_t)strlen(text), .text = text});
        return;
    }
    const char *dot = strrchr(field, '.');
    lookup(d, field, n, out);
    if (out->n || !dot)
        return;
    /* The parent in another form: title.keyword, or what the mapping calls so. */
    const struct value *parent =
        d->mappings ? property(d->mappings, field, (size_t)(dot - field)) : NULL;
    const struct value *sub = value_get(value_get(parent, "fields"), dot + 1);
    bool keyword = strcmp(dot, ".keyword") == 0;
    if (!sub && !keyword && strcmp(dot, ".text") != 0)
        return;
    lookup(d, field, (size_t)(dot - field), out);
    out->type = sub       ? type_named(value_at_str(sub, "type", ""))
                : keyword ? FIELD_KEYWORD
                          : FIELD_TEXT;
}

/* ---- all fields ---- */

bool pattern_matches(const char *pattern, const char *text)
{
    return wildcard_match(pattern, text, strlen(text), false);
}

struct each {
    struct elastic_doc *d;
    const char *pattern;
    bool (*fn)(void *arg, const char *field, const struct doc_values *v);
    void *arg;
    bool stop;
};

static void each_one(struct each *x, const char *field)
{
    struct doc_values v;
    if (x->stop || !pattern_matches(x->pattern, field))
        return;
    doc_values(x->d, field, &v);
    if (v.n)
        x->stop = x->fn(x->arg, field, &v);
}

static void each_below(struct each *x, const struct value *at, const char *prefix, unsigned depth)
{
    char path[512];
    VALUE_EACH_MEMBER (m, at) {
        const struct value *v = &m->value;
        int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", m->key);
        if (x->stop || n < 0 || (size_t)n >= sizeof path || depth > DEEPEST)
            return;
        if (*prefix == '\0' && strcmp(m->key, "_id") == 0 && !x->d->labels)
            continue;
        if (value_is(v, VALUE_ARRAY) && value_is(value_item(v, 0), VALUE_OBJECT))
            v = value_item(v, 0);
        if (value_is(v, VALUE_OBJECT))
            each_below(x, v, path, depth + 1);
        else
            each_one(x, path);
    }
}

void doc_each(struct elastic_doc *d, const char *pattern,
              bool (*fn)(void *arg, const char *field, const struct doc_values *v), void *arg)
{
    struct each x = {.d = d, .pattern = pattern, .fn = fn, .arg = arg};
    if (d->labels) {
        each_one(&x, "@timestamp");
        VALUE_EACH_MEMBER (m, d->labels)
            each_one(&x, m->key);
        if (!value_get(json_of(d), "message"))
            each_one(&x, "message");
    }
    each_below(&x, json_of(d), "", 0);
}

bool doc_number(const struct value *v, const struct doc_values *of, double *out)
{
    int64_t ms;
    if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        *out = value_num(v, 0);
        return true;
    }
    if (v->kind == VALUE_BOOL) {
        *out = v->boolean;
        return true;
    }
    if (v->kind != VALUE_STRING || v->n == 0)
        return false;
    if (of->type != FIELD_NUMBER && of->type != FIELD_KEYWORD &&
        (of->type == FIELD_DATE || v->n > 4) && date_read(v->text, v->n, of->format, &ms)) {
        *out = (double)ms;
        return true;
    }
    char text[64], *end;
    if (of->type != FIELD_NUMBER || v->n >= sizeof text)
        return false;
    memcpy(text, v->text, v->n);
    text[v->n] = '\0';
    *out = strtod(text, &end);
    return end != text && !*end;
}

const char *doc_text(const struct value *v, char *room, size_t *out_n)
{
    switch (v->kind) {
    case VALUE_STRING:
        *out_n = v->n;
        return v->text;
    case VALUE_BOOL:
        *out_n = v->boolean ? 4 : 5;
        return v->boolean ? "true" : "false";
    case VALUE_INT:
        *out_n = (size_t)snprintf(room, 64, "%" PRId64, v->i);
        return room;
    case VALUE_FLOAT:
        *out_n = number_format_json(v->d, room);
        return room;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    *out_n = 0;
    return "";
}

/* ---- _id, _source ---- */

char *doc_place(const struct elastic_doc *d, struct arena *a)
{
    return arena_printf(a, "%016" PRIx64 "-%x-%x", (uint64_t)d->time_ns, d->stream, d->nth);
}

const char *doc_id(struct elastic_doc *d, struct arena *a)
{
    const struct value *given = d->labels ? NULL : value_get(json_of(d), "_id");
    return value_is(given, VALUE_STRING) ? arena_strndup(a, given->text, given->n)
                                         : doc_place(d, a);
}

struct value *doc_source(struct elastic_doc *d, struct arena *a)
{
    const struct value *json = json_of(d);
    if (!d->labels) {
        struct value *copy = json ? value_copy(a, json) : value_new_object(a);
        (void)value_remove(copy, "_id");
        return copy;
    }
    struct value *out = value_new_object(a);
    char time[CLOCK_TEXT_MAX];
    clock_format_rfc3339_nano(d->time_ns, time);
    (void)value_set_str(a, out, "@timestamp", time);
    if (!value_get(json, "message"))
        (void)value_set(a, out, "message", value_new_strn(a, d->text, d->n));
    VALUE_EACH_MEMBER (m, d->labels)
        (void)value_set(a, out, m->key, value_copy(a, &m->value));
    VALUE_EACH_MEMBER (m, json)
        if (!value_get(out, m->key))
            (void)value_set(a, out, m->key, value_copy(a, &m->value));
    return out;
}

/* A field is named by a pattern of its own path or of a parent's. */
static bool names(const char *const *patterns, size_t n, const char *path)
{
    char parent[512];
    for (size_t i = 0; i < n; i++) {
        if (pattern_matches(patterns[i], path))
            return true;
        for (const char *dot = path; (dot = strchr(dot, '.')); dot++) {
            (void)snprintf(parent, sizeof parent, "%.*s", (int)(dot - path), path);
            if (pattern_matches(patterns[i], parent))
                return true;
        }
    }
    return false;
}

static struct value *pick(const struct source_filter *f, const struct value *at, const char *prefix,
                          struct arena *a)
{
    struct value *out = value_new_object(a);
    char path[512];
    VALUE_EACH_MEMBER (m, at) {
        int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", m->key);
        if (n < 0 || (size_t)n >= sizeof path) { /* no pattern names it */
            if (!f->n_includes)
                (void)value_set(a, out, m->key, &m->value);
            continue;
        }
        if (names(f->excludes, f->n_excludes, path))
            continue;
        if (value_is(&m->value, VALUE_OBJECT) && value_members_count(&m->value)) {
            struct value *below = pick(f, &m->value, path, a);
            if (value_members_count(below))
                (void)value_set(a, out, m->key, below);
        } else if (!f->n_includes || names(f->includes, f->n_includes, path)) {
            (void)value_set(a, out, m->key, &m->value);
        }
    }
    return out;
}

struct value *source_filter_apply(const struct source_filter *f, struct value *source,
                                  struct arena *a)
{
    return f->n_includes || f->n_excludes ? pick(f, source, "", a) : source;
}
