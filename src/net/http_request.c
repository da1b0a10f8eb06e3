#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "codec/base64.h"
#include "net/http_int.h"

static struct http_conn *conn_of(const struct http_request *q)
{
    return q->impl;
}

/* ---- the head ---- */

static void refuse(struct http_conn *c, int status, const char *why)
{
    char text[256];
    int n =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %d Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n%s",
                 status, strlen(why), why);
    struct iovec v = {text, (size_t)n};
    (void)http__send(c, &v, 1);
    c->broken = true;
}

/* The end of the head in the buffer (just past the blank line), reading until it is there. */
static char *find_head_end(struct http_conn *c, bool *ended)
{
    size_t seen = 0;
    for (;;) {
        while (c->in_pos < c->in_len && seen == 0 &&
               (c->in[c->in_pos] == '\r' || c->in[c->in_pos] == '\n'))
            c->in_pos++; /* blank lines before a request are allowed */
        char *from = c->in + c->in_pos;
        size_t n = c->in_len - c->in_pos;
        char *end = n ? memmem(from + seen, n - seen, "\r\n\r\n", 4) : NULL;
        if (end)
            return end + 4;
        if (n > 0 && (*from < 'A' || *from > 'Z')) {
            /* TLS on a plain port: clients that try both are told at once. */
            refuse(c, 400, "this is not an HTTP request\n");
            return NULL;
        }
        seen = n > 3 ? n - 3 : 0;
        if (n >= HTTP_HEAD_MAX) {
            refuse(c, 431, "the request's headers are too large\n");
            return NULL;
        }
        if (!http__fill(c)) {
            *ended = n == 0;
            return NULL;
        }
    }
}

static char *decode(struct arena *a, const char *s, size_t n, bool plus)
{
    char *out = arena_alloc(a, n + 1), *o = out;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && i + 2 < n + 0 && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0) {
            *o++ = (char)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
            i += 2;
        } else {
            *o++ = plus && s[i] == '+' ? ' ' : s[i];
        }
    }
    *o = '\0';
    return out;
}

static bool parse_target(struct http_request *q, char *target)
{
    if (strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0) {
        target = strchr(strchr(target, '/') + 2, '/');
        if (!target)
            return false;
    }
    char *mark = strchr(target, '?');
    q->query = mark ? mark + 1 : "";
    if (mark)
        *mark = '\0';
    q->raw_path = target;
    q->path = strchr(target, '%') ? decode(q->arena, target, strlen(target), false) : target;
    return target[0] == '/' || strcmp(target, "*") == 0;
}

static bool parse_request_line(struct http_conn *c, struct http_request *q, char *line)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || target == line)
        return false;
    *target++ = '\0';
    *version++ = '\0';
    c->http10 = strcmp(version, "HTTP/1.0") == 0;
    if (!c->http10 && strcmp(version, "HTTP/1.1") != 0)
        return false;
    q->method = line;
    c->head = strcmp(line, "HEAD") == 0;
    return parse_target(q, target);
}

static bool parse_fields(struct http_conn *c, struct http_request *q, char *p)
{
    size_t cap = 16;
    c->fields = ARENA_ARRAY(q->arena, struct http_field, cap);
    c->n_fields = 0;
    while (*p) {
        char *end = strstr(p, "\r\n");
        char *colon = strchr(p, ':');
        if (!end || !colon || colon > end || colon == p || c->n_fields == HTTP_MAX_HEADERS)
            return false;
        *end = *colon = '\0';
        char *value = colon + 1;
        while (*value == ' ' || *value == '\t')
            value++;
        for (char *tail = end; tail > value && (tail[-1] == ' ' || tail[-1] == '\t');)
            *--tail = '\0';
        if (c->n_fields == cap) {
            c->fields = arena_grow(q->arena, c->fields, cap * sizeof *c->fields,
                                   cap * 2 * sizeof *c->fields);
            cap *= 2;
        }
        c->fields[c->n_fields++] = (struct http_field){p, value};
        p = end + 2;
    }
    return true;
}

/* What the headers say about the body and the connection. */
static bool frame(struct http_conn *c, struct http_request *q)
{
    c->body = BODY_NONE;
    q->content_length = -1;
    c->keep = !c->http10;
    for (size_t i = 0; i < c->n_fields; i++) {
        const char *name = c->fields[i].name, *value = c->fields[i].value;
        if (strcasecmp(name, "content-length") == 0) {
            char *end = NULL;
            errno = 0;
            long long n = strtoll(value, &end, 10);
            if (errno || end == value || *end || n < 0 || c->body == BODY_CHUNKED)
                return false;
            if (c->body == BODY_LENGTH && q->content_length != n)
                return false;
            c->body = BODY_LENGTH;
            q->content_length = c->body_left = n;
        } else if (strcasecmp(name, "transfer-encoding") == 0) {
            if (strcasecmp(value, "chunked") != 0 || c->body == BODY_LENGTH)
                return false; /* both framings at once are an attack */
            c->body = BODY_CHUNKED;
            c->body_left = 0;
        } else if (strcasecmp(name, "expect") == 0) {
            c->expects = strcasecmp(value, "100-continue") == 0;
        } else if (strcasecmp(name, "connection") == 0) {
            if (strcasestr(value, "close"))
                c->keep = false;
            else if (strcasestr(value, "keep-alive"))
                c->keep = true;
        }
    }
    c->body_done = c->body == BODY_NONE || (c->body == BODY_LENGTH && c->body_left == 0);
    return true;
}

int http__parse(struct http_conn *c, struct http_request *q)
{
    c->expects = c->answered = c->streaming = c->chunk_started = c->want_gzip = false;
    c->gzip = NULL;
    buf_clear(&c->headers);
    bool ended = false;
    char *end = find_head_end(c, &ended);
    if (!end)
        return ended ? 1 : -1;
    size_t n = (size_t)(end - (c->in + c->in_pos)) - 2;
    char *head = arena_strndup(q->arena, c->in + c->in_pos, n);
    c->in_pos += n + 2;
    char *fields = strstr(head, "\r\n");
    bool ok = strlen(head) == n && fields;
    if (ok) {
        *fields = '\0';
        ok = parse_request_line(c, q, head) && parse_fields(c, q, fields + 2) && frame(c, q);
    }
    if (!ok) {
        refuse(c, 400, "this is not a well-formed HTTP/1.1 request\n");
        return -1;
    }
    return 0;
}

const char *http_header_nth(const struct http_request *q, const char *name, size_t nth)
{
    struct http_conn *c = conn_of(q);
    for (size_t i = 0; i < c->n_fields; i++)
        if (strcasecmp(c->fields[i].name, name) == 0 && nth-- == 0)
            return c->fields[i].value;
    return NULL;
}

const char *http_header(const struct http_request *q, const char *name)
{
    return http_header_nth(q, name, 0);
}

bool http_header_next(const struct http_request *q, size_t *cursor, const char **name,
                      const char **value)
{
    struct http_conn *c = conn_of(q);
    if (*cursor >= c->n_fields)
        return false;
    *name = c->fields[*cursor].name;
    *value = c->fields[(*cursor)++].value;
    return true;
}

bool http_query_next(const struct http_request *q, size_t *cursor, const char **name,
                     const char **value)
{
    for (;;) {
        const char *p = q->query + *cursor;
        if (!*p)
            return false;
        size_t n = strcspn(p, "&");
        *cursor += n + (p[n] == '&');
        if (n == 0)
            continue;
        const char *eq = memchr(p, '=', n);
        size_t name_n = eq ? (size_t)(eq - p) : n;
        *name = decode(q->arena, p, name_n, true);
        *value = eq ? decode(q->arena, eq + 1, n - name_n - 1, true) : "";
        return true;
    }
}

const char *http_query(const struct http_request *q, const char *name)
{
    size_t cursor = 0;
    const char *n, *v;
    if (!*q->query)
        return NULL;
    while (http_query_next(q, &cursor, &n, &v))
        if (strcmp(n, name) == 0)
            return v;
    return NULL;
}

/* ---- the body ---- */

static void say_continue(struct http_conn *c)
{
    if (!c->expects)
        return;
    c->expects = false;
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec v = {(void *)(uintptr_t)text, sizeof text - 1};
    (void)http__send(c, &v, 1);
}

/* Bytes of the body as they came, at most `room`, from what was read ahead or the socket. */
static long take_bytes(struct http_conn *c, void *into, size_t room)
{
    if (c->in_pos < c->in_len) {
        size_t n = c->in_len - c->in_pos < room ? c->in_len - c->in_pos : room;
        memcpy(into, c->in + c->in_pos, n);
        c->in_pos += n;
        return (long)n;
    }
    return http__recv(c, into, room);
}

/* One line of chunk framing without its end, or NULL. */
static char *chunk_line(struct http_conn *c)
{
    for (;;) {
        char *from = c->in + c->in_pos;
        char *nl = c->in_len > c->in_pos ? memchr(from, '\n', c->in_len - c->in_pos) : NULL;
        if (nl) {
            c->in_pos += (size_t)(nl - from) + 1;
            if (nl > from && nl[-1] == '\r')
                nl--;
            *nl = '\0';
            return from;
        }
        if (c->in_len - c->in_pos > 8192 || !http__fill(c))
            return NULL;
    }
}

static int next_chunk(struct http_conn *c, struct err *e)
{
    char *line = chunk_line(c);
    if (line && c->chunk_started && !*line) /* the end of the chunk before */
        line = chunk_line(c);
    char *end = NULL;
    errno = 0;
    unsigned long long n = line ? strtoull(line, &end, 16) : 0;
    if (!line || end == line || errno || n > INT64_MAX || !isxdigit((unsigned char)*line))
        return err_set(e, ERR_INVALID, "the request's body has broken chunks");
    c->chunk_started = true;
    c->body_left = (int64_t)n;
    if (n > 0)
        return 0;
    while ((line = chunk_line(c)) && *line)
        ; /* trailers */
    c->body_done = true;
    return line ? 0 : err_set(e, ERR_INVALID, "the request's body has broken chunks");
}

static long read_raw(struct http_conn *c, void *into, size_t room, struct err *e)
{
    if (c->body_done || room == 0)
        return 0;
    say_continue(c);
    if (c->body == BODY_CHUNKED && c->body_left == 0) {
        int rc = next_chunk(c, e);
        if (rc < 0) {
            c->broken = true;
            return rc;
        }
        if (c->body_done)
            return 0;
    }
    long n = take_bytes(c, into, (int64_t)room < c->body_left ? room : (size_t)c->body_left);
    if (n <= 0) {
        c->broken = true;
        return err_set(e, ERR_CANCELLED, "the client went away in the middle of the body");
    }
    c->body_left -= n;
    if (c->body_left == 0 && c->body == BODY_LENGTH)
        c->body_done = true;
    return n;
}

static void end_gzip(void *arg)
{
    (void)inflateEnd(arg);
}

enum { GZIP_IN = 16 * 1024 };

static long read_gzip(struct http_request *q, void *into, size_t room, struct err *e)
{
    struct http_conn *c = conn_of(q);
    z_stream *z = c->gzip;
    if (!z) {
        z = c->gzip = ARENA_NEW(q->arena, z_stream);
        if (inflateInit2(z, 15 + 32) != Z_OK)
            log_die("out of memory");
        arena_defer(q->arena, end_gzip, z);
        c->gzip_in = arena_alloc(q->arena, GZIP_IN);
    }
    z->next_out = into;
    z->avail_out = (unsigned)(room > UINT32_MAX ? UINT32_MAX : room);
    size_t asked = z->avail_out;
    while (z->avail_out == asked) {
        if (z->avail_in == 0) {
            long n = read_raw(c, c->gzip_in, GZIP_IN, e);
            if (n < 0)
                return n;
            if (n == 0)
                return 0;
            z->next_in = (unsigned char *)c->gzip_in;
            z->avail_in = (unsigned)n;
        }
        int rc = inflate(z, Z_NO_FLUSH);
        if (rc == Z_STREAM_END) {
            if (z->avail_out < asked)
                break;
            return 0;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return err_set(e, ERR_INVALID, "the request's body is not valid gzip");
    }
    return (long)(asked - z->avail_out);
}

void http_accept_gzip(struct http_request *q)
{
    const char *encoding = http_header(q, "Content-Encoding");
    conn_of(q)->want_gzip =
        encoding && (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0);
}

long http_read(struct http_request *q, void *into, size_t room, struct err *e)
{
    struct http_conn *c = conn_of(q);
    return c->want_gzip ? read_gzip(q, into, room, e) : read_raw(c, into, room, e);
}

int http_read_all(struct http_request *q, size_t max, char **out, size_t *out_len, struct err *e)
{
    if (q->content_length > 0 && (uint64_t)q->content_length > max)
        return err_set(e, ERR_TOO_LARGE, "the request's body is larger than %zu bytes", max);
    size_t cap = q->content_length > 0 && !conn_of(q)->want_gzip ? (size_t)q->content_length : 4096;
    char *data = arena_alloc(q->arena, cap + 1);
    size_t len = 0;
    for (;;) {
        if (len == cap) {
            if (conn_of(q)->body_done && !conn_of(q)->want_gzip)
                break;
            data = arena_grow(q->arena, data, cap + 1, cap * 2 + 1);
            cap *= 2;
        }
        long n = http_read(q, data + len, cap - len, e);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max)
            return err_set(e, ERR_TOO_LARGE, "the request's body is larger than %zu bytes", max);
    }
    data[len] = '\0';
    *out = data;
    *out_len = len;
    return 0;
}

bool http__finish(struct http_request *q)
{
    struct http_conn *c = conn_of(q);
    if (c->broken || c->body_done)
        return !c->broken;
    if (c->expects)
        return false; /* it may send the body or not: unknowable */
    char *skip = arena_alloc(q->arena, 16 * 1024);
    for (size_t total = 0; total < HTTP_DRAIN_MAX;) {
        long n = read_raw(c, skip, 16 * 1024, NULL);
        if (n <= 0)
            return n == 0 && c->body_done;
        total += (size_t)n;
    }
    return false;
}
