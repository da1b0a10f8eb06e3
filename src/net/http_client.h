/* http_client.h - HTTP requests on libcurl, with connection reuse.
 *
 * Threads    A client may be shared; each request runs in the calling thread.
 * Lifetime   Answers live in the arena given.                                          */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct http_client;

struct http_client_opts {
    const char *ca_pem;             /* trusted roots; NULL: the system's */
    const char *cert_pem, *key_pem; /* client certificate, or NULL */
    const char *bearer;             /* Authorization, or NULL */
    const char *user, *password;    /* basic, or NULL */
    bool insecure;                  /* do not verify the server */
    int64_t timeout_ms;             /* whole request; 0: none */
    int64_t connect_timeout_ms;     /* 0: 10 s */
    int64_t stall_timeout_ms;       /* with nothing coming or going, in seconds; 0: none */
    const char *unix_socket;        /* or NULL */
    const char *connect_to;         /* "ADDRESS:PORT", whatever host the URL names; or NULL */
    bool no_proxy;                  /* whatever the environment says */
    bool public_only; /* connects to public addresses alone (public.h), redirected or not */
};

struct http_call {
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    const void *body;
    size_t body_len;
    int body_fd; /* when body is NULL and >= 0 body_fd is sent, body_len bytes */
    bool has_body_fd;
    size_t max_answer; /* 0: 64 MiB */
    int answer_fd;     /* >= 0 with to_fd: the body of a 2xx answer is written there */
    bool to_fd;
    /* With on_data the body of a 2xx answer is handed over as it comes; non-zero stops. */
    int (*on_data)(void *arg, const void *bytes, size_t n);
    void *arg;
    bool follow;               /* redirects; credentials stay with the first host */
    const atomic_bool *cancel; /* once true it ends within a second, ERR_CANCELLED; or NULL */
};

struct http_answer {
    int status;
    const char *body; /* NUL-terminated */
    size_t body_len;
    const char *const *headers; /* "name: value", names in lower case, NULL-terminated */
};

struct http_client *http_client_new(const struct http_client_opts *opts);
void http_client_free(struct http_client *c);
AUTO_DEFINE(http_client)

/* An answer of any status is a success; ERR_AGAIN when there was none. */
int http_do(struct http_client *c, const struct http_call *call, struct arena *a,
            struct http_answer *out, struct err *e) MUST_CHECK;
const char *http_answer_header(const struct http_answer *r, const char *name);
