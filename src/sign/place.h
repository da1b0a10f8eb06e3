/* place.h - the repository in which signatures lie: the port of sign.h.
 *
 * Model      Content by digest, manifests by tag or digest, and what refers to a digest. Two
 *            places are real: a repository of this machine's image store, and one of any registry.
 * Guarantees Content that is got has the digest that was asked for.
 * Lifetime   Answers live in the arena given.                                             */
#pragma once
#include "oci/images.h"
#include "oci/remote.h"

enum { SIGN_DOCUMENT_MAX = 16 << 20 };

struct sign_place;

struct sign_manifest {
    const struct value *doc;
    const char *media_type;
    char digest[DIGEST_MAX];
    size_t size;
};

struct sign_place_ops {
    /* ERR_NOT_FOUND: no such tag or digest. */
    int (*manifest)(struct sign_place *p, const char *reference, struct arena *a,
                    struct sign_manifest *out, struct err *e);
    int (*blob)(struct sign_place *p, const char *digest, struct arena *a, char **out, size_t *n,
                struct err *e);
    int (*put_blob)(struct sign_place *p, const char *digest, const char *bytes, size_t n,
                    struct err *e);
    /* tag NULL: it refers to what is its subject. */
    int (*put_manifest)(struct sign_place *p, const char *json, size_t n, const char *tag,
                        const char *digest, struct err *e);
    /* An array of descriptors. */
    int (*referrers)(struct sign_place *p, const char *digest, struct arena *a,
                     const struct value **out, struct err *e);
};

struct sign_place {
    const struct sign_place_ops *ops;
};

/* `repository`: path in the local store ("shop/app"). */
struct sign_local {
    struct sign_place place;
    struct image_store *images;
    const char *repository;
};
struct sign_local sign_local(struct image_store *images, const char *repository);

/* `remote` is open for pulling, and for pushing where something is signed. */
struct sign_remote {
    struct sign_place place;
    struct remote *remote;
};
struct sign_remote sign_remote(struct remote *remote);
