/* statement.h - the in-toto statement of a run that has ended: SLSA provenance, as Chains' formats
 * write it. Pure. */
#pragma once
#include "ctl/chains/config.h"

struct chains_run {
    const char *kind;        /* "TaskRun", "PipelineRun" */
    const struct value *run; /* the object */
    /* TaskRuns that a PipelineRun made and that have ended, in the order it names them. */
    const struct value *const *children;
    size_t n_children;
};

struct value *chains_statement(const struct chains_run *r, const struct chains_config *c,
                               struct arena *a);
