#include "base/own.h"
#include "codec/base64.h"
#include "codec/regex.h"
#include "template/functions_int.h"
#include "template/helm_objects.h"

#include "base/banned.h"

static const struct go_type files_type;

static const struct go_value *find(const struct go_value *files, const struct go_value *name)
{
    return go_map_get(files->map, name->s, name->n);
}

static int get(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct go_value *file = find(c->self, &args[0]);
    *out = file ? go_strn(file->s, file->n) : go_str("");
    return 0;
}

static int get_bytes(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct go_value *file = find(c->self, &args[0]);
    *out = file ? *file : go_bytes("", 0);
    return 0;
}

static int glob(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    size_t count = 0;
    const struct go_entry *files = go_map_sorted(c->self->map, &count);
    struct go_map *found = go_map_new(c->arena, 0);
    const struct regex *r = wildcard__regex(c->arena, args[0].s, args[0].n);
    for (size_t i = 0; i < count; i++) {
        bool hit = !r; /* a malformed pattern is taken for ** */
        if (r && regex_match(r, files[i].key, files[i].n, 0, NULL, 0, &hit, NULL))
            hit = false;
        if (hit)
            go_map_set(found, files[i].key, files[i].n, files[i].value);
    }
    *out = go_typed_map(&files_type, found);
    return 0;
}

/* The files by the last part of their paths, as one YAML map of text. */
static int flatten(struct go_call *c, bool secret, struct go_value *out)
{
    size_t count = 0;
    *out = go_str("");
    if (!c->self->map)
        return 0;
    const struct go_entry *files = go_map_sorted(c->self->map, &count);
    struct go_map *m = go_map_new(c->arena, count);
    for (size_t i = 0; i < count; i++) {
        const struct go_value *v = &files[i].value;
        const char *slash = memrchr(files[i].key, '/', files[i].n);
        const char *base = slash ? slash + 1 : files[i].key;
        struct go_value text = go_strn(v->s, v->n);
        if (secret)
            text = go_str(base64_encode(c->arena, v->s, v->n, BASE64_STD));
        go_map_set(m, base, (size_t)(files[i].key + files[i].n - base), text);
    }
    struct go_value all = go_typed_map(&go_string_map_type, m);
    return encode__yaml(c, &all, false, out);
}

static int as_config(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    return flatten(c, false, out);
}

static int as_secrets(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    (void)args;
    (void)n;
    return flatten(c, true, out);
}

static int lines(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct go_value *file = find(c->self, &args[0]);
    *out = go_typed_list(&go_strings_type, NULL, 0);
    if (!file || file->n == 0)
        return 0;
    size_t len = file->n - (file->s[file->n - 1] == '\n'), count = 1;
    for (size_t i = 0; i < len; i++)
        count += file->s[i] == '\n';
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count);
    const char *s = file->s, *end = s + len;
    for (size_t i = 0; i < count; i++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        stop = stop ? stop : end;
        items[i] = go_strn(s, (size_t)(stop - s));
        s = stop + 1;
    }
    *out = go_typed_list(&go_strings_type, items, count);
    return 0;
}

static const struct go_func files_methods[] = {
    {"AsConfig",  "",   as_config },
    {"AsSecrets", "",   as_secrets},
    {"Get",       "s",  get       },
    {"GetBytes",  "s",  get_bytes },
    {"Glob",      "s",  glob      },
    {"Lines",     "s",  lines     },
    {NULL,        NULL, NULL      },
};
static const struct go_type files_type = {.name = "engine.files",
                                          .kind = GO_MAP,
                                          .elem = &go_bytes_type,
                                          .methods = files_methods,
                                          .defined = true};

struct go_value helm_files(struct arena *a, const struct helm_file *files, size_t n)
{
    struct go_map *m = go_map_new(a, n);
    for (size_t i = 0; i < n; i++)
        go_map_set(m, files[i].name, strlen(files[i].name), go_bytes(files[i].bytes, files[i].n));
    return go_typed_map(&files_type, m);
}
