/* functions.h - KRM functions: the port through which programs of others transform and generate.
 *
 * Model      A function reads a ResourceList from standard input and prints one: the objects, and
 *            in functionConfig the object that asks for it. Building runs nothing itself: whoever
 *            calls it hands in a port that does, or none, and then functions are refused by name.
 *            The port decides what is allowed, and fences what it runs.                   */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct kustomize_function_mount {
    const char *type, *source, *target; /* a relative source counts from the kustomization */
    bool writable;
};

struct kustomize_function {
    const char *kind;   /* of the object that asks for it */
    const char *folder; /* of the kustomization, in the tree; NULL: it was fetched from elsewhere */
    const char *const *env; /* "NAME=value" or "NAME", NULL-terminated */

    const char *image; /* a container's, or … */
    bool network;
    const struct kustomize_function_mount *mounts;
    size_t n_mounts;

    const char *program; /* … a program, as it is called in the folder */
    const char *const *args;
};

struct kustomize_functions {
    /* ERR_UNSUPPORTED, ERR_DENIED: it is not allowed. */
    int (*run)(struct kustomize_functions *p, const struct kustomize_function *f, const char *in,
               size_t n, struct arena *a, const char **out, size_t *out_n, struct err *e);
};
