/* plan.h - whether an object must go because of its owners, and what its own deletion waits for.
 *
 * Pure: which owners exist is looked up by the caller.                                   */
#pragma once
#include "api/object.h"
#include "kube/kube.h"

enum owner_state {
    OWNER_SOLID,   /* exists */
    OWNER_WAITING, /* is being deleted in the foreground and waits for us */
    OWNER_GONE,    /* does not exist, or another object has its name */
};

struct dependent {
    const struct object *o;
    bool blocks; /* its reference has blockOwnerDeletion */
};

struct garbage_view {
    const struct object *o;
    const enum owner_state *owners; /* one for each of o's ownerReferences */
    const struct dependent *dependents;
    size_t n_dependents;
};

enum garbage_verb {
    GARBAGE_KEEP,
    GARBAGE_UNLINK,  /* drop the references to owners that are gone or wait; others hold it */
    GARBAGE_DELETE,  /* with `propagation` */
    GARBAGE_RELEASE, /* `finalizer` is done: remove it from o */
    GARBAGE_SEE_DEPENDENTS, /* o waits: look at each dependent that blocks it */
    GARBAGE_ORPHAN,         /* unlink every dependent, then release `finalizer` */
};

struct garbage_plan {
    enum garbage_verb verb;
    enum kube_propagation propagation;
    const char *finalizer;
};

struct garbage_plan garbage_plan(const struct garbage_view *v);
bool has_finalizer(const struct object *o, const char *name);
const char *garbage_verb_name(enum garbage_verb v);
