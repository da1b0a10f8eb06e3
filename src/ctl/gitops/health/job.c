#include "ctl/gitops/health/health_int.h"

struct health health__job(const struct value *o, struct arena *a)
{
    static const struct {
        const char *type;
        enum health_status status;
    } ends[] = {
        {"Failed",    HEALTH_DEGRADED },
        {"Complete",  HEALTH_HEALTHY  },
        {"Suspended", HEALTH_SUSPENDED},
    };
    (void)a;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (condition_true(o, ends[i].type))
            return (struct health){
                ends[i].status,
                value_str(value_get(object_condition(o, ends[i].type), "message"), "")};
    return HEALTH(PROGRESSING, "");
}

struct health health__cron_job(const struct value *o, struct arena *a)
{
    const char *scheduled = value_at_str(o, "status.lastScheduleTime", "");
    const char *succeeded = value_at_str(o, "status.lastSuccessfulTime", "");
    (void)a;
    if (value_at_bool(o, "spec.suspend", false))
        return HEALTH(HEALTHY, "CronJob is Suspended");
    if (!*scheduled)
        return HEALTH(HEALTHY, "CronJob has not been scheduled yet");
    if (value_count(value_at(o, "status.active")) > 0)
        return HEALTH(PROGRESSING, "CronJob has active jobs");
    if (!*succeeded)
        return HEALTH(HEALTHY, "The CronJob never completed successfully. It may not be healthy");
    /* RFC 3339 in UTC: text order is time order. */
    if (strcmp(succeeded, scheduled) < 0)
        return HEALTH(DEGRADED, "CronJob has not completed its last execution successfully");
    return HEALTH(HEALTHY, "CronJob has completed its last execution successfully");
}
