/* conditions.h - status.conditions: one per type, with the time it last changed.         */
#pragma once
#include "codec/value.h"

struct condition {
    const char *type, *status, *reason, *message;
    int64_t observed_generation; /* 0: left out */
};

/* Sets it in root.status.conditions; lastTransitionTime becomes now_ms only when the status
 * changes. True when anything changed. */
bool condition_set(struct arena *a, struct value *root, const struct condition *c, int64_t now_ms);
/* The same in any array of conditions, `probe_times` writing lastUpdateTime too (Deployment). */
bool condition_set_in(struct arena *a, struct value *conditions, const struct condition *c,
                      int64_t now_ms, bool update_time);
bool condition_is(const struct value *root, const char *type, const char *status);
bool condition_remove(struct value *root, const char *type);
