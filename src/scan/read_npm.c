/* read_npm.c - the lock files of npm, and what node_modules holds. */
#include <string.h>

#include "codec/json.h"
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
    struct package *p =
        found_add_dev(f, "npm", name, version, file->path, value_at_bool(entry, "dev", false));
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
