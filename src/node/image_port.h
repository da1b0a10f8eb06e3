/* image_port.h - what the node needs of an image store; oci/ supplies it, server/ hands it over.
 *
 * Model      ensure() turns a reference into a configuration and a list of unpacked layer
 *            folders, pulling what is missing as the policy says. Layers are shared by
 *            containers as overlayfs lower folders and are never written.
 * Guarantees A layer folder stays until every holder that was given it has been dropped.
 * Threads    Any; ensure() may block for as long as a pull takes; the same reference asked
 *            for twice at once is pulled once.
 * Lifetime   Answers live in the arena given.                                          */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum image_pull { IMAGE_PULL_IF_NOT_PRESENT, IMAGE_PULL_ALWAYS, IMAGE_PULL_NEVER };

struct pod_image_query {
    const char *ref; /* as written: "busybox", "shop/app:1", "localhost:5000/x@sha256:…" */
    enum image_pull policy;
    const char *const *auths; /* texts of .dockerconfigjson, NULL-terminated, or NULL */
    const char *holder;       /* who uses the layers: a container id; dropped with drop() */
    const char *ns;           /* the pod's namespace, for policies on signatures */
};

struct pod_image {
    const char *ref;           /* normalised: "docker.io/library/busybox:latest" */
    const char *id;            /* "sha256:…" of the configuration */
    const char *digest;        /* "docker.io/library/busybox@sha256:…", for status.imageID */
    const char *const *layers; /* folders, lowest first */
    size_t n_layers;
    uint64_t bytes; /* compressed size */
    bool pulled;    /* false: it was here already */

    /* From the configuration; lists are NULL-terminated and never NULL. */
    const char *const *entrypoint, *const *cmd, *const *env;
    const char *user;        /* "", "1000", "app:staff" */
    const char *workdir;     /* "" when none */
    const char *stop_signal; /* "" when none */

    const char *hold; /* what hold() takes to say after a restart that it is in use */
};

struct image_source;
struct image_ops {
    const char *name;
    /* ERR_NOT_FOUND with policy Never: it is not here (ErrImageNeverPull). ERR_INVALID: the
     * reference is malformed (InvalidImageName). ERR_DENIED: a policy forbids it. All else
     * is ErrImagePull, tried again with back-off. */
    int (*ensure)(struct image_source *s, const struct pod_image_query *q, struct arena *a,
                  struct pod_image *out, struct err *e);
    /* After a restart: says that `holder` uses `what`, which was pod_image.hold (it may be gone:
     * then nothing). */
    void (*hold)(struct image_source *s, const char *what, const char *holder);
    void (*drop)(struct image_source *s, const char *holder);
};

/* A backend embeds this as its first member. */
struct image_source {
    const struct image_ops *ops;
};

/* The login of a host among texts of .dockerconfigjson (NULL-terminated, or NULL); false: none. */
struct image_auth;
bool image_login_find(const char *const *auths, const char *host, struct arena *a,
                      struct image_auth *out);

/* The image store of oci/, which outlives it. */
struct image_store;
struct image_source *image_source_store(struct image_store *s);
void image_source_store_free(struct image_source *s);
