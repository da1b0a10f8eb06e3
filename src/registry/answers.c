#include <stdarg.h>

#include "codec/json.h"
#include "registry/registry_int.h"

void answer__set(struct registry_call *c, const char *header, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    http_set_header(c->q, header, arena_vprintf(c->arena, fmt, ap));
    va_end(ap);
}

void answer__json(struct registry_call *c, int status, const char *media_type,
                  const struct value *v)
{
    const char *text = json_text(c->arena, v, 0);
    http_send(c->q, status, media_type, text, strlen(text));
}

void answer__empty(struct registry_call *c, int status)
{
    http_send(c->q, status, NULL, "", 0);
}

void answer__error(struct registry_call *c, int status, const char *code, const char *message)
{
    struct arena *a = c->arena;
    struct value *error = value_new_object(a), *list = value_new_array(a);
    struct value *doc = value_new_object(a);
    (void)value_set_str(a, error, "code", code);
    (void)value_set_str(a, error, "message", message);
    (void)value_push(a, list, error);
    (void)value_set(a, doc, "errors", list);
    answer__json(c, status, "application/json", doc);
}

void answer__err(struct registry_call *c, const struct err *e, const char *code)
{
    const char *message = e->hint[0] ? arena_printf(c->arena, "%s; %s", e->msg, e->hint) : e->msg;
    switch ((int)e->code) {
    case ERR_INVALID:
        answer__error(c, 400, code, message);
        break;
    case ERR_NOT_FOUND:
        answer__error(c, 404, code, message);
        break;
    case ERR_TOO_LARGE:
        answer__error(c, 413, "SIZE_INVALID", message);
        break;
    case ERR_UNSUPPORTED:
        answer__error(c, 415, "UNSUPPORTED", message);
        break;
    case ERR_DENIED:
        answer__error(c, 403, "DENIED", message);
        break;
    case ERR_AGAIN:
        answer__error(c, 503, "UNAVAILABLE", message);
        break;
    default:
        answer__error(c, 500, "UNKNOWN", message);
        break;
    }
}
