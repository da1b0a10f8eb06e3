/* index.h - the current state: keys in order, each with its entry. A skip list.
 *
 * Threads    None of its own: the store's lock guards it.
 * Lifetime   The index holds one reference to each entry.                             */
#pragma once
#include <stdbool.h>

#include "store/store.h"

enum { INDEX_LEVELS = 20 };

struct index_node {
    struct entry *entry; /* NULL only in the head */
    struct index_node *next[];
};

struct index {
    struct index_node *head;
    size_t count;
    uint64_t seed;
    int levels;
};

void index_init(struct index *x);
void index_done(struct index *x);

struct entry *index_get(const struct index *x, const char *key); /* borrowed, or NULL */

/* Puts `n` (taking its reference) in place of what had its key; gives up the old reference. */
void index_put(struct index *x, struct entry *n);
void index_remove(struct index *x, const char *key);

/* The first node whose key is >= `key` (or > with `past`), or NULL. */
const struct index_node *index_seek(const struct index *x, const char *key, bool past);
static inline const struct index_node *index_next(const struct index_node *n)
{
    return n->next[0];
}
