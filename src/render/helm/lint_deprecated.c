/* lint_deprecated.c - versions of Kubernetes' kinds that are on their way out. */
#include <stdlib.h>
#include <string.h>

#include "render/helm/lint_int.h"

static const struct {
    const char *version, *kind;
    int deprecated, removed; /* minor versions of Kubernetes 1 */
    const char *instead;     /* "" nothing */
} table[] = {
    {"admission.k8s.io/v1beta1",              "AdmissionReview",                  19, 22, "admission.k8s.io/v1 AdmissionReview"  },
    {"admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy",        29, 32, ""                                     },
    {"admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicyBinding", 29, 32, ""                                     },
    {"admissionregistration.k8s.io/v1beta1",  "MutatingWebhookConfiguration",     16, 22,
     "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration"                                                              },
    {"admissionregistration.k8s.io/v1beta1",  "ValidatingAdmissionPolicy",        31, 34, ""                                     },
    {"admissionregistration.k8s.io/v1beta1",  "ValidatingAdmissionPolicyBinding", 31, 34, ""                                     },
    {"admissionregistration.k8s.io/v1beta1",  "ValidatingWebhookConfiguration",   16, 22,
     "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration"                                                            },
    {"apidiscovery.k8s.io/v2beta1",           "APIGroupDiscovery",                32, 35, ""                                     },
    {"apps/v1beta1",                          "ControllerRevision",               8,  16, "apps/v1 ControllerRevision"           },
    {"apps/v1beta1",                          "Deployment",                       8,  16, "apps/v1 Deployment"                   },
    {"apps/v1beta1",                          "DeploymentRollback",               8,  16, "apps/v1 DeploymentRollback"           },
    {"apps/v1beta1",                          "Scale",                            8,  16, "autoscaling/v1 Scale"                 },
    {"apps/v1beta1",                          "StatefulSet",                      8,  16, "apps/v1 StatefulSet"                  },
    {"apps/v1beta2",                          "ControllerRevision",               9,  16, "apps/v1 ControllerRevision"           },
    {"apps/v1beta2",                          "DaemonSet",                        9,  16, "apps/v1 DaemonSet"                    },
    {"apps/v1beta2",                          "Deployment",                       9,  16, "apps/v1 Deployment"                   },
    {"apps/v1beta2",                          "ReplicaSet",                       9,  16, "apps/v1 ReplicaSet"                   },
    {"apps/v1beta2",                          "Scale",                            9,  16, "autoscaling/v1 Scale"                 },
    {"apps/v1beta2",                          "StatefulSet",                      9,  16, "apps/v1 StatefulSet"                  },
    {"authentication.k8s.io/v1alpha1",        "SelfSubjectReview",                29, 32, ""                                     },
    {"authentication.k8s.io/v1beta1",         "SelfSubjectReview",                30, 33, ""                                     },
    {"authentication.k8s.io/v1beta1",         "TokenReview",                      19, 22,
     "authentication.k8s.io/v1 TokenReview"                                                                                      },
    {"authorization.k8s.io/v1beta1",          "LocalSubjectAccessReview",         19, 22,
     "authorization.k8s.io/v1 LocalSubjectAccessReview"                                                                          },
    {"authorization.k8s.io/v1beta1",          "SelfSubjectAccessReview",          19, 22,
     "authorization.k8s.io/v1 SelfSubjectAccessReview"                                                                           },
    {"authorization.k8s.io/v1beta1",          "SelfSubjectRulesReview",           19, 22,
     "authorization.k8s.io/v1 SelfSubjectRulesReview"                                                                            },
    {"authorization.k8s.io/v1beta1",          "SubjectAccessReview",              19, 22,
     "authorization.k8s.io/v1 SubjectAccessReview"                                                                               },
    {"batch/v1beta1",                         "CronJob",                          21, 25, "batch/v1 CronJob"                     },
    {"certificates.k8s.io/v1alpha1",          "ClusterTrustBundle",               34, 37, ""                                     },
    {"certificates.k8s.io/v1beta1",           "CertificateSigningRequest",        19, 22,
     "certificates.k8s.io/v1 CertificateSigningRequest"                                                                          },
    {"coordination.k8s.io/v1beta1",           "Lease",                            19, 22, "coordination.k8s.io/v1 Lease"         },
    {"discovery.k8s.io/v1beta1",              "EndpointSlice",                    21, 25, "discovery.k8s.io/v1 EndpointSlice"    },
    {"events.k8s.io/v1beta1",                 "Event",                            22, 25, ""                                     },
    {"extensions/v1beta1",                    "DaemonSet",                        8,  16, "apps/v1 DaemonSet"                    },
    {"extensions/v1beta1",                    "Deployment",                       8,  16, "apps/v1 Deployment"                   },
    {"extensions/v1beta1",                    "DeploymentRollback",               8,  16, ""                                     },
    {"extensions/v1beta1",                    "Ingress",                          14, 22, "networking.k8s.io/v1 Ingress"         },
    {"extensions/v1beta1",                    "NetworkPolicy",                    9,  16, "networking.k8s.io/v1 NetworkPolicy"   },
    {"extensions/v1beta1",                    "ReplicaSet",                       8,  16, "apps/v1 ReplicaSet"                   },
    {"extensions/v1beta1",                    "Scale",                            2,  16, ""                                     },
    {"flowcontrol.apiserver.k8s.io/v1beta1",  "FlowSchema",                       23, 26,
     "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"                                                                           },
    {"flowcontrol.apiserver.k8s.io/v1beta1",  "PriorityLevelConfiguration",       23, 26,
     "flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration"                                                           },
    {"flowcontrol.apiserver.k8s.io/v1beta2",  "FlowSchema",                       26, 29,
     "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"                                                                           },
    {"flowcontrol.apiserver.k8s.io/v1beta2",  "PriorityLevelConfiguration",       26, 29,
     "flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration"                                                           },
    {"flowcontrol.apiserver.k8s.io/v1beta3",  "FlowSchema",                       29, 32,
     "flowcontrol.apiserver.k8s.io/v1 FlowSchema"                                                                                },
    {"flowcontrol.apiserver.k8s.io/v1beta3",  "PriorityLevelConfiguration",       29, 32,
     "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration"                                                                },
    {"networking.k8s.io/v1beta1",             "IPAddress",                        34, 37, ""                                     },
    {"networking.k8s.io/v1beta1",             "Ingress",                          19, 22, "networking.k8s.io/v1 Ingress"         },
    {"networking.k8s.io/v1beta1",             "IngressClass",                     19, 22, "networking.k8s.io/v1 IngressClassList"},
    {"networking.k8s.io/v1beta1",             "ServiceCIDR",                      34, 37, ""                                     },
    {"node.k8s.io/v1beta1",                   "RuntimeClass",                     22, 25, ""                                     },
    {"policy/v1beta1",                        "Eviction",                         22, 25, ""                                     },
    {"policy/v1beta1",                        "PodDisruptionBudget",              21, 25, "policy/v1 PodDisruptionBudget"        },
    {"rbac.authorization.k8s.io/v1beta1",     "ClusterRole",                      17, 22,
     "rbac.authorization.k8s.io/v1 ClusterRole"                                                                                  },
    {"rbac.authorization.k8s.io/v1beta1",     "ClusterRoleBinding",               17, 22,
     "rbac.authorization.k8s.io/v1 ClusterRoleBinding"                                                                           },
    {"rbac.authorization.k8s.io/v1beta1",     "Role",                             17, 22, "rbac.authorization.k8s.io/v1 Role"    },
    {"rbac.authorization.k8s.io/v1beta1",     "RoleBinding",                      17, 22,
     "rbac.authorization.k8s.io/v1 RoleBinding"                                                                                  },
    {"scheduling.k8s.io/v1beta1",             "PriorityClass",                    14, 22, "scheduling.k8s.io/v1 PriorityClass"   },
    {"storage.k8s.io/v1alpha1",               "CSIStorageCapacity",               21, 24,
     "storage.k8s.io/v1beta1 CSIStorageCapacity"                                                                                 },
    {"storage.k8s.io/v1alpha1",               "VolumeAttachment",                 21, 24, "storage.k8s.io/v1 VolumeAttachment"   },
    {"storage.k8s.io/v1alpha1",               "VolumeAttributesClass",            32, 35,
     "storage.k8s.io/v1 VolumeAttributesClass"                                                                                   },
    {"storage.k8s.io/v1beta1",                "CSIDriver",                        19, 22, "storage.k8s.io/v1 CSIDriver"          },
    {"storage.k8s.io/v1beta1",                "CSINode",                          17, 22, "storage.k8s.io/v1 CSINode"            },
    {"storage.k8s.io/v1beta1",                "CSIStorageCapacity",               24, 27,
     "storage.k8s.io/v1 CSIStorageCapacity"                                                                                      },
    {"storage.k8s.io/v1beta1",                "StorageClass",                     19, 22, "storage.k8s.io/v1 StorageClass"       },
    {"storage.k8s.io/v1beta1",                "VolumeAttachment",                 19, 22, "storage.k8s.io/v1 VolumeAttachment"   },
    {"storage.k8s.io/v1beta1",                "VolumeAttributesClass",            34, 37,
     "storage.k8s.io/v1 VolumeAttributesClass"                                                                                   },
};

const char *lint__deprecated(const char *version, const char *kind, const char *kube_version,
                             struct arena *a)
{
    const char *dot = kube_version ? strchr(kube_version, '.') : NULL;
    long minor = dot ? strtol(dot + 1, NULL, 10) : LINT__KUBE_MINOR;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].version, version) != 0 || strcmp(table[i].kind, kind) != 0)
            continue;
        if (table[i].deprecated > minor)
            return NULL;
        return arena_printf(a, "%s %s is deprecated in v1.%d+, unavailable in v1.%d+%s%s", version,
                            kind, table[i].deprecated, table[i].removed,
                            *table[i].instead ? "; use " : "", table[i].instead);
    }
    return NULL;
}
