/* Fluent's forward protocol: the records of a message, packed into another one, are read from it
 * with the same times and values. */
#include "fuzz.h"

#include "codec/json.h"
#include "logs/forward.h"

/* Each record as text, and once more as an entry of a packed message. */
static size_t entries_of(const uint8_t *data, size_t size, struct arena *a, struct buf *text,
                         struct buf *packed, bool *whole)
{
    struct forward_message m;
    size_t n = 0;
    bool again = true;
    *whole = forward_parse(data, size, a, &m, NULL) == 0;
    for (int r = 1; *whole && again && r != 0;) {
        struct forward_entry x;
        r = forward_next(&m, a, &x, &again, NULL);
        *whole = r >= 0;
        if (r <= 0 || x.time_ns / 1000000000 > UINT32_MAX)
            continue;
        n++;
        buf_printf(text, "%lld %s\n", (long long)x.time_ns, json_text(a, x.record, 0));
        msgpack_put_array(packed, 2);
        msgpack_put_time(packed, x.time_ns);
        msgpack_put_value(packed, x.record);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct buf b[5];
    bool whole, whole_again;
    for (size_t i = 0; i < 5; i++)
        buf_init(&b[i], SIZE_MAX / 2);
    size_t n = entries_of(data, size, a, &b[0], &b[1], &whole);
    if (n) {
        struct forward_chunk c = {"tag", "id", b[1].data, b[1].len, n, false};
        forward_put_chunk(&b[2], &c);
        MUST(entries_of((const uint8_t *)b[2].data, b[2].len, a, &b[3], &b[4], &whole_again) == n);
        MUST(whole_again && strcmp(b[0].data, b[3].data) == 0);
    }
    for (size_t i = 0; i < 5; i++)
        buf_done(&b[i]);
    return 0;
}
