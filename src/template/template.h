/* template.h - Go's text/template with Sprig and Helm's functions.
 *
 * Model      A set holds templates by name; several files are parsed into one set and may use each
 *            other's definitions. A run executes one of them over a value (dot) and appends to a
 *            buffer. Functions are Go's, Sprig's and Helm's; what needs a host (lookup, the clock,
 *            randomness) is asked of it.
 * Guarantees Pure: the same set, values and host answers give the same bytes. Output and error
 *            texts are those of Go 1.26, Sprig 3.3.0 and Helm 3.22. Depth, steps, time and
 *            sizes are limited, and passing a limit is an error like any other.
 * Threads    Parsing belongs to one thread. A set that is parsed may be used by several runs at
 *            once, each with its own arena.
 * Lifetime   The set and its trees live in the set's arena, results in the run's. Texts given to
 *            template_parse() are borrowed until the arena dies.
 * Not here   Charts, values files, the order of manifests (render/helm).                   */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "template/go_value.h"

struct template_run;

/* ---- functions ---- */

/* One call, as a function sees it. */
struct go_call {
    struct template_run *run;
    struct arena *arena;
    const struct go_func *func;
    const struct go_value *self; /* of a method: what it was called on */
};

/* args fit the signature. 0 with *out, or go_fail(). */
typedef int go_fn(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out);

/* A function or method. The signature has a letter a parameter, "..." after the last when it
 * repeats, then ">" and the result's when templates see an interface{}:
 *   s string  i int  l int64  f float64  b bool  a interface{}  v any (reflect.Value)
 *   m map[string]interface{}  t time.Time
 *   A and M are a and m that the function reads down to the leaves, D an s that it parses
 * "ss" takes two strings; "sa...>a" a string and any number of anything, and answers a boxed value.
 */
struct go_func {
    const char *name;
    const char *signature;
    go_fn *call;
};

/* Records an error's whole text and returns ERR_INVALID: templates show it as "error calling …". */
int go_fail(struct go_call *c, const char *fmt, ...) PRINTF(2, 3);

/* ---- the host ---- */

/* Every slot but `self` may be NULL: lookup then finds nothing, the clock stands at 0, and
 * log is not told. */
struct template_host {
    void *self;
    /* Helm's lookup: an object or a list from the cluster; an empty map when there is none. */
    int (*lookup)(void *self, const char *api_version, const char *kind, const char *namespace,
                  const char *name, struct arena *a, struct go_value *out, struct err *e);
    /* What strict mode lets pass in lint: "Missing required value: …", "Fail: …". */
    void (*log)(void *self, const char *text);
    int64_t now_ns;   /* since 1970, UTC: the release's time */
    const void *seed; /* random draws come from it, and from nothing else */
    size_t seed_n;
};

/* ---- parsing ---- */

struct template_set;

/* Functions beside Go's, Sprig's and Helm's; ends with a nameless one; NULL: none. */
struct template_set *template_set_new(struct arena *a, const struct go_func *more);

/* Adds a file under `name` with what it defines. A later definition of a name replaces an earlier
 * one unless its body is blank; twice in one file is an error. `name` is what errors show.
 * The error is "template: NAME:LINE: …"; template_parse_error() shortens it as Helm does. */
int template_parse(struct template_set *s, const char *name, const char *text, size_t n,
                   struct err *e) MUST_CHECK;

/* The whole text of what template_parse() said last, however long. */
const char *template_set_error(const struct template_set *s);

bool template_set_has(const struct template_set *s, const char *name);

/* ---- running ---- */

/* 0 takes the default in brackets. */
struct template_limits {
    size_t output;      /* bytes of one execution [256 MiB] */
    size_t memory;      /* bytes a run may take of its arena [1 GiB] */
    uint64_t steps;     /* of a run: nodes visited, and what functions read [400 million] */
    size_t parts;       /* of one value that a function reads down to the leaves [10 million] */
    size_t stack_bytes; /* of the C stack [6 MiB]: run on a thread that has more */
};

struct template_options {
    bool strict;                      /* a missing key is an error (helm --strict) */
    bool lint;                        /* required and fail only log */
    bool keep_no_value;               /* "<no value>" stays in the output; Helm cuts it out */
    const struct template_host *host; /* NULL: none */
    struct template_limits limits;
};

/* One run may execute any number of templates: a map changed by `set` stays changed, and all of
 * them share its steps and memory. */
struct template_run *template_run_new(struct arena *a, const struct template_set *s,
                                      const struct template_options *options);

/* Appends what `name` makes of `dot`. On failure *out is as before and
 * template_run_error() has the whole text, "template: NAME:LINE:COL: executing …". */
int template_execute(struct template_run *r, const char *name, struct go_value dot, struct buf *out,
                     struct err *e) MUST_CHECK;

const char *template_run_error(const struct template_run *r);

/* What the run was given, for functions of whoever runs it; NULL: nothing. */
const struct template_host *template_run_host(const struct template_run *r);

/* Where the output came from: texts and actions of the template itself, in the order they ran. */
struct template_piece {
    size_t at;     /* byte of the output */
    size_t source; /* byte of the template */
    size_t n;      /* bytes that were copied; 0: an action made them */
};
struct template_trace {
    const char *name; /* of the template */
    struct template_piece *items;
    size_t n, cap;
};
/* Keeps a trace of executions that follow, in the run's arena; NULL: no more. */
void template_run_trace(struct template_run *r, struct template_trace *t);
/* The byte of the template that byte `at` of its output came from. */
size_t template_trace_source(const struct template_trace *t, size_t at);

/* What helm prints for it: "parse error at (NAME:LINE): …" for an error of template_parse(), and
 * "execution error at (NAME:LINE:COL): …" for what `required` and `fail` said, else unchanged. */
const char *template_parse_error(struct arena *a, const char *name, const char *error);
const char *template_exec_error(struct arena *a, const char *name, const char *error);

/* Where an error text points: the template's name, line and column (0: not said). */
struct template_place {
    const char *name;
    unsigned line, column;
};
bool template_error_place(struct arena *a, const char *error, struct template_place *out);
