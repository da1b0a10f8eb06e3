/* images.h - which tags of the registry have to go.
 *
 * Model      An image is a digest in a repository, as old as its newest tag. The newest
 *            `historyLimit` images of a repository stay, and those younger than `ttlSeconds`. An
 *            image goes with all its tags; signatures and attestations (tags sha256-HEX.sig …),
 *            also of an index's children, stay and go with it.
 * Guarantees The newest image of a repository stays, and so does whatever is in use.            */
#pragma once
#include "base/map.h"
#include "codec/value.h"

struct image_tag {
    const char *repository, *tag, *digest;
    const char *const *children; /* digests that an index names, NULL-terminated */
    int64_t set_ms;
};

struct image_prune_view {
    const struct value *config; /* slipway-images; NULL: nothing goes */
    const struct image_tag *tags;
    size_t n_tags;
    const struct map *used; /* digests, and "REPOSITORY:TAG" */
    int64_t busy_since_ms; /* what is younger belongs to a run that goes on; INT64_MAX: none does */
    int64_t now_ms;
};

struct image_prune_action {
    const struct image_tag *tag;
    const char *why;
};

struct image_prune_plan {
    struct image_prune_action *remove;
    size_t n;
    int64_t next_ms; /* until the next one is too old; INT64_MAX: none will be */
};

void image_prune_plan(const struct image_prune_view *v, struct arena *a,
                      struct image_prune_plan *out);

/* Adds to `used` what a tree names: every digest, and every word that reads as the name of an
 * image, wherever it stands; `only_images`: below keys image and imageID only. */
void image_prune_use(struct map *used, const struct value *tree, bool only_images);
