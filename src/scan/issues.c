#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "scan/issues_int.h"
#include "scan/layers.h"

enum { TEXT_MOST = 1 << 20, ISSUES_MAX = 10000 };

void issues__add(struct issue_list *l, struct arena *a, enum issue_kind kind,
                 const struct issue_rule *rule, const char *path, unsigned line)
{
    if (l->n == ISSUES_MAX)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16, one = sizeof *l->items;
        l->items = arena_grow(a, l->items, l->cap * one, cap * one);
        l->cap = cap;
    }
    l->items[l->n++] = (struct issue){.kind = kind,
                                      .rule = rule->rule,
                                      .title = rule->title,
                                      .advice = rule->advice,
                                      .severity = rule->severity,
                                      .path = path,
                                      .line = line,
                                      .why = ""};
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_containerfile(const char *path)
{
    const char *name = base_of(path), *dot = strrchr(name, '.');
    return strncmp(name, "Containerfile", 13) == 0 || strncmp(name, "Dockerfile", 10) == 0 ||
           (dot && (strcmp(dot, ".Dockerfile") == 0 || strcmp(dot, ".dockerfile") == 0));
}

static bool is_yaml(const char *path)
{
    const char *dot = strrchr(base_of(path), '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* What programs ship as examples and tests of themselves is no one's secret. */
static bool is_documentation(const char *path)
{
    static const char *const parts[] = {"/usr/share/doc/", "/usr/share/man/", "/testdata/",
                                        "/site-packages/", "/dist-packages/", "/node_modules/",
                                        "/usr/share/perl", "/usr/lib/python"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strstr(path, parts[i]))
            return true;
    return false;
}

static unsigned kinds_of(const char *path, unsigned kinds)
{
    unsigned config = is_containerfile(path) || is_yaml(path) ? ISSUE_CONFIG : 0;
    unsigned secret = is_documentation(path) ? 0 : ISSUE_SECRET;
    return kinds & (config | secret);
}

void issues_read(const char *path, const char *text, size_t n, unsigned kinds, struct arena *a,
                 struct issue_list *out)
{
    kinds = kinds_of(path, kinds);
    if (memchr(text, '\0', n < 4096 ? n : 4096))
        return;
    if (kinds & ISSUE_SECRET)
        issues__secrets(out, a, path, text, n);
    if (kinds & ISSUE_CONFIG && is_containerfile(path))
        issues__containerfile(out, a, path, text, n);
    else if (kinds & ISSUE_CONFIG)
        issues__manifest(out, a, path, text, n);
}

struct looking {
    const struct layers *tree;
    struct arena *arena;
    struct issue_list *list;
    unsigned kinds;
};

static int visit(void *arg, const struct layers_file *file, struct err *e)
{
    struct looking *l = arg;
    AUTO_BUF struct buf b;
    struct stat st;
    buf_init(&b, 2 * TEXT_MOST);
    if (!kinds_of(file->path, l->kinds) ||
        fstatat(file->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size > TEXT_MOST)
        return 0;
    AUTO_FD int fd =
        openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    (void)e;
    if (fd < 0 || layers__read_fd(fd, file->path, &b, NULL) < 0)
        return 0;
    size_t first = l->list->n;
    issues_read(arena_strdup(l->arena, file->path), buf_text(&b), b.len, l->kinds, l->arena,
                l->list);
    for (size_t i = first; i < l->list->n; i++)
        l->list->items[i].hidden = !layers__shows(l->tree, file->path, file->layer);
    return 0;
}

int issues_find(const char *const *layers, size_t n_layers, unsigned kinds, struct arena *a,
                struct issue_list *out, struct err *e)
{
    struct layers tree = {layers, n_layers};
    struct issue_list list = {0};
    struct looking l = {&tree, a, &list, kinds};
    int r = layers__walk(&tree, visit, &l, e);
    if (r == 0)
        *out = list;
    return r;
}
