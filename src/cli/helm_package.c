/* helm_package.c - slipway helm package and verify. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "charts/dependency.h"
#include "charts/provenance.h"
#include "cli/helm_net.h"
#include "codec/semver.h"

struct request {
    struct helm_cli_globals globals;
    struct charts_access access;
    const char *version, *app_version, *folder, *key, *keyring, *passphrase;
    bool update, sign;
};

static int check_dependencies(const struct helm_chart *c, struct helm_log *log, struct err *e)
{
    struct helm_chart *const *all;
    size_t n = helm_chart_children(c, &all);
    const char *missing = NULL;
    VALUE_EACH_ITEM (d, helm_chart_wants(c)) {
        const char *name = value_at_str(d, "name", "");
        bool found = false;
        for (size_t i = 0; i < n && !found; i++)
            found = strcmp(helm_chart_name(all[i]), name) == 0;
        if (!found)
            missing = missing ? arena_printf(log->arena, "%s, %s", missing, name) : name;
    }
    if (missing)
        return helm_fail(log, e, ERR_NOT_FOUND,
                         "found in Chart.yaml, but missing in charts/ directory: %s", missing);
    return 0;
}

static int update(const struct request *q, const char *path, struct helm_log *log, struct err *e)
{
    struct charts_files files = helm_cli_files(&q->globals, log->arena);
    const struct dependency_opts o = {.files = &files,
                                      .access = &q->access,
                                      .folder = path,
                                      .now_ms = clock_real_ms(),
                                      .mtime = helm_cli_epoch()};
    return q->update ? dependency_update(&o, log, e) : 0;
}

static int prepare(const struct request *q, const char *path, struct helm_log *log,
                   struct helm_chart **out, struct err *e)
{
    struct stat st;
    struct semver v;
    if (stat(path, &st) < 0)
        return helm_fail(log, e, ERR_NOT_FOUND, "stat %s: %s", path,
                         errno == ENOENT ? "no such file or directory" : strerror(errno));
    int rc = update(q, path, log, e);
    if (rc == 0)
        rc = charts_load_folder(path, log, out, e);
    if (rc < 0)
        return rc;
    if (q->version)
        helm_chart_set(*out, "version", q->version, log->arena);
    if (semver_parse(log->arena, helm_chart_version(*out), &v, NULL) < 0)
        return helm_fail(log, e, ERR_INVALID, "invalid semantic version");
    if (q->app_version)
        helm_chart_set(*out, "appVersion", q->app_version, log->arena);
    return check_dependencies(*out, log, e);
}

static int sign(const struct request *q, const struct helm_chart *c, const struct buf *archive,
                const char *path, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct provenance_signing s = {
        .archive = buf_text(archive),
        .archive_n = archive->len,
        .file = strrchr(path, '/') + 1,
        .chart_yaml = helm_chart_yaml(c, a),
        .key = q->key,
        .keyring = helm_cli_keyring(q->keyring, a),
        .passphrase_file = q->passphrase,
    };
    const char *text;
    size_t n;
    int rc = provenance_sign(&s, a, &text, &n, e);
    return rc < 0 ? rc : fs_write_atomic(arena_printf(a, "%s.prov", path), 0644, text, n, e);
}

static int package(const struct request *q, const char *source, struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    struct helm_chart *c;
    AUTO_BUF struct buf b;
    char here[4096];
    buf_init(&b, CHARTS_ARCHIVE_MAX);
    int rc = prepare(q, source, log, &c, e);
    if (rc == 0)
        rc = helm_chart_save(c, helm_cli_epoch(), log, &b, e);
    if (rc < 0 || (rc = buf_check(&b, e)) < 0)
        return rc;
    const char *folder =
        strcmp(q->folder, ".") == 0 && getcwd(here, sizeof here) ? here : q->folder;
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    const char *path = arena_printf(a, "%.*s/%s-%s.tgz", (int)n, folder, helm_chart_name(c),
                                    helm_chart_version(c));
    if ((rc = fs_mkdirs(folder, 0755, e)) == 0)
        rc = fs_write_atomic(path, 0644, buf_text(&b), b.len, e);
    if (rc < 0)
        return err_wrap(e, rc, "failed to save");
    if (q->sign && (rc = sign(q, c, &b, path, e)) < 0)
        return rc;
    (void)printf("Successfully packaged chart and saved it to: %s\n", path);
    return 0;
}

static int check(const struct request *q, const struct arguments *args, struct helm_log *log,
                 struct err *e)
{
    if (args->n == 0)
        return helm_fail(log, e, ERR_INVALID, "need at least one argument, the path to the chart");
    if (q->sign && !q->key)
        return helm_fail(log, e, ERR_INVALID, "--key is required for signing a package");
    return 0;
}

int helm_cli_package(int argc, char **argv, const struct verb *verb)
{
    struct request q = {.folder = "."};
    const struct option table[] = {
        HELM_CLI_GLOBALS(q.globals),
        HELM_CLI_ACCESS(q.access),
        {"version",         0, OPTION_TEXT, &q.version, "VERSION", "the chart's, instead of its own"},
        {"app-version",      0, OPTION_TEXT, &q.app_version, "VERSION", "its appVersion"},
        {"destination",        'd', OPTION_TEXT, &q.folder, "DIR", "where to put it (.)"},
        {"dependency-update",                 'u', OPTION_FLAG, &q.update, NULL, "bring charts/ up to date first"},
        {"sign",           0, OPTION_FLAG, &q.sign, NULL, "make a .prov, with gpg"},
        {"key",   0, OPTION_TEXT, &q.key, "NAME", "whose key"},
        {"keyring", 0, OPTION_TEXT, &q.keyring, "FILE", "that holds it"},
        {"passphrase-file",     0, OPTION_TEXT, &q.passphrase, "FILE", "that the key is locked with"},
        {0     }
    };
    HELM_CLI_BEGIN(verb, table, 0, 0);
    rc = check(&q, &args, &log, &e);
    for (size_t i = 0; i < args.n && rc == 0; i++)
        rc = package(&q, args.items[i], &log, &e);
    helm_cli_warnings(&log);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}

void helm_cli_proof(const struct provenance_proof *p)
{
    (void)printf("Signed by: %s\nUsing Key With Fingerprint: %s\nChart Hash Verified: %s\n",
                 p->signer, p->fingerprint, p->hash);
}

int helm_cli_verify(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    struct provenance_proof proof;
    const char *keyring = NULL;
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"keyring",    0, OPTION_TEXT, &keyring, "FILE", "public keys (pubring.gpg)"},
        {0}
    };
    HELM_CLI_BEGIN(verb, table, 1, 1);
    rc = provenance_check_file(args.items[0], helm_cli_keyring(keyring, a), a, &proof, &e);
    if (rc < 0)
        return helm_cli_fail(&log, &e);
    helm_cli_proof(&proof);
    return EXIT_OK;
}
