#include "ctl/gitops/health/health_int.h"

static const char *const names[] = {"",        "Healthy",  "Suspended", "Progressing",
                                    "Missing", "Degraded", "Unknown"};

const char *health_name(enum health_status s)
{
    return names[s];
}

enum health_status health_named(const char *name)
{
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum health_status)i;
    return HEALTH_NONE;
}

static const struct {
    const char *group, *kind;
    struct health (*judge)(const struct value *o, struct arena *a);
} judges[] = {
    {"apps",                   "Deployment",               health__deployment  },
    {"apps",                   "StatefulSet",              health__stateful_set},
    {"apps",                   "DaemonSet",                health__daemon_set  },
    {"apps",                   "ReplicaSet",               health__replica_set },
    {"",                       "Pod",                      health__pod         },
    {"",                       "Service",                  health__service     },
    {"",                       "PersistentVolumeClaim",    health__pvc         },
    {"batch",                  "Job",                      health__job         },
    {"batch",                  "CronJob",                  health__cron_job    },
    {"networking.k8s.io",      "Ingress",                  health__ingress     },
    {"extensions",             "Ingress",                  health__ingress     },
    {"autoscaling",            "HorizontalPodAutoscaler",  health__hpa         },
    {"apiregistration.k8s.io", "APIService",               health__api_service },
    {"apiextensions.k8s.io",   "CustomResourceDefinition", health__crd         },
    {"policy",                 "PodDisruptionBudget",      health__pdb         },
};

static bool hook(const struct value *o)
{
    const struct value *notes = value_at(o, "metadata.annotations");
    return value_get(notes, "argocd.argoproj.io/hook") || value_get(notes, "helm.sh/hook");
}

struct health health_of(const struct value *o, struct arena *a)
{
    if (!o)
        return HEALTH(MISSING, "");
    if (value_at(o, "metadata.deletionTimestamp") && !hook(o))
        return HEALTH(PROGRESSING, "Pending deletion");
    const char *version = value_at_str(o, "apiVersion", ""), *slash = strchr(version, '/');
    const char *kind = value_at_str(o, "kind", "");
    size_t n = slash ? (size_t)(slash - version) : 0;
    for (size_t i = 0; i < ARRAY_LEN(judges); i++)
        if (strcmp(judges[i].kind, kind) == 0 && strlen(judges[i].group) == n &&
            memcmp(judges[i].group, version, n) == 0)
            return judges[i].judge(o, a);
    return HEALTH(NONE, "");
}
