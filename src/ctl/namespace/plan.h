/* plan.h - what is left of a namespace that is going, and how its status says so. */
#pragma once
#include "kube/kube.h"

/* One resource that still has objects in the namespace. */
struct namespace_rest {
    const char *resource; /* "configmaps." or "deployments.apps": plural, dot, group */
    size_t n;
};

/* A finalizer that holds objects back. */
struct namespace_hold {
    const char *finalizer;
    size_t n;
};

struct namespace_view {
    const struct object *namespace_;
    const struct namespace_rest *rests; /* in order of name */
    size_t n_rests;
    const struct namespace_hold *holds; /* in order of name */
    size_t n_holds;
    const char *failure; /* what could not be deleted, or NULL */
    int64_t now_ms;
};

/* The status with the conditions of a deletion that is under way. */
struct value *namespace_status(const struct namespace_view *v, struct arena *a);
