/* OTLP's logs: what is read, from protobuf or JSON, are documents that print and read as
 * themselves, and reading it once more gives the same. */
#include "fuzz.h"

#include "codec/json.h"
#include "logs/otlp_logs.h"

static const char *text_of(const uint8_t *data, size_t size, struct arena *a)
{
    struct otlp_logs logs;
    bool json = size && (data[0] == '{' || data[0] == ' ');
    const char *all = "";
    if ((json ? otlp_logs_read_json : otlp_logs_read)(a, data, size, &logs, NULL) < 0)
        return "refused";
    for (size_t i = 0; i < logs.n && i < 64; i++) {
        struct value *again;
        const char *text = json_text(a, logs.items[i].record, 0);
        MUST(logs.items[i].time_ns >= 0);
        MUST(json_parse(a, text, strlen(text), 0, &again, NULL) == 0);
        MUST(strcmp(text, json_text(a, again, 0)) == 0);
        all = arena_join(a, all, logs.items[i].ns, text, "\n", NULL);
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *once = text_of(data, size, a);
    MUST(strcmp(once, text_of(data, size, a)) == 0);
    return 0;
}
