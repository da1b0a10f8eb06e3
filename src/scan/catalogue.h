/* catalogue.h - which images hold which packages, so that a new advisory finds them without an
 * image being read.
 *
 * Model      A journal of packages, each once, and images as lists of them; the newest entry about
 *            an image counts. It is read whole when it is opened: 10 000 images of 200 packages
 *            are 8 MB. Images that are gone are pruned by writing it anew.
 * Guarantees What was put is on disk; a torn end is cut off by the next who writes. One writes at a
 *            time (ERR_AGAIN), any number read.
 * Threads    One at a time.                                                                   */
#pragma once
#include "base/own.h"
#include "scan/scan.h"

struct catalogue;

/* A file that is not there is empty. `writable`: for catalogue_put(). */
int catalogue_open(const char *path, bool writable, struct catalogue **out,
                   struct err *e) MUST_CHECK;
void catalogue_free(struct catalogue *c);
AUTO_DEFINE(catalogue)

struct catalogue_image {
    const char *digest;
    const char *name;  /* what people call it */
    const char *owner; /* the Git repository that it was built from; "" where nobody said */
};

int catalogue_put(struct catalogue *c, const struct catalogue_image *image,
                  const struct inventory *inv, struct err *e) MUST_CHECK;

/* Opens it, puts one image, closes it; waits for others who do, a minute at most. */
int catalogue_add(const char *path, const struct catalogue_image *image,
                  const struct inventory *inv, struct err *e) MUST_CHECK;

/* Whether an image is still of interest. */
typedef bool (*catalogue_keep)(void *arg, const char *digest);

/* Writes it anew without the images that nobody keeps and the packages that only they had; waits
 * as catalogue_add() does. Whoever reads goes on with what they had. *gone: how many images. */
int catalogue_prune(const char *path, catalogue_keep keep, void *arg, size_t *gone,
                    struct err *e) MUST_CHECK;

size_t catalogue_images(const struct catalogue *c);

struct affected {
    const char *digest, *name, *owner;
    const struct finding *finding;
};

/* What `db` says of the images that `before` (NULL: nothing) did not. */
int catalogue_affected(const struct catalogue *c, const struct advisories *before,
                       const struct advisories *db, int64_t now_ms, struct arena *a,
                       struct affected **out, size_t *out_n, struct err *e) MUST_CHECK;
