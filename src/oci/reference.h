/* reference.h - image references: "[host[:port]/]path[:tag][@digest]", with Docker's defaults.
 *
 * Guarantees What Docker's reference grammar accepts is accepted and the rest refused:
 *            "busybox" is docker.io/library/busybox:latest; the first component is a host when
 *            it holds a dot or a colon or is "localhost".                                  */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct reference {
    const char *host;   /* "docker.io", "localhost:5000" */
    const char *path;   /* "library/busybox" */
    const char *tag;    /* NULL when only a digest was given */
    const char *digest; /* NULL when none was given */
};

int reference_parse(const char *text, struct arena *a, struct reference *out,
                    struct err *e) MUST_CHECK;
/* Canonical: host/path[:tag][@digest]. */
char *reference_print(const struct reference *r, struct arena *a);
/* As users write it: without "docker.io/library/". */
char *reference_familiar(const struct reference *r, struct arena *a);
/* A repository path as the distribution spec allows it. */
bool reference_path_ok(const char *path);
bool reference_tag_ok(const char *tag);
