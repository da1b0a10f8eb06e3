/* manifests.h - what a revision renders to, for one Application. */
#pragma once
#include <stdatomic.h>

#include "codec/value.h"

/* A kind whose scope had a say. */
struct app_kind {
    const char *version, *kind;
    int namespaced; /* -1: the cluster does not know it */
};

/* What one object adds to the whole. */
struct app_part {
    unsigned char sum[32];     /* SHA-256 of its JSON, keys sorted */
    const char *const *images; /* NULL-terminated */
    atomic_ullong in_sync;     /* resourceVersion that is as the object wants it, or 0 */
};

struct app_manifests {
    const char *revision;
    const struct value *source; /* struct app_sources' doc */
    struct value **objects;     /* with namespace and tracking id */
    size_t n;
    char git[65];               /* digest of what Git says: "v2" and hexadecimal digits */
    const struct value *config; /* digests of the configuration from outside, by its name */
    const char *const **files;  /* that were read, NULL-terminated, a list for each source */
    const char **tools;         /* "Kustomize", "Directory", the same; NULL: nothing to render */
    const char *const *images;
    struct app_kind *kinds; /* of all objects */
    size_t n_kinds;
    struct app_part *parts; /* of the objects; NULL where others are compared */
    struct value **plain;   /* objects before configuration from outside was noted in them */
    char *whole;            /* 65 bytes: the digest as it was before "v2"; "" nobody has asked */
};
