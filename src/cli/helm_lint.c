/* helm_lint.c - slipway helm lint: Helm's linter, which names the lines of templates. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/helm.h"
#include "render/helm/lint.h"
#include "template/template.h"

struct request {
    struct helm_cli_globals globals;
    struct helm_cli_values values;
    const char *namespace, *kube_version;
    bool strict, subcharts, quiet, skip_schema;
    struct option_list paths;
};

static bool is_archive(const char *path)
{
    size_t n = strlen(path);
    return (n > 4 && strcmp(path + n - 4, ".tgz") == 0) ||
           (n > 7 && strcmp(path + n - 7, ".tar.gz") == 0);
}

static void add_path(struct request *q, const char *path, struct arena *a)
{
    struct option_list *l = &q->paths;
    size_t had = l->n * sizeof *l->items;
    l->items = arena_grow(a, (void *)l->items, had, had + sizeof *l->items);
    l->items[l->n++] = path;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Charts below charts/, folders and archives. */
static void add_subcharts(struct request *q, const char *folder, unsigned depth, struct arena *a)
{
    struct dirent **list;
    struct stat st;
    int n = depth < 32 ? scandir(folder, &list, NULL, by_name) : -1;
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name, *path = arena_printf(a, "%s/%s", folder, name);
        bool dir = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
        if (strcmp(name, "Chart.yaml") == 0)
            add_path(q, folder, a);
        else if (!dir && is_archive(name))
            add_path(q, path, a);
        else if (dir && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            add_subcharts(q, path, depth + 1, a);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

/* An archive is looked at in a folder of its own. */
static int expand(const char *path, struct helm_log *log, char *folder, const char **out,
                  struct err *e)
{
    struct arena *a = log->arena;
    struct helm_chart_file *files;
    struct helm_chart *c;
    char *bytes;
    size_t n, count = 0;
    int rc = fs_read(path, CHARTS_ARCHIVE_MAX, a, &bytes, &n, e);
    if (rc < 0)
        return helm_fail(log, e, ERR_NOT_FOUND, "unable to open tarball: open %s: %s", path,
                         "no such file or directory");
    if ((rc = helm_chart_unpack(bytes, n, log, &c, e)) < 0 ||
        (rc = helm_archive_list(bytes, n, log, &files, &count, e)) < 0)
        return helm_fail(log, e, ERR_INVALID, "unable to extract tarball: %s", log->error);
    if (!mkdtemp(folder))
        return err_sys(e, errno, "make a folder in /tmp");
    *out = arena_printf(a, "%s/%s", folder, helm_chart_name(c));
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *file = arena_printf(a, "%s/%s", *out, files[i].name);
        rc = fs_mkdirs(arena_strndup(a, file, (size_t)(strrchr(file, '/') - file)), 0755, e);
        if (rc == 0)
            rc = fs_write_atomic(file, 0644, files[i].text.s, files[i].text.n, e);
    }
    return rc;
}

static int lint_folder(const struct request *q, const char *folder, struct go_map *values,
                       struct helm_log *log, struct helm_lint *out, struct err *e)
{
    AUTO(tree) struct tree *t = NULL;
    const struct template_host host = {
        .now_ns = clock_real_ms() * 1000000, .seed = "lint", .seed_n = 4};
    char *full = realpath(folder, NULL);
    const char *inside = arena_strdup(log->arena, full ? full : folder);
    free(full);
    const struct helm_lint_opts o = {.namespace = q->namespace ? q->namespace : "default",
                                     .kube_version = q->kube_version,
                                     .folder = inside,
                                     .skip_schema = q->skip_schema,
                                     .host = &host};
    int rc = tree_of_folder("/", &t, e);
    return rc < 0 ? rc : helm_lint(t, inside + (*inside == '/'), values, &o, log, out, e);
}

static int lint_one(const struct request *q, const char *path, struct go_map *values,
                    struct helm_log *log, struct helm_lint *out, struct err *e)
{
    char folder[] = "/tmp/slipway-lint-XXXXXX";
    const char *inside = path;
    int rc = is_archive(path) ? expand(path, log, folder, &inside, e) : 0;
    if (rc == 0)
        rc = lint_folder(q, inside, values, log, out, e);
    if (is_archive(path) && !strstr(folder, "XXXXXX") && fs_remove_tree(folder, NULL) < 0)
        return rc;
    return rc;
}

/* Prints what is to be said of one chart; true: it failed. */
static bool report(const struct request *q, const char *path, struct go_map *values,
                   struct arena *a, bool *said)
{
    static const char *const words[] = {"UNKNOWN", "INFO", "WARNING", "ERROR"};
    struct helm_log log = {.arena = a};
    struct helm_lint lint = {0};
    struct err e = {0};
    int rc = lint_one(q, path, values, &log, &lint, &e);
    bool failed = rc < 0 || lint.highest >= (q->strict ? HELM_LINT_WARNING : HELM_LINT_ERROR);
    bool bad = rc < 0 || lint.highest > HELM_LINT_INFO;
    *said |= bad;
    if (q->quiet && !bad)
        return failed;
    (void)printf("==> Linting %s\n", path);
    if (rc < 0)
        (void)printf("Error %s\n", log.error ? log.error : e.msg);
    for (size_t i = 0; i < lint.n; i++) {
        const struct helm_lint_message *m = &lint.items[i];
        if (!q->quiet || m->severity > HELM_LINT_INFO)
            (void)printf("[%s] %s: %s\n", words[m->severity], m->path, m->text);
    }
    (void)puts("");
    return failed;
}

static int run(struct request *q, const struct arguments *args, struct helm_log *log)
{
    struct arena *a = log->arena;
    struct go_map *values;
    struct err e = {0};
    size_t failed = 0;
    bool said = false;
    int rc = q->kube_version ? helm_kube_version(q->kube_version, log, &q->kube_version, &e) : 0;
    for (size_t i = 0; i < args->n; i++)
        add_path(q, args->items[i], a);
    if (args->n == 0)
        add_path(q, ".", a);
    for (size_t i = 0, n = q->paths.n; i < n && q->subcharts; i++)
        add_subcharts(q, arena_printf(a, "%s/charts", q->paths.items[i]), 0, a);
    for (size_t i = 0; i < q->paths.n && rc == 0; i++)
        if ((rc = helm_cli_values(&q->values, log, &values, &e)) == 0)
            failed += report(q, q->paths.items[i], values, a, &said);
    if (rc < 0)
        return helm_cli_fail(log, &e);
    const char *sum =
        arena_printf(a, "%zu chart(s) linted, %zu chart(s) failed", q->paths.n, failed);
    if (failed) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "Error: %s\n", sum);
        return EXIT_FAILED;
    }
    if (!q->quiet || said)
        (void)puts(sum);
    return EXIT_OK;
}

int helm_cli_lint(int argc, char **argv, const struct verb *verb)
{
    struct request q = {0};
    const struct option table[] = {
        HELM_CLI_GLOBALS(q.globals),
        HELM_CLI_VALUES(q.values),
        {"namespace",                'n', OPTION_TEXT, &q.namespace, "NAME", "the release's namespace (default)"},
        {"kube-version",               0, OPTION_TEXT, &q.kube_version, "VERSION", "of Kubernetes (v1.37.0)"},
        {"strict",                    0, OPTION_FLAG, &q.strict, NULL, "fail on warnings, too"},
        {"with-subcharts",                          0, OPTION_FLAG, &q.subcharts, NULL, "look at charts in charts/, too"},
        {"quiet",           0, OPTION_FLAG, &q.quiet, NULL, "print only warnings and errors"},
        {"skip-schema-validation",           0, OPTION_FLAG, &q.skip_schema, NULL,
                    "do not check values.schema.json"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct arguments args;
    int code;
    const struct helm_cli_usage usage = {verb, table, 0, 0};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    return run(&q, &args, &log);
}
