/* policy.h - what a registry refuses besides what rights say, and what it copies from others.
 *
 * Model      Read from one YAML text: tags that do not move, quotas, and prefixes of repositories
 *            that are copies of another registry's. Patterns are globs (codec/glob.h); those of
 *            repositories go by the parts of a path, those of tags do not.
 * Guarantees A field that is not known, a wrong pattern or size refuses the whole text.
 * Threads    Any; what was read does not change, but for what quotas have counted.
 * Lifetime   Counted references.                                                          */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "blob/refs.h"

struct registry_policy;

/* The ConfigMap that has the text. */
#define REGISTRY_POLICY_NAMESPACE "slipway"
#define REGISTRY_POLICY_NAME      "registry"
#define REGISTRY_POLICY_KEY       "registry.yaml"

/* A list of patterns is NULL-terminated. */
struct registry_fixed {
    const char *const *repositories, *const *tags;
};

struct registry_quota {
    const char *const *repositories;
    uint64_t max_bytes; /* of different content in all these repositories together */
};

struct registry_upstream {
    const char *prefix;      /* "hub": hub/library/busybox is library/busybox there */
    const char *const *urls; /* mirrors first; the first one that answers counts */
    int64_t revalidate_ms;   /* a tag is asked for again when it was asked for longer ago */
    const char *secret;      /* credentials, by name; NULL: none */
    bool insecure;           /* certificates are not verified */
};

struct registry_rules {
    const struct registry_fixed *fixed;
    const struct registry_quota *quotas;
    const struct registry_upstream *upstreams;
    size_t n_fixed, n_quotas, n_upstreams;
};

/* "" is a policy that asks for nothing. */
int registry_policy_read(const char *text, struct registry_policy **out, struct err *e) MUST_CHECK;
struct registry_policy *registry_policy_ref(struct registry_policy *p);
void registry_policy_free(struct registry_policy *p); /* drops one reference */
AUTO_DEFINE(registry_policy)

const struct registry_rules *registry_policy_rules(const struct registry_policy *p);
/* May this tag never name another manifest? Signatures' tags (sha256-HEX.sig …) always may. */
bool registry_policy_fixes(const struct registry_policy *p, const char *repository,
                           const char *tag);
/* Where a repository is a copy from, and what it is called there; NULL: it is nobody's copy. */
const struct registry_upstream *registry_policy_upstream(const struct registry_policy *p,
                                                         const char *repository, const char **path);

struct blob_store;

struct registry_content {
    const char *digest;
    uint64_t bytes;
};

/* Counts content that comes into a repository, all of it or none: ERR_DENIED, with sizes, when a
 * quota has no room. What a quota's repositories have already costs nothing. */
int registry_policy_take(struct registry_policy *p, struct refs *refs, struct blob_store *blobs,
                         const char *repository, const struct registry_content *c, size_t n,
                         struct err *e) MUST_CHECK;
/* The same without counting it. A digest that is NULL is not known yet. */
int registry_policy_fits(struct registry_policy *p, struct refs *refs, struct blob_store *blobs,
                         const char *repository, const struct registry_content *c,
                         struct err *e) MUST_CHECK;
/* What a quota's repositories hold, counted now. */
uint64_t registry_policy_used(struct registry_policy *p, struct refs *refs,
                              struct blob_store *blobs, size_t quota);
/* Something went: quotas are counted anew. */
void registry_policy_recount(struct registry_policy *p);
