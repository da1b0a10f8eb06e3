/* revisions.h - ControllerRevisions: the templates a StatefulSet or DaemonSet has had.
 *
 * Model      A revision holds a patch that makes the template what it was; its name ends in a
 *            hash of that patch. A template that comes back takes a new number.           */
#pragma once
#include "kube/cache.h"
#include "kube/write.h"

struct revisions {
    struct object_list all;      /* oldest number first */
    const struct object *update; /* of the template as it is now */
    int64_t collisions;
};

/* {"spec":{"template":{…,"$patch":"replace"}}}, as upstream stores it. */
struct value *revision_data(const struct object *owner, struct arena *a);
const char *revision_hash(const struct value *data, int64_t collisions, struct arena *a);

/* Finds the owner's revisions and makes sure that there is one for its template. */
int revisions_sync(struct controller_ctx *c, const struct resource *owner_res,
                   const struct object *owner, struct arena *a, struct revisions *out,
                   struct err *e) MUST_CHECK;
/* Removes the oldest beyond spec.revisionHistoryLimit that no pod and neither revision needs. */
int revisions_forget(struct controller_ctx *c, const struct object *owner,
                     const struct revisions *r, const struct object_list *pods, const char *current,
                     struct err *e) MUST_CHECK;
/* NULL when there is none of that name. */
const struct object *revisions_find(const struct revisions *r, const char *name);
