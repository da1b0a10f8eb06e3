/* dashboard.c - slipway dashboard check: which queries of Grafana's dashboards cannot work. */
#include "dashboard/dashboard.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/promtool.h"
#include "codec/json.h"

static void print_found(const char *path, const struct dashboard *d,
                        const struct dashboard_faults *f)
{
    size_t queries = 0;
    for (size_t i = 0; i < f->n; i++)
        (void)printf("%s:%u: %s: %s\n", path, f->items[i].line, f->items[i].where,
                     f->items[i].text);
    for (size_t i = 0; i < d->n_panels; i++)
        queries += d->panels[i].n;
    (void)printf("%s: dashboard \"%s\": %zu panels, %zu queries, ", path, d->title, d->n_panels,
                 queries);
    if (f->total)
        (void)printf("%zu faults", f->total);
    else
        (void)printf("no fault");
    (void)printf(d->passed ? "; %zu panels of other data sources passed by\n" : "\n", d->passed);
}

/* `list` NULL: in text. */
static bool check_file(const char *path, unsigned features, struct value *list, struct arena *out)
{
    AUTO(arena) struct arena *own = arena_new(0);
    struct arena *a = list ? out : own;
    struct dashboard d;
    struct dashboard_faults f;
    struct err e = {0};
    char *text;
    size_t n;
    bool read = fs_read(path, DASHBOARD_FILE_MAX, a, &text, &n, &e) == 0 &&
                dashboard_read(a, text, n, &d, &e) == 0;
    if (read)
        dashboard_check(a, &d, features, &f);
    if (!list && read) {
        print_found(path, &d, &f);
    } else if (!list) {
        (void)printf("%s: %s\n", path, e.msg);
    } else {
        struct value *v =
            value_push(a, list, read ? dashboard_value(a, &d, &f) : value_new_object(a));
        (void)value_set_str(a, v, "file", path);
        if (!read)
            (void)value_set_str(a, v, "error", e.msg);
    }
    return read && f.total == 0;
}

static int run_check(int argc, char **argv)
{
    const char *output = "text";
    struct option_list names = {0};
    const struct option table[] = {
        {"output",     'o', OPTION_TEXT, &output, "FORM", "text or json"},
        {"enable-feature", 0, OPTION_LIST, &names, "NAME",
         "what Prometheus has behind this flag: promql-experimental-functions, …"},
        {0     },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    const struct verb *v = &verbs_dashboard[0];
    struct arguments args;
    struct err e = {0};
    unsigned features = 0;
    int code;
    if (!verb_begin(v, table, argc, argv, a, &args, &code))
        return code;
    bool json = strcmp(output, "json") == 0, ok = true;
    if (args.n == 0 || (!json && strcmp(output, "text") != 0))
        return verb_usage(v);
    if (!promtool_features(&names, &features, &e))
        return verb_fail(&e);
    struct value *list = json ? value_new_array(a) : NULL;
    for (size_t i = 0; i < args.n; i++)
        ok &= check_file(args.items[i], features, list, a);
    if (json)
        (void)puts(json_text(a, list, JSON_PRETTY | JSON_NO_HTML));
    return ok ? EXIT_OK : EXIT_FAILED;
}

const struct verb verbs_dashboard[] = {
    {"dashboard check",                                       "FILE... [-o json]",
     "say which queries of Grafana's dashboards cannot work", run_check},
    {0},
};
