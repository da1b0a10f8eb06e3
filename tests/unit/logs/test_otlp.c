#include "logs/otlp_logs.h"

#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/proto.h"
#include "t.h"

/* The corpus holds one request in both forms. */
static const char *records(const char *file, struct arena *a)
{
    struct err e;
    struct otlp_logs logs = {0};
    char *bytes, *all = arena_strdup(a, "");
    size_t n;
    T_RC(fs_read(arena_join(a, "fuzz/corpus/otlp_logs/", file, NULL), 1 << 20, a, &bytes, &n, &e),
         &e, file);
    bool json = bytes[0] == '{';
    if ((json ? otlp_logs_read_json : otlp_logs_read)(a, bytes, n, &logs, &e) < 0)
        return arena_strdup(a, e.msg);
    for (size_t i = 0; i < logs.n; i++)
        all = arena_printf(a, "%s%s %lld %s\n", all, logs.items[i].ns,
                           (long long)(logs.items[i].time_ns / 1000000000),
                           json_text(a, logs.items[i].record, JSON_SORTED));
    return all;
}

static void reads(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *record =
        "shop 1770000000 {\"attributes\":{\"user\":%s},\"message\":\"it failed\","
        "\"resource\":{\"k8s.namespace.name\":\"shop\"},\"scope\":\"lib\",\"severity_number\":17,"
        "\"severity_text\":\"ERROR\",\"trace_id\":\"000102030405060708090a0b0c0d0e0f\"}\n";
    const char *at = strstr(record, "%s");
    const char *head = arena_strndup(a, record, (size_t)(at - record));
    T_EQ_STR(records("proto", a), arena_join(a, head, "\"7\"", at + 2, NULL), "protobuf");
    T_EQ_STR(records("json", a),
             arena_join(a, head, "7", at + 2,
                        "shop 0 {\"body\":{\"a\":true},\"resource\":{\"k8s.namespace.name\":"
                        "\"shop\"},\"scope\":\"lib\"}\n",
                        NULL),
             "JSON");
    T_EQ_STR(records("broken", a), "the body is no ExportLogsServiceRequest", "a body that is cut");
}

/* Each record of two bytes would be stored with all of its resource. */
static void repeats_little(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct otlp_logs logs;
    struct err e;
    buf_init(&b, 1 << 20);
    char *text = memset(arena_alloc(a, 200001), 'x', 200000);
    size_t all = proto_begin(&b, 1), resource = proto_begin(&b, 1), pair = proto_begin(&b, 1);
    proto_put_text(&b, 1, text);
    proto_end(&b, pair);
    proto_end(&b, resource);
    size_t scope = proto_begin(&b, 2);
    for (int i = 0; i < 2000; i++)
        proto_end(&b, proto_begin(&b, 2));
    proto_end(&b, scope);
    proto_end(&b, all);
    T_EQ_INT(otlp_logs_read(a, buf_text(&b), b.len, &logs, &e), ERR_TOO_LARGE, "too often");
}

T_MAIN(reads, repeats_little)
