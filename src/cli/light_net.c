/* light_net.c - URLs and clusters, for the whole program. */
#include "charts/charts.h"
#include "charts/provenance.h"
#include "cli/light.h"
#include "cli/release.h"
#include "net/http_client.h"
#include "template/template.h"

int light_get(const char *url, size_t max, struct arena *a, struct light_answer *out, struct err *e)
{
    struct http_client_opts opts = {.timeout_ms = 120000};
    AUTO(http_client) struct http_client *c = http_client_new(&opts);
    struct http_call call = {.method = "GET", .url = url, .max_answer = max, .follow = true};
    struct http_answer answer;
    int rc = http_do(c, &call, a, &answer, e);
    if (rc < 0)
        return rc;
    *out = (struct light_answer){(int)answer.status, answer.body, answer.body_len};
    return 0;
}

bool light_is_small(void)
{
    return false;
}

void light_whole(char **argv)
{
    (void)argv;
}

int light_chart(const struct charts_files *f, const struct charts_query *q, const char *keyring,
                struct arena *a, struct charts_answer *out, struct err *e)
{
    int rc = charts_fetch(f, q, a, out, e);
    if (rc < 0 || !keyring)
        return rc;
    const struct provenance_claim claim = {out->bytes, out->n, out->file, out->provenance,
                                           out->provenance_n};
    struct provenance_proof proof;
    return provenance_check(&claim, keyring, a, &proof, e);
}

int light_verify(const char *path, const char *keyring, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct provenance_proof proof;
    return provenance_check_file(path, keyring, a, &proof, e);
}

/* ---- clusters ---- */

struct cluster {
    struct light_cluster base;
    struct release_cli cli;
    struct helm_log *log; /* of who asks */
};

static int told(struct cluster *c, int rc)
{
    if (rc < 0)
        c->log->error = c->cli.log.error;
    return rc;
}

static int discover(struct light_cluster *base, struct helm_render_opts *out, struct err *e)
{
    struct cluster *c = container_of(base, struct cluster, base);
    const char **apis;
    int rc = c->cli.port.discover(c->cli.port.self, c->log->arena, &out->kube_version, &apis,
                                  &out->n_api_versions, e);
    if (rc < 0)
        return err_wrap(e, rc, "could not get apiVersions from Kubernetes");
    out->api_versions = apis;
    out->only_api_versions = true;
    return 0;
}

static void look(struct light_cluster *base, struct template_host *host)
{
    release_look(&container_of(base, struct cluster, base)->cli.session, host);
}

static int check(struct light_cluster *base, const char *release, const char *manifest,
                 struct err *e)
{
    struct cluster *c = container_of(base, struct cluster, base);
    return told(c, release_check(&c->cli.session, release, manifest, e));
}

static void close_it(struct light_cluster *base)
{
    release_cli_close(&container_of(base, struct cluster, base)->cli);
}

int light_cluster(const struct light_where *w, struct helm_log *log, struct light_cluster **out,
                  struct err *e)
{
    struct cluster *c = ARENA_NEW(log->arena, struct cluster);
    const struct release_cli_where where = {w->kubeconfig, w->context, w->ns};
    c->log = log;
    c->cli.log.arena = log->arena;
    int rc = release_cli_open(&c->cli, &where, log->arena, e);
    if (rc < 0) {
        release_cli_close(&c->cli);
        return told(c, rc);
    }
    c->base = (struct light_cluster){c->cli.session.ns, discover, look, check, close_it};
    *out = &c->base;
    return 0;
}
