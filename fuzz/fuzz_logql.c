#include "fuzz.h"
#include "logs/logql_int.h"

/* Properties: a log query that parses chooses the same lines when it is run twice, and an error has
 * a sentence. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    static const char line[] = "level=error {\"a\":{\"b\":1}} took=10ms GET /x 500";
    struct logql_log log;
    struct row first, again;
    struct err e = {0};
    if (size > 4096 || memchr(data, 0, size))
        return 0;
    if (logql_parse(arena_strndup(a, (const char *)data, size), a, &log, &e) < 0) {
        MUST(e.code != 0 && e.msg[0]);
        return 0;
    }
    struct value *labels = value_new_object(a);
    (void)value_set_str(a, labels, "app", "web");
    struct logdb_entry x = {.labels = labels, .time_ns = 1, .text = line, .n = sizeof line - 1};
    logql__row_begin(&first, &x, a);
    logql__row_begin(&again, &x, a);
    bool wanted = logql__stages_run(log.stages, log.n_stages, &first);
    MUST(logql__stages_run(log.stages, log.n_stages, &again) == wanted);
    MUST(!wanted || (first.n == again.n && memcmp(first.text, again.text, first.n) == 0));
    MUST(!wanted || first.n_labels == again.n_labels);
    return 0;
}
