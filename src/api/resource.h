/* resource.h - which kinds of objects exist and how the API spells them.
 *
 * Model    A resource is a kind at a version, with its URL name. Built-in ones are constants
 *          (RES_POD …); those of CRDs are made at run time.                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct resource {
    const char *group;   /* "" for core */
    const char *version; /* "v1" */
    const char *kind;    /* "Deployment" */
    const char *plural;  /* "deployments": in URLs and RBAC */
    const char *singular;
    const char *short_names; /* comma separated, or "" */
    bool namespaced;
    bool status;            /* has the status subresource */
    bool scale;             /* has the scale subresource */
    const char *categories; /* comma separated, "all"; NULL: none */
};

#define API_KUBE_VERSION "v1.33.0"

/* Core, apps, batch … as Kubernetes 1.33 has them. */
extern const struct resource RES_NAMESPACE, RES_NODE, RES_POD, RES_SERVICE, RES_ENDPOINTS,
    RES_CONFIG_MAP, RES_SECRET, RES_SERVICE_ACCOUNT, RES_EVENT, RES_PERSISTENT_VOLUME,
    RES_PERSISTENT_VOLUME_CLAIM, RES_REPLICATION_CONTROLLER, RES_LIMIT_RANGE, RES_RESOURCE_QUOTA,
    RES_POD_TEMPLATE, RES_DEPLOYMENT, RES_REPLICA_SET, RES_STATEFUL_SET, RES_DAEMON_SET,
    RES_CONTROLLER_REVISION, RES_JOB, RES_CRON_JOB, RES_ENDPOINT_SLICE, RES_INGRESS,
    RES_INGRESS_CLASS, RES_NETWORK_POLICY, RES_ROLE, RES_ROLE_BINDING, RES_CLUSTER_ROLE,
    RES_CLUSTER_ROLE_BINDING, RES_CRD, RES_LEASE, RES_STORAGE_CLASS, RES_POD_DISRUPTION_BUDGET,
    RES_HORIZONTAL_POD_AUTOSCALER, RES_PRIORITY_CLASS, RES_API_SERVICE, RES_RUNTIME_CLASS,
    RES_CSI_DRIVER, RES_CSI_NODE, RES_CSI_STORAGE_CAPACITY, RES_VOLUME_ATTACHMENT,
    RES_VALIDATING_WEBHOOKS, RES_MUTATING_WEBHOOKS;

/* The same objects under another group or version. */
extern const struct resource RES_EVENT_EVENTS, RES_HORIZONTAL_POD_AUTOSCALER_V1;

/* Asked by POST, never stored; RES_BINDING and RES_EVICTION come as subresources of pods. */
extern const struct resource RES_BINDING, RES_EVICTION, RES_SCALE, RES_TOKEN_REQUEST,
    RES_TOKEN_REVIEW, RES_SELF_SUBJECT_REVIEW, RES_SUBJECT_ACCESS_REVIEW,
    RES_SELF_SUBJECT_ACCESS_REVIEW, RES_LOCAL_SUBJECT_ACCESS_REVIEW, RES_SELF_SUBJECT_RULES_REVIEW;

/* The users' other formats. Installed as CRDs at start (schemas/crd/), the same on a real
 * cluster. */
extern const struct resource RES_TASK, RES_TASK_RUN, RES_PIPELINE, RES_PIPELINE_RUN,
    RES_STEP_ACTION, RES_CUSTOM_RUN, RES_TRIGGER, RES_TRIGGER_BINDING, RES_CLUSTER_TRIGGER_BINDING,
    RES_TRIGGER_TEMPLATE, RES_EVENT_LISTENER, RES_CLUSTER_INTERCEPTOR, RES_APPLICATION,
    RES_APP_PROJECT, RES_APPLICATION_SET, RES_ANALYSIS_TEMPLATE, RES_CLUSTER_ANALYSIS_TEMPLATE,
    RES_ANALYSIS_RUN, RES_PROMETHEUS_RULE, RES_SERVICE_MONITOR, RES_POD_MONITOR;

/* slipway's own (group slipway.dev): a hosted or watched Git repository, and a condemnation. */
extern const struct resource RES_REPOSITORY, RES_CONDEMNATION, RES_IMAGE_POLICY,
    RES_IMAGE_ALLOWANCE;

/* All built-in ones that are stored, NULL-terminated; those of CRDs are not among them. */
extern const struct resource *const RESOURCES[];

/* "apps/v1" or "v1". */
const char *resource_api_version(const struct resource *r, struct arena *a);

/* "/apis/apps/v1/namespaces/NS/deployments/NAME/SUB"; NULL parts are left out. */
const char *resource_path(const struct resource *r, const char *ns, const char *name,
                          const char *sub, struct arena *a);

/* The resource of an apiVersion and kind that has a name above, or NULL. */
const struct resource *resource_find(const char *api_version, const char *kind);
