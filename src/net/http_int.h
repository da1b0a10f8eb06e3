/* http_int.h - the server's insides: a connection, and the one request it is answering. */
#pragma once
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <sys/uio.h>
#include <zlib.h>

#include "base/buf.h"
#include "net/http_server.h"

enum {
    HTTP_HEAD_MAX = 128 * 1024,   /* request line and headers */
    HTTP_IN_FIRST = 8 * 1024,     /* first size of the buffer they are read into */
    HTTP_RECORD = 16 * 1024,      /* TLS's largest record */
    HTTP_RAW = HTTP_RECORD + 512, /* and its frame */
    HTTP_WIRE = 16 * HTTP_RAW,    /* of records that are sent together */
    HTTP_IDLE_S = 180,            /* a silent connection is closed */
    HTTP_SEND_S = 60,             /* a client that reads nothing is given up */
    HTTP_DRAIN_MAX = 256 * 1024,  /* unread body skipped to keep the connection */
    HTTP_MAX_HEADERS = 200,
};

struct http_field {
    const char *name, *value;
};

enum http_body { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct http_conn {
    struct http_server *server;
    struct http_conn *next, *prev; /* the server's list */
    int fd;
    gnutls_session_t tls; /* NULL: plain */
    char remote[64];
    char *client_cn, *client_o;
    bool broken, more; /* more: what is sent now has a rest that follows at once */
    bool no_wait;      /* what the socket does not take at once is kept in `wire` */
    bool hold;         /* all of it is */

    /* ciphertext read ahead, so that a record costs one system call */
    char *raw;
    size_t raw_pos, raw_len;

    char *in; /* plaintext not yet used */
    size_t in_pos, in_len, in_cap;
    char *out;            /* HTTP_RECORD bytes: small answers are put together here */
    size_t out_len, owed; /* of an answer in pieces: not sent yet; still to come */
    char *wire;           /* HTTP_WIRE bytes: a long answer's next records, or what is kept */
    size_t wire_len, wire_cap;

    /* the request */
    struct http_field *fields;
    size_t n_fields;
    enum http_body body;
    int64_t body_left; /* of the length, or of the chunk */
    bool body_done, chunk_started, expects, keep, head, http10, answered, streaming, want_gzip;
    z_stream *gzip;
    char *gzip_in;
    struct buf headers; /* of the answer, in wire form */
};

/* ---- http_conn.c: bytes in and out, with or without TLS ---- */
long http__recv(struct http_conn *c, void *into, size_t room); /* 0: end; < 0: broken */
int http__send(struct http_conn *c, const struct iovec *parts, int n);
int http__send_rest(struct http_conn *c);        /* what was kept */
int http__try_rest(struct http_conn *c);         /* as much of it as goes without waiting */
int http__flush(struct http_conn *c, bool more); /* sends what is in `out`; more: follows at once */
bool http__fill(struct http_conn *c);            /* more plaintext in `in`; false at the end */
int http__tls_start(struct http_conn *c, struct err *e);
void http__conn_done(struct http_conn *c);
bool http__conn_gone(struct http_conn *c);

/* ---- http_request.c ---- */
/* 0: parsed; 1: connection ended between requests; < 0: answered with an error or broken. */
int http__parse(struct http_conn *c, struct http_request *q);
/* Skips what the handler left of the body; false when the connection cannot go on. */
bool http__finish(struct http_request *q);

/* ---- http_answer.c ---- */
void http__stream_end(struct http_conn *c);

/* ---- http_server.c ---- */
gnutls_certificate_credentials_t http__credentials(struct http_server *s);
gnutls_priority_t http__priority(struct http_server *s);
bool http__wants_client(struct http_server *s);
