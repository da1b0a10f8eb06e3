/* helm_index.c - slipway helm repo index: a folder of packaged charts becomes a repository. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "blob/blob.h"
#include "charts/index.h"
#include "charts/url.h"
#include "cli/helm_net.h"

struct indexing {
    const char *url, *merge;
    bool json;
    struct charts_index ix;
    struct helm_log *log;
};

static bool is_archive(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".tgz") == 0;
}

/* An archive that is no chart is passed over, as Helm does. */
static int add(struct indexing *x, const char *folder, const char *below, const char *name,
               struct err *e)
{
    struct arena *a = x->log->arena;
    struct helm_log own = {.arena = a};
    struct helm_chart *c;
    char digest[DIGEST_MAX], *bytes;
    size_t n;
    const char *path = arena_printf(a, "%s/%s%s%s", folder, below, *below ? "/" : "", name);
    int rc = fs_read(path, CHARTS_ARCHIVE_MAX, a, &bytes, &n, e);
    if (rc < 0)
        return rc;
    if (helm_chart_unpack(bytes, n, &own, &c, NULL) < 0)
        return 0;
    blob_digest_of(bytes, n, digest);
    const char *base = url_join(x->url, below, a);
    const char *url = *base ? url_join(base, name, a) : name;
    charts_index_add(&x->ix, helm_chart_meta(c, a), url, digest + strlen("sha256:"),
                     clock_real_ms(), a);
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int scan(struct indexing *x, const char *folder, const char *below, struct err *e)
{
    struct arena *a = x->log->arena;
    const char *path = *below ? arena_printf(a, "%s/%s", folder, below) : folder;
    struct dirent **list;
    struct stat st;
    int n = scandir(path, &list, NULL, by_name), rc = 0;
    if (n < 0)
        return err_sys(e, errno, "open %s", path);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        bool dir = stat(arena_printf(a, "%s/%s", path, name), &st) == 0 && S_ISDIR(st.st_mode);
        if (rc == 0 && !dir && is_archive(name))
            rc = add(x, folder, below, name, e);
    }
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        bool dir = stat(arena_printf(a, "%s/%s", path, name), &st) == 0 && S_ISDIR(st.st_mode);
        if (rc == 0 && dir && !*below && *name != '.')
            rc = scan(x, folder, name, e);
        free(list[i]);
    }
    free(list);
    return rc;
}

static int merge(struct indexing *x, struct err *e)
{
    struct arena *a = x->log->arena;
    struct charts_index other = charts_index_new(a, clock_real_ms());
    struct stat st;
    int rc = 0;
    if (!x->merge)
        return 0;
    if (stat(x->merge, &st) < 0) {
        const char *text = charts_index_text(&other, x->json, a);
        rc = fs_write_atomic(x->merge, 0644, text, strlen(text), e);
    } else {
        rc = charts_index_read(x->merge, a, &other, e);
    }
    if (rc < 0)
        return err_wrap(e, rc, "merge failed");
    charts_index_merge(&x->ix, &other, a);
    return 0;
}

int helm_cli_repo_index(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    struct indexing x = {.url = ""};
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"url",        0, OPTION_TEXT, &x.url, "URL", "where the charts will be"},
        {"merge", 0, OPTION_TEXT, &x.merge, "FILE", "also what this index has"},
        {"json",       0, OPTION_FLAG, &x.json, NULL, "write JSON"},
        {0           }
    };
    HELM_CLI_BEGIN(verb, table, 1, 1);
    x.log = &log;
    x.ix = charts_index_new(a, clock_real_ms());
    rc = scan(&x, args.items[0], "", &e);
    if (rc == 0)
        rc = merge(&x, &e);
    if (rc == 0) {
        const char *text = charts_index_text(&x.ix, x.json, a);
        const char *path = arena_printf(a, "%s/index.yaml", args.items[0]);
        rc = fs_write_atomic(path, 0644, text, strlen(text), &e);
    }
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}
