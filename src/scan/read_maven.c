/* read_maven.c - pom.xml: what a project wants, with the properties and the managed versions of
 * itself and of the parents that lie beside it. What a repository would have to be asked for is
 * not known and left out. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "codec/xml.h"
#include "scan/found.h"

enum {
    PARENTS_MAX = 4,
    DEPTH_MAX = 8,
    VALUE_MAX = 512,
    DEPENDENCIES_MAX = 20000,
    EXPANSIONS_MAX = 200
};

struct dependency {
    const char *group, *artifact, *version, *scope, *optional;
};

struct pom {
    struct arena *arena;
    struct map properties, managed; /* managed: "group:artifact" → version */
    struct dependency *list;
    size_t n, cap;
    struct dependency own, parent;
    const char *relative;
};

/* ---- ${name} ---- */

/* Properties may name one another many times over: at most `left` of them are looked at. */
static void expand_into(const struct pom *p, const char *text, int depth, int *left,
                        struct buf *out)
{
    while (*text) {
        const char *open = strstr(text, "${"), *close = open ? strchr(open, '}') : NULL;
        if (!close || depth > DEPTH_MAX || --*left < 0 || out->overflow) {
            buf_puts(out, text);
            return;
        }
        buf_add(out, text, (size_t)(open - text));
        char *name = arena_strndup(p->arena, open + 2, (size_t)(close - open - 2));
        const char *value = map_get(&p->properties, name);
        if (value)
            expand_into(p, value, depth + 1, left, out);
        else
            buf_puts(out, "${}"); /* marks what is not known */
        text = close + 1;
    }
}

static const char *expand(const struct pom *p, const char *text)
{
    AUTO_BUF struct buf b;
    int left = EXPANSIONS_MAX;
    buf_init(&b, VALUE_MAX);
    if (!text || !strstr(text, "${"))
        return text;
    expand_into(p, text, 0, &left, &b);
    return left < 0 || b.overflow || strstr(buf_text(&b), "${")
               ? NULL
               : arena_strdup(p->arena, buf_text(&b));
}

/* ---- reading ---- */

static void set_part(struct dependency *d, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **at;
    } parts[] = {
        {"groupId",    &d->group   },
        {"artifactId", &d->artifact},
        {"version",    &d->version },
        {"scope",      &d->scope   },
        {"optional",   &d->optional},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcmp(parts[i].name, name) == 0)
            *parts[i].at = value;
}

static void add_dependency(struct pom *p, const struct dependency *d)
{
    if (p->n == DEPENDENCIES_MAX)
        return;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        p->list = arena_grow(p->arena, p->list, p->cap * sizeof *d, cap * sizeof *d);
        p->cap = cap;
    }
    p->list[p->n++] = *d;
}

struct reading {
    struct pom *pom;
    const char *names[XML_DEPTH_MAX];
    size_t depth;
    struct dependency current;
    bool first; /* the project's own pom, not a parent's */
};

/* Whether the open elements are exactly these, the last ones free to be anything for "*". */
static bool is_at(const struct reading *r, const char *const *path, size_t n)
{
    if (r->depth != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (*path[i] != '*' && strcmp(path[i], r->names[i]) != 0)
            return false;
    return true;
}

#define IS_AT(r, ...)                                                                              \
    is_at((r), (const char *const[]){__VA_ARGS__},                                                 \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void on_open(void *arg, const char *name, const char *const *attributes)
{
    struct reading *r = arg;
    (void)attributes;
    r->names[r->depth++] = arena_strdup(r->pom->arena, name);
}

static void on_text(void *arg, const char *text)
{
    struct reading *r = arg;
    struct pom *p = r->pom;
    const char *value = arena_trimmed(p->arena, text),
               *name = r->depth ? r->names[r->depth - 1] : "";
    if (!*value)
        return;
    if (IS_AT(r, "project", "properties", "*")) {
        if (!map_has(&p->properties, name)) /* the child's stand before the parent's */
            (void)map_put(&p->properties, name, (void *)(uintptr_t)value);
    } else if (IS_AT(r, "project", "dependencies", "dependency", "*") ||
               IS_AT(r, "project", "dependencyManagement", "dependencies", "dependency", "*")) {
        set_part(&r->current, name, value);
    } else if (IS_AT(r, "project", "parent", "relativePath")) {
        p->relative = value;
    } else if (IS_AT(r, "project", "parent", "*")) {
        set_part(&p->parent, name, value);
    } else if (IS_AT(r, "project", "*")) {
        set_part(&p->own, name, value);
    }
}

static void end_dependency(struct reading *r)
{
    struct pom *p = r->pom;
    const struct dependency *d = &r->current;
    if (IS_AT(r, "project", "dependencies", "dependency"))
        add_dependency(p, d);
    else if (!IS_AT(r, "project", "dependencyManagement", "dependencies", "dependency"))
        return;
    else if (d->group && d->artifact && d->version) {
        const char *key = arena_join(p->arena, d->group, ":", d->artifact, NULL);
        if (!map_has(&p->managed, key))
            (void)map_put(&p->managed, key, (void *)(uintptr_t)d->version);
    }
    r->current = (struct dependency){0};
}

static void on_close(void *arg, const char *name)
{
    struct reading *r = arg;
    (void)name;
    end_dependency(r);
    r->depth--;
}

static int read_pom(struct pom *p, const char *text, size_t n, struct err *e)
{
    struct reading r = {.pom = p};
    struct xml_reader reader = {.open = on_open, .text = on_text, .close = on_close, .arg = &r};
    return xml_read(text, n, &reader, e);
}

static void set_property(struct pom *p, const char *name, const char *value)
{
    if (value && !map_has(&p->properties, name))
        (void)map_put(&p->properties, name, (void *)(uintptr_t)value);
}

/* The parents' properties, dependencies and managed versions count as the child's. */
static void read_parents(struct found *f, struct pom *p, const struct found_file *file)
{
    struct found_file at = *file;
    for (int i = 0; i < PARENTS_MAX && p->parent.artifact; i++) {
        char *text;
        size_t n;
        const char *relative = p->relative ? p->relative : "../pom.xml";
        size_t len = strlen(relative);
        if (len < 4 || strcmp(relative + len - 4, ".xml") != 0)
            relative = arena_printf(p->arena, "%s/pom.xml", relative);
        struct dependency own = p->own, parent = p->parent;
        p->parent = p->own = (struct dependency){0};
        p->relative = NULL;
        bool read = found_beside(f, &at, relative, &text, &n) && read_pom(p, text, n, NULL) == 0;
        at.path = arena_printf(p->arena, "%.*s%s", (int)(strrchr(at.path, '/') - at.path + 1),
                               at.path, relative);
        p->own = own;
        if (!read) {
            p->parent = parent;
            return;
        }
    }
}

int found__pom(struct found *f, const struct found_file *file, struct err *e)
{
    struct pom p = {.arena = file->scratch};
    map_init(&p.properties);
    map_init(&p.managed);
    int rc = read_pom(&p, file->text, file->n, e);
    const char *group = p.own.group ? p.own.group : p.parent.group;
    const char *version = p.own.version ? p.own.version : p.parent.version;
    set_property(&p, "project.groupId", group);
    set_property(&p, "project.version", version);
    set_property(&p, "pom.version", version);
    set_property(&p, "project.parent.version", p.parent.version);
    read_parents(f, &p, file);
    for (size_t i = 0; i < p.n; i++) {
        struct dependency *d = &p.list[i];
        const char *of = expand(&p, d->group), *artifact = expand(&p, d->artifact);
        if (!of || !artifact)
            continue;
        char *name = arena_join(p.arena, of, ":", artifact, NULL);
        const char *v = expand(&p, d->version ? d->version : map_get(&p.managed, name));
        if (v && !strpbrk(v, "[(,"))
            found_add(f, "Maven", name, v, file->path)->dev =
                d->scope && (strcmp(d->scope, "test") == 0 || strcmp(d->scope, "provided") == 0);
    }
    map_done(&p.properties);
    map_done(&p.managed);
    return rc;
}
