/* jsonpath.h - the JSONPath dialect of Kubernetes (k8s.io/client-go/util/jsonpath).
 *
 * Model      A template is text with {expressions}: {.a.b[0]}, {['key.with.dots']},
 *            {.items[*].name}, {..name}, {.a[-1:]}, {.a[0,2]}, {.a[?(@.x=="y")]},
 *            {range .items[*]}{.name}{"\n"}{end}, {"text"}. Keys with dots: {.a\.b}.
 * Guarantees Compiled once, run often, from any thread. Nesting and results are limited.
 * Lifetime   A compiled template lives in its arena; results point into the document.    */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

struct jsonpath;

enum jsonpath_flag {
    JSONPATH_ALLOW_MISSING = 1 << 0, /* a key that is not there gives nothing, no error */
};

int jsonpath_compile(struct arena *a, const char *text, struct jsonpath **out,
                     struct err *e) MUST_CHECK;

/* kubectl's relaxed form, also "x.y", ".x.y" and "{x.y}": becomes "{.x.y}" (custom columns,
 * additionalPrinterColumns, trigger bindings). */
int jsonpath_compile_relaxed(struct arena *a, const char *text, struct jsonpath **out,
                             struct err *e) MUST_CHECK;

/* The values the first expression finds. */
int jsonpath_find(struct arena *a, const struct jsonpath *p, const struct value *doc,
                  unsigned flags, const struct value ***out, size_t *n, struct err *e) MUST_CHECK;

/* The template's text: strings as they are, numbers and booleans as written, lists and
 * objects as JSON; several results with a blank between. */
int jsonpath_print(const struct jsonpath *p, const struct value *doc, unsigned flags,
                   struct buf *out, struct err *e) MUST_CHECK;
