/* dependency_resolve.c - ranges become versions, by what repositories have. */
#include <string.h>

#include "charts/dependency_int.h"
#include "charts/registry.h"
#include "codec/semver.h"

enum wish_kind wish_kind_of(const char *repository)
{
    return !*repository                             ? WISH_HERE
           : strncmp(repository, "file://", 7) == 0 ? WISH_FILE
           : strncmp(repository, "oci://", 6) == 0  ? WISH_OCI
                                                    : WISH_HTTP;
}

static bool fits(struct job *j, const struct semver_range *range, const char *version)
{
    struct semver v;
    return semver_parse(j->a, version, &v, NULL) == 0 && semver_range_has(range, &v);
}

static int from_folder(struct job *j, struct wish *w, const struct semver_range *range,
                       struct err *e)
{
    struct helm_chart *c;
    const char *path;
    int rc = dependency__local(j, w->repository, &path, e);
    if (rc == 0)
        rc = charts_load_folder(path, j->log, &c, e);
    if (rc == 0 && fits(j, range, helm_chart_version(c)))
        w->version = helm_chart_version(c);
    return rc;
}

static int from_index(struct job *j, struct wish *w, const struct semver_range *range,
                      struct err *e)
{
    struct charts_index ix;
    struct charts_entry *all;
    struct err why = {0};
    size_t n;
    const char *path = charts_index_path(j->o->files, w->known->name, j->a);
    if (charts_index_read(path, j->a, &ix, &why) < 0)
        return helm_fail(j->log, e, why.code,
                         "no cached repository for %s found. (try 'helm repo update'): %s",
                         w->known->name, why.msg);
    int rc = charts_index_versions(&ix, w->name, j->a, &all, &n, &why);
    if (rc == ERR_NOT_FOUND)
        return helm_fail(j->log, e, ERR_NOT_FOUND, "%s chart not found in repo %s", w->name,
                         url_public(w->repository, j->a));
    if (rc < 0)
        return helm_fail(j->log, e, why.code, "%s", why.msg);
    for (size_t i = 0; i < n && !w->version; i++)
        if (all[i].n_urls > 0 && fits(j, range, all[i].version))
            w->version = all[i].version;
    return 0;
}

static int from_registry(struct job *j, struct wish *w, const struct semver_range *range,
                         struct err *e)
{
    struct semver v;
    struct err why = {0};
    const char **tags, *repository = url_join(w->repository, w->name, j->a);
    size_t n;
    w->version = w->range;
    if (semver_parse(j->a, w->range, &v, NULL) == 0)
        return 0;
    if (charts_registry_tags(j->o->files, repository, j->o->access, j->a, &tags, &n, &why) < 0)
        return helm_fail(j->log, e, why.code,
                         "could not retrieve list of tags for repository %s: %s", w->repository,
                         why.msg);
    for (size_t i = 0; i < n; i++)
        if (fits(j, range, tags[i])) {
            w->version = tags[i];
            break;
        }
    return 0;
}

static int resolve(struct job *j, struct wish *w, struct err *e)
{
    struct semver_range *range;
    struct err why = {0};
    const char *path;
    if (semver_range_parse(j->a, w->range, &range, &why) < 0)
        return helm_fail(j->log, e, ERR_INVALID,
                         "dependency \"%s\" has an invalid version/constraint format: %s", w->name,
                         why.msg);
    w->version = NULL;
    switch (w->kind) {
    case WISH_HERE:
        w->version = w->range;
        return dependency__local(j, arena_printf(j->a, "charts/%s", w->name), &path, e);
    case WISH_FILE:
        return from_folder(j, w, range, e);
    case WISH_OCI:
        return from_registry(j, w, range, e);
    case WISH_HTTP:
        break;
    }
    return from_index(j, w, range, e);
}

int dependency__resolve(struct job *j, struct err *e)
{
    const char *missing = NULL;
    size_t n = 0;
    for (size_t i = 0; i < j->n; i++) {
        struct wish *w = &j->wishes[i];
        int rc = resolve(j, w, e);
        if (rc < 0)
            return rc;
        if (w->version)
            continue;
        n++;
        missing = arena_printf(j->a, "%s%s\"%s\" (repository \"%s\", version \"%s\")",
                               missing ? missing : "", missing ? ", " : "", w->name, w->repository,
                               w->range);
    }
    if (n > 0)
        return helm_fail(j->log, e, ERR_NOT_FOUND,
                         "can't get a valid version for %zu subchart(s): %s. Make sure a matching "
                         "chart version exists in the repo, or change the version constraint in "
                         "Chart.yaml",
                         n, missing);
    return 0;
}
