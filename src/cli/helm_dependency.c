/* helm_dependency.c - slipway helm dependency: build, update and list. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "charts/dependency.h"
#include "cli/helm_net.h"
#include "codec/semver.h"

enum { COLUMN = 80 };

struct request {
    struct helm_cli_globals globals;
    struct charts_access access;
    const char *keyring;
    bool verify, skip_refresh;
};

static int bring(int argc, char **argv, const struct verb *verb, bool build)
{
    struct request q = {0};
    const struct option table[] = {
        HELM_CLI_GLOBALS(q.globals),
        HELM_CLI_ACCESS(q.access),
        {"keyring",    0, OPTION_TEXT, &q.keyring, "FILE", "public keys (pubring.gpg)"},
        {"verify", 0, OPTION_FLAG, &q.verify, NULL, "look at signatures where there are some"},
        {"skip-refresh",      0, OPTION_FLAG, &q.skip_refresh, NULL, "use the indexes as they are kept"},
        {0           }
    };
    HELM_CLI_BEGIN(verb, table, 0, 0);
    struct charts_files files = helm_cli_files(&q.globals, a);
    const struct dependency_opts o = {
        .files = &files,
        .access = &q.access,
        .folder = args.n ? args.items[0] : ".",
        .keyring = q.verify ? helm_cli_keyring(q.keyring, a) : NULL,
        .skip_refresh = q.skip_refresh,
        .now_ms = clock_real_ms(),
        .mtime = helm_cli_epoch(),
        .say = helm_cli_say,
        .aside = helm_cli_aside,
    };
    rc = build ? dependency_build(&o, &log, &e) : dependency_update(&o, &log, &e);
    helm_cli_warnings(&log);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}

int helm_cli_dependency_build(int argc, char **argv, const struct verb *verb)
{
    return bring(argc, argv, verb, true);
}

int helm_cli_dependency_update(int argc, char **argv, const struct verb *verb)
{
    return bring(argc, argv, verb, false);
}

/* ---- list ---- */

/* NULL: it is what is wanted. */
static const char *mismatch(const char *version, const char *wanted, struct arena *a)
{
    struct semver_range *range;
    struct semver v;
    if (strcmp(version, wanted) == 0)
        return NULL;
    if (semver_range_parse(a, wanted, &range, NULL) < 0 || semver_parse(a, version, &v, NULL) < 0)
        return "invalid version";
    return semver_range_has(range, &v) ? NULL : "wrong version";
}

static const char *status_of_archive(const char *path, const char *name, const char *wanted,
                                     struct arena *a)
{
    struct helm_log log = {.arena = a};
    struct helm_chart *c;
    if (helm_cli_chart(path, &log, &c, NULL) < 0)
        return "corrupt";
    if (strcmp(helm_chart_name(c), name) != 0)
        return "misnamed";
    const char *wrong = mismatch(helm_chart_version(c), wanted, a);
    return wrong ? wrong : "ok";
}

/* The archive that is meant: "NAME-VERSION.tgz", with "NAME-other-1.0.tgz" passed over. */
static const char *find_archive(const glob_t *found, const char *name, struct arena *a,
                                size_t *n_exact)
{
    const char *only = NULL;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        const char *slash = strrchr(found->gl_pathv[i], '/');
        const char *version = slash + 1 + strlen(name) + 1;
        struct semver v;
        if (semver_parse_strict(a, arena_strndup(a, version, strlen(version) - 4), &v, NULL) < 0)
            continue;
        only = found->gl_pathv[i];
        (*n_exact)++;
    }
    return found->gl_pathc == 1 ? found->gl_pathv[0] : *n_exact == 1 ? only : NULL;
}

static const char *status_of_folder(const struct helm_chart *c, const char *name,
                                    const char *wanted, struct arena *a)
{
    struct helm_chart *const *all, *child = NULL;
    size_t n = helm_chart_children(c, &all);
    for (size_t i = 0; i < n; i++)
        if (strcmp(helm_chart_name(all[i]), name) == 0)
            child = all[i];
    if (!child)
        return "missing";
    const char *wrong = mismatch(helm_chart_version(child), wanted, a);
    return wrong ? wrong : "unpacked";
}

static const char *status_of(const char *folder, const struct helm_chart *c,
                             const struct value *dependency, struct arena *a)
{
    const char *name = value_at_str(dependency, "name", "");
    const char *wanted = value_at_str(dependency, "version", "");
    const char *status = NULL;
    glob_t found = {0};
    size_t exact = 0;
    if (glob(arena_printf(a, "%s/charts/%s-*.tgz", folder, name), 0, NULL, &found) == 0) {
        const char *path = find_archive(&found, name, a, &exact);
        status = path        ? status_of_archive(path, name, wanted, a)
                 : exact > 1 ? "too many matches"
                             : NULL;
    }
    globfree(&found);
    return status ? status : status_of_folder(c, name, wanted, a);
}

static bool wants(const struct helm_chart *c, const char *name)
{
    VALUE_EACH_ITEM (d, helm_chart_wants(c))
        if (strcmp(value_at_str(d, "name", ""), name) == 0)
            return true;
    return false;
}

static void warn_unwanted(const char *folder, const struct helm_chart *c, struct arena *a)
{
    glob_t found = {0};
    struct stat st;
    if (glob(arena_printf(a, "%s/charts/*", folder), 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct helm_log log = {.arena = a};
            struct helm_chart *child;
            const char *path = found.gl_pathv[i], *dot = strrchr(path, '.');
            bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
            if (!dir && (!dot || strcmp(dot, ".tgz") != 0))
                continue;
            if (helm_cli_chart(path, &log, &child, NULL) < 0)
                (void)printf("WARNING: \"%s\" is not a chart.\n", path);
            else if (!wants(c, helm_chart_name(child)))
                (void)printf("WARNING: \"%s\" is not in Chart.yaml.\n", path);
        }
    globfree(&found);
}

static void list(const char *folder, const struct helm_chart *c, size_t max, struct arena *a)
{
    const struct value *all = helm_chart_wants(c);
    const char **cells = ARENA_ARRAY(a, const char *, 4 * value_count(all) + 4);
    size_t n = 0;
    cells[n++] = "NAME";
    cells[n++] = "VERSION";
    cells[n++] = "REPOSITORY";
    cells[n++] = "STATUS";
    VALUE_EACH_ITEM (d, all) {
        cells[n++] = value_at_str(d, "name", "");
        cells[n++] = value_at_str(d, "version", "");
        cells[n++] = value_at_str(d, "repository", "");
        cells[n++] = status_of(folder, c, d, a);
    }
    helm_cli_table(cells, n / 4, 4, max, a);
    (void)puts("");
    warn_unwanted(folder, c, a);
}

int helm_cli_dependency_list(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    struct helm_chart *c;
    long width = COLUMN;
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"max-col-width", 0, OPTION_NUMBER, &width, "N", "columns wider than this are cut (80)"},
        {0 }
    };
    HELM_CLI_BEGIN(verb, table, 0, 0);
    const char *folder = args.n ? args.items[0] : ".";
    rc = helm_cli_chart(folder, &log, &c, &e);
    helm_cli_warnings(&log);
    if (rc < 0)
        return helm_cli_fail(&log, &e);
    if (helm_chart_wants(c))
        list(folder, c, width > 3 ? (size_t)width : COLUMN, a);
    else
        (void)printf("WARNING: no dependencies at %s/charts\n", folder);
    return EXIT_OK;
}
