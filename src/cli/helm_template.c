/* helm_template.c - slipway helm template: what Helm would print, byte for byte. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/helm.h"
#include "cli/light.h"
#include "template/template.h"

struct request {
    struct helm_cli_values values;
    struct helm_cli_source source;
    const char *namespace, *kube_version, *name_template, *output_dir;
    struct option_list only, apis;
    struct helm_cli_post post;
    const char *dry_run, *kubeconfig, *context;
    struct light_cluster *cluster; /* NULL: none is asked */
    bool validate;
    bool include_crds, no_hooks, skip_tests, is_upgrade, skip_schema, subchart_notes, release_dir,
        generate_name;
    const char *name, *chart;
};

static int fail(struct helm_log *log, struct err *e, const char *text)
{
    log->error = text;
    return err_set(e, ERR_INVALID, "%s", text);
}

/* ---- names ---- */

static int name_and_chart(struct request *q, const struct arguments *args, struct helm_log *log,
                          struct err *e)
{
    q->chart = args->items[args->n > 1];
    q->name = args->n > 1 ? args->items[0] : "release-name";
    if (args->n > 2) {
        const char *rest = args->items[2];
        for (size_t i = 3; i < args->n; i++)
            rest = arena_printf(log->arena, "%s, %s", rest, args->items[i]);
        return fail(log, e,
                    arena_printf(log->arena,
                                 "expected at most two arguments, unexpected arguments: %s", rest));
    }
    if (args->n == 2 && q->generate_name)
        return fail(log, e, "cannot set --generate-name and also specify a name");
    if (args->n == 2 && q->name_template)
        return fail(log, e, "cannot set --name-template and also specify a name");
    if (q->name_template)
        return helm_name_template(q->name_template, log, &q->name, e);
    return 0;
}

/* ---- the cluster ---- */

/* *lookup: templates may look at it. */
static int open_cluster(struct request *q, struct helm_log *log, bool *lookup, struct err *e)
{
    static const char *const known[] = {"", "client", "true", "server", "none", "false"};
    const char *d = q->dry_run ? q->dry_run : "";
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        found |= strcmp(d, known[i]) == 0;
    if (!found)
        return fail(log, e,
                    "Invalid dry-run flag. Flag must one of the following: false, true, none, "
                    "client, server");
    *lookup = strcmp(d, "server") == 0 || strcmp(d, "none") == 0 || strcmp(d, "false") == 0;
    const struct light_where where = {q->kubeconfig, q->context, q->namespace};
    return *lookup || q->validate ? light_cluster(&where, log, &q->cluster, e) : 0;
}

static int check(const struct request *q, const struct helm_result *r, struct helm_log *log,
                 struct err *e)
{
    AUTO_BUF struct buf manifest = {.max = HELM_OUTPUT_MAX};
    helm_result_manifest(r, false, &manifest);
    int rc = helm_cli_post_render(&q->post, log, &manifest, e);
    return rc < 0 ? rc : q->cluster->check(q->cluster, q->name, buf_text(&manifest), e);
}

/* ---- output ---- */

static int write_one(const char *dir, const struct helm_manifest *m, bool append, struct arena *a,
                     struct err *e)
{
    const char *path = arena_printf(a, "%s/%s", dir, m->path);
    const char *folder = arena_strndup(a, path, (size_t)(strrchr(path, '/') - path));
    int rc = fs_mkdirs(folder, 0755, e);
    if (rc < 0)
        return rc;
    FILE *f = fopen(path, append ? "ae" : "we");
    if (!f)
        return err_sys(e, errno, "open %s", path);
    (void)fprintf(f, "---\n# Source: %s\n", m->path);
    (void)fwrite(m->text.s, 1, m->text.n, f);
    (void)fputc('\n', f);
    bool bad = ferror(f);
    if (fclose(f) != 0 || bad)
        return err_sys(e, errno, "write %s", path);
    (void)printf("wrote %s\n", path);
    return 0;
}

static bool written(const struct helm_manifests *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list->items[i].path, path) == 0)
            return true;
    return false;
}

/* CRDs stand beside the release's folder, as Helm puts them. */
static int write_files(const struct request *q, const struct helm_result *r, struct arena *a,
                       struct err *e)
{
    const char *dir =
        q->release_dir ? arena_printf(a, "%s/%s", q->output_dir, q->name) : q->output_dir;
    int rc = 0;
    for (size_t i = 0; i < r->crds.n && q->include_crds && rc == 0; i++)
        rc = write_one(q->output_dir, &r->crds.items[i], false, a, e);
    for (size_t i = 0; i < r->manifests.n && rc == 0; i++)
        rc = write_one(dir, &r->manifests.items[i],
                       written(&r->manifests, i, r->manifests.items[i].path), a, e);
    if (rc == 0)
        (void)puts("");
    for (size_t i = 0; i < r->hooks.n && !q->no_hooks && rc == 0; i++) {
        const struct helm_manifest *m = &r->hooks.items[i];
        struct stat st;
        if (q->skip_tests && m->events & 1u << HELM_TEST)
            continue;
        rc = write_one(dir, m, stat(arena_printf(a, "%s/%s", dir, m->path), &st) == 0, a, e);
    }
    return rc;
}

static int print(const struct request *q, const struct helm_result *r, struct helm_log *log,
                 struct err *e)
{
    AUTO_BUF struct buf text = {.max = HELM_OUTPUT_MAX};
    struct helm_show show = {q->no_hooks, q->skip_tests, q->only.items, q->only.n};
    helm_result_manifest(r, q->include_crds, &text);
    int rc = helm_cli_post_render(&q->post, log, &text, e);
    if (rc == 0)
        rc = helm_result_print(r, &show, log, &text, e);
    if (rc < 0)
        return rc;
    helm_cli_warnings(log);
    if (fwrite(buf_text(&text), 1, text.len, stdout) != text.len || fflush(stdout) != 0)
        return err_sys(e, errno, "write to standard output");
    return 0;
}

/* ---- the verb ---- */

static const char *namespace_of(const struct request *q)
{
    const char *env = getenv("HELM_NAMESPACE");
    if (q->cluster)
        return q->cluster->ns;
    return q->namespace ? q->namespace : env && *env ? env : "default";
}

static int render(struct request *q, struct helm_log *log, struct helm_result *out, struct err *e)
{
    struct helm_chart *chart;
    struct go_map *values;
    unsigned char seed[32];
    const char *kube_version = NULL;
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return err_sys(e, errno, "draw a seed");
    struct template_host host = {
        .now_ns = clock_real_ms() * 1000000, .seed = seed, .seed_n = sizeof seed};
    bool lookup = false;
    int rc = q->kube_version ? helm_kube_version(q->kube_version, log, &kube_version, e) : 0;
    if (rc == 0)
        rc = open_cluster(q, log, &lookup, e);
    if (rc == 0 && lookup)
        q->cluster->look(q->cluster, &host);
    helm_cli_split(log->arena, &q->apis);
    struct helm_render_opts opts = {.release = q->name,
                                    .namespace = namespace_of(q),
                                    .kube_version = kube_version,
                                    .api_versions = q->apis.items,
                                    .n_api_versions = q->apis.n,
                                    .is_upgrade = q->is_upgrade,
                                    .skip_schema = q->skip_schema,
                                    .subchart_notes = q->subchart_notes,
                                    .host = &host};
    struct helm_cli_place place;
    if (rc == 0 && q->validate)
        rc = q->cluster->discover(q->cluster, &opts, e);
    if (rc == 0)
        rc = helm_cli_locate(q->chart, &q->source, log, &place, e);
    if (rc == 0)
        rc = helm_cli_values(&q->values, log, &values, e);
    if (rc == 0)
        rc = helm_cli_open(&place, log, &chart, e);
    if (rc == 0)
        rc = helm_chart_installable(chart, log, e);
    if (rc == 0)
        rc = helm_release_name_check(q->name, log, e);
    return rc < 0 ? rc : helm_render(chart, values, &opts, log, out, e);
}

static int run(struct request *q, const struct arguments *args, struct helm_log *log)
{
    struct helm_result result = {.began = false};
    struct err e = {0};
    int rc = helm_cli_post_check(&q->post, log, &e);
    if (rc == 0)
        rc = name_and_chart(q, args, log, &e);
    if (rc == 0)
        rc = render(q, log, &result, &e);
    if (rc < 0 && result.began && !q->source.globals.debug)
        log->error = arena_printf(log->arena, "%s\n\nUse --debug flag to render out invalid YAML",
                                  log->error);
    if (rc == 0 && q->validate)
        rc = check(q, &result, log, &e);
    if (rc == 0 && q->output_dir)
        rc = write_files(q, &result, log->arena, &e);
    else if (rc == 0)
        rc = print(q, &result, log, &e);
    helm_cli_warnings(log);
    if (q->cluster)
        q->cluster->close(q->cluster);
    return rc < 0 ? helm_cli_fail(log, &e) : EXIT_OK;
}

int helm_cli_template(int argc, char **argv, const struct verb *verb)
{
    struct request q = {0};
    bool ignored = false;
    const struct option table[] = {
        HELM_CLI_VALUES(q.values),
        HELM_CLI_SOURCE(q.source),
        {"namespace",                'n', OPTION_TEXT, &q.namespace, "NAME", "the release's namespace (default)"},
        {"kube-version",               0, OPTION_TEXT, &q.kube_version, "VERSION", "of Kubernetes (v1.37.0)"},
        {"api-versions",                    'a', OPTION_LIST, &q.apis, "GROUP/VERSION",
                    "more of what the cluster has"},
        {"include-crds",                          0, OPTION_FLAG, &q.include_crds, NULL, "print crds/, too"},
        {"skip-crds",           0, OPTION_FLAG, &ignored, NULL, "for Helm's sake: the default"},
        {"no-hooks",           0, OPTION_FLAG, &q.no_hooks, NULL, "leave hooks out"},
        {"skip-tests", 0, OPTION_FLAG, &q.skip_tests, NULL, "leave tests out"},
        {"show-only",             's', OPTION_LIST, &q.only, "PATH", "only what this template printed"},
        {"is-upgrade",               0, OPTION_FLAG, &q.is_upgrade, NULL, "render as an upgrade"},
        {"name-template",           0, OPTION_TEXT, &q.name_template, "TEXT", "makes the release's name"},
        {"generate-name",                          'g', OPTION_FLAG, &q.generate_name, NULL, "for Helm's sake"},
        {"create-namespace",0, OPTION_FLAG, &ignored, NULL, "for Helm's sake: prints nothing"},
        {"skip-schema-validation",           0, OPTION_FLAG, &q.skip_schema, NULL,
                    "do not check values.schema.json"},
        {"disable-openapi-validation",        0, OPTION_FLAG, &ignored, NULL, "for Helm's sake"},
        {"render-subchart-notes",                0, OPTION_FLAG, &q.subchart_notes, NULL, "for Helm's sake"},
        {"output-dir",               0, OPTION_TEXT, &q.output_dir, "DIR", "write files instead of printing"},
        {"release-name",                      0, OPTION_FLAG, &q.release_dir, NULL, "in a folder named for the release"},
        HELM_CLI_POST(q.post),
        {"validate",                          0, OPTION_FLAG, &q.validate, NULL,
                    "ask the cluster what it is and what it accepts"},
        {"dry-run",               0, OPTION_MAYBE, &q.dry_run, "client|server",
                    "with server, lookup asks the cluster"},
        {"kubeconfig",               0, OPTION_TEXT, &q.kubeconfig, "FILE",
                    "of the cluster; else $KUBECONFIG, else this machine's slipway"},
        {"kube-context",         0, OPTION_TEXT, &q.context, "NAME", "of the kubeconfig"},
        {0              }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct arguments args;
    int code;
    const struct helm_cli_usage usage = {verb, table, 1, 0};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    return run(&q, &args, &log);
}
