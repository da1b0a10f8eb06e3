/* What is read from MessagePack and written again reads as the same; a message that comes in pieces
 * is measured as when it comes whole. */
#include "fuzz.h"

#include "codec/json.h"
#include "codec/msgpack.h"

static void same_in_pieces(const uint8_t *data, size_t size, int want, size_t want_used)
{
    struct msgpack_measure s = {0};
    size_t used = 0;
    int r = 0;
    for (size_t n = 0; r == 0 && n <= size; n++)
        r = msgpack_measure(&s, data, n, &used, NULL);
    MUST(r == want && (r <= 0 || used == want_used));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct value *v, *again;
    struct msgpack_measure s = {0};
    size_t used = 0;
    struct msgpack m = msgpack_of(data, size);
    if (size > 4096)
        return 0;
    int r = msgpack_measure(&s, data, size, &used, NULL);
    same_in_pieces(data, size, r, used);
    int read = msgpack_value(&m, a, &v, NULL);
    MUST(r > 0 || read <= 0);
    if (read <= 0)
        return 0;
    MUST((size_t)(m.at - data) == used);
    buf_init(&b, SIZE_MAX / 2);
    msgpack_put_value(&b, v);
    m = msgpack_of(b.data, b.len);
    MUST(msgpack_value(&m, a, &again, NULL) == 1 && m.at == m.end);
    MUST(strcmp(json_text(a, v, JSON_SORTED), json_text(a, again, JSON_SORTED)) == 0);
    return 0;
}
