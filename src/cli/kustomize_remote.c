/* kustomize_remote.c - clones and downloads, each once in a build. */
#include "cli/kustomize_remote.h"

#include <string.h>
#include <unistd.h>

#include "cli/light.h"

enum { FILE_MAX = 64 << 20 };

static int fetch_file(struct kustomize_remote *base, const char *url, struct arena *a,
                      const char **out, size_t *n, struct err *e)
{
    struct cli_remote *r = container_of(base, struct cli_remote, base);
    struct light_answer answer;
    if (light_is_small())
        cli_remote_done(r); /* who has become the whole program removes nothing */
    int rc = light_get(url, FILE_MAX, a, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status < 200 || answer.status > 299)
        return err_set(e, ERR_NOT_FOUND, "HTTP Error: status code %d", answer.status);
    *out = answer.body;
    *n = answer.n;
    return 0;
}

static bool same(const struct kustomize_repository *a, const struct kustomize_repository *b)
{
    return strcmp(a->url, b->url) == 0 && strcmp(a->ref, b->ref) == 0 &&
           a->submodules == b->submodules;
}

static int fetch_repository(struct kustomize_remote *base, const struct kustomize_repository *repo,
                            struct tree **out, struct err *e)
{
    struct cli_remote *r = container_of(base, struct cli_remote, base);
    for (size_t i = 0; i < r->n; i++)
        if (same(&r->clones[i].of, repo)) {
            *out = clone_tree(r->clones[i].clone);
            return 0;
        }
    if (r->n == KUSTOMIZE_CLONES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d repositories are fetched",
                       KUSTOMIZE_CLONES_MAX);
    struct clone_opts opts = {.url = repo->url,
                              .ref = repo->ref,
                              .timeout_ms = repo->timeout_ms,
                              .submodules = repo->submodules,
                              .env = (const char *const *)environ};
    int rc = clone_open(&opts, &r->clones[r->n].clone, e);
    if (rc < 0)
        return rc;
    r->clones[r->n].of = *repo;
    *out = clone_tree(r->clones[r->n++].clone);
    return 0;
}

void cli_remote_init(struct cli_remote *r)
{
    *r = (struct cli_remote){
        .base = {fetch_file, fetch_repository}
    };
}

void cli_remote_done(struct cli_remote *r)
{
    for (size_t i = 0; i < r->n; i++)
        clone_free(r->clones[i].clone);
    r->n = 0;
}
