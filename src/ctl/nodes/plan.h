/* plan.h - the taints that a node's conditions ask for. Pure. */
#pragma once
#include "api/object.h"

/* spec.taints as they should be: those of others stay. NULL: they are. */
struct value *node_taints(const struct object *node, int64_t now_ms, struct arena *a);

/* status.conditions once the node has been silent for too long; NULL: it has not. */
struct value *node_silent_status(const struct object *node, int64_t last_heard_ms, int64_t now_ms,
                                 struct arena *a);
enum { NODE_GRACE_MS = 50000 };
