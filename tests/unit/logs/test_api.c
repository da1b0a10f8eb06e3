/* Loki's API from outside: a server on a free port, a log store in a temporary folder. */
#include "logs/api.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "net/http_client.h"
#include "t.h"

static const int64_t second_ns = 1000000000;

/* Whoever shows the token "shop" sees and adds lines of that namespace. */
static int may(void *arg, struct http_request *q, bool create, const char *ns, struct err *e)
{
    const char *token = logs_access_token(http_header(q, "Authorization"), q->arena);
    (void)arg;
    (void)create;
    if (!token)
        return err_set(e, ERR_UNAUTHENTICATED, "a token is missing");
    return ns && strcmp(ns, token) == 0 ? 0 : err_set(e, ERR_DENIED, "not for %s", token);
}

struct call {
    const char *method, *path, *body;
    bool token;
    int status;
    const char *want; /* somewhere in the answer */
};

static void ask(struct http_client *client, const char *base, const struct call *c)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *headers[] = {"Content-Type: application/json",
                             c->token ? "Authorization: Bearer shop" : NULL, NULL};
    struct http_call call = {.method = c->method,
                             .url = arena_join(a, base, c->path, NULL),
                             .headers = headers,
                             .body = c->body ? c->body : "",
                             .body_len = c->body ? strlen(c->body) : 0};
    struct http_answer answer;
    struct err e = {0};
    T_RC(http_do(client, &call, a, &answer, &e), &e, c->path);
    T_EQ_INT(answer.status, c->status, c->path);
    T_OK(!c->want || strstr(answer.body, c->want), answer.body);
}

/* One line of a stream whose label x has that many bytes. */
static const char *stream(struct arena *a, const char *ns, int label, int64_t time_ns)
{
    return arena_printf(a,
                        "{\"streams\":[{\"stream\":{\"namespace\":\"%s\",\"x\":\"%0*d\"},"
                        "\"values\":[[\"%lld\",\"some words\"]]}]}",
                        ns, label, 1, (long long)time_ns);
}

static void calls(struct http_client *client, const char *base)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t now = clock_real_ns(), old = now - 5 * 3600 * second_ns;
    const char *good = stream(a, "shop", 1, old), *other = stream(a, "ci", 1, old);
    const char *large = stream(a, "shop", 3000, old);
    const char *early = stream(a, "shop", 1, now + 7200 * second_ns);
    const char *hours = arena_printf(a, "/query?query={x=~\".%%2b\"}&time=%lld",
                                     (long long)((old + 60 * second_ns) / second_ns));
    const struct call list[] = {
        {"POST", "/push",                                       "{\"streams\":[]}", false, 401, NULL                     },
        {"POST", "/push",                                       "{",                false, 401, NULL                     }, /* nobody's body is not read */
        {"POST", "/push",                                       "{",                true,  400, NULL                     },
        {"POST", "/push",                                       other,              true,  403, NULL                     },
        {"POST", "/push",                                       large,              true,  400, "at most"                },
        {"POST", "/push",                                       early,              true,  400, "more than an hour ahead"},
        {"POST", "/push",                                       good,               true,  204, NULL                     },
        {"GET",  hours,                                         NULL,               true,  200, "some words"             },
        {"GET",  "/query?query={x=\"1\"}&time=1e300",           NULL,               true,  400, "outside"                },
        {"GET",  "/query_range?query={x=\"1\"}&start=-5",       NULL,               true,  400, "outside"                },
        {"GET",  "/query?query=rate({x=\"1\"}[9e300y])",        NULL,               true,  400, "100 years"              },
        {"GET",  "/query?query=rate({x=\"1\"}[5m])&step=1e300", NULL,               true,  400, "no step"                },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        ask(client, base, &list[i]);
}

static void answers(void)
{
    char dir[] = "/tmp/slipway-loki-XXXXXX", base[64];
    struct logs_access access = {.may = may};
    struct http_server *server = NULL;
    struct err e = {0};
    T_OK(mkdtemp(dir), "mkdtemp");
    struct logdb_opts o = {.dir = dir, .clock = &clock_system};
    T_RC(logdb_open(&o, &access.db, &e), &e, "store");
    T_RC(http_server_start(&(struct http_listen){.address = "127.0.0.1:0"}, logs_handle, &access,
                           &server, &e),
         &e, "server");
    (void)snprintf(base, sizeof base, "http://127.0.0.1:%u/loki/api/v1", http_server_port(server));
    struct http_client *client =
        http_client_new(&(struct http_client_opts){.timeout_ms = 60000, .no_proxy = true});
    calls(client, base);
    http_client_free(client);
    http_server_free(server);
    logdb_free(access.db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(answers)
