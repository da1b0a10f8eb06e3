/* names.c - what was said about indices before there was a line in them: one small JSON file. */
#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "base/thread.h"
#include "codec/json.h"
#include "elastic/api_int.h"

enum { NAMES_MAX = 4 << 20 };

int names_open(struct elastic *x, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v;
    char *text;
    size_t n;
    int r = fs_read(x->path, NAMES_MAX, a, &text, &n, e);
    if (r == ERR_NOT_FOUND) {
        text = arena_strdup(a, "{}");
        n = 2;
    } else if (r < 0) {
        return r;
    }
    r = json_parse(a, text, n, 0, &v, e);
    if (r < 0)
        return err_wrap(e, r, "%s", x->path);
    x->names = strdup(text);
    return x->names ? 0 : err_set(e, ERR_SYSTEM, "out of memory");
}

int names_put(struct elastic *x, const char *section, const char *name, const struct value *v,
              bool *had, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *all;
    LOCK_SCOPE(&x->lock);
    int r = json_parse(a, x->names, strlen(x->names), 0, &all, e);
    if (r < 0)
        return r;
    struct value *into = value_get_mut(all, section);
    if (!into)
        into = value_set(a, all, section, value_new_object(a));
    *had = value_get(into, name) != NULL;
    if (v)
        (void)value_set(a, into, name, v);
    else
        (void)value_remove(into, name);
    char *text = json_text(a, all, JSON_NO_HTML);
    size_t n = strlen(text);
    if (n > NAMES_MAX)
        return err_set(e, ERR_TOO_LARGE, "names, mappings and templates take more than 4 MiB");
    r = fs_write_atomic(x->path, 0600, text, n, e);
    char *copy = r == 0 ? strdup(text) : NULL;
    if (copy) {
        free(x->names);
        x->names = copy;
    }
    return r;
}

const struct value *names_get(const struct ask *k, const char *section, const char *name)
{
    return value_get(value_get(k->names, section), name);
}

/* As Elasticsearch demands it of names. */
bool names_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > 255 || strchr("-_+", name[0]) || strcmp(name, ".") == 0)
        return false;
    for (const char *p = name; *p; p++)
        if (isupper((unsigned char)*p) || strchr("\\/*?\"<>| ,#:", *p) || (unsigned char)*p < 32)
            return false;
    return true;
}

static bool template_fits(const struct value *t, const char *index)
{
    const struct value *patterns = value_get(t, "index_patterns");
    if (value_is(patterns, VALUE_STRING))
        return pattern_matches(patterns->text, index);
    VALUE_EACH_ITEM (p, patterns)
        if (pattern_matches(value_str(p, ""), index))
            return true;
    return false;
}

static void merge_properties(struct arena *a, struct value *into, const struct value *mappings)
{
    VALUE_EACH_MEMBER (m, value_get(mappings, "properties"))
        (void)value_set(a, into, m->key, &m->value);
}

/* The template of the highest priority; components first, then its own, then the index's. */
const struct value *names_mappings(struct ask *k, const char *index)
{
    struct arena *a = k->call.arena;
    const struct value *best = NULL;
    VALUE_EACH_MEMBER (m, value_get(k->names, "index_template"))
        if (template_fits(&m->value, index) &&
            (!best || value_at_int(&m->value, "priority", 0) >= value_at_int(best, "priority", 0)))
            best = &m->value;
    struct value *properties = value_new_object(a), *out = value_new_object(a);
    if (!best)
        VALUE_EACH_MEMBER (m, value_get(k->names, "template"))
            if (template_fits(&m->value, index))
                merge_properties(a, properties, value_get(&m->value, "mappings"));
    VALUE_EACH_ITEM (c, value_get(best, "composed_of")) {
        const struct value *part = names_get(k, "component_template", value_str(c, ""));
        merge_properties(a, properties, value_at(part, "template.mappings"));
    }
    merge_properties(a, properties, value_at(best, "template.mappings"));
    merge_properties(a, properties, value_get(names_get(k, "indices", index), "mappings"));
    if (!value_members_count(properties))
        return NULL;
    (void)value_set(a, out, "properties", properties);
    return out;
}
