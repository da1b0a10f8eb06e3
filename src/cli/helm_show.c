/* helm_show.c - slipway helm show: what a chart says of itself. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/helm.h"
#include "codec/jsonpath.h"
#include "codec/yaml.h"

enum show {
    SHOW_CHART = 1,
    SHOW_VALUES = 2,
    SHOW_README = 4,
    SHOW_CRDS = 8,
    SHOW_ALL = 15,
};

static unsigned what_of(const struct verb *v)
{
    static const struct {
        const char *word;
        unsigned what;
    } known[] = {
        {"chart",  SHOW_CHART },
        {"values", SHOW_VALUES},
        {"readme", SHOW_README},
        {"crds",   SHOW_CRDS  }
    };
    const char *word = strrchr(v->name, ' ') + 1;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(word, known[i].word) == 0)
            return known[i].what;
    return SHOW_ALL;
}

static void put(struct helm_text text)
{
    (void)fwrite(text.s, 1, text.n, stdout);
    (void)putchar('\n');
}

/* What is not there is nothing, as Helm says no word about it. */
static int print_path(struct helm_text values, const char *path, struct helm_log *log,
                      struct err *e)
{
    struct jsonpath *compiled;
    struct value *doc;
    struct err why = {0};
    AUTO_BUF struct buf b;
    buf_init(&b, HELM_OUTPUT_MAX);
    if (jsonpath_compile(log->arena, path, &compiled, &why) < 0)
        return helm_fail(log, e, ERR_INVALID, "error parsing jsonpath %s: %s", path, why.msg);
    int rc = yaml_parse(log->arena, values.s, values.n, YAML_FIRST, &doc, e);
    if (rc < 0)
        return helm_fail(log, e, (enum err_code)rc, "%s", e->msg);
    if (jsonpath_print(compiled, doc, 0, &b, NULL) == 0)
        (void)fwrite(buf_text(&b), 1, b.len, stdout);
    return 0;
}

static int show_values(const struct helm_chart *c, const char *path, struct helm_log *log,
                       struct err *e)
{
    struct helm_chart_file *files;
    size_t n = helm_chart_raw(c, log->arena, &files);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(files[i].name, "values.yaml") != 0)
            continue;
        if (path)
            return print_path(files[i].text, path, log, e);
        put(files[i].text);
    }
    return 0;
}

static void show_readme(const struct helm_chart *c, bool line, struct arena *a)
{
    static const char *const names[] = {"readme.md", "readme.txt", "readme"};
    struct helm_chart_file *files;
    size_t n = helm_chart_rest(c, a, &files);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (strcasecmp(files[i].name, names[k]) == 0) {
                if (line)
                    (void)puts("---");
                put(files[i].text);
                return;
            }
}

static void show_crds(const struct helm_chart *c, bool line, struct arena *a)
{
    struct helm_chart_file *files;
    size_t n = helm_chart_crds(c, a, &files);
    if (line && n > 0 && (files[0].text.n < 3 || memcmp(files[0].text.s, "---", 3) != 0))
        (void)puts("---");
    for (size_t i = 0; i < n; i++)
        put(files[i].text);
}

static int show(const struct helm_chart *c, unsigned what, const char *path, struct helm_log *log,
                struct err *e)
{
    struct arena *a = log->arena;
    bool all = what == SHOW_ALL;
    if (what & SHOW_CHART)
        (void)printf("%s\n", helm_chart_yaml(c, a));
    if (what & SHOW_VALUES && helm_chart_has_values(c)) {
        if (all)
            (void)puts("---");
        int rc = show_values(c, path, log, e);
        if (rc < 0)
            return rc;
    }
    if (what & SHOW_README)
        show_readme(c, all, a);
    if (what & SHOW_CRDS)
        show_crds(c, all, a);
    return 0;
}

int helm_cli_show(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_source source = {0};
    const char *path = NULL;
    unsigned what = what_of(verb);
    const struct option table[] = {
        HELM_CLI_SOURCE(source),
        {what == SHOW_VALUES ? "jsonpath" : NULL, 0, OPTION_TEXT, &path, "PATH",
                  "only what is there in the values"},
        {0                           }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct helm_cli_place place;
    struct helm_chart *chart;
    struct arguments args;
    struct err e = {0};
    int code;
    const struct helm_cli_usage usage = {verb, table, 1, 1};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    int rc = helm_cli_locate(args.items[0], &source, &log, &place, &e);
    if (rc == 0)
        rc = helm_cli_open(&place, &log, &chart, &e);
    if (rc == 0)
        rc = show(chart, what, path, &log, &e);
    helm_cli_warnings(&log);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}
