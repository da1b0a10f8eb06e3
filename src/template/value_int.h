/* value_int.h - what the module's files share about values. */
#pragma once
#include "template/go_value.h"

enum { MAP_LINEAR = 12 /* entries that are searched one by one */ };

struct go_map {
    struct arena *arena;
    struct go_entry *entries;
    uint32_t *slots; /* index + 1; NULL while small */
    uint32_t n, cap, n_slots;
    bool sorted, shared; /* shared: a snapshot points to the entries */
};

struct go_value go_bytes(const char *s, size_t n);
struct go_value go_boxed(struct go_value v); /* put into an interface{} and got out again */
struct go_value go_zero(const struct go_type *type);
bool go_is_nil(const struct go_value *v); /* nothing, or nil of its type */
int go_compare_text(const char *a, size_t na, const char *b, size_t nb);
