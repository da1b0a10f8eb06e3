#include "base/arena.h"
#include "net/spdy.h"
#include "t.h"

#include <string.h>

struct seen {
    struct buf text; /* one line a frame; data in a row is one */
    uint32_t data;   /* the stream whose data is being said, or 0 */
};

static const char *const kinds[] = {"stream", "reply", "reset", "ping", "goaway", "data"};

static int see(void *arg, const struct spdy_frame *f, struct err *e)
{
    struct seen *s = arg;
    (void)e;
    if (f->kind != SPDY_DATA || s->data != f->id)
        buf_printf(&s->text, "%s%s %u ", s->text.len ? "\n" : "", kinds[f->kind], f->id);
    s->data = f->kind == SPDY_DATA && !f->fin ? f->id : 0;
    buf_add(&s->text, f->bytes, f->n);
    for (size_t i = 0; i < f->n_headers; i++)
        buf_printf(&s->text, "%s=%s ", f->headers[i].name, f->headers[i].value);
    if (f->fin)
        buf_puts(&s->text, ".");
    return 0;
}

/* What is read of `b`, `step` bytes at a time. */
static int read_all(const struct buf *b, size_t step, struct seen *s, struct err *e)
{
    AUTO(spdy) struct spdy *reader = spdy_new();
    buf_init(&s->text, 1 << 20);
    for (size_t at = 0; at < b->len; at += step) {
        size_t n = b->len - at < step ? b->len - at : step;
        int rc = spdy_feed(reader, b->data + at, n, see, s, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void reads_what_it_writes(void)
{
    static const struct spdy_header headers[] = {
        {"streamtype", "data"},
        {"port",       "80"  },
        {"requestid",  "0"   },
        {"empty",      ""    },
        {NULL,         NULL  }
    };
    static const char want[] = "stream 1 streamtype=data port=80 requestid=0 empty= .\n"
                               "reply 1 \n"
                               "stream 3 streamtype=data port=80 requestid=0 empty= \n"
                               "data 3 hello, world.\n"
                               "ping 7 \n"
                               "reset 3 ";
    AUTO(spdy) struct spdy *writer = spdy_new();
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    spdy_put_headers(writer, SPDY_STREAM, 1, true, headers, &b);
    spdy_put_headers(writer, SPDY_REPLY, 1, false, headers + 4, &b);
    spdy_put_headers(writer, SPDY_STREAM, 3, false, headers, &b);
    buf_add(&b, "\x80\x03\x00\x09\x00\x00\x00\x08\0\0\0\3\0\0\1\0", 16); /* a window: skipped */
    spdy_put_data(3, false, "hello, ", 7, &b);
    spdy_put_data(3, true, "world", 5, &b);
    spdy_put_ping(7, &b);
    spdy_put_reset(3, &b);
    for (size_t step = 1; step <= b.len; step++) {
        struct seen s = {0};
        struct err e = {0};
        T_RC(read_all(&b, step, &s, &e), &e, "read");
        T_EQ_STR(buf_text(&s.text), want, "frames");
        buf_done(&s.text);
    }
}

static void refuses(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        int code;
    } cases[] = {
        {"version 2",              "\x80\x02\0\1\0\0\0\0",                           8,  ERR_INVALID  },
        {"a control frame of 1 M", "\x80\x03\0\1\0\x10\0\0",                         8,  ERR_TOO_LARGE},
        {"a stream without id",    "\x80\x03\0\1\0\0\0\2\0\0",                       10, ERR_INVALID  },
        {"headers that are noise", "\x80\x03\0\2\0\0\0\x08\0\0\0\1nope",             16, ERR_INVALID  },
        {"another dictionary",     "\x80\x03\0\2\0\0\0\x0a\0\0\0\1\x78\xbb\0\0\0\1", 18, ERR_INVALID  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = {.data = (char *)(uintptr_t)cases[i].bytes, .len = cases[i].n};
        struct seen s = {0};
        T_EQ_INT(read_all(&b, b.len, &s, NULL), cases[i].code, cases[i].name);
        buf_done(&s.text);
    }
}

/* A few bytes that inflate to a lot are not inflated to their end. */
static void bounds_headers(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(spdy) struct spdy *writer = spdy_new();
    AUTO_BUF struct buf b;
    char *much = arena_alloc(a, 12001);
    memset(much, 'x', 12000);
    const struct spdy_header one[] = {
        {"a",  much},
        {NULL, NULL}
    };
    struct spdy_header many[SPDY_HEADERS + 2] = {0};
    for (size_t i = 0; i <= SPDY_HEADERS; i++)
        many[i] = (struct spdy_header){"b", "c"};
    buf_init(&b, 1 << 20);
    spdy_put_headers(writer, SPDY_REPLY, 1, false, one, &b);
    struct seen s = {0};
    T_EQ_INT(read_all(&b, b.len, &s, NULL), 0, "much is fine");
    buf_done(&s.text);
    spdy_put_headers(writer, SPDY_REPLY, 1, false, many, &b);
    s = (struct seen){0};
    T_EQ_INT(read_all(&b, b.len, &s, NULL), ERR_TOO_LARGE, "too many");
    buf_done(&s.text);
}

T_MAIN(reads_what_it_writes, refuses, bounds_headers)
