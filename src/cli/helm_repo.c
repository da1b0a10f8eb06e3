/* helm_repo.c - slipway helm repo: names for repositories, as Helm keeps them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "charts/dependency.h"
#include "charts/url.h"
#include "cli/helm_net.h"
#include "codec/json.h"
#include "codec/yaml.h"

/* ---- one at a time ---- */

/* Helm's own lock, so that both programs may write: "repositories.lock". */
static int lock_file(const char *path, struct arena *a, struct err *e)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    size_t stem = dot && dot > slash ? (size_t)(dot - path) : strlen(path);
    int rc = slash ? fs_mkdirs(arena_strndup(a, path, (size_t)(slash - path)), 0755, e) : 0;
    if (rc < 0)
        return rc;
    const char *lock = arena_printf(a, "%.*s.lock", (int)stem, path);
    int fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int sys = errno;
        if (fd >= 0)
            (void)close(fd);
        return err_sys(e, sys, "lock %s", lock);
    }
    return fd;
}

/* ---- add ---- */

struct adding {
    struct helm_cli_globals globals;
    struct charts_access access;
    bool force, no_update, deprecated, from_stdin, old_force;
    const char *timeout;
};

static int check_name(const struct adding *q, const char *name, const char *url,
                      struct helm_log *log, struct err *e)
{
    static const char *const gone[][2] = {
        {"//kubernetes-charts.storage.googleapis.com",           "https://charts.helm.sh/stable"},
        {"//kubernetes-charts-incubator.storage.googleapis.com",
         "https://charts.helm.sh/incubator"                                                     },
    };
    for (size_t i = 0; i < ARRAY_LEN(gone) && !q->deprecated; i++)
        if (strstr(url, gone[i][0]))
            return helm_fail(log, e, ERR_GONE,
                             "repo \"%s\" is no longer available; try \"%s\" instead", url,
                             gone[i][1]);
    if (strchr(name, '/'))
        return helm_fail(log, e, ERR_INVALID,
                         "repository name (%s) contains '/', please specify a different name "
                         "without '/'",
                         name);
    return 0;
}

static bool same(const struct charts_repository *a, const struct charts_repository *b)
{
    return strcmp(a->url, b->url) == 0 && strcmp(a->user, b->user) == 0 &&
           strcmp(a->password, b->password) == 0 && strcmp(a->cert_file, b->cert_file) == 0 &&
           strcmp(a->key_file, b->key_file) == 0 && strcmp(a->ca_file, b->ca_file) == 0 &&
           a->insecure == b->insecure && a->pass_everywhere == b->pass_everywhere;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static int add(struct adding *q, const char *name, const char *url, struct helm_log *log,
               struct err *e)
{
    struct arena *a = log->arena;
    struct charts_files files = helm_cli_files(&q->globals, a);
    struct charts_repositories all;
    struct charts_index ix;
    int rc = check_name(q, name, url, log, e);
    if (rc < 0)
        return rc;
    AUTO_FD int lock = lock_file(files.repositories, a, e);
    if (lock < 0)
        return lock;
    if ((rc = charts_repositories_read(files.repositories, a, &all, e)) < 0)
        return rc;
    const struct charts_access *x = &q->access;
    struct charts_repository one = {name,
                                    url,
                                    or_empty(x->user),
                                    or_empty(x->password),
                                    or_empty(x->cert_file),
                                    or_empty(x->key_file),
                                    or_empty(x->ca_file),
                                    x->insecure,
                                    x->pass_everywhere};
    const struct charts_repository *old = charts_repositories_find(&all, name);
    if (old && !q->force) {
        if (!same(old, &one))
            return helm_fail(log, e, ERR_EXISTS,
                             "repository name (%s) already exists, please specify a different name",
                             name);
        (void)printf("\"%s\" already exists with the same configuration, skipping\n", name);
        return 0;
    }
    if ((rc = charts_index_fetch(&files, &one, true, a, &ix, e)) < 0)
        return err_wrap(e, rc,
                        "looks like \"%s\" is not a valid chart repository or cannot be reached",
                        url_public(url, a));
    charts_repositories_put(&all, &one, a);
    if ((rc = charts_repositories_write(files.repositories, &all, clock_real_ms(), e)) == 0)
        (void)printf("\"%s\" has been added to your repositories\n", name);
    return rc;
}

int helm_cli_repo_add(int argc, char **argv, const struct verb *verb)
{
    struct adding q = {0};
    const struct option table[] = {
        HELM_CLI_GLOBALS(q.globals),
        HELM_CLI_ACCESS(q.access),
        {"password-stdin",           0, OPTION_FLAG, &q.from_stdin, NULL, "the password is standard input"},
        {"pass-credentials",               0, OPTION_FLAG, &q.access.pass_everywhere, NULL,
                    "to other hosts, too"},
        {"force-update",                      0, OPTION_FLAG, &q.force, NULL, "in the place of one with the same name"},
        {"no-update",                          0, OPTION_FLAG, &q.no_update, NULL, "for Helm's sake: ignored"},
        {"allow-deprecated-repos",           0, OPTION_FLAG, &q.deprecated, NULL, "also those that are gone"},
        {"timeout", 0, OPTION_TEXT, &q.timeout, "TIME", "for Helm's sake: two minutes"},
        {0     }
    };
    HELM_CLI_BEGIN(verb, table, 2, 2);
    if (q.access.user && !q.access.password)
        rc = helm_cli_password(q.from_stdin, a, &q.access.password, &e);
    if (rc == 0)
        rc = add(&q, args.items[0], args.items[1], &log, &e);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}

/* ---- list ---- */

static void list_document(const struct charts_repositories *all, bool json, struct arena *a)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < all->n; i++) {
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "name", all->items[i].name);
        (void)value_set_str(a, v, "url", all->items[i].url);
        (void)value_push(a, list, v);
    }
    if (json)
        (void)puts(json_text(a, list, 0));
    else
        (void)fputs(yaml_text(a, list, YAML_FOLD), stdout);
}

static void list_table(const struct charts_repositories *all, struct arena *a)
{
    const char **cells = ARENA_ARRAY(a, const char *, 2 * all->n + 2);
    cells[0] = "NAME";
    cells[1] = "URL";
    for (size_t i = 0; i < all->n; i++) {
        cells[2 * i + 2] = all->items[i].name;
        cells[2 * i + 3] = all->items[i].url;
    }
    helm_cli_table(cells, all->n + 1, 2, 0, a);
}

int helm_cli_repo_list(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const char *format = "table";
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"output",     'o', OPTION_TEXT, &format, "WORD", "table, json or yaml"},
        {0}
    };
    struct charts_repositories all;
    HELM_CLI_BEGIN(verb, table, 0, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    bool json = strcmp(format, "json") == 0, yaml = strcmp(format, "yaml") == 0;
    rc = charts_repositories_read(files.repositories, a, &all, &e);
    if (rc == 0 && !json && !yaml && strcmp(format, "table") != 0)
        rc = helm_fail(&log, &e, ERR_INVALID,
                       "invalid argument \"%s\" for \"-o, --output\" flag: invalid format type",
                       format);
    if (rc == 0 && all.n == 0 && !json && !yaml)
        rc = helm_fail(&log, &e, ERR_NOT_FOUND, "no repositories to show");
    if (rc == 0 && (json || yaml))
        list_document(&all, json, a);
    else if (rc == 0)
        list_table(&all, a);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}

/* ---- update ---- */

static bool is_named(const struct arguments *args, const char *name)
{
    for (size_t i = 0; i < args->n; i++)
        if (strcmp(args->items[i], name) == 0)
            return true;
    return args->n == 0;
}

static int update(const struct charts_files *files, const struct arguments *args, bool strict,
                  struct helm_log *log, struct err *e)
{
    struct charts_repositories all;
    size_t kept = 0, failed;
    int rc = charts_repositories_read(files->repositories, log->arena, &all, e);
    if (rc < 0)
        return rc;
    if (all.n == 0)
        return helm_fail(log, e, ERR_NOT_FOUND,
                         "no repositories found. You must add one before updating");
    for (size_t i = 0; i < args->n; i++)
        if (!charts_repositories_find(&all, args->items[i]))
            return helm_fail(log, e, ERR_NOT_FOUND,
                             "no repositories found matching '%s'.  Nothing will be updated",
                             args->items[i]);
    for (size_t i = 0; i < all.n; i++)
        if (is_named(args, all.items[i].name))
            all.items[kept++] = all.items[i];
    (void)puts("Hang tight while we grab the latest from your chart repositories...");
    failed = dependency_refresh(files, all.items, kept, helm_cli_say, NULL);
    if (failed && strict)
        return helm_fail(log, e, ERR_AGAIN, "Failed to update %zu of %zu repositories", failed,
                         kept);
    (void)puts("Update Complete. ⎈Happy Helming!⎈");
    return 0;
}

int helm_cli_repo_update(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const char *timeout = NULL;
    bool strict = false;
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"fail-on-repo-update-fail", 0, OPTION_FLAG, &strict, NULL, "one that fails is a failure"},
        {"timeout",               0, OPTION_TEXT, &timeout, "TIME", "for Helm's sake: two minutes"},
        {0                     }
    };
    HELM_CLI_BEGIN(verb, table, 0, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    rc = update(&files, &args, strict, &log, &e);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}

/* ---- remove ---- */

static int remove_one(const struct charts_files *files, struct charts_repositories *all,
                      const char *name, struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    if (!charts_repositories_remove(all, name))
        return helm_fail(log, e, ERR_NOT_FOUND, "no repo named \"%s\" found", name);
    int rc = charts_repositories_write(files->repositories, all, clock_real_ms(), e);
    if (rc < 0)
        return rc;
    (void)unlink(arena_printf(a, "%s/%s-charts.txt", files->cache, name));
    (void)unlink(charts_index_path(files, name, a));
    (void)printf("\"%s\" has been removed from your repositories\n", name);
    return 0;
}

int helm_cli_repo_remove(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const struct option table[] = {HELM_CLI_GLOBALS(globals), {0}};
    struct charts_repositories all;
    HELM_CLI_BEGIN(verb, table, 1, 0);
    struct charts_files files = helm_cli_files(&globals, a);
    AUTO_FD int lock = lock_file(files.repositories, a, &e);
    rc = lock < 0 ? lock : charts_repositories_read(files.repositories, a, &all, &e);
    if (rc == 0 && all.n == 0)
        rc = helm_fail(&log, &e, ERR_NOT_FOUND, "no repositories configured");
    for (size_t i = 0; i < args.n && rc == 0; i++)
        rc = remove_one(&files, &all, args.items[i], &log, &e);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}
