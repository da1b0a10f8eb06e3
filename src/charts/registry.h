/* registry.h - charts in OCI registries: "host/folder/name:version".
 *
 * Model      A chart is a manifest whose configuration is its Chart.yaml and whose layers are the
 *            archive and its provenance; its tag is the version, with '_' for '+'.
 * Guarantees Bytes are what the manifest's digests say.                                   */
#pragma once
#include "charts/charts.h"
#include "codec/value.h"

/* Semantic versions of a repository ("host/path"), newest first. */
int charts_registry_tags(const struct charts_files *f, const char *repository,
                         const struct charts_access *access, struct arena *a, const char ***out,
                         size_t *n, struct err *e) MUST_CHECK;

struct charts_push {
    const char *bytes; /* a .tgz that is a chart */
    size_t n;
    const char *provenance; /* or NULL */
    size_t provenance_n;
    const char *to;           /* "oci://host/folder" */
    const char *created;      /* RFC 3339, for the annotation */
    const struct value *meta; /* the chart's */
    const struct charts_access *access;
};

/* *reference is "host/folder/name:version", *digest the manifest's. */
int charts_push(const struct charts_files *f, const struct charts_push *p, struct arena *a,
                const char **reference, const char **digest, struct err *e) MUST_CHECK;

/* Asks a registry whether it knows the user. */
int charts_registry_check(const char *host, const struct charts_access *access,
                          struct err *e) MUST_CHECK;
