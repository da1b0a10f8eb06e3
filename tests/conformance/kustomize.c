/* conformance-kustomize FOLDER: kustomize builds recorded from the real tool.
 *
 * Each FOLDER/CASE has in/, target, meta.json and expected.yaml or expected_error.txt. A case
 * passes when the objects are those expected, in their order; an error case when an error is
 * reported. With -v the names of failed cases are printed with the reason. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "render/kustomize/kustomize.h"

enum { TEXT_MAX = 16 << 20 };

struct tally {
    unsigned passed, failed, skipped;
};

static bool read_text(const char *dir, const char *name, struct arena *a, char **out, size_t *n)
{
    return fs_read(arena_printf(a, "%s/%s", dir, name), TEXT_MAX, a, out, n, NULL) == 0;
}

/* The first place where two trees differ, as a path; both values there. */
static const char *differs(struct arena *a, const struct value **got, const struct value **want)
{
    if (value_is(*got, VALUE_OBJECT) && value_is(*want, VALUE_OBJECT)) {
        const struct value *sides[] = {*got, *want};
        for (int i = 0; i < 2; i++)
            VALUE_EACH_MEMBER (m, sides[i]) {
                const struct value *x = value_get(sides[0], m->key);
                const struct value *y = value_get(sides[1], m->key);
                if (x && y && value_equal(x, y))
                    continue;
                *got = x, *want = y;
                return arena_printf(a, "/%s%s", m->key, differs(a, got, want));
            }
    }
    if (value_is(*got, VALUE_ARRAY) && value_is(*want, VALUE_ARRAY))
        for (size_t i = 0; i < value_count(*got) || i < value_count(*want); i++) {
            const struct value *x = value_item(*got, i), *y = value_item(*want, i);
            if (x && y && value_equal(x, y))
                continue;
            *got = x, *want = y;
            return arena_printf(a, "/%zu%s", i, differs(a, got, want));
        }
    return "";
}

static bool same(struct arena *a, const char *want, size_t len, struct value **objects, size_t n,
                 struct err *e)
{
    struct value **docs;
    size_t count;
    if (yaml_parse_all(a, want, len, 0, &docs, &count, e) < 0)
        return false;
    if (count != n) {
        (void)err_set(e, ERR_INVALID, "%zu objects, not %zu", n, count);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (value_equal(docs[i], objects[i]))
            continue;
        const struct value *got = objects[i], *expected = docs[i];
        const char *at = differs(a, &got, &expected);
        (void)err_set(e, ERR_INVALID, "%s %s %s: got %.120s want %.120s",
                      value_at_str(docs[i], "kind", ""), value_at_str(docs[i], "metadata.name", ""),
                      at, got ? json_text(a, got, JSON_SORTED) : "nothing",
                      expected ? json_text(a, expected, JSON_SORTED) : "nothing");
        return false;
    }
    return true;
}

/* 1: passed, 0: failed (with the reason in e), -1: skipped. */
static int run(const char *dir, struct arena *a, struct err *e)
{
    char *target, *meta, *want;
    size_t n;
    struct value *doc;
    if (!read_text(dir, "target", a, &target, &n) || !read_text(dir, "meta.json", a, &meta, &n))
        return -1;
    target[strcspn(target, "\n")] = '\0';
    if (json_parse(a, meta, strlen(meta), 0, &doc, e) < 0 ||
        value_count(value_get(doc, "args")) > 0)
        return -1;
    AUTO(tree) struct tree *t = NULL;
    const char *path;
    struct value **objects;
    int rc = tree_of_folder(arena_printf(a, "%s/in", dir), &t, e);
    if (rc == 0)
        rc = tree_join(a, "", target, &path, e);
    if (rc == 0)
        rc = kustomize_build(t, path, NULL, a, &objects, &n, e);
    size_t len;
    if (!read_text(dir, "expected.yaml", a, &want, &len)) {
        (void)(rc == 0 && err_set(e, ERR_INVALID, "an error was expected"));
        return rc < 0;
    }
    return rc == 0 && same(a, want, len, objects, n, e);
}

int main(int argc, char **argv)
{
    bool verbose = argc > 2 && strcmp(argv[1], "-v") == 0;
    const char *root = argv[argc - 1];
    struct dirent **names;
    struct tally t = {0};
    int n = argc > 1 ? scandir(root, &names, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        AUTO(arena) struct arena *a = arena_new((size_t)512 << 20);
        struct err e = {.msg = ""};
        int r = names[i]->d_name[0] == '.'
                    ? -1
                    : run(arena_printf(a, "%s/%s", root, names[i]->d_name), a, &e);
        t.passed += r > 0;
        t.failed += r == 0;
        t.skipped += r < 0 && names[i]->d_name[0] != '.';
        if (r == 0 && verbose)
            (void)printf("failed %s: %s\n", names[i]->d_name, e.msg);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    (void)printf("kustomize: %u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    return n < 0 || t.failed > 0;
}
