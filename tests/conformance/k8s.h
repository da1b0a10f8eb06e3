/* k8s.h - what the parts of conformance-k8s share: counting, files, schemas of test types. */
#pragma once
#include "api/schema.h"
#include "codec/value.h"

struct tally {
    size_t passed, failed, skipped;
};

void tally_case(struct tally *t, bool ok, const char *suite, const char *name, const char *why);

/* The parsed file, or NULL. */
struct value *k8s_read_json(struct arena *a, const char *folder, const char *name);

/* From an OpenAPI document: the named schema, references and all. */
const struct schema *k8s_openapi(struct arena *a, const struct value *doc, const char *name);
/* From the YAML of structured-merge-diff: the named type. */
const struct schema *k8s_smd(struct arena *a, const char *yaml, const char *name);

void k8s_apply_suite(struct tally *t, const char *folder);
void k8s_patch_suite(struct tally *t, const char *folder);
void k8s_edit_suite(struct tally *t, const char *folder);
void k8s_validate_suite(struct tally *t, const char *folder);
