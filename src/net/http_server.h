/* http_server.h - HTTP/1.1 listeners, plain or TLS, with blocking handlers.
 *
 * Model      A listener serves one address, plain or TLS. Each connection has a thread, so a
 *            handler may block (wait for a commit, stream a watch). The body is read by the
 *            handler, so that an upload of any size goes straight where it belongs.
 * Guarantees Header and body sizes are limited; a slow client costs one thread.
 * Threads    Handlers run side by side on connection threads.
 * Lifetime   A request and everything reachable from it live until its handler returns.    */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/err.h"

struct http_server;

struct http_request {
    const char *method; /* "GET" */
    const char *path;   /* percent-decoded, without the query; raw_path is as sent */
    const char *raw_path;
    const char *query;      /* raw, without '?'; "" when absent */
    const char *remote;     /* "127.0.0.1:5123" */
    const char *client_cn;  /* of a verified TLS client certificate, or NULL */
    const char *client_o;   /* its organisations, comma separated, or NULL */
    struct arena *arena;    /* dies with the request */
    int64_t content_length; /* -1: chunked or none */
    void *impl;
};

/* NULL when absent; names compare without case. */
const char *http_header(const struct http_request *q, const char *name);
/* The same where a header may be repeated; `i` counts from 0. */
const char *http_header_nth(const struct http_request *q, const char *name, size_t i);
/* Walks all headers as sent; false at the end. */
bool http_header_next(const struct http_request *q, size_t *cursor, const char **name,
                      const char **value);
/* The first decoded value of a query parameter, NULL when absent. */
const char *http_query(const struct http_request *q, const char *name);
/* Walks all query parameters in order; false at the end. */
bool http_query_next(const struct http_request *q, size_t *cursor, const char **name,
                     const char **value);

/* Reads some of the body: > 0 bytes, 0 at the end, < 0 an error code. Chunked, and
 * Content-Encoding gzip when `http_accept_gzip` was called, are undone. */
long http_read(struct http_request *q, void *into, size_t room, struct err *e);
/* Reads the whole body into the arena; ERR_TOO_LARGE past max. NUL-terminated. */
int http_read_all(struct http_request *q, size_t max, char **out, size_t *out_len,
                  struct err *e) MUST_CHECK;
void http_accept_gzip(struct http_request *q);

/* ---- answering: headers first, then exactly one of send, send_file, stream, upgrade ---- */
void http_set_header(struct http_request *q, const char *name, const char *value);
void http_send(struct http_request *q, int status, const char *content_type, const void *body,
               size_t n); /* copies nothing: body must live until the handler returns */
/* The same, of at most 7 pieces in a row. */
void http_send_parts(struct http_request *q, int status, const char *content_type,
                     const struct iovec *parts, int n);
/* An answer of `total` bytes that is made while it is sent: begin, then pieces that add up to it.
 * Nothing is kept: a list of any size costs one record of memory. */
void http_send_begin(struct http_request *q, int status, const char *content_type, size_t total);
int http_send_piece(struct http_request *q, const void *bytes, size_t n, struct err *e) MUST_CHECK;
void http_send_text(struct http_request *q, int status, const char *text);
/* Sends `count` bytes of fd from `offset`; takes the fd. HEAD is handled. */
void http_send_file(struct http_request *q, int status, const char *content_type, int fd,
                    int64_t offset, int64_t count);

/* Starts a chunked answer; write any number of times, then return from the handler. write
 * and flush fail once the client has gone. */
int http_stream_begin(struct http_request *q, int status, const char *content_type,
                      struct err *e) MUST_CHECK;
int http_stream_write(struct http_request *q, const void *bytes, size_t n,
                      struct err *e) MUST_CHECK;
/* A write that does not wait for the client: 1 when it did not take all of it at once. What is left
 * is kept, and sent with http_stream_rest(), which waits, before anything else. */
int http_stream_try(struct http_request *q, const void *bytes, size_t n, struct err *e) MUST_CHECK;
int http_stream_rest(struct http_request *q, struct err *e) MUST_CHECK;
/* A write that is sent only by the next http_stream_go(), which sends as http_stream_try() does. */
int http_stream_hold(struct http_request *q, const void *bytes, size_t n, struct err *e) MUST_CHECK;
int http_stream_go(struct http_request *q, struct err *e) MUST_CHECK;
/* Ends the connection instead of the stream, so that the client sees that something is missing. */
void http_stream_abort(struct http_request *q);
bool http_client_gone(struct http_request *q);

/* Answers 101 and hands a bidirectional stream socket (TLS undone) to the handler, which may
 * read, write and shut it down until it returns; the server closes it. `headers` are name, value
 * pairs ended by NULL; Connection: Upgrade is added. */
int http_upgrade(struct http_request *q, const char *const *headers, int *out_fd,
                 struct err *e) MUST_CHECK;

typedef void (*http_handler)(struct http_request *q, void *arg);

struct http_listen {
    const char *address; /* "127.0.0.1:6443", "0.0.0.0:80", "[::1]:0"; port 0: any free one */
    const char *cert_pem, *key_pem; /* NULL: plain HTTP */
    const char *client_ca_pem;      /* NULL: no client certificates asked for */
    size_t max_connections;         /* 0: 1024 */
};

/* Serves every request to `handler`. ERR_EXISTS when the port is in use. */
int http_server_start(const struct http_listen *l, http_handler handler, void *arg,
                      struct http_server **out, struct err *e) MUST_CHECK;
unsigned http_server_port(const struct http_server *s);
void http_server_free(struct http_server *s); /* stops listening, ends connections */
AUTO_DEFINE(http_server)
