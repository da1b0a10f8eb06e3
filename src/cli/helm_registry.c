/* helm_registry.c - slipway helm push and helm registry login, logout. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "charts/index.h"
#include "charts/logins.h"
#include "charts/registry.h"
#include "cli/helm_net.h"

/* ---- push ---- */

static int read_chart(const char *path, struct helm_log *log, struct charts_push *out,
                      struct err *e)
{
    struct arena *a = log->arena;
    struct helm_chart *c;
    struct stat st;
    char *bytes, *prov;
    if (stat(path, &st) < 0)
        return helm_fail(log, e, ERR_NOT_FOUND,
                         errno == ENOENT ? "%s: no such file" : "%s: cannot be read", path);
    if (S_ISDIR(st.st_mode))
        return helm_fail(log, e, ERR_INVALID,
                         "cannot push directory, must provide chart archive (.tgz)");
    int rc = helm_cli_chart(path, log, &c, e);
    if (rc == 0)
        rc = fs_read(path, CHARTS_ARCHIVE_MAX, a, &bytes, &out->n, e);
    if (rc < 0)
        return rc;
    out->bytes = bytes;
    out->meta = helm_chart_meta(c, a);
    char created[32];
    struct tm tm;
    (void)gmtime_r(&st.st_mtime, &tm);
    (void)strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm);
    out->created = arena_strdup(a, created);
    const char *beside = arena_printf(a, "%s.prov", path);
    if (stat(beside, &st) < 0)
        return 0;
    rc = fs_read(beside, CHARTS_PROV_MAX, a, &prov, &out->provenance_n, e);
    out->provenance = prov;
    return rc;
}

static int check_remote(const char *to, struct helm_log *log, struct err *e)
{
    const char *scheme = strstr(to, "://");
    if (strncmp(to, "oci://", 6) == 0)
        return 0;
    if (scheme)
        return helm_fail(log, e, ERR_INVALID, "scheme \"%.*s\" not supported", (int)(scheme - to),
                         to);
    if (memchr(to, ':', strcspn(to, "/")))
        return helm_fail(log, e, ERR_INVALID, "invalid chart URL format: %s", to);
    return helm_fail(log, e, ERR_INVALID, "scheme prefix missing from remote (e.g. \"oci://\")");
}

int helm_cli_push(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    struct charts_access access = {0};
    const struct option table[] = {HELM_CLI_GLOBALS(globals), HELM_CLI_ACCESS(access), {0}};
    const char *reference, *digest;
    HELM_CLI_BEGIN(verb, table, 2, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    struct charts_push push = {.to = args.items[1], .access = &access};
    rc = check_remote(push.to, &log, &e);
    if (rc == 0)
        rc = read_chart(args.items[0], &log, &push, &e);
    if (rc == 0)
        rc = charts_push(&files, &push, a, &reference, &digest, &e);
    helm_cli_warnings(&log);
    if (rc < 0)
        return helm_cli_fail(&log, &e);
    (void)fprintf(stderr, "Pushed: %s\nDigest: %s\n", reference, digest);
    return EXIT_OK;
}

/* ---- logins ---- */

/* "https://host/path" is as good as "host". */
static const char *host_of(const char *text, struct arena *a)
{
    const char *scheme = strstr(text, "://");
    text = scheme ? scheme + 3 : text;
    return arena_strndup(a, text, strcspn(text, "/"));
}

static int ask(struct charts_access *access, bool from_stdin, struct arena *a, struct err *e)
{
    char line[1024];
    if (access->password) {
        (void)fputs("WARNING: Using --password via the CLI is insecure. Use --password-stdin.\n",
                    stderr);
        return 0;
    }
    if (!access->user && !from_stdin) {
        (void)printf("Username: ");
        (void)fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            return err_set(e, ERR_INVALID, "EOF");
        line[strcspn(line, "\r\n")] = '\0';
        access->user = arena_strdup(a, line);
    }
    return helm_cli_password(from_stdin, a, &access->password, e);
}

int helm_cli_login(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    struct charts_access access = {0};
    bool from_stdin = false;
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"username",                  'u', OPTION_TEXT, &access.user, "NAME", "who"},
        {"password",                'p', OPTION_TEXT, &access.password, "WORD", "better: --password-stdin"},
        {"password-stdin",                     0, OPTION_FLAG, &from_stdin, NULL, "the password is standard input"},
        {"insecure",                           0, OPTION_FLAG, &access.insecure, NULL, "do not check who the server is"},
        {"ca-file",         0, OPTION_TEXT, &access.ca_file, "FILE", "authorities that servers are of"},
        {"cert-file",           0, OPTION_TEXT, &access.cert_file, "FILE", "this client's certificate"},
        {"key-file", 0, OPTION_TEXT, &access.key_file, "FILE", "its key"},
        {"plain-http",            0, OPTION_FLAG, &access.plain_http, NULL, "without TLS"},
        {0               }
    };
    HELM_CLI_BEGIN(verb, table, 1, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    const char *host = host_of(args.items[0], a);
    rc = ask(&access, from_stdin, a, &e);
    if (rc == 0)
        rc = charts_registry_check(host, &access, &e);
    if (rc == 0)
        rc = charts_login_save(files.logins, host, access.user ? access.user : "", access.password,
                               &e);
    if (rc < 0)
        return helm_cli_fail(&log, &e);
    (void)fputs("Login Succeeded\n", stderr);
    return EXIT_OK;
}

int helm_cli_logout(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const struct option table[] = {HELM_CLI_GLOBALS(globals), {0}};
    HELM_CLI_BEGIN(verb, table, 1, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    const char *host = host_of(args.items[0], a);
    rc = charts_login_remove(files.logins, host, &e);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return helm_cli_fail(&log, &e);
    (void)fprintf(stderr, "Removing login credentials for %s\n", host);
    return EXIT_OK;
}
