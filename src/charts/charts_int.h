/* charts_int.h - what the files of charts/ share. */
#pragma once
#include "charts/charts.h"
#include "charts/index.h"
#include "charts/repositories.h"
#include "charts/url.h"
#include "oci/remote.h"

/* A whole file; errors in Go's words: "open PATH: no such file or directory". */
int charts__read(const char *path, size_t max, struct arena *a, char **out, size_t *n,
                 struct err *e) MUST_CHECK;

/* ---- http.c ---- */

struct charts__get {
    const char *url;
    const char *origin; /* whom the credentials are for; NULL: the URL itself */
    const char *accept; /* or NULL */
    const struct charts_access *access;
    size_t max;
};
int charts__get(const struct charts__get *g, struct arena *a, const char **out, size_t *n,
                struct err *e) MUST_CHECK;
/* TLS files, read. */
int charts__http_opts(const struct charts_access *access, struct arena *a,
                      struct http_client_opts *out, struct err *e) MUST_CHECK;
struct charts_access charts__access_of(const struct charts_repository *r);

/* ---- registry.c ---- */

/* "host/path:1.2.3" and the chart's bytes from there. `version` may be a range. */
int charts__pull(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                 struct charts_answer *out, struct err *e) MUST_CHECK;
int charts__registry_version(const struct charts_files *f, const struct charts_query *q,
                             struct arena *a, const char **url, const char **version,
                             struct err *e) MUST_CHECK;
