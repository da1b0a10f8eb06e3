/* gate.h - which images may start in a protected namespace.
 *
 * Model      Rules (ImagePolicy, in the terms of Sigstore's ClusterImagePolicy) say who must have
 *            signed, how fresh a passed scan must be, who must have built it and from what. Facts
 *            are what the store can prove of one image. The decision is a function of rules,
 *            allowances, facts and the time. All policies that match an image must be content;
 *            of a policy's authorities one is enough. Without a policy that matches, the strictest
 *            one holds: this server's key, its builder, a scan of the last seven days.
 * Guarantees What cannot be understood in a policy refuses; nothing in it is ignored in silence.
 * Threads    Any.
 * Lifetime   Rules borrow the objects that they were read from.
 * Not here   Gathering facts (server), asking at all (apiserver/image_gate.h).              */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "codec/value.h"
#include "sign/bundle.h"

enum { GATE_AUTHORITIES_MAX = 16, GATE_IDENTITIES_MAX = 16, GATE_POLICIES_MAX = 64 };

/* Whose signature counts. */
struct gate_authority {
    const char *name;
    const char *key;                                  /* PEM */
    const char *secret;                               /* name of a Secret with the key */
    bool own;                                         /* this server's key */
    const struct bundle_expect *identities, *issuers; /* pairs: any of them */
    size_t n_identities;
};

struct gate_policy {
    const char *name;
    bool warn; /* says what it would refuse */
    struct gate_authority authorities[GATE_AUTHORITIES_MAX];
    size_t n_authorities;
    bool scan, provenance;                  /* whether they are asked for */
    int64_t scan_age_ms;                    /* at most */
    const struct value *builders, *sources; /* arrays of globs; NULL: any */
};

/* An ImagePolicy; ERR_INVALID names the field. */
int gate_policy_read(const struct value *object, struct arena *a, struct gate_policy *out,
                     struct err *e) MUST_CHECK;
/* The one that holds where there is none. */
void gate_policy_default(struct gate_policy *out);
/* Whether spec.images has the image ("host/path", without tag and digest). */
bool gate_policy_covers(const struct value *object, const char *image);

/* What the store proves of one image for one policy. */
struct gate_facts {
    const char *image;  /* as the pod has it */
    const char *digest; /* NULL: it is not here */
    bool is_signed;
    const char *unsigned_why;
    int64_t scanned_ms;             /* a passed scan; INT64_MIN: none */
    const struct value *provenance; /* array of verified statements */
};

/* NULL: the policy is content; else what it misses, as a sentence. */
const char *gate_refusal(const struct gate_policy *p, const struct gate_facts *f, int64_t now_ms,
                         struct arena *a);

/* The ImageAllowance that lets the image in now, or NULL: it has an owner and a reason, and its
 * time is not up. */
const struct value *gate_allowance(const struct value *const *allowances, size_t n,
                                   const char *image, const char *digest, int64_t now_ms);

/* "slipway allow …": what would let the image in. */
const char *gate_remedy(const char *ns, const char *image, const char *digest, struct arena *a);

/* Whether a namespace is protected: slipway.dev/protected or policy.sigstore.dev/include. */
bool gate_protects(const struct value *ns);
