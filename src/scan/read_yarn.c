/* read_yarn.c - the lock files of yarn, pnpm and bun. None says which packages only developers need
 * (pnpm did until version 9): that follows from what the project asks for. */
#include <string.h>

#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "scan/found.h"
#include "scan/reach.h"

static const char *const needs[] = {"dependencies", "optionalDependencies", "peerDependencies"};

/* ---- yarn ---- */

/* "name@range" and "alias@npm:name@range" name a package. */
static const char *name_of_pattern(struct arena *a, const char *pattern)
{
    const char *at = *pattern ? strchr(pattern + 1, '@') : NULL;
    if (!at)
        return NULL;
    if (strncmp(at + 1, "npm:", 4) == 0) {
        const char *real = at + 5, *end = *real ? strchr(real + 1, '@') : NULL;
        if (end)
            return arena_strndup(a, real, (size_t)(end - real));
    }
    return arena_strndup(a, pattern, (size_t)(at - pattern));
}

/* "name@range" in one spelling: berry writes "npm:" before some ranges. */
static const char *pattern_of(struct arena *a, const char *name, const char *range)
{
    return arena_join(a, name, "@", strncmp(range, "npm:", 4) == 0 ? range + 4 : range, NULL);
}

/* What package.json beside a yarn.lock asks for. */
static void yarn_roots(struct found *f, const struct found_file *file, struct reach *g)
{
    struct arena *a = file->scratch;
    struct value *project;
    char *text;
    size_t n;
    if (!found_beside(f, file, "package.json", &text, &n) ||
        json_parse(a, text, n, JSON_SHALLOW, &project, NULL) < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        VALUE_EACH_MEMBER (m, value_get(project, needs[i]))
            reach__edge(g, REACH_PROGRAM, pattern_of(a, m->key, value_str(&m->value, "")));
    VALUE_EACH_MEMBER (m, value_get(project, "devDependencies"))
        reach__edge(g, REACH_DEVELOPERS, pattern_of(a, m->key, value_str(&m->value, "")));
}

/* The patterns of an entry, "a@^1, a@^1.2", all lead to its first, which is returned. */
static const char *yarn_patterns(struct arena *a, char *line, struct reach *g)
{
    const char *first = NULL;
    for (char *one, *rest = line; (one = strsep(&rest, ","));) {
        one += strspn(one, " \"");
        one[strcspn(one, "\"")] = '\0';
        const char *at = *one ? strchr(one + 1, '@') : NULL;
        if (!at)
            continue;
        const char *name = arena_strndup(a, one, (size_t)(at - one));
        const char *pattern = pattern_of(a, name, at + 1);
        if (first)
            reach__edge(g, pattern, first);
        else
            first = pattern;
    }
    return first;
}

struct yarn_entry {
    const char *pattern, *name, *version;
};

struct yarn_lock {
    struct arena *arena;
    struct reach *reach;
    struct yarn_entry *entries;
    size_t n, cap;
};

static struct yarn_entry *yarn_add(struct yarn_lock *l, const char *pattern, const char *name)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64, one = sizeof *l->entries;
        l->entries = arena_grow(l->arena, l->entries, l->cap * one, cap * one);
        l->cap = cap;
    }
    l->entries[l->n] = (struct yarn_entry){pattern, name, NULL};
    return &l->entries[l->n++];
}

/* `    name "range"` below `  dependencies:` */
static void yarn_dependency(struct yarn_lock *l, char *line)
{
    char *name = line + strspn(line, " \""), *range = name + strcspn(name, " \"");
    if (!l->n || !*range)
        return;
    *range++ = '\0';
    range += strspn(range, " \"");
    range[strcspn(range, "\"")] = '\0';
    reach__edge(l->reach, l->entries[l->n - 1].pattern, pattern_of(l->arena, name, range));
}

/* Version 1: `pattern, pattern:` and below it `  version "1.2.3"`. */
static void yarn_classic(struct yarn_lock *l, char *text)
{
    char *rest = text;
    for (char *line; (line = found_line(&rest));) {
        size_t n = strlen(line);
        if (*line == '#' || !*line)
            continue;
        if (*line != ' ') {
            line[n - 1] = line[n - 1] == ':' ? '\0' : line[n - 1];
            char *head = arena_strdup(l->arena, line + (*line == '"'));
            const char *pattern = yarn_patterns(l->arena, line, l->reach);
            if (pattern)
                (void)yarn_add(l, pattern, name_of_pattern(l->arena, head));
        } else if (l->n && strncmp(line, "  version ", 10) == 0) {
            char *version = line + 10 + (line[10] == '"');
            version[strcspn(version, "\"")] = '\0';
            l->entries[l->n - 1].version = version;
        } else if (strncmp(line, "    ", 4) == 0) {
            yarn_dependency(l, line);
        }
    }
}

/* Later ones are YAML; what a resolution names comes from a registry only after "npm:". */
static void yarn_berry(struct yarn_lock *l, const struct value *lock)
{
    struct arena *a = l->arena;
    VALUE_EACH_MEMBER (m, lock) {
        const char *resolution = value_at_str(&m->value, "resolution", "");
        const char *at = *resolution ? strchr(resolution + 1, '@') : NULL;
        if (!at || strncmp(at, "@npm:", 5) != 0)
            continue; /* the project itself, too: what it asks for is in its package.json */
        const char *pattern = yarn_patterns(a, arena_strdup(a, m->key), l->reach);
        if (!pattern)
            pattern = resolution;
        struct yarn_entry *e =
            yarn_add(l, pattern, arena_strndup(a, resolution, (size_t)(at - resolution)));
        e->version = value_at_str(&m->value, "version", NULL);
        VALUE_EACH_MEMBER (d, value_get(&m->value, "dependencies"))
            reach__edge(l->reach, pattern, pattern_of(a, d->key, value_str(&d->value, "")));
    }
}

int found__yarn(struct found *f, const struct found_file *file, struct err *e)
{
    struct yarn_lock l = {.arena = file->scratch, .reach = reach__new(file->scratch)};
    struct value *lock;
    int r = 0;
    if (!strstr(file->text, "__metadata:"))
        yarn_classic(&l, file->text);
    else if ((r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e)) == 0)
        yarn_berry(&l, lock);
    yarn_roots(f, file, l.reach);
    reach__walk(l.reach);
    for (size_t i = 0; i < l.n; i++)
        (void)found_add_dev(f, "npm", l.entries[i].name, l.entries[i].version, file->path,
                            reach__only_developers(l.reach, l.entries[i].pattern));
    return r;
}

/* ---- pnpm ---- */

/* "/@scope/name/1.0.0_peer@2", "/@scope/name@1.0.0(peer@2)", "@scope/name@1.0.0" */
static void pnpm_entry(struct found *f, const struct found_file *file, const struct member *m,
                       const struct reach *g)
{
    char *key = arena_strdup(file->scratch, m->key + (*m->key == '/'));
    key[strcspn(key, "(")] = '\0';
    bool dev = value_at_bool(&m->value, "dev", reach__only_developers(g, key));
    char *at = strrchr(key, '/'), *first = *key ? strchr(key + 1, '@') : NULL;
    if (!at || at[1] < '0' || at[1] > '9' || (first && first < at))
        at = *key ? strrchr(key + 1, '@') : NULL;
    if (!at || strchr(at, ':'))
        return;
    *at++ = '\0';
    at[strcspn(at, "_")] = '\0';
    (void)found_add_dev(f, "npm", value_at_str(&m->value, "name", key),
                        value_at_str(&m->value, "version", at), file->path, dev);
}

/* Version 9 has what a package needs in "snapshots", by name and version with its peers; without
 * them it is what "packages" calls it. An alias has "name@version" for a version. */
static const char *pnpm_id(struct arena *a, const char *name, const char *version)
{
    const char *bracket = strchrnul(version, '(');
    const char *plain = arena_strndup(a, version, (size_t)(bracket - version));
    return *plain && strchr(plain + 1, '@') ? plain : arena_join(a, name, "@", plain, NULL);
}

static void pnpm_needs(struct reach *g, const char *from, const struct value *list, struct arena *a)
{
    VALUE_EACH_MEMBER (m, list)
        reach__edge(
            g, from,
            pnpm_id(a, m->key, value_str(&m->value, value_at_str(&m->value, "version", ""))));
}

static struct reach *pnpm_reach(const struct value *lock, struct arena *a)
{
    struct reach *g = reach__new(a);
    VALUE_EACH_MEMBER (m, value_get(lock, "importers")) {
        pnpm_needs(g, REACH_DEVELOPERS, value_get(&m->value, "devDependencies"), a);
        for (size_t i = 0; i < ARRAY_LEN(needs); i++)
            pnpm_needs(g, REACH_PROGRAM, value_get(&m->value, needs[i]), a);
    }
    VALUE_EACH_MEMBER (m, value_get(lock, "snapshots")) {
        const char *id = arena_strndup(a, m->key, strcspn(m->key, "("));
        for (size_t i = 0; i < ARRAY_LEN(needs); i++)
            pnpm_needs(g, id, value_get(&m->value, needs[i]), a);
    }
    reach__walk(g);
    return g;
}

int found__pnpm(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, YAML_FIRST, &lock, e);
    if (r < 0)
        return r;
    const struct reach *g = pnpm_reach(lock, file->scratch);
    VALUE_EACH_MEMBER (m, value_get(lock, "packages"))
        pnpm_entry(f, file, m, g);
    return 0;
}

/* ---- bun ---- */

/* "a/b" without its last package: "a"; "a/@s/b": "a"; "@s/b": "". */
static void drop_last(char *at)
{
    char *slash = strrchr(at, '/'), *before = slash;
    while (slash && before > at && before[-1] != '/')
        before--;
    if (slash && *before != '@')
        *slash = '\0';
    else if (slash && before > at)
        before[-1] = '\0';
    else
        *at = '\0';
}

struct bun {
    struct arena *arena;
    struct reach *reach;
    struct map keys; /* of its packages */
};

enum { KEY_LONGEST = 1024 };

/* What "name" is to the package at "a/b": "a/b/name", else "a/name", else "name". */
static const char *bun_resolve(const struct bun *b, const char *from, const char *name)
{
    if (strlen(from) > KEY_LONGEST)
        return name;
    for (char *at = arena_strdup(b->arena, from); *at; drop_last(at)) {
        const char *key = arena_join(b->arena, at, "/", name, NULL);
        if (map_has(&b->keys, key))
            return key;
    }
    return name;
}

/* What a workspace or a package at `at` needs, from `from` on. */
static void bun_needs(struct bun *b, const char *from, const char *at, const struct value *of)
{
    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        VALUE_EACH_MEMBER (m, value_get(of, needs[i]))
            reach__edge(b->reach, from, bun_resolve(b, at, m->key));
}

static struct reach *bun_reach(const struct value *lock, struct arena *a)
{
    const struct value *packages = value_get(lock, "packages");
    struct bun b = {.arena = a, .reach = reach__new(a)};
    map_init(&b.keys);
    VALUE_EACH_MEMBER (m, packages)
        (void)map_put(&b.keys, m->key, &b);
    VALUE_EACH_MEMBER (m, value_get(lock, "workspaces")) {
        const char *name = value_at_str(&m->value, "name", "");
        bun_needs(&b, REACH_PROGRAM, name, &m->value);
        VALUE_EACH_MEMBER (d, value_get(&m->value, "devDependencies"))
            reach__edge(b.reach, REACH_DEVELOPERS, bun_resolve(&b, name, d->key));
    }
    VALUE_EACH_MEMBER (m, packages)
        VALUE_EACH_ITEM (v, &m->value)
            bun_needs(&b, m->key, m->key, v);
    map_done(&b.keys);
    reach__walk(b.reach);
    return b.reach;
}

/* JSON with commas before the brackets, which YAML allows. */
int found__bun(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e);
    if (r < 0)
        return r;
    const struct reach *g = bun_reach(lock, file->scratch);
    VALUE_EACH_MEMBER (m, value_get(lock, "packages")) {
        char *name = arena_strdup(file->scratch, value_str(value_item(&m->value, 0), ""));
        char *at = *name ? strrchr(name + 1, '@') : NULL;
        if (!at || strchr(at, ':'))
            continue;
        *at++ = '\0';
        (void)found_add_dev(f, "npm", name, at, file->path, reach__only_developers(g, m->key));
    }
    return 0;
}
