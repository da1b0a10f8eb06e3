#include <string.h>

#include "api/default_int.h"
#include "api/tree_int.h"

static void handler(struct value *h, struct arena *a)
{
    struct value *http = get_object(h, "httpGet"), *grpc = get_object(h, "grpc");
    if (http) {
        def_str(a, http, "path", "/");
        def_str(a, http, "scheme", "HTTP");
    }
    if (grpc)
        def_ptr(a, grpc, "service", "");
}

static void def_positive(struct arena *a, struct value *v, const char *key, int64_t i)
{
    if (value_int(value_get(v, key), 0) == 0)
        (void)value_set_int(a, v, key, i);
}

static void probe(struct value *p, struct arena *a)
{
    if (!p)
        return;
    handler(p, a);
    def_positive(a, p, "timeoutSeconds", 1);
    def_positive(a, p, "periodSeconds", 10);
    def_positive(a, p, "successThreshold", 1);
    def_positive(a, p, "failureThreshold", 3);
}

/* Without a tag or with :latest an image may change under its name. */
static bool pulls_always(const char *image)
{
    const char *last = strrchr(image, '/'), *colon = strchr(last ? last : image, ':');
    if (!*image || strchr(image, '@'))
        return false;
    return !colon || is(colon, ":latest");
}

static void field_ref(struct value *ref, struct arena *a)
{
    if (ref)
        def_str(a, ref, "apiVersion", "v1");
}

static void container(struct value *c, struct arena *a)
{
    if (!has(c, "imagePullPolicy"))
        (void)value_set_str(a, c, "imagePullPolicy",
                            pulls_always(str(c, "image")) ? "Always" : "IfNotPresent");
    def_str(a, c, "terminationMessagePath", "/dev/termination-log");
    def_str(a, c, "terminationMessagePolicy", "File");
    EACH_MUT(p, value_get_mut(c, "ports"))
    def_str(a, p, "protocol", "TCP");
    EACH_MUT(e, value_get_mut(c, "env"))
    field_ref(get_object(get_object(e, "valueFrom"), "fieldRef"), a);
    probe(get_object(c, "livenessProbe"), a);
    probe(get_object(c, "readinessProbe"), a);
    probe(get_object(c, "startupProbe"), a);
    struct value *life = get_object(c, "lifecycle");
    if (life) {
        struct value *post = get_object(life, "postStart"), *pre = get_object(life, "preStop");
        if (post)
            handler(post, a);
        if (pre)
            handler(pre, a);
    }
}

static void downward_items(struct value *d, struct arena *a)
{
    EACH_MUT(i, value_get_mut(d, "items"))
    field_ref(get_object(i, "fieldRef"), a);
}

static void projected(struct value *p, struct arena *a)
{
    def_int(a, p, "defaultMode", 420);
    EACH_MUT(s, value_get_mut(p, "sources"))
    {
        struct value *d = get_object(s, "downwardAPI"), *t = get_object(s, "serviceAccountToken");
        if (d)
            downward_items(d, a);
        if (t)
            def_int(a, t, "expirationSeconds", 3600);
    }
}

static void network_disks(struct value *v, struct arena *a)
{
    struct value *iscsi = get_object(v, "iscsi"), *rbd = get_object(v, "rbd");
    struct value *azure = get_object(v, "azureDisk"), *scale = get_object(v, "scaleIO");
    if (iscsi)
        def_str(a, iscsi, "iscsiInterface", "default");
    if (rbd) {
        def_str(a, rbd, "pool", "rbd");
        def_str(a, rbd, "user", "admin");
        def_str(a, rbd, "keyring", "/etc/ceph/keyring");
    }
    if (azure) {
        def_ptr(a, azure, "cachingMode", "ReadWrite");
        def_ptr(a, azure, "kind", "Shared");
        def_ptr(a, azure, "fsType", "ext4");
        def_bool(a, azure, "readOnly", false);
    }
    if (scale) {
        def_str(a, scale, "storageMode", "ThinProvisioned");
        def_str(a, scale, "fsType", "xfs");
    }
}

void default__volume_source(struct value *v, struct arena *a)
{
    static const char *const files[] = {"configMap", "secret", "downwardAPI"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct value *s = get_object(v, files[i]);
        if (s)
            def_int(a, s, "defaultMode", 420);
    }
    struct value *host = get_object(v, "hostPath"), *proj = get_object(v, "projected");
    if (get_object(v, "downwardAPI"))
        downward_items(get_object(v, "downwardAPI"), a);
    if (host)
        def_ptr(a, host, "type", "");
    if (proj)
        projected(proj, a);
    network_disks(v, a);
    struct value *claim = get_object(get_object(v, "ephemeral"), "volumeClaimTemplate");
    if (claim)
        default__claim_spec(sub_object(a, claim, "spec"), a);
    struct value *image = get_object(v, "image");
    if (image && !has(image, "pullPolicy"))
        (void)value_set_str(a, image, "pullPolicy",
                            pulls_always(str(image, "reference")) ? "Always" : "IfNotPresent");
}

static void pod_spec(struct value *spec, struct arena *a)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
    def_str(a, spec, "dnsPolicy", "ClusterFirst");
    def_str(a, spec, "restartPolicy", "Always");
    def_int(a, spec, "terminationGracePeriodSeconds", 30);
    def_str(a, spec, "schedulerName", "default-scheduler");
    (void)sub_object(a, spec, "securityContext");
    /* two names for one thing; the newer one wins */
    if (*str(spec, "serviceAccountName"))
        (void)value_set_str(a, spec, "serviceAccount", str(spec, "serviceAccountName"));
    else if (*str(spec, "serviceAccount"))
        (void)value_set_str(a, spec, "serviceAccountName", str(spec, "serviceAccount"));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        EACH_MUT(c, value_get_mut(spec, lists[i]))
    container(c, a);
    EACH_MUT(v, value_get_mut(spec, "volumes"))
    {
        if (v->n == 1)
            (void)value_set(a, v, "emptyDir", value_new_object(a));
        default__volume_source(v, a);
    }
}

static void requests_from_limits(struct value *c, struct arena *a)
{
    const struct value *limits = value_at(c, "resources.limits");
    if (!value_count(limits))
        return;
    struct value *requests = sub_object(a, sub_object(a, c, "resources"), "requests");
    VALUE_EACH_MEMBER (m, limits)
        if (!has(requests, m->key))
            (void)value_set(a, requests, m->key, value_copy(a, &m->value));
}

void default__pod(struct value *obj, struct arena *a)
{
    static const char *const lists[] = {"containers", "initContainers"};
    struct value *spec = sub_object(a, obj, "spec");
    bool host = value_bool(value_get(spec, "hostNetwork"), false);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        EACH_MUT(c, value_get_mut(spec, lists[i]))
        {
            requests_from_limits(c, a);
            EACH_MUT(p, value_get_mut(c, "ports"))
            if (host && !value_int(value_get(p, "hostPort"), 0))
                (void)value_set_int(a, p, "hostPort", value_int(value_get(p, "containerPort"), 0));
        }
    def_bool(a, spec, "enableServiceLinks", true);
    pod_spec(spec, a);
}

static void pod_in(struct value *owner, struct arena *a)
{
    struct value *spec = sub_object(a, sub_object(a, owner, "template"), "spec");
    pod_spec(spec, a);
}

void default__pod_template(struct value *obj, struct arena *a)
{
    pod_in(obj, a);
}

/* ---- what makes pods ---- */

void default__deployment(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_int(a, spec, "replicas", 1);
    def_int(a, spec, "revisionHistoryLimit", 10);
    def_int(a, spec, "progressDeadlineSeconds", 600);
    struct value *strategy = sub_object(a, spec, "strategy"); /* spec grows no more */
    def_str(a, strategy, "type", "RollingUpdate");
    if (is(str(strategy, "type"), "RollingUpdate")) {
        struct value *r = sub_object(a, strategy, "rollingUpdate");
        def_ptr(a, r, "maxUnavailable", "25%");
        def_ptr(a, r, "maxSurge", "25%");
    }
    pod_in(spec, a);
}

void default__replica_set(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_int(a, spec, "replicas", 1);
    pod_in(spec, a);
}

void default__stateful_set(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_str(a, spec, "podManagementPolicy", "OrderedReady");
    def_int(a, spec, "replicas", 1);
    def_int(a, spec, "revisionHistoryLimit", 10);
    struct value *strategy = sub_object(a, spec, "updateStrategy");
    def_str(a, strategy, "type", "RollingUpdate");
    if (is(str(strategy, "type"), "RollingUpdate"))
        def_int(a, sub_object(a, strategy, "rollingUpdate"), "partition", 0);
    struct value *keep = sub_object(a, spec, "persistentVolumeClaimRetentionPolicy");
    def_str(a, keep, "whenDeleted", "Retain");
    def_str(a, keep, "whenScaled", "Retain");
    pod_in(spec, a);
    EACH_MUT(c, value_get_mut(spec, "volumeClaimTemplates"))
    {
        def_str(a, c, "apiVersion", "v1");
        def_str(a, c, "kind", "PersistentVolumeClaim");
        def_str(a, sub_object(a, c, "status"), "phase", "Pending");
        default__claim_spec(sub_object(a, c, "spec"), a);
    }
}

void default__daemon_set(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    struct value *strategy = sub_object(a, spec, "updateStrategy");
    def_str(a, strategy, "type", "RollingUpdate");
    if (is(str(strategy, "type"), "RollingUpdate")) {
        struct value *r = sub_object(a, strategy, "rollingUpdate");
        def_int(a, r, "maxUnavailable", 1);
        def_int(a, r, "maxSurge", 0);
    }
    def_int(a, spec, "revisionHistoryLimit", 10);
    pod_in(spec, a);
}

static void labels_from_template(struct value *obj, const struct value *spec, struct arena *a)
{
    const struct value *labels = value_at(spec, "template.metadata.labels");
    struct value *meta = sub_object(a, obj, "metadata");
    if (value_count(labels) && !value_count(value_get(meta, "labels")))
        (void)value_set(a, meta, "labels", value_copy(a, labels));
}

void default__replication(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    const struct value *labels = value_at(spec, "template.metadata.labels");
    def_int(a, spec, "replicas", 1);
    if (value_count(labels) && !value_count(value_get(spec, "selector")))
        (void)value_set(a, spec, "selector", value_copy(a, labels));
    labels_from_template(obj, spec, a);
    pod_in(spec, a);
}

void default__job(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    if (!has(spec, "completions") && !has(spec, "parallelism"))
        (void)value_set_int(a, spec, "completions", 1);
    def_int(a, spec, "parallelism", 1);
    def_int(a, spec, "backoffLimit", has(spec, "backoffLimitPerIndex") ? INT32_MAX : 6);
    labels_from_template(obj, spec, a);
    def_ptr(a, spec, "completionMode", "NonIndexed");
    def_bool(a, spec, "suspend", false);
    def_bool(a, spec, "manualSelector", false);
    def_ptr(a, spec, "podReplacementPolicy",
            has(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
    EACH_MUT(r, value_get_mut(get_object(spec, "podFailurePolicy"), "rules"))
    EACH_MUT(c, value_get_mut(r, "onPodConditions"))
    def_str(a, c, "status", "True");
    pod_in(spec, a);
}

void default__cron_job(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_str(a, spec, "concurrencyPolicy", "Allow");
    def_bool(a, spec, "suspend", false);
    def_int(a, spec, "successfulJobsHistoryLimit", 3);
    def_int(a, spec, "failedJobsHistoryLimit", 1);
    pod_in(sub_object(a, sub_object(a, spec, "jobTemplate"), "spec"), a);
}
