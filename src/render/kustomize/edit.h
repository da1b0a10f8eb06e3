/* edit.h - a kustomization file with something changed: what `kustomize edit` does to it.
 *
 * Model      The file is read into a document, mended as Kustomize mends it (fields that took the
 *            place of others, apiVersion and kind); the caller changes the document, and the text
 *            is written anew.
 * Guarantees What is written means the document, and only what changed is touched: a field that
 *            means what it meant keeps its bytes, a scalar is replaced where it stands, an entry
 *            of a list or table comes and goes with its comments. New text is Kustomize's.
 * Lifetime   Everything lives in the arena; the text is borrowed.                          */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

struct kustomize_edit {
    struct arena *a;
    const char *path; /* for errors */
    const char *text;
    size_t n;
    struct value *before, *doc; /* as it was read; as it is to be */
};

/* An empty text begins a new file. */
int kustomize_edit_open(struct arena *a, const char *path, const char *text, size_t n,
                        struct kustomize_edit *out, struct err *e) MUST_CHECK;
int kustomize_edit_text(struct kustomize_edit *k, struct buf *out, struct err *e) MUST_CHECK;
