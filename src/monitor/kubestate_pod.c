#include <string.h>

#include "monitor/kubestate_int.h"

/* The metrics of containers, and of those that initialise. */
struct names {
    const char *info, *waiting, *waiting_reason, *running, *terminated, *terminated_reason,
        *last_reason, *ready, *restarts, *requests, *limits;
};
static const struct names app_names = {
    .info = "kube_pod_container_info",
    .waiting = "kube_pod_container_status_waiting",
    .waiting_reason = "kube_pod_container_status_waiting_reason",
    .running = "kube_pod_container_status_running",
    .terminated = "kube_pod_container_status_terminated",
    .terminated_reason = "kube_pod_container_status_terminated_reason",
    .last_reason = "kube_pod_container_status_last_terminated_reason",
    .ready = "kube_pod_container_status_ready",
    .restarts = "kube_pod_container_status_restarts_total",
    .requests = "kube_pod_container_resource_requests",
    .limits = "kube_pod_container_resource_limits",
};
static const struct names init_names = {
    .info = "kube_pod_init_container_info",
    .waiting = "kube_pod_init_container_status_waiting",
    .waiting_reason = "kube_pod_init_container_status_waiting_reason",
    .running = "kube_pod_init_container_status_running",
    .terminated = "kube_pod_init_container_status_terminated",
    .terminated_reason = "kube_pod_init_container_status_terminated_reason",
    .last_reason = "kube_pod_init_container_status_last_terminated_reason",
    .ready = "kube_pod_init_container_status_ready",
    .restarts = "kube_pod_init_container_status_restarts_total",
    .requests = "kube_pod_init_container_resource_requests",
    .limits = "kube_pod_init_container_resource_limits",
};

static void reason(struct state_out *out, const char *metric, const char *container,
                   const char *why)
{
    if (*why)
        state__put(out, metric, 1, "container", container, "reason", why, NULL);
}

static void container_status(struct state_out *out, const struct names *n, const struct value *c)
{
    const char *name = value_at_str(c, "name", "");
    state__put(out, n->info, 1, "container", name, "image", value_at_str(c, "image", ""),
               "image_id", value_at_str(c, "imageID", ""), "container_id",
               value_at_str(c, "containerID", ""), NULL);
    state__put(out, n->waiting, value_at(c, "state.waiting") != NULL, "container", name, NULL);
    state__put(out, n->running, value_at(c, "state.running") != NULL, "container", name, NULL);
    state__put(out, n->terminated, value_at(c, "state.terminated") != NULL, "container", name,
               NULL);
    state__put(out, n->ready, value_at_bool(c, "ready", false), "container", name, NULL);
    state__put(out, n->restarts, (double)value_at_int(c, "restartCount", 0), "container", name,
               NULL);
    reason(out, n->waiting_reason, name, value_at_str(c, "state.waiting.reason", ""));
    reason(out, n->terminated_reason, name, value_at_str(c, "state.terminated.reason", ""));
    reason(out, n->last_reason, name, value_at_str(c, "lastState.terminated.reason", ""));
}

static void container_resources(struct state_out *out, const struct names *n, const struct value *c,
                                const char *node)
{
    const char *const also[] = {"container", value_at_str(c, "name", ""), "node", node, NULL};
    state__resources(out, n->requests, value_at(c, "resources.requests"), also);
    state__resources(out, n->limits, value_at(c, "resources.limits"), also);
}

static void info(struct state_out *out)
{
    const struct value *v = out->o->root, *by = object_controller(out->o);
    state__put(out, "kube_pod_info", 1, "host_ip", value_at_str(v, "status.hostIP", ""), "pod_ip",
               value_at_str(v, "status.podIP", ""), "node", value_at_str(v, "spec.nodeName", ""),
               "created_by_kind", value_at_str(by, "kind", ""), "created_by_name",
               value_at_str(by, "name", ""), "priority_class",
               value_at_str(v, "spec.priorityClassName", ""), "host_network",
               value_at_bool(v, "spec.hostNetwork", false) ? "true" : "false", NULL);
    state__put(out, "kube_pod_restart_policy", 1, "type", value_at_str(v, "spec.restartPolicy", ""),
               NULL);
    state__owner(out, "kube_pod_owner");
}

static void status(struct state_out *out)
{
    static const char *const phases[] = {"Pending", "Succeeded", "Failed",
                                         "Unknown", "Running",   NULL};
    static const char *const reasons[] = {
        "Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError", NULL};
    const struct value *v = out->o->root;
    state__enum(out, "kube_pod_status_phase", "phase", phases, value_at_str(v, "status.phase", ""));
    state__enum(out, "kube_pod_status_reason", "reason", reasons,
                value_at_str(v, "status.reason", ""));
    state__condition(out, "kube_pod_status_ready", "Ready");
    state__condition(out, "kube_pod_status_scheduled", "PodScheduled");
    state__time(out, "kube_pod_created", value_at_str(v, "metadata.creationTimestamp", ""));
    state__time(out, "kube_pod_start_time", value_at_str(v, "status.startTime", ""));
    state__time(out, "kube_pod_deletion_timestamp",
                value_at_str(v, "metadata.deletionTimestamp", ""));
}

void state__pod(struct state_out *out)
{
    const struct value *v = out->o->root;
    const char *node = value_at_str(v, "spec.nodeName", "");
    out->labels[out->n++] = (struct label){"uid", out->o->uid};
    info(out);
    status(out);
    VALUE_EACH_ITEM (c, value_at(v, "status.containerStatuses"))
        container_status(out, &app_names, c);
    VALUE_EACH_ITEM (c, value_at(v, "status.initContainerStatuses"))
        container_status(out, &init_names, c);
    VALUE_EACH_ITEM (c, value_at(v, "spec.containers"))
        container_resources(out, &app_names, c, node);
    VALUE_EACH_ITEM (c, value_at(v, "spec.initContainers"))
        container_resources(out, &init_names, c, node);
}
