/* text_diff.h - two texts, and the lines in which they differ, as `diff -u` writes them. */
#pragma once
#include "base/buf.h"

/* Appends hunks ("@@ -1,3 +1,4 @@" …) without file headers; nothing when the texts are equal. */
int text_diff(const char *before, size_t n_before, const char *after, size_t n_after,
              unsigned context, struct buf *out, struct err *e) MUST_CHECK;
