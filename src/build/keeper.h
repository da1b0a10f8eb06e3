/* keeper.h - forgets cache entries, manifests and layers that nobody wants any more.
 *
 * Model      A thread that wakes up now and then: the build cache's entries that no build used
 *            for a while go, then manifests without a tag, then the bytes that nothing reaches.
 *            Only the process that holds the images of running containers may run one.      */
#pragma once
#include "oci/images.h"

struct keeper;

struct keeper_opts {
    struct image_store *images;
    int64_t every_ms;    /* 0: an hour */
    int64_t cache_ms;    /* build steps unused for so long go; 0: 14 days */
    int64_t untagged_ms; /* manifests without a tag that are older go; 0: 14 days */
    int64_t grace_ms;    /* bytes touched since then stay; 0: a day */
    void (*done)(void *arg, int rc, const struct image_gc_result *result, const struct err *e);
    void *arg; /* of done, which may be NULL */
};

int keeper_start(const struct keeper_opts *o, struct keeper **out, struct err *e) MUST_CHECK;
void keeper_free(struct keeper *k); /* waits for a round that runs */
AUTO_DEFINE(keeper)

/* One round, now. */
int keeper_run(const struct keeper_opts *o, struct image_gc_result *out, struct err *e) MUST_CHECK;
