/* load.c - a chart from a folder of a tree, or from an archive in it. */
#include <string.h>

#include "render/helm/helm_int.h"

struct walk {
    struct tree *tree;
    const char *root;
    const struct helm_ignore *ignore;
    struct helm_log *log;
    struct helm_file_list files;
    size_t bytes;
};

static const char *join(struct arena *a, const char *dir, const char *name)
{
    return *dir && *name ? arena_printf(a, "%s/%s", dir, name) : *dir ? dir : name;
}

static int take_file(struct walk *w, const char *name, struct err *e)
{
    struct helm_file f = {.name = name};
    struct err why = {0};
    const char *path = join(w->log->arena, w->root, name);
    int rc = tree_read(w->tree, path, w->log->arena, &f.bytes, &f.n, &why);
    if (rc < 0)
        return helm__fail(w->log, e, why.code, "error reading %s: %s", name, why.msg);
    w->bytes += f.n;
    if (w->files.n == HELM__FILES_MAX)
        return helm__fail(w->log, e, ERR_TOO_LARGE, "the chart has more than %d files",
                          HELM__FILES_MAX);
    if (f.n > HELM__FILE_MAX)
        return helm__fail(w->log, e, ERR_TOO_LARGE,
                          "chart file %s is larger than the maximum file size %d",
                          helm__quote(w->log->arena, name, strlen(name)), HELM__FILE_MAX);
    if (w->bytes > HELM__CHART_MAX)
        return helm__fail(w->log, e, ERR_TOO_LARGE, "the chart's files are more than %d bytes",
                          HELM__CHART_MAX);
    if (f.n >= 3 && memcmp(f.bytes, "\xef\xbb\xbf", 3) == 0) {
        f.bytes += 3;
        f.n -= 3;
    }
    helm__files_add(w->log->arena, &w->files, f);
    return 0;
}

static int walk(struct walk *w, const char *dir, unsigned depth, struct err *e)
{
    struct arena *a = w->log->arena;
    struct tree_entry *entries;
    struct err why = {0};
    size_t n;
    if (depth > HELM__NESTING_MAX)
        return helm__fail(w->log, e, ERR_TOO_LARGE, "%s: folders are nested too deep", dir);
    int rc = tree_list(w->tree, join(a, w->root, dir), a, &entries, &n, &why);
    if (rc < 0)
        return helm__fail(w->log, e, why.code, "%s", why.msg);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *path = join(a, dir, entries[i].name);
        bool is_dir = entries[i].kind == TREE_DIR;
        if (helm__ignored(w->ignore, path, is_dir))
            continue;
        if (is_dir)
            rc = walk(w, path, depth + 1, e);
        else if (entries[i].kind == TREE_FILE)
            rc = take_file(w, path, e);
        else
            rc =
                helm__fail(w->log, e, ERR_INVALID,
                           "cannot load irregular file %s as it has file mode type bits set", path);
    }
    return rc;
}

static int load_folder(struct walk *w, struct helm_chart **out, struct err *e)
{
    enum tree_kind kind;
    const char *text = "", *path = join(w->log->arena, w->root, ".helmignore");
    size_t n = 0;
    struct helm_ignore *rules;
    int rc = tree_stat(w->tree, path, &kind, e);
    if (rc == 0 && kind == TREE_FILE)
        rc = tree_read(w->tree, path, w->log->arena, &text, &n, e);
    if (rc < 0)
        return helm__note(w->log, e, rc);
    rc = helm__ignore_parse(text, n, w->log, &rules, e);
    w->ignore = rules;
    if (rc == 0)
        rc = walk(w, "", 0, e);
    return rc < 0 ? rc : helm__chart_from_files(&w->files, 0, w->log, out, e);
}

int helm_chart_load(struct tree *t, const char *path, struct helm_log *log, struct helm_chart **out,
                    struct err *e)
{
    struct walk w = {.tree = t, .root = path, .log = log};
    enum tree_kind kind;
    const char *bytes;
    size_t n;
    int rc = tree_stat(t, path, &kind, e);
    if (rc < 0)
        return helm__note(log, e, rc);
    if (kind == TREE_DIR)
        return load_folder(&w, out, e);
    rc = tree_read(t, path, log->arena, &bytes, &n, e);
    return rc < 0 ? helm__note(log, e, rc) : helm_chart_unpack(bytes, n, log, out, e);
}

int helm_chart_unpack(const void *archive, size_t n, struct helm_log *log, struct helm_chart **out,
                      struct err *e)
{
    struct helm_file_list files = {0};
    int rc = helm__archive_files(archive, n, log, &files, e);
    return rc < 0 ? rc : helm__chart_from_files(&files, 0, log, out, e);
}
