/* upstream_int.h - repositories that are copies: one question to where they are copied from. */
#pragma once
#include "oci/remote.h"
#include "registry/registry_int.h"

struct upstream {
    const struct registry_upstream *at;
    const char *path; /* what the repository is called there */
};

/* False: the repository is nobody's copy. */
bool upstream__of(const struct registry_policy *p, const char *repository, struct upstream *out);

/* Asks one address after the other until one answers, other than with 429 and 5xx. *status is the
 * answer's, or of the last one that was no use (0: unreachable), then with ERR_AGAIN. The remote is
 * open after a success, and its caller's to close. */
int upstream__ask(struct registry *r, const struct upstream *u, const struct remote_call *call,
                  struct remote *remote, struct http_answer *out, int *status,
                  struct err *e) MUST_CHECK;

/* What a status that is not 200 means for who asked here. */
void upstream__refuse(struct registry_call *c, const struct upstream *u, int status,
                      const char *code, const struct err *e);

/* Marks a repository as a copy, whose parts come as they are asked for. */
const char *upstream__mark(struct arena *a, const char *repository);

/* ---- manifests: true when the answer has been given, else what is here is the answer ---- */
bool upstream__manifest(struct registry_call *c, const struct upstream *u);

/* ---- flights.c: blobs on their way ---- */
bool upstream__blob(struct registry_call *c, const struct upstream *u);
/* Ends those under way. */
void flights__free(struct registry *r);
