/* dashboards.h - Grafana's dashboards in ConfigMaps: kept, checked, served.
 *
 * Model      Every key that ends in .json of a ConfigMap with the label grafana_dashboard (what
 *            Grafana's sidecar looks for) is a dashboard. One without a uid gets one that follows
 *            from where it stands.
 * Guarantees A dashboard whose query cannot work is named by an Event and in the log, with panel
 *            and query, and is served all the same; one that cannot be read is listed with why.
 *            At most DASHBOARDS_MAX are kept.
 * Threads    Any.                                                                         */
#pragma once
#include "base/buf.h"
#include "kube/controller.h"

enum { DASHBOARDS_MAX = 1000 };

struct dashboards;

/* `features`: PROMQL_…, what its queries may use. */
struct dashboards *dashboards_new(unsigned features);
void dashboards_free(struct dashboards *d);
AUTO_DEFINE(dashboards)

struct dashboard_place {
    const char *ns, *name, *key; /* ConfigMap, and what of it */
    const char *version;         /* the same: nothing is to be done */
};
/* What is wrong with it, in one line of the arena's; NULL: nothing, or said before. */
const char *dashboards_put(struct dashboards *d, const struct dashboard_place *at, const char *text,
                           struct arena *a);
/* Forgets those of a ConfigMap that are not in `data`; NULL: all of them. */
void dashboards_keep(struct dashboards *d, const char *ns, const char *name,
                     const struct value *data);

/* JSON: an array of summaries, by place; one whole. False: no dashboard has that uid. */
void dashboards_list(struct dashboards *d, struct buf *out);
bool dashboards_show(struct dashboards *d, const char *uid, struct buf *out);

extern const struct controller dashboards_controller; /* ConfigMap; arg: a struct dashboards */
