/* kinds.c - the kinds that Kustomize knows: those of Kubernetes 1.21, whatever is served today.
 * Of all others it merges no lists by key, and takes them for namespaced. */
#include "api/schema.h"
#include "render/kustomize/kust_int.h"

/* Of these only the scope is known. */
#define UNKNOWN "-"

/* A kind with "!" has no namespace. Lists merge as the same kind of `like` has them. */
static const struct group {
    const char *version, *like, *kinds;
} groups[] = {
    {"admissionregistration.k8s.io/v1",      NULL,
     "MutatingWebhookConfiguration! ValidatingWebhookConfiguration!"                                                                      },
    {"admissionregistration.k8s.io/v1",      UNKNOWN,
     "ValidatingAdmissionPolicy! ValidatingAdmissionPolicyBinding!"                                                                       },
    {"admissionregistration.k8s.io/v1beta1", NULL,
     "MutatingWebhookConfiguration! ValidatingWebhookConfiguration!"                                                                      },
    {"apiextensions.k8s.io/v1",              NULL,                        "CustomResourceDefinition!"                                     },
    {"apiextensions.k8s.io/v1beta1",         NULL,                        "CustomResourceDefinition!"                                     },
    {"apiregistration.k8s.io/v1",            "",                          "APIService!"                                                   },
    {"apiregistration.k8s.io/v1beta1",       "apiregistration.k8s.io/v1", "APIService!"                                                   },
    {"apps/v1",                              "",                          "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"},
    {"authentication.k8s.io/v1",             "",                          "TokenRequest TokenReview"                                      },
    {"authentication.k8s.io/v1beta1",        NULL,                        "TokenReview"                                                   },
    {"authorization.k8s.io/v1",              "",
     "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"                                        },
    {"authorization.k8s.io/v1beta1",         NULL,
     "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"                                        },
    {"autoscaling/v1",                       "",                          "HorizontalPodAutoscaler Scale"                                 },
    {"autoscaling/v2beta1",                  NULL,                        "HorizontalPodAutoscaler"                                       },
    {"autoscaling/v2beta2",                  NULL,                        "HorizontalPodAutoscaler"                                       },
    {"batch/v1",                             "",                          "CronJob Job"                                                   },
    {"batch/v1beta1",                        "batch/v1",                  "CronJob"                                                       },
    {"certificates.k8s.io/v1",               NULL,                        "CertificateSigningRequest!"                                    },
    {"certificates.k8s.io/v1beta1",          NULL,                        "CertificateSigningRequest!"                                    },
    {"coordination.k8s.io/v1",               "",                          "Lease"                                                         },
    {"coordination.k8s.io/v1beta1",          NULL,                        "Lease"                                                         },
    {"discovery.k8s.io/v1",                  "",                          "EndpointSlice"                                                 },
    {"discovery.k8s.io/v1beta1",             NULL,                        "EndpointSlice"                                                 },
    {"events.k8s.io/v1",                     "",                          "Event"                                                         },
    {"events.k8s.io/v1beta1",                NULL,                        "Event"                                                         },
    {"extensions/v1beta1",                   NULL,                        "Ingress"                                                       },
    {"flowcontrol.apiserver.k8s.io/v1beta1", NULL,                        "FlowSchema! PriorityLevelConfiguration!"                       },
    {"networking.k8s.io/v1",                 "",                          "Ingress IngressClass! NetworkPolicy"                           },
    {"networking.k8s.io/v1beta1",            NULL,                        "Ingress IngressClass!"                                         },
    {"node.k8s.io/v1",                       "",                          "RuntimeClass!"                                                 },
    {"node.k8s.io/v1beta1",                  NULL,                        "RuntimeClass!"                                                 },
    {"policy/v1",                            "",                          "PodDisruptionBudget"                                           },
    {"policy/v1beta1",                       "policy/v1",                 "PodDisruptionBudget PodSecurityPolicy! Eviction"               },
    {"rbac.authorization.k8s.io/v1",         "",                          "ClusterRole! ClusterRoleBinding! Role RoleBinding"             },
    {"rbac.authorization.k8s.io/v1beta1",    NULL,
     "ClusterRole! ClusterRoleBinding! Role RoleBinding"                                                                                  },
    {"scheduling.k8s.io/v1",                 "",                          "PriorityClass!"                                                },
    {"scheduling.k8s.io/v1beta1",            NULL,                        "PriorityClass!"                                                },
    {"storage.k8s.io/v1",                    "",                          "CSIDriver! CSINode! StorageClass! VolumeAttachment!"           },
    {"storage.k8s.io/v1beta1",               "storage.k8s.io/v1",
     "CSIDriver! CSINode! CSIStorageCapacity StorageClass! VolumeAttachment!"                                                             },
    {"v1",                                   "",
     "Binding ComponentStatus! ConfigMap Endpoints Event LimitRange Namespace! Node! "
     "PersistentVolume! PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota "
     "Secret Service ServiceAccount"                                                                                                      },
};

/* Finds a kind; `marked` says whether it has no namespace. */
static const struct group *find(const char *version, const char *kind, bool *marked)
{
    size_t n = strlen(kind);
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(groups); i++) {
        if (strcmp(groups[i].version, version) != 0)
            continue;
        for (const char *k = groups[i].kinds; *k; k += strcspn(k, " "), k += *k == ' ') {
            size_t len = strcspn(k, " !");
            *marked = k[len] == '!';
            if (len == n && memcmp(k, kind, n) == 0)
                return &groups[i];
        }
    }
    return NULL;
}

bool kust_cluster_scoped(const struct kust_resource *r)
{
    bool marked;
    return find(value_at_str(r->object, "apiVersion", ""), kust_kind(r), &marked) && marked;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A kind that is known with nothing to merge but its metadata; those of webhooks merge by name. */
static const struct schema *plain(const char *kind)
{
    static const struct schema any = {.type = SCHEMA_ANY};
    static const struct schema list = {
        .type = SCHEMA_LIST, .flags = SCHEMA_PATCH_MERGE, .merge_key = "name", .items = &any};
    static const struct schema text = {.type = SCHEMA_STRING};
    static const struct schema finalizers = {
        .type = SCHEMA_LIST, .flags = SCHEMA_PATCH_MERGE, .items = &text};
    static const struct schema owners = {
        .type = SCHEMA_LIST, .flags = SCHEMA_PATCH_MERGE, .merge_key = "uid", .items = &any};
    static const struct schema_field in_meta[] = {
        {.name = "finalizers",      .schema = &finalizers},
        {.name = "ownerReferences", .schema = &owners    }
    };
    static const struct schema meta = {.type = SCHEMA_STRUCT, .n_fields = 2, .fields = in_meta};
    static const struct schema_field fields[] = {
        {.name = "metadata", .schema = &meta},
        {.name = "webhooks", .schema = &list}
    };
    static const struct schema root = {.type = SCHEMA_STRUCT, .n_fields = 1, .fields = fields};
    static const struct schema hooks = {.type = SCHEMA_STRUCT, .n_fields = 2, .fields = fields};
    return ends_with(kind, "WebhookConfiguration") ? &hooks : &root;
}

const struct schema *kust_known_schema(const char *version, const char *kind)
{
    bool marked;
    const struct group *g = find(version, kind, &marked);
    if (!g || (g->like && strcmp(g->like, UNKNOWN) == 0))
        return NULL;
    const struct schema *s = g->like ? schema_builtin(*g->like ? g->like : version, kind) : NULL;
    return s ? s : plain(kind);
}
