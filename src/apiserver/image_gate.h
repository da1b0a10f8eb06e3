/* image_gate.h - what the API asks before a pod's image may start in a protected namespace.
 *
 * Model      A port: the server embeds struct image_gate as its first member. Asked for each
 *            image of a new pod, and for each that is changed.
 * Threads    Any; calls may block for as long as it takes to verify a signature.           */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct image_gate;
struct value;

struct image_answer {
    const char *pinned;  /* the image with its digest */
    const char *warning; /* NULL: nothing to say */
};

struct image_gate_ops {
    bool (*protects)(struct image_gate *g, const struct value *ns);
    /* ERR_DENIED, with what would allow it as the hint. */
    int (*admit)(struct image_gate *g, const char *ns, const char *image, struct arena *a,
                 struct image_answer *out, struct err *e);
};

struct image_gate {
    const struct image_gate_ops *ops;
};

/* "image X in protected namespace NS: why; what would allow it: …", of what admit() said. */
const char *image_gate_refusal(const char *ns, const char *image, const struct err *why,
                               struct arena *a);

/* Asks about one container; < 0 ends the walk. `path`: where it is in the pod, as JSON Pointer. */
typedef int (*image_gate_ask)(void *arg, struct value *container, const char *path);

/* Each container of a pod, of all three kinds, whose image is not the one that it has in `old`
 * (NULL: a new pod). */
int image_gate_walk(struct value *pod, const struct value *old, image_gate_ask ask, void *arg,
                    struct arena *a);
