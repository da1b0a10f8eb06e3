/* admit.h - from what a client sent to what may be stored, as kube-apiserver 1.33 does it.
 *
 * Model    The steps of a write, in order, each on the mutable tree of the new object:
 *            admit_decode          types checked, unknown fields dropped and reported
 *            admit_prepare_create/_update   status dropped or kept, generation, …
 *            admit_default         absent fields get what the kind gives them
 *            admit_validate_create/_update  the causes of a refusal
 *          Creation order on the server: decode, default, (admission plug-ins),
 *          prepare, validate. metadata.uid, resourceVersion and creationTimestamp are the
 *          server's own business.
 * Guarantees No clock, no store: what needs other objects (quota, allocation of addresses)
 *          is the apiserver's.
 * Threads  Any.                                                                          */
#pragma once
#include "api/errors.h"
#include "api/kind.h"

/* What a strict decoder would have refused, in the order found. */
struct strict_errors {
    const char **items; /* `unknown field "spec.foo"`, `duplicate field "spec.foo"` */
    size_t n, cap;
};

/* Adds `duplicate field "a.b"` for every JSON member that stands twice in its object. The text
 * must have parsed. */
void admit_json_duplicates(const char *text, size_t n, struct strict_errors *out, struct arena *a);
/* The same for YAML: `line 8: key "a" already set in map` (with "yaml: unmarshal errors:\n  " in
 * front where Status shows it: see strict_errors_text). */
void admit_yaml_duplicates(const char *text, size_t n, struct strict_errors *out, struct arena *a);

void strict_errors_add(struct strict_errors *l, struct arena *a, const char *text);
/* `strict decoding error: a, b` */
const char *strict_errors_text(const struct strict_errors *s, struct arena *a);

/* Checks the types of everything and removes what the kind does not know. ERR_INVALID with the
 * sentence of Go's decoder (`json: cannot unmarshal …`, without "… cannot be handled as a …").
 * For CRDs: pruning and metadata; values are judged by admit_validate. */
int admit_decode(const struct kind *k, struct value *obj, struct strict_errors *out,
                 struct arena *a, struct err *e) MUST_CHECK;

/* The same for an object that a strategic merge patch made: other sentences ("cannot restore
 * struct from: slice", "unrecognized type: int32"). */
int admit_restore(const struct kind *k, struct value *obj, struct strict_errors *out,
                  struct arena *a, struct err *e) MUST_CHECK;

/* As a kind's Go type would print it: members the type always has ("status": {}, empty lists
 * where upstream writes null …), zero values left out. */
void admit_normalize(const struct kind *k, struct value *obj, struct arena *a);

void admit_default(const struct kind *k, struct value *obj, struct arena *a);

void admit_prepare_create(const struct kind *k, struct value *obj, struct arena *a);
/* `sub`: NULL, "status", … What the subresource may not change is taken from `old`; the
 * generation is raised when the spec differs. */
void admit_prepare_update(const struct kind *k, const char *sub, struct value *obj,
                          const struct value *old, struct arena *a);

/* `obj` has its name and namespace. Errors are added to l. */
void admit_validate_create(const struct kind *k, const struct value *obj, struct field_errors *l);
void admit_validate_update(const struct kind *k, const char *sub, const struct value *obj,
                           const struct value *old, struct field_errors *l);

/* Warnings sent with a write that succeeds (deprecated fields, duplicate names …); `old` NULL
 * on create. Added to out as sentences. */
void admit_warnings(const struct kind *k, const struct value *obj, const struct value *old,
                    struct strict_errors *out, struct arena *a);

/* Adds "name": the base name plus five random characters is the caller's to make; this tells
 * whether a kind's name is valid as it is ("" is not). The reason, or NULL. */
const char *admit_name_error(const struct resource *r, const char *name, struct arena *a);

/* May the old object be replaced when none is there (PUT creates)? leases, endpoints … */
bool admit_create_on_update(const struct resource *r);
/* May an update come without resourceVersion? */
bool admit_unconditional_update(const struct resource *r);
