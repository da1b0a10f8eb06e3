/* elsewhere.c - what an Application's kustomization names by URL, fetched if its project allows it:
 * with no credentials, no settings and no files of this machine. */
#include <string.h>

#include "charts/charts.h"
#include "ctl/gitops/app_int.h"
#include "net/http_client.h"

enum { FILE_MAX = 32 << 20, TIMEOUT_MS = 27000 };

static int fetch_file(struct kustomize_remote *r, const char *url, struct arena *a,
                      const char **out, size_t *n, struct err *e)
{
    struct elsewhere *w = container_of(r, struct elsewhere, remote);
    w->asked = true;
    int rc = project_check_source(w->p, url, e);
    if (rc < 0)
        return rc;
    struct http_client_opts opts = {.timeout_ms = TIMEOUT_MS};
    AUTO(http_client) struct http_client *c = http_client_new(&opts);
    struct http_call call = {.method = "GET", .url = url, .max_answer = FILE_MAX};
    struct http_answer answer;
    rc = http_do(c, &call, a, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status < 200 || answer.status > 299)
        return err_set(e, ERR_NOT_FOUND, "HTTP Error: status code %d", answer.status);
    *out = answer.body;
    *n = answer.body_len;
    return 0;
}

static int fetch_repository(struct kustomize_remote *r, const struct kustomize_repository *repo,
                            struct tree **out, struct err *e)
{
    struct elsewhere *w = container_of(r, struct elsewhere, remote);
    w->asked = true;
    struct clone_opts opts = {.url = repo->url,
                              .ref = repo->ref,
                              .timeout_ms =
                                  repo->timeout_ms < TIMEOUT_MS ? repo->timeout_ms : TIMEOUT_MS,
                              .submodules = repo->submodules};
    if (strncmp(repo->url, "file:", 5) == 0)
        return err_set(e, ERR_DENIED, "%s: files of the server's machine are not read", repo->url);
    int rc = project_check_source(w->p, repo->url, e);
    return rc < 0 ? rc : clone_set_get(w->clones, &opts, out, e);
}

static int fetch_chart(struct chart_port *port, const struct chart_request *q, struct arena *a,
                       const void **archive, size_t *n, struct err *e)
{
    struct elsewhere *w = container_of(port, struct elsewhere, charts);
    w->asked = true;
    const struct charts_files none = {0};
    struct charts_port real = charts_port(&none);
    int rc = project_check_source(w->p, q->repository, e);
    return rc < 0 ? rc : real.base.fetch(&real.base, q, a, archive, n, e);
}

void elsewhere_init(struct elsewhere *w, struct app *p)
{
    *w = (struct elsewhere){
        .p = p,
        .remote = {fetch_file, fetch_repository},
        .charts = {fetch_chart         },
        .clones = clone_set_new(),
    };
}

void elsewhere_done(struct elsewhere *w)
{
    clone_set_free(w->clones);
}
