#include "ctl/gitops/health/health_int.h"

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);
    return n >= m && strcmp(s + n - m, with) == 0;
}

/* Why a container cannot start, for those that will be tried for ever. */
static const char *stuck(const struct value *o, struct arena *a)
{
    const char *all = NULL;
    VALUE_EACH_ITEM(c, value_at(o, "status.containerStatuses"))
    {
        const struct value *waiting = value_at(c, "state.waiting");
        const char *reason = value_at_str(waiting, "reason", "");
        if (!starts(reason, "Err") && !ends(reason, "Error") && !ends(reason, "BackOff"))
            continue;
        const char *message = value_at_str(waiting, "message", reason);
        all = all ? arena_printf(a, "%s, %s", all, message) : message;
    }
    return all;
}

static const char *failure(const struct value *o, struct arena *a)
{
    const char *message = value_at_str(o, "status.message", "");
    static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
    for (size_t i = 0; !*message && i < ARRAY_LEN(lists); i++) {
        VALUE_EACH_ITEM(c, value_at(o, lists[i]))
        {
            const struct value *end = value_at(c, "state.terminated");
            const char *name = value_at_str(c, "name", "");
            if (strcmp(value_at_str(end, "reason", ""), "OOMKilled") == 0)
                return arena_printf(a, "container \"%s\" was killed for lack of memory", name);
            if (end && *value_at_str(end, "message", ""))
                return value_at_str(end, "message", "");
            if (end && value_at_int(end, "exitCode", 0) != 0)
                return arena_printf(a, "container \"%s\" failed with exit code %lld", name,
                                    (long long)value_at_int(end, "exitCode", 0));
        }
    }
    return message;
}

static bool restarted(const struct value *o)
{
    VALUE_EACH_ITEM(c, value_at(o, "status.containerStatuses"))
    if (value_at(c, "lastState.terminated"))
        return true;
    return false;
}

struct health health__pod(const struct value *o, struct arena *a)
{
    static const char note[] = "argocd.argoproj.io/ignore-restart-policy";
    const char *phase = value_at_str(o, "status.phase", "");
    const char *message = value_at_str(o, "status.message", "");
    bool service = strcmp(value_at_str(o, "spec.restartPolicy", "Always"), "Always") == 0;
    const struct value *notes = value_at(o, "metadata.annotations");
    const char *why = stuck(o, a);
    if (service && why)
        return HEALTH(DEGRADED, why);
    if (strcmp(phase, "Pending") == 0)
        return HEALTH(PROGRESSING, message);
    if (strcmp(phase, "Succeeded") == 0)
        return HEALTH(HEALTHY, message);
    if (strcmp(phase, "Failed") == 0)
        return HEALTH(DEGRADED, failure(o, a));
    if (strcmp(phase, "Running") != 0)
        return HEALTH(UNKNOWN, message);
    if (!service && strcmp(value_str(value_get(notes, note), ""), "true") != 0)
        return HEALTH(PROGRESSING, message);
    if (condition_true(o, "Ready"))
        return HEALTH(HEALTHY, message);
    return restarted(o) ? HEALTH(DEGRADED, message) : HEALTH(PROGRESSING, message);
}
