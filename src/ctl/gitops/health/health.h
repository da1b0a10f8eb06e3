/* health.h - is a live object well? Judged as Argo CD judges built-in kinds.
 *
 * Model      One function a kind, from the live object alone. A kind without a judgement has
 *            no health and does not count.
 * Guarantees Pure.                                                                       */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

/* From best to worst, as an Application's health is the worst of its resources'. */
enum health_status {
    HEALTH_NONE, /* the kind has no health */
    HEALTH_HEALTHY,
    HEALTH_SUSPENDED,
    HEALTH_PROGRESSING,
    HEALTH_MISSING,
    HEALTH_DEGRADED,
    HEALTH_UNKNOWN,
};

struct health {
    enum health_status status;
    const char *message; /* never NULL */
};

const char *health_name(enum health_status s); /* "Healthy" …; "" for none */
enum health_status health_named(const char *name);

/* `object` NULL: missing. Messages live in the arena or are constant. */
struct health health_of(const struct value *object, struct arena *a);
