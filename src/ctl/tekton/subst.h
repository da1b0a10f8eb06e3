/* subst.h - Tekton's $(…) variables in texts and trees.
 *
 * Model      A scope maps canonical names ("params.image", "tasks.build.results.digest") to
 *            values: texts, arrays or objects. A reference may be spelled with dots or
 *            ["…"], index an array, take a key of an object, or mean all of it with [*].
 * Guarantees What names nothing in the scope stays as it was written: a shell's $(date) is not
 *            ours. Replaced text is not scanned again. Trees given are never written.
 * Lifetime   A scope and what it gives live in the arena.                                 */
#pragma once
#include "base/map.h"
#include "codec/value.h"

struct scope {
    struct arena *arena;
    struct map vars; /* canonical name -> struct value */
};

struct scope *scope_new(struct arena *a);
void scope_put(struct scope *s, const struct value *v, const char *name_fmt, ...) PRINTF(3, 4);
void scope_put_str(struct scope *s, const char *text, const char *name_fmt, ...) PRINTF(3, 4);

enum subst_flag {
    SUBST_WHOLE = 1 << 0, /* a text that is just $(x[*]), or $(x), becomes the array or object x */
};

const char *subst_text(const struct scope *s, const char *text);
/* A text that is one item of an array and just $(x[*]) (or $(x), x an array) becomes its items. */
const struct value *subst_tree(const struct scope *s, const struct value *tree, unsigned flags);

/* One reference found in a text. */
struct subst_ref {
    const char *name;    /* canonical, without index, key of [*]: "params.a", "tasks.t.results.r" */
    const char *spelled; /* as written, without $( and ) */
    int64_t index;       /* >= 0, or -1 */
    bool star;           /* [*] */
};

/* Calls fn for each thing in the tree's texts that has the form of a reference. */
void subst_each_ref(const struct value *tree, struct arena *a,
                    void (*fn)(void *arg, const struct subst_ref *ref), void *arg);
