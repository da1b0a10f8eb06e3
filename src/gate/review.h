/* review.h - the gate as an admission webhook: an AdmissionReview (admission.k8s.io/v1) answered.
 *
 * Model      Pods are asked about as in slipway's own API. A webhook that may change them gives
 *            tags their digests and refuses nothing; the one that validates refuses what is not
 *            allowed, and tags, too: until a node pulls one it can become another image.
 *            ImageAllowances get their writer as owner; another owner is for those who may act as
 *            them.
 * Guarantees What is not understood is refused. That a namespace is protected is not asked: the
 *            cluster's namespaceSelector has chosen it.
 * Threads    Any.                                                                          */
#pragma once
#include "apiserver/image_gate.h"
#include "codec/value.h"

enum { GATE_REVIEW_MAX = 16 << 20 };

struct gate_reviewer {
    struct image_gate *images;
    /* Whether a user (as userInfo has them) may act as another; ERR_DENIED. */
    int (*may_act_as)(void *arg, const struct value *user, const char *owner, struct err *e);
    void *arg;
};

/* ERR_INVALID: it is no AdmissionReview with a request; else *out is the one with its answer. */
int gate_review(const struct gate_reviewer *by, bool mutating, const struct value *review,
                struct arena *a, struct value **out, struct err *e) MUST_CHECK;

/* The configuration by which a cluster asks at `url` + "/admit" or "/pin", whose certificate `ca`
 * (PEM) vouches for. */
struct value *gate_webhooks(bool mutating, const char *url, const char *ca, struct arena *a);
