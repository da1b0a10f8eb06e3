/* helm.c - charts and values from this machine, for the helm verbs. */
#include "cli/helm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/light.h"

enum { VALUES_MAX = 16 << 20, ARCHIVE_MAX = 100 << 20 };

void helm_cli_warnings(struct helm_log *log)
{
    for (size_t i = 0; i < log->n_warnings; i++)
        (void)fprintf(stderr, "%s\n", log->warnings[i]);
    log->n_warnings = 0;
}

int helm_cli_fail(const struct helm_log *log, const struct err *e)
{
    (void)fprintf(stderr, "Error: %s\n", log->error ? log->error : e->msg);
    return EXIT_FAILED;
}

void helm_cli_split(struct arena *a, struct option_list *list)
{
    struct option_list out = {0};
    size_t max = list->n;
    for (size_t i = 0; i < list->n; i++)
        for (const char *s = list->items[i]; *s; s++)
            max += *s == ',';
    out.items = ARENA_ARRAY(a, const char *, max + 1);
    for (size_t i = 0; i < list->n; i++)
        for (const char *s = list->items[i];; s++) {
            size_t n = strcspn(s, ",");
            out.items[out.n++] = arena_strndup(a, s, n);
            s += n;
            if (!*s)
                break;
        }
    *list = out;
}

/* ---- values ---- */

static int read_stdin(struct arena *a, const char **out, size_t *n, struct err *e)
{
    AUTO_BUF struct buf b;
    char chunk[65536];
    size_t got;
    buf_init(&b, VALUES_MAX);
    while ((got = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        buf_add(&b, chunk, got);
    *n = b.len;
    *out = arena_strndup(a, buf_text(&b), b.len);
    return buf_check(&b, e);
}

static int read_local(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                      size_t *n, struct err *e)
{
    char *text;
    struct stat st;
    (void)r;
    if (strcmp(path, "-") == 0)
        return read_stdin(a, out, n, e);
    if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0)
        return light_fetch(path, VALUES_MAX, a, out, n, e);
    if (stat(path, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "open %s: %s", path,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "read %s: is a directory", path);
    int rc = fs_read(path, VALUES_MAX, a, &text, n, e);
    *out = text;
    return rc;
}

static void take(struct helm_value_source *sources, size_t *n, enum helm_values_kind kind,
                 const struct option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        sources[(*n)++] = (struct helm_value_source){kind, list->items[i]};
}

int helm_cli_values(struct helm_cli_values *v, struct helm_log *log, struct go_map **out,
                    struct err *e)
{
    struct helm_reader reader = {read_local};
    helm_cli_split(log->arena, &v->files);
    size_t n =
        v->files.n + v->json.n + v->set.n + v->set_string.n + v->set_file.n + v->set_literal.n;
    struct helm_value_source *sources = ARENA_ARRAY(log->arena, struct helm_value_source, n + 1);
    n = 0;
    take(sources, &n, HELM_VALUES_FILE, &v->files);
    take(sources, &n, HELM_SET_JSON, &v->json);
    take(sources, &n, HELM_SET, &v->set);
    take(sources, &n, HELM_SET_STRING, &v->set_string);
    take(sources, &n, HELM_SET_FILE, &v->set_file);
    take(sources, &n, HELM_SET_LITERAL, &v->set_literal);
    return helm_values_merge(sources, n, &reader, log, out, e);
}

/* ---- charts ---- */

static int fail(struct helm_log *log, struct err *e, enum err_code code, const char *text)
{
    log->error = text;
    return err_set(e, code, "%s", text);
}

/* A file that is no archive is often a values file that was mistaken for the chart. */
static int load_archive(const char *path, struct helm_log *log, struct helm_chart **out,
                        struct err *e)
{
    struct arena *a = log->arena;
    char *bytes;
    size_t n, len = strlen(path);
    int rc = fs_read(path, ARCHIVE_MAX, a, &bytes, &n, e);
    if (rc < 0)
        return rc;
    if (n >= 3 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0)
        return helm_chart_unpack(bytes, n, log, out, e);
    if ((len > 5 && strcmp(path + len - 5, ".yaml") == 0) ||
        (len > 4 && strcmp(path + len - 4, ".yml") == 0))
        return fail(
            log, e, ERR_INVALID,
            arena_printf(a, "file '%s' seems to be a YAML file, but expected a gzipped archive",
                         path));
    return fail(log, e, ERR_INVALID,
                arena_printf(a, "file '%s' does not appear to be a gzipped archive; got '%s'", path,
                             memchr(bytes, '\0', n) ? "application/octet-stream"
                                                    : "text/plain; charset=utf-8"));
}

int helm_cli_folder(const char *path, struct helm_log *log, struct helm_chart **out, struct err *e)
{
    /* From the root on: links may lead out of the chart, as the user has made them. */
    AUTO(tree) struct tree *t = NULL;
    int rc = tree_of_folder_mapped("/", &t, e);
    return rc < 0 ? rc : helm_chart_load(t, path + 1, log, out, e);
}

int helm_cli_chart(const char *name, struct helm_log *log, struct helm_chart **out, struct err *e)
{
    struct arena *a = log->arena;
    struct stat st;
    if (stat(name, &st) < 0)
        return fail(log, e, ERR_NOT_FOUND, arena_printf(a, "path \"%s\" not found", name));
    char *path = realpath(name, NULL);
    if (!path)
        return err_sys(e, errno, "%s", name);
    const char *full = arena_strdup(a, path);
    free(path);
    return S_ISDIR(st.st_mode) ? helm_cli_folder(full, log, out, e)
                               : load_archive(full, log, out, e);
}

/* ---- the verbs ---- */

#define SHOW_USAGE "CHART [options]"

enum {
    TEMPLATE,
    SHOW_ALL,
    SHOW_CHART,
    SHOW_CRDS,
    SHOW_README,
    SHOW_VALUES,
    LINT,
    CREATE,
    ENV,
    VERSION
};

static int run_template(int argc, char **argv)
{
    return helm_cli_template(argc, argv, &verbs_helm[TEMPLATE]);
}

#define SHOW(word, index)                                                                          \
    static int show_##word(int argc, char **argv)                                                  \
    {                                                                                              \
        return helm_cli_show(argc, argv, &verbs_helm[index]);                                      \
    }
SHOW(all, SHOW_ALL)
SHOW(chart, SHOW_CHART)
SHOW(crds, SHOW_CRDS)
SHOW(readme, SHOW_README)
SHOW(values, SHOW_VALUES)

static int run_lint(int argc, char **argv)
{
    return helm_cli_lint(argc, argv, &verbs_helm[LINT]);
}

static int run_create(int argc, char **argv)
{
    return helm_cli_create(argc, argv, &verbs_helm[CREATE]);
}

static int run_env(int argc, char **argv)
{
    return helm_cli_env(argc, argv, &verbs_helm[ENV]);
}

static int run_version(int argc, char **argv)
{
    return helm_cli_version(argc, argv, &verbs_helm[VERSION]);
}

const struct verb verbs_helm[] = {
    [TEMPLATE] = {"helm template",                                                 "[NAME] CHART [options]",
                  "print what a chart makes of its values, as helm template does", run_template},
    [SHOW_ALL] = {"helm show all", SHOW_USAGE, "print all that a chart says of itself", show_all},
    [SHOW_CHART] = {"helm show chart",                                                               SHOW_USAGE, "print its Chart.yaml", show_chart},
    [SHOW_CRDS] = {"helm show crds",                                                     SHOW_USAGE, "print its CRDs", show_crds},
    [SHOW_README] = {"helm show readme",                                                       SHOW_USAGE, "print its README", show_readme},
    [SHOW_VALUES] = {"helm show values",                                               SHOW_USAGE, "print its values.yaml", show_values},
    [LINT] = {"helm lint",                                         "[CHART...] [options]",
                  "say what is wrong with charts, as helm lint does", run_lint},
    [CREATE] = {"helm create",                                                               "NAME", "make a chart to begin with", run_create},
    [ENV] = {"helm env", "[NAME]", "print where Helm's files are", run_env},
    [VERSION] = {"helm version",                                                      "[--short]", "print whose behaviour the helm verbs have",
                  run_version},
    {0                                             }
};
