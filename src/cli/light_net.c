/* light_net.c - URLs, for the whole program. */
#include "cli/light.h"
#include "net/http_client.h"

int light_fetch(const char *url, size_t max, struct arena *a, const char **out, size_t *n,
                struct err *e)
{
    struct http_client_opts opts = {.timeout_ms = 120000};
    AUTO(http_client) struct http_client *c = http_client_new(&opts);
    struct http_call call = {.method = "GET", .url = url, .max_answer = max, .follow = true};
    struct http_answer answer;
    int rc = http_do(c, &call, a, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        return err_set(e, ERR_NOT_FOUND, "failed to fetch %s : %d", url, answer.status);
    *out = answer.body;
    *n = answer.body_len;
    return 0;
}
