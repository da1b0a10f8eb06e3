#include "codec/snappy_block.h"

#include "t.h"

static void unpacks(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        const char *want; /* NULL: refused */
        int rc;
    } cases[] = {
        {"literal",
         "\x03\x08"
         "abc",                                       5, "abc",     0            },
        {"copy",
         "\x06\x08"
         "abc\x09\x03",                               7, NULL,      ERR_INVALID  }, /* too long */
        {"copied",
         "\x07\x08"
         "abc\x01\x03",                               7, "abcabca", 0            },
        {"empty",             "\x00",                 1, "",        0            },
        {"nothing",           "",                     0, NULL,      ERR_INVALID  },
        {"torn",
         "\x03\x08"
         "ab",                                        4, NULL,      ERR_INVALID  },
        {"longer than said",
         "\x02\x08"
         "abc",                                       5, NULL,      ERR_INVALID  },
        {"offset before all",
         "\x07\x08"
         "abc\x01\x09",                               7, NULL,      ERR_INVALID  },
        {"false length",
         "\x80\x08\x08"
         "abc",                                       6, NULL,      ERR_INVALID  },
        {"past the limit",    "\xff\xff\xff\x7f\x00", 5, NULL,      ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        char *got = NULL;
        size_t n = 0;
        T_EQ_INT(snappy_block_unpack(a, cases[i].bytes, cases[i].n, 1 << 16, &got, &n, NULL),
                 cases[i].rc, cases[i].name);
        T_EQ_STR(got, cases[i].want, cases[i].name);
    }
}

static void packs(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    char text[5000], *got;
    size_t n;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 7);
    buf_init(&b, 1 << 16);
    buf_puts(&b, "before");
    snappy_block_pack(text, sizeof text, &b);
    T_OK(b.len < 1000, "smaller");
    T_EQ_INT(snappy_block_unpack(a, b.data + 6, b.len - 6, 1 << 16, &got, &n, NULL), 0, "back");
    T_OK(n == sizeof text && memcmp(got, text, n) == 0, "the same");
}

T_MAIN(unpacks, packs)
