/* registry_int.h - one request against the registry, taken apart. */
#pragma once
#include <stdatomic.h>

#include "base/map.h"
#include "base/thread.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/registry.h"

struct registry {
    struct registry_opts opts;
    struct blob_store *blobs;
    struct refs *refs;
    pthread_mutex_t lock; /* of what follows */
    struct map uploads;   /* id -> struct upload */
    struct map asked;     /* a copied tag's name -> when it was asked for, as mono ms */
    struct map flights;   /* a blob's name -> struct flight: it is being copied */
    pthread_cond_t flown; /* some of a flight has come */
    atomic_bool ending;
};

/* What a path below /v2/ asks for. */
enum registry_kind {
    ASK_PING,
    ASK_CATALOG,
    ASK_UPLOADS, /* …/blobs/uploads/ */
    ASK_UPLOAD,  /* …/blobs/uploads/<id> */
    ASK_BLOB,
    ASK_MANIFEST,
    ASK_TAGS,
    ASK_REFERRERS,
    ASK_UNKNOWN,
};

struct registry_call {
    struct registry *registry;
    struct http_request *q;
    struct arena *arena;
    enum registry_kind kind;
    const char *repository;
    const char *reference; /* digest, tag or upload id */
    const char *user, *password, *token;
    struct registry_policy *policy; /* NULL: nothing is asked for */
};

/* ---- access.c ---- */
void access__read(struct registry_call *c);
/* 0, or the refusal has been sent. */
int access__check(struct registry_call *c, enum registry_action action, const char *repository);
/* Without sending anything. */
bool access__allowed(struct registry_call *c, enum registry_action action, const char *repository);

/* ---- token.c ---- */
bool token__path(const char *path);
/* How to authenticate, as a header. */
void token__challenge(struct registry_call *c, enum registry_action action);
void token__handle(struct registry_call *c);

/* ---- answers.c ---- */
void answer__error(struct registry_call *c, int status, const char *code, const char *message);
/* Status and code by what went wrong; `code` is for ERR_INVALID. */
void answer__err(struct registry_call *c, const struct err *e, const char *code);
void answer__empty(struct registry_call *c, int status);
void answer__json(struct registry_call *c, int status, const char *media_type,
                  const struct value *v);
void answer__set(struct registry_call *c, const char *header, const char *fmt, ...) PRINTF(3, 4);

/* ---- tagging.c: what the policy says of pushes ---- */
/* Would so many bytes more fit? `digest` may be NULL. */
int tagging__fits(struct registry_call *c, const char *digest, uint64_t bytes, struct err *e);
int tagging__take(struct registry_call *c, const char *digest, uint64_t bytes, struct err *e);
/* May the tag, or a manifest with all its tags, go? */
int tagging__may_go(struct registry_call *c, struct err *e);
/* ERR_EXISTS of a tag that was set but once, in the registry's words. */
int tagging__fixed(const char *repository, const char *tag, int rc, struct err *e);

/* ---- names in refs.log, as oci/store_int.h lays them out ---- */
static inline char *name_blob(struct registry_call *c, const char *repository, const char *digest)
{
    return arena_printf(c->arena, "b/%s@%s", repository, digest);
}

static inline char *name_manifest(struct registry_call *c, const char *digest)
{
    return arena_printf(c->arena, "m/%s@%s", c->repository, digest);
}

static inline char *name_tag(struct registry_call *c, const char *tag)
{
    return arena_printf(c->arena, "t/" IMAGES_LOCAL_HOST "/%s:%s", c->repository, tag);
}

/* ---- the doors ---- */
void blobs__handle(struct registry_call *c);
void uploads__handle(struct registry_call *c);
void uploads__free(struct registry *r);
void manifests__handle(struct registry_call *c);
void repositories__catalog(struct registry_call *c);
void repositories__tags(struct registry_call *c);
void repositories__referrers(struct registry_call *c);
