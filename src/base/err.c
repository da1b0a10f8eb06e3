#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void err_vappend(struct err *e, const char *fmt, va_list ap)
{
    size_t n = strnlen(e->msg, sizeof e->msg);
    if (n < sizeof e->msg - 1)
        (void)vsnprintf(e->msg + n, sizeof e->msg - n, fmt, ap);
}

static void PRINTF(2, 3) err_append(struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vappend(e, fmt, ap);
    va_end(ap);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e) {
        e->code = code;
        e->sys = 0;
        e->msg[0] = e->hint[0] = '\0';
        va_list ap;
        va_start(ap, fmt);
        err_vappend(e, fmt, ap);
        va_end(ap);
    }
    return code;
}

static enum err_code code_of_errno(int sys)
{
    switch (sys) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
        return ERR_AGAIN;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return ERR_SYSTEM;
    }
}

int err_sys(struct err *e, int sys, const char *fmt, ...)
{
    enum err_code code = code_of_errno(sys);
    if (e) {
        e->code = code;
        e->sys = sys;
        e->msg[0] = e->hint[0] = '\0';
        va_list ap;
        va_start(ap, fmt);
        err_vappend(e, fmt, ap);
        va_end(ap);
        char text[128];
        err_append(e, ": %s", strerror_r(sys, text, sizeof text));
    }
    return code;
}

int err_wrap(struct err *e, int code, const char *fmt, ...)
{
    if (e) {
        struct err inner = *e;
        e->msg[0] = '\0';
        va_list ap;
        va_start(ap, fmt);
        err_vappend(e, fmt, ap);
        va_end(ap);
        err_append(e, ": %s", inner.msg);
    }
    return code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_INVALID;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->hint, sizeof e->hint, fmt, ap);
    va_end(ap);
    return e->code;
}

const char *err_code_name(int code)
{
    static const char *const names[] = {
        "ok",      "invalid",   "not found",       "conflict",
        "gone",    "too large", "try again",       "system",
        "exists",  "denied",    "unauthenticated", "unsupported",
        "timeout", "cancelled",
    };
    int i = -code;
    return i >= 0 && (size_t)i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}
