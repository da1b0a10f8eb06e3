/* doors.c - listeners, and who may do what at the registry and the git host. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ctl/tekton/hooks.h"
#include "logs/api.h"
#include "monitor/api.h"
#include "monitor/pushed.h"
#include "server/server_int.h"

int door_open(struct server *s, const char *address, bool tls, http_handler handler, void *arg,
              struct err *e)
{
    struct http_listen l = {.address = address};
    if (s->n_doors == SERVER_DOORS)
        return err_set(e, ERR_TOO_LARGE, "more than %d listeners", SERVER_DOORS);
    if (tls) {
        l.cert_pem = s->id.server_cert_pem;
        l.key_pem = s->id.server_key_pem;
        l.client_ca_pem = s->id.ca_pem;
    }
    int r = http_server_start(&l, handler, arg, &s->doors[s->n_doors], e);
    if (r < 0)
        return r;
    s->n_doors++;
    return 0;
}

/* ---- the registry ---- */

/* The token of those who showed nothing and asked for one: it may what they may. */
static const char nobodys_token[] = "nobody";

/* The API's token that the asking one showed, as itself or as a password; NULL: none. */
static const char *shown_token(const struct registry_ask *ask)
{
    const char *token = ask->token ? ask->token : ask->password;
    return token && strcmp(token, nobodys_token) == 0 ? NULL : token;
}

/* Reading is for everybody who reaches the address (this machine and its pods); writing needs the
 * administrator, or a service account or user that may update `images` of slipway.dev. */
static int registry_allows(void *arg, const struct registry_ask *ask, struct err *e)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const char *token = shown_token(ask);
    struct identity who;
    if (ask->action == REGISTRY_PULL || (ask->action == REGISTRY_PING && !token && ask->token))
        return 0;
    if (!token)
        return err_set(e, ERR_UNAUTHENTICATED, "log in with a token of the API as the password");
    int r = rights_authenticate(s, token, a, &who, e);
    if (r < 0 || ask->action == REGISTRY_PING)
        return r;
    struct access w = {.verb = ask->action == REGISTRY_DELETE    ? "delete"
                               : ask->action == REGISTRY_CATALOG ? "list"
                                                                 : "update",
                       .group = "slipway.dev",
                       .resource = "images",
                       .name = ask->repository};
    return rights_authorize(s, &who, &w, e);
}

/* The API's tokens are the registry's: who logs in gets back what they logged in with. */
static int registry_token(void *arg, const struct registry_ask *ask, struct arena *a,
                          const char **out, struct err *e)
{
    struct server *s = arg;
    const char *token = shown_token(ask);
    struct identity who;
    int r = token ? rights_authenticate(s, token, a, &who, e) : 0;
    if (r == 0)
        *out = token ? token : nobodys_token;
    return r;
}

/* ---- git ---- */

static int git_authenticate(void *arg, const char *authorization, struct arena *a,
                            struct host_identity *out, struct err *e)
{
    struct server *s = arg;
    const char *token = authorization ? host_token(authorization, a) : NULL;
    struct identity who;
    if (!token) {
        static const char *const nobody[] = {"system:unauthenticated", NULL};
        *out = (struct host_identity){"system:anonymous", nobody};
        return 0;
    }
    int r = rights_authenticate(s, token, a, &who, e);
    if (r < 0)
        return r;
    const char **groups = ARENA_ARRAY(a, const char *, who.n_groups + 1);
    for (size_t i = 0; i < who.n_groups; i++)
        groups[i] = who.groups[i];
    *out = (struct host_identity){who.user, groups};
    return 0;
}

static int git_authorize(void *arg, const struct host_identity *who, const char *repository,
                         struct arena *a, struct host_grant *out, struct err *e)
{
    struct server *s = arg;
    return repository_authorize(&s->repositories, s->kube, who, repository, a, out, e);
}

static void git_pushed(void *arg, const struct host_push *push)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *ns, *name;
    struct err e;
    for (size_t i = 0; i < push->n; i++)
        log_info("git", "%s: %s moved %s to %.12s", push->repository, push->user,
                 push->changes[i].ref, push->changes[i].new_sha);
    if (s->runner && repository_owner(&s->repositories, push->repository, a, &ns, &name, &e) == 0)
        runner_kick(s->runner, "repository", ns, name);
}

/* A forge says that something was pushed: mirrors of that repository are fetched at once. Nothing
 * in the body is believed but the URL, so that no signature is asked for. */
static void mirror_handle(struct http_request *q, struct server *s)
{
    struct err e = {0};
    char *body;
    size_t n, found;
    int r = http_read_all(q, HOOK_BODY_MAX, &body, &n, &e);
    if (r == 0)
        r = repository_webhook(s->kube, &clock_system, body, n, &found, &e);
    if (r < 0)
        http_send_text(q, r == ERR_TOO_LARGE ? 413 : 400, e.msg);
    else
        http_send_text(q, 202, arena_printf(q->arena, "%zu repositories are fetched\n", found));
}

static void git_handle(struct http_request *q, void *arg)
{
    struct server *s = arg;
    if (strncmp(q->path, "/git/", 5) == 0)
        host_handle(q, s->host);
    else if (strncmp(q->path, "/hooks/", 7) == 0)
        hooks_handle(q, &(struct hooks){s->kube, s->tekton});
    else if (strncmp(q->path, "/work/", 6) == 0 && s->work)
        work_handle(q, s->work);
    else if (strcmp(q->path, "/mirror") == 0 && strcmp(q->method, "POST") == 0)
        mirror_handle(q, s);
    else
        http_send_text(q, 404, "there is /git/, /hooks/, /mirror and /work/");
}

/* ---- metrics and logs ---- */

/* Who may get a namespace's pods' logs sees its lines; who may create `logs` of slipway.dev in it
 * may add to them. */
static int logs_may(void *arg, struct http_request *q, bool create, const char *ns, struct err *e)
{
    struct server *s = arg;
    const char *token = logs_access_token(http_header(q, "Authorization"), q->arena);
    struct identity who;
    if (!token) {
        (void)err_set(e, ERR_UNAUTHENTICATED, "logs are for those who show a token");
        return err_hint(e, "send a token of the API as Bearer, or as the password of any user");
    }
    int r = rights_authenticate(s, token, q->arena, &who, e);
    struct access see = {.verb = "get", .resource = "pods", .subresource = "log", .ns = ns};
    struct access add = {.verb = "create", .group = "slipway.dev", .resource = "logs", .ns = ns};
    return r < 0 ? r : rights_authorize(s, &who, create ? &add : &see, e);
}

/* Metrics are seen by all who reach the address; who may create `metrics` of slipway.dev adds to
 * them, who may delete them takes some away. */
static int metrics_may(void *arg, struct http_request *q, enum monitor_right right, struct err *e)
{
    struct server *s = arg;
    const char *token = logs_access_token(http_header(q, "Authorization"), q->arena);
    struct identity who;
    struct access w = {.verb = right == MONITOR_WRITE ? "create" : "delete",
                       .group = "slipway.dev",
                       .resource = "metrics"};
    if (!token) {
        (void)err_set(e, ERR_UNAUTHENTICATED, "metrics are changed by those who show a token");
        return err_hint(e, "send a token of the API as Bearer, or as the password of any user");
    }
    int r = rights_authenticate(s, token, q->arena, &who, e);
    return r < 0 ? r : rights_authorize(s, &who, &w, e);
}

static int open_logs(struct server *s, struct err *e)
{
    s->logs_access = (struct logs_access){.db = s->logs, .may = logs_may, .arg = s};
    struct elastic_opts o = {.access = s->logs_access,
                             .path = arena_printf(s->arena, "%s/logs/elastic.json", s->dir),
                             .clock = &clock_system,
                             .prefix = "/elastic"};
    return elastic_open(&o, &s->elastic, e);
}

static void metrics_handle(struct http_request *q, void *arg)
{
    struct server *s = arg;
    if (strncmp(q->path, "/loki/", 6) == 0 || strcmp(q->path, "/otlp/v1/logs") == 0 ||
        strcmp(q->path, "/v1/logs") == 0)
        logs_handle(q, &s->logs_access);
    else if (strncmp(q->path, "/elastic", 8) == 0 && (q->path[8] == '/' || !q->path[8]))
        elastic_handle(q, s->elastic);
    else if (strncmp(q->path, "/api/v1/", 8) == 0)
        monitor_handle(q, &s->monitor);
    else if (strcmp(q->path, "/federate") == 0)
        monitor_federate(q, &s->monitor);
    else if (strncmp(q->path, "/api/v2/", 8) == 0)
        notifier_handle(q, s->notifier);
    else if (strcmp(q->path, "/-/healthy") == 0 || strcmp(q->path, "/-/ready") == 0)
        http_send_text(q, 200, "slipway is up\n");
    else
        http_send_text(q, 404, "there is /api/v1/, /api/v2/, /federate, /loki/ and /elastic/");
}

static int open_both(struct server *s, const char *address, http_handler handler, void *arg,
                     struct err *e)
{
    int r = door_open(s, address, false, handler, arg, e);
    if (r == 0 && s->podnet && !s->opts.kubeconfig)
        r = door_open(s, server__on_gateway(s, address), false, handler, arg, e);
    return r;
}

int doors_open(struct server *s, struct err *e)
{
    struct registry_opts registry = {.images = s->images,
                                     .authorize = registry_allows,
                                     .token = registry_token,
                                     .policy = registry_port_policy,
                                     .login = registry_port_login,
                                     .arg = s};
    registry_port_open(s);
    struct host_opts host = {.root = s->repositories.root,
                             .prefix = "/git/",
                             .authenticate = git_authenticate,
                             .authorize = git_authorize,
                             .pushed = git_pushed,
                             .arg = s};
    s->monitor.may = metrics_may;
    s->monitor.may_arg = s;
    s->monitor.pushed = s->pushed = pushed_new();
    int r = open_logs(s, e);
    if (r == 0)
        r = registry_new(&registry, &s->registry, e);
    if (r == 0)
        r = host_new(&host, &s->host, e);
    if (r == 0)
        r = open_both(s, s->opts.registry_address, registry_handle, s->registry, e);
    if (r == 0)
        r = open_both(s, s->opts.git_address, git_handle, s, e);
    if (r == 0)
        r = door_open(s, s->opts.metrics_address, false, metrics_handle, s, e);
    return r;
}
