/* args.h - {{args.name}} in metrics, and the values that must not be told again. */
#pragma once
#include "kube/kube.h"

struct analysis_args {
    const char *const *names;
    const char *const *values;
    const bool *secret;
    size_t n;
};

/* spec.args of a run: value, valueFrom.secretKeyRef, valueFrom.fieldRef (of the run). */
int analysis_args_read(struct kube *k, const struct object *run, struct arena *a,
                       struct analysis_args *out, struct err *e) MUST_CHECK;

/* A copy with every {{args.x}} replaced; ERR_INVALID names one that is not declared. */
int analysis_args_fill(const struct analysis_args *args, const struct value *v, struct arena *a,
                       struct value **out, struct err *e) MUST_CHECK;

/* The text with secret values starred out. */
const char *analysis_args_hide(const struct analysis_args *args, const char *text, struct arena *a);
