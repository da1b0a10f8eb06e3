#include "logs/otlp_logs.h"

#include <string.h>

#include "codec/json.h"
#include "codec/otlp_value.h"

enum { WIRE_MAX = 64 << 20, RECORDS_MAX = 100000, SHARED_MAX = 256 << 20 };

/* ---- JSON, into the wire's form ---- */

#define ROWS(...)                                                                                  \
    {                                                                                              \
        (const struct proto_json_field[])                                                          \
        {                                                                                          \
            __VA_ARGS__,                                                                           \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define ROW(name, number, kind)                                                                    \
    {                                                                                              \
        name, number, PROTO_JSON_##kind, false, NULL                                               \
    }
#define ONE(name, number, of)                                                                      \
    {                                                                                              \
        name, number, PROTO_JSON_MESSAGE, false, &(of)                                             \
    }
#define MANY(name, number, of)                                                                     \
    {                                                                                              \
        name, number, PROTO_JSON_MESSAGE, true, &(of)                                              \
    }

static const struct proto_json_message record_message =
    ROWS(ROW("timeUnixNano", 1, FIXED64), ROW("severityNumber", 2, INT),
         ROW("severityText", 3, TEXT), ONE("body", 5, otlp_value_message),
         MANY("attributes", 6, otlp_pair_message), ROW("traceId", 9, HEX), ROW("spanId", 10, HEX),
         ROW("observedTimeUnixNano", 11, FIXED64), ROW("eventName", 12, TEXT));
static const struct proto_json_message scope_message =
    ROWS(ROW("name", 1, TEXT), ROW("version", 2, TEXT));
static const struct proto_json_message scope_logs_message =
    ROWS(ONE("scope", 1, scope_message), MANY("logRecords", 2, record_message));
static const struct proto_json_message resource_message =
    ROWS(MANY("attributes", 1, otlp_pair_message));
static const struct proto_json_message resource_logs_message =
    ROWS(ONE("resource", 1, resource_message), MANY("scopeLogs", 2, scope_logs_message));
static const struct proto_json_message request_message =
    ROWS(MANY("resourceLogs", 1, resource_logs_message));

/* ---- the wire's form ---- */

/* What the records of a scope share. */
struct reader {
    struct arena *arena;
    struct otlp_logs *out;
    size_t cap;
    struct value *resource; /* attributes; or NULL */
    const char *scope, *ns;
    size_t resource_bytes;
    size_t shared_bytes; /* of resources and scopes, as often as a record repeats them */
    bool large;
};

static bool set_text(const struct reader *r, struct value *record, const char *key,
                     const struct proto_field *f)
{
    const char *text;
    if (f->type != PROTO_BYTES || !proto_text(r->arena, f, &text))
        return false;
    if (*text)
        (void)value_set_str(r->arena, record, key, text);
    return true;
}

static void set_hex(const struct reader *r, struct value *record, const char *key, struct proto m)
{
    static const char hex[] = "0123456789abcdef";
    char text[33];
    size_t n = proto_left(&m);
    if (n == 0 || n > 16)
        return;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = hex[m.p[i] >> 4];
        text[2 * i + 1] = hex[m.p[i] & 15];
    }
    text[2 * n] = '\0';
    (void)value_set_str(r->arena, record, key, text);
}

/* A text is the message; what has members is kept as it is. */
static bool set_body(const struct reader *r, struct value *record, struct proto m)
{
    const struct value *v = otlp_value(r->arena, m);
    if (v && v->kind == VALUE_OBJECT)
        (void)value_set(r->arena, record, "body", v);
    else if (v && v->kind != VALUE_NULL)
        (void)value_set_str(r->arena, record, "message",
                            v->kind == VALUE_STRING ? v->text : json_text(r->arena, v, 0));
    return v != NULL;
}

static bool take_field(const struct reader *r, const struct proto_field *f, struct otlp_log *log,
                       int64_t *observed_ns)
{
    struct value *record = log->record;
    bool bytes = f->type == PROTO_BYTES;
    switch (f->number) {
    case 1:
        log->time_ns = f->v <= INT64_MAX ? (int64_t)f->v : 0;
        return true;
    case 2:
        (void)value_set_int(r->arena, record, "severity_number", (int64_t)f->v);
        return true;
    case 3:
        return set_text(r, record, "severity_text", f);
    case 5:
        return bytes && set_body(r, record, f->bytes);
    case 6:
        return bytes &&
               otlp_pair(r->arena, f->bytes, value_make_object(r->arena, record, "attributes"));
    case 9:
        if (bytes)
            set_hex(r, record, "trace_id", f->bytes);
        return bytes;
    case 10:
        if (bytes)
            set_hex(r, record, "span_id", f->bytes);
        return bytes;
    case 11:
        *observed_ns = f->v <= INT64_MAX ? (int64_t)f->v : 0;
        return true;
    case 12:
        return set_text(r, record, "event_name", f);
    default:
        return true;
    }
}

static bool read_record(struct reader *r, struct proto m)
{
    struct otlp_log log = {.ns = r->ns, .record = value_new_object(r->arena)};
    int64_t observed_ns = 0;
    r->shared_bytes += r->resource_bytes + strlen(r->scope);
    r->large = r->out->n == RECORDS_MAX || r->shared_bytes > SHARED_MAX;
    if (r->large)
        return false;
    for (struct proto_field f; proto_next(&m, &f);)
        if (!take_field(r, &f, &log, &observed_ns))
            return false;
    if (m.broken)
        return false;
    if (log.time_ns == 0)
        log.time_ns = observed_ns;
    if (*r->scope)
        (void)value_set_str(r->arena, log.record, "scope", r->scope);
    if (r->resource)
        (void)value_set(r->arena, log.record, "resource", r->resource);
    if (r->out->n == r->cap) {
        size_t more = r->cap ? r->cap * 2 : 64;
        r->out->items = arena_grow(r->arena, r->out->items, r->cap * sizeof log, more * sizeof log);
        r->cap = more;
    }
    r->out->items[r->out->n++] = log;
    return true;
}

/* Field 1 may stand behind what it describes: two walks. */
static bool read_scope(struct reader *r, struct proto m)
{
    struct proto again = m;
    struct proto_field f, g;
    r->scope = "";
    while (proto_next(&m, &f))
        while (f.number == 1 && f.type == PROTO_BYTES && proto_next(&f.bytes, &g))
            if (g.number == 1 && (g.type != PROTO_BYTES || !proto_text(r->arena, &g, &r->scope)))
                return false;
    while (proto_next(&again, &f))
        if (f.number == 2 && (f.type != PROTO_BYTES || !read_record(r, f.bytes)))
            return false;
    return !m.broken && !again.broken;
}

static bool read_resource(struct reader *r, struct proto m)
{
    struct proto again = m;
    struct proto_field f, g;
    r->resource = NULL;
    r->resource_bytes = 0;
    while (proto_next(&m, &f))
        while (f.number == 1 && f.type == PROTO_BYTES && proto_next(&f.bytes, &g)) {
            if (g.number != 1)
                continue;
            if (!r->resource)
                r->resource = value_new_object(r->arena);
            if (g.type != PROTO_BYTES || !otlp_pair(r->arena, g.bytes, r->resource))
                return false;
            r->resource_bytes += proto_left(&g.bytes);
        }
    r->ns = value_str(value_get(r->resource, "k8s.namespace.name"), "");
    while (proto_next(&again, &f))
        if (f.number == 2 && (f.type != PROTO_BYTES || !read_scope(r, f.bytes)))
            return false;
    return !m.broken && !again.broken;
}

int otlp_logs_read(struct arena *a, const void *bytes, size_t n, struct otlp_logs *out,
                   struct err *e)
{
    struct otlp_logs logs = {0};
    struct reader r = {.arena = a, .out = &logs, .scope = "", .ns = ""};
    struct proto m = proto_of(bytes, n);
    bool good = true;
    for (struct proto_field f; good && proto_next(&m, &f);)
        good = f.number != 1 || (f.type == PROTO_BYTES && read_resource(&r, f.bytes));
    if (r.large)
        return err_set(
            e, ERR_TOO_LARGE,
            "a request has at most %d records, and repeats at most %d bytes of resources",
            RECORDS_MAX, SHARED_MAX);
    if (!good || m.broken)
        return err_set(e, ERR_INVALID, "the body is no ExportLogsServiceRequest");
    *out = logs;
    return 0;
}

int otlp_logs_read_json(struct arena *a, const void *bytes, size_t n, struct otlp_logs *out,
                        struct err *e)
{
    struct value *v;
    AUTO_BUF struct buf wire;
    buf_init(&wire, WIRE_MAX);
    int r = json_parse(a, bytes, n, JSON_SHALLOW, &v, e);
    if (r == 0)
        r = proto_json_pack(v, &request_message, &wire, e);
    if (r == 0)
        r = buf_check(&wire, e);
    if (r < 0)
        return r;
    const char *kept = arena_dup(a, buf_text(&wire), wire.len + 1);
    return otlp_logs_read(a, kept, wire.len, out, e);
}
