/* remote.h - one repository of one registry, spoken to over HTTP.
 *
 * Model      Asks without credentials first; a 401 says which are wanted (a token from the realm
 *            it names, or basic), and they are kept for the requests that follow. What is worth
 *            trying again (no answer, 429, 5xx) is tried again with growing pauses.
 * Threads    One at a time.
 * Lifetime   Answers live until remote_close().                                           */
#pragma once
#include "net/http_client.h"
#include "oci/images.h"

struct remote_opts {
    const char *url;               /* "https://registry-1.docker.io": where the registry is */
    const char *host;              /* for messages */
    const char *path;              /* the repository: "library/busybox" */
    const char *actions;           /* "pull" or "pull,push" */
    const struct image_auth *auth; /* or NULL; borrowed */
    const struct http_client_opts *http;
};

struct remote {
    struct arena *arena;
    struct http_client *http;
    const char *base; /* "https://registry-1.docker.io/v2/library/busybox" */
    const char *host; /* for messages */
    const char *path;
    const char *actions;
    const struct image_auth *auth;
    const char *authorization; /* the header to send, or NULL */
};

struct remote_call {
    const char *method;
    const char *path;   /* below the repository: "/blobs/…", or a whole URL */
    const char *accept; /* or NULL */
    const char *type;   /* Content-Type of the body, or NULL */
    const void *body;
    size_t body_len;
    int body_fd; /* with has_body_fd: body_len bytes from here on */
    bool has_body_fd;
    const char *range; /* "bytes=100-", or NULL */
    int (*on_data)(void *arg, const void *bytes, size_t n);
    void *arg;
    bool once;                 /* not tried again: its data was partly used */
    const atomic_bool *cancel; /* as of http_call; or NULL */
};

int remote_open(const struct remote_opts *o, struct remote *out, struct err *e) MUST_CHECK;
/* Registries on this machine are spoken to without TLS. */
bool remote_is_loopback(const char *host);

void remote_close(struct remote *r);

/* An answer of any status is a success. */
int remote_do(struct remote *r, const struct remote_call *call, struct http_answer *out,
              struct err *e) MUST_CHECK;
/* The error a status stands for, with what the registry said. `what`: "manifest of busybox:1". */
int remote_refused(struct remote *r, const struct http_answer *answer, const char *what,
                   struct err *e);
/* Where an upload goes on: a Location, which may be relative and may have a query. */
const char *remote_upload_url(struct remote *r, const char *location, const char *digest);
/* Uploads bytes unless they are there. */
int remote_put_blob(struct remote *r, const char *digest, const void *bytes, size_t n,
                    struct err *e) MUST_CHECK;
