#include "scan/inventory.h"

#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "scan/layers.h"

struct taking {
    struct layers tree;
    struct inventory *out;
    size_t cap;
    char *ecosystem; /* of the distribution */
};

static void add(struct taking *t, struct package p)
{
    struct inventory *inv = t->out;
    if (inv->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        inv->packages = arena_grow(t->tree.arena, inv->packages, t->cap * sizeof p, cap * sizeof p);
        t->cap = cap;
    }
    inv->packages[inv->n++] = p;
}

/* ---- which distribution ---- */

/* The value of KEY= in os-release, quotes taken off. */
static const char *release_value(struct arena *a, const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, n) != 0 || line[n] != '=')
            continue;
        const char *v = line + n + 1;
        v += *v == '"' || *v == '\'';
        return arena_strndup(a, v, strcspn(v, "\"'\n"));
    }
    return "";
}

static void take_release(struct taking *t)
{
    struct arena *a = t->tree.arena;
    char *text;
    t->out->os_id = t->out->os_version = "";
    if (scan__tree_read(&t->tree, "/etc/os-release", &text, NULL) < 0 &&
        scan__tree_read(&t->tree, "/usr/lib/os-release", &text, NULL) < 0)
        return;
    const char *id = release_value(a, text, "ID"), *version = release_value(a, text, "VERSION_ID");
    t->out->os_id = id;
    t->out->os_version = version;
    if (strcmp(id, "debian") == 0) {
        t->ecosystem = arena_printf(a, "Debian%s%.*s", *version ? ":" : "",
                                    (int)strcspn(version, "."), version);
    } else if (strcmp(id, "ubuntu") == 0) {
        t->ecosystem = arena_printf(a, "Ubuntu:%s", version);
    } else if (strcmp(id, "alpine") == 0) {
        const char *dot = strchr(version, '.');
        const char *second = dot ? strchr(dot + 1, '.') : NULL;
        t->ecosystem = arena_printf(
            a, "Alpine:v%.*s", (int)(second ? second - version : (long)strlen(version)), version);
    }
}

/* ---- dpkg ---- */

struct stanza {
    const char *package, *version, *source, *status;
};

static void take_stanza(struct taking *t, const struct stanza *s, const char *path)
{
    struct arena *a = t->tree.arena;
    if (!s->package || !s->version || (s->status && !strstr(s->status, " installed")))
        return;
    const char *name = s->source ? s->source : s->package, *version = s->version;
    const char *paren = strchr(name, '('); /* "Source: glibc (2.36-9)" has a version of its own */
    if (paren) {
        version = arena_strndup(a, paren + 1, strcspn(paren + 1, ")"));
        name = arena_strndup(a, name, strcspn(name, " ("));
    }
    add(t, (struct package){t->ecosystem, name, version, s->package, path});
}

/* "Field: value" lines, an empty one between packages. */
static void take_dpkg(struct taking *t, char *text, const char *path)
{
    struct stanza s = {0};
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!*line) {
            take_stanza(t, &s, path);
            s = (struct stanza){0};
        } else if (strncmp(line, "Package: ", 9) == 0) {
            s.package = line + 9;
        } else if (strncmp(line, "Version: ", 9) == 0) {
            s.version = line + 9;
        } else if (strncmp(line, "Source: ", 8) == 0) {
            s.source = line + 8;
        } else if (strncmp(line, "Status: ", 8) == 0) {
            s.status = line + 8;
        }
    }
    take_stanza(t, &s, path);
}

/* ---- apk ---- */

static void take_apk(struct taking *t, char *text, const char *path)
{
    const char *name = NULL, *version = NULL, *origin = NULL;
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!*line || !next) {
            if (name && version)
                add(t, (struct package){t->ecosystem, origin ? origin : name, version, name, path});
            name = version = origin = NULL;
        } else if (strncmp(line, "P:", 2) == 0) {
            name = line + 2;
        } else if (strncmp(line, "V:", 2) == 0) {
            version = line + 2;
        } else if (strncmp(line, "o:", 2) == 0) {
            origin = line + 2;
        }
    }
}

/* ---- npm ---- */

/* package-lock.json of lockfile versions 2 and 3: "packages" by folder. */
static void take_lock_packages(struct taking *t, const struct value *packages, const char *path)
{
    VALUE_EACH_MEMBER (m, packages) {
        const char *at = NULL;
        for (const char *p = m->key; (p = strstr(p, "node_modules/")); p += 13)
            at = p + 13;
        const char *name = value_at_str(&m->value, "name", at);
        const char *version = value_at_str(&m->value, "version", NULL);
        if (at && version && !value_at_bool(&m->value, "link", false))
            add(t, (struct package){"npm", name, version, name, path});
    }
}

/* Version 1: "dependencies", nested. */
static void take_lock_dependencies(struct taking *t, const struct value *deps, const char *path)
{
    VALUE_EACH_MEMBER (m, deps) {
        const char *version = value_at_str(&m->value, "version", NULL);
        if (version && !strchr(version, ':'))
            add(t, (struct package){"npm", m->key, version, m->key, path});
        take_lock_dependencies(t, value_get(&m->value, "dependencies"), path);
    }
}

static int take_npm(void *arg, const char *path, struct err *e)
{
    struct taking *t = arg;
    char *text;
    struct value *lock;
    int r = scan__tree_read(&t->tree, path, &text, e);
    if (r == 0)
        r = json_parse(t->tree.arena, text, strlen(text), 0, &lock, e);
    if (r < 0)
        return err_wrap(e, r, "%s", path);
    const struct value *packages = value_get(lock, "packages");
    if (packages)
        take_lock_packages(t, packages, path);
    else
        take_lock_dependencies(t, value_get(lock, "dependencies"), path);
    return 0;
}

/* A node_modules folder that is shipped says what it is in its own package.json files, too; the
 * lock file, where there is one, says the same. */
static int take_installed_npm(void *arg, const char *path, struct err *e)
{
    struct taking *t = arg;
    char *text;
    struct value *p;
    (void)e;
    if (!strstr(path, "/node_modules/") || scan__tree_read(&t->tree, path, &text, NULL) < 0 ||
        json_parse(t->tree.arena, text, strlen(text), 0, &p, NULL) < 0)
        return 0;
    const char *name = value_at_str(p, "name", NULL), *version = value_at_str(p, "version", NULL);
    if (name && version)
        add(t, (struct package){"npm", name, version, name, path});
    return 0;
}

int inventory_take(const char *const *layers, size_t n_layers, struct arena *a,
                   struct inventory *out, struct err *e)
{
    static const char dpkg[] = "/var/lib/dpkg/status", apk[] = "/lib/apk/db/installed";
    struct inventory inv = {0};
    struct taking t = {
        .tree = {layers, n_layers, a},
          .out = &inv
    };
    char *text;
    take_release(&t);
    if (t.ecosystem && scan__tree_read(&t.tree, dpkg, &text, NULL) == 0)
        take_dpkg(&t, text, dpkg);
    if (t.ecosystem && scan__tree_read(&t.tree, apk, &text, NULL) == 0)
        take_apk(&t, text, apk);
    int r = layers__each(&t.tree, "package-lock.json", take_npm, &t, e);
    if (r == 0)
        r = layers__each(&t.tree, "package.json", take_installed_npm, &t, e);
    if (r == 0)
        *out = inv;
    return r;
}
