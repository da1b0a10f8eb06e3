/* schema.h - what an object of a kind looks like; one form for built-in kinds and CRDs.
 *
 * Model    A schema is one node: a type with what holds at this place (list keys, patch
 *          strategy, default, limits). Built-in ones are constant tables made from schemas/
 *          at build time; those of CRDs are compiled into an arena at run time.
 * Threads  Immutable once made.
 * Not here Decoding, defaulting and validation: admit.h.                                  */
#pragma once
#include "api/errors.h"
#include "codec/value.h"

enum schema_type {
    SCHEMA_ANY,    /* whatever is written; nothing below is known */
    SCHEMA_STRUCT, /* named fields */
    SCHEMA_MAP,    /* any key, values of `items` */
    SCHEMA_LIST,   /* elements of `items` */
    SCHEMA_STRING,
    SCHEMA_INT,
    SCHEMA_NUMBER,
    SCHEMA_BOOL,
    SCHEMA_INT_OR_STRING,
};

enum schema_format {
    FORMAT_NONE,
    FORMAT_INT32,
    FORMAT_INT64,
    FORMAT_FLOAT,
    FORMAT_DOUBLE,
    FORMAT_BYTE,       /* base64 */
    FORMAT_TIME,       /* metav1.Time */
    FORMAT_MICRO_TIME, /* metav1.MicroTime */
    FORMAT_QUANTITY,
    FORMAT_RAW,   /* SCHEMA_ANY that must be an object (RawExtension) */
    FORMAT_OTHER, /* CRDs: see schema_limits.format */
};

enum schema_list_type { LIST_UNSET, LIST_ATOMIC, LIST_SET, LIST_MAP };

enum schema_flag {
    SCHEMA_NULLABLE = 1 << 0,
    SCHEMA_ATOMIC = 1 << 1,       /* x-kubernetes-map-type: atomic (structs and maps) */
    SCHEMA_PRESERVE = 1 << 2,     /* x-kubernetes-preserve-unknown-fields */
    SCHEMA_EMBEDDED = 1 << 3,     /* x-kubernetes-embedded-resource */
    SCHEMA_PATCH_MERGE = 1 << 4,  /* x-kubernetes-patch-strategy: merge (lists) */
    SCHEMA_PATCH_RETAIN = 1 << 5, /* … retainKeys */
    SCHEMA_META = 1 << 6,         /* is an ObjectMeta */
    SCHEMA_PATCH_REPLACE = 1 << 7,
    SCHEMA_ALWAYS = 1 << 9,  /* printed as null when absent */
    SCHEMA_POINTER = 1 << 8, /* zero differs from absent (a pointer in Go) */
};

struct schema_limits; /* enum, min, max, pattern, CEL …: CRDs only; api/crd.c */

struct schema {
    uint8_t type, format, list_type, n_map_keys;
    uint16_t flags, n_fields;
    const char *name;                  /* of a built-in STRUCT: "core.v1.PodSpec" */
    const struct schema_field *fields; /* STRUCT, by name */
    const struct schema *items;        /* LIST, MAP */
    const char *const *map_keys;       /* LIST_MAP */
    const char *merge_key;             /* patch merge key, or NULL */
    const char *dflt;                  /* default as JSON text, or NULL */
    const struct value *dflt_value;    /* the same for CRDs */
    const struct schema_limits *limits;
};

struct schema_field {
    const char *name;
    const struct schema *schema;
    bool required;
};

/* The schema of a built-in kind, list kinds and options (DeleteOptions …) included; NULL when
 * there is none. */
const struct schema *schema_builtin(const char *api_version, const char *kind);

/* A named type, "core.v1.PodSpec", "meta.v1.ObjectMeta"; NULL when there is none. */
const struct schema *schema_named(const char *name);

const struct schema_field *schema_field(const struct schema *s, const char *name);

/* The schema of a member: a field's, or a map's items; NULL when unknown. */
const struct schema *schema_member(const struct schema *s, const char *name);

/* From an OpenAPI v3 schema as CRDs write it (openAPIV3Schema). Assumes that crd_validate()
 * found nothing wrong with it. The root gets apiVersion, kind and metadata. */
const struct schema *schema_compile_crd(struct arena *a, const struct value *open_api_v3);
