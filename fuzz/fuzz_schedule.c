/* Whatever parses as a cron schedule: the next time is later, fits, and is the next time of every
 * moment before it. */
#include "fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "ctl/cronjob/schedule.h"

enum { TEXT_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t from_ms = 1767225630000; /* 2026-01-01T00:00:30Z */
    char text[TEXT_MAX];
    struct schedule s;
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (schedule_parse(text, &s, NULL) < 0)
        return 0;
    int64_t next = schedule_next(&s, NULL, from_ms);
    if (next == 0)
        return 0;
    MUST(next > from_ms);
    MUST(next % 60000 == 0);
    MUST(schedule_next(&s, NULL, next - 1) == next);
    MUST(schedule_next(&s, NULL, from_ms + (next - from_ms) / 2) == next);
    return 0;
}
