#include "crypto/der.h"

#include "t.h"

static struct octets of(const char *bytes, size_t n)
{
    return (struct octets){(const unsigned char *)bytes, n};
}

static void reads(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool ok;
        const char *name;
    } cases[] = {
        {"\x04\x01x",                 3, true,  "an item"                  },
        {"\x04\x00",                  2, true,  "an empty one"             },
        {"\x04\x02x",                 3, false, "longer than what is there"},
        {"\x04\x80x\0\0",             5, false, "of no stated length"      },
        {"\x04\x81\x01x",             4, false, "a length that is too long"},
        {"\x04\x82\x00\x80x",         5, false, "a length with a zero"     },
        {"\x04\x84\xff\xff\xff\xffx", 7, false, "a length beyond reason"   },
        {"\x1f\x01x",                 3, false, "a tag of several bytes"   },
        {"\x04",                      1, false, "a tag alone"              },
        {"",                          0, false, "nothing"                  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct octets in = of(cases[i].bytes, cases[i].n);
        struct der_item item;
        T_OK(der_next(&in, &item) == cases[i].ok, cases[i].name);
    }
}

static void writes_what_it_reads(void)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    static const char zeros[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf b AUTO_BUF;
        struct octets body;
        buf_init(&b, 1 << 20);
        der_put(&b, DER_OCTETS, zeros, sizes[i]);
        struct octets in = of(buf_text(&b), b.len);
        T_OK(der_take(&in, DER_OCTETS, &body) && body.n == sizes[i] && in.n == 0, "round trip");
    }
}

T_MAIN(reads, writes_what_it_reads)
