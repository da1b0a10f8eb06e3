#include <string.h>

#include "api/admit.h"
#include "api/default_int.h"
#include "api/tree_int.h"
#include "codec/base64.h"

/* ---- services and friends ---- */

static void service(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_str(a, spec, "sessionAffinity", "None");
    def_str(a, spec, "type", "ClusterIP");
    const char *type = str(spec, "type");
    if (is(str(spec, "sessionAffinity"), "None"))
        (void)value_remove(spec, "sessionAffinityConfig");
    else if (is(str(spec, "sessionAffinity"), "ClientIP")) {
        struct value *c = sub_object(a, spec, "sessionAffinityConfig");
        def_int(a, sub_object(a, c, "clientIP"), "timeoutSeconds", 10800);
    }
    EACH_MUT(p, value_get_mut(spec, "ports"))
    {
        def_str(a, p, "protocol", "TCP");
        const struct value *target = value_get(p, "targetPort");
        bool unset = !target || (target->kind == VALUE_INT && target->i == 0) ||
                     (target->kind == VALUE_STRING && !target->n);
        if (unset)
            (void)value_set_int(a, p, "targetPort", value_int(value_get(p, "port"), 0));
    }
    bool lb = is(type, "LoadBalancer"), node_port = is(type, "NodePort");
    bool external =
        lb || node_port || (is(type, "ClusterIP") && value_count(value_get(spec, "externalIPs")));
    if (external)
        def_str(a, spec, "externalTrafficPolicy", "Cluster");
    if (lb || node_port || is(type, "ClusterIP"))
        def_ptr(a, spec, "internalTrafficPolicy", "Cluster");
    if (lb)
        def_bool(a, spec, "allocateLoadBalancerNodePorts", true);
    EACH_MUT(g, value_at_mut(obj, "status.loadBalancer.ingress"))
    if (lb && *str(g, "ip"))
        def_ptr(a, g, "ipMode", "VIP");
}

static void endpoints(struct value *obj, struct arena *a)
{
    EACH_MUT(s, value_get_mut(obj, "subsets"))
    EACH_MUT(p, value_get_mut(s, "ports"))
    def_str(a, p, "protocol", "TCP");
}

static void endpoint_slice(struct value *obj, struct arena *a)
{
    EACH_MUT(p, value_get_mut(obj, "ports"))
    {
        def_ptr(a, p, "name", "");
        def_ptr(a, p, "protocol", "TCP");
    }
}

static void network_policy(struct value *obj, struct arena *a)
{
    static const char *const sides[] = {"ingress", "egress"};
    struct value *spec = sub_object(a, obj, "spec");
    for (size_t i = 0; i < 2; i++)
        EACH_MUT(rule, value_get_mut(spec, sides[i]))
    EACH_MUT(p, value_get_mut(rule, "ports"))
    def_ptr(a, p, "protocol", "TCP");
    if (value_count(value_get(spec, "policyTypes")))
        return;
    struct value *types = value_set(a, spec, "policyTypes", value_new_array(a));
    (void)value_push_str(a, types, "Ingress");
    if (value_count(value_get(spec, "egress")))
        (void)value_push_str(a, types, "Egress");
}

static void ingress_class(struct value *obj, struct arena *a)
{
    struct value *p = get_object(get_object(obj, "spec"), "parameters");
    if (p)
        def_ptr(a, p, "scope", "Cluster");
}

/* ---- configuration, storage, access ---- */

/* stringData is written over data and never stored. */
static void secret(struct value *obj, struct arena *a)
{
    const struct value *text = value_get(obj, "stringData");
    if (value_count(text)) {
        struct value *data = sub_object(a, obj, "data");
        VALUE_EACH_MEMBER (m, text)
            (void)value_set_str(
                a, data, m->key,
                base64_encode(a, value_str(&m->value, ""), value_count(&m->value), BASE64_STD));
    }
    (void)value_remove(obj, "stringData");
    def_str(a, obj, "type", "Opaque");
}

static void namespace_(struct value *obj, struct arena *a)
{
    def_str(a, sub_object(a, obj, "status"), "phase", "Active");
    struct value *meta = sub_object(a, obj, "metadata");
    if (*str(meta, "name"))
        (void)value_set_str(a, sub_object(a, meta, "labels"), "kubernetes.io/metadata.name",
                            str(meta, "name"));
}

static void node(struct value *obj, struct arena *a)
{
    struct value *status = get_object(obj, "status");
    if (status && value_count(value_get(status, "capacity")) &&
        !value_count(value_get(status, "allocatable")))
        (void)value_set(a, status, "allocatable", value_copy(a, value_get(status, "capacity")));
}

static void volume(struct value *obj, struct arena *a)
{
    def_str(a, sub_object(a, obj, "status"), "phase", "Pending");
    struct value *spec = sub_object(a, obj, "spec");
    def_str(a, spec, "persistentVolumeReclaimPolicy", "Retain");
    def_ptr(a, spec, "volumeMode", "Filesystem");
    default__volume_source(spec, a);
}

void default__claim_spec(struct value *spec, struct arena *a)
{
    def_ptr(a, spec, "volumeMode", "Filesystem");
}

static void claim(struct value *obj, struct arena *a)
{
    def_str(a, sub_object(a, obj, "status"), "phase", "Pending");
    default__claim_spec(sub_object(a, obj, "spec"), a);
}

static void storage_class(struct value *obj, struct arena *a)
{
    def_ptr(a, obj, "reclaimPolicy", "Delete");
    def_ptr(a, obj, "volumeBindingMode", "Immediate");
}

static void copy_missing(struct arena *a, struct value *item, const char *to, const char *from)
{
    if (!value_count(value_get(item, from)))
        return;
    struct value *t = sub_object(a, item, to);
    VALUE_EACH_MEMBER (m, value_get(item, from))
        if (!has(t, m->key))
            (void)value_set(a, t, m->key, &m->value);
}

static void limit_range(struct value *obj, struct arena *a)
{
    EACH_MUT(l, value_get_mut(sub_object(a, obj, "spec"), "limits"))
    {
        if (!is(str(l, "type"), "Container"))
            continue;
        copy_missing(a, l, "default", "max");
        copy_missing(a, l, "defaultRequest", "default");
        copy_missing(a, l, "defaultRequest", "min");
    }
}

static void role_binding(struct value *obj, struct arena *a)
{
    static const char group[] = "rbac.authorization.k8s.io";
    def_str(a, sub_object(a, obj, "roleRef"), "apiGroup", group);
    EACH_MUT(s, value_get_mut(obj, "subjects"))
    if (is(str(s, "kind"), "User") || is(str(s, "kind"), "Group"))
        def_str(a, s, "apiGroup", group);
}

static void priority_class(struct value *obj, struct arena *a)
{
    def_ptr(a, obj, "preemptionPolicy", "PreemptLowerPriority");
}

/* ---- autoscalers ---- */

static void add_policy(struct arena *a, struct value *list, const char *type, int64_t value)
{
    struct value *p = value_new_object(a);
    (void)value_set_str(a, p, "type", type);
    (void)value_set_int(a, p, "value", value);
    (void)value_set_int(a, p, "periodSeconds", 15);
    (void)value_push(a, list, p);
}

static void scaling_rules(struct arena *a, struct value *behavior, bool up)
{
    struct value *r = sub_object(a, behavior, up ? "scaleUp" : "scaleDown");
    if (up)
        def_int(a, r, "stabilizationWindowSeconds", 0);
    def_ptr(a, r, "selectPolicy", "Max");
    if (has(r, "policies"))
        return;
    struct value *list = value_set(a, r, "policies", value_new_array(a));
    if (up)
        add_policy(a, list, "Pods", 4);
    add_policy(a, list, "Percent", 100);
}

static void autoscaler(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_int(a, spec, "minReplicas", 1);
    if (!value_count(value_get(spec, "metrics"))) {
        struct value *list = value_set(a, spec, "metrics", value_new_array(a));
        struct value *m = value_push(a, list, value_new_object(a));
        (void)value_set_str(a, m, "type", "Resource");
        struct value *r = sub_object(a, m, "resource");
        (void)value_set_str(a, r, "name", "cpu");
        struct value *t = sub_object(a, r, "target");
        (void)value_set_str(a, t, "type", "Utilization");
        (void)value_set_int(a, t, "averageUtilization", 80);
    }
    struct value *behavior = get_object(spec, "behavior");
    if (behavior) {
        scaling_rules(a, behavior, true);
        scaling_rules(a, behavior, false);
    }
}

static void autoscaler_v1(struct value *obj, struct arena *a)
{
    def_int(a, sub_object(a, obj, "spec"), "minReplicas", 1);
}

static void api_service(struct value *obj, struct arena *a)
{
    struct value *s = get_object(get_object(obj, "spec"), "service");
    if (s)
        def_int(a, s, "port", 443);
}

static void csi_driver(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec");
    def_bool(a, spec, "attachRequired", true);
    def_bool(a, spec, "podInfoOnMount", false);
    def_bool(a, spec, "storageCapacity", false);
    def_bool(a, spec, "requiresRepublish", false);
    def_bool(a, spec, "seLinuxMount", false);
    def_str(a, spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if (!value_count(value_get(spec, "volumeLifecycleModes")))
        (void)value_push_str(a, value_make_array(a, spec, "volumeLifecycleModes"), "Persistent");
}

static void webhooks(struct value *obj, struct arena *a)
{
    EACH_MUT(h, value_get_mut(obj, "webhooks"))
    {
        def_ptr(a, h, "failurePolicy", "Fail");
        def_ptr(a, h, "matchPolicy", "Equivalent");
        (void)sub_object(a, h, "namespaceSelector");
        (void)sub_object(a, h, "objectSelector");
        def_int(a, h, "timeoutSeconds", 10);
        struct value *service = get_object(get_object(h, "clientConfig"), "service");
        if (service)
            def_int(a, service, "port", 443);
        EACH_MUT(r, value_get_mut(h, "rules"))
        def_ptr(a, r, "scope", "*");
    }
}

static void mutating_webhooks(struct value *obj, struct arena *a)
{
    webhooks(obj, a);
    EACH_MUT(h, value_get_mut(obj, "webhooks"))
    def_ptr(a, h, "reinvocationPolicy", "Never");
}

static void token_request(struct value *obj, struct arena *a)
{
    def_int(a, sub_object(a, obj, "spec"), "expirationSeconds", 3600);
}

static void definition(struct value *obj, struct arena *a)
{
    struct value *spec = sub_object(a, obj, "spec"), *names = sub_object(a, spec, "names");
    const char *kind = str(names, "kind");
    if (!*str(names, "singular") && *kind) {
        char *lower = arena_strdup(a, kind);
        for (char *p = lower; *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        (void)value_set_str(a, names, "singular", lower);
    }
    if (!*str(names, "listKind") && *kind)
        (void)value_set_str(a, names, "listKind", arena_printf(a, "%sList", kind));
    struct value *conversion = sub_object(a, spec, "conversion");
    def_str(a, conversion, "strategy", "None");
    struct value *hook = get_object(get_object(conversion, "webhook"), "clientConfig");
    if (hook && get_object(hook, "service"))
        def_int(a, get_object(hook, "service"), "port", 443);
}

/* ---- which kind gets what ---- */

static const struct {
    const struct resource *resource;
    void (*fill)(struct value *obj, struct arena *a);
} DEFAULTS[] = {
    {&RES_POD,                          default__pod         },
    {&RES_POD_TEMPLATE,                 default__pod_template},
    {&RES_DEPLOYMENT,                   default__deployment  },
    {&RES_REPLICA_SET,                  default__replica_set },
    {&RES_STATEFUL_SET,                 default__stateful_set},
    {&RES_DAEMON_SET,                   default__daemon_set  },
    {&RES_REPLICATION_CONTROLLER,       default__replication },
    {&RES_JOB,                          default__job         },
    {&RES_CRON_JOB,                     default__cron_job    },
    {&RES_SERVICE,                      service              },
    {&RES_ENDPOINTS,                    endpoints            },
    {&RES_ENDPOINT_SLICE,               endpoint_slice       },
    {&RES_NETWORK_POLICY,               network_policy       },
    {&RES_INGRESS_CLASS,                ingress_class        },
    {&RES_SECRET,                       secret               },
    {&RES_NAMESPACE,                    namespace_           },
    {&RES_NODE,                         node                 },
    {&RES_PERSISTENT_VOLUME,            volume               },
    {&RES_PERSISTENT_VOLUME_CLAIM,      claim                },
    {&RES_STORAGE_CLASS,                storage_class        },
    {&RES_CSI_DRIVER,                   csi_driver           },
    {&RES_VALIDATING_WEBHOOKS,          webhooks             },
    {&RES_MUTATING_WEBHOOKS,            mutating_webhooks    },
    {&RES_LIMIT_RANGE,                  limit_range          },
    {&RES_ROLE_BINDING,                 role_binding         },
    {&RES_CLUSTER_ROLE_BINDING,         role_binding         },
    {&RES_PRIORITY_CLASS,               priority_class       },
    {&RES_HORIZONTAL_POD_AUTOSCALER,    autoscaler           },
    {&RES_HORIZONTAL_POD_AUTOSCALER_V1, autoscaler_v1        },
    {&RES_API_SERVICE,                  api_service          },
    {&RES_TOKEN_REQUEST,                token_request        },
    {&RES_CRD,                          definition           },
};

void crd__default(const struct kind *k, struct value *obj, struct arena *a);

void admit_default(const struct kind *k, struct value *obj, struct arena *a)
{
    if (k->crd) {
        crd__default(k, obj, a);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(DEFAULTS); i++)
        if (DEFAULTS[i].resource == k->resource)
            DEFAULTS[i].fill(obj, a);
    admit_normalize(k, obj, a);
}
