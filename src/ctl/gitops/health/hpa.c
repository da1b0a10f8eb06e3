#include "codec/json.h"
#include "ctl/gitops/health/health_int.h"

static bool failing(const struct value *c)
{
    static const char *const reasons[] = {"FailedGetScale", "FailedUpdateScale", "InvalidSelector"};
    const char *type = value_at_str(c, "type", ""), *reason = value_at_str(c, "reason", "");
    bool scales = strcmp(type, "AbleToScale") == 0 || strcmp(type, "ScalingActive") == 0;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strcmp(reason, reasons[i]) == 0)
            return scales;
    size_t n = strlen(reason);
    /* FailedGetResourceMetric, FailedGetObjectMetric, … */
    return scales && n > 15 && strncmp(reason, "FailedGet", 9) == 0 &&
           strcmp(reason + n - 6, "Metric") == 0;
}

static bool working(const struct value *c)
{
    const char *type = value_at_str(c, "type", ""), *reason = value_at_str(c, "reason", "");
    bool on = strcmp(value_at_str(c, "status", ""), "True") == 0;
    if (strcmp(type, "AbleToScale") == 0)
        return on && (strcmp(reason, "SucceededRescale") == 0 ||
                      strcmp(reason, "SucceededGetScale") == 0 ||
                      strcmp(reason, "ReadyForNewScale") == 0 ||
                      strcmp(reason, "ScaleDownStabilized") == 0 ||
                      strcmp(reason, "ScaleUpStabilized") == 0);
    if (strcmp(type, "ScalingLimited") == 0)
        return on &&
               (strcmp(reason, "TooManyReplicas") == 0 || strcmp(reason, "TooFewReplicas") == 0);
    return false;
}

/* autoscaling/v1 keeps its conditions in an annotation. */
static int conditions(const struct value *o, struct arena *a, const struct value **out)
{
    const struct value *list = value_at(o, "status.conditions");
    const char *text = value_str(value_get(value_at(o, "metadata.annotations"),
                                           "autoscaling.alpha.kubernetes.io/conditions"),
                                 NULL);
    struct value *parsed;
    *out = list;
    if (list || !text)
        return 0;
    int rc = json_parse(a, text, strlen(text), 0, &parsed, NULL);
    if (rc == 0)
        *out = parsed;
    return rc;
}

struct health health__hpa(const struct value *o, struct arena *a)
{
    const struct value *list;
    if (conditions(o, a, &list) < 0)
        return HEALTH(DEGRADED, "its conditions cannot be read");
    VALUE_EACH_ITEM (c, list)
        if (failing(c))
            return HEALTH(DEGRADED, value_at_str(c, "message", ""));
    VALUE_EACH_ITEM (c, list)
        if (working(c))
            return HEALTH(HEALTHY, value_at_str(c, "message", ""));
    return HEALTH(PROGRESSING, "Waiting to Autoscale");
}
