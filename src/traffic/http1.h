/* http1.h - where messages begin in one direction of an HTTP/1 connection, and what their heads
 * say.
 *
 * Model      Bytes go in as they come, events come out: http1_read() takes bytes up to the next
 *            event. Bodies are passed over by their length, chunk by chunk, or to the end of the
 *            connection. Bytes that were not seen are told by http1_skip().
 * Guarantees Pure and of fixed size. Where the bytes are cut makes no difference. A body's bytes
 *            may be skipped instead of read; bytes that cannot be spared make it lost, until its
 *            owner recognises a head (http1_looks_like_head) and says http1_restart().
 * Not here   HTTP/2, of which only the preface is recognised.                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_method {
    HTTP1_OTHER_METHOD,
    HTTP1_CONNECT,
    HTTP1_DELETE,
    HTTP1_GET,
    HTTP1_HEAD,
    HTTP1_OPTIONS,
    HTTP1_PATCH,
    HTTP1_POST,
    HTTP1_PUT,
    HTTP1_TRACE,
    HTTP1_METHODS
};
const char *http1_method_name(enum http1_method m); /* "other" for those that are not known */

enum http1_event {
    HTTP1_NOTHING, /* all bytes are taken */
    HTTP1_BEGAN,   /* of a message, whose first byte comes next */
    HTTP1_HEADED,  /* its head is whole: see `head` */
    HTTP1_ALIEN,   /* this is not HTTP/1, or no longer: see `protocol` */
};

enum http1_protocol { HTTP1_IS_HTTP1, HTTP1_IS_HTTP2, HTTP1_IS_TLS, HTTP1_IS_OTHER };

struct http1_head {
    enum http1_method method; /* of a request */
    int status;               /* of an answer */
    char agent[24];           /* how a request's User-Agent begins */
    uint64_t length;
    bool has_length, chunked;
};

enum { HTTP1_LINE = 96 }; /* what is kept of a line; the rest is read over */

struct http1 {
    bool answers;            /* it reads a server's direction */
    enum http1_method asked; /* what the next answer is for: its owner says so, before its head */
    enum http1_protocol protocol;
    struct http1_head head;

    uint8_t state, line_len;
    bool line_cut;
    uint32_t head_bytes;
    uint64_t left; /* bytes of a body or chunk to come */
    char line[HTTP1_LINE];
};

void http1_init(struct http1 *h, bool answers);
/* Returns how many bytes were taken: all of them with HTTP1_NOTHING. */
size_t http1_read(struct http1 *h, const uint8_t *bytes, size_t n, enum http1_event *out);
/* Bytes that were not seen. HTTP1_HEADED: of a head that now ends early the first line is known. */
enum http1_event http1_skip(struct http1 *h, uint64_t n);

bool http1_is_lost(const struct http1 *h);
bool http1_is_over(const struct http1 *h); /* what follows is not HTTP/1 */
void http1_restart(struct http1 *h);       /* the next byte is the first of a message */
bool http1_looks_like_head(bool answers, const uint8_t *bytes, size_t n);
