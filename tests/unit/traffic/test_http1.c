/* Streams in a text file: what each gives, read whole, byte by byte, and with bodies skipped. */
#include "base/arena.h"
#include "table.h"
#include "traffic/http1.h"

enum { OUT_MAX = 4096 };

/* "\r", "\n", "\xHH" and "\*N:C", which is C N times. */
static size_t unescape(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (const char *s = text; *s; s++) {
        if (*s != '\\') {
            out[n++] = (uint8_t)*s;
        } else if (*++s == 'x') {
            const char hex[] = {s[1], s[2], '\0'};
            out[n++] = (uint8_t)strtoul(hex, NULL, 16);
            s += 2;
        } else if (*s == '*') {
            char *colon;
            unsigned long times = strtoul(s + 1, &colon, 10);
            memset(out + n, colon[1], times);
            n += times;
            s = colon + 1;
        } else {
            out[n++] = *s == 'r' ? '\r' : '\n';
        }
    }
    return n;
}

static void say(const struct http1 *h, enum http1_event event, size_t at, struct buf *out)
{
    static const char *const protocols[] = {"http1", "http2", "tls", "other"};
    const struct http1_head *head = &h->head;
    if (event == HTTP1_BEGAN)
        buf_printf(out, "%zu ", at);
    else if (event == HTTP1_HEADED && h->answers)
        buf_printf(out, "%d", head->status);
    else if (event == HTTP1_HEADED)
        buf_printf(out, "%s", http1_method_name(head->method));
    else if (event == HTTP1_ALIEN)
        buf_printf(out, "%s at %zu", protocols[h->protocol], at);
    if (event == HTTP1_HEADED && *head->agent)
        buf_printf(out, " by %s", head->agent);
    if (event == HTTP1_HEADED || event == HTTP1_ALIEN)
        buf_puts(out, ", ");
}

/* piece: how many bytes at a time; skips: bodies are skipped where they can be. */
static const char *events(bool answers, enum http1_method asked, const uint8_t *bytes, size_t n,
                          size_t piece, bool skips, struct arena *a)
{
    AUTO_BUF struct buf out;
    struct http1 h;
    buf_init(&out, OUT_MAX);
    http1_init(&h, answers);
    h.asked = asked;
    for (size_t at = 0; at < n;) {
        enum http1_event event = HTTP1_NOTHING;
        size_t some = n - at < piece ? n - at : piece;
        struct http1 ahead = h;
        if (skips && http1_skip(&ahead, some) == HTTP1_NOTHING && !http1_is_lost(&ahead)) {
            h = ahead;
            at += some;
        } else {
            at += http1_read(&h, bytes + at, some, &event);
        }
        say(&h, event, at, &out);
    }
    buf_putc(&out, '\0');
    size_t len = strlen(out.data);
    return arena_strndup(a, out.data, len > 1 && out.data[len - 2] == ',' ? len - 2 : len);
}

/* requests | STREAM, answers [to METHOD] | STREAM */
static const char *stream(char **cells, size_t n, struct arena *a)
{
    uint8_t *bytes = arena_alloc(a, 1 << 20);
    bool answers = strncmp(cells[0], "answers", 7) == 0;
    enum http1_method asked = strstr(cells[0], "HEAD")      ? HTTP1_HEAD
                              : strstr(cells[0], "CONNECT") ? HTTP1_CONNECT
                                                            : HTTP1_GET;
    size_t len = unescape(cells[n - 1], bytes);
    const char *whole = events(answers, asked, bytes, len, len, false, a);
    for (size_t piece = 1; piece < 8; piece++) {
        T_EQ_STR(events(answers, asked, bytes, len, piece, false, a), whole, "in pieces");
        T_EQ_STR(events(answers, asked, bytes, len, piece, true, a), whole, "with skipped bodies");
    }
    return whole;
}

static void streams(void)
{
    table_run(CASES "/traffic/http1.txt", stream);
}

static void gaps(void)
{
    struct http1 h;
    enum http1_event event;
    const uint8_t head[] = "GET / HTTP/1.1\r\nHost: ", answer[] = "HTTP/1.1 200 OK\r\n";
    http1_init(&h, false);
    size_t n = http1_read(&h, head, sizeof head - 1, &event);
    T_EQ_INT(event, HTTP1_BEGAN, "begins");
    (void)http1_read(&h, head + n, sizeof head - 1 - n, &event);
    T_EQ_INT(http1_skip(&h, 10), HTTP1_HEADED, "a head that is cut counts with what is known");
    T_EQ_INT(h.head.method, HTTP1_GET, "its method");
    T_OK(http1_is_lost(&h), "its end is not known");
    T_EQ_INT(http1_read(&h, head, sizeof head - 1, &event), sizeof head - 1, "lost");
    T_EQ_INT(event, HTTP1_NOTHING, "lost");
    T_OK(http1_looks_like_head(false, head, sizeof head - 1), "a request");
    T_OK(!http1_looks_like_head(true, head, sizeof head - 1), "no answer");
    T_OK(http1_looks_like_head(true, answer, sizeof answer - 1), "an answer");
    T_OK(!http1_looks_like_head(false, answer, sizeof answer - 1), "no request");
    T_OK(!http1_looks_like_head(false, head, 3), "three letters");
    http1_restart(&h);
    (void)http1_read(&h, head, sizeof head - 1, &event);
    T_EQ_INT(event, HTTP1_BEGAN, "found again");
}

T_MAIN(streams, gaps)
