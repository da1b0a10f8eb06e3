/* statement_int.h - what the formats share. */
#pragma once
#include "ctl/chains/statement.h"

const struct chains_artifact *statement__terms(const struct chains_run *r,
                                               const struct chains_config *c);
bool statement__is_pipeline(const struct chains_run *r);
struct value *statement__subjects(const struct chains_run *r, const struct chains_artifact *terms,
                                  struct arena *a);
/* Images of steps and sidecars: {"uri": "oci://…", "digest"}. */
void statement__images(const struct value *task_run, struct arena *a, struct value *into);
/* {"uri", "digest"} of where a spec was read from, or NULL. */
struct value *statement__source(const struct value *holder, const char *name, struct arena *a);
/* What parameters and results say was taken. */
void statement__inputs(const struct chains_run *r, const struct chains_artifact *terms,
                       struct arena *a, struct value *into);
/* Annotations without those of Chains and kubectl. */
struct value *statement__annotations(const struct value *run, struct arena *a);

/* SLSA v0.2's predicate. */
struct value *statement__predicate_v02(const struct chains_run *r, const struct chains_config *c,
                                       struct arena *a);
