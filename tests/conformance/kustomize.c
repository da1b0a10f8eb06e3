/* conformance-kustomize FOLDER: builds recorded from kustomize v5.8.2.
 *
 * Each FOLDER/CASE has in/, target, meta.json and expected.yaml or expected_error.txt; each line of
 * FOLDER/micro.jsonl is a small case with its files inside. A case passes when the bytes are those
 * expected; an error case when an error is reported. With -v the names of failed cases are printed
 * with the first line that differs. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "render/kustomize/kustomize.h"

enum { TEXT_MAX = 16 << 20 };

struct tally {
    unsigned passed, failed, skipped;
};

struct recorded {
    const char *name, *target;
    const struct value *args;
    const char *want; /* NULL: an error */
};

static bool read_text(const char *dir, const char *name, struct arena *a, char **out, size_t *n)
{
    return fs_read(arena_printf(a, "%s/%s", dir, name), TEXT_MAX, a, out, n, NULL) == 0;
}

/* False when a flag is not offered. */
static bool read_args(const struct value *args, struct kustomize_opts *o)
{
    for (size_t i = 0; i < value_count(args); i++) {
        const char *flag = value_str(value_item(args, i), "");
        const char *word = value_str(value_item(args, i + 1), "");
        if (strcmp(flag, "--enable-managedby-label") == 0) {
            o->managed_by_label = true;
            continue;
        }
        if (strcmp(flag, "--load-restrictor") == 0)
            o->files_anywhere = strcmp(word, "LoadRestrictionsNone") == 0;
        else if (strcmp(flag, "--reorder") == 0)
            o->reorder = strcmp(word, "legacy") == 0 ? KUSTOMIZE_LEGACY : KUSTOMIZE_FIFO;
        else
            return false;
        i++;
    }
    return true;
}

/* Says the first line that differs. */
static bool same(const char *got, const char *want, struct err *e)
{
    unsigned line = 1;
    while (*got && *want) {
        size_t g = strcspn(got, "\n"), w = strcspn(want, "\n");
        if (g != w || memcmp(got, want, g) != 0)
            break;
        got += g + (got[g] == '\n'), want += w + (want[w] == '\n'), line++;
    }
    if (!*got && !*want)
        return true;
    (void)err_set(e, ERR_INVALID, "line %u: got \"%.*s\" want \"%.*s\"", line,
                  (int)strcspn(got, "\n"), got, (int)strcspn(want, "\n"), want);
    return false;
}

static bool holds(struct tree *t, const struct recorded *c, struct arena *a, struct err *e)
{
    struct kustomize_opts o = {0};
    if (!read_args(c->args, &o))
        return err_set(e, ERR_UNSUPPORTED, "a flag is not offered"), false;
    const char *path;
    struct value **objects;
    size_t n;
    int rc = tree_join(a, "", c->target, &path, e);
    if (rc == 0)
        rc = kustomize_build(t, path, &o, a, &objects, &n, e);
    if (!c->want)
        return rc < 0 || (err_set(e, ERR_INVALID, "an error was expected"), false);
    if (rc < 0)
        return false;
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    kustomize_print(&b, objects, n);
    return same(buf_text(&b), c->want, e);
}

static void count(struct tally *t, bool verbose, const char *name, bool passed, const struct err *e)
{
    t->passed += passed;
    t->failed += !passed;
    if (!passed && verbose)
        (void)printf("failed %s: %s\n", name, e->msg);
}

static void run_folder(const char *root, const char *name, bool verbose, struct tally *tally)
{
    AUTO(arena) struct arena *a = arena_new((size_t)512 << 20);
    struct err e = {.msg = ""};
    struct recorded c = {.name = name};
    const char *dir = arena_printf(a, "%s/%s", root, name);
    char *target, *meta, *want;
    size_t n;
    struct value *doc;
    if (!read_text(dir, "target", a, &target, &n) || !read_text(dir, "meta.json", a, &meta, &n) ||
        json_parse(a, meta, n, 0, &doc, &e) < 0) {
        tally->skipped++;
        return;
    }
    target[strcspn(target, "\n")] = '\0';
    c.target = target;
    c.args = value_get(doc, "args");
    c.want = read_text(dir, "expected.yaml", a, &want, &n) ? want : NULL;
    AUTO(tree) struct tree *t = NULL;
    bool passed = tree_of_folder(arena_printf(a, "%s/in", dir), &t, &e) == 0 && holds(t, &c, a, &e);
    count(tally, verbose, name, passed, &e);
}

static void run_line(const char *line, size_t len, bool verbose, struct tally *tally)
{
    AUTO(arena) struct arena *a = arena_new((size_t)512 << 20);
    struct err e = {.msg = ""};
    struct value *doc;
    if (json_parse(a, line, len, 0, &doc, &e) < 0) {
        count(tally, verbose, "micro.jsonl", false, &e);
        return;
    }
    const struct value *files = value_get(doc, "files");
    struct tree_file *table = ARENA_ARRAY(a, struct tree_file, value_count(files) + 1);
    size_t n = 0;
    VALUE_EACH_MEMBER (f, files)
        table[n++] = (struct tree_file){f->key, value_str(&f->value, "")};
    struct recorded c = {.name = value_at_str(doc, "name", "?"),
                         .target = value_at_str(doc, "target", "."),
                         .args = value_get(doc, "args"),
                         .want = value_at_str(doc, "expected", NULL)};
    AUTO(tree) struct tree *t = tree_of_table(table);
    count(tally, verbose, c.name, holds(t, &c, a, &e), &e);
}

static void run_lines(const char *root, bool verbose, struct tally *tally)
{
    AUTO(arena) struct arena *a = arena_new((size_t)512 << 20);
    char *text;
    size_t n;
    if (!read_text(root, "micro.jsonl", a, &text, &n))
        return;
    for (size_t at = 0, len; at < n; at += len + 1) {
        len = strcspn(text + at, "\n");
        if (len > 0)
            run_line(text + at, len, verbose, tally);
    }
}

int main(int argc, char **argv)
{
    bool verbose = argc > 2 && strcmp(argv[1], "-v") == 0;
    const char *root = argv[argc - 1];
    struct dirent **names;
    struct tally t = {0};
    int n = argc > 1 ? scandir(root, &names, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && names[i]->d_type == DT_DIR)
            run_folder(root, names[i]->d_name, verbose, &t);
        free(names[i]);
    }
    if (n >= 0) {
        free(names);
        run_lines(root, verbose, &t);
    }
    (void)printf("kustomize: %u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    return n < 0 || t.failed > 0;
}
