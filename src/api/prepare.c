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
        &RES_VALIDATING_WEBHOOKS,
        &RES_MUTATING_WEBHOOKS,
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
    /* upstream's defaults run again on what was stored, and find labels in the template now */
    if (!value_count(value_at(obj, "metadata.labels")))
        (void)value_set(a, sub_object(a, obj, "metadata"), "labels",
                        value_copy(a, value_at(obj, "spec.template.metadata.labels")));
}

static const char TEMPLATE_GENERATION[] = "deprecated.daemonset.template.generation";

static void note_template(struct value *obj, int64_t generation, struct arena *a)
{
    struct value *notes = sub_object(a, sub_object(a, obj, "metadata"), "annotations");
    (void)value_set(a, notes, TEMPLATE_GENERATION,
                    value_new_strf(a, "%lld", (long long)generation));
}

/* dataSource names a claim or a snapshot and nothing else; dataSourceRef says the same. */
static void prepare_claim(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    const struct value *old = value_get(spec, "dataSource");
    const char *kind = str(old, "kind"), *group = str(old, "apiGroup");
    bool known = (is(kind, "PersistentVolumeClaim") && !*group) ||
                 (is(kind, "VolumeSnapshot") && is(group, "snapshot.storage.k8s.io"));
    if (old && !known)
        (void)value_remove(spec, "dataSource");
    old = value_get(spec, "dataSource");
    const struct value *new = value_get(spec, "dataSourceRef");
    if (old && !new) {
        (void)value_set(a, spec, "dataSourceRef", value_copy(a, old));
    } else if (new && !old && !*str(new, "namespace")) {
        struct value *v = value_copy(a, new);
        (void)value_remove(v, "namespace");
        (void)value_set(a, spec, "dataSource", v);
    }
}

/* The version that is written from now on counts as stored. */
static void note_stored(struct value *obj, struct arena *a)
{
    const char *storage = "";
    VALUE_EACH_ITEM (v, value_at(obj, "spec.versions"))
        if (value_bool(value_get(v, "storage"), false) && !*storage)
            storage = str(v, "name");
    struct value *list = value_make_array(a, obj, "status.storedVersions");
    VALUE_EACH_ITEM (s, list)
        if (is(value_str(s, ""), storage))
            return;
    if (*storage)
        (void)value_push_str(a, list, storage);
}

static void create_volume(struct value *obj, struct arena *a)
{
    const char *now = value_at_str(obj, "metadata.creationTimestamp", "");
    struct value *status = sub_object(a, obj, "status");
    (void)value_set_str(a, status, "phase", "Pending");
    if (*now)
        (void)value_set_str(a, status, "lastPhaseTransitionTime", now);
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
    if (counts_generation(k))
        (void)value_set_int(a, sub_object(a, obj, "metadata"), "generation", 1);
    if (r->status && r != &RES_NODE && r != &RES_NAMESPACE)
        (void)value_remove(obj, "status");
    if (r == &RES_POD)
        create_pod(obj, a);
    else if (r == &RES_JOB)
        create_job(obj, a);
    else if (r == &RES_NAMESPACE)
        create_namespace(obj, a);
    else if (r == &RES_CRD)
        note_stored(obj, a);
    else if (r == &RES_DAEMON_SET)
        note_template(obj, 1, a);
    else if (r == &RES_PERSISTENT_VOLUME)
        create_volume(obj, a);
    else if (r == &RES_PERSISTENT_VOLUME_CLAIM) {
        (void)value_set_str(a, sub_object(a, obj, "status"), "phase", "Pending");
        prepare_claim(obj, a);
    }
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
    if (k->resource == &RES_VALIDATING_WEBHOOKS || k->resource == &RES_MUTATING_WEBHOOKS)
        return !value_equal(value_get(obj, "webhooks"), value_get(old, "webhooks"));
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

/* ---- services: what a type needs goes with the type, unless the user changed it, too ---- */

static bool has_cluster_ip(const struct value *spec)
{
    return !is(str(spec, "type"), "ExternalName");
}

static bool has_node_ports(const struct value *spec)
{
    const struct value *allocate = value_get(spec, "allocateLoadBalancerNodePorts");
    return is(str(spec, "type"), "NodePort") ||
           (is(str(spec, "type"), "LoadBalancer") && value_bool(allocate, true));
}

static bool is_external(const struct value *spec)
{
    return is(str(spec, "type"), "NodePort") || is(str(spec, "type"), "LoadBalancer") ||
           (is(str(spec, "type"), "ClusterIP") && value_count(value_get(spec, "externalIPs")));
}

static bool has_health_port(const struct value *spec)
{
    return is(str(spec, "type"), "LoadBalancer") && is(str(spec, "externalTrafficPolicy"), "Local");
}

static void drop_same(struct value *spec, const struct value *was, const char *key)
{
    const struct value *x = value_get(spec, key), *y = value_get(was, key);
    if (x && y && value_equal(x, y))
        (void)value_remove(spec, key);
}

static bool same_node_ports(const struct value *spec, const struct value *was)
{
    const struct value *x = value_get(spec, "ports"), *y = value_get(was, "ports");
    for (size_t i = 0; i < value_count(x); i++) {
        int64_t port = value_int(value_get(&x->items[i], "nodePort"), 0);
        bool had = port == 0;
        VALUE_EACH_ITEM (p, y)
            had |= value_int(value_get(p, "nodePort"), 0) == port;
        if (!had)
            return false;
    }
    return true;
}

static void update_service_spec(struct value *obj, const struct value *old, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    const struct value *was = value_get(old, "spec");
    bool lb = is(str(spec, "type"), "LoadBalancer");
    if (has_cluster_ip(was) && !has_cluster_ip(spec)) {
        drop_same(spec, was, "clusterIP");
        drop_same(spec, was, "clusterIPs");
        drop_same(spec, was, "ipFamilies");
        drop_same(spec, was, "ipFamilyPolicy");
        drop_same(spec, was, "internalTrafficPolicy");
    }
    if (has_node_ports(was) && !has_node_ports(spec) && same_node_ports(spec, was))
        EACH_MUT(p, value_get_mut(spec, "ports"))
    (void)value_remove(p, "nodePort");
    if (has_health_port(was) && !has_health_port(spec))
        drop_same(spec, was, "healthCheckNodePort");
    if (is(str(was, "type"), "LoadBalancer") && !lb) {
        drop_same(spec, was, "allocateLoadBalancerNodePorts");
        drop_same(spec, was, "loadBalancerClass");
    }
    if (is_external(was) && !is_external(spec))
        drop_same(spec, was, "externalTrafficPolicy");
    if (!lb)
        (void)value_set(a, sub_object(a, obj, "status"), "loadBalancer", value_new_object(a));
}

static void update_spec(const struct kind *k, struct value *obj, const struct value *old,
                        struct arena *a)
{
    if (k->resource == &RES_SERVICE)
        update_service_spec(obj, old, a);
    if (k->resource == &RES_PERSISTENT_VOLUME_CLAIM)
        prepare_claim(obj, a);
    if (k->resource == &RES_NAMESPACE)
        keep_old(obj, old, "spec", a);
    if (k->resource == &RES_CRD)
        note_stored(obj, a);
    if (k->resource == &RES_DAEMON_SET) {
        const char *n = str(value_at(old, "metadata.annotations"), TEMPLATE_GENERATION);
        bool moved = !value_equal(value_at(obj, "spec.template"), value_at(old, "spec.template"));
        note_template(obj, strtoll(*n ? n : "1", NULL, 10) + moved, a);
    }
}

void admit_prepare_update(const struct kind *k, const char *sub, struct value *obj,
                          const struct value *old, struct arena *a)
{
    static const char *const servers[] = {"creationTimestamp", "deletionTimestamp"};
    bool status = sub && is(sub, "status");
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) /* not the client's to say */
        if (has(value_get(old, "metadata"), servers[i]))
            keep_old_meta(obj, old, servers[i], a);
    int64_t generation = value_at_int(old, "metadata.generation", 0);
    if (status)
        prepare_status(k, obj, old, a);
    else if (k->resource->status && k->resource != &RES_NODE)
        keep_old(obj, old, "status", a);
    if (!sub)
        update_spec(k, obj, old, a);
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
