#include <string.h>

#include "apiserver/apiserver_int.h"

/* The same object under another version. CRDs convert by name only; two built-in kinds have
 * fields that are spelt differently. */

struct rename {
    const char *stored, *served;
};

/* core/v1 Event → events.k8s.io/v1 */
static const struct rename event_names[] = {
    {"involvedObject",     "regarding"               },
    {"message",            "note"                    },
    {"source",             "deprecatedSource"        },
    {"firstTimestamp",     "deprecatedFirstTimestamp"},
    {"lastTimestamp",      "deprecatedLastTimestamp" },
    {"count",              "deprecatedCount"         },
    {"reportingComponent", "reportingController"     },
};

static void move(struct arena *a, struct value *obj, const char *from, const char *to)
{
    struct value *v = value_get_mut(obj, from);
    if (!v)
        return;
    struct value moved = *v;
    value_remove(obj, from);
    value_set(a, obj, to, &moved);
}

static void convert_event(struct value *obj, bool to_stored, struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(event_names); i++) {
        const struct rename *r = &event_names[i];
        move(a, obj, to_stored ? r->served : r->stored, to_stored ? r->stored : r->served);
    }
    if (to_stored) { /* core/v1 always prints these */
        static const char *const present[] = {"involvedObject", "source"};
        for (size_t i = 0; i < ARRAY_LEN(present); i++)
            if (!value_get(obj, present[i]))
                value_set(a, obj, present[i], value_new_object(a));
        static const char *const nulls[] = {"firstTimestamp", "lastTimestamp", "eventTime"};
        for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
            if (!value_get(obj, nulls[i]))
                value_set(a, obj, nulls[i], value_null(a));
        static const char *const texts[] = {"reportingComponent", "reportingInstance"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            if (!value_get(obj, texts[i]))
                value_set_str(a, obj, texts[i], "");
        return;
    }
    if (!*value_str(value_get(obj, "reportingController"), ""))
        value_remove(obj, "reportingController");
    if (!*value_str(value_get(obj, "reportingInstance"), ""))
        value_remove(obj, "reportingInstance");
}

/* autoscaling/v1 knows one metric, the CPU; the others ride in annotations upstream and are kept
 * from clients of v1 here. */
static void convert_autoscaler(struct value *obj, bool to_stored, struct arena *a)
{
    struct value *spec = value_get_mut(obj, "spec");
    if (!spec)
        return;
    if (to_stored) {
        const struct value *target = value_get(spec, "targetCPUUtilizationPercentage");
        if (!target)
            return;
        int64_t percent = value_int(target, 80);
        value_remove(spec, "targetCPUUtilizationPercentage");
        struct value *metric = value_new_object(a);
        value_set_str(a, metric, "type", "Resource");
        struct value *resource = value_make_object(a, metric, "resource");
        value_set_str(a, resource, "name", "cpu");
        struct value *t = value_make_object(a, resource, "target");
        value_set_str(a, t, "type", "Utilization");
        value_set_int(a, t, "averageUtilization", percent);
        value_push(a, value_make_array(a, spec, "metrics"), metric);
        return;
    }
    VALUE_EACH_ITEM (m, value_get(spec, "metrics")) {
        const struct value *u = value_at(m, "resource.target.averageUtilization");
        if (strcmp(value_at_str(m, "resource.name", ""), "cpu") == 0 && u)
            value_set_int(a, spec, "targetCPUUtilizationPercentage", value_int(u, 80));
    }
    value_remove(spec, "metrics");
    value_remove(spec, "behavior");
    struct value *status = value_get_mut(obj, "status");
    if (status) {
        value_remove(status, "conditions");
        value_remove(status, "currentMetrics");
    }
}

void convert__object(const struct served *from, const struct served *to, struct value *obj,
                     struct arena *a)
{
    if (from == to)
        return;
    bool to_stored = to->storage == to;
    const struct resource *other = to_stored ? from->res : to->res;
    if (other == &RES_EVENT_EVENTS)
        convert_event(obj, to_stored, a);
    else if (other == &RES_HORIZONTAL_POD_AUTOSCALER_V1)
        convert_autoscaler(obj, to_stored, a);
    value_set_str(a, obj, "kind", to->res->kind);
    value_set_str(a, obj, "apiVersion", to->api_version);
}
