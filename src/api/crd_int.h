/* crd_int.h - OpenAPI v3 nodes as CRDs hold them, read as they are written.              */
#pragma once
#include "api/admit.h"
#include "api/crd.h"
#include "api/typed_int.h"

struct schema_limits {
    const struct value *node; /* the OpenAPI node this was compiled from */
};

/* The node of a member: of properties, else of additionalProperties; NULL when unknown. */
const struct value *crd__member(const struct value *node, const char *key);
bool crd__flag(const struct value *node, const char *name);

int crd__decode(const struct kind *k, struct value *obj, struct strict_errors *out, struct arena *a,
                struct err *e);
void crd__default(const struct kind *k, struct value *obj, struct arena *a);
/* Fills defaults below one node; for checking defaults themselves, too. */
void crd__fill(const struct value *node, struct value *v, struct arena *a);

/* Checks an instance. `old`: of an update, or NULL. */
void crd__validate(const struct value *node, const struct value *v, const char *path,
                   struct field_errors *l);
/* x-kubernetes-validations of an instance. */
void crd__validate_rules(const struct value *node, const struct value *v, const struct value *old,
                         const char *path, struct field_errors *l);
/* x-kubernetes-list-type: set and map items stand once. */
void crd__validate_lists(const struct value *node, const struct value *v, const char *path,
                         struct field_errors *l);
void crd__validate_embedded(const struct value *node, const struct value *v, const char *path,
                            struct field_errors *l);

/* The definition itself. */
void crd__check(const struct value *crd, const struct value *old, struct field_errors *l);
void crd__check_schema(const struct value *node, const char *path, struct field_errors *l);

/* What is wrong with a rule (or a messageExpression) at this node, before it runs; NULL: nothing
 * that can be seen. */
const char *crd__rule_error(const struct value *node, const char *text, bool is_message,
                            struct arena *a);

/* Does the text match the (unanchored) pattern? ERR_INVALID: it is not a pattern. */
int crd__match(const char *pattern, const char *text, size_t n, bool *out, struct err *e);

int decode__meta(struct value *meta, const char *path, struct strict_errors *out, struct arena *a,
                 struct err *e);
