/* refs.h - durable names for digests: tags, leases, build cache keys.
 *
 * Model      A name (any text without spaces or control characters) has one digest and a short
 *            note. All live in memory; changes are appended to one file, which is rewritten
 *            when most of it is history.
 * Guarantees A change is on disk when the call returns, and seen by nobody in this process before;
 *            who change at once share a sync. A torn last line is dropped on opening.
 *            Several processes may use the same file: each sees the others' changes.
 * Threads    Any.                                                                          */
#pragma once
#include "blob/blob.h"

enum { REF_NAME_MAX = 1024, REF_NOTE_MAX = 512 };

struct refs;

struct ref {
    const char *name;
    const char *digest; /* "" where the name needs none */
    const char *note;   /* "" where there is none */
    int64_t set_ms;     /* when it was last set, UTC */
};

int refs_open(const char *file, struct refs **out, struct err *e) MUST_CHECK;
void refs_free(struct refs *r);
AUTO_DEFINE(refs)

/* `note` may be NULL. Setting what is already so only costs a look. */
int refs_set(struct refs *r, const char *name, const char *digest, const char *note,
             struct err *e) MUST_CHECK;

struct ref_change {
    const char *name;
    const char *digest; /* NULL: the name goes */
    const char *note;
    bool once; /* not when it has another digest */
};
/* All or none of them, with one sync. Removing what is not there is a success. ERR_EXISTS: a name
 * that is set but once has another digest; the message says which. */
int refs_change(struct refs *r, const struct ref_change *c, size_t n, struct err *e) MUST_CHECK;

/* ERR_NOT_FOUND when there is no such name. The answer is copied into the arena. */
int refs_get(struct refs *r, const char *name, struct arena *a, struct ref *out,
             struct err *e) MUST_CHECK;
bool refs_has(struct refs *r, const char *name);
int refs_remove(struct refs *r, const char *name, struct err *e) MUST_CHECK;

/* Every name that starts with `prefix`, in byte order, copied into the arena. */
size_t refs_list(struct refs *r, const char *prefix, struct arena *a, struct ref **out);
