/* promql.h - what the files of the PromQL suite share. */
#pragma once
#include "promql/describe.h"
#include "promql/promql.h"

/* The store; start times of samples are kept beside it. */
struct world {
    struct promql_source source;
    struct tsdb *db;
    struct arena *arena;
    struct started *starts;
    size_t n_starts;
};

/* One expectation: of any text, of this one, or of what a pattern fits. */
struct expectation {
    enum { EXPECT_FAIL, EXPECT_WARN, EXPECT_NO_WARN, EXPECT_INFO, EXPECT_NO_INFO } kind;
    const char *text;
    bool any, pattern;
};

struct eval {
    const char *query;
    bool range, ordered, scalar, matrix;
    int64_t start, end, step; /* an instant is at start */
    const char *string;       /* NULL: none is expected */
    struct description *want;
    size_t n_want, line;
    struct expectation expects[16];
    size_t n_expects;
};

bool world_reset(struct world *w);
/* NULL, or what is wrong with the lines of a load; `lines` begins with the load itself. */
const char *world_load(struct world *w, char **lines, size_t n);

/* "1m30s", "-5", "1.5" in milliseconds. */
int64_t script_duration(const char *s);

/* NULL, or why the answer is not the one that is wanted. */
const char *judge(const struct eval *v, int rc, const struct err *e, const struct promql_result *r,
                  struct arena *a);
