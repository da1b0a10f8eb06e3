/* Any bytes are a dashboard or are refused with a sentence; faults lie within the file's lines, and
 * what is served reads back as it was. */
#include "fuzz.h"

#include "codec/json.h"
#include "dashboard/dashboard.h"

enum { TEXT_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct dashboard d;
    struct dashboard_faults f;
    struct err e = {0};
    uint32_t lines = 1;
    struct value *again;
    if (size > TEXT_MAX)
        return 0;
    if (dashboard_read(a, (const char *)data, size, &d, &e) < 0) {
        MUST(e.msg[0]);
        return 0;
    }
    dashboard_check(a, &d, 0, &f);
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    MUST(f.n <= f.total);
    for (size_t i = 0; i < f.n; i++) {
        MUST(f.items[i].line > 0 && f.items[i].line <= lines);
        MUST(f.items[i].text[0] && f.items[i].where[0]);
    }
    struct value *v = dashboard_value(a, &d, &f);
    const char *text = json_text(a, v, 0);
    MUST(json_parse(a, text, strlen(text), 0, &again, &e) == 0);
    MUST(value_equal(v, again));
    return 0;
}
