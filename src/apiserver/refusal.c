#include <stdarg.h>
#include <string.h>

#include "apiserver/apiserver_int.h"

static int refuse_v(struct call *c, int rc, int code, const char *reason, const char *fmt,
                    va_list ap)
{
    c->refusal =
        (struct refusal){.code = code, .reason = reason, .message = arena_vprintf(c->a, fmt, ap)};
    return rc;
}

int refuse(struct call *c, int rc, int code, const char *reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    rc = refuse_v(c, rc, code, reason, fmt, ap);
    va_end(ap);
    return rc;
}

int refuse_bad_request(struct call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = refuse_v(c, ERR_INVALID, 400, "BadRequest", fmt, ap);
    va_end(ap);
    return rc;
}

void refuse_details(struct call *c, const char *group, const char *kind, const char *name)
{
    struct value *d = value_new_object(c->a);
    if (name && *name)
        value_set_str(c->a, d, "name", name);
    if (group && *group)
        value_set_str(c->a, d, "group", group);
    if (kind && *kind)
        value_set_str(c->a, d, "kind", kind);
    c->refusal.details = d;
}

int refuse_not_found(struct call *c, const struct served *k, const char *name)
{
    refuse(c, ERR_NOT_FOUND, 404, "NotFound", "%s \"%s\" not found", k->qualified, name);
    refuse_details(c, k->res->group, k->res->plural, name);
    return ERR_NOT_FOUND;
}

int refuse_exists(struct call *c, const struct served *k, const char *name)
{
    refuse(c, ERR_EXISTS, 409, "AlreadyExists", "%s \"%s\" already exists", k->qualified, name);
    refuse_details(c, k->res->group, k->res->plural, name);
    return ERR_EXISTS;
}

int refuse_conflict(struct call *c, const struct served *k, const char *name, const char *why)
{
    refuse(c, ERR_CONFLICT, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
           k->qualified, name,
           why ? why
               : "the object has been modified; please apply your changes to the latest version "
                 "and try again");
    refuse_details(c, k->res->group, k->res->plural, name);
    return ERR_CONFLICT;
}

int refuse_forbidden(struct call *c, const struct served *k, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *why = arena_vprintf(c->a, fmt, ap);
    va_end(ap);
    if (name && *name)
        refuse(c, ERR_DENIED, 403, "Forbidden", "%s \"%s\" is forbidden: %s", k->qualified, name,
               why);
    else
        refuse(c, ERR_DENIED, 403, "Forbidden", "%s is forbidden: %s", k->qualified, why);
    refuse_details(c, k->res->group, k->res->plural, name);
    return ERR_DENIED;
}

int refuse_invalid_as(struct call *c, const char *group, const char *kind, const char *name,
                      const struct field_errors *l)
{
    refuse(c, ERR_INVALID, 422, "Invalid", "%s%s%s \"%s\" is invalid: %s", kind, *group ? "." : "",
           group, name, field_errors_text(l, c->a));
    refuse_details(c, group, kind, name);
    value_set(c->a, c->refusal.details, "causes", field_errors_causes(l, c->a));
    return ERR_INVALID;
}

int refuse_invalid(struct call *c, const struct served *k, const char *name,
                   const struct field_errors *l)
{
    return refuse_invalid_as(c, k->res->group, k->res->kind, name, l);
}

int refuse_err(struct call *c, const struct err *e)
{
    static const struct {
        int rc, code;
        const char *reason;
    } as[] = {
        {ERR_INVALID,         400, "BadRequest"           },
        {ERR_NOT_FOUND,       404, "NotFound"             },
        {ERR_CONFLICT,        409, "Conflict"             },
        {ERR_GONE,            410, "Expired"              },
        {ERR_TOO_LARGE,       413, "RequestEntityTooLarge"},
        {ERR_AGAIN,           503, "ServiceUnavailable"   },
        {ERR_EXISTS,          409, "AlreadyExists"        },
        {ERR_DENIED,          403, "Forbidden"            },
        {ERR_UNAUTHENTICATED, 401, "Unauthorized"         },
        {ERR_UNSUPPORTED,     405, "MethodNotAllowed"     },
        {ERR_TIMEOUT,         504, "Timeout"              },
    };
    for (size_t i = 0; i < ARRAY_LEN(as); i++)
        if (as[i].rc == (int)e->code)
            return refuse(c, as[i].rc, as[i].code, as[i].reason, "%s", e->msg);
    return refuse(c, e->code ? (int)e->code : ERR_SYSTEM, 500, "InternalError", "%s", e->msg);
}

struct value *refusal_status(const struct refusal *r, struct arena *a)
{
    struct value *s = value_new_object(a);
    value_set_str(a, s, "kind", "Status");
    value_set_str(a, s, "apiVersion", "v1");
    value_set(a, s, "metadata", value_new_object(a));
    value_set_str(a, s, "status", "Failure");
    value_set_str(a, s, "message", r->message);
    if (r->reason && *r->reason)
        value_set_str(a, s, "reason", r->reason);
    if (r->details)
        value_set(a, s, "details", r->details);
    value_set_int(a, s, "code", r->code);
    return s;
}

void refusal_err(const struct refusal *r, int rc, struct err *e)
{
    err_set(e, (enum err_code)rc, "%s", r->message ? r->message : "refused");
}

/* Webhooks may say as much as they like; an answer's head holds so much. */
void call_warn(struct call *c, const char *text)
{
    enum { WARNINGS_MAX = 64, WARNING_BYTES = 4096 };
    struct strict_errors *w = &c->warnings;
    if (w->n == WARNINGS_MAX)
        return;
    text = arena_strndup(c->a, text, strnlen(text, WARNING_BYTES));
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->items[i], text) == 0)
            return;
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 8;
        w->items = arena_grow(c->a, w->items, w->cap * sizeof *w->items, cap * sizeof *w->items);
        w->cap = cap;
    }
    w->items[w->n++] = text;
}
