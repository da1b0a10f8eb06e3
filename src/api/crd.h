/* crd.h - CustomResourceDefinitions made usable: kinds, schemas and columns from data.
 *
 * Model    crd_compile() turns a valid CRD object into an immutable struct crd with one
 *          crd_version per version. Conversion is None: only apiVersion differs.
 * Threads  Immutable once made.
 * Lifetime Everything lives in the arena given.                                          */
#pragma once
#include "api/errors.h"
#include "api/resource.h"
#include "api/schema.h"

struct crd_column {
    const char *name, *type, *format, *description, *json_path; /* "" where absent */
    int64_t priority;
};

struct crd_version {
    struct resource resource; /* .status and .scale as the version has them */
    const char *list_kind;
    const struct schema *schema;  /* NULL: no schema, everything is kept */
    const struct value *open_api; /* openAPIV3Schema as written, or NULL */
    bool served, storage, deprecated;
    const char *deprecation_warning;  /* as sent in a Warning header; NULL: not deprecated */
    const struct crd_column *columns; /* additionalPrinterColumns */
    size_t n_columns;
    const char *const *selectable; /* ".spec.color" */
    size_t n_selectable;
    const char *scale_spec, *scale_status, *scale_selector; /* paths ".spec.replicas", or NULL */
};

struct crd {
    const char *name; /* plural.group */
    const struct crd_version *versions;
    size_t n;
};

/* `root`: a CRD that passed admit_validate. Keeps pointers into it. */
int crd_compile(struct arena *a, const struct value *root, const struct crd **out,
                struct err *e) MUST_CHECK;
const struct crd_version *crd_version(const struct crd *c, const char *version); /* or NULL */

/* The CRDs every server starts with, one YAML document each; NULL after the last. */
struct crd_text {
    const char *name, *text;
};
const struct crd_text *crd_builtin(size_t i);
