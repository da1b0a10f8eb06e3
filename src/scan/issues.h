/* issues.h - what is wrong in files themselves: secrets left in layers, images and pods that are
 * set up unsafely.
 *
 * Model      A few rules, each with a name that a policy can set aside. Secrets are looked for in
 *            every layer, also where a later one hides the file: it is in the image all the same.
 * Guarantees A secret's own text is never kept or shown. Files that are large or no text are left
 *            out.                                                                            */
#pragma once
#include "base/arena.h"
#include "scan/severity.h"

enum issue_kind { ISSUE_SECRET = 1 << 0, ISSUE_CONFIG = 1 << 1 };

struct issue {
    enum issue_kind kind;
    const char *rule, *title, *advice;
    enum severity severity;
    const char *path;
    unsigned line; /* 0: of the whole file */
    bool hidden;   /* a later layer hides the file */
    bool ignored, fails;
    const char *why; /* it was ignored */
};

struct issue_list {
    struct issue *items;
    size_t n, cap;
};

/* `kinds`: of enum issue_kind. */
int issues_find(const char *const *layers, size_t n_layers, unsigned kinds, struct arena *a,
                struct issue_list *out, struct err *e) MUST_CHECK;

/* One file's text. */
void issues_read(const char *path, const char *text, size_t n, unsigned kinds, struct arena *a,
                 struct issue_list *out);
