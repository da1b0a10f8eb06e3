/* promtool.c - slipway promtool: rule files checked and tested, as Prometheus's own tool does. */
#include "cli/promtool.h"

#include <stdio.h>

#include "base/fs.h"
#include "promql/promql.h"
#include "rules/config.h"
#include "rules/rules.h"

enum { FILE_MAX = 64 << 20 };
enum { VERB_CHECK, VERB_TEST, VERB_CONFIG };

bool promtool_features(const struct option_list *names, unsigned *out, struct err *e)
{
    for (size_t i = 0; i < names->n; i++)
        if (promql_features(names->items[i], out, e) < 0)
            return false;
    return true;
}

/* ---- check rules ---- */

static bool check_rules(const char *path, const struct rules_opts *o)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct rule_file f;
    struct err e;
    char *text;
    size_t n, rules = 0;
    (void)printf("Checking %s\n", path);
    if (fs_read(path, FILE_MAX, a, &text, &n, &e) < 0) {
        (void)fprintf(stderr, "  FAILED:\n%s\n", e.msg);
        return false;
    }
    rules_parse(a, text, n, o, &f);
    if (f.n_faults)
        (void)fprintf(stderr, "  FAILED:\n");
    for (size_t i = 0; i < f.n_faults; i++)
        (void)fprintf(stderr, "%s: %s\n", path, f.faults[i]);
    for (size_t i = 0; i < f.n; i++)
        rules += f.groups[i].n;
    if (!f.n_faults)
        (void)printf("  SUCCESS: %zu rules found\n\n", rules);
    return f.n_faults == 0;
}

/* ---- test rules ---- */

static bool test_rules(const char *path, const struct rule_test_opts *o)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char **failures;
    size_t n;
    (void)printf("Unit Testing:  %s\n", path);
    (void)fflush(stdout);
    if (rule_test_file(a, path, o, &failures, &n)) {
        (void)printf("  SUCCESS\n\n");
        return true;
    }
    (void)fprintf(stderr, "  FAILED:\n");
    for (size_t i = 0; i < n; i++)
        (void)fprintf(stderr, "%s\n\n", failures[i]);
    return false;
}

/* ---- check config ---- */

static int run_config(int argc, char **argv)
{
    bool agent = false, ok = true;
    const struct option table[] = {
        {"agent",      0, OPTION_FLAG, &agent, NULL, "as Prometheus's agent reads it"},
        {0},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    const struct verb *v = &verbs_promtool[VERB_CONFIG];
    struct arguments args;
    int code;
    if (!verb_begin(v, table, argc, argv, a, &args, &code))
        return code;
    if (args.n == 0)
        return verb_usage(v);
    for (size_t i = 0; i < args.n; i++) {
        struct err e = {0};
        bool good = config_check(args.items[i], agent, &e) == 0;
        (void)printf("Checking %s\n", args.items[i]);
        (void)fflush(stdout);
        if (good)
            (void)printf("  SUCCESS: %s is valid prometheus config file syntax\n\n", args.items[i]);
        else
            (void)fprintf(stderr, "  FAILED: %s\n\n", e.msg);
        ok &= good;
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- the verbs ---- */

static int run(int which, int argc, char **argv)
{
    struct rule_test_opts o = {0};
    struct option_list features = {0};
    const struct option table[] = {
        {"enable-feature", 0, OPTION_LIST, &features, "NAME",
         "what Prometheus has behind this flag: promql-experimental-functions, …"},
        {"ignore-unknown-fields",     0, OPTION_FLAG, &o.rules.ignore_unknown, NULL,
         "fields of rules that are not known are left out"},
        {"run",          0, OPTION_TEXT, &o.run, "PATTERN", "only tests whose name fits (test rules)"},
        {0               }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    const struct verb *v = &verbs_promtool[which];
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(v, table, argc, argv, a, &args, &code))
        return code;
    if (args.n == 0)
        return verb_usage(v);
    if (!promtool_features(&features, &o.rules.features, &e))
        return verb_fail(&e);
    bool ok = true;
    for (size_t i = 0; i < args.n; i++)
        ok &= which == VERB_TEST ? test_rules(args.items[i], &o)
                                 : check_rules(args.items[i], &o.rules);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int run_check(int argc, char **argv)
{
    return run(VERB_CHECK, argc, argv);
}

static int run_test(int argc, char **argv)
{
    return run(VERB_TEST, argc, argv);
}

const struct verb verbs_promtool[] = {
    [VERB_CHECK] = {"promtool check rules",               "FILE...", "say what is wrong with rule files",
                    run_check},
    [VERB_TEST] = {"promtool test rules", "FILE...", "run Prometheus's unit tests of rules",
                    run_test},
    [VERB_CONFIG] = {"promtool check config",                                    "FILE...",
                    "say what is wrong with configuration files of Prometheus", run_config},
    {0                          },
};
