/* tls.h - certificates of our own: an authority, servers and clients, as PEM text.
 *
 * Model    ECDSA P-256. An authority signs certificates for servers (names, addresses) and for
 *          clients (user and groups, as Kubernetes reads them: CN and O).                  */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct tls_pair {
    const char *cert_pem, *key_pem;
};

struct tls_request {
    const char *common_name;
    const char *const *organizations; /* NULL-terminated, or NULL */
    const char *const *names;         /* DNS names and addresses a server answers to, or NULL */
    int64_t days;                     /* 0: 3650 */
};

int tls_make_authority(const char *common_name, struct arena *a, struct tls_pair *out,
                       struct err *e) MUST_CHECK;
/* A server's when it has names, else a client's. */
int tls_issue(const struct tls_pair *authority, const struct tls_request *r, struct arena *a,
              struct tls_pair *out, struct err *e) MUST_CHECK;
/* A fresh P-256 private key (PKCS#8 PEM). */
int tls_make_key(struct arena *a, const char **out_pem, struct err *e) MUST_CHECK;
/* ERR_INVALID: one is no PEM, or they do not fit each other. */
int tls_check(const struct tls_pair *pair, struct err *e) MUST_CHECK;
