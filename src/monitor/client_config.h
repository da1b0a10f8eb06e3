/* client_config.h - how an HTTP server is asked, as Prometheus's configuration says: basic_auth,
 * authorization, tls_config, http_headers.
 *
 * Guarantees Files of secrets are read again each time, so that they may be renewed. What is not
 *            done here is refused by name.                                                 */
#pragma once
#include "codec/value.h"
#include "net/http_client.h"

enum { CLIENT_HEADERS_MAX = 32 };

/* All texts but `headers` are NULL when they are not given; a text or its file. */
struct client_config {
    const char *user, *user_file, *password, *password_file;
    const char *type, *credentials, *credentials_file; /* of Authorization */
    const char *ca, *ca_file, *cert, *cert_file, *key, *key_file;
    const char *headers[CLIENT_HEADERS_MAX]; /* "Name: value" */
    size_t n_headers;
    bool insecure, follow, proxy;
};

/* The fields of an object that has more of them. `folder`: what names of files are relative to.
 * Texts are copied to the arena. ERR_UNSUPPORTED names field and line. */
int client_config_read(const struct value *v, const char *folder, struct arena *a,
                       struct client_config *out, struct err *e) MUST_CHECK;

/* What the client is made with; *headers gets those that are to be sent beside `own` (at most
 * eight), NULL-terminated. ERR_SYSTEM names the file that cannot be read. */
int client_config_open(const struct client_config *c, const char *const *own, struct arena *a,
                       struct http_client_opts *out, const char *const **headers,
                       struct err *e) MUST_CHECK;
