/* registry.h - the OCI distribution API (1.1) over the image store, as an HTTP handler.
 *
 * Model      Repository "a/b" at this registry is "slipway.local/a/b" in the image store; what a
 *            build stored or a bootstrap named can be pulled, what is pushed can be run, and no
 *            byte is copied.
 * Guarantees A blob or manifest is visible only whole, verified and durable; a manifest only when
 *            what it needs is in its repository. Rights are asked before anything is told.
 * Threads    registry_handle() may run on any number of threads.                          */
#pragma once
#include "net/http_server.h"
#include "oci/images.h"
#include "registry/policy.h"

struct registry;

enum registry_action {
    REGISTRY_PING,
    REGISTRY_PULL,
    REGISTRY_PUSH,
    REGISTRY_DELETE,
    REGISTRY_CATALOG
};

struct registry_ask {
    enum registry_action action;
    const char *repository;      /* NULL for ping and catalog */
    const char *reference;       /* tag or digest where there is one, else NULL */
    const char *user, *password; /* of basic authorisation, else NULL */
    const char *token;           /* of bearer authorisation, else NULL */
    const char *remote;
};

struct registry_opts {
    struct image_store *images;
    /* 0, ERR_UNAUTHENTICATED (a challenge is sent) or ERR_DENIED. NULL: all is allowed. A ping
     * that shows nothing should be refused: docker asks nowhere else how to authenticate. */
    int (*authorize)(void *arg, const struct registry_ask *ask, struct err *e);
    /* The bearer token for who asks, nobody included; ERR_UNAUTHENTICATED for wrong credentials.
     * NULL: clients are told to send theirs with each request. */
    int (*token)(void *arg, const struct registry_ask *ask, struct arena *a, const char **out,
                 struct err *e);
    /* Told after a tag was set (or, with digest NULL, removed). NULL: nobody. */
    void (*tagged)(void *arg, const char *repository, const char *tag, const char *digest);
    /* Asked before a manifest gets a tag; an error refuses the push. NULL: nobody. */
    int (*admit)(void *arg, const char *repository, const char *tag, const char *digest,
                 struct err *e);
    /* What is in force; *out is a reference for the caller, or NULL. An error refuses pushes and
     * deletions, nothing else. NULL: nothing ever is. */
    int (*policy)(void *arg, struct registry_policy **out, struct err *e);
    /* Credentials for a host, by the policy's name of them; none there: *out stays empty. NULL:
     * there never are any. */
    int (*login)(void *arg, const char *secret, const char *host, struct arena *a,
                 struct image_auth *out, struct err *e);
    void *arg;
    size_t max_manifest_bytes; /* 0: 4 MiB */
    uint64_t max_blob_bytes;   /* 0: no limit */
    bool read_only;
};

int registry_new(const struct registry_opts *o, struct registry **out, struct err *e) MUST_CHECK;
void registry_free(struct registry *r);
AUTO_DEFINE(registry)

/* What a push does to a tag, without HTTP: quotas count the image's content, and a tag that may not
 * move is not moved (ERR_DENIED). */
int registry_tag(struct registry *r, const char *repository, const char *tag, const char *digest,
                 struct err *e) MUST_CHECK;

/* Answers /v2/…; an http_handler, `arg` is the struct registry. */
void registry_handle(struct http_request *q, void *arg);
