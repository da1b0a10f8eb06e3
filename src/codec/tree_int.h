/* tree_int.h - building a tree from a parser's events, without recursion.
 *
 * Model      Values wait in slots on a stack until their container ends. Opening a container
 *            takes the newest slot for its value and piles its elements on top.           */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

struct tree {
    struct arena *arena;
    struct buf slots; /* struct member; those of an array use only the value */
    struct buf opens;
    bool strict;       /* a key that stands twice is an error */
    bool merged_gives; /* one without a line (merged) gives way to one that has */
    struct err *e;
};

/* A container that is being read. Its elements start at `first`; the slot before is its own. */
struct tree_open {
    size_t first;
    bool object;
};

void tree__init(struct tree *t, struct arena *a, bool strict, struct err *e);
void tree__done(struct tree *t);

struct member *tree__push(struct tree *t);
void tree__open(struct tree *t, bool object);

/* Fills the container's slot, which is the newest then. Of a key that stands more than once
 * the last value counts, at the place of the first. */
int tree__close(struct tree *t) MUST_CHECK;

static inline struct member *tree__slot(const struct tree *t, size_t i)
{
    return (struct member *)(void *)t->slots.data + i;
}

static inline size_t tree__count(const struct tree *t)
{
    return t->slots.len / sizeof(struct member);
}

static inline struct member *tree__top(const struct tree *t)
{
    return tree__slot(t, tree__count(t) - 1);
}

static inline void tree__pop(struct tree *t)
{
    t->slots.len -= sizeof(struct member);
}

static inline size_t tree__depth(const struct tree *t)
{
    return t->opens.len / sizeof(struct tree_open);
}

/* The innermost container; there must be one. */
static inline struct tree_open *tree__inner(const struct tree *t)
{
    return (struct tree_open *)(void *)t->opens.data + tree__depth(t) - 1;
}
