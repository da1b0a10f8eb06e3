/* read_npm.c - the lock files of npm, yarn, pnpm and bun, and what node_modules holds. */
#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "scan/found.h"

static const char *licence_of(const struct value *p)
{
    const struct value *one = value_get(p, "license");
    if (!one)
        one = value_item(value_get(p, "licenses"), 0);
    return value_is(one, VALUE_OBJECT) ? value_at_str(one, "type", NULL) : value_str(one, NULL);
}

static void add(struct found *f, const struct found_file *file, const char *name,
                const struct value *entry)
{
    const char *version = value_at_str(entry, "version", NULL);
    struct package *p = found_add(f, "npm", name, version, file->path);
    p->dev = value_at_bool(entry, "dev", false);
    found_licence(f, p, licence_of(entry));
}

/* Lockfile versions 2 and 3: "packages" by folder. */
static void lock_packages(struct found *f, const struct found_file *file,
                          const struct value *packages)
{
    VALUE_EACH_MEMBER (m, packages) {
        const char *at = NULL;
        for (const char *p = m->key; (p = strstr(p, "node_modules/")); p += 13)
            at = p + 13;
        if (at && !value_at_bool(&m->value, "link", false))
            add(f, file, value_at_str(&m->value, "name", at), &m->value);
    }
}

/* Version 1: "dependencies", nested. */
static void lock_dependencies(struct found *f, const struct found_file *file,
                              const struct value *deps)
{
    VALUE_EACH_MEMBER (m, deps) {
        if (!strchr(value_at_str(&m->value, "version", ":"), ':')) /* "file:…", "npm:…" */
            add(f, file, m->key, &m->value);
        lock_dependencies(f, file, value_get(&m->value, "dependencies"));
    }
}

int found__npm_lock(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    const struct value *packages = value_get(lock, "packages");
    if (packages)
        lock_packages(f, file, packages);
    else
        lock_dependencies(f, file, value_get(lock, "dependencies"));
    return 0;
}

/* A shipped node_modules says what it is in each package's own package.json; those that are no
 * package's say no name and version. */
int found__npm_installed(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *p;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &p, e);
    if (r == 0)
        add(f, file, value_at_str(p, "name", NULL), p);
    return r;
}

/* ---- yarn ---- */

/* "name@range" and "alias@npm:name@range" name a package. */
static const char *name_of_pattern(struct arena *a, const char *pattern)
{
    pattern += *pattern == '"';
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

/* Version 1: `pattern, pattern:` and below it `  version "1.2.3"`. */
static void yarn_classic(struct found *f, const struct found_file *file)
{
    const char *name = NULL;
    char *rest = file->text;
    for (char *line; (line = found_line(&rest));) {
        if (*line == '#' || !*line)
            continue;
        if (*line != ' ') {
            name = name_of_pattern(file->scratch, line);
        } else if (name && strncmp(line, "  version ", 10) == 0) {
            char *version = line + 10 + (line[10] == '"');
            version[strcspn(version, "\"")] = '\0';
            (void)found_add(f, "npm", name, version, file->path);
        }
    }
}

/* Later ones are YAML; what a resolution names comes from a registry only after "npm:". */
static void yarn_berry(struct found *f, const struct found_file *file, const struct value *lock)
{
    VALUE_EACH_MEMBER (m, lock) {
        const char *resolution = value_at_str(&m->value, "resolution", "");
        const char *at = *resolution ? strchr(resolution + 1, '@') : NULL;
        if (at && strncmp(at, "@npm:", 5) == 0)
            (void)found_add(f, "npm",
                            arena_strndup(file->scratch, resolution, (size_t)(at - resolution)),
                            value_at_str(&m->value, "version", NULL), file->path);
    }
}

int found__yarn(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    if (!strstr(file->text, "__metadata:")) {
        yarn_classic(f, file);
        return 0;
    }
    int r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e);
    if (r == 0)
        yarn_berry(f, file, lock);
    return r;
}

/* ---- pnpm ---- */

/* "/@scope/name/1.0.0_peer@2", "/@scope/name@1.0.0(peer@2)", "@scope/name@1.0.0" */
static void pnpm_entry(struct found *f, const struct found_file *file, const struct member *m)
{
    char *key = arena_strdup(file->scratch, m->key + (*m->key == '/'));
    key[strcspn(key, "(")] = '\0';
    char *at = strrchr(key, '/'), *first = *key ? strchr(key + 1, '@') : NULL;
    if (!at || at[1] < '0' || at[1] > '9' || (first && first < at))
        at = *key ? strrchr(key + 1, '@') : NULL;
    if (!at || strchr(at, ':'))
        return;
    *at++ = '\0';
    at[strcspn(at, "_")] = '\0';
    struct package *p = found_add(f, "npm", value_at_str(&m->value, "name", key),
                                  value_at_str(&m->value, "version", at), file->path);
    p->dev = value_at_bool(&m->value, "dev", false);
}

int found__pnpm(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, YAML_FIRST, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_get(lock, "packages"))
        pnpm_entry(f, file, m);
    return 0;
}

/* JSON with commas before the brackets, which YAML allows. */
int found__bun(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_get(lock, "packages")) {
        char *name = arena_strdup(file->scratch, value_str(value_item(&m->value, 0), ""));
        char *at = *name ? strrchr(name + 1, '@') : NULL;
        if (!at || strchr(at, ':'))
            continue;
        *at++ = '\0';
        (void)found_add(f, "npm", name, at, file->path);
    }
    return 0;
}
