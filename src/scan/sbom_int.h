/* sbom_int.h - reading documents. */
#pragma once
#include "scan/found.h"
#include "scan/sbom.h"

/* ERR_INVALID names the path of what CycloneDX does not allow. */
int sbom__check_cyclonedx(const struct value *doc, struct err *e) MUST_CHECK;

struct sbom_reading {
    struct arena *arena;
    struct inventory *out;
    size_t cap;
};

/* A package by its URL; what no ecosystem is known for is counted as unread. NULL: dropped. */
struct package *sbom__add(struct sbom_reading *r, const char *purl);
