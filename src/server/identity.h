/* identity.h - the keys and certificates that one data folder owns.
 *
 * Model      DIR/pki holds an authority, the server's certificate, the keys that sign
 *            ServiceAccount tokens and images, and the administrator's token. What is missing is
 *            made, what is there is kept.
 * Guarantees Private files have mode 0600 in a folder of mode 0700, and are written whole.
 * Lifetime   Everything lives in the arena given.                                         */
#pragma once
#include "base/arena.h"
#include "crypto/key.h"

struct identity_files {
    const char *ca_pem;
    const char *server_cert_pem, *server_key_pem;
    const char *service_account_key_pem;
    const char *admin_token;
    const char *signing_key_pem, *signing_public_pem; /* of images */
};

/* `addresses`: what the server's certificate must answer to, besides the usual names;
 * NULL-terminated. A certificate that lacks one is issued again. */
int identity_open(const char *data_dir, const char *const *addresses, struct arena *a,
                  struct identity_files *out, struct err *e) MUST_CHECK;

/* Writes DIR/admin.kubeconfig for the server at `url`. */
int identity_write_kubeconfig(const char *data_dir, const char *url,
                              const struct identity_files *id, struct err *e) MUST_CHECK;
