/* Docker's clients push with what they were told at /v2/ and never ask again; with Basic they
 * cannot even pull as nobody. So those who show nothing hear of a place that gives tokens, and
 * nobody gets one, too. What a token may is asked with each request, not when it is given. */
#include <string.h>

#include "registry/registry_int.h"

enum { TOKEN_S = 300 };

#define TOKEN_PATH "/v2/token"

bool token__path(const char *path)
{
    return strcmp(path, TOKEN_PATH) == 0;
}

/* As the client names this registry; NULL when that cannot stand in a quoted string. */
static const char *realm(struct registry_call *c)
{
    const char *host = http_header(c->q, "Host"), *proto = http_header(c->q, "X-Forwarded-Proto");
    if (!host || !*host ||
        host[strspn(host, "0123456789abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]")])
        return NULL;
    bool tls = proto && strcmp(proto, "https") == 0;
    return arena_printf(c->arena, "http%s://%s" TOKEN_PATH, tls ? "s" : "", host);
}

static const char *scope(struct registry_call *c, enum registry_action action)
{
    static const char *const actions[] = {
        [REGISTRY_PULL] = "pull", [REGISTRY_PUSH] = "pull,push", [REGISTRY_DELETE] = "delete"};
    if (action == REGISTRY_CATALOG)
        return ",scope=\"registry:catalog:*\"";
    if (!c->repository || action == REGISTRY_PING)
        return "";
    return arena_printf(c->arena, ",scope=\"repository:%s:%s\"", c->repository, actions[action]);
}

void token__challenge(struct registry_call *c, enum registry_action action)
{
    const char *where = c->registry->opts.token ? realm(c) : NULL;
    if (!where)
        answer__set(c, "WWW-Authenticate", "Basic realm=\"slipway\", charset=\"UTF-8\"");
    else
        answer__set(c, "WWW-Authenticate", "Bearer realm=\"%s\",service=\"slipway\"%s%s", where,
                    scope(c, action), c->token ? ",error=\"insufficient_scope\"" : "");
}

void token__handle(struct registry_call *c)
{
    struct registry_ask who = {.action = REGISTRY_PING,
                               .user = c->user,
                               .password = c->password,
                               .token = c->token,
                               .remote = c->q->remote};
    struct err e = {0};
    const char *token;
    if (strcmp(c->q->method, "GET") != 0) {
        answer__error(c, 405, "UNSUPPORTED", "tokens are asked for with GET");
        return;
    }
    int r = c->registry->opts.token(c->registry->opts.arg, &who, c->arena, &token, &e);
    if (r == ERR_UNAUTHENTICATED) {
        answer__set(c, "WWW-Authenticate", "Basic realm=\"slipway\", charset=\"UTF-8\"");
        answer__error(c, 401, "UNAUTHORIZED", e.msg);
        return;
    }
    if (r < 0) {
        answer__err(c, &e, "DENIED");
        return;
    }
    struct value *v = value_new_object(c->arena);
    (void)value_set_str(c->arena, v, "token", token);
    (void)value_set_str(c->arena, v, "access_token", token); /* the name OAuth has for it */
    (void)value_set_int(c->arena, v, "expires_in", TOKEN_S);
    answer__set(c, "Cache-Control", "no-store");
    answer__json(c, 200, "application/json", v);
}
