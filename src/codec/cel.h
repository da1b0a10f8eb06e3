/* cel.h - the Common Expression Language over values.
 *
 * Model      Compile once, evaluate often against variables. The result is a value; types JSON
 *            has not (bytes, timestamps, durations, types, unsigned) are written as JSON would
 *            carry them unless read through struct cel_value.
 * Guarantees Standard functions and macros; the string, math, list, set, encoder and binding
 *            extensions; Kubernetes' (isURL, quantity, …) where cel_ext.c lists them. Cost is
 *            limited, so that a request cannot keep a thread: past it ERR_TOO_LARGE.
 * Threads    A compiled program may be run from any thread, each run with its own arena.
 * Lifetime   A program lives in its arena; results live in the run's and may point into
 *            the variables.                                                              */
#pragma once
#include "codec/value.h"

struct cel_program;

/* More functions, for those who embed CEL: the receiver, when there is one, is args[0]. */
struct cel_value;
struct cel_function {
    const char *name;
    size_t n_args;
    /* Returns 0 and fills *out, or fails with a sentence. Arguments come as values. */
    int (*call)(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                struct err *e);
    void *ctx;
};

struct cel_var {
    const char *name; /* may have dots: "a.b" */
    const struct value *value;
};

struct cel_env {
    const struct cel_var *vars;
    size_t n_vars;
    const struct cel_function *functions;
    size_t n_functions;
    const char *container; /* namespace that names are looked up in; NULL: none */
    bool doubles;          /* numbers of documents are doubles, as where Go decoded them */
    uint64_t cost_max;     /* steps; 0: 1,000,000 */
    int64_t now_ns;        /* for functions that ask the time; 0: none does */
};

/* Syntax errors give line and column. */
int cel_compile(struct arena *a, const char *text, size_t n, struct cel_program **out,
                struct err *e) MUST_CHECK;

int cel_eval(struct arena *a, const struct cel_program *p, const struct cel_env *env,
             struct value **out, struct err *e) MUST_CHECK;

/* As cel_eval; ERR_INVALID when the result is not a boolean. */
int cel_eval_bool(struct arena *a, const struct cel_program *p, const struct cel_env *env,
                  bool *out, struct err *e) MUST_CHECK;
