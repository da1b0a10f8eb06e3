#include "ctl/gitops/health/health_int.h"

struct health health__pvc(const struct value *o, struct arena *a)
{
    const char *phase = value_at_str(o, "status.phase", "");
    (void)a;
    if (strcmp(phase, "Bound") == 0)
        return HEALTH(HEALTHY, "");
    if (strcmp(phase, "Lost") == 0)
        return HEALTH(DEGRADED, "");
    return strcmp(phase, "Pending") == 0 ? HEALTH(PROGRESSING, "") : HEALTH(UNKNOWN, "");
}
