/* dependency_int.h - the dependencies of one chart while they are brought in. */
#pragma once
#include "charts/charts_int.h"
#include "charts/dependency.h"

enum wish_kind { WISH_HERE, WISH_FILE, WISH_OCI, WISH_HTTP };

struct wish {
    enum wish_kind kind;
    struct value *doc; /* as Chart.yaml has it, aliases of repositories resolved */
    const char *name, *range, *repository; /* "" repository: it is in charts/ already */
    const char *version;                   /* what it came to */
    const struct charts_repository *known; /* HTTP: whose index is kept */
};

struct job {
    const struct dependency_opts *o;
    struct helm_log *log;
    struct arena *a;
    struct wish *wishes;
    size_t n;
    struct charts_repositories known;
};

enum wish_kind wish_kind_of(const char *repository);
void dependency__say(struct job *j, const char *fmt, ...) PRINTF(2, 3);
int dependency__local(struct job *j, const char *repository, const char **out,
                      struct err *e) MUST_CHECK;
/* Sets the versions. */
int dependency__resolve(struct job *j, struct err *e) MUST_CHECK;
/* Fetches all, then changes charts/. */
int dependency__fetch_all(struct job *j, struct err *e) MUST_CHECK;
