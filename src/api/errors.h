/* errors.h - what is wrong with an object, field by field, worded as Kubernetes words it.
 *
 * Model    A list of {type, field, bad value, detail}: the causes of a Status 422.        */
#pragma once
#include "base/arena.h"
#include "codec/value.h"

enum field_error_type {
    FIELD_REQUIRED,
    FIELD_INVALID,
    FIELD_NOT_SUPPORTED,
    FIELD_FORBIDDEN,
    FIELD_DUPLICATE,
    FIELD_NOT_FOUND,
    FIELD_TOO_LONG,
    FIELD_TOO_MANY,
    FIELD_TYPE_INVALID,
    FIELD_INTERNAL,
};

struct field_error {
    enum field_error_type type;
    const char *field;
    const char *message; /* without the field: `Invalid value: "x": must be …` */
};

struct field_errors {
    struct arena *arena;
    struct field_error *items;
    size_t n, cap;
};

void field_errors_init(struct field_errors *l, struct arena *a);

/* `bad` may be NULL where the type shows none (Required, Forbidden). It is shown as Go would
 * show it: text quoted, numbers plain, objects as JSON. */
void field_errors_add(struct field_errors *l, enum field_error_type type, const char *field,
                      const struct value *bad, const char *detail);
void field_errors_addf(struct field_errors *l, enum field_error_type type, const char *field,
                       const struct value *bad, const char *fmt, ...) PRINTF(5, 6);
void field_errors_add_str(struct field_errors *l, enum field_error_type type, const char *field,
                          const char *bad, const char *detail);
void field_errors_add_int(struct field_errors *l, enum field_error_type type, const char *field,
                          int64_t bad, const char *detail);
/* `shown`: the bad value as it is to appear. */
void field_errors_add_raw(struct field_errors *l, enum field_error_type type, const char *field,
                          const char *shown, const char *detail);
/* Takes an error from another list. */
void field_errors_keep(struct field_errors *l, const struct field_error *e);
/* As Go's %q. */
const char *field_errors_quote(struct arena *a, const char *s, size_t n);
/* `Unsupported value: "x": supported values: "a", "b"` */
void field_errors_add_unsupported(struct field_errors *l, const char *field, const char *bad,
                                  const char *const *supported, size_t n);

/* "FieldValueRequired", …: Status.details.causes[].reason */
const char *field_error_reason(const struct field_error *e);

/* `spec.x: Required value`, or `[a: …, b: …]` for several, equal ones once; as the message of a
 * Status puts it. */
const char *field_errors_text(const struct field_errors *l, struct arena *a);

/* [{reason, message, field}] for Status.details.causes. */
struct value *field_errors_causes(const struct field_errors *l, struct arena *a);
