#include <string.h>

#include "api/admit.h"
#include "api/quantity.h"
#include "api/tree_int.h"

/* Kinds that count their generations. Custom resources do, too. */
static bool counts_generation(const struct kind *k)
{
    static const struct resource *const list[] = {
        &RES_POD,
        &RES_DEPLOYMENT,
        &RES_REPLICA_SET,
        &RES_STATEFUL_SET,
        &RES_DAEMON_SET,
        &RES_REPLICATION_CONTROLLER,
        &RES_JOB,
        &RES_CRON_JOB,
        &RES_ENDPOINT_SLICE,
        &RES_INGRESS,
        &RES_INGRESS_CLASS,
        &RES_NETWORK_POLICY,
        &RES_POD_DISRUPTION_BUDGET,
        &RES_PRIORITY_CLASS,
        &RES_CRD,
        &RES_POD_TEMPLATE,
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (list[i] == k->resource)
            return true;
    return k->crd;
}

/* ---- pods ---- */

static bool covers(const struct value *c, const char *which, bool *any, bool *guaranteed)
{
    static const char *const names[] = {"cpu", "memory"};
    const struct value *limits = value_at(c, "resources.limits");
    const struct value *requests = value_at(c, "resources.requests");
    (void)which;
    for (size_t i = 0; i < 2; i++) {
        struct quantity l = {0}, r = {0};
        if (quantity_parse(str(limits, names[i]), &l, NULL) < 0)
            l.nano = 0;
        if (quantity_parse(str(requests, names[i]), &r, NULL) < 0)
            r.nano = 0;
        *any |= l.nano > 0 || r.nano > 0;
        if (l.nano <= 0 || (r.nano > 0 && r.nano != l.nano))
            *guaranteed = false;
    }
    return true;
}

static const char *qos_class(const struct value *spec)
{
    bool any = false, guaranteed = true;
    VALUE_EACH_ITEM (c, value_get(spec, "containers"))
        (void)covers(c, "containers", &any, &guaranteed);
    VALUE_EACH_ITEM (c, value_get(spec, "initContainers"))
        (void)covers(c, "initContainers", &any, &guaranteed);
    return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

static void create_pod(struct value *obj, struct arena *a)
{
    struct value *status = value_new_object(a);
    (void)value_set_str(a, status, "phase", "Pending");
    (void)value_set_str(a, status, "qosClass", qos_class(value_get(obj, "spec")));
    (void)value_set(a, obj, "status", status);
    if (value_count(value_at(obj, "spec.schedulingGates"))) {
        struct value *c =
            value_push(a, value_make_array(a, obj, "status.conditions"), value_new_object(a));
        (void)value_set_str(a, c, "type", "PodScheduled");
        (void)value_set_str(a, c, "status", "False");
        (void)value_set_str(a, c, "reason", "SchedulingGated");
        (void)value_set_str(a, c, "message",
                            "Scheduling is blocked due to non-empty scheduling gates");
        (void)value_set(a, c, "lastProbeTime", value_null(a));
    }
}

/* ---- jobs ---- */

/* Its pods are found by its uid unless the user says how. */
static void create_job(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    const struct value *meta = value_get(obj, "metadata");
    const char *uid = str(meta, "uid"), *name = str(meta, "name");
    struct value *t = sub_object(a, sub_object(a, spec, "template"), "metadata");
    if (value_bool(value_get(spec, "manualSelector"), false))
        return;
    struct value *labels = sub_object(a, t, "labels");
    (void)value_set_str(a, labels, "controller-uid", uid);
    (void)value_set_str(a, labels, "batch.kubernetes.io/controller-uid", uid);
    (void)value_set_str(a, labels, "job-name", name);
    (void)value_set_str(a, labels, "batch.kubernetes.io/job-name", name);
    struct value *match = sub_object(a, sub_object(a, spec, "selector"), "matchLabels");
    if (!has(match, "batch.kubernetes.io/controller-uid"))
        (void)value_set_str(a, match, "batch.kubernetes.io/controller-uid", uid);
}

static void create_namespace(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    struct value *list = value_get_mut(spec, "finalizers");
    if (!list || list->kind != VALUE_ARRAY)
        list = value_set(a, spec, "finalizers", value_new_array(a));
    bool found = false;
    VALUE_EACH_ITEM (f, list)
        found |= is(value_str(f, ""), "kubernetes");
    if (!found)
        (void)value_push_str(a, list, "kubernetes");
    struct value *status = value_new_object(a);
    (void)value_set_str(a, status, "phase", "Active");
    (void)value_set(a, obj, "status", status);
}

void admit_prepare_create(const struct kind *k, struct value *obj, struct arena *a)
{
    const struct resource *r = k->resource;
    struct value *meta = sub_object(a, obj, "metadata");
    (void)value_remove(meta, "generation");
    if (counts_generation(k))
        (void)value_set_int(a, meta, "generation", 1);
    if (r->status && r != &RES_NODE && r != &RES_NAMESPACE)
        (void)value_remove(obj, "status");
    if (r == &RES_POD)
        create_pod(obj, a);
    else if (r == &RES_JOB)
        create_job(obj, a);
    else if (r == &RES_NAMESPACE)
        create_namespace(obj, a);
    else if (r == &RES_PERSISTENT_VOLUME || r == &RES_PERSISTENT_VOLUME_CLAIM)
        (void)value_set_str(a, sub_object(a, obj, "status"), "phase", "Pending");
    admit_normalize(k, obj, a);
}

/* ---- updates ---- */

static void keep_old(struct value *obj, const struct value *old, const char *key, struct arena *a)
{
    const struct value *was = value_get(old, key);
    (void)value_remove(obj, key);
    if (was)
        (void)value_set(a, obj, key, value_copy(a, was));
}

static void keep_old_meta(struct value *obj, const struct value *old, const char *key,
                          struct arena *a)
{
    keep_old(sub_object(a, obj, "metadata"), value_get(old, "metadata"), key, a);
}

static void prepare_status(const struct kind *k, struct value *obj, const struct value *old,
                           struct arena *a)
{
    if (k->crd) { /* only the status counts, and a few things of metadata */
        struct value *status = value_get_mut(obj, "status");
        struct value *copy = status ? value_copy(a, status) : NULL;
        const struct value *managed = value_at(obj, "metadata.managedFields");
        struct value *kept = managed ? value_copy(a, managed) : NULL;
        const struct value *rv = value_at(obj, "metadata.resourceVersion");
        struct value *version = rv ? value_copy(a, rv) : NULL;
        VALUE_EACH_MEMBER (m, old)
            keep_old(obj, old, m->key, a);
        for (size_t i = obj->n; i-- > 0;)
            if (!value_get(old, obj->members[i].key))
                (void)value_remove(obj, obj->members[i].key);
        (void)value_remove(obj, "status");
        if (copy)
            (void)value_set(a, obj, "status", copy);
        struct value *meta = sub_object(a, obj, "metadata");
        (void)value_remove(meta, "managedFields");
        if (kept)
            (void)value_set(a, meta, "managedFields", kept);
        if (version)
            (void)value_set(a, meta, "resourceVersion", version);
        return;
    }
    keep_old(obj, old, "spec", a);
    if (k->resource == &RES_DEPLOYMENT || k->resource == &RES_REPLICATION_CONTROLLER)
        keep_old_meta(obj, old, "labels", a);
    if (k->resource == &RES_POD) {
        keep_old_meta(obj, old, "deletionTimestamp", a);
        keep_old_meta(obj, old, "ownerReferences", a);
        const char *qos = value_at_str(old, "status.qosClass", "");
        if (*qos)
            (void)value_set_str(a, sub_object(a, obj, "status"), "qosClass", qos);
    }
    if (k->resource == &RES_CRD) {
        keep_old_meta(obj, old, "labels", a);
        keep_old_meta(obj, old, "annotations", a);
        keep_old_meta(obj, old, "finalizers", a);
        keep_old_meta(obj, old, "ownerReferences", a);
    }
}

/* Does what the generation counts differ? */
static bool differs(const struct kind *k, const struct value *obj, const struct value *old)
{
    if (k->resource == &RES_POD_TEMPLATE)
        return !value_equal(value_get(obj, "template"), value_get(old, "template"));
    if (k->resource == &RES_PRIORITY_CLASS)
        return false;
    if (k->resource == &RES_ENDPOINT_SLICE) {
        static const char *const fields[] = {"endpoints", "ports", "addressType"};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (!value_equal(value_get(obj, fields[i]), value_get(old, fields[i])))
                return true;
        return !value_equal(value_at(obj, "metadata.labels"), value_at(old, "metadata.labels"));
    }
    if (k->crd) {
        VALUE_EACH_MEMBER (m, obj)
            if (!is(m->key, "metadata") && !(is(m->key, "status") && k->resource->status) &&
                !value_equal(&m->value, value_get(old, m->key)))
                return true;
        VALUE_EACH_MEMBER (m, old)
            if (!is(m->key, "metadata") && !(is(m->key, "status") && k->resource->status) &&
                !value_get(obj, m->key))
                return true;
        return false;
    }
    return !value_equal(value_get(obj, "spec"), value_get(old, "spec"));
}

void admit_prepare_update(const struct kind *k, const char *sub, struct value *obj,
                          const struct value *old, struct arena *a)
{
    bool status = sub && is(sub, "status");
    int64_t generation = value_at_int(old, "metadata.generation", 0);
    if (status)
        prepare_status(k, obj, old, a);
    else if (k->resource->status && k->resource != &RES_NODE)
        keep_old(obj, old, "status", a);
    struct value *meta = sub_object(a, obj, "metadata");
    (void)value_remove(meta, "generation");
    if (!status && counts_generation(k) && differs(k, obj, old))
        generation++;
    if (generation)
        (void)value_set_int(a, meta, "generation", generation);
    admit_normalize(k, obj, a);
}

bool admit_create_on_update(const struct resource *r)
{
    static const struct resource *const list[] = {
        &RES_LEASE,        &RES_ENDPOINTS,
        &RES_EVENT,        &RES_EVENT_EVENTS,
        &RES_LIMIT_RANGE,  &RES_SERVICE,
        &RES_ROLE,         &RES_CLUSTER_ROLE,
        &RES_ROLE_BINDING, &RES_CLUSTER_ROLE_BINDING,
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (list[i] == r)
            return r != &RES_SERVICE;
    return false;
}

bool admit_unconditional_update(const struct resource *r)
{
    static const struct resource *const strict[] = {&RES_LEASE, &RES_POD_DISRUPTION_BUDGET,
                                                    &RES_CRD, &RES_API_SERVICE};
    for (size_t i = 0; i < ARRAY_LEN(strict); i++)
        if (strict[i] == r)
            return false;
    for (size_t i = 0; RESOURCES[i]; i++)
        if (RESOURCES[i] == r)
            return true;
    return false; /* custom resources */
}
