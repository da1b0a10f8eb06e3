/* kustomize_remote.c - clones, downloads and charts. */
#include "cli/kustomize_remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "charts/charts.h"
#include "cli/light.h"

enum { FILE_MAX = 64 << 20 };

/* Who has become the whole program removes nothing that the small one made. */
static void before_network(struct cli_remote *r)
{
    if (light_is_small())
        cli_remote_done(r);
}

static int fetch_file(struct kustomize_remote *base, const char *url, struct arena *a,
                      const char **out, size_t *n, struct err *e)
{
    struct light_answer answer;
    before_network(container_of(base, struct cli_remote, base));
    int rc = light_get(url, FILE_MAX, a, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status < 200 || answer.status > 299)
        return err_set(e, ERR_NOT_FOUND, "HTTP Error: status code %d", answer.status);
    *out = answer.body;
    *n = answer.n;
    return 0;
}

static int fetch_repository(struct kustomize_remote *base, const struct kustomize_repository *repo,
                            struct tree **out, struct err *e)
{
    struct cli_remote *r = container_of(base, struct cli_remote, base);
    struct clone_opts opts = {.url = repo->url,
                              .ref = repo->ref,
                              .timeout_ms = repo->timeout_ms,
                              .submodules = repo->submodules,
                              .env = (const char *const *)environ};
    return clone_set_get(r->clones, &opts, out, e);
}

/* Kustomize gives Helm an empty home: nobody is logged in but whom Docker knows. */
static int fetch_chart(struct chart_port *base, const struct chart_request *q, struct arena *a,
                       const void **archive, size_t *n, struct err *e)
{
    const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    size_t len = strlen(q->repository);
    bool oci = strncmp(q->repository, "oci://", 6) == 0;
    len -= len > 0 && q->repository[len - 1] == '/';
    const struct charts_files files = {
        .fallback_logins = docker ? arena_printf(a, "%s/config.json", docker)
                                  : arena_printf(a, "%s/.docker/config.json", home ? home : ""),
    };
    const struct charts_query query = {
        .chart = oci ? arena_printf(a, "%.*s/%s", (int)len, q->repository, q->name) : q->name,
        .version = q->version,
        .repository = oci ? NULL : q->repository,
    };
    struct charts_answer answer;
    before_network(container_of(base, struct cli_remote, charts));
    int rc = light_chart(&files, &query, NULL, a, &answer, e);
    if (rc < 0)
        return rc;
    *archive = answer.bytes;
    *n = answer.n;
    return 0;
}

void cli_remote_init(struct cli_remote *r)
{
    *r = (struct cli_remote){
        .base = {fetch_file, fetch_repository},
          .charts = {fetch_chart         },
          .clones = clone_set_new()
    };
}

void cli_remote_done(struct cli_remote *r)
{
    clone_set_free(r->clones);
    r->clones = NULL;
}
