/* fieldset_int.h - sets of field paths, as managedFields keeps them (FieldsV1).
 *
 * Model    A tree. A step is text as FieldsV1 writes it: "f:name", `k:{"name":"x"}`, `v:"a"`,
 *          "i:0". A node is in the set when it is a member; nodes that are neither members
 *          nor lead to one are dropped by every operation.
 * Lifetime Everything lives in an arena; operations share what they do not change.       */
#pragma once
#include "api/schema.h"

struct field_node;

struct fieldset {
    struct field_node *nodes; /* by step */
    size_t n;
};

struct field_node {
    const char *step;
    bool member;
    struct fieldset below;
};

/* A path, innermost step first. */
struct field_path {
    const struct field_path *up; /* NULL: `step` stands at the root */
    const char *step;
};

void fieldset__insert(struct fieldset *s, const struct field_path *p, struct arena *a);
const struct field_node *fieldset__find(const struct fieldset *s, const char *step);
bool fieldset__empty(const struct fieldset *s);
bool fieldset__equal(const struct fieldset *x, const struct fieldset *y);

struct fieldset fieldset__union(const struct fieldset *x, const struct fieldset *y,
                                struct arena *a);
struct fieldset fieldset__intersection(const struct fieldset *x, const struct fieldset *y,
                                       struct arena *a);
/* x without the members of y; what stands below a member of y stays … */
struct fieldset fieldset__difference(const struct fieldset *x, const struct fieldset *y,
                                     struct arena *a);
/* … or goes, too. */
struct fieldset fieldset__without(const struct fieldset *x, const struct fieldset *y,
                                  struct arena *a);
/* Adds the named fields that only lead to members (EnsureNamedFieldsAreMembers). */
struct fieldset fieldset__named(const struct fieldset *x, const struct schema *s, struct arena *a);

/* FieldsV1. */
struct value *fieldset__to_value(const struct fieldset *s, struct arena *a);
int fieldset__from_value(const struct value *v, struct arena *a, struct fieldset *out,
                         struct err *e);

/* Calls fn for every member, with its path as messages show it: `.spec.ports[port=80].name`. */
void fieldset__each(const struct fieldset *s, struct arena *a,
                    void (*fn)(void *arg, const char *path), void *arg);
const char *field_path__text(const struct field_path *p, struct arena *a);
