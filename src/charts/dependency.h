/* dependency.h - the charts that a chart on disk wants, brought into its charts/ folder.
 *
 * Model      Chart.yaml says which (requirements.yaml for old charts), with ranges of versions;
 *            Chart.lock says which versions they came to, and of which wishes it is true (its
 *            digest). `update` resolves and locks; `build` fetches what is locked.
 * Guarantees Sentences, digest and files are Helm's. Everything is fetched before charts/ changes.
 * Threads    One call per chart at a time.                                                */
#pragma once
#include "charts/repositories.h"
#include "render/helm/chart.h"

struct dependency_opts {
    const struct charts_files *files;
    const struct charts_access *access; /* or NULL */
    const char *folder;                 /* of the chart, as the user wrote it */
    const char *keyring;                /* look at signatures where there are some; NULL: do not */
    bool skip_refresh;                  /* of the indexes in the cache */
    int64_t now_ms;                     /* for Chart.lock */
    int64_t mtime;                      /* of files in archives of file:// charts */
    void (*say)(void *arg, const char *line);
    void (*aside)(void *arg, const char *line); /* for standard error */
    void *arg;
};

int dependency_update(const struct dependency_opts *o, struct helm_log *log,
                      struct err *e) MUST_CHECK;
int dependency_build(const struct dependency_opts *o, struct helm_log *log,
                     struct err *e) MUST_CHECK;

/* "sha256:…" over what is wished and what is locked, arrays of dependencies. */
const char *dependency_digest(const struct value *wants, const struct value *locked,
                              struct arena *a);
/* The same as Helm 2 did it. */
const char *dependency_old_digest(const struct value *wants, struct arena *a);

/* Fetches the indexes of repositories, and tells of each; the number of those that failed. */
size_t dependency_refresh(const struct charts_files *f, const struct charts_repository *all,
                          size_t n, void (*say)(void *arg, const char *line), void *arg);

/* A folder of this machine. */
int charts_load_folder(const char *path, struct helm_log *log, struct helm_chart **out,
                       struct err *e) MUST_CHECK;
