/* Property: the fields that a message is read as, written, read as the same fields. */
#include "fuzz.h"

#include "codec/proto.h"

static void write_field(struct buf *b, const struct proto_field *f)
{
    unsigned char four[4];
    switch (f->type) {
    case PROTO_VARINT:
        proto_put_varint(b, f->number, f->v);
        break;
    case PROTO_FIXED64:
        proto_put_fixed64(b, f->number, f->v);
        break;
    case PROTO_BYTES: {
        size_t at = proto_begin(b, f->number);
        buf_add(b, f->bytes.p, proto_left(&f->bytes));
        proto_end(b, at);
        break;
    }
    case PROTO_FIXED32: /* nothing writes these: by hand */
        for (size_t i = 0; i < sizeof four; i++)
            four[i] = (unsigned char)(f->v >> (8 * i));
        proto_add_varint(b, (uint64_t)f->number << 3 | PROTO_FIXED32);
        buf_add(b, four, sizeof four);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b;
    struct proto first = proto_of(data, size);
    struct proto_field f, g;
    buf_init(&b, 1 << 24);
    while (proto_next(&first, &f))
        write_field(&b, &f);
    first = proto_of(data, size);
    struct proto again = proto_of(b.data, b.len);
    while (proto_next(&first, &f)) {
        MUST(proto_next(&again, &g) && f.number == g.number && f.type == g.type && f.v == g.v);
        size_t n = proto_left(&f.bytes);
        MUST(n == proto_left(&g.bytes) && (n == 0 || memcmp(f.bytes.p, g.bytes.p, n) == 0));
        size_t values = 0;
        for (uint64_t v; proto_each(&f, PROTO_VARINT, &v); values++)
            MUST(values <= size);
    }
    MUST(!proto_next(&again, &g) && !again.broken);
    return 0;
}
