#include "logs/intake.h"

#include "base/log.h"
#include "logs/push.h"

enum { SAY_MS = 10000 };

void intake_refuse(struct intake *in, const char *from, const struct err *why)
{
    int64_t now = clock_mono_ms(), said = atomic_load(&in->said_ms);
    uint64_t n = atomic_fetch_add(&in->refused, 1) + 1;
    if ((said && now - said < SAY_MS) || !atomic_compare_exchange_strong(&in->said_ms, &said, now))
        return;
    log_warn("logs", "%s from %s: %s (%llu refused so far)", in->source, from, why->msg,
             (unsigned long long)n);
}

int intake_add(struct intake *in, int64_t time_ns, struct value *record, const char *tag,
               struct arena *a, struct err *e)
{
    struct pushed where;
    char when[CLOCK_TEXT_MAX];
    if (!value_get(record, "@timestamp")) {
        clock_format_rfc3339_nano(time_ns, when);
        (void)value_set_str(a, record, "@timestamp", when);
    }
    struct push p = {.index = in->index,
                     .ns = in->trusted ? push_namespace(record) : "",
                     .source = in->source,
                     .document = record,
                     .time_ms = time_ns / 1000000,
                     .now_ms = in->clock->real_ms(in->clock),
                     .tag = tag};
    int r = push_document(in->db, &p, &where, e);
    if (r == ERR_INVALID || r == ERR_TOO_LARGE) {
        intake_refuse(in, tag ? tag : "a sender", e);
        return 0;
    }
    atomic_fetch_add(&in->taken, r == 0);
    return r;
}

int intake_sync(struct intake *in, struct err *e)
{
    return logdb_sync(in->db, e);
}
