/* manifest.h - reading manifests, indexes and configurations.
 *
 * Model      A document is checked once when it is parsed; then its parts may be taken for
 *            granted. Docker's schema 2 documents read the same.                            */
#pragma once
#include "codec/value.h"

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

enum { MANIFEST_MAX_BYTES = 4 << 20 };

struct manifest {
    enum manifest_kind kind;
    const char *media_type;
    const char *subject;       /* digest or NULL */
    const char *artifact_type; /* or the configuration's media type; NULL for an index without */
    const struct value *doc;
};

/* `media_type` is what a header said, NULL when nothing did. ERR_INVALID names what is wrong. */
int manifest_parse(struct arena *a, const char *json, size_t n, const char *media_type,
                   struct manifest *out, struct err *e) MUST_CHECK;

struct descriptor {
    const char *digest;
    const char *media_type;
    uint64_t size;
    bool is_manifest; /* of an index */
    bool foreign;     /* has urls: may be absent from a registry */
    const struct value *doc;
};
/* Walks all that a document names (without its subject); false at the end. */
bool manifest_next(const struct manifest *m, size_t *cursor, struct descriptor *out);

/* The best child of an index for "os/arch[/variant]", NULL when none fits. */
const struct value *manifest_choose(const struct manifest *index, const char *platform);

/* "linux/amd64", of this machine. */
const char *manifest_host_platform(void);
