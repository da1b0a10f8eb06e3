/* What extends the API, and PodDisruptionBudget. */
#include "ctl/gitops/health/health_int.h"

struct health health__api_service(const struct value *o, struct arena *a)
{
    const struct value *c = object_condition(o, "Available");
    if (!c)
        return HEALTH(PROGRESSING, "Waiting to be processed");
    const char *text =
        arena_printf(a, "%s: %s", value_at_str(c, "reason", ""), value_at_str(c, "message", ""));
    return condition_true(o, "Available") ? HEALTH(HEALTHY, text) : HEALTH(PROGRESSING, text);
}

struct health health__crd(const struct value *o, struct arena *a)
{
    const char *message;
    if (value_count(value_at(o, "status.conditions")) == 0)
        return HEALTH(PROGRESSING, "Status conditions not found");
    message = value_str(value_get(object_condition(o, "Terminating"), "message"), "");
    if (condition_true(o, "Terminating"))
        return HEALTH(PROGRESSING, arena_printf(a, "CRD is terminating: %s", message));
    const struct value *names = object_condition(o, "NamesAccepted");
    if (names && !condition_true(o, "NamesAccepted"))
        return HEALTH(DEGRADED, arena_printf(a, "CRD names have not been accepted: %s",
                                             value_at_str(names, "message", "")));
    const struct value *established = object_condition(o, "Established");
    if (!condition_true(o, "Established")) {
        if (strcmp(value_at_str(established, "reason", ""), "Installing") == 0)
            return HEALTH(PROGRESSING, "CRD is being installed");
        return HEALTH(DEGRADED, "CRD is not established");
    }
    message = value_str(value_get(object_condition(o, "NonStructuralSchema"), "message"), "");
    if (condition_true(o, "NonStructuralSchema"))
        return HEALTH(DEGRADED, arena_printf(a, "Schema violations found: %s", message));
    return HEALTH(HEALTHY, "CRD is healthy");
}

struct health health__pdb(const struct value *o, struct arena *a)
{
    const struct value *c = object_condition(o, "DisruptionAllowed");
    (void)a;
    if (!c)
        return HEALTH(PROGRESSING, "Waiting for status");
    if (condition_true(o, "DisruptionAllowed"))
        return HEALTH(HEALTHY, "PodDisruptionBudget has SufficientPods");
    if (strcmp(value_at_str(c, "reason", ""), "SyncFailed") == 0)
        return HEALTH(DEGRADED, value_at_str(c, "message", ""));
    return HEALTH(HEALTHY, "PodDisruptionBudget allows no disruption now");
}
