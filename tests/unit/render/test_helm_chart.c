/* Charts: which files are read, what is refused, what becomes of dependencies and values. */
#include "t.h"
#include "codec/compress.h"
#include "codec/json.h"
#include "codec/tar.h"
#include "render/helm/manifests_int.h"
#include "render/helm/values_int.h"

#define CHART "apiVersion: v2\nname: c\nversion: 1.0.0\n"

static int load(struct arena *a, struct helm_log *log, const struct tree_file *files,
                struct helm_chart **out, struct err *e)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    *log = (struct helm_log){.arena = a};
    return helm_chart_load(t, "", log, out, e);
}

static void matches_paths(void)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } cases[] = {
        {"*.txt",   "a.txt",      true },
        {"*.txt",   "d/a.txt",    false},
        {"*",       "",           true },
        {"d/*",     "d/a",        true },
        {"d/*",     "d/a/b",      false},
        {"*/a/*",   "x/a/y",      true },
        {"a?c",     "abc",        true },
        {"a?c",     "a/c",        false},
        {"[a-c]x",  "bx",         true },
        {"[^a-c]x", "bx",         false},
        {"[]a]x",   "ax",         false},
        {"[\\]a]x", "]x",         true },
        {"a\\*b",   "a*b",        true },
        {"a\\*b",   "axb",        false},
        {"**/x",    "d/x",        true },
        {"**/x",    "d/e/x",      false},
        {"a*b*c",   "axxbyybzzc", true },
        {"a*b*c",   "axxbyybzz",  false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(helm_path_match(cases[i].pattern, cases[i].path), cases[i].want, cases[i].pattern);
}

static void ignores(void)
{
    static const struct {
        const char *rules, *path;
        bool is_dir, want;
    } cases[] = {
        {"*.md\n",          "README.md",        false, true },
        {"*.md\n",          "docs/a.md",        false, true },
        {"/a.md\n",         "a.md",             false, true },
        {"/a.md\n",         "d/a.md",           false, false},
        {"d/*.md\n",        "d/a.md",           false, true },
        {"d/\n",            "d",                true,  true },
        {"d/\n",            "d",                false, false},
        {"# d\n\n",         "d",                false, false},
        {"!keep\n",         "other",            false, true },
        {"!keep\n",         "keep",             false, false},
        {"  x  \n",         "x",                false, true },
        {"\xef\xbb\xbfx\n", "x",                false, true },
        {"",                "templates/.swp",   false, true },
        {"",                "templates/a.yaml", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_log log = {.arena = a};
        struct helm_ignore *rules = NULL;
        struct err e = {0};
        const char *text = cases[i].rules;
        T_RC(helm__ignore_parse(text, strlen(text), &log, &rules, &e), &e, text);
        T_EQ_INT(helm__ignored(rules, cases[i].path, cases[i].is_dir), cases[i].want, text);
    }
}

static void refuses(void)
{
    static const struct {
        const char *chart, *more, *text, *want;
    } cases[] = {
        {NULL,                                                     "values.yaml",          "a: 1\n", "Chart.yaml file is missing"                    },
        {"name: c\n",                                              "x",                    "",       "validation: chart.metadata.version is required"},
        {"version: 1.0.0\n",                                       "x",                    "",       "validation: chart.metadata.name is required"   },
        {"name: a/b\nversion: 1.0.0\n",                            "x",                    "",
         "validation: chart.metadata.name \"a/b\" is invalid"                                                                                        },
        {"name: c\nversion: abc\n",                                "x",                    "",
         "validation: chart.metadata.version \"abc\" is invalid"                                                                                     },
        {CHART "type: x\n",                                        "x",                    "",
         "validation: chart.metadata.type must be application or library"                                                                            },
        {CHART "maintainers: [null]\n",                            "x",                    "",
         "validation: maintainers must not contain empty or null nodes"                                                                              },
        {CHART "dependencies: [{name: a}, {name: b, alias: a}]\n", "x",                    "",
         "validation: more than one dependency with name or alias \"a\""                                                                             },
        {CHART "dependencies: [{name: a, alias: x y}]\n",          "x",                    "",
         "validation: dependency \"a\" has disallowed characters in the alias"                                                                       },
        {"name: [a]\n",                                            "x",                    "",
         "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot "
         "unmarshal array into Go struct field Metadata.name of type string"                                                                         },
        {CHART "maintainers: [{name: {}}]\n",                      "x",                    "",
         "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot "
         "unmarshal object into Go struct field Maintainer.maintainers.name of type string"                                                          },
        {CHART,                                                    "values.yaml",          "- a\n",
         "cannot load values.yaml: error unmarshaling JSON: while decoding JSON: json: cannot "
         "unmarshal array into Go value of type map[string]interface {}"                                                                             },
        {CHART,                                                    "values.yaml",          "a: [\n",
         "cannot load values.yaml: error converting YAML to JSON: yaml: line 1: did not find "
         "expected node content"                                                                                                                     },
        {CHART,                                                    "charts/x/values.yaml", "a: 1\n",
         "error unpacking subchart x in c: Chart.yaml file is missing"                                                                               },
        {CHART,                                                    "charts/x.tgz",         "junk",
         "error unpacking subchart x.tgz in c: gzip: invalid header"                                                                                 },
        {CHART,                                                    ".helmignore",          "a/**\n", "double-star (**) syntax is not supported"      },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct tree_file files[] = {
            {cases[i].more,                        cases[i].text },
            {cases[i].chart ? "Chart.yaml" : NULL, cases[i].chart},
            {NULL,                                 NULL          },
        };
        struct helm_log log;
        struct helm_chart *c;
        struct err e = {0};
        T_OK(load(a, &log, files, &c, &e) < 0, cases[i].want);
        T_EQ_STR(log.error, cases[i].want, cases[i].want);
    }
}

/* ---- archives ---- */

static void pack(struct buf *out, const struct tar_entry *entries, size_t n)
{
    struct sink_buf to = sink_to_buf(out);
    AUTO(compressor) struct compressor *gzip = NULL;
    struct err e = {0};
    T_RC(compressor_new(COMPRESS_GZIP, 0, &to.sink, &gzip, &e), &e, "compressor");
    AUTO(tar_writer) struct tar_writer *tar = tar_writer_new(compressor_sink(gzip), NULL);
    for (size_t i = 0; i < n; i++) {
        const char *text = CHART;
        struct tar_entry entry = entries[i];
        entry.size = entry.type == TAR_FILE ? strlen(text) : 0;
        entry.mode = 0644;
        T_RC(tar_writer_entry(tar, &entry, &e), &e, entry.path);
        T_RC(tar_writer_data(tar, text, (size_t)entry.size, &e), &e, entry.path);
    }
    T_RC(tar_writer_end(tar, &e), &e, "end");
    T_RC(compressor_end(gzip, &e), &e, "end");
}

static void unpacks(void)
{
    static const struct {
        const char *path, *want; /* NULL: taken */
        enum tar_type type;
    } cases[] = {
        {"c/templates/a.yaml", NULL,                                                                 TAR_FILE},
        {"c/templates/",       NULL,                                                                 TAR_DIR },
        {"c/./x/../y",         NULL,                                                                 TAR_FILE},
        {"c/../x",             "chart illegally references parent directory",                        TAR_FILE},
        {"c//etc/passwd",      "chart illegally contains absolute paths",                            TAR_FILE},
        {"c/c:/x",             "chart contains illegally named files",                               TAR_FILE},
        {"x",                  "chart illegally contains content outside the base directory: \"x\"", TAR_FILE},
        {"c/link",             "chart contains \"c/link\", which is a link or a device, not a file",
         TAR_SYMLINK                                                                                         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct tar_entry entries[] = {
            {.type = TAR_FILE,       .path = "c/Chart.yaml"},
            { .type = cases[i].type, .path = cases[i].path,  .link = "/etc/passwd"},
        };
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO_BUF struct buf b;
        struct helm_log log = {.arena = a};
        struct helm_chart *c = NULL;
        struct err e = {0};
        buf_init(&b, 1 << 20);
        pack(&b, entries, ARRAY_LEN(entries));
        int rc = helm_chart_unpack(buf_text(&b), b.len, &log, &c, &e);
        T_EQ_STR(rc < 0 ? log.error : NULL, cases[i].want, cases[i].path);
    }
}

/* ---- values ---- */

static const char *values_of(struct arena *a, struct helm_chart *c, struct helm_log *log,
                             const char *user)
{
    struct value *v, plain;
    struct err e = {0};
    struct go_map *all = NULL;
    T_RC(json_parse(a, user, strlen(user), 0, &v, &e), &e, user);
    struct go_map *values = go_from_value(a, v).map;
    int rc = helm__dependencies(log, c, values, &e);
    if (rc == 0)
        rc = helm__coalesce(log, c, values, false, &all, &e);
    if (rc < 0)
        return log->error;
    struct go_value whole = go_map(all);
    T_RC(go_to_value(a, &whole, &plain, &e), &e, user);
    return json_text(a, &plain, JSON_SORTED);
}

static void coalesces(void)
{
#define SUB "apiVersion: v2\nname: s\nversion: 1.0.0\n"
    static const struct {
        const char *wants, *own, *sub, *user, *want;
    } cases[] = {
        {"",                                                                                    "a: 1\nb: {c: 2}\n",          "x: 1\n",                           "{\"b\":{\"d\":3}}",
         "{\"a\":1,\"b\":{\"c\":2,\"d\":3},\"s\":{\"global\":{},\"x\":1}}"                                                                                                                                                                                            },
        {"",                                                                                    "a: 1\nb: {c: 2}\n",          "",                                 "{\"a\":null,\"b\":{\"c\":null}}",
         "{\"b\":{},\"s\":{\"global\":{}}}"                                                                                                                                                                                                                           },
        {"",                                                                                    "s: {x: 2}\n",                "x: 1\nw: 1\n",                     "{\"s\":{\"w\":null}}",
         "{\"s\":{\"global\":{},\"x\":2}}"                                                                                                                                                                                                                            },
        {"",                                                                                    "s: text\n",                  "x: 1\n",                           "{}",                              "type mismatch on s: %!t(string=text)"                           },
        {"",                                                                                    "global: {a: {b: {x: 1}}}\n", "global: {a: {b: {w: 2}}, z: 3}\n", "{}",
         "{\"global\":{\"a\":{\"b\":{\"w\":2,\"x\":1}}},\"s\":{\"global\":{\"a\":{\"b\":{\"w\":2,"
         "\"x\":1}},\"z\":3}}}"                                                                                                                                                                                                                                       },
        {"dependencies: [{name: s, version: '*', condition: s.up}]\n",                          "s: {up: false}\n",           "x: 1\n",
         "{}",                                                                                                                                                                                       "{\"s\":{\"up\":false}}"                                         },
        {"dependencies: [{name: s, version: '*', tags: [t]}]\n",                                "tags: {t: false}\n",         "x: 1\n",
         "{}",                                                                                                                                                                                       "{\"tags\":{\"t\":false}}"                                       },
        {"dependencies: [{name: s, version: '*', alias: q}]\n",                                 "",                           "x: 1\n",                           "{}",
         "{\"q\":{\"global\":{},\"x\":1}}"                                                                                                                                                                                                                            },
        {"dependencies: [{name: s, version: '*', import-values: [data]}]\n",                    "a: 1\n",
         "exports: {data: {a: 2, b: 3}}\n",                                                                                                                       "{}",
         "{\"a\":1,\"b\":3,\"s\":{\"exports\":{\"data\":{\"a\":2,\"b\":3}},\"global\":{}}}"                                                                                                                                                                           },
        {"dependencies: [{name: s, version: '*', import-values: [{child: m, parent: p.q}]}]\n", "",
         "m: {a: 2}\n",                                                                                                                                           "{}",                              "{\"p\":{\"q\":{\"a\":2}},\"s\":{\"global\":{},\"m\":{\"a\":2}}}"},
        {"dependencies: [{name: s, version: '>2'}]\n",                                          "",                           "x: 1\n",                           "{}",
         "{\"s\":{\"global\":{},\"x\":1}}"                                                                                                                                                                                                                            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct tree_file files[] = {
            {"Chart.yaml",     arena_printf(a, CHART "%s", cases[i].wants)},
            {"values.yaml", cases[i].own              },
            {"charts/s/Chart.yaml",    SUB   },
            {"charts/s/values.yaml",          cases[i].sub                    },
            {NULL,NULL},
        };
        struct helm_log log;
        struct helm_chart *c = NULL;
        struct err e = {0};
        T_RC(load(a, &log, files, &c, &e), &e, cases[i].want);
        T_EQ_STR(values_of(a, c, &log, cases[i].user), cases[i].want, cases[i].want);
    }
}

/* ---- documents ---- */

static void splits(void)
{
    static const struct {
        const char *text, *want; /* documents with | between them */
    } cases[] = {
        {"a: 1\n---\nb: 2\n",       "a: 1|b: 2"       },
        {"---\na: 1\n---\n",        "a: 1"            },
        {"a: 1\n--- # x\nb: 2",     "a: 1|# x\nb: 2"  },
        {"a: |\n  ---\n  b\n",      "a: |\n  ---\n  b"},
        {"a\n---\n---\nb",          "a|---\nb"        },
        {"\n\n---\r\n\r\na\r\n",    "a"               },
        {"a\n----\nb",              "a|-\nb"          },
        {" \n\t",                   ""                },
        {"\xc2\xa0 a \xe2\x80\xa8", "a"               },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct helm_split s = helm__split((struct helm_text){cases[i].text, strlen(cases[i].text)});
        struct helm_text doc;
        const char *got = "";
        while (helm__next_document(&s, &doc))
            got = arena_printf(a, "%s%s%.*s", got, *got ? "|" : "", (int)doc.n, doc.s);
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
}

static void sorts(void)
{
    static const char text[] =
        "kind: Zed\n---\nkind: Service\n---\nkind: Abc\n---\n"
        "kind: ConfigMap\nmetadata: {annotations: {helm.sh/hook: 'test, pre-install'"
        ", helm.sh/hook-weight: 5}}\n---\nkind: Namespace\n---\n"
        "kind: Job\nmetadata: {annotations: {helm.sh/hook: other}}\n";
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct helm_rendered file = {
        "c/templates/a.yaml", {text, strlen(text)}
    };
    struct helm_result r = {.began = true};
    struct err e = {0};
    const char *got = "";
    T_RC(helm__manifests(&log, &file, 1, &r, &e), &e, "sort");
    for (size_t i = 0; i < r.manifests.n; i++)
        got = arena_printf(a, "%s%s ", got, r.manifests.items[i].kind);
    T_EQ_STR(got, "Namespace Service Abc Zed ", "known kinds first, others by name");
    T_EQ_INT(r.hooks.n, 1, "hooks");
    T_EQ_INT(r.hooks.items[0].events, 1u << HELM_TEST | 1u << HELM_PRE_INSTALL, "events");
    T_EQ_INT(r.hooks.items[0].weight, 5, "weight");
    T_EQ_STR(log.warnings[0], "manifest_sorter.go:199: info: skipping unknown hook: \"other\"",
             "warning");
}

T_MAIN(matches_paths, ignores, refuses, unpacks, coalesces, splits, sorts)
