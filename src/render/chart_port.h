/* chart_port.h - charts that are not in the tree: the port through which renderers ask for them.
 *
 * Model      Rendering fetches nothing itself: whoever calls it hands in a port, over the network
 *            (charts/charts.h) or a table (tests), or none, and then such charts are refused.  */
#pragma once
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct chart_request {
    const char *repository; /* "https://…" or "oci://…", the chart's folder */
    const char *name;
    const char *version; /* one or a range; "" the newest */
};

struct chart_port {
    /* The packaged chart. */
    int (*fetch)(struct chart_port *p, const struct chart_request *r, struct arena *a,
                 const void **archive, size_t *n, struct err *e);
};
