/* kustomize_create.c - kustomize create: a kustomization file for the folder as it is. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/kustomize.h"
#include "render/kustomize/kustomize.h"

enum { DEPTH_MAX = 64 };

struct request {
    struct arena *a;
    struct value *doc, *resources;
    const char *named, *namespace, *annotations, *labels, *prefix, *suffix;
    bool detect, recursive;
};

static void add(struct request *q, const char *path)
{
    if (!kustomize_cli_listed(q->resources, path))
        (void)value_push_str(q->a, q->resources, path);
}

static int add_named(struct request *q, struct err *e)
{
    for (const char *s = q->named; *s; s++) {
        size_t n = strcspn(s, ","), n_found;
        const char *pattern = arena_strndup(q->a, s, n), **found;
        int rc = kustomize_cli_glob(pattern, q->a, &found, &n_found, e);
        if (rc < 0)
            return rc;
        if (n_found == 0 && !strstr(pattern, "://"))
            return err_set(e, ERR_NOT_FOUND,
                           "%s has no match: there is no such file or folder, and it is no URL",
                           pattern);
        if (n_found == 0)
            (void)value_push_str(q->a, q->resources, pattern);
        for (size_t i = 0; i < n_found; i++)
            (void)value_push_str(q->a, q->resources, found[i]);
        s += n;
        if (!*s)
            break;
    }
    return 0;
}

/* ---- looking for resources ---- */

static bool holds_resources(const char *path)
{
    AUTO(arena) struct arena *a = arena_new((size_t)128 << 20);
    char *text;
    size_t n;
    return fs_read(path, KUSTOMIZE_FILE_MAX, a, &text, &n, NULL) == 0 &&
           kustomize_are_resources(text, n, a);
}

static bool is_kustomization(struct arena *a, const char *dir)
{
    static const char *const names[] = {"kustomization.yaml", "kustomization.yml", "Kustomization"};
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (stat(arena_printf(a, "%s/%s", dir, names[i]), &st) == 0)
            return true;
    return false;
}

static int detect(struct request *q, const char *dir, int depth, struct err *e)
{
    struct dirent **list;
    int n = scandir(*dir ? dir : ".", &list, NULL, alphasort);
    if (n < 0 || depth > DEPTH_MAX)
        return err_set(e, ERR_SYSTEM, "folder %s cannot be searched", *dir ? dir : ".");
    int rc = 0;
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        const char *path = *dir ? arena_printf(q->a, "%s/%s", dir, name) : arena_strdup(q->a, name);
        struct stat st;
        bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        bool there = !dots && lstat(path, &st) == 0;
        free(list[i]);
        if (!there || rc < 0)
            continue;
        if (S_ISDIR(st.st_mode) && q->recursive && is_kustomization(q->a, path))
            add(q, path);
        else if (S_ISDIR(st.st_mode) && q->recursive)
            rc = detect(q, path, depth + 1, e);
        else if (S_ISREG(st.st_mode) && holds_resources(path))
            add(q, path);
    }
    free(list);
    return rc;
}

/* ---- the verb ---- */

static int put_pairs(struct request *q, const char *list, const char *field, const char *kind,
                     struct err *e)
{
    int rc = 0;
    for (const char *s = list; rc == 0 && *s; s++) {
        size_t n = strcspn(s, ",");
        rc = kustomize_cli_pair(q->a, arena_strndup(q->a, s, n), kind,
                                value_make_object(q->a, q->doc, field), e);
        s += n;
        if (!*s)
            break;
    }
    return rc;
}

static int create(struct request *q, struct err *e)
{
    struct kustomize_edit file;
    const char *there;
    int rc = kustomize_edit_open(q->a, "kustomization.yaml", "", 0, &file, e);
    q->doc = file.doc;
    q->resources = value_new_array(q->a);
    if (rc == 0)
        rc = add_named(q, e);
    if (rc == 0 && kustomize_cli_find(&there, NULL) == 0)
        rc = err_set(e, ERR_EXISTS, "kustomization file already exists");
    if (rc == 0 && q->detect)
        rc = detect(q, "", 0, e);
    if (rc < 0)
        return rc;
    (void)value_set(q->a, q->doc, "resources", q->resources);
    (void)value_set_str(q->a, q->doc, "namespace", q->namespace);
    (void)value_set_str(q->a, q->doc, "namePrefix", q->prefix);
    (void)value_set_str(q->a, q->doc, "nameSuffix", q->suffix);
    rc = put_pairs(q, q->annotations, "commonAnnotations", "annotation", e);
    if (rc == 0)
        rc = put_pairs(q, q->labels, "commonLabels", "label", e);
    AUTO_BUF struct buf b;
    buf_init(&b, KUSTOMIZE_FILE_MAX);
    if (rc == 0)
        rc = kustomize_edit_text(&file, &b, e);
    return rc < 0 ? rc : fs_write_atomic("kustomization.yaml", 0644, buf_text(&b), b.len, e);
}

int kustomize_cli_create(int argc, char **argv, const struct verb *verb)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct request q = {.a = a,
                        .named = "",
                        .namespace = "",
                        .annotations = "",
                        .labels = "",
                        .prefix = "",
                        .suffix = ""};
    const struct option table[] = {
        {"resources",                         0, OPTION_TEXT, &q.named, "FILE,...", "files, folders and URLs"},
        {"autodetect",                        0, OPTION_FLAG, &q.detect, NULL, "the files here that hold objects"},
        {"recursive",                         0, OPTION_FLAG, &q.recursive, NULL, "and those in folders"},
        {"namespace",                                   0, OPTION_TEXT, &q.namespace, "NAME", "of all resources"},
        {"nameprefix",           0, OPTION_TEXT, &q.prefix, "TEXT", "in front of all names"},
        {"namesuffix",                          0, OPTION_TEXT, &q.suffix, "TEXT", "behind all names"},
        {"annotations", 0, OPTION_TEXT, &q.annotations, "K:V,...", "of all resources"},
        {"labels",                         0, OPTION_TEXT, &q.labels, "K:V,...", "of all resources and selectors"},
        {0                       },
    };
    struct arguments args;
    struct err e = {0};
    if (options_parse(table, argc, argv, a, &args, &e) < 0)
        return kustomize_cli_fail(&e);
    if (args.help) {
        (void)printf("usage: slipway %s %s\n\n%s\n\n", verb->name, verb->usage, verb->summary);
        options_print(table);
        return EXIT_OK;
    }
    return create(&q, &e) < 0 ? kustomize_cli_fail(&e) : EXIT_OK;
}
