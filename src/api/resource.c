#include "api/resource.h"

#include <string.h>

#define B(id, g, v, k, p, s, sh, ns, st, sc, cat)                                                  \
    const struct resource RES_##id = {.group = g,                                                  \
                                      .version = v,                                                \
                                      .kind = k,                                                   \
                                      .plural = p,                                                 \
                                      .singular = s,                                               \
                                      .short_names = sh,                                           \
                                      .namespaced = ns,                                            \
                                      .status = st,                                                \
                                      .scale = sc,                                                 \
                                      .categories = cat}

/* clang-format off: one resource a line */
B(NAMESPACE, "", "v1", "Namespace", "namespaces", "namespace", "ns", false, true, false, NULL);
B(NODE, "", "v1", "Node", "nodes", "node", "no", false, true, false, NULL);
B(POD, "", "v1", "Pod", "pods", "pod", "po", true, true, false, "all");
B(SERVICE, "", "v1", "Service", "services", "service", "svc", true, true, false, "all");
B(ENDPOINTS, "", "v1", "Endpoints", "endpoints", "endpoints", "ep", true, false, false, NULL);
B(CONFIG_MAP, "", "v1", "ConfigMap", "configmaps", "configmap", "cm", true, false, false, NULL);
B(SECRET, "", "v1", "Secret", "secrets", "secret", "", true, false, false, NULL);
B(SERVICE_ACCOUNT, "", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", "sa", true,
  false, false, NULL);
B(EVENT, "", "v1", "Event", "events", "event", "ev", true, false, false, NULL);
B(PERSISTENT_VOLUME, "", "v1", "PersistentVolume", "persistentvolumes", "persistentvolume", "pv",
  false, true, false, NULL);
B(PERSISTENT_VOLUME_CLAIM, "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims",
  "persistentvolumeclaim", "pvc", true, true, false, NULL);
B(REPLICATION_CONTROLLER, "", "v1", "ReplicationController", "replicationcontrollers",
  "replicationcontroller", "rc", true, true, true, "all");
B(LIMIT_RANGE, "", "v1", "LimitRange", "limitranges", "limitrange", "limits", true, false, false,
  NULL);
B(RESOURCE_QUOTA, "", "v1", "ResourceQuota", "resourcequotas", "resourcequota", "quota", true, true,
  false, NULL);
B(POD_TEMPLATE, "", "v1", "PodTemplate", "podtemplates", "podtemplate", "", true, false, false,
  NULL);
B(DEPLOYMENT, "apps", "v1", "Deployment", "deployments", "deployment", "deploy", true, true, true,
  "all");
B(REPLICA_SET, "apps", "v1", "ReplicaSet", "replicasets", "replicaset", "rs", true, true, true,
  "all");
B(STATEFUL_SET, "apps", "v1", "StatefulSet", "statefulsets", "statefulset", "sts", true, true, true,
  "all");
B(DAEMON_SET, "apps", "v1", "DaemonSet", "daemonsets", "daemonset", "ds", true, true, false, "all");
B(CONTROLLER_REVISION, "apps", "v1", "ControllerRevision", "controllerrevisions",
  "controllerrevision", "", true, false, false, NULL);
B(JOB, "batch", "v1", "Job", "jobs", "job", "", true, true, false, "all");
B(CRON_JOB, "batch", "v1", "CronJob", "cronjobs", "cronjob", "cj", true, true, false, "all");
B(ENDPOINT_SLICE, "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice", "",
  true, false, false, NULL);
B(INGRESS, "networking.k8s.io", "v1", "Ingress", "ingresses", "ingress", "ing", true, true, false,
  NULL);
B(INGRESS_CLASS, "networking.k8s.io", "v1", "IngressClass", "ingressclasses", "ingressclass", "",
  false, false, false, NULL);
B(NETWORK_POLICY, "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "networkpolicy",
  "netpol", true, false, false, NULL);
B(ROLE, "rbac.authorization.k8s.io", "v1", "Role", "roles", "role", "", true, false, false, NULL);
B(ROLE_BINDING, "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "rolebinding", "",
  true, false, false, NULL);
B(CLUSTER_ROLE, "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "clusterrole", "",
  false, false, false, NULL);
B(CLUSTER_ROLE_BINDING, "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding",
  "clusterrolebindings", "clusterrolebinding", "", false, false, false, NULL);
B(CRD, "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
  "customresourcedefinition", "crd,crds", false, true, false, "api-extensions");
B(LEASE, "coordination.k8s.io", "v1", "Lease", "leases", "lease", "", true, false, false, NULL);
B(STORAGE_CLASS, "storage.k8s.io", "v1", "StorageClass", "storageclasses", "storageclass", "sc",
  false, false, false, NULL);
B(CSI_DRIVER, "storage.k8s.io", "v1", "CSIDriver", "csidrivers", "csidriver", "", false, false,
  false, NULL);
B(CSI_NODE, "storage.k8s.io", "v1", "CSINode", "csinodes", "csinode", "", false, false, false,
  NULL);
B(CSI_STORAGE_CAPACITY, "storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities",
  "csistoragecapacity", "", true, false, false, NULL);
B(VOLUME_ATTACHMENT, "storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments",
  "volumeattachment", "", false, true, false, NULL);
B(VALIDATING_WEBHOOKS, "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
  "validatingwebhookconfigurations", "validatingwebhookconfiguration", "", false, false, false,
  "api-extensions");
B(MUTATING_WEBHOOKS, "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration",
  "mutatingwebhookconfigurations", "mutatingwebhookconfiguration", "", false, false, false,
  "api-extensions");
B(POD_DISRUPTION_BUDGET, "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets",
  "poddisruptionbudget", "pdb", true, true, false, NULL);
B(HORIZONTAL_POD_AUTOSCALER, "autoscaling", "v2", "HorizontalPodAutoscaler",
  "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", true, true, false, "all");
B(PRIORITY_CLASS, "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "priorityclass",
  "pc", false, false, false, NULL);
B(API_SERVICE, "apiregistration.k8s.io", "v1", "APIService", "apiservices", "apiservice", "", false,
  true, false, "api-extensions");
B(RUNTIME_CLASS, "node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", "runtimeclass", "", false,
  false, false, NULL);
B(EVENT_EVENTS, "events.k8s.io", "v1", "Event", "events", "event", "ev", true, false, false, NULL);
B(HORIZONTAL_POD_AUTOSCALER_V1, "autoscaling", "v1", "HorizontalPodAutoscaler",
  "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", true, true, false, "all");
B(BINDING, "", "v1", "Binding", "bindings", "binding", "", true, false, false, NULL);
B(EVICTION, "policy", "v1", "Eviction", "evictions", "eviction", "", true, false, false, NULL);
B(SCALE, "autoscaling", "v1", "Scale", "scales", "scale", "", true, false, false, NULL);
B(TOKEN_REQUEST, "authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", "tokenrequest", "",
  true, false, false, NULL);
B(TOKEN_REVIEW, "authentication.k8s.io", "v1", "TokenReview", "tokenreviews", "tokenreview", "",
  false, false, false, NULL);
B(SELF_SUBJECT_REVIEW, "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews",
  "selfsubjectreview", "", false, false, false, NULL);
B(SUBJECT_ACCESS_REVIEW, "authorization.k8s.io", "v1", "SubjectAccessReview",
  "subjectaccessreviews", "subjectaccessreview", "", false, false, false, NULL);
B(SELF_SUBJECT_ACCESS_REVIEW, "authorization.k8s.io", "v1", "SelfSubjectAccessReview",
  "selfsubjectaccessreviews", "selfsubjectaccessreview", "", false, false, false, NULL);
B(LOCAL_SUBJECT_ACCESS_REVIEW, "authorization.k8s.io", "v1", "LocalSubjectAccessReview",
  "localsubjectaccessreviews", "localsubjectaccessreview", "", true, false, false, NULL);
B(SELF_SUBJECT_RULES_REVIEW, "authorization.k8s.io", "v1", "SelfSubjectRulesReview",
  "selfsubjectrulesreviews", "selfsubjectrulesreview", "", false, false, false, NULL);
B(TASK, "tekton.dev", "v1", "Task", "tasks", "task", "", true, false, false,
  "tekton,tekton-pipelines");
B(TASK_RUN, "tekton.dev", "v1", "TaskRun", "taskruns", "taskrun", "tr,trs", true, true, false,
  "tekton,tekton-pipelines");
B(PIPELINE, "tekton.dev", "v1", "Pipeline", "pipelines", "pipeline", "", true, false, false,
  "tekton,tekton-pipelines");
B(PIPELINE_RUN, "tekton.dev", "v1", "PipelineRun", "pipelineruns", "pipelinerun", "pr,prs", true,
  true, false, "tekton,tekton-pipelines");
B(STEP_ACTION, "tekton.dev", "v1beta1", "StepAction", "stepactions", "stepaction", "", true, false,
  false, "tekton,tekton-pipelines");
B(CUSTOM_RUN, "tekton.dev", "v1beta1", "CustomRun", "customruns", "customrun", "", true, true,
  false, "tekton,tekton-pipelines");
B(TRIGGER, "triggers.tekton.dev", "v1beta1", "Trigger", "triggers", "trigger", "tri", true, false,
  false, "tekton,tekton-triggers");
B(TRIGGER_BINDING, "triggers.tekton.dev", "v1beta1", "TriggerBinding", "triggerbindings",
  "triggerbinding", "tb", true, false, false, "tekton,tekton-triggers");
B(CLUSTER_TRIGGER_BINDING, "triggers.tekton.dev", "v1beta1", "ClusterTriggerBinding",
  "clustertriggerbindings", "clustertriggerbinding", "ctb", false, false, false,
  "tekton,tekton-triggers");
B(TRIGGER_TEMPLATE, "triggers.tekton.dev", "v1beta1", "TriggerTemplate", "triggertemplates",
  "triggertemplate", "tt", true, false, false, "tekton,tekton-triggers");
B(EVENT_LISTENER, "triggers.tekton.dev", "v1beta1", "EventListener", "eventlisteners",
  "eventlistener", "el", true, true, false, "tekton,tekton-triggers");
B(CLUSTER_INTERCEPTOR, "triggers.tekton.dev", "v1alpha1", "ClusterInterceptor",
  "clusterinterceptors", "clusterinterceptor", "ci", false, true, false, "tekton,tekton-triggers");
B(APPLICATION, "argoproj.io", "v1alpha1", "Application", "applications", "application", "app,apps",
  true, false, false, NULL);
B(APP_PROJECT, "argoproj.io", "v1alpha1", "AppProject", "appprojects", "appproject",
  "appproj,appprojs", true, false, false, NULL);
B(APPLICATION_SET, "argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets", "applicationset",
  "appset,appsets", true, true, false, NULL);
B(ANALYSIS_TEMPLATE, "argoproj.io", "v1alpha1", "AnalysisTemplate", "analysistemplates",
  "analysistemplate", "at", true, false, false, NULL);
B(CLUSTER_ANALYSIS_TEMPLATE, "argoproj.io", "v1alpha1", "ClusterAnalysisTemplate",
  "clusteranalysistemplates", "clusteranalysistemplate", "cat", false, false, false, NULL);
B(ANALYSIS_RUN, "argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns", "analysisrun", "ar", true,
  false, false, NULL);
B(PROMETHEUS_RULE, "monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules",
  "prometheusrule", "promrule", true, true, false, "prometheus-operator");
B(SERVICE_MONITOR, "monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors",
  "servicemonitor", "smon", true, false, false, "prometheus-operator");
B(POD_MONITOR, "monitoring.coreos.com", "v1", "PodMonitor", "podmonitors", "podmonitor", "pmon",
  true, false, false, "prometheus-operator");
B(REPOSITORY, "slipway.dev", "v1", "Repository", "repositories", "repository", "repo", true, true,
  false, "slipway");
B(CONDEMNATION, "slipway.dev", "v1", "Condemnation", "condemnations", "condemnation", "cond", true,
  false, false, "slipway");
B(IMAGE_POLICY, "slipway.dev", "v1", "ImagePolicy", "imagepolicies", "imagepolicy", "imgpol", true,
  false, false, "slipway");
B(IMAGE_ALLOWANCE, "slipway.dev", "v1", "ImageAllowance", "imageallowances", "imageallowance",
  "allow", true, false, false, "slipway");
/* clang-format on */
#undef B

const struct resource *const RESOURCES[] = {
    &RES_NAMESPACE,
    &RES_NODE,
    &RES_POD,
    &RES_SERVICE,
    &RES_ENDPOINTS,
    &RES_CONFIG_MAP,
    &RES_SECRET,
    &RES_SERVICE_ACCOUNT,
    &RES_EVENT,
    &RES_PERSISTENT_VOLUME,
    &RES_PERSISTENT_VOLUME_CLAIM,
    &RES_REPLICATION_CONTROLLER,
    &RES_LIMIT_RANGE,
    &RES_RESOURCE_QUOTA,
    &RES_POD_TEMPLATE,
    &RES_DEPLOYMENT,
    &RES_REPLICA_SET,
    &RES_STATEFUL_SET,
    &RES_DAEMON_SET,
    &RES_CONTROLLER_REVISION,
    &RES_JOB,
    &RES_CRON_JOB,
    &RES_ENDPOINT_SLICE,
    &RES_INGRESS,
    &RES_INGRESS_CLASS,
    &RES_NETWORK_POLICY,
    &RES_ROLE,
    &RES_ROLE_BINDING,
    &RES_CLUSTER_ROLE,
    &RES_CLUSTER_ROLE_BINDING,
    &RES_CRD,
    &RES_LEASE,
    &RES_STORAGE_CLASS,
    &RES_CSI_DRIVER,
    &RES_CSI_NODE,
    &RES_CSI_STORAGE_CAPACITY,
    &RES_VOLUME_ATTACHMENT,
    &RES_VALIDATING_WEBHOOKS,
    &RES_MUTATING_WEBHOOKS,
    &RES_POD_DISRUPTION_BUDGET,
    &RES_HORIZONTAL_POD_AUTOSCALER,
    &RES_PRIORITY_CLASS,
    &RES_API_SERVICE,
    &RES_RUNTIME_CLASS,
    &RES_EVENT_EVENTS,
    &RES_HORIZONTAL_POD_AUTOSCALER_V1,
    NULL,
};

/* Named here, but not stored (reviews) or installed as CRDs. */
static const struct resource *const OTHERS[] = {
    &RES_BINDING,
    &RES_EVICTION,
    &RES_SCALE,
    &RES_TOKEN_REQUEST,
    &RES_TOKEN_REVIEW,
    &RES_SELF_SUBJECT_REVIEW,
    &RES_SUBJECT_ACCESS_REVIEW,
    &RES_SELF_SUBJECT_ACCESS_REVIEW,
    &RES_LOCAL_SUBJECT_ACCESS_REVIEW,
    &RES_SELF_SUBJECT_RULES_REVIEW,
    &RES_TASK,
    &RES_TASK_RUN,
    &RES_PIPELINE,
    &RES_PIPELINE_RUN,
    &RES_STEP_ACTION,
    &RES_CUSTOM_RUN,
    &RES_TRIGGER,
    &RES_TRIGGER_BINDING,
    &RES_CLUSTER_TRIGGER_BINDING,
    &RES_TRIGGER_TEMPLATE,
    &RES_EVENT_LISTENER,
    &RES_CLUSTER_INTERCEPTOR,
    &RES_APPLICATION,
    &RES_APP_PROJECT,
    &RES_APPLICATION_SET,
    &RES_ANALYSIS_TEMPLATE,
    &RES_CLUSTER_ANALYSIS_TEMPLATE,
    &RES_ANALYSIS_RUN,
    &RES_PROMETHEUS_RULE,
    &RES_SERVICE_MONITOR,
    &RES_POD_MONITOR,
    &RES_REPOSITORY,
    &RES_CONDEMNATION,
    &RES_IMAGE_POLICY,
    &RES_IMAGE_ALLOWANCE,
    NULL,
};

const char *resource_api_version(const struct resource *r, struct arena *a)
{
    return *r->group ? arena_printf(a, "%s/%s", r->group, r->version) : r->version;
}

const char *resource_path(const struct resource *r, const char *ns, const char *name,
                          const char *sub, struct arena *a)
{
    const char *root = *r->group ? arena_printf(a, "/apis/%s/%s", r->group, r->version)
                                 : arena_printf(a, "/api/%s", r->version);
    bool in_ns = r->namespaced && ns && *ns;
    return arena_printf(a, "%s%s%s/%s%s%s%s%s", root, in_ns ? "/namespaces/" : "", in_ns ? ns : "",
                        r->plural, name ? "/" : "", name ? name : "", sub ? "/" : "",
                        sub ? sub : "");
}

static bool is_kind(const struct resource *r, const char *api_version, const char *kind)
{
    if (strcmp(r->kind, kind) != 0)
        return false;
    size_t g = strlen(r->group);
    if (g == 0)
        return strcmp(api_version, r->version) == 0;
    return strncmp(api_version, r->group, g) == 0 && api_version[g] == '/' &&
           strcmp(api_version + g + 1, r->version) == 0;
}

const struct resource *resource_find(const char *api_version, const char *kind)
{
    for (size_t i = 0; RESOURCES[i]; i++)
        if (is_kind(RESOURCES[i], api_version, kind))
            return RESOURCES[i];
    for (size_t i = 0; OTHERS[i]; i++)
        if (is_kind(OTHERS[i], api_version, kind))
            return OTHERS[i];
    return NULL;
}
