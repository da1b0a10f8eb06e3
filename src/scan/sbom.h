/* sbom.h - bills of material: CycloneDX 1.4 to 1.6 and SPDX 2.2 and 2.3, read and written.
 *
 * Model      Reading makes an inventory of what a document lists, by its package URLs. JSON, SPDX
 *            also as tag: value; an in-toto statement or the envelope around one is opened, its
 *            signature is not looked at.
 * Guarantees A document that breaks its format's rules about what is read here is refused with the
 *            path. What is written is valid against the published schemas, and the same inventory
 *            gives the same bytes.                                                            */
#pragma once
#include "codec/value.h"
#include "scan/inventory.h"

/* Whether a text looks like one, so that a file can be told from a list of packages. */
bool sbom_is(const char *text, size_t n);

int sbom_read(const char *text, size_t n, struct arena *a, struct inventory *out,
              struct err *e) MUST_CHECK;

/* What a document says about itself. */
struct sbom_about {
    const char *name;    /* of what was scanned */
    const char *version; /* of this program */
    bool image;          /* else a folder or file */
    int64_t now_ms;
};

/* A CycloneDX 1.6 document; the bom-ref of packages[i] is refs[i] when refs is not NULL (room for
 * all of them). */
struct value *sbom_cyclonedx(const struct inventory *inv, const struct sbom_about *about,
                             const char **refs, struct arena *a);
struct value *sbom_spdx(const struct inventory *inv, const struct sbom_about *about,
                        struct arena *a);
