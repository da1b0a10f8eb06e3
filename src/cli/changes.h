/* changes.h - objects before and after, as text that people and `patch` readers know.
 *
 * Model      An object is the same one when group, kind, namespace and name are. Each that differs
 *            is a unified diff of its YAML, members sorted.
 * Guarantees What Secrets hold is never printed: a changed value is "*** (before)" and
 *            "*** (after)", any other "***".                                                */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

struct change {
    const struct value *before, *after; /* NULL: it was not there; is not there any more */
    const char *note;                   /* said above the diff, or NULL */
};

struct changes {
    struct change *items;
    size_t n;
};

void changes_add(struct arena *a, struct changes *c, const struct change *one);

/* One entry an object of either list, in the order of `after`, then what is gone. */
void changes_between(struct arena *a, struct value *const *before, size_t n_before,
                     struct value *const *after, size_t n_after, struct changes *out);

struct changes_count {
    size_t changed, added, removed, same;
};

struct changes_look {
    const char *before, *after; /* what the two sides are called: "live", "overlays/prod" */
    unsigned context;           /* lines around a difference */
    bool colour;
};

int changes_print(const struct changes *c, const struct changes_look *look, struct arena *a,
                  struct buf *out, struct changes_count *count, struct err *e) MUST_CHECK;

/* A copy in which what a Secret holds is "***"; other objects as they are. */
const struct value *changes_masked(const struct value *object, struct arena *a);
