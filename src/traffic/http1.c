#include "traffic/http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum state {
    AT_START, /* between messages */
    IN_FIRST_LINE,
    IN_HEADERS,
    IN_BODY,       /* `left` bytes */
    IN_CHUNK_SIZE, /* a line */
    IN_CHUNK,      /* `left` bytes, with the line end behind it */
    IN_TRAILER,
    TO_THE_END, /* of the connection */
    LOST,
    OVER, /* it is not HTTP/1 */
};

enum { HEAD_MAX = 256 * 1024, METHOD_MAX = 24, CHUNK_LINE_MAX = 4096 };
static const char ANSWER[] = "HTTP/1.";

static const char *const methods[HTTP1_METHODS] = {"other",   "CONNECT", "DELETE", "GET", "HEAD",
                                                   "OPTIONS", "PATCH",   "POST",   "PUT", "TRACE"};

const char *http1_method_name(enum http1_method m)
{
    return methods[m];
}

void http1_init(struct http1 *h, bool answers)
{
    *h = (struct http1){.answers = answers, .state = AT_START};
}

bool http1_is_lost(const struct http1 *h)
{
    return h->state == LOST;
}

bool http1_is_over(const struct http1 *h)
{
    return h->state == OVER;
}

void http1_restart(struct http1 *h)
{
    h->state = AT_START;
}

static enum http1_method method_of(const char *text, size_t n)
{
    for (enum http1_method m = HTTP1_OTHER_METHOD + 1; m < HTTP1_METHODS; m++)
        if (strlen(methods[m]) == n && memcmp(methods[m], text, n) == 0)
            return m;
    return HTTP1_OTHER_METHOD;
}

bool http1_looks_like_head(bool answers, const uint8_t *bytes, size_t n)
{
    const uint8_t *blank = memchr(bytes, ' ', n < METHOD_MAX ? n : METHOD_MAX);
    if (answers)
        return n > sizeof ANSWER && memcmp(bytes, ANSWER, sizeof ANSWER - 1) == 0;
    return blank && method_of((const char *)bytes, (size_t)(blank - bytes)) != HTTP1_OTHER_METHOD;
}

static void over(struct http1 *h, enum http1_protocol p)
{
    h->protocol = p;
    h->state = OVER;
}

static bool may_be_in_method(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Whether the line can still be the first one of a message when `c` comes next. */
static bool fits_first_line(const struct http1 *h, uint8_t c)
{
    if (h->answers)
        return h->line_len >= sizeof ANSWER - 1 || c == (uint8_t)ANSWER[h->line_len];
    if (h->line_len > METHOD_MAX || memchr(h->line, ' ', h->line_len))
        return true;
    return may_be_in_method(c) ? h->line_len < METHOD_MAX : c == ' ' && h->line_len > 0;
}

/* Takes bytes up to the end of a line; false: it goes on behind them. */
static bool take_line(struct http1 *h, const uint8_t *bytes, size_t n, size_t *took)
{
    const uint8_t *end = memchr(bytes, '\n', n);
    size_t len = end ? (size_t)(end - bytes) : n, room = sizeof h->line - 1 - h->line_len;
    size_t kept = len < room ? len : room;
    memcpy(h->line + h->line_len, bytes, kept);
    h->line_len = (uint8_t)(h->line_len + kept);
    h->line_cut |= kept < len;
    *took = len + (end != NULL);
    h->head_bytes = (uint32_t)(h->head_bytes + *took);
    if (end && !h->line_cut && h->line_len > 0 && h->line[h->line_len - 1] == '\r')
        h->line_len--;
    h->line[h->line_len] = '\0';
    return end != NULL;
}

static void next_line(struct http1 *h)
{
    h->line_len = 0;
    h->line_cut = false;
}

/* ---- lines ---- */

static bool ends_with_version(const char *line, size_t n)
{
    return n > 9 && memcmp(line + n - 9, " HTTP/1.", 8) == 0 && line[n - 1] >= '0' &&
           line[n - 1] <= '9';
}

/* False: no HTTP/1. */
static bool request_line(struct http1 *h)
{
    const char *blank = memchr(h->line, ' ', h->line_len);
    if (!h->line_cut && strcmp(h->line, "PRI * HTTP/2.0") == 0) {
        over(h, HTTP1_IS_HTTP2);
        return false;
    }
    if (!blank || (!h->line_cut && !ends_with_version(h->line, h->line_len))) {
        over(h, HTTP1_IS_OTHER);
        return false;
    }
    h->head.method = method_of(h->line, (size_t)(blank - h->line));
    return true;
}

static bool status_line(struct http1 *h)
{
    char *end;
    long status = h->line_len >= 12 && h->line[8] == ' ' ? strtol(h->line + 9, &end, 10) : 0;
    if (status < 100 || status > 999 || end != h->line + 12 || (*end && *end != ' ')) {
        over(h, HTTP1_IS_OTHER);
        return false;
    }
    h->head.status = (int)status;
    return true;
}

/* The value when the line is of this header, else NULL. */
static const char *value_of(const char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    return line + n + 1 + strspn(line + n + 1, " \t");
}

static bool is_chunked(const char *value)
{
    size_t n = strlen(value), last = sizeof "chunked" - 1;
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    return n >= last && strncasecmp(value + n - last, "chunked", last) == 0;
}

/* False: nobody can say where such a message ends. */
static bool length_header(struct http1_head *head, const char *value)
{
    size_t digits = strspn(value, "0123456789");
    uint64_t length = strtoull(value, NULL, 10);
    if (digits == 0 || digits > 18 || value[digits + strspn(value + digits, " \t")] ||
        (head->has_length && head->length != length))
        return false;
    head->has_length = true;
    head->length = length;
    return true;
}

static bool header_line(struct http1 *h)
{
    const char *value;
    if ((value = value_of(h->line, "Content-Length")))
        return length_header(&h->head, value);
    if ((value = value_of(h->line, "Transfer-Encoding")))
        h->head.chunked = is_chunked(value);
    else if (!h->answers && (value = value_of(h->line, "User-Agent")))
        (void)snprintf(h->head.agent, sizeof h->head.agent, "%s", value);
    return true;
}

/* What comes behind a head. */
static void begin_body(struct http1 *h)
{
    const struct http1_head *head = &h->head;
    int status = head->status;
    bool interim = h->answers && status < 200, bare = status == 204 || status == 304;
    h->left = head->length;
    h->state = head->chunked                          ? IN_CHUNK_SIZE
               : head->has_length && head->length > 0 ? IN_BODY
               : head->has_length || !h->answers      ? AT_START
                                                      : TO_THE_END;
    if (h->answers && (interim || bare || h->asked == HTTP1_HEAD))
        h->state = AT_START;
    if (h->answers && (status == 101 || (h->asked == HTTP1_CONNECT && status / 100 == 2)))
        over(h, HTTP1_IS_OTHER);
}

/* False: no chunk's size. */
static bool chunk_line(struct http1 *h)
{
    char *end;
    size_t digits = strspn(h->line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 15)
        return false;
    uint64_t size = strtoull(h->line, &end, 16);
    h->left = size + 2;
    h->state = size ? IN_CHUNK : IN_TRAILER;
    return true;
}

/* A line is whole. */
static enum http1_event take_whole(struct http1 *h)
{
    bool fine = true, empty = h->line_len == 0 && !h->line_cut;
    enum http1_event event = HTTP1_NOTHING;
    switch ((enum state)h->state) {
    case IN_FIRST_LINE:
        fine = h->answers ? status_line(h) : request_line(h);
        if (fine)
            h->state = IN_HEADERS;
        break;
    case IN_HEADERS:
        fine = empty || header_line(h);
        if (empty) {
            begin_body(h);
            event = HTTP1_HEADED;
        }
        break;
    case IN_CHUNK_SIZE:
        fine = chunk_line(h);
        h->head_bytes = 0;
        break;
    case IN_TRAILER:
        if (empty)
            h->state = AT_START;
        break;
    case AT_START:
    case IN_BODY:
    case IN_CHUNK:
    case TO_THE_END:
    case LOST:
    case OVER:
        break;
    }
    next_line(h);
    if (!fine && h->state != OVER)
        over(h, HTTP1_IS_OTHER);
    return fine ? event : HTTP1_ALIEN;
}

/* ---- bytes ---- */

static enum http1_event begin(struct http1 *h, uint8_t first)
{
    h->head = (struct http1_head){0};
    h->head_bytes = 0;
    next_line(h);
    h->state = IN_FIRST_LINE;
    if (fits_first_line(h, first))
        return HTTP1_BEGAN;
    over(h, first == 0x16 ? HTTP1_IS_TLS : HTTP1_IS_OTHER);
    return HTTP1_ALIEN;
}

/* Of the first line each byte is looked at while it can still show that this is no HTTP. */
static size_t foreign_at(const struct http1 *h, const uint8_t *bytes, size_t n)
{
    if (h->line_len > METHOD_MAX)
        return n;
    struct http1 ahead = *h;
    for (size_t i = 0; i < n && ahead.line_len <= METHOD_MAX; i++) {
        if (bytes[i] == '\n')
            return h->answers ? (ahead.line_len < sizeof ANSWER - 1 ? i : n) : n;
        if (!fits_first_line(&ahead, bytes[i]))
            return i;
        ahead.line[ahead.line_len++] = (char)bytes[i];
    }
    return n;
}

static size_t read_line(struct http1 *h, const uint8_t *bytes, size_t n, enum http1_event *out)
{
    size_t took, room = (h->state == IN_CHUNK_SIZE ? CHUNK_LINE_MAX : HEAD_MAX) - h->head_bytes;
    size_t good = h->state == IN_FIRST_LINE ? foreign_at(h, bytes, n) : n;
    if (good < n) {
        over(h, HTTP1_IS_OTHER);
        *out = HTTP1_ALIEN;
        return good;
    }
    if (take_line(h, bytes, n < room ? n : room, &took)) {
        *out = take_whole(h);
    } else if (took == room) {
        over(h, HTTP1_IS_OTHER);
        *out = HTTP1_ALIEN;
    }
    return took;
}

static void pass(struct http1 *h, uint64_t n)
{
    h->left -= n;
    if (h->left == 0)
        h->state = h->state == IN_CHUNK ? IN_CHUNK_SIZE : AT_START;
    h->head_bytes = 0;
}

static size_t read_some(struct http1 *h, const uint8_t *bytes, size_t n, enum http1_event *out)
{
    size_t some;
    switch ((enum state)h->state) {
    case AT_START:
        for (some = 0; some < n && (bytes[some] == '\r' || bytes[some] == '\n');)
            some++;
        if (some < n)
            *out = begin(h, bytes[some]);
        return some;
    case IN_FIRST_LINE:
    case IN_HEADERS:
    case IN_CHUNK_SIZE:
    case IN_TRAILER:
        return read_line(h, bytes, n, out);
    case IN_BODY:
    case IN_CHUNK:
        some = h->left < n ? (size_t)h->left : n;
        pass(h, some);
        return some;
    case TO_THE_END:
    case LOST:
    case OVER:
        break;
    }
    return n;
}

size_t http1_read(struct http1 *h, const uint8_t *bytes, size_t n, enum http1_event *out)
{
    size_t at = 0;
    *out = HTTP1_NOTHING;
    while (at < n && *out == HTTP1_NOTHING)
        at += read_some(h, bytes + at, n - at, out);
    return at;
}

enum http1_event http1_skip(struct http1 *h, uint64_t n)
{
    bool spared = (h->state == IN_BODY || h->state == IN_CHUNK) && n <= h->left;
    bool in_head = h->state == IN_HEADERS;
    if (n == 0 || h->state == TO_THE_END || h->state == OVER)
        return HTTP1_NOTHING;
    if (spared)
        pass(h, n);
    else
        h->state = LOST;
    return in_head ? HTTP1_HEADED : HTTP1_NOTHING;
}
