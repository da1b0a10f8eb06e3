/* read_go.c - go.mod, go.sum, and the module list that Go's linker leaves in a program. */
#include <string.h>

#include "scan/found.h"

enum { MODULES_MAX = 100000 };

struct module {
    char *path, *version;
};

struct go_mod {
    struct module *list;
    size_t n, cap;
    int minor;       /* of "go 1.17"; 0: not said */
    const char *own; /* the module itself */
};

static void add_module(struct go_mod *m, struct arena *a, char *path, char *version)
{
    if (m->n == MODULES_MAX)
        return;
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64, one = sizeof *m->list;
        m->list = arena_grow(a, m->list, m->cap * one, cap * one);
        m->cap = cap;
    }
    m->list[m->n++] = (struct module){path, version};
}

/* The next word of a line, quotes taken off; NULL at its end or a comment. */
static char *word(char **rest)
{
    char *p = *rest + strspn(*rest, " \t");
    if (!*p || strncmp(p, "//", 2) == 0)
        return NULL;
    size_t n = strcspn(p, " \t");
    *rest = p + n + (p[n] != '\0');
    p[n] = '\0';
    if (*p == '"' || *p == '`') {
        p[strcspn(p + 1, "\"`") + 1] = '\0';
        p++;
    }
    return p;
}

/* path [version] => other [version]: what takes the place of a module; a folder is nobody's. */
static void replace(struct go_mod *m, char *line)
{
    char *path = word(&line), *version = word(&line), *to, *to_version;
    if (!path || !version)
        return;
    bool any = strcmp(version, "=>") == 0;
    if (!any) {
        char *arrow = word(&line);
        if (!arrow || strcmp(arrow, "=>") != 0)
            return;
    }
    to = word(&line);
    to_version = word(&line);
    for (size_t i = 0; to && i < m->n; i++)
        if (strcmp(m->list[i].path, path) == 0 &&
            (any || strcmp(m->list[i].version, version) == 0)) {
            m->list[i].path = to;
            m->list[i].version = to_version; /* NULL for a folder */
        }
}

static int minor_of(const char *version)
{
    int minor = 0;
    if (version && strncmp(version, "1.", 2) == 0)
        for (const char *p = version + 2; *p >= '0' && *p <= '9' && minor < 1000; p++)
            minor = minor * 10 + (*p - '0');
    return minor;
}

struct directive {
    struct go_mod *mod;
    struct arena *arena;
    char **replaces; /* done last: they may stand in front */
    size_t n, cap;
};

static void directive(struct directive *d, const char *verb, char *line)
{
    if (strcmp(verb, "require") == 0) {
        char *path = word(&line), *version = word(&line);
        if (path && version)
            add_module(d->mod, d->arena, path, version);
    } else if (strcmp(verb, "replace") == 0 && d->n < MODULES_MAX) {
        if (d->n == d->cap) {
            size_t cap = d->cap ? d->cap * 2 : 16, one = sizeof *d->replaces;
            d->replaces = arena_grow(d->arena, d->replaces, d->cap * one, cap * one);
            d->cap = cap;
        }
        d->replaces[d->n++] = line;
    } else if (strcmp(verb, "go") == 0) {
        d->mod->minor = minor_of(word(&line));
    } else if (strcmp(verb, "module") == 0) {
        d->mod->own = word(&line);
    }
}

/* A verb and its words on a line, or a verb, "(", lines of words, ")". */
static void parse_mod(struct go_mod *m, struct arena *a, char *text)
{
    struct directive d = {.mod = m, .arena = a};
    const char *block = NULL;
    for (char *line; (line = found_line(&text));) {
        char *rest = line, *first = NULL;
        line += strspn(line, " \t");
        if (block && *line == ')') {
            block = NULL;
        } else if (block) {
            directive(&d, block, line);
        } else if ((first = word(&rest))) {
            rest += strspn(rest, " \t");
            if (*rest == '(')
                block = first;
            else
                directive(&d, first, rest);
        }
    }
    for (size_t i = 0; i < d.n; i++)
        replace(m, d.replaces[i]);
}

int found__go_mod(struct found *f, const struct found_file *file, struct err *e)
{
    struct go_mod m = {0};
    (void)e;
    parse_mod(&m, file->scratch, file->text);
    for (size_t i = 0; i < m.n; i++)
        (void)found_add(f, "Go", m.list[i].path, m.list[i].version, file->path);
    return 0;
}

/* Since Go 1.17 go.mod names all that a build takes; go.sum also names what it only looked at. */
int found__go_sum(struct found *f, const struct found_file *file, struct err *e)
{
    struct go_mod m = {0};
    char *text, *rest = file->text;
    size_t n;
    (void)e;
    if (found_beside(f, file, "go.mod", &text, &n))
        parse_mod(&m, file->scratch, text);
    if (m.minor >= 17)
        return 0;
    for (char *line; (line = found_line(&rest));) {
        char *path = word(&line), *version = word(&line);
        size_t len = version ? strlen(version) : 0;
        bool only_mod = len > 7 && strcmp(version + len - 7, "/go.mod") == 0;
        if (len && !only_mod)
            (void)found_add(f, "Go", path, version, file->path);
    }
    return 0;
}

/* ---- build information: lines "dep\tpath\tversion\thash", "=>\tpath\tversion\thash" ---- */

static char *field(char **rest)
{
    return *rest ? strsep(rest, "\t") : NULL;
}

void found__go_modules(struct found *f, const struct found_file *file, const char *go, char *text)
{
    struct module last = {0};
    if (strncmp(go, "go", 2) == 0)
        (void)found_add(f, "Go", "stdlib",
                        arena_strndup(file->scratch, go + 2, strcspn(go + 2, " -")), file->path);
    for (char *line; (line = found_line(&text));) {
        char *rest = line, *verb = field(&rest), *path = field(&rest), *version = field(&rest);
        bool replaces = strcmp(verb, "=>") == 0;
        if (!replaces && last.version)
            (void)found_add(f, "Go", last.path, last.version, file->path);
        if (!replaces)
            last = (struct module){0};
        if (path && version && (replaces || strcmp(verb, "dep") == 0 || strcmp(verb, "mod") == 0))
            last = (struct module){path, strcmp(version, "(devel)") == 0 ? NULL : version};
    }
    if (last.version)
        (void)found_add(f, "Go", last.path, last.version, file->path);
}
