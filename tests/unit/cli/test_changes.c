#include "cli/changes.h"

#include "codec/yaml.h"
#include "t.h"

static struct value **objects(struct arena *a, const char *text, size_t *n)
{
    struct value **list;
    struct err e = {0};
    T_RC(yaml_parse_all(a, text, strlen(text), 0, &list, n, &e), &e, text);
    return list;
}

#define MAP(name, value)                                                                           \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\ndata: {a: " value "}\n---\n"
#define SECRET(values)                                                                             \
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {" values "}\n---\n"

static void shows(void)
{
    static const struct {
        const char *name, *before, *after, *want, *counts;
    } cases[] = {
        {"nothing",  MAP("m",  "x"),      MAP("m",              "x"),      "", "0 0 0 1"},
        {"changed", MAP("m",         "x"),          MAP("m",                       "z"),
         "--- v1/ConfigMap/m (old)\n+++ v1/ConfigMap/m (new)\n@@ -3 +3 @@ data:\n"
         "-  a: x\n+  a: z\n", "1 0 0 0"},
        {"added and removed",      MAP("m", "x"), MAP("k",                     "z"),
         "--- /dev/null\n+++ v1/ConfigMap/k (new)\n@@ -0,0 +1,6 @@\n+apiVersion: v1\n+data:\n"
         "+  a: z\n+kind: ConfigMap\n+metadata:\n+  name: k\n"
         "--- v1/ConfigMap/m (old)\n+++ /dev/null\n@@ -1,6 +0,0 @@\n-apiVersion: v1\n-data:\n"
         "-  a: x\n-kind: ConfigMap\n-metadata:\n-  name: m\n", "0 1 1 0"},
        {"secret",      SECRET("a: one, b: same"),       SECRET("a: two, b: same, c: new"),
         "--- v1/Secret/s (old)\n+++ v1/Secret/s (new)\n@@ -6 +6 @@ stringData:\n"
         "-  a: '*** (before)'\n+  a: '*** (after)'\n@@ -7,0 +8 @@ stringData:\n+  c: '*** "
         "(after)'\n", "1 0 0 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        AUTO_BUF struct buf b;
        struct changes c;
        struct changes_count n = {0};
        struct changes_look look = {"old", "new", 0, false};
        struct err e = {0};
        size_t n_before, n_after;
        buf_init(&b, 1 << 20);
        struct value **before = objects(a, cases[i].before, &n_before);
        struct value **after = objects(a, cases[i].after, &n_after);
        changes_between(a, before, n_before, after, n_after, &c);
        T_RC(changes_print(&c, &look, a, &b, &n, &e), &e, cases[i].name);
        T_EQ_STR(buf_text(&b), cases[i].want, cases[i].name);
        T_EQ_STR(arena_printf(a, "%zu %zu %zu %zu", n.changed, n.added, n.removed, n.same),
                 cases[i].counts, cases[i].name);
    }
}

static void never_tells(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    size_t n;
    struct value **list = objects(a, SECRET("a: confidential") MAP("m", "public"), &n);
    const char *secret = yaml_text(a, changes_masked(list[0], a), 0);
    T_EQ_INT(strstr(secret, "confidential") == NULL, 1, "masked");
    T_EQ_INT(strstr(secret, "a: '***'") != NULL, 1, secret);
    T_EQ_INT(changes_masked(list[1], a) == list[1], 1, "others are left alone");
}

T_MAIN(shows, never_tells)
