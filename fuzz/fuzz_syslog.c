/* Syslog: a message is read the same whether it comes with its length in front or with a line end
 * behind, and its record is a document that prints and reads as itself. */
#include "fuzz.h"

#include "codec/json.h"
#include "logs/syslog.h"

static const int64_t now_ns = 1770000000000000000;

static const char *record_of(const char *bytes, size_t n, struct arena *a)
{
    struct syslog_message m;
    syslog_parse(bytes, n, now_ns, a, &m);
    MUST(m.pri <= 191 && m.time_ns >= 0);
    return json_text(a, m.record, JSON_SORTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *again;
    size_t from, len, used;
    const char *text = (const char *)data;
    for (size_t at = 0; syslog_frame(text + at, size - at, &from, &len, &used, NULL) > 0;
         at += used)
        MUST(used > 0 && used <= size - at && from + len <= used);
    if (size == 0 || size > 4096)
        return 0;
    const char *want = record_of(text, size, a);
    MUST(json_parse(a, want, strlen(want), 0, &again, NULL) == 0);
    const char *printed = json_text(a, again, JSON_SORTED); /* what was no UTF-8 is, from now on */
    MUST(json_parse(a, printed, strlen(printed), 0, &again, NULL) == 0);
    MUST(strcmp(printed, json_text(a, again, JSON_SORTED)) == 0);
    char *framed = arena_printf(a, "%zu ", size);
    size_t head = strlen(framed);
    char *whole = arena_alloc(a, head + size + 1);
    memcpy(whole, framed, head);
    memcpy(whole + head, data, size);
    MUST(syslog_frame(whole, head + size, &from, &len, &used, NULL) == 1);
    MUST(from == head && len == size && used == head + size);
    MUST(strcmp(want, record_of(whole + from, len, a)) == 0);
    return 0;
}
