/* signing.h - what the verbs that sign and verify share: keys, trust, registries. */
#pragma once
#include "cli/verb.h"
#include "crypto/key.h"
#include "sign/sign.h"

/* cosign's words, as options. */
struct signing_words {
    const char *key, *identity, *identity_pattern, *issuer, *issuer_pattern, *root;
    bool ignore_log, ignore_certificate_log, private, yes, upload;
    bool plain_http, insecure;
};

#define SIGNING_KEY_OPTION(w)                                                                      \
    {                                                                                              \
        "key", 0, OPTION_TEXT, &(w).key, "KEY", "FILE, env://, k8s://NS/NAME, pkcs11:"             \
    }
/* Taken for the sake of commands that name them; nothing is ever uploaded. */
#define SIGNING_MAKE_OPTIONS(w)                                                                    \
    SIGNING_KEY_OPTION(w), {"yes", 'y', OPTION_FLAG, &(w).yes, NULL, "ask nothing"},               \
    {                                                                                              \
        "tlog-upload", 0, OPTION_FLAG, &(w).upload, NULL, "only false: no log is written to"       \
    }
#define SIGNING_TRUST_OPTIONS(w)                                                                   \
    SIGNING_KEY_OPTION(w), {"certificate-identity", 0,      OPTION_TEXT,                           \
                            &(w).identity,          "NAME", "who signed: an address, a URI"},      \
        {"certificate-identity-regexp", 0,    OPTION_TEXT,                                         \
         &(w).identity_pattern,         "RE", "the same as a regular expression"},                 \
        {"certificate-oidc-issuer",  0, OPTION_TEXT, &(w).issuer, "URL",                           \
         "who vouches for that name"},                                                             \
        {"certificate-oidc-issuer-regexp",  0, OPTION_TEXT, &(w).issuer_pattern, "RE",             \
         "the same as a regular expression"},                                                      \
        {"trusted-root", 0,      OPTION_TEXT,                                                      \
         &(w).root,      "FILE", "trusted_root.json; without: Sigstore's public instance"},        \
        {"insecure-ignore-tlog", 0,    OPTION_FLAG,                                                \
         &(w).ignore_log,        NULL, "no transparency log is asked for, nor looked at"},         \
        {"insecure-ignore-sct",       0,    OPTION_FLAG,                                           \
         &(w).ignore_certificate_log, NULL, "the certificate need not be in a log"},               \
    {                                                                                              \
        "private-infrastructure", 0, OPTION_FLAG, &(w).private, NULL,                              \
            "the same as --insecure-ignore-tlog"                                                   \
    }
#define SIGNING_REGISTRY_OPTIONS(w)                                                                \
    {"allow-http-registry", 0,    OPTION_FLAG,                                                     \
     &(w).plain_http,       NULL, "the registry is spoken to without TLS"},                        \
    {                                                                                              \
        "allow-insecure-registry", 0, OPTION_FLAG, &(w).insecure, NULL,                            \
            "any certificate of the registry will do"                                              \
    }

/* ---- keys and trust ---- */

/* A private key; the passphrase is $COSIGN_PASSWORD, or asked for. */
int signing_key(const struct signing_words *w, struct key **out, struct err *e) MUST_CHECK;

/* `key` keeps what the policy borrows. */
int signing_policy(const struct signing_words *w, struct arena *a, struct public_key **key,
                   struct bundle_policy *out, struct err *e) MUST_CHECK;

/* A passphrase: $COSIGN_PASSWORD, or asked for where there is a terminal. */
int signing_passphrase(const char *question, struct arena *a, const char **out,
                       struct err *e) MUST_CHECK;

/* Of the cluster that the kubeconfig names; the first is a slot of struct keyref_ports. */
int signing_read_secret(void *arg, const char *ns, const char *name, struct arena *a,
                        const struct value **out, struct err *e) MUST_CHECK;
int signing_create_secret(const char *ns, const struct value *secret, struct arena *a,
                          struct err *e) MUST_CHECK;

/* {"name": "value"} of "name=value"s, or NULL. */
int signing_annotations(const struct option_list *list, struct arena *a, struct value **out,
                        struct err *e) MUST_CHECK;

/* ---- images ---- */

struct reference;

/* The repository of a reference, with the login that docker has for its registry. */
int signing_remote_open(const struct reference *ref, const struct signing_words *w, bool push,
                        struct arena *a, struct image_auth *auth, struct remote *out,
                        struct err *e) MUST_CHECK;

struct signing_image {
    const char *name; /* "host/path" */
    char digest[DIGEST_MAX];
    struct remote remote;
    struct sign_remote place;
    struct image_auth auth;
    bool open;
};

/* The registry of an image, and the digest that it has there. */
int signing_image_open(const char *reference, const struct signing_words *w, bool push,
                       struct arena *a, struct signing_image *out, struct err *e) MUST_CHECK;
void signing_image_close(struct signing_image *i);
#define AUTO_SIGNING_IMAGE __attribute__((cleanup(signing_image_close)))
