#include <string.h>

#include "api/quantity.h"
#include "api/table_int.h"
#include "base/clock.h"
#include "codec/json.h"
#include "codec/jsonpath.h"

static void age(struct row *r, const struct value *o)
{
    row__age(r, value_at(o, "metadata.creationTimestamp"));
}

static const char *later(const char *a, const char *b)
{
    return strcmp(a, b) >= 0 ? a : b; /* RFC 3339 in UTC sorts as text */
}

/* ---- pods ---- */

struct pod_view {
    const char *reason, *last; /* last: when something last ended */
    const char *last_sidecar;
    int64_t restarts, sidecar_restarts, ready, total;
    bool initializing;
};

static bool is_sidecar(const struct value *pod, const char *name)
{
    VALUE_EACH_ITEM (c, value_at(pod, "spec.initContainers"))
        if (is(str(c, "name"), name))
            return is(str(c, "restartPolicy"), "Always");
    return false;
}

static const char *ended(struct row *r, const struct value *t, const char *prefix)
{
    if (*str(t, "reason"))
        return arena_printf(r->a, "%s%s", prefix, str(t, "reason"));
    int64_t signal = value_int(value_get(t, "signal"), 0);
    return signal ? arena_printf(r->a, "%sSignal:%lld", prefix, (long long)signal)
                  : arena_printf(r->a, "%sExitCode:%lld", prefix,
                                 (long long)value_int(value_get(t, "exitCode"), 0));
}

static void look_at_init(struct row *r, const struct value *pod, struct pod_view *v)
{
    const struct value *list = value_at(pod, "status.initContainerStatuses");
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *c = &list->items[i];
        const struct value *t = value_at(c, "state.terminated");
        const char *waiting = value_at_str(c, "state.waiting.reason", "");
        const char *end = value_at_str(c, "lastState.terminated.finishedAt", "");
        int64_t n = value_int(value_get(c, "restartCount"), 0);
        bool sidecar = is_sidecar(pod, str(c, "name"));
        v->restarts += n;
        v->last = later(v->last, end);
        if (sidecar) {
            v->sidecar_restarts += n;
            v->last_sidecar = later(v->last_sidecar, end);
        }
        if (t && value_int(value_get(t, "exitCode"), 0) == 0)
            continue;
        if (sidecar && value_bool(value_get(c, "started"), false)) {
            v->ready += value_bool(value_get(c, "ready"), false);
            continue;
        }
        v->initializing = true;
        if (t)
            v->reason = ended(r, t, "Init:");
        else if (*waiting && !is(waiting, "PodInitializing"))
            v->reason = arena_printf(r->a, "Init:%s", waiting);
        else
            v->reason = arena_printf(r->a, "Init:%zu/%zu", i,
                                     value_count(value_at(pod, "spec.initContainers")));
        return;
    }
}

static bool condition_true(const struct value *o, const char *type)
{
    VALUE_EACH_ITEM (c, value_at(o, "status.conditions"))
        if (is(str(c, "type"), type))
            return is(str(c, "status"), "True");
    return false;
}

static void look_at_containers(struct row *r, const struct value *pod, struct pod_view *v)
{
    const struct value *list = value_at(pod, "status.containerStatuses");
    bool running = false;
    v->restarts = v->sidecar_restarts;
    v->last = v->last_sidecar;
    for (size_t i = value_count(list); i-- > 0;) {
        const struct value *c = &list->items[i], *t = value_at(c, "state.terminated");
        const char *waiting = value_at_str(c, "state.waiting.reason", "");
        v->restarts += value_int(value_get(c, "restartCount"), 0);
        v->last = later(v->last, value_at_str(c, "lastState.terminated.finishedAt", ""));
        if (*waiting)
            v->reason = waiting;
        else if (t)
            v->reason = ended(r, t, "");
        else if (value_bool(value_get(c, "ready"), false) && value_at(c, "state.running")) {
            running = true;
            v->ready++;
        }
    }
    if (is(v->reason, "Completed") && running)
        v->reason = condition_true(pod, "Ready") ? "Running" : "NotReady";
}

static void view_pod(struct row *r, const struct value *pod, struct pod_view *v)
{
    const char *phase = value_at_str(pod, "status.phase", "");
    const char *why = value_at_str(pod, "status.reason", "");
    *v = (struct pod_view){.reason = *why ? why : phase, .last = "", .last_sidecar = ""};
    v->total = (int64_t)value_count(value_at(pod, "spec.containers"));
    VALUE_EACH_ITEM (c, value_at(pod, "spec.initContainers"))
        v->total += is(str(c, "restartPolicy"), "Always");
    VALUE_EACH_ITEM (c, value_at(pod, "status.conditions"))
        if (is(str(c, "type"), "PodScheduled") && is(str(c, "reason"), "SchedulingGated"))
            v->reason = "SchedulingGated";
    look_at_init(r, pod, v);
    if (!v->initializing || condition_true(pod, "Initialized"))
        look_at_containers(r, pod, v);
    if (value_at(pod, "metadata.deletionTimestamp")) {
        if (is(why, "NodeLost"))
            v->reason = "Unknown";
        else if (!is(phase, "Failed") && !is(phase, "Succeeded"))
            v->reason = "Terminating";
    }
}

void table__pod(struct row *r, const struct value *o)
{
    struct pod_view v;
    view_pod(r, o, &v);
    row__text(r, arena_printf(r->a, "%lld/%lld", (long long)v.ready, (long long)v.total));
    row__text(r, v.reason);
    const char *count = arena_printf(r->a, "%lld", (long long)v.restarts);
    if (v.restarts && *v.last)
        count =
            arena_printf(r->a, "%s (%s ago)", count, row__since(r, value_new_str(r->a, v.last)));
    row__text(r, count);
    age(r, o);
    const char *ip = value_at_str(o, "status.podIP", "");
    if (value_count(value_at(o, "status.podIPs")))
        ip = value_at_str(o, "status.podIPs[0].ip", "");
    row__or_none(r, ip);
    row__or_none(r, value_at_str(o, "spec.nodeName", ""));
    row__or_none(r, value_at_str(o, "status.nominatedNodeName", ""));
    const struct value *gates = value_at(o, "spec.readinessGates");
    size_t met = 0;
    VALUE_EACH_ITEM (g, gates)
        met += condition_true(o, str(g, "conditionType"));
    row__text(r, value_count(gates) ? arena_printf(r->a, "%zu/%zu", met, value_count(gates))
                                    : "<none>");
}

/* ---- nodes ---- */

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *node_roles(struct row *r, const struct value *o)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    const struct value *labels = value_at(o, "metadata.labels");
    const char **roles = ARENA_ARRAY(r->a, const char *, value_count(labels) + 1), *text = "";
    size_t n = 0;
    VALUE_EACH_MEMBER (m, labels) {
        if (strncmp(m->key, prefix, sizeof prefix - 1) == 0 && m->key[sizeof prefix - 1])
            roles[n++] = m->key + sizeof prefix - 1;
        else if (is(m->key, "kubernetes.io/role") && *value_str(&m->value, ""))
            roles[n++] = value_str(&m->value, "");
    }
    qsort(roles, n, sizeof *roles, by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || !is(roles[i], roles[i - 1]))
            text = arena_printf(r->a, "%s%s%s", text, *text ? "," : "", roles[i]);
    return *text ? text : "<none>";
}

static const char *node_address(const struct value *o, const char *type)
{
    VALUE_EACH_ITEM (x, value_at(o, "status.addresses"))
        if (is(str(x, "type"), type))
            return str(x, "address");
    return "<none>";
}

void table__node(struct row *r, const struct value *o)
{
    static const char *const info[] = {"osImage", "kernelVersion", "containerRuntimeVersion"};
    const char *status = "Unknown";
    VALUE_EACH_ITEM (c, value_at(o, "status.conditions"))
        if (is(str(c, "type"), "Ready"))
            status = is(str(c, "status"), "True") ? "Ready" : "NotReady";
    if (value_bool(value_at(o, "spec.unschedulable"), false))
        status = arena_printf(r->a, "%s,SchedulingDisabled", status);
    row__text(r, status);
    row__text(r, node_roles(r, o));
    age(r, o);
    row__text(r, value_at_str(o, "status.nodeInfo.kubeletVersion", ""));
    row__text(r, node_address(o, "InternalIP"));
    row__text(r, node_address(o, "ExternalIP"));
    for (size_t i = 0; i < 3; i++) {
        const char *s = str(value_at(o, "status.nodeInfo"), info[i]);
        row__text(r, *s ? s : "<unknown>");
    }
}

/* ---- services ---- */

static const char *external_ip(struct row *r, const struct value *o)
{
    const struct value *spec = value_get(o, "spec");
    const char *type = str(spec, "type"), *text = "";
    if (is(type, "ExternalName"))
        return str(spec, "externalName");
    if (is(type, "LoadBalancer"))
        VALUE_EACH_ITEM (g, value_at(o, "status.loadBalancer.ingress")) {
            const char *one = *str(g, "ip") ? str(g, "ip") : str(g, "hostname");
            text = arena_printf(r->a, "%s%s%s", text, *text ? "," : "", one);
        }
    VALUE_EACH_ITEM (ip, value_get(spec, "externalIPs"))
        text = arena_printf(r->a, "%s%s%s", text, *text ? "," : "", value_str(ip, ""));
    return *text ? text : is(type, "LoadBalancer") ? "<pending>" : "<none>";
}

void table__service(struct row *r, const struct value *o)
{
    const struct value *spec = value_get(o, "spec");
    const char *ports = "";
    row__text(r, str(spec, "type"));
    row__or_none(r, value_count(value_get(spec, "clusterIPs"))
                        ? value_str(value_item(value_get(spec, "clusterIPs"), 0), "")
                        : str(spec, "clusterIP"));
    row__text(r, external_ip(r, o));
    VALUE_EACH_ITEM (p, value_get(spec, "ports")) {
        long long node = value_int(value_get(p, "nodePort"), 0);
        const char *via = node ? arena_printf(r->a, ":%lld", node) : "";
        ports =
            arena_printf(r->a, "%s%s%lld%s/%s", ports, *ports ? "," : "",
                         (long long)value_int(value_get(p, "port"), 0), via, str(p, "protocol"));
    }
    row__or_none(r, ports);
    age(r, o);
    row__text(r, row__labels(r, value_get(spec, "selector")));
}

/* ---- workloads ---- */

static void ready_of(struct row *r, const struct value *o)
{
    row__text(r,
              arena_printf(r->a, "%lld/%lld", (long long)value_at_int(o, "status.readyReplicas", 0),
                           (long long)value_at_int(o, "spec.replicas", 0)));
}

static void template_of(struct row *r, const struct value *o)
{
    row__images(r, value_at(o, "spec.template.spec"));
}

void table__deployment(struct row *r, const struct value *o)
{
    ready_of(r, o);
    row__int(r, value_at_int(o, "status.updatedReplicas", 0));
    row__int(r, value_at_int(o, "status.availableReplicas", 0));
    age(r, o);
    template_of(r, o);
    row__text(r, row__selector(r, value_at(o, "spec.selector")));
}

void table__replica_set(struct row *r, const struct value *o)
{
    row__int(r, value_at_int(o, "spec.replicas", 0));
    row__int(r, value_at_int(o, "status.replicas", 0));
    row__int(r, value_at_int(o, "status.readyReplicas", 0));
    age(r, o);
    template_of(r, o);
    row__text(r, row__selector(r, value_at(o, "spec.selector")));
}

void table__stateful_set(struct row *r, const struct value *o)
{
    ready_of(r, o);
    age(r, o);
    template_of(r, o);
}

void table__daemon_set(struct row *r, const struct value *o)
{
    static const char *const counts[] = {"desiredNumberScheduled", "currentNumberScheduled",
                                         "numberReady", "updatedNumberScheduled",
                                         "numberAvailable"};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        row__int(r, value_int(value_get(value_get(o, "status"), counts[i]), 0));
    row__text(r, row__labels(r, value_at(o, "spec.template.spec.nodeSelector")));
    age(r, o);
    template_of(r, o);
    row__text(r, row__selector(r, value_at(o, "spec.selector")));
}

static const char *job_status(const struct value *o)
{
    if (condition_true(o, "Complete"))
        return "Complete";
    if (condition_true(o, "Failed"))
        return "Failed";
    if (value_at(o, "metadata.deletionTimestamp"))
        return "Terminating";
    if (condition_true(o, "Suspended"))
        return "Suspended";
    if (condition_true(o, "FailureTarget"))
        return "FailureTarget";
    if (condition_true(o, "SuccessCriteriaMet"))
        return "SuccessCriteriaMet";
    return "Running";
}

static const char *job_duration(struct row *r, const struct value *o)
{
    int64_t from, to;
    const struct value *start = value_at(o, "status.startTime");
    const struct value *end = value_at(o, "status.completionTime");
    if (!value_is(start, VALUE_STRING) || clock_parse_rfc3339(start->text, &from, NULL) < 0)
        return "";
    if (!value_is(end, VALUE_STRING) || clock_parse_rfc3339(end->text, &to, NULL) < 0)
        return row__since(r, start);
    return table_age((to - from) / 1000000, r->a);
}

void table__job(struct row *r, const struct value *o)
{
    const struct value *want = value_at(o, "spec.completions");
    long long done = value_at_int(o, "status.succeeded", 0);
    long long parallel = value_at_int(o, "spec.parallelism", 0);
    row__text(r, job_status(o));
    row__text(r, want ? arena_printf(r->a, "%lld/%lld", done, (long long)value_int(want, 0))
                 : parallel > 1 ? arena_printf(r->a, "%lld/1 of %lld", done, parallel)
                                : arena_printf(r->a, "%lld/1", done));
    row__text(r, job_duration(r, o));
    age(r, o);
    template_of(r, o);
    row__text(r, row__selector(r, value_at(o, "spec.selector")));
}

void table__cron_job(struct row *r, const struct value *o)
{
    const struct value *last = value_at(o, "status.lastScheduleTime");
    row__text(r, value_at_str(o, "spec.schedule", ""));
    row__or_none(r, value_at_str(o, "spec.timeZone", ""));
    row__text(r, value_bool(value_at(o, "spec.suspend"), false) ? "True" : "False");
    row__int(r, (int64_t)value_count(value_at(o, "status.active")));
    row__text(r, last ? row__since(r, last) : "<none>");
    age(r, o);
    row__images(r, value_at(o, "spec.jobTemplate.spec.template.spec"));
    row__text(r, row__selector(r, value_at(o, "spec.jobTemplate.spec.selector")));
}

/* ---- autoscalers ---- */

static const char *current_metric(struct row *r, const struct value *o, size_t i,
                                  const char *source, const char *field)
{
    const struct value *c = value_item(value_at(o, "status.currentMetrics"), i);
    const struct value *v = value_get(value_get(value_get(c, source), "current"), field);
    if (!v)
        return "<unknown>";
    return v->kind == VALUE_INT ? arena_printf(r->a, "%lld%%", (long long)v->i) : value_str(v, "");
}

static const char *metric_text(struct row *r, const struct value *o, const struct value *m,
                               size_t i)
{
    static const char *const kinds[][2] = {
        {"Resource",          "resource"         },
        {"ContainerResource", "containerResource"},
        {"External",          "external"         },
        {"Pods",              "pods"             },
        {"Object",            "object"           }
    };
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        if (!is(str(m, "type"), kinds[k][0]))
            continue;
        const struct value *s = value_get(m, kinds[k][1]), *t = value_get(s, "target");
        const struct value *u = value_get(t, "averageUtilization");
        const char *field = u                        ? "averageUtilization"
                            : has(t, "averageValue") ? "averageValue"
                                                     : "value";
        const char *want =
            u ? arena_printf(r->a, "%lld%%", (long long)value_int(u, 0)) : str(t, field);
        const char *name = k < 2 ? arena_printf(r->a, "%s: ", str(s, "name")) : "";
        const char *avg = k > 1 && is(field, "averageValue") ? " (avg)" : "";
        return arena_printf(r->a, "%s%s/%s%s", name, current_metric(r, o, i, kinds[k][1], field),
                            want, avg);
    }
    return "<unknown type>";
}

void table__autoscaler(struct row *r, const struct value *o)
{
    const struct value *spec = value_get(o, "spec"), *metrics = value_get(spec, "metrics");
    const struct value *cpu = value_get(spec, "targetCPUUtilizationPercentage");
    const char *text = "";
    row__text(r, arena_printf(r->a, "%s/%s", value_at_str(spec, "scaleTargetRef.kind", ""),
                              value_at_str(spec, "scaleTargetRef.name", "")));
    for (size_t i = 0; i < value_count(metrics) && i < 2; i++)
        text = arena_printf(r->a, "%s%s%s", text, *text ? ", " : "",
                            metric_text(r, o, &metrics->items[i], i));
    if (value_count(metrics) > 2)
        text = arena_printf(r->a, "%s + %zu more...", text, value_count(metrics) - 2);
    if (cpu)
        text = arena_printf(r->a, "cpu: <unknown>/%lld%%", (long long)value_int(cpu, 0));
    row__or_none(r, text);
    row__text(
        r, has(spec, "minReplicas")
               ? arena_printf(r->a, "%lld", (long long)value_int(value_get(spec, "minReplicas"), 0))
               : "<unset>");
    row__int(r, value_int(value_get(spec, "maxReplicas"), 0));
    row__int(r, value_at_int(o, "status.currentReplicas", 0));
    age(r, o);
}

/* ---- storage ---- */

static const char *short_modes(struct row *r, const struct value *modes)
{
    static const char *const names[][2] = {
        {"ReadWriteOnce",    "RWO" },
        {"ReadOnlyMany",     "ROX" },
        {"ReadWriteMany",    "RWX" },
        {"ReadWriteOncePod", "RWOP"}
    };
    const char *text = "";
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool found = false;
        VALUE_EACH_ITEM (m, modes)
            found |= is(value_str(m, ""), names[i][0]);
        if (found)
            text = arena_printf(r->a, "%s%s%s", text, *text ? "," : "", names[i][1]);
    }
    return text;
}

static const char *class_of(const struct value *o)
{
    const char *old =
        str(value_at(o, "metadata.annotations"), "volume.beta.kubernetes.io/storage-class");
    return *old ? old : value_at_str(o, "spec.storageClassName", "");
}

void table__volume(struct row *r, const struct value *o)
{
    const struct value *spec = value_get(o, "spec"), *claim = value_get(spec, "claimRef");
    const char *phase = value_at_str(o, "status.phase", "");
    row__text(r, value_at_str(spec, "capacity.storage", ""));
    row__text(r, short_modes(r, value_get(spec, "accessModes")));
    row__text(r, str(spec, "persistentVolumeReclaimPolicy"));
    row__text(r, value_at(o, "metadata.deletionTimestamp") ? "Terminating" : phase);
    row__text(r, claim ? arena_printf(r->a, "%s/%s", str(claim, "namespace"), str(claim, "name"))
                       : "");
    row__text(r, class_of(o));
    row__text(r, *str(spec, "volumeAttributesClassName") ? str(spec, "volumeAttributesClassName")
                                                         : "<unset>");
    row__text(r, value_at_str(o, "status.reason", ""));
    age(r, o);
    row__text(r, *str(spec, "volumeMode") ? str(spec, "volumeMode") : "<unset>");
}

void table__claim(struct row *r, const struct value *o)
{
    const struct value *spec = value_get(o, "spec");
    bool bound = *str(spec, "volumeName");
    const char *phase = value_at_str(o, "status.phase", "");
    row__text(r, value_at(o, "metadata.deletionTimestamp") ? "Terminating" : phase);
    row__text(r, str(spec, "volumeName"));
    row__text(r, bound ? value_at_str(o, "status.capacity.storage", "0") : "");
    row__text(r, bound ? short_modes(r, value_at(o, "status.accessModes")) : "");
    row__text(r, class_of(o));
    row__text(r, *str(spec, "volumeAttributesClassName") ? str(spec, "volumeAttributesClassName")
                                                         : "<unset>");
    age(r, o);
    row__text(r, *str(spec, "volumeMode") ? str(spec, "volumeMode") : "<unset>");
}

/* ---- events ---- */

static const struct value *first_of(const struct value *o, const char *const *names)
{
    for (; *names; names++)
        if (value_is(value_at(o, *names), VALUE_STRING))
            return value_at(o, *names);
    return NULL;
}

void table__event(struct row *r, const struct value *o)
{
    static const char *const first[] = {"firstTimestamp", "deprecatedFirstTimestamp", "eventTime",
                                        NULL};
    static const char *const last[] = {"series.lastObservedTime", "lastTimestamp",
                                       "deprecatedLastTimestamp", "eventTime", NULL};
    const struct value *object = value_get(o, "involvedObject");
    if (!object)
        object = value_get(o, "regarding");
    char *kind = arena_strdup(r->a, str(object, "kind"));
    for (char *p = kind; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    const char *name = str(object, "name");
    const struct value *source = value_get(o, "source");
    if (!source)
        source = value_get(o, "deprecatedSource");
    const char *from = *str(source, "component")       ? str(source, "component")
                       : *str(o, "reportingComponent") ? str(o, "reportingComponent")
                                                       : str(o, "reportingController");
    const char *host = *str(source, "host") ? str(source, "host") : str(o, "reportingInstance");
    row__age(r, first_of(o, last));
    row__text(r, str(o, "type"));
    row__text(r, str(o, "reason"));
    row__text(r, *name ? arena_printf(r->a, "%s/%s", kind, name) : kind);
    row__text(r, str(object, "fieldPath"));
    row__text(r, *host ? arena_printf(r->a, "%s, %s", from, host) : from);
    const char *message = *str(o, "message") ? str(o, "message") : str(o, "note");
    size_t n = strlen(message);
    while (n && (message[n - 1] == '\n' || message[n - 1] == ' '))
        n--;
    row__text(r, arena_strndup(r->a, message, n));
    row__age(r, first_of(o, first));
    int64_t count = value_int(value_get(o, "count"), 0);
    if (!count)
        count = value_int(value_get(o, "deprecatedCount"), 0);
    if (value_at(o, "series.count"))
        count = value_at_int(o, "series.count", 1);
    row__int(r, count ? count : 1);
    row__text(r, value_at_str(o, "metadata.name", ""));
}

/* ---- custom resources ---- */

static bool fits(const struct value *v, const char *type)
{
    if (is(type, "integer"))
        return v->kind == VALUE_INT;
    if (is(type, "number"))
        return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    return !is(type, "boolean") || v->kind == VALUE_BOOL;
}

static const struct value *custom_cell(struct row *r, const struct crd_column *c,
                                       const struct value *o)
{
    struct jsonpath *p;
    const struct value **found;
    size_t n;
    const char *path = arena_printf(r->a, "{%s}", c->json_path);
    if (jsonpath_compile(r->a, path, &p, NULL) < 0 ||
        jsonpath_find(r->a, p, o, JSONPATH_ALLOW_MISSING, &found, &n, NULL) < 0 || n == 0)
        return value_null(r->a);
    const struct value *v = found[0];
    if (is(c->type, "date"))
        return v->kind == VALUE_STRING ? value_new_str(r->a, row__since(r, v)) : value_null(r->a);
    if (is(c->type, "string")) {
        bool tree = v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT;
        if (v->kind == VALUE_STRING || v->kind == VALUE_NULL)
            return v;
        return value_new_str(r->a, tree ? json_text(r->a, v, JSON_SORTED) : json_text(r->a, v, 0));
    }
    return fits(v, c->type) ? v : value_null(r->a);
}

void table__custom(struct row *r, const struct kind *k, const struct value *o)
{
    for (size_t i = 0; i < k->crd->n_columns; i++)
        (void)value_push(r->a, r->cells, custom_cell(r, &k->crd->columns[i], o));
    if (!k->crd->n_columns)
        age(r, o);
}
