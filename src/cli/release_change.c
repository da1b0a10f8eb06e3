/* release_change.c - slipway helm install, upgrade, rollback, uninstall, test. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/release.h"

enum { INSTALL, UPGRADE, ROLLBACK, UNINSTALL, TEST };

struct change {
    struct release_cli cli;
    struct release_cli_where where;
    struct release_opts opts;
    struct helm_cli_source source;
    struct helm_cli_values values;
    struct helm_cli_post post;
    struct option_list labels, filters;
    const char *timeout, *output, *dry_run, *name_template, *cascade;
    long history_max;
    bool generate_name, or_install, hide_notes, reset_values, reuse_values, reset_then_reuse, logs;
    bool ignored;
    enum release_format format;
};

static int bad(struct change *c, struct err *e, const char *text)
{
    c->cli.log.error = text;
    return err_set(e, ERR_INVALID, "%s", text);
}

/* ---- options that need a word ---- */

static int read_dry_run(struct change *c, struct err *e)
{
    const char *d = c->dry_run;
    if (!d || strcmp(d, "none") == 0 || strcmp(d, "false") == 0)
        return 0;
    c->opts.dry_run = true;
    c->opts.dry_run_client = strcmp(d, "server") != 0;
    if (!*d || strcmp(d, "client") == 0 || strcmp(d, "true") == 0 || strcmp(d, "server") == 0)
        return 0;
    return bad(c, e,
               "Invalid dry-run flag. Flag must one of the following: false, true, none, client, "
               "server");
}

static int read_labels(struct change *c, struct err *e)
{
    static const char *const ours[] = {"name",    "owner",     "status",
                                       "version", "createdAt", "modifiedAt"};
    struct arena *a = c->cli.log.arena;
    struct value *labels = value_new_object(a);
    helm_cli_split(a, &c->labels);
    for (size_t i = 0; i < c->labels.n; i++) {
        const char *pair = c->labels.items[i], *equals = strchr(pair, '=');
        if (!equals)
            return bad(c, e,
                       arena_printf(a,
                                    "invalid argument \"%s\" for \"-l, --labels\" flag: %s must be "
                                    "formatted as key=value",
                                    pair, pair));
        const char *key = arena_strndup(a, pair, (size_t)(equals - pair));
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
            if (strcmp(key, ours[k]) == 0)
                return bad(c, e,
                           "user supplied labels contains system reserved label name. System "
                           "labels: [name owner status version createdAt modifiedAt]");
        (void)value_set_str(a, labels, key, equals + 1);
    }
    c->opts.labels = labels;
    return 0;
}

static int read_options(struct change *c, struct err *e)
{
    const char *max = getenv("HELM_MAX_HISTORY");
    int64_t n = 10;
    if (c->history_max < 0)
        c->history_max = max && value_int_from_text(max, &n) ? (long)n : 10;
    c->opts.history_max = (int)c->history_max;
    c->opts.values = c->reset_values       ? RELEASE_VALUES_RESET
                     : c->reuse_values     ? RELEASE_VALUES_REUSE
                     : c->reset_then_reuse ? RELEASE_VALUES_RESET_THEN_REUSE
                                           : RELEASE_VALUES_GIVEN;
    c->cli.post = c->post.program ? &c->post : NULL;
    int rc = release_cli_format(c->output, &c->format, e);
    if (rc == 0)
        rc = helm_cli_post_check(&c->post, &c->cli.log, e);
    if (rc == 0)
        rc = read_dry_run(c, e);
    if (rc == 0 && c->opts.hide_secret && !c->opts.dry_run)
        rc = bad(c, e, "Hiding Kubernetes secrets requires a dry-run mode");
    if (rc == 0)
        rc = read_labels(c, e);
    if (rc == 0)
        rc = release_cli_open(&c->cli, &c->where, c->cli.log.arena, e);
    return rc < 0 ? rc : release_cli_timeout(c->timeout, &c->cli.session, e);
}

/* Every verb here: what was asked for, the work, what went wrong. `failed` begins Helm's sentence.
 */
static int carry_out(struct change *c, const struct helm_cli_usage *usage, int argc, char **argv,
                     int (*work)(struct change *c, const struct arguments *args, struct err *e),
                     const char *failed)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    int code;
    c->cli.log.arena = a;
    if (!helm_cli_begin(usage, argc, argv, &c->cli.log, &args, &code))
        return code;
    int rc = read_options(c, &e);
    if (rc == 0)
        rc = work(c, &args, &e);
    code = rc < 0 ? release_cli_fail(&c->cli, failed, &e) : EXIT_OK;
    release_cli_close(&c->cli);
    return code;
}

/* ---- install ---- */

static int read_chart(struct change *c, const char *name, struct helm_chart **chart,
                      struct go_map **values, struct err *e)
{
    struct helm_cli_place place;
    int rc = helm_cli_locate(name, &c->source, &c->cli.log, &place, e);
    if (rc == 0)
        rc = helm_cli_values(&c->values, &c->cli.log, values, e);
    if (rc == 0)
        rc = helm_cli_open(&place, &c->cli.log, chart, e);
    return rc < 0 ? rc : helm_chart_installable(*chart, &c->cli.log, e);
}

static int install(struct change *c, const char *name, const char *path, struct release **out,
                   struct err *e)
{
    struct helm_chart *chart;
    struct go_map *values;
    *out = NULL;
    int rc = read_chart(c, path, &chart, &values, e);
    helm_cli_warnings(&c->cli.log);
    if (rc < 0)
        return rc;
    c->cli.cancelling = name;
    return release_install(&c->cli.session, name, chart, values, &c->opts, out, e);
}

static const char *generated_name(struct arena *a, const char *chart)
{
    const char *slash = strrchr(chart, '/');
    const char *base = slash ? slash + 1 : chart;
    size_t n = strcspn(base, ".");
    if (!*base || strcmp(base, ".") == 0) {
        base = "chart";
        n = strlen(base);
    }
    return arena_printf(a, "%.*s-%lld", (int)n, base, (long long)(clock_real_ms() / 1000));
}

static int install_name(struct change *c, const struct arguments *args, const char **name,
                        struct err *e)
{
    struct arena *a = c->cli.log.arena;
    if (args->n > 2) {
        const char *rest = args->items[2];
        for (size_t i = 3; i < args->n; i++)
            rest = arena_printf(a, "%s, %s", rest, args->items[i]);
        return bad(
            c, e,
            arena_printf(a, "expected at most two arguments, unexpected arguments: %s", rest));
    }
    if (args->n == 2 && c->generate_name)
        return bad(c, e, "cannot set --generate-name and also specify a name");
    if (args->n == 2 && c->name_template)
        return bad(c, e, "cannot set --name-template and also specify a name");
    *name = args->items[0];
    if (args->n == 2)
        return 0;
    if (c->name_template)
        return helm_name_template(c->name_template, &c->cli.log, name, e);
    if (!c->generate_name)
        return bad(c, e, "must either provide a name or specify --generate-name");
    *name = generated_name(a, args->items[0]);
    return 0;
}

static void show(struct change *c, const struct release *r)
{
    const struct release_cli_look look = {.debug = c->source.globals.debug,
                                          .hide_notes = c->hide_notes};
    helm_cli_warnings(&c->cli.log);
    if (c->format == RELEASE_TABLE)
        release_cli_status(r, &look, &c->cli.log);
    else
        release_cli_document(r->doc, c->format, c->cli.log.arena);
}

/* What install and upgrade share. */
#define COMMON_OPTIONS(c)                                                                          \
    HELM_CLI_SOURCE((c).source), HELM_CLI_VALUES((c).values), HELM_CLI_POST((c).post),             \
        RELEASE_CLI_OUTPUT((c).output),                                                            \
        {"create-namespace",         0,    OPTION_FLAG,                                            \
         &(c).opts.create_namespace, NULL, "make the namespace when it is not there"},             \
        {"dry-run",       0,                                                                       \
         OPTION_MAYBE,    &(c).dry_run,                                                            \
         "client|server", "only show; with server, lookup asks the cluster"},                      \
        {"hide-secret",         0,    OPTION_FLAG,                                                 \
         &(c).opts.hide_secret, NULL, "with --dry-run: do not show Secrets"},                      \
        {"force", 0, OPTION_FLAG, &(c).opts.force, NULL, "replace objects instead of patching"},   \
        {"no-hooks", 0, OPTION_FLAG, &(c).opts.no_hooks, NULL, "run no hooks"},                    \
        {"wait", 0, OPTION_FLAG, &(c).opts.wait, NULL, "until all is ready"},                      \
        {"wait-for-jobs",         0,    OPTION_FLAG,                                               \
         &(c).opts.wait_for_jobs, NULL, "with --wait: until Jobs have ended, too"},                \
        {"timeout", 0, OPTION_TEXT, &(c).timeout, "DURATION", "of each wait (5m0s)"},              \
        {"atomic", 0, OPTION_FLAG, &(c).opts.atomic, NULL, "take back what fails; waits"},         \
        {"skip-crds", 0, OPTION_FLAG, &(c).opts.skip_crds, NULL, "leave crds/ alone"},             \
        {"description", 0, OPTION_TEXT, &(c).opts.description, "TEXT", "for the history"},         \
        {"labels", 'l', OPTION_LIST, &(c).labels, "K=V", "on the release's record"},               \
        {"take-ownership",         0,    OPTION_FLAG,                                              \
         &(c).opts.take_ownership, NULL, "of objects that are there already"},                     \
        {"render-subchart-notes",  0,    OPTION_FLAG,                                              \
         &(c).opts.subchart_notes, NULL, "notes of subcharts, too"},                               \
        {"hide-notes", 0, OPTION_FLAG, &(c).hide_notes, NULL, "do not print the notes"},           \
        {"skip-schema-validation", 0,    OPTION_FLAG,                                              \
         &(c).opts.skip_schema,    NULL, "do not check values.schema.json"},                       \
        {"disable-openapi-validation", 0, OPTION_FLAG, &(c).ignored, NULL, "for Helm's sake"},     \
        RELEASE_CLI_WHERE((c).where)

static int install_named(struct change *c, const struct arguments *args, struct err *e)
{
    struct release *r;
    const char *name;
    int rc = install_name(c, args, &name, e);
    if (rc == 0)
        rc = install(c, name, args->items[args->n - 1], &r, e);
    if (rc == 0)
        show(c, r);
    return rc;
}

static int run_install(int argc, char **argv)
{
    struct change c = {.history_max = -1};
    const struct option table[] = {
        COMMON_OPTIONS(c),
        {"generate-name", 'g', OPTION_FLAG, &c.generate_name, NULL, "without NAME: make one up"},
        {"name-template",    0, OPTION_TEXT, &c.name_template, "TEXT", "makes the release's name"},
        {"replace",           0, OPTION_FLAG, &c.opts.replace, NULL, "use the name of a release that ended"},
        {0              },
    };
    const struct helm_cli_usage usage = {&verbs_release[INSTALL], table, 1, 0};
    return carry_out(&c, &usage, argc, argv, install_named, "INSTALLATION FAILED");
}

/* ---- upgrade ---- */

/* There is nothing to upgrade: the first one, or one whose history ends with its uninstallation. */
static int is_new(struct change *c, const char *name, bool *out, struct err *e)
{
    struct release_list history;
    int rc = release_history(&c->cli.session, name, &history, e);
    *out = rc == ERR_NOT_FOUND ||
           (rc == 0 && release_status(history.items[history.n - 1]) == RELEASE_UNINSTALLED);
    c->opts.replace = rc == 0;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int upgrade(struct change *c, const char *name, const char *path, struct release **out,
                   struct err *e)
{
    struct helm_chart *chart;
    struct go_map *values;
    int rc = read_chart(c, path, &chart, &values, e);
    helm_cli_warnings(&c->cli.log);
    if (rc < 0)
        return rc;
    c->cli.cancelling = name;
    rc = release_upgrade(&c->cli.session, name, chart, values, &c->opts, out, e);
    if (rc < 0)
        c->cli.log.error = arena_printf(c->cli.log.arena, "UPGRADE FAILED: %s", c->cli.log.error);
    else if (c->format == RELEASE_TABLE)
        (void)printf("Release \"%s\" has been upgraded. Happy Helming!\n", name);
    return rc;
}

static int upgrade_or_install(struct change *c, const char *name, const char *path,
                              struct release **out, struct err *e)
{
    bool fresh = false;
    int rc = c->or_install ? is_new(c, name, &fresh, e) : 0;
    if (rc < 0)
        return rc;
    if (!fresh)
        return upgrade(c, name, path, out, e);
    if (c->format == RELEASE_TABLE)
        (void)printf("Release \"%s\" does not exist. Installing it now.\n", name);
    return install(c, name, path, out, e);
}

static int upgrade_named(struct change *c, const struct arguments *args, struct err *e)
{
    struct release *r;
    int rc = upgrade_or_install(c, args->items[0], args->items[1], &r, e);
    if (rc == 0)
        show(c, r);
    return rc;
}

static int run_upgrade(int argc, char **argv)
{
    struct change c = {.history_max = -1};
    const struct option table[] = {
        COMMON_OPTIONS(c),
        {"install",                              'i', OPTION_FLAG, &c.or_install, NULL, "install what is not there yet"},
        {"reuse-values",                           0, OPTION_FLAG, &c.reuse_values, NULL,
             "over the values of the last revision"},
        {"reset-values",                                  0, OPTION_FLAG, &c.reset_values, NULL, "over those of the chart"},
        {"reset-then-reuse-values",                                      0, OPTION_FLAG, &c.reset_then_reuse, NULL,
             "over those given to the last revision"},
        {"history-max",           0, OPTION_NUMBER, &c.history_max, "N", "how many revisions to keep (10)"},
        {"cleanup-on-fail",                       0, OPTION_FLAG, &c.opts.cleanup_on_fail, NULL,
             "delete what is new when it fails"},
        {"recreate-pods", 0, OPTION_FLAG, &c.opts.recreate_pods, NULL, "restart pods"},
        {0                        },
    };
    const struct helm_cli_usage usage = {&verbs_release[UPGRADE], table, 2, 2};
    return carry_out(&c, &usage, argc, argv, upgrade_named, NULL);
}

/* ---- rollback ---- */

static int roll_back(struct change *c, const struct arguments *args, struct err *e)
{
    struct arena *a = c->cli.log.arena;
    int64_t revision = 0;
    if (args->n > 1 && !value_int_from_text(args->items[1], &revision))
        return bad(c, e,
                   arena_printf(a,
                                "could not convert revision to a number: strconv.Atoi: parsing "
                                "\"%s\": invalid syntax",
                                args->items[1]));
    c->cli.cancelling = args->items[0];
    int rc = release_rollback(&c->cli.session, args->items[0], (int)revision, &c->opts, e);
    if (rc == 0)
        (void)puts("Rollback was a success! Happy Helming!");
    return rc;
}

static int run_rollback(int argc, char **argv)
{
    struct change c = {.history_max = -1};
    const struct option table[] = {
        {"dry-run",             0, OPTION_FLAG, &c.opts.dry_run, NULL, "only look whether it could be"},
        {"wait",          0, OPTION_FLAG, &c.opts.wait, NULL, "until all is ready"},
        {"wait-for-jobs",                 0, OPTION_FLAG, &c.opts.wait_for_jobs, NULL,
         "with --wait: until Jobs have ended, too"},
        {"timeout",                     0, OPTION_TEXT, &c.timeout, "DURATION", "of each wait (5m0s)"},
        {"no-hooks",           0, OPTION_FLAG, &c.opts.no_hooks, NULL, "run no hooks"},
        {"force",         0, OPTION_FLAG, &c.opts.force, NULL, "replace objects instead of patching"},
        {"cleanup-on-fail", 0, OPTION_FLAG, &c.opts.cleanup_on_fail, NULL,
         "delete what is new when it fails"},
        {"history-max",       0, OPTION_NUMBER, &c.history_max, "N", "how many revisions to keep (10)"},
        {"recreate-pods",          0, OPTION_FLAG, &c.opts.recreate_pods, NULL, "restart pods"},
        HELM_CLI_GLOBALS(c.source.globals),
        RELEASE_CLI_WHERE(c.where),
        {0                },
    };
    const struct helm_cli_usage usage = {&verbs_release[ROLLBACK], table, 1, 0};
    return carry_out(&c, &usage, argc, argv, roll_back, NULL);
}

/* ---- uninstall ---- */

static int read_cascade(struct change *c, struct err *e)
{
    static const char *const names[] = {"background", "foreground", "orphan"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!c->cascade || strcmp(c->cascade, names[i]) == 0) {
            c->opts.cascade = (enum kube_propagation)i;
            return 0;
        }
    return bad(c, e,
               arena_printf(c->cli.log.arena,
                            "invalid cascade value (%s). Must be \"background\", \"foreground\", "
                            "or \"orphan\"",
                            c->cascade));
}

static int uninstall(struct change *c, const struct arguments *args, struct err *e)
{
    int rc = read_cascade(c, e);
    for (size_t i = 0; i < args->n && rc == 0; i++) {
        const char *kept;
        c->cli.cancelling = args->items[i];
        rc = release_uninstall(&c->cli.session, args->items[i], &c->opts, &kept, e);
        if (rc == 0 && *kept)
            (void)puts(kept);
        if (rc == 0)
            (void)printf("release \"%s\" uninstalled\n", args->items[i]);
    }
    return rc;
}

static int run_uninstall(int argc, char **argv)
{
    struct change c = {.history_max = -1};
    const struct option table[] = {
        {"dry-run",             0, OPTION_FLAG, &c.opts.dry_run, NULL, "only look whether it is there"},
        {"keep-history",          0, OPTION_FLAG, &c.opts.keep_history, NULL, "leave the records"},
        {"ignore-not-found",                 0, OPTION_FLAG, &c.opts.ignore_not_found, NULL,
         "one that is not there is uninstalled"},
        {"cascade",                     0, OPTION_TEXT, &c.cascade, "HOW", "background, orphan or foreground"},
        {"wait",           0, OPTION_FLAG, &c.opts.wait, NULL, "until all is gone"},
        {"timeout", 0, OPTION_TEXT, &c.timeout, "DURATION", "of each wait (5m0s)"},
        {"no-hooks",  0, OPTION_FLAG, &c.opts.no_hooks, NULL, "run no hooks"},
        {"description",    0, OPTION_TEXT, &c.opts.description, "TEXT", "for the history"},
        HELM_CLI_GLOBALS(c.source.globals),
        RELEASE_CLI_WHERE(c.where),
        {0         },
    };
    const struct helm_cli_usage usage = {&verbs_release[UNINSTALL], table, 1, 0};
    return carry_out(&c, &usage, argc, argv, uninstall, NULL);
}

/* ---- test ---- */

/* "name=a" and "!name=a". */
static struct release_filter read_filter(struct change *c)
{
    struct arena *a = c->cli.log.arena;
    helm_cli_split(a, &c->filters);
    const char **only = ARENA_ARRAY(a, const char *, c->filters.n + 1);
    const char **but = ARENA_ARRAY(a, const char *, c->filters.n + 1);
    struct release_filter f = {.only = only, .but = but};
    for (size_t i = 0; i < c->filters.n; i++) {
        const char *s = c->filters.items[i];
        bool not = *s == '!';
        s += not ;
        s += not &&*s == ' ';
        if (strncmp(s, "name=", 5) != 0)
            continue;
        if (not )
            but[f.n_but++] = s + 5;
        else
            only[f.n_only++] = s + 5;
    }
    return f;
}

static int print_logs(struct change *c, const struct release *r, const struct release_filter *f,
                      struct err *e)
{
    struct arena *a = c->cli.log.arena;
    const struct value **hooks;
    size_t n = release_hooks(r, "test", a, &hooks);
    (void)puts("");
    for (size_t i = 0; i < n; i++) {
        const char *name = value_at_str(hooks[i], "name", ""), *text;
        size_t len;
        if (!release_filter_has(f, name))
            continue;
        int rc = kube_remote_logs(c->cli.kube, c->cli.session.ns, name, NULL, a, &text, &len, e);
        if (rc < 0)
            return bad(c, e, arena_printf(a, "unable to get pod logs for %s: %s", name, e->msg));
        (void)printf("POD LOGS: %s\n", name);
        (void)fwrite(text, 1, len, stdout);
        (void)puts("");
    }
    return 0;
}

static int test(struct change *c, const struct arguments *args, struct err *e)
{
    const char *name = args->items[0];
    const struct release_filter f = read_filter(c);
    struct release *r;
    c->cli.cancelling = name;
    int rc = release_test(&c->cli.session, name, &f, &r, e);
    if (!r)
        return rc;
    const char *why = c->cli.log.error;
    struct err first = *e;
    show(c, r);
    int shown = c->logs ? print_logs(c, r, &f, e) : 0;
    if (shown < 0)
        return shown;
    c->cli.log.error = why;
    *e = first;
    return rc;
}

static int run_test(int argc, char **argv)
{
    struct change c = {.history_max = -1};
    const struct option table[] = {
        {"filter",     0, OPTION_LIST, &c.filters, "name=X", "only this test; !name=X: all others"},
        {"logs", 0, OPTION_FLAG, &c.logs, NULL, "print what the tests' pods have said"},
        {"timeout",    0, OPTION_TEXT, &c.timeout, "DURATION", "of each wait (5m0s)"},
        {"hide-notes",            0, OPTION_FLAG, &c.hide_notes, NULL, "do not print the notes"},
        HELM_CLI_GLOBALS(c.source.globals),
        RELEASE_CLI_WHERE(c.where),
        {0          },
    };
    const struct helm_cli_usage usage = {&verbs_release[TEST], table, 1, 1};
    return carry_out(&c, &usage, argc, argv, test, NULL);
}

const struct verb verbs_release[] = {
    [INSTALL] = {"helm install",             "[NAME] CHART [options]", "install a chart", run_install},
    [UPGRADE] = {"helm upgrade",         "RELEASE CHART [options]", "a new revision of a release",
                 run_upgrade},
    [ROLLBACK] = {"helm rollback",                          "RELEASE [REVISION] [options]", "back to an old revision",
                 run_rollback},
    [UNINSTALL] = {"helm uninstall","RELEASE... [options]", "remove releases", run_uninstall},
    [TEST] = {"helm test",                "RELEASE [options]", "run a release's tests", run_test},
    {0           }
};
