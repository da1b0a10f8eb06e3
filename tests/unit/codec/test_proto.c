#include "codec/proto.h"

#include "t.h"

#define BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__})

/* What a message reads as: "1=5 2:'ab' 3=…"; "!" at the end when it is broken. */
static const char *read_all(struct proto m, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (struct proto_field f; proto_next(&m, &f);)
        n += f.type == PROTO_BYTES
                 ? (size_t)snprintf(out + n, room - n, "%u:'%.*s' ", f.number,
                                    (int)proto_left(&f.bytes), (const char *)f.bytes.p)
                 : (size_t)snprintf(out + n, room - n, "%u=%llu ", f.number,
                                    (unsigned long long)f.v);
    if (m.broken)
        (void)snprintf(out + n, room - n, "!");
    return out;
}

static void reads(void)
{
    const struct {
        const char *name;
        const unsigned char *bytes;
        size_t n;
        const char *want;
    } cases[] = {
        {"nothing",   NULL,              0,                         ""                                               },
        {"varint",    BYTES(0x08,        0x96,                      0x01),                                             "1=150 "},
        {"text",           BYTES(0x12,                       2,                            'a',                                                      'b'), "2:'ab' "},
        {"fixed",       BYTES(0x1d,               1,                                        0,                              0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 1),
         "3=1 4=72057594037927938 "},
        {"largest",          BYTES(0x08,            255,255,                255, 255, 255, 255, 255, 255, 255, 1),
         "1=18446744073709551615 "},
        {"varint without end",          BYTES(0x08,                          0x96),                                                  "!"                                                                                                 },
        {"varint too long",          BYTES(0x08,                          128,                                                 128,                                                                                   128, 128, 128, 128, 128, 128, 128, 128, 0), "!"},
        {"text past the end",   BYTES(0x08, 1,            0x12,                                                              3, 'a', 'b'), "1=1 !"},
        {"fixed past the end",        BYTES(0x1d,                      1,                                            0,                                                                                          0), "!"},
        {"group",        BYTES(0x0b,                       0x0c),                                 "!"                                                                                 },
        {"field 0",BYTES(0x00,1),"!"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[256];
        T_EQ_STR(read_all(proto_of(cases[i].bytes, cases[i].n), got, sizeof got), cases[i].want,
                 cases[i].name);
    }
}

static void repeats(void)
{
    const struct {
        const char *name;
        const unsigned char *bytes;
        size_t n;
        enum proto_type type;
        const char *want;
    } cases[] = {
        {"packed",      BYTES(0x0a, 3,                          1,    0x96,                  0x01), PROTO_VARINT, "1 150 "},
        {"one by one", BYTES(0x08,   1,                             0x08,                      2),                                 PROTO_VARINT, "1 2 "},
        {"empty",         BYTES(0x0a,                 0),   PROTO_VARINT,""},
        {"packed fixed",BYTES(0x0a,8,1,                      0,                                                                           0, 0, 2, 0, 0, 0), PROTO_FIXED32, "1 2 "},
        {"torn",         BYTES(0x0a,                                6,                                                           1,                                         0,0, 0, 2, 0), PROTO_FIXED32, "1 !"},
        {"another type",            BYTES(0x08,                     1),                                              PROTO_FIXED64,                                                "!"                                                       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct proto m = proto_of(cases[i].bytes, cases[i].n);
        char got[256] = "";
        size_t n = 0;
        for (struct proto_field f; proto_next(&m, &f);) {
            for (uint64_t v; proto_each(&f, cases[i].type, &v);)
                n += (size_t)snprintf(got + n, sizeof got - n, "%llu ", (unsigned long long)v);
            if (f.bytes.broken)
                n += (size_t)snprintf(got + n, sizeof got - n, "!");
        }
        T_EQ_STR(got, cases[i].want, cases[i].name);
    }
}

static void texts(void)
{
    const struct {
        const char *name;
        const unsigned char *bytes;
        size_t n;
        const char *want;
    } cases[] = {
        {"plain",     BYTES(0x0a, 2,           'a',                   'b'), "ab"},
        {"empty",       BYTES(0x0a,                 0),                      ""                          },
        {"two bytes",         BYTES(0x0a,                   2,0xc3,0xa9), "\u00e9"},
        {"torn",       BYTES(0x0a,            2,                 'a',                                                               0xc3), NULL},
        {"NUL",BYTES(0x0a,2,'a',0), NULL},
        {"no bytes",           BYTES(0x08,                 0),                        NULL                                                   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct proto m = proto_of(cases[i].bytes, cases[i].n);
        struct proto_field f;
        const char *got = NULL;
        T_OK(proto_next(&m, &f), cases[i].name);
        T_OK(proto_text(a, &f, &got) == (cases[i].want != NULL), cases[i].name);
        T_EQ_STR(got, cases[i].want, cases[i].name);
    }
}

static void writes(void)
{
    AUTO_BUF struct buf b;
    char got[512];
    struct proto_field f;
    buf_init(&b, 1 << 16);
    proto_put_varint(&b, 1, 300);
    proto_put_text(&b, 2, "ab");
    size_t outer = proto_begin(&b, 3), inner = proto_begin(&b, 1);
    for (int i = 0; i < 200; i++)
        proto_add_varint(&b, 1);
    proto_end(&b, inner);
    proto_end(&b, outer);
    proto_put_double(&b, 4, 1.5);
    proto_put_zigzag(&b, 5, -3);
    struct proto m = proto_of(b.data, b.len);
    T_OK(proto_next(&m, &f) && f.v == 300, "varint");
    T_OK(proto_next(&m, &f) && proto_left(&f.bytes) == 2, "text");
    T_OK(proto_next(&m, &f) && proto_left(&f.bytes) == 203, "message");
    struct proto_field g;
    T_OK(proto_next(&f.bytes, &g) && proto_left(&g.bytes) == 200, "message within");
    T_OK(proto_next(&m, &f) && proto_double(f.v) == 1.5, "double");
    T_OK(proto_next(&m, &f) && proto_zigzag(f.v) == -3, "zigzag");
    T_EQ_STR(read_all(m, got, sizeof got), "", "nothing more");
}

static void overflows(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 10);
    size_t at = proto_begin(&b, 1);
    proto_put_text(&b, 2, "longer than ten bytes");
    proto_end(&b, at);
    T_OK(buf_check(&b, NULL) == ERR_TOO_LARGE, "past the maximum");
}

T_MAIN(reads, repeats, texts, writes, overflows)
