/* log.c - warnings, and errors of any length. */
#include "render/helm/helm_int.h"

#include <string.h>

static int record(struct helm_log *log, struct err *e, int code, const char *text)
{
    log->error = text;
    return err_set(e, (enum err_code)code, "%s", text);
}

int helm__fail(struct helm_log *log, struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(log->arena, fmt, ap);
    va_end(ap);
    return record(log, e, code, text);
}

int helm__wrap(struct helm_log *log, struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *context = arena_vprintf(log->arena, fmt, ap);
    va_end(ap);
    return record(log, e, code, arena_printf(log->arena, "%s: %s", context, log->error));
}

int helm__note(struct helm_log *log, struct err *e, int code)
{
    log->error = arena_strdup(log->arena, e->msg);
    return code;
}

void helm__warn(struct helm_log *log, const char *fmt, ...)
{
    va_list ap;
    size_t n = log->n_warnings, size = sizeof *log->warnings;
    if ((n & (n - 1)) == 0)
        log->warnings = arena_grow(log->arena, log->warnings, n * size, (n ? 2 * n : 1) * size);
    va_start(ap, fmt);
    log->warnings[log->n_warnings++] = arena_vprintf(log->arena, fmt, ap);
    va_end(ap);
}

const char *helm__quote(struct arena *a, const char *s, size_t n)
{
    static const char named[] = "abtnvfr"; /* from \a on */
    AUTO_BUF struct buf b;
    buf_init(&b, 4 * n + 3);
    buf_putc(&b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            buf_printf(&b, "\\%c", c);
        else if (c >= '\a' && c <= '\r')
            buf_printf(&b, "\\%c", named[c - '\a']);
        else if (c < ' ' || c == 0x7f)
            buf_printf(&b, "\\x%02x", c);
        else
            buf_putc(&b, (char)c);
    }
    buf_putc(&b, '"');
    return arena_strndup(a, buf_text(&b), b.len);
}
