/* kustomize.c - kustomize build, on folders of this machine. */
#include "render/kustomize/kustomize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/verb.h"

enum { BUILD };
enum { OUTPUT_MAX = 256 << 20 };

static int choose(const char *word, const char *option, const char *const *words, int *out,
                  struct err *e)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "--%s: \"%s\" is not %s or %s", option, word, words[0],
                   words[1]);
}

static const char *variable(const char *name)
{
    return getenv(name);
}

/* Bases may lie anywhere, so the tree is all of the machine's, and the folder a path in it. */
static int build(const char *folder, const struct kustomize_opts *o, struct arena *a, struct buf *b,
                 struct err *e)
{
    AUTO(tree) struct tree *t = NULL;
    char *whole = realpath(folder, NULL);
    if (!whole)
        return err_set(e, ERR_NOT_FOUND, "folder %s: %s", folder, strerror(errno));
    const char *dir = arena_strdup(a, whole + 1);
    free(whole);
    struct value **objects;
    size_t n;
    int rc = tree_of_folder("/", &t, e);
    if (rc == 0)
        rc = kustomize_build(t, dir, o, a, &objects, &n, e);
    if (rc < 0)
        return rc;
    kustomize_print(b, objects, n);
    return buf_check(b, e);
}

static int write_out(const char *output, const struct buf *b, struct err *e)
{
    if (*output)
        return fs_write_atomic(output, 0644, buf_text(b), b->len, e);
    if (fwrite(buf_text(b), 1, b->len, stdout) != b->len || fflush(stdout) != 0)
        return err_set(e, ERR_SYSTEM, "standard output: %s", strerror(errno));
    return 0;
}

static int run_build(int argc, char **argv)
{
    static const char *const restrictors[] = {"LoadRestrictionsRootOnly", "LoadRestrictionsNone",
                                              NULL};
    static const char *const orders[] = {"none", "legacy", NULL};
    const char *restrictor = restrictors[0], *order = "", *output = "";
    bool managed_by = false;
    const struct option table[] = {
        {"load-restrictor", 0, OPTION_TEXT, &restrictor, "WORD",
         "LoadRestrictionsNone: files may lie outside the folder"},
        {"reorder",      0, OPTION_TEXT, &order, "WORD",
         "legacy: what others need first; none: as they are listed"},
        {"output",           'o', OPTION_TEXT, &output, "FILE", "write to the file"},
        {"enable-managedby-label",                 0, OPTION_FLAG, &managed_by, NULL,
         "label everything app.kubernetes.io/managed-by"},
        {0          },
    };
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    AUTO_BUF struct buf b;
    struct arguments args;
    struct err e = {0};
    int code, none = 0, reorder = 0;
    buf_init(&b, OUTPUT_MAX);
    if (!verb_begin(&verbs_kustomize[BUILD], table, argc, argv, a, &args, &code))
        return code;
    if (args.n > 1)
        return verb_usage(&verbs_kustomize[BUILD]);
    int rc = choose(restrictor, "load-restrictor", restrictors, &none, &e);
    if (rc == 0 && *order)
        rc = choose(order, "reorder", orders, &reorder, &e);
    struct kustomize_opts o = {
        .variable = variable, .files_anywhere = none, .managed_by_label = managed_by};
    if (*order)
        o.reorder = reorder ? KUSTOMIZE_LEGACY : KUSTOMIZE_FIFO;
    if (rc == 0)
        rc = build(args.n ? args.items[0] : ".", &o, a, &b, &e);
    if (rc == 0)
        rc = write_out(output, &b, &e);
    if (rc == 0)
        return EXIT_OK;
    (void)fprintf(stderr, "Error: %s\n", e.msg);
    return EXIT_FAILED;
}

const struct verb verbs_kustomize[] = {
    [BUILD] = {"kustomize build",                                           "[FOLDER] [options]",
               "print what a kustomization makes, as kustomize build does", run_build},
    {0}
};
