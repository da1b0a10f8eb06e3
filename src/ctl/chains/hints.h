/* hints.h - what a run took and made, as its results and parameters say by Chains' names. Pure.
 *
 * Model      Names are hints: *IMAGE_URL with *IMAGE_DIGEST, IMAGES, *ARTIFACT_URI with
 *            *ARTIFACT_DIGEST, *ARTIFACT_OUTPUTS and *ARTIFACT_INPUTS (objects of uri and digest),
 *            CHAINS-GIT_URL with CHAINS-GIT_COMMIT. What is not well formed is no hint.      */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

/* {"uri", "digest": {"sha256": "hex"}} of "sha256:hex", or NULL where that is no digest. */
struct value *hints_item(struct arena *a, const char *key, const char *uri, const char *digest);

/* Adds {"name", "digest"} of each image once. */
void hints_images(const struct value *results, struct arena *a, struct value *into);

/* The same of all that results say was made; `marked`: of objects those with isBuildArtifact, and
 * no *ARTIFACT_URI (slsa/v2alpha4). */
void hints_subjects(const struct value *results, bool marked, struct arena *a, struct value *into);

/* Adds {"uri", "digest"} of each *ARTIFACT_INPUTS. */
void hints_inputs(const struct value *results, struct arena *a, struct value *into);

/* A commit, named by any of several lists: the later one counts. */
struct hints_git {
    const char *url, *commit;
};
/* `field`: "value", or "default" of parameters that are declared. */
void hints_git_look(struct hints_git *g, const struct value *list, const char *field);
void hints_git_add(const struct hints_git *g, struct arena *a, struct value *into);

/* The result is told as a subject (slsa/v2alpha4), or cannot be told: it is no by-product. */
bool hints_is_output(const struct value *result);

/* Adds what is not there yet, by everything but its name. */
void hints_add(struct arena *a, struct value *into, const struct value *item);
