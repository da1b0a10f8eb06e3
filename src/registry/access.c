#include <string.h>
#include <strings.h>

#include "codec/base64.h"
#include "registry/registry_int.h"

void access__read(struct registry_call *c)
{
    const char *header = http_header(c->q, "Authorization");
    char *text;
    size_t n;
    if (!header)
        return;
    if (strncasecmp(header, "Bearer ", 7) == 0) {
        c->token = header + 7;
        return;
    }
    if (strncasecmp(header, "Basic ", 6) != 0 ||
        base64_decode(c->arena, header + 6, strlen(header + 6), BASE64_STD, &text, &n, NULL) < 0)
        return;
    char *colon = strchr(text, ':');
    if (!colon || strlen(text) != n)
        return;
    *colon = '\0';
    c->user = text;
    c->password = colon + 1;
}

static int ask(struct registry_call *c, enum registry_action action, const char *repository,
               struct err *e)
{
    const struct registry_opts *o = &c->registry->opts;
    const struct registry_ask question = {
        .action = action,
        .repository = repository,
        .reference = c->reference,
        .user = c->user,
        .password = c->password,
        .token = c->token,
        .remote = c->q->remote,
    };
    if (o->read_only && (action == REGISTRY_PUSH || action == REGISTRY_DELETE))
        return err_set(e, ERR_DENIED, "the registry is read-only");
    return o->authorize ? o->authorize(o->arg, &question, e) : 0;
}

bool access__allowed(struct registry_call *c, enum registry_action action, const char *repository)
{
    return ask(c, action, repository, NULL) == 0;
}

int access__check(struct registry_call *c, enum registry_action action, const char *repository)
{
    struct err e = {0};
    int rc = ask(c, action, repository, &e);
    if (rc == ERR_UNAUTHENTICATED) {
        token__challenge(c, action);
        answer__error(c, 401, "UNAUTHORIZED", e.msg[0] ? e.msg : "authentication is required");
    } else if (rc < 0) {
        answer__err(c, &e, "DENIED");
    }
    return rc;
}
