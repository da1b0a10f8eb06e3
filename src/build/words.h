/* words.h - variables and quotes in a Containerfile's words.
 *
 * Model      $NAME, ${NAME}, ${NAME:-word}, :+ :? - + ?, ${NAME#pattern} ## % %%,
 *            ${NAME/pattern/text} and //; '…' is taken as it stands, "…" is expanded, the escape
 *            character protects the next one.                                            */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct variables {
    /* NULL when it is not set. */
    const char *(*get)(void *arg, const char *name);
    void *arg;
    char escape;
};

/* One word, quotes removed. */
int words_expand(const struct variables *v, const char *word, struct arena *a, const char **out,
                 struct err *e) MUST_CHECK;
/* The same, quotes kept: for text that has none of its own, as in here-documents. */
int words_expand_text(const struct variables *v, const char *text, struct arena *a,
                      const char **out, struct err *e) MUST_CHECK;
