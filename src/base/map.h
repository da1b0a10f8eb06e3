/* map.h - text keys to pointers, in insertion order when walked.
 *
 * Model      Open addressing over a dense array of entries; keys are copied, values borrowed.
 *            Walking (map_next) is in insertion order; removal keeps the order of the rest.
 * Threads    None of its own.
 * Lifetime   map_init … map_done; what values point to is the caller's.                    */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* NULL: removed */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    uint32_t *slots; /* index + 1; 0 is free */
    size_t n_entries, cap_entries, n_slots, live;
};

void map_init(struct map *m);
void map_done(struct map *m);

void *map_get(const struct map *m, const char *key); /* NULL when absent */
bool map_has(const struct map *m, const char *key);
void *map_put(struct map *m, const char *key, void *value); /* the value it replaced, or NULL */
void *map_remove(struct map *m, const char *key);           /* the value removed, or NULL */
static inline size_t map_size(const struct map *m)
{
    return m->live;
}

/* for (size_t i = 0; (e = map_next(m, &i));) … Do not put or remove other keys meanwhile. */
const struct map_entry *map_next(const struct map *m, size_t *cursor);

/* FNV-1a with a final mix, 64 bits; for tables in memory, never for digests. */
uint64_t map_hash(const void *bytes, size_t n);
