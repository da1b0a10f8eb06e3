/* application.h - the source of an Application at a commit, rendered as a sync would. */
#pragma once
#include "kube/kube.h"
#include "render/render.h"

struct application_ask {
    const char *ns, *name;
    const char *revision; /* NULL: what the Application targets */
    const char *token;    /* of the Git host, or NULL */
};

struct application_preview {
    struct value **objects;
    size_t n;
    const char *commit, *ns;       /* of objects that name none */
    const struct value *resources; /* status.resources: what the last sync left */
};

/* The repository is this machine's own where it is hosted here and may be read, else it is
 * fetched from its URL for as long as this takes. */
int application_preview(struct kube *k, const struct application_ask *ask, struct arena *a,
                        struct application_preview *out, struct err *e) MUST_CHECK;
