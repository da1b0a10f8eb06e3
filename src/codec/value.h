/* value.h - one document: what JSON, YAML and objects of the API are made of.
 *
 * Model      A tree of values in an arena. Objects keep their members in the order they
 *            were written; numbers keep the text they were written with. A path is
 *            "spec.template.metadata.name", with "items[2]" for elements; keys that hold
 *            dots are reached step by step with value_get().
 * Guarantees Readers take NULL for "absent" and answer "absent", so that chains need no
 *            checks. A published tree (struct object) is never written again.
 * Threads    A tree that nobody writes may be read from any thread.
 * Lifetime   Everything lives as long as the arena; text may be borrowed from the input
 *            only where a parser says so.                                             */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,   /* fits int64_t */
    VALUE_FLOAT, /* any other number; `text` keeps every digit */
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

/* How a text was written that is read as nodes (YAML_NODES); 0 in all other trees. */
enum value_style {
    VALUE_FLOW = 1 << 0, /* [...], {...} */
    VALUE_DOUBLE = 1 << 1,
    VALUE_SINGLE = 1 << 2,
    VALUE_LITERAL = 1 << 3,
    VALUE_FOLDED = 1 << 4,
    VALUE_TAGGED = 1 << 5,
    VALUE_STYLES = (1 << 6) - 1,

    VALUE_TIME = 1 << 6,     /* text, of the form of a time */
    VALUE_SPELLED = 1 << 7,  /* NULL, BOOL: `word`; INT, FLOAT: `text` is as written */
    VALUE_BARE_KEY = 1 << 8, /* the member's key reads as something that is no text */
    VALUE_MARK_SHIFT = 16,   /* the upper byte is for who works on the nodes */
};

struct member;

struct value {
    enum value_kind kind : 8;
    unsigned style : 24;
    uint32_t n; /* bytes of text, or number of items or members */
    union {
        const char *text;       /* STRING, INT, FLOAT: NUL-terminated, may also hold NULs */
        struct value *items;    /* ARRAY */
        struct member *members; /* OBJECT */
        bool boolean;           /* BOOL */
    };
    union {
        int64_t i;        /* INT */
        double d;         /* FLOAT */
        uint64_t cap;     /* ARRAY, OBJECT: elements there is room for */
        const char *word; /* NULL, BOOL that are VALUE_SPELLED */
    };
    uint32_t line; /* 1-based, where it began in the input; 0: made by the program */
    uint32_t column;
};

struct member {
    const char *key; /* NUL-terminated */
    uint32_t key_len;
    uint32_t line; /* of the key */
    struct value value;
};

/* ---- reading: NULL in, NULL or the default out ---- */

const struct value *value_get(const struct value *object, const char *key);
const struct value *value_getn(const struct value *object, const char *key, size_t n);
const struct value *value_item(const struct value *array, size_t i);
const struct value *value_at(const struct value *root, const char *path);

/* The number of items, members or bytes; 0 for all others and for NULL. */
size_t value_count(const struct value *v);

bool value_is(const struct value *v, enum value_kind kind); /* false for NULL */
const char *value_str(const struct value *v, const char *dflt);
int64_t value_int(const struct value *v, int64_t dflt); /* FLOAT that is whole counts too */
double value_num(const struct value *v, double dflt);
bool value_bool(const struct value *v, bool dflt);

const char *value_at_str(const struct value *root, const char *path, const char *dflt);
int64_t value_at_int(const struct value *root, const char *path, int64_t dflt);
bool value_at_bool(const struct value *root, const char *path, bool dflt);

/* Deep equality. Members unordered, items ordered; 1 equals 1.0, text of numbers ignored. */
bool value_equal(const struct value *a, const struct value *b);

/* False when the text is not a decimal int64. */
bool value_int_from_text(const char *text, int64_t *out);

/* "null", "bool", "int", "float", "string", "array", "object" */
const char *value_kind_name(enum value_kind kind);

#define VALUE_EACH_ITEM(var, array)                                                                \
    for (const struct value *var##_a_ = (array), *var = value_item(var##_a_, 0);                   \
         var && var < var##_a_->items + var##_a_->n; var++)

#define VALUE_EACH_MEMBER(var, object)                                                             \
    for (const struct member *var##_0_ = value_members(object), *var = var##_0_;                   \
         var < var##_0_ + value_members_count(object); var++)

const struct member *value_members(const struct value *object); /* non-NULL even when empty */
size_t value_members_count(const struct value *object);

/* ---- making ---- */

struct value *value_null(struct arena *a);
struct value *value_new_bool(struct arena *a, bool b);
struct value *value_new_int(struct arena *a, int64_t i);
struct value *value_new_float(struct arena *a, double d); /* text as Go's strconv 'g' JSON form */
struct value *value_new_str(struct arena *a, const char *s); /* copies */
struct value *value_new_strn(struct arena *a, const char *s, size_t n);
struct value *value_new_strf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
struct value *value_new_array(struct arena *a);
struct value *value_new_object(struct arena *a);

/* A deep copy; nothing of the copy points into the original. */
struct value *value_copy(struct arena *a, const struct value *v);

/* ---- changing. A value put into a tree is copied one level (the struct), its insides are
 *      shared: what was made in the same arena may be put in once and then left alone. The
 *      pointer returned is the place in the tree and is good until its parent grows. ---- */

struct value *value_set(struct arena *a, struct value *object, const char *key,
                        const struct value *v);
struct value *value_setn(struct arena *a, struct value *object, const char *key, size_t n,
                         const struct value *v);
struct value *value_set_str(struct arena *a, struct value *object, const char *key, const char *s);
struct value *value_set_int(struct arena *a, struct value *object, const char *key, int64_t i);
struct value *value_set_bool(struct arena *a, struct value *object, const char *key, bool b);

/* The member's value for writing, or NULL. */
struct value *value_get_mut(struct value *object, const char *key);
struct value *value_get_mutn(struct value *object, const char *key, size_t n);
struct value *value_at_mut(struct value *root, const char *path);

/* The object or array at `path` (plain keys only), made with its parents where absent; a value
 * of another kind on the way is replaced. */
struct value *value_make_object(struct arena *a, struct value *root, const char *path);
struct value *value_make_array(struct arena *a, struct value *root, const char *path);

struct value *value_push(struct arena *a, struct value *array, const struct value *v);
struct value *value_insert(struct arena *a, struct value *array, size_t at, const struct value *v);
struct value *value_push_str(struct arena *a, struct value *array, const char *s);
bool value_remove(struct value *object, const char *key); /* keeps the order of the rest */
bool value_removen(struct value *object, const char *key, size_t n);
void value_remove_at(struct value *array, size_t i);
