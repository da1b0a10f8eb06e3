/* go_value.h - values as a Go template sees them.
 *
 * Model      A value is a Go type and its payload. Templates tell int from float64, a nil from
 *            nothing at all, []string from []interface{}, and a value that came out of an
 *            interface{} ("boxed") from one that did not: error texts and comparisons depend on
 *            it. Lists share their items when sliced; maps have no order of their own and are
 *            walked by key.
 * Guarantees A zeroed struct is "no value" (reflect's zero Value).
 * Threads    A value that nobody writes may be read from any thread, but walking a map sorts it:
 *            share maps only after go_map_freeze().
 * Lifetime   Everything lives in the arena it was made in; text and items are borrowed.    */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/value.h"

/* reflect.Kind, as far as templates can meet it. */
enum go_kind {
    GO_INVALID,
    GO_BOOL,
    GO_INT,
    GO_INT32,
    GO_INT64,
    GO_UINT8,
    GO_UINT32,
    GO_UINT64,
    GO_FLOAT64,
    GO_COMPLEX128,
    GO_STRING,
    GO_INTERFACE, /* as the kind of a value: a nil interface */
    GO_SLICE,
    GO_MAP,
    GO_STRUCT,
    GO_PTR, /* to a struct */
};

struct go_func;
struct go_value;

struct go_field {
    const char *name;
    const struct go_type *type;
    const char *json; /* name in JSON and YAML; NULL: the field's own; "-": left out */
    bool omit_empty;
    bool embedded; /* its fields are reached, and written, as if they were the outer struct's */
};

struct go_type {
    const char *name; /* as %T prints it: "map[string]interface {}" */
    enum go_kind kind;
    const struct go_type *elem;     /* of SLICE, MAP (keys are strings) and PTR */
    const struct go_field *fields;  /* of STRUCT */
    const struct go_func *methods;  /* ends with a nameless one; NULL: none */
    const struct go_func *stringer; /* String() or Error() that fmt calls; NULL: none */
    /* String() of a pointer to it: called where an action prints a field, not by functions. */
    const struct go_func *ptr_stringer;
    /* MarshalJSON() or MarshalText() of a type that has its own form; NULL: none. */
    char *(*json_text)(struct arena *a, const struct go_value *v);
    uint32_t n_fields;
    bool defined; /* a named type: not the same as another of its structure */
    bool is_error;
};

/* The types every template knows. */
extern const struct go_type go_bool_type, go_int_type, go_int32_type, go_int64_type, go_uint8_type,
    go_uint32_type, go_uint64_type, go_float64_type, go_complex128_type, go_string_type,
    go_interface_type, go_list_type /* []interface {} */, go_strings_type /* []string */,
    go_ints_type /* []int */, go_lists_type /* [][]interface {} */,
    go_bytes_type /* []uint8: payload in s and n */, go_map_type /* map[string]interface {} */,
    go_string_map_type /* map[string]string */, go_time_type /* time.Time */;

struct go_map;

struct go_complex {
    double re, im;
};

struct go_value {
    const struct go_type *type; /* NULL: no value at all */
    union {
        bool b;
        int64_t i;  /* INT, INT32, INT64 */
        uint64_t u; /* UINT8, UINT32, UINT64 */
        double f;
        const struct go_complex *complex;
        const char *s;           /* STRING and []uint8: n bytes, not always NUL-terminated */
        struct go_value *items;  /* SLICE: n; NULL is the nil slice */
        struct go_map *map;      /* NULL is the nil map */
        struct go_value *fields; /* STRUCT: type->n_fields; also PTR to it; NULL is nil */
        void *opaque;            /* STRUCT or PTR without fields: what its methods know */
    };
    uint32_t n;
    bool boxed; /* came out of an interface{}, or is a nil one */
};

static inline enum go_kind go_kind_of(const struct go_value *v)
{
    return v->type ? v->type->kind : GO_INVALID;
}

/* ---- making ---- */

static inline struct go_value go_nil(void)
{
    return (struct go_value){.type = &go_interface_type, .boxed = true};
}
static inline struct go_value go_bool(bool b)
{
    return (struct go_value){.type = &go_bool_type, .b = b};
}
static inline struct go_value go_int(int64_t i)
{
    return (struct go_value){.type = &go_int_type, .i = i};
}
static inline struct go_value go_int64(int64_t i)
{
    return (struct go_value){.type = &go_int64_type, .i = i};
}
static inline struct go_value go_float(double f)
{
    return (struct go_value){.type = &go_float64_type, .f = f};
}
static inline struct go_value go_strn(const char *s, size_t n)
{
    return (struct go_value){.type = &go_string_type, .s = s, .n = (uint32_t)n};
}
struct go_value go_str(const char *s);                     /* borrows; NULL is "" */
struct go_value go_map(struct go_map *m);                  /* map[string]interface {} */
struct go_value go_list(struct go_value *items, size_t n); /* []interface {}; never nil */
struct go_value go_typed_list(const struct go_type *type, struct go_value *items, size_t n);
struct go_value go_typed_map(const struct go_type *type, struct go_map *m);
struct go_value go_time(struct arena *a, int64_t ms); /* time.Time, in UTC */
struct go_value go_struct(const struct go_type *type, struct go_value *fields);

/* A document as Helm's values are: numbers become float64, objects map[string]interface {}.
 * The tree is copied but for its text. */
struct go_value go_from_value(struct arena *a, const struct value *v);

/* The reverse, as Go's encoding/json sees the value: fields by their JSON names, []uint8 as base64.
 * ERR_INVALID: something in it has no JSON form (NaN, nesting past 1,000). */
int go_to_value(struct arena *a, const struct go_value *v, struct value *out,
                struct err *e) MUST_CHECK;

/* ---- maps ---- */

struct go_entry {
    const char *key;
    uint32_t n, hash;
    struct go_value value;
};

struct go_map *go_map_new(struct arena *a, size_t room);
size_t go_map_size(const struct go_map *m);                                     /* 0 for NULL */
struct go_value *go_map_get(const struct go_map *m, const char *key, size_t n); /* NULL: absent */
struct go_value *go_map_get_hashed(const struct go_map *m, const char *key, size_t n,
                                   uint32_t hash);
uint32_t go_hash(const char *key, size_t n);
/* Borrows the key. What was there is replaced. */
void go_map_set(struct go_map *m, const char *key, size_t n, struct go_value v);
void go_map_put(struct go_map *m, const char *key, struct go_value v);
bool go_map_remove(struct go_map *m, const char *key, size_t n);
/* The entries by key, as a snapshot: later writes to the map do not change it. */
const struct go_entry *go_map_sorted(struct go_map *m, size_t *n);
/* Sorts now, so that reading from several threads writes nothing. Deep. */
void go_map_freeze(struct go_map *m);

/* ---- reading ---- */

struct go_value go_item(const struct go_value *list, size_t i);         /* boxed as its list says */
bool go_truth(const struct go_value *v);                                /* text/template's IsTrue */
bool go_deep_equal(const struct go_value *a, const struct go_value *b); /* reflect.DeepEqual */
/* Deep; what lies more than 1,000 levels down is left out. */
struct go_value go_copy(struct arena *a, const struct go_value *v);
/* The values on all ways down to the leaves, 16 bytes of text counting as one; most + 1: more. What
 * is shared counts as often as it is met. */
size_t go_weight(const struct go_value *v, size_t most);
char *go_cstr(struct arena *a, const struct go_value *string); /* NUL-terminated */
const char *go_type_name(const struct go_value *v);            /* "<nil>" for nil and no value */
const char *go_kind_name(enum go_kind kind);                   /* "invalid", "float64", "slice" */
