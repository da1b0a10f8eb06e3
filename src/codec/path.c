/* path.c - "spec.containers[0].image": walking a value by a path. */
#include "codec/value.h"

struct step {
    const char *key; /* NULL: an element */
    size_t n, index;
};

/* Takes the next step off the path; false at its end or where it is malformed (*at is NULL). */
static bool step_next(const char **at, struct step *out)
{
    const char *p = *at;
    if (*p == '\0')
        return false;
    if (*p == '[') {
        char *end = NULL;
        size_t index = strtoul(p + 1, &end, 10);
        if (end == p + 1 || *end != ']') {
            *at = NULL;
            return false;
        }
        *out = (struct step){.index = index};
        p = end + 1;
    } else {
        size_t n = strcspn(p, ".[");
        *out = (struct step){.key = p, .n = n};
        p += n;
    }
    *at = *p == '.' ? p + 1 : p;
    return true;
}

const struct value *value_at(const struct value *root, const char *path)
{
    struct step s;
    while (root && step_next(&path, &s))
        root = s.key ? value_getn(root, s.key, s.n) : value_item(root, s.index);
    return path ? root : NULL;
}

struct value *value_at_mut(struct value *root, const char *path)
{
    struct step s;
    while (root && step_next(&path, &s)) {
        if (s.key)
            root = value_get_mutn(root, s.key, s.n);
        else
            root = value_is(root, VALUE_ARRAY) && s.index < root->n ? &root->items[s.index] : NULL;
    }
    return path ? root : NULL;
}

const char *value_at_str(const struct value *root, const char *path, const char *dflt)
{
    return value_str(value_at(root, path), dflt);
}

int64_t value_at_int(const struct value *root, const char *path, int64_t dflt)
{
    return value_int(value_at(root, path), dflt);
}

bool value_at_bool(const struct value *root, const char *path, bool dflt)
{
    return value_bool(value_at(root, path), dflt);
}

static struct value *make_kind(struct arena *a, struct value *at, const char *path,
                               enum value_kind last)
{
    if (*path == '\0' && at->kind != last)
        *at = (struct value){.kind = last};
    while (*path) {
        size_t n = strcspn(path, ".");
        enum value_kind kind = path[n] == '.' ? VALUE_OBJECT : last;
        if (at->kind != VALUE_OBJECT)
            *at = (struct value){.kind = VALUE_OBJECT};
        struct value *next = value_get_mutn(at, path, n);
        if (!next || next->kind != kind)
            next = value_setn(a, at, path, n, &(struct value){.kind = kind});
        at = next;
        path += n + (path[n] == '.');
    }
    return at;
}

struct value *value_make_object(struct arena *a, struct value *root, const char *path)
{
    return make_kind(a, root, path, VALUE_OBJECT);
}

struct value *value_make_array(struct arena *a, struct value *root, const char *path)
{
    return make_kind(a, root, path, VALUE_ARRAY);
}
