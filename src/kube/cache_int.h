/* cache_int.h - the filling side of the cache; for the runner and for write.c.
 *
 * Model      One informer a resource: list, then watch; ERR_GONE lists again. What a list shows
 *            to be gone is reported as gone. With threads each informer has its own; without,
 *            cache_pump() takes what is there.
 * Guarantees An object never goes back to an older resourceVersion, so that a controller's own
 *            write (cache_saw) stays visible until the watch catches up with it.        */
#pragma once
#include "kube/cache.h"

/* o == NULL: the resource's first list has arrived. */
typedef void (*cache_changed_fn)(void *arg, const struct resource *r, const struct object *o,
                                 bool gone);

struct cache *cache_new(struct kube *k, cache_changed_fn changed, void *arg);
/* Once a resource, however often. Gives the one that changes are told of: a resource that a CRD
 * serves may be known under several addresses. */
const struct resource *cache_watch(struct cache *c, const struct resource *r);
int cache_start(struct cache *c, struct err *e) MUST_CHECK; /* from here on with threads */
void cache_stop(struct cache *c);
void cache_free(struct cache *c);

bool cache_filled(struct cache *c, const struct resource *r);
size_t cache_pump(struct cache *c); /* how many events were taken */

/* What a write of our own returned. */
void cache_saw(struct cache *c, const struct resource *r, struct object *o);
/* A delete of our own was accepted. */
void cache_doom(struct cache *c, const struct resource *r, const struct object *o);
