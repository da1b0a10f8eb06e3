/* What refers to what by name, as Kustomize knows it. */
#include "render/kustomize/kust_int.h"

#define RBAC      "rbac.authorization.k8s.io"
#define ADMISSION "admissionregistration.k8s.io"

/* Where kinds keep a pod's spec. */
enum {
    POD = 1 << 0,
    POD_TEMPLATE = 1 << 1,
    DEPLOYMENT = 1 << 2,
    REPLICA_SET = 1 << 3,
    DAEMON_SET = 1 << 4,
    STATEFUL_SET = 1 << 5,
    JOB = 1 << 6,
    CRON_JOB = 1 << 7,
    REPLICATION_CONTROLLER = 1 << 8,
    WITH_CONFIG =
        POD | POD_TEMPLATE | DEPLOYMENT | REPLICA_SET | DAEMON_SET | STATEFUL_SET | JOB | CRON_JOB,
    WITH_IDENTITY =
        POD | DEPLOYMENT | DAEMON_SET | STATEFUL_SET | JOB | CRON_JOB | REPLICATION_CONTROLLER,
};

static const struct {
    const char *version, *kind, *spec;
} pods[] = {
    {"v1", "Pod",                   "spec"                               },
    {NULL, "PodTemplate",           "template/spec"                      },
    {NULL, "Deployment",            "spec/template/spec"                 },
    {NULL, "ReplicaSet",            "spec/template/spec"                 },
    {NULL, "DaemonSet",             "spec/template/spec"                 },
    {NULL, "StatefulSet",           "spec/template/spec"                 },
    {NULL, "Job",                   "spec/template/spec"                 },
    {NULL, "CronJob",               "spec/jobTemplate/spec/template/spec"},
    {NULL, "ReplicationController", "spec/template/spec"                 },
};

#define ANY_SCALED                                                                                 \
    {                                                                                              \
        .kind = "HorizontalPodAutoscaler", .path = "spec/scaleTargetRef/name"                      \
    }

static const struct {
    struct kust_place to; /* the kind that is named */
    struct kust_place at;
    unsigned in_pods; /* `at` is a path in a pod's spec */
} known[] = {
    {{.kind = "Deployment"},                                                   ANY_SCALED,                                                                             0            },
    {{.kind = "ReplicationController"},                                        ANY_SCALED,                                                                             0            },
    {{.kind = "ReplicaSet"},                                                   ANY_SCALED,                                                                             0            },
    {{.kind = "StatefulSet"},                                                  ANY_SCALED,                                                                             0            },
#define TO                                                                                         \
    {                                                                                              \
        .version = "v1", .kind = "ConfigMap"                                                       \
    }
    {TO,                                                                       {.path = "volumes/configMap/name"},                                                     WITH_CONFIG  },
    {TO,                                                                       {.path = "containers/env/valueFrom/configMapKeyRef/name"},                              WITH_CONFIG  },
    {TO,                                                                       {.path = "initContainers/env/valueFrom/configMapKeyRef/name"},                          WITH_CONFIG  },
    {TO,                                                                       {.path = "containers/envFrom/configMapRef/name"},                                       WITH_CONFIG  },
    {TO,                                                                       {.path = "initContainers/envFrom/configMapRef/name"},                                   WITH_CONFIG  },
    {TO,                                                                       {.path = "volumes/projected/sources/configMap/name"},                                   WITH_CONFIG  },
    {TO,                                                                       {.kind = "Node", .path = "spec/configSource/configMap"},                                0            },
    {TO,                                                                       {.kind = "Role", .path = "rules/resourceNames"},                                        0            },
    {TO,                                                                       {.kind = "ClusterRole", .path = "rules/resourceNames"},                                 0            },
    {TO,
     {.kind = "Ingress",
      .path = "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"},
     0                                                                                                                                                                              },
#undef TO
#define TO                                                                                         \
    {                                                                                              \
        .version = "v1", .kind = "Secret"                                                          \
    }
    {TO,                                                                       {.path = "volumes/secret/secretName"},                                                  WITH_CONFIG  },
    {TO,                                                                       {.path = "containers/env/valueFrom/secretKeyRef/name"},                                 WITH_CONFIG  },
    {TO,                                                                       {.path = "initContainers/env/valueFrom/secretKeyRef/name"},                             WITH_CONFIG  },
    {TO,                                                                       {.path = "containers/envFrom/secretRef/name"},                                          WITH_CONFIG  },
    {TO,                                                                       {.path = "initContainers/envFrom/secretRef/name"},                                      WITH_CONFIG  },
    {TO,                                                                       {.path = "imagePullSecrets/name"},                                                      WITH_CONFIG  },
    {TO,                                                                       {.path = "volumes/projected/sources/secret/name"},                                      WITH_CONFIG  },
    {TO,                                                                       {.kind = "Ingress", .path = "spec/tls/secretName"},                                     0            },
    {TO,
     {.kind = "Ingress", .path = "metadata/annotations/ingress.kubernetes.io\\/auth-secret"},
     0                                                                                                                                                                              },
    {TO,
     {.kind = "Ingress", .path = "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret"},
     0                                                                                                                                                                              },
    {TO,
     {.kind = "Ingress",
      .path = "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret"},
     0                                                                                                                                                                              },
    {TO,                                                                       {.kind = "ServiceAccount", .path = "imagePullSecrets/name"},                            0            },
    {TO,                                                                       {.kind = "StorageClass", .path = "parameters/secretName"},                              0            },
    {TO,                                                                       {.kind = "StorageClass", .path = "parameters/adminSecretName"},                         0            },
    {TO,                                                                       {.kind = "StorageClass", .path = "parameters/userSecretName"},                          0            },
    {TO,                                                                       {.kind = "StorageClass", .path = "parameters/secretRef"},                               0            },
    {TO,                                                                       {.kind = "Role", .path = "rules/resourceNames"},                                        0            },
    {TO,                                                                       {.kind = "ClusterRole", .path = "rules/resourceNames"},                                 0            },
    {TO,
     {.group = "serving.knative.dev",
      .version = "v1",
      .kind = "Service",
      .path = "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"},
     0                                                                                                                                                                              },
    {TO,                                                                       {.kind = "PersistentVolume", .path = "spec/azureFile/secretName"},                      0            },
#undef TO
#define TO                                                                                         \
    {                                                                                              \
        .version = "v1", .kind = "Service"                                                         \
    }
    {TO,                                                                       {.group = "apps", .kind = "StatefulSet", .path = "spec/serviceName"},                   0            },
    {TO,                                                                       {.kind = "Ingress", .path = "spec/rules/http/paths/backend/serviceName"},               0            },
    {TO,                                                                       {.kind = "Ingress", .path = "spec/backend/serviceName"},                                0            },
    {TO,                                                                       {.kind = "Ingress", .path = "spec/rules/http/paths/backend/service/name"},              0            },
    {TO,                                                                       {.kind = "Ingress", .path = "spec/defaultBackend/service/name"},                        0            },
    {TO,                                                                       {.group = "apiregistration.k8s.io", .kind = "APIService", .path = "spec/service/name"}, 0            },
    {TO,
     {.group = ADMISSION,
      .kind = "ValidatingWebhookConfiguration",
      .path = "webhooks/clientConfig/service"},
     0                                                                                                                                                                              },
    {TO,
     {.group = ADMISSION,
      .kind = "MutatingWebhookConfiguration",
      .path = "webhooks/clientConfig/service"},
     0                                                                                                                                                                              },
#undef TO
    {{.group = RBAC, .kind = "Role"},
     {.group = RBAC, .kind = "RoleBinding", .path = "roleRef/name"},
     0                                                                                                                                                                              },
    {{.group = RBAC, .kind = "ClusterRole"},
     {.group = RBAC, .kind = "RoleBinding", .path = "roleRef/name"},
     0                                                                                                                                                                              },
    {{.group = RBAC, .kind = "ClusterRole"},
     {.group = RBAC, .kind = "ClusterRoleBinding", .path = "roleRef/name"},
     0                                                                                                                                                                              },
#define TO                                                                                         \
    {                                                                                              \
        .version = "v1", .kind = "ServiceAccount"                                                  \
    }
    {TO,                                                                       {.group = RBAC, .kind = "RoleBinding", .path = "subjects"},                             0            },
    {TO,                                                                       {.group = RBAC, .kind = "ClusterRoleBinding", .path = "subjects"},                      0            },
    {TO,                                                                       {.path = "serviceAccountName"},                                                         WITH_IDENTITY},
#undef TO
    {{.version = "v1", .kind = "PersistentVolumeClaim"},
     {.path = "volumes/persistentVolumeClaim/claimName"},
     WITH_IDENTITY                                                                                                                                                                  },
    {{.version = "v1", .kind = "PersistentVolume"},
     {.kind = "PersistentVolumeClaim", .path = "spec/volumeName"},
     0                                                                                                                                                                              },
    {{.version = "v1", .kind = "PersistentVolume"},
     {.kind = "ClusterRole", .path = "rules/resourceNames"},
     0                                                                                                                                                                              },
#define TO                                                                                         \
    {                                                                                              \
        .group = "storage.k8s.io", .version = "v1", .kind = "StorageClass"                         \
    }
    {TO,                                                                       {.kind = "PersistentVolume", .path = "spec/storageClassName"},                          0            },
    {TO,                                                                       {.kind = "PersistentVolumeClaim", .path = "spec/storageClassName"},                     0            },
    {TO,                                                                       {.kind = "StatefulSet", .path = "spec/volumeClaimTemplates/spec/storageClassName"},     0            },
#undef TO
    {{.group = "scheduling.k8s.io", .version = "v1", .kind = "PriorityClass"},
     {.path = "priorityClassName"},
     WITH_IDENTITY                                                                                                                                                                  },
    {{.group = ADMISSION, .kind = "ValidatingAdmissionPolicy"},
     {.group = ADMISSION, .kind = "ValidatingAdmissionPolicyBinding", .path = "spec/policyName"},
     0                                                                                                                                                                              },
};

static void add(struct kust_references *all, size_t *cap, struct arena *a,
                const struct kust_reference *r)
{
    if (all->n == *cap) {
        size_t more = *cap ? *cap * 2 : 256;
        all->items = arena_grow(a, all->items, *cap * sizeof *r, more * sizeof *r);
        *cap = more;
    }
    all->items[all->n++] = *r;
}

static void add_configured(struct kust_references *all, size_t *cap, struct arena *a,
                           const struct value *references)
{
    VALUE_EACH_ITEM (ref, references) {
        size_t n;
        const struct kust_place *places =
            kust_places_more(a, NULL, 0, value_get(ref, "fieldSpecs"), &n);
        for (size_t i = 0; i < n; i++)
            add(all, cap, a,
                &(struct kust_reference){
                    {.group = value_at_str(ref, "group", ""),
                     .version = value_at_str(ref, "version", ""),
                     .kind = value_at_str(ref, "kind", "")},
                    places[i]
            });
    }
}

struct kust_references kust_all_references(struct arena *a, const struct value *configured)
{
    struct kust_references all = {.n = 0};
    size_t cap = 0;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!known[i].in_pods)
            add(&all, &cap, a, &(struct kust_reference){known[i].to, known[i].at});
        for (size_t k = 0; k < ARRAY_LEN(pods); k++) {
            if (!(known[i].in_pods & 1U << k))
                continue;
            const char *path = arena_printf(a, "%s/%s", pods[k].spec, known[i].at.path);
            add(&all, &cap, a,
                &(struct kust_reference){
                    known[i].to, {.version = pods[k].version, .kind = pods[k].kind, .path = path}
            });
        }
    }
    add_configured(&all, &cap, a, configured);
    return all;
}
