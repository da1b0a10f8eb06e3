/* light_net.c - URLs, for the whole program. */
#include "charts/charts.h"
#include "charts/provenance.h"
#include "cli/light.h"
#include "net/http_client.h"

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
