/* store.h - charts of repositories and registries, kept: a version that was fetched once is there
 * without asking again.
 *
 * Model      A wish names a chart and a version or a range of them. A version is exact when it is
 *            one ("1.2.3", "v1.2"); everything else is looked for in the repository, at most
 *            once in `look_ms`, or when the wish is for a fresh answer.
 *            Archives are blobs, by digest; a name file leads from repository, chart, version and
 *            who asks to the digest. A version is fetched once: repositories do not change them.
 * Guarantees What the folder holds is checked by its digest, else fetched again. Opening
 *            removes archives that nobody has asked for in 30 days. No password is written.
 * Threads    Any.                                                                          */
#pragma once
#include <stdint.h>

#include "base/clock.h"
#include "charts/charts.h"

struct charts_store;

struct charts_store_opts {
    const char *folder; /* NULL: nothing is kept */
    const struct clock *clock;
    int64_t look_ms; /* 0: three minutes */
};

int charts_store_open(const struct charts_store_opts *opts, struct charts_store **out,
                      struct err *e) MUST_CHECK;
void charts_store_free(struct charts_store *s);
AUTO_DEFINE(charts_store)

struct charts_wish {
    const char *repository; /* "https://…", "oci://host/folder" */
    const char *name;
    const char *version;                /* "" or "*": the newest */
    const struct charts_access *access; /* NULL: nobody */
    bool fresh;                         /* ask, whatever is kept */
};

/* The version that is meant now. ERR_NOT_FOUND, ERR_AGAIN as charts_fetch(). */
int charts_store_version(struct charts_store *s, const struct charts_wish *w, struct arena *a,
                         const char **out, struct err *e) MUST_CHECK;
/* The packaged chart of an exact version. */
int charts_store_get(struct charts_store *s, const struct charts_wish *w, struct arena *a,
                     const char **out, size_t *n, struct err *e) MUST_CHECK;
