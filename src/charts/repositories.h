/* repositories.h - Helm's repositories.yaml: which repositories a user has given names to.
 *
 * Guarantees What is written is what Helm reads, and it is written whole and readable by its owner
 *            alone, as it may hold passwords.                                             */
#pragma once
#include "charts/index.h"

struct charts_repository {
    const char *name, *url;
    const char *user, *password, *cert_file, *key_file, *ca_file; /* "" none */
    bool insecure, pass_everywhere;
};

struct charts_repositories {
    struct charts_repository *items;
    size_t n;
    bool missing; /* the file is not there */
};

/* A file that is not there is an empty one. */
int charts_repositories_read(const char *path, struct arena *a, struct charts_repositories *out,
                             struct err *e) MUST_CHECK;
int charts_repositories_write(const char *path, const struct charts_repositories *r, int64_t now_ms,
                              struct err *e) MUST_CHECK;
/* NULL when it is not there. */
struct charts_repository *charts_repositories_find(const struct charts_repositories *r,
                                                   const char *name);
/* In the place of one with its name, or at the end. */
void charts_repositories_put(struct charts_repositories *r, const struct charts_repository *one,
                             struct arena *a);
bool charts_repositories_remove(struct charts_repositories *r, const char *name);

/* "CACHE/NAME-index.yaml" */
const char *charts_index_path(const struct charts_files *f, const char *name, struct arena *a);

/* Fetches a repository's index, checks it, and keeps it in the cache when `keep`. */
int charts_index_fetch(const struct charts_files *f, const struct charts_repository *r, bool keep,
                       struct arena *a, struct charts_index *out, struct err *e) MUST_CHECK;
