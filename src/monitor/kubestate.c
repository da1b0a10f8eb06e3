#include "monitor/kubestate.h"

#include <stdarg.h>
#include <string.h>

#include "api/quantity.h"
#include "base/log.h"
#include "kube/kube.h"
#include "monitor/kubestate_int.h"

enum { OBJECTS_MAX = 10000 }; /* of one kind */

/* ---- samples ---- */

void state__put(struct state_out *out, const char *name, double v, ...)
{
    size_t n = out->n;
    va_list ap;
    va_start(ap, v);
    for (const char *key; n < KUBESTATE_LABELS && (key = va_arg(ap, const char *)); n++)
        out->labels[n] = (struct label){key, va_arg(ap, const char *)};
    va_end(ap);
    out->labels[0].value = name;
    out->emit(out->to, out->labels, n, v);
}

void state__enum(struct state_out *out, const char *name, const char *label, const char *const *all,
                 const char *is)
{
    for (; *all; all++)
        state__put(out, name, strcmp(*all, is) == 0, label, *all, NULL);
}

void state__time(struct state_out *out, const char *name, const char *rfc3339)
{
    int64_t ns;
    if (*rfc3339 && clock_parse_rfc3339(rfc3339, &ns, NULL) == 0)
        state__put(out, name, (double)(ns / 1000000000), NULL);
}

/* Names and units as kube-state-metrics has them: requests.nvidia.com/gpu → nvidia_com_gpu. */
static const char *unit_of(const char *resource)
{
    static const char *const bytes[] = {"memory", "storage", "ephemeral-storage"};
    if (strcmp(resource, "cpu") == 0)
        return "core";
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        if (strcmp(resource, bytes[i]) == 0)
            return "byte";
    return strncmp(resource, "hugepages-", 10) == 0 ||
                   strncmp(resource, "attachable-volumes-", 19) == 0
               ? "byte"
               : "integer";
}

static const char *plain_name(const char *resource, char *text, size_t size)
{
    size_t n = 0;
    for (; resource[n] && n + 1 < size; n++)
        text[n] = strchr("-./", resource[n]) ? '_' : resource[n];
    text[n] = '\0';
    return text;
}

static bool amount(const struct value *v, double *out)
{
    struct quantity q;
    *out = value_num(v, 0);
    if (!value_is(v, VALUE_STRING))
        return v != NULL;
    if (quantity_parse(v->text, &q, NULL) < 0)
        return false;
    *out = (double)q.nano / 1e9;
    return true;
}

void state__resources(struct state_out *out, const char *name, const struct value *quantities,
                      const char *const *also)
{
    size_t n = out->n;
    for (; also && also[0] && out->n + 3 < KUBESTATE_LABELS; also += 2)
        out->labels[out->n++] = (struct label){also[0], also[1]};
    VALUE_EACH_MEMBER (m, quantities) {
        char text[128];
        double v;
        if (amount(&m->value, &v))
            state__put(out, name, v, "resource", plain_name(m->key, text, sizeof text), "unit",
                       unit_of(m->key), NULL);
    }
    out->n = n;
}

static const char *lower_status(const struct value *condition)
{
    const char *status = value_at_str(condition, "status", "");
    return strcmp(status, "True") == 0    ? "true"
           : strcmp(status, "False") == 0 ? "false"
                                          : "unknown";
}

static const char *const statuses[] = {"true", "false", "unknown", NULL};

void state__conditions(struct state_out *out, const char *name, const struct value *list)
{
    VALUE_EACH_ITEM (c, list)
        for (size_t i = 0; statuses[i]; i++)
            state__put(out, name, strcmp(lower_status(c), statuses[i]) == 0, "condition",
                       value_at_str(c, "type", ""), "status", statuses[i], NULL);
}

void state__condition(struct state_out *out, const char *name, const char *type)
{
    const struct value *c = object_condition(out->o->root, type);
    if (c)
        state__enum(out, name, "condition", statuses, lower_status(c));
}

void state__owner(struct state_out *out, const char *name)
{
    bool any = false;
    VALUE_EACH_ITEM (r, value_at(out->o->root, "metadata.ownerReferences")) {
        any = true;
        state__put(out, name, 1, "owner_kind", value_at_str(r, "kind", ""), "owner_name",
                   value_at_str(r, "name", ""), "owner_is_controller",
                   value_at_bool(r, "controller", false) ? "true" : "false", NULL);
    }
    if (!any)
        state__put(out, name, 1, "owner_kind", "", "owner_name", "", "owner_is_controller", "",
                   NULL);
}

/* ---- kinds ---- */

enum field_is {
    NUMBER, /* 0 when it is absent */
    IF_SET, /* nothing when it is absent; bools are 1 and 0 */
    TIME,
};

struct field {
    const char *metric, *path;
    enum field_is is;
};

static const struct field deployment_fields[] = {
    {"kube_deployment_created",                     "metadata.creationTimestamp", TIME  },
    {"kube_deployment_metadata_generation",         "metadata.generation",        NUMBER},
    {"kube_deployment_spec_replicas",               "spec.replicas",              IF_SET},
    {"kube_deployment_spec_paused",                 "spec.paused",                NUMBER},
    {"kube_deployment_status_replicas",             "status.replicas",            NUMBER},
    {"kube_deployment_status_replicas_ready",       "status.readyReplicas",       NUMBER},
    {"kube_deployment_status_replicas_available",   "status.availableReplicas",   NUMBER},
    {"kube_deployment_status_replicas_unavailable", "status.unavailableReplicas", NUMBER},
    {"kube_deployment_status_replicas_updated",     "status.updatedReplicas",     NUMBER},
    {"kube_deployment_status_observed_generation",  "status.observedGeneration",  NUMBER},
    {NULL,                                          NULL,                         NUMBER},
};
static const struct field replicaset_fields[] = {
    {"kube_replicaset_created",                       "metadata.creationTimestamp",  TIME  },
    {"kube_replicaset_metadata_generation",           "metadata.generation",         NUMBER},
    {"kube_replicaset_spec_replicas",                 "spec.replicas",               IF_SET},
    {"kube_replicaset_status_replicas",               "status.replicas",             NUMBER},
    {"kube_replicaset_status_fully_labeled_replicas", "status.fullyLabeledReplicas", NUMBER},
    {"kube_replicaset_status_ready_replicas",         "status.readyReplicas",        NUMBER},
    {"kube_replicaset_status_observed_generation",    "status.observedGeneration",   NUMBER},
    {NULL,                                            NULL,                          NUMBER},
};
static const struct field statefulset_fields[] = {
    {"kube_statefulset_created",                    "metadata.creationTimestamp", TIME  },
    {"kube_statefulset_metadata_generation",        "metadata.generation",        NUMBER},
    {"kube_statefulset_replicas",                   "spec.replicas",              IF_SET},
    {"kube_statefulset_status_replicas",            "status.replicas",            NUMBER},
    {"kube_statefulset_status_replicas_available",  "status.availableReplicas",   NUMBER},
    {"kube_statefulset_status_replicas_current",    "status.currentReplicas",     NUMBER},
    {"kube_statefulset_status_replicas_ready",      "status.readyReplicas",       NUMBER},
    {"kube_statefulset_status_replicas_updated",    "status.updatedReplicas",     NUMBER},
    {"kube_statefulset_status_observed_generation", "status.observedGeneration",  NUMBER},
    {NULL,                                          NULL,                         NUMBER},
};
static const struct field daemonset_fields[] = {
    {"kube_daemonset_created",                         "metadata.creationTimestamp",    TIME  },
    {"kube_daemonset_metadata_generation",             "metadata.generation",           NUMBER},
    {"kube_daemonset_status_current_number_scheduled", "status.currentNumberScheduled", NUMBER},
    {"kube_daemonset_status_desired_number_scheduled", "status.desiredNumberScheduled", NUMBER},
    {"kube_daemonset_status_number_available",         "status.numberAvailable",        NUMBER},
    {"kube_daemonset_status_number_misscheduled",      "status.numberMisscheduled",     NUMBER},
    {"kube_daemonset_status_number_ready",             "status.numberReady",            NUMBER},
    {"kube_daemonset_status_number_unavailable",       "status.numberUnavailable",      NUMBER},
    {"kube_daemonset_status_observed_generation",      "status.observedGeneration",     NUMBER},
    {"kube_daemonset_status_updated_number_scheduled", "status.updatedNumberScheduled", NUMBER},
    {NULL,                                             NULL,                            NUMBER},
};
static const struct field job_fields[] = {
    {"kube_job_created",                      "metadata.creationTimestamp", TIME  },
    {"kube_job_spec_parallelism",             "spec.parallelism",           IF_SET},
    {"kube_job_spec_completions",             "spec.completions",           IF_SET},
    {"kube_job_spec_active_deadline_seconds", "spec.activeDeadlineSeconds", IF_SET},
    {"kube_job_status_active",                "status.active",              NUMBER},
    {"kube_job_status_succeeded",             "status.succeeded",           NUMBER},
    {"kube_job_status_failed",                "status.failed",              NUMBER},
    {"kube_job_status_start_time",            "status.startTime",           TIME  },
    {"kube_job_status_completion_time",       "status.completionTime",      TIME  },
    {NULL,                                    NULL,                         NUMBER},
};
static const struct field cronjob_fields[] = {
    {"kube_cronjob_created",                     "metadata.creationTimestamp", TIME  },
    {"kube_cronjob_spec_suspend",                "spec.suspend",               IF_SET},
    {"kube_cronjob_status_last_schedule_time",   "status.lastScheduleTime",    TIME  },
    {"kube_cronjob_status_last_successful_time", "status.lastSuccessfulTime",  TIME  },
    {NULL,                                       NULL,                         NUMBER},
};
static const struct field node_fields[] = {
    {"kube_node_created",            "metadata.creationTimestamp", TIME  },
    {"kube_node_spec_unschedulable", "spec.unschedulable",         NUMBER},
    {NULL,                           NULL,                         NUMBER},
};
static const struct field namespace_fields[] = {
    {"kube_namespace_created", "metadata.creationTimestamp", TIME  },
    {NULL,                     NULL,                         NUMBER},
};
static const struct field service_fields[] = {
    {"kube_service_created", "metadata.creationTimestamp", TIME  },
    {NULL,                   NULL,                         NUMBER},
};
static const struct field claim_fields[] = {
    {"kube_persistentvolumeclaim_created", "metadata.creationTimestamp", TIME  },
    {NULL,                                 NULL,                         NUMBER},
};
static const struct field volume_fields[] = {
    {"kube_persistentvolume_created", "metadata.creationTimestamp", TIME  },
    {NULL,                            NULL,                         NUMBER},
};
static const struct field scaler_fields[] = {
    {"kube_horizontalpodautoscaler_metadata_generation",     "metadata.generation",    NUMBER},
    {"kube_horizontalpodautoscaler_spec_max_replicas",       "spec.maxReplicas",       NUMBER},
    {"kube_horizontalpodautoscaler_spec_min_replicas",       "spec.minReplicas",       IF_SET},
    {"kube_horizontalpodautoscaler_status_current_replicas", "status.currentReplicas", NUMBER},
    {"kube_horizontalpodautoscaler_status_desired_replicas", "status.desiredReplicas", NUMBER},
    {NULL,                                                   NULL,                     NUMBER},
};
static const struct field budget_fields[] = {
    {"kube_poddisruptionbudget_created",                        "metadata.creationTimestamp", TIME  },
    {"kube_poddisruptionbudget_status_current_healthy",         "status.currentHealthy",      NUMBER},
    {"kube_poddisruptionbudget_status_desired_healthy",         "status.desiredHealthy",      NUMBER},
    {"kube_poddisruptionbudget_status_pod_disruptions_allowed", "status.disruptionsAllowed",
     NUMBER                                                                                         },
    {"kube_poddisruptionbudget_status_expected_pods",           "status.expectedPods",        NUMBER},
    {"kube_poddisruptionbudget_status_observed_generation",     "status.observedGeneration",  NUMBER},
    {NULL,                                                      NULL,                         NUMBER},
};

static void more_deployment(struct state_out *out)
{
    state__conditions(out, "kube_deployment_status_condition",
                      value_at(out->o->root, "status.conditions"));
}

static void more_replicaset(struct state_out *out)
{
    state__owner(out, "kube_replicaset_owner");
}

static void more_statefulset(struct state_out *out)
{
    const struct value *v = out->o->root;
    state__put(out, "kube_statefulset_status_current_revision", 1, "revision",
               value_at_str(v, "status.currentRevision", ""), NULL);
    state__put(out, "kube_statefulset_status_update_revision", 1, "revision",
               value_at_str(v, "status.updateRevision", ""), NULL);
}

static void more_job(struct state_out *out)
{
    state__put(out, "kube_job_info", 1, NULL);
    state__condition(out, "kube_job_complete", "Complete");
    state__condition(out, "kube_job_failed", "Failed");
    state__owner(out, "kube_job_owner");
}

static void more_cronjob(struct state_out *out)
{
    const struct value *v = out->o->root;
    state__put(out, "kube_cronjob_info", 1, "schedule", value_at_str(v, "spec.schedule", ""),
               "concurrency_policy", value_at_str(v, "spec.concurrencyPolicy", ""), NULL);
    state__put(out, "kube_cronjob_status_active", (double)value_count(value_at(v, "status.active")),
               NULL);
}

static const char *internal_ip(const struct value *node)
{
    VALUE_EACH_ITEM (a, value_at(node, "status.addresses"))
        if (strcmp(value_at_str(a, "type", ""), "InternalIP") == 0)
            return value_at_str(a, "address", "");
    return "";
}

static void more_node(struct state_out *out)
{
    static const char role[] = "node-role.kubernetes.io/";
    const struct value *v = out->o->root, *info = value_at(v, "status.nodeInfo");
    state__put(out, "kube_node_info", 1, "kernel_version", value_at_str(info, "kernelVersion", ""),
               "os_image", value_at_str(info, "osImage", ""), "container_runtime_version",
               value_at_str(info, "containerRuntimeVersion", ""), "kubelet_version",
               value_at_str(info, "kubeletVersion", ""), "system_uuid",
               value_at_str(info, "systemUUID", ""), "pod_cidr",
               value_at_str(v, "spec.podCIDR", ""), "internal_ip", internal_ip(v), NULL);
    VALUE_EACH_MEMBER (m, value_at(v, "metadata.labels"))
        if (strncmp(m->key, role, sizeof role - 1) == 0)
            state__put(out, "kube_node_role", 1, "role", m->key + sizeof role - 1, NULL);
    VALUE_EACH_ITEM (t, value_at(v, "spec.taints"))
        state__put(out, "kube_node_spec_taint", 1, "key", value_at_str(t, "key", ""), "value",
                   value_at_str(t, "value", ""), "effect", value_at_str(t, "effect", ""), NULL);
    state__conditions(out, "kube_node_status_condition", value_at(v, "status.conditions"));
    state__resources(out, "kube_node_status_capacity", value_at(v, "status.capacity"), NULL);
    state__resources(out, "kube_node_status_allocatable", value_at(v, "status.allocatable"), NULL);
}

static void more_namespace(struct state_out *out)
{
    static const char *const phases[] = {"Active", "Terminating", NULL};
    state__enum(out, "kube_namespace_status_phase", "phase", phases,
                value_at_str(out->o->root, "status.phase", ""));
}

static void more_service(struct state_out *out)
{
    const struct value *v = out->o->root;
    state__put(out, "kube_service_info", 1, "cluster_ip", value_at_str(v, "spec.clusterIP", ""),
               "external_name", value_at_str(v, "spec.externalName", ""), "load_balancer_ip",
               value_at_str(v, "spec.loadBalancerIP", ""), NULL);
    state__put(out, "kube_service_spec_type", 1, "type", value_at_str(v, "spec.type", ""), NULL);
}

static void more_claim(struct state_out *out)
{
    static const char *const phases[] = {"Lost", "Bound", "Pending", NULL};
    const struct value *v = out->o->root, *storage;
    double bytes;
    state__put(out, "kube_persistentvolumeclaim_info", 1, "storageclass",
               value_at_str(v, "spec.storageClassName", ""), "volumename",
               value_at_str(v, "spec.volumeName", ""), "volumemode",
               value_at_str(v, "spec.volumeMode", ""), NULL);
    state__enum(out, "kube_persistentvolumeclaim_status_phase", "phase", phases,
                value_at_str(v, "status.phase", ""));
    storage = value_at(v, "spec.resources.requests.storage");
    if (amount(storage, &bytes))
        state__put(out, "kube_persistentvolumeclaim_resource_requests_storage_bytes", bytes, NULL);
    VALUE_EACH_ITEM (mode, value_at(v, "spec.accessModes"))
        state__put(out, "kube_persistentvolumeclaim_access_mode", 1, "access_mode",
                   value_str(mode, ""), NULL);
}

static void more_volume(struct state_out *out)
{
    static const char *const phases[] = {"Pending",  "Available", "Bound",
                                         "Released", "Failed",    NULL};
    const struct value *v = out->o->root;
    double bytes;
    state__enum(out, "kube_persistentvolume_status_phase", "phase", phases,
                value_at_str(v, "status.phase", ""));
    if (amount(value_at(v, "spec.capacity.storage"), &bytes))
        state__put(out, "kube_persistentvolume_capacity_bytes", bytes, NULL);
    if (value_at(v, "spec.claimRef"))
        state__put(out, "kube_persistentvolume_claim_ref", 1, "claim_namespace",
                   value_at_str(v, "spec.claimRef.namespace", ""), "name",
                   value_at_str(v, "spec.claimRef.name", ""), NULL);
}

static void quota_rows(struct state_out *out, const char *path, const char *type)
{
    VALUE_EACH_MEMBER (m, value_at(out->o->root, path)) {
        double v;
        if (amount(&m->value, &v))
            state__put(out, "kube_resourcequota", v, "resource", m->key, "type", type, NULL);
    }
}

static void more_quota(struct state_out *out)
{
    quota_rows(out, "status.hard", "hard");
    quota_rows(out, "status.used", "used");
}

static const struct kind {
    const struct resource *resource;
    const char *label; /* what names the object */
    const struct field *fields;
    void (*more)(struct state_out *out);
} kinds[] = {
    {&RES_POD,                       "pod",                     NULL,               state__pod      },
    {&RES_DEPLOYMENT,                "deployment",              deployment_fields,  more_deployment },
    {&RES_REPLICA_SET,               "replicaset",              replicaset_fields,  more_replicaset },
    {&RES_STATEFUL_SET,              "statefulset",             statefulset_fields, more_statefulset},
    {&RES_DAEMON_SET,                "daemonset",               daemonset_fields,   NULL            },
    {&RES_JOB,                       "job_name",                job_fields,         more_job        },
    {&RES_CRON_JOB,                  "cronjob",                 cronjob_fields,     more_cronjob    },
    {&RES_NODE,                      "node",                    node_fields,        more_node       },
    {&RES_NAMESPACE,                 "namespace",               namespace_fields,   more_namespace  },
    {&RES_SERVICE,                   "service",                 service_fields,     more_service    },
    {&RES_PERSISTENT_VOLUME_CLAIM,   "persistentvolumeclaim",   claim_fields,       more_claim      },
    {&RES_PERSISTENT_VOLUME,         "persistentvolume",        volume_fields,      more_volume     },
    {&RES_HORIZONTAL_POD_AUTOSCALER, "horizontalpodautoscaler", scaler_fields,      NULL            },
    {&RES_POD_DISRUPTION_BUDGET,     "poddisruptionbudget",     budget_fields,      NULL            },
    {&RES_RESOURCE_QUOTA,            "resourcequota",           NULL,               more_quota      },
};

static void emit_field(struct state_out *out, const struct field *f)
{
    const struct value *v = value_at(out->o->root, f->path);
    if (f->is == TIME)
        state__time(out, f->metric, value_str(v, ""));
    else if (v || f->is == NUMBER)
        state__put(out, f->metric, value_bool(v, false) ? 1 : value_num(v, 0), NULL);
}

static void emit_object(const struct kind *k, const struct object *o, scraper_emit emit, void *to)
{
    struct state_out out = {.emit = emit, .to = to, .o = o};
    out.labels[out.n++] = (struct label){"__name__", ""};
    if (*o->ns)
        out.labels[out.n++] = (struct label){"namespace", o->ns};
    out.labels[out.n++] = (struct label){k->label, o->name};
    for (const struct field *f = k->fields; f && f->metric; f++)
        emit_field(&out, f);
    if (k->more)
        k->more(&out);
}

void kubestate_object(const struct resource *r, const struct object *o, scraper_emit emit, void *to)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].resource == r)
            emit_object(&kinds[i], o, emit, to);
}

static void emit_left_out(const struct kind *k, size_t n, scraper_emit emit, void *to)
{
    const struct label l[] = {
        {"__name__", "slipway_objects_not_measured"},
        {"kind",     k->label                      }
    };
    emit(to, l, ARRAY_LEN(l), (double)n);
}

void kubestate_emit(void *kube, scraper_emit emit, void *to)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct kube_list l = {.n = 0};
        struct err e;
        if (kube_list(kube, kinds[i].resource, NULL, &(struct kube_list_opts){0}, &l, &e) < 0) {
            log_debug("metrics", "%s", e.msg);
            continue;
        }
        for (size_t k = 0; k < l.n && k < OBJECTS_MAX; k++)
            emit_object(&kinds[i], l.items[k], emit, to);
        if (l.n > OBJECTS_MAX)
            emit_left_out(&kinds[i], l.n - OBJECTS_MAX, emit, to);
        kube_list_done(&l);
    }
}
