#include <string.h>
#include <yaml.h>

#include "api/admit.h"

enum { DEPTH_MAX = 1000 };

/* ---- JSON: one pass over text that is known to parse ---- */

struct scan {
    const char *p, *end;
    struct strict_errors *out;
    struct arena *a;
    unsigned depth;
};

static void skip_space(struct scan *s)
{
    while (s->p < s->end && strchr(" \t\r\n", *s->p))
        s->p++;
}

static const char *scan_text(struct scan *s)
{
    const char *from = ++s->p;
    while (s->p < s->end && *s->p != '"')
        s->p += *s->p == '\\' && s->p + 1 < s->end ? 2 : 1;
    const char *text = arena_strndup(s->a, from, (size_t)(s->p - from));
    if (s->p < s->end)
        s->p++;
    return text;
}

static void scan_value(struct scan *s, const char *path);

struct names {
    const char **items;
    size_t n, cap;
};

static bool had(struct names *l, const char *name, struct arena *a)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i], name) == 0)
            return true;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        l->items = arena_grow(a, l->items, l->cap * sizeof *l->items, cap * sizeof *l->items);
        l->cap = cap;
    }
    l->items[l->n++] = name;
    return false;
}

static void scan_object(struct scan *s, const char *path)
{
    struct names seen = {0};
    s->p++;
    for (skip_space(s); s->p < s->end && *s->p != '}'; skip_space(s)) {
        if (*s->p != '"') {
            s->p++;
            continue;
        }
        const char *key = scan_text(s);
        const char *at = arena_printf(s->a, "%s%s%s", path, *path ? "." : "", key);
        if (had(&seen, key, s->a))
            strict_errors_add(s->out, s->a, arena_printf(s->a, "duplicate field \"%s\"", at));
        skip_space(s);
        if (s->p < s->end && *s->p == ':')
            s->p++;
        scan_value(s, at);
    }
    if (s->p < s->end)
        s->p++;
}

static void scan_array(struct scan *s, const char *path)
{
    size_t i = 0;
    s->p++;
    for (skip_space(s); s->p < s->end && *s->p != ']'; skip_space(s)) {
        if (*s->p == ',') {
            s->p++;
            continue;
        }
        const char *before = s->p;
        scan_value(s, arena_printf(s->a, "%s[%zu]", path, i++));
        if (s->p == before)
            s->p++;
    }
    if (s->p < s->end)
        s->p++;
}

static void scan_value(struct scan *s, const char *path)
{
    skip_space(s);
    if (s->p >= s->end || s->depth >= DEPTH_MAX)
        return;
    s->depth++;
    if (*s->p == '{')
        scan_object(s, path);
    else if (*s->p == '[')
        scan_array(s, path);
    else if (*s->p == '"')
        (void)scan_text(s);
    else
        while (s->p < s->end && !strchr(",]} \t\r\n", *s->p))
            s->p++;
    s->depth--;
}

void admit_json_duplicates(const char *text, size_t n, struct strict_errors *out, struct arena *a)
{
    struct scan s = {text, text + n, out, a, 0};
    scan_value(&s, "");
}

/* ---- YAML: libyaml's events ---- */

struct level {
    struct names seen;
    bool map, key; /* key: the next node of a map is a key */
};

static void saw_node(struct level *l, const yaml_event_t *ev, struct strict_errors *out,
                     struct arena *a)
{
    if (!l->map)
        return;
    if (l->key && ev->type == YAML_SCALAR_EVENT) {
        const char *key =
            arena_strndup(a, (const char *)ev->data.scalar.value, ev->data.scalar.length);
        if (had(&l->seen, key, a))
            strict_errors_add(out, a,
                              arena_printf(a, "line %zu: key \"%s\" already set in map",
                                           ev->start_mark.line + 1, key));
    }
    l->key = !l->key;
}

void admit_yaml_duplicates(const char *text, size_t n, struct strict_errors *out, struct arena *a)
{
    yaml_parser_t parser;
    yaml_event_t ev;
    struct level *levels = ARENA_ARRAY(a, struct level, DEPTH_MAX + 1);
    size_t depth = 0;
    bool done = false;
    if (!yaml_parser_initialize(&parser))
        return;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    while (!done && yaml_parser_parse(&parser, &ev)) {
        bool opens = ev.type == YAML_MAPPING_START_EVENT || ev.type == YAML_SEQUENCE_START_EVENT;
        bool closes = ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT;
        if (opens || ev.type == YAML_SCALAR_EVENT || ev.type == YAML_ALIAS_EVENT)
            saw_node(&levels[depth], &ev, out, a);
        if (opens && depth < DEPTH_MAX) {
            bool map = ev.type == YAML_MAPPING_START_EVENT;
            levels[++depth] = (struct level){.map = map, .key = map};
        } else if (closes && depth) {
            depth--;
        }
        done = ev.type == YAML_STREAM_END_EVENT || (opens && depth == DEPTH_MAX);
        yaml_event_delete(&ev);
    }
    yaml_parser_delete(&parser);
}
