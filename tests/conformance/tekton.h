/* tekton.h - what the parts of conformance-tekton share. */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

struct score {
    const char *suite;
    const char *root; /* …/tekton */
    bool verbose;
    unsigned passed, failed, skipped;
};

void score_pass(struct score *s);
void score_skip(struct score *s, const char *name, const char *why);
void score_fail(struct score *s, const char *name, const char *fmt, ...) PRINTF(3, 4);
void score_print(const struct score *s);

/* Whole file below the root; NULL and a failure counted when it cannot be read. */
char *score_read(struct score *s, const char *path, struct arena *a, size_t *n);

void tekton_runs(struct score *s, const struct value *index);     /* examples, conformance, e2e */
void tekton_catalog(struct score *s, const struct value *index);  /* catalog, plumbing */
void tekton_triggers(struct score *s, const struct value *index); /* vectors, requests */
