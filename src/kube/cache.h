/* cache.h - the latest state of every watched resource, in memory, for reading in syncs.
 *
 * Guarantees What is returned is immutable and stays valid until the arena ends. The cache may
 *            lag behind the API; writes with a stale resourceVersion fail with ERR_CONFLICT.
 * Threads    Any.                                                                       */
#pragma once
#include "kube/kube.h"

struct cache;

struct object_list {
    const struct object **items;
    size_t n;
};

/* NULL when there is none (or the resource is not watched by any controller: our bug, dies). */
const struct object *cache_get(struct cache *c, const struct resource *r, const char *ns,
                               const char *name, struct arena *a);

/* Objects in `ns` (NULL: all), in name order. */
struct object_list cache_list(struct cache *c, const struct resource *r, const char *ns,
                              struct arena *a);

/* Those whose controller ownerReference has this uid; indexed. */
struct object_list cache_owned(struct cache *c, const struct resource *r, const char *owner_uid,
                               struct arena *a);

/* Those with an ownerReference of any sort to this uid; indexed. */
struct object_list cache_dependents(struct cache *c, const struct resource *r, const char *uid,
                                    struct arena *a);

/* True for an object that is being deleted or that write_delete() removed a moment ago, though
 * the watch has not said so yet. */
bool cache_is_deleting(struct cache *c, const struct resource *r, const struct object *o);

bool cache_watches(struct cache *c, const struct resource *r);
