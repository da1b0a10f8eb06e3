#include "logs/push_otlp.h"

#include <string.h>

#include "codec/json.h"
#include "codec/proto.h"
#include "logs/otlp_logs.h"
#include "logs/push.h"

enum { BODY_MAX = 16 << 20 };

/* Records that a namespace's rights keep out end the request; one that is too large is left out. */
static int take(struct http_request *q, const struct logs_access *x, const struct otlp_logs *logs,
                size_t *refused, struct err *why, struct err *e)
{
    const char *known = NULL; /* the namespace that was asked about last */
    int r = 0;
    for (size_t i = 0; r == 0 && i < logs->n; i++) {
        const struct otlp_log *l = &logs->items[i];
        int64_t now_ms = clock_real_ms(), ns = l->time_ns ? l->time_ns : now_ms * 1000000;
        char when[CLOCK_TEXT_MAX];
        struct pushed where;
        if (!known || strcmp(known, l->ns) != 0)
            r = x->may(x->arg, q, true, *l->ns ? l->ns : NULL, e);
        if (r < 0)
            return r;
        known = l->ns;
        clock_format_rfc3339_nano(ns, when);
        (void)value_set_str(q->arena, l->record, "@timestamp", when);
        struct push p = {.index = "logs-otlp",
                         .ns = l->ns,
                         .source = "otlp",
                         .document = l->record,
                         .time_ms = ns / 1000000,
                         .now_ms = now_ms};
        r = push_document(x->db, &p, &where, e);
        if (r == ERR_INVALID || r == ERR_TOO_LARGE) { /* for ever: its sender need not come again */
            *why = *e;
            *refused += 1;
            r = 0;
        }
    }
    return r;
}

/* An ExportLogsServiceResponse. */
static void answer(struct http_request *q, bool json, size_t refused, const char *why)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 4096);
    if (json && refused)
        buf_printf(&b, "{\"partialSuccess\":{\"rejectedLogRecords\":\"%zu\",\"errorMessage\":%s}}",
                   refused, json_text(q->arena, value_new_str(q->arena, why), 0));
    else if (json)
        buf_puts(&b, "{}");
    else if (refused) {
        size_t part = proto_begin(&b, 1);
        proto_put_varint(&b, 1, refused);
        proto_put_text(&b, 2, why);
        proto_end(&b, part);
    }
    http_send(q, 200, json ? "application/json" : "application/x-protobuf", buf_text(&b), b.len);
}

int push_otlp(struct http_request *q, const struct logs_access *x, struct err *e)
{
    const char *type = http_header(q, "Content-Type");
    bool json = type && strncmp(type, "application/json", 16) == 0;
    struct otlp_logs logs;
    struct err why = {0};
    size_t n, refused = 0;
    char *body;
    http_accept_gzip(q);
    int r = x->may(x->arg, q, true, NULL, e); /* known before the body is read */
    if (r < 0 && r != ERR_DENIED)
        return r;
    if (!json && (!type || strncmp(type, "application/x-protobuf", 22) != 0))
        return err_set(e, ERR_UNSUPPORTED,
                       "OTLP's logs come as application/x-protobuf or application/json, not %s",
                       type ? type : "this");
    r = http_read_all(q, BODY_MAX, &body, &n, e);
    if (r == 0)
        r = (json ? otlp_logs_read_json : otlp_logs_read)(q->arena, body, n, &logs, e);
    if (r == 0)
        r = take(q, x, &logs, &refused, &why, e);
    if (r == 0)
        r = logdb_sync(x->db, e);
    if (r == 0)
        answer(q, json, refused, why.msg);
    return r;
}
