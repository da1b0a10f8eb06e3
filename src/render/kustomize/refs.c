/* After names changed: mends what refers to them. */
#include "render/kustomize/kust_int.h"

/* "$pod" stands for every place where a kind keeps a pod's spec. */
struct reference {
    const char *to; /* kind referred to */
    struct kust_place at;
};

static const struct reference references[] = {
    {"ConfigMap",                 {NULL, NULL, "$pod/volumes/configMap/name", false}                              },
    {"ConfigMap",                 {NULL, NULL, "$pod/volumes/projected/sources/configMap/name", false}            },
    {"ConfigMap",                 {NULL, NULL, "$pod/containers/env/valueFrom/configMapKeyRef/name", false}       },
    {"ConfigMap",                 {NULL, NULL, "$pod/initContainers/env/valueFrom/configMapKeyRef/name", false}   },
    {"ConfigMap",                 {NULL, NULL, "$pod/containers/envFrom/configMapRef/name", false}                },
    {"ConfigMap",                 {NULL, NULL, "$pod/initContainers/envFrom/configMapRef/name", false}            },
    {"ConfigMap",                 {NULL, "Node", "spec/configSource/configMap/name", false}                       },
    {"Secret",                    {NULL, NULL, "$pod/volumes/secret/secretName", false}                           },
    {"Secret",                    {NULL, NULL, "$pod/volumes/projected/sources/secret/name", false}               },
    {"Secret",                    {NULL, NULL, "$pod/containers/env/valueFrom/secretKeyRef/name", false}          },
    {"Secret",                    {NULL, NULL, "$pod/initContainers/env/valueFrom/secretKeyRef/name", false}      },
    {"Secret",                    {NULL, NULL, "$pod/containers/envFrom/secretRef/name", false}                   },
    {"Secret",                    {NULL, NULL, "$pod/initContainers/envFrom/secretRef/name", false}               },
    {"Secret",                    {NULL, NULL, "$pod/imagePullSecrets/name", false}                               },
    {"Secret",                    {NULL, "ServiceAccount", "imagePullSecrets/name", false}                        },
    {"Secret",                    {NULL, "ServiceAccount", "secrets/name", false}                                 },
    {"Secret",                    {NULL, "Ingress", "spec/tls/secretName", false}                                 },
    {"ServiceAccount",            {NULL, NULL, "$pod/serviceAccountName", false}                                  },
    {"ServiceAccount",            {NULL, NULL, "$pod/serviceAccount", false}                                      },
    {"ServiceAccount",            {NULL, "RoleBinding", "subjects", false}                                        },
    {"ServiceAccount",            {NULL, "ClusterRoleBinding", "subjects", false}                                 },
    {"PersistentVolumeClaim",     {NULL, NULL, "$pod/volumes/persistentVolumeClaim/claimName", false}             },
    {"PersistentVolume",          {NULL, "PersistentVolumeClaim", "spec/volumeName", false}                       },
    {"StorageClass",              {NULL, "PersistentVolumeClaim", "spec/storageClassName", false}                 },
    {"StorageClass",              {NULL, "PersistentVolume", "spec/storageClassName", false}                      },
    {"StorageClass",
     {NULL, "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName", false}                              },
    {"PriorityClass",             {NULL, NULL, "$pod/priorityClassName", false}                                   },
    {"Service",                   {NULL, "StatefulSet", "spec/serviceName", false}                                },
    {"Service",                   {NULL, "Ingress", "spec/rules/http/paths/backend/service/name", false}          },
    {"Service",                   {NULL, "Ingress", "spec/rules/http/paths/backend/serviceName", false}           },
    {"Service",                   {NULL, "Ingress", "spec/defaultBackend/service/name", false}                    },
    {"Service",                   {NULL, "Ingress", "spec/backend/serviceName", false}                            },
    {"Service",                   {NULL, "APIService", "spec/service/name", false}                                },
    {"Service",                   {NULL, "MutatingWebhookConfiguration", "webhooks/clientConfig/service", false}  },
    {"Service",                   {NULL, "ValidatingWebhookConfiguration", "webhooks/clientConfig/service", false}},
    {"Role",                      {NULL, "RoleBinding", "roleRef/name", false}                                    },
    {"ClusterRole",               {NULL, "RoleBinding", "roleRef/name", false}                                    },
    {"ClusterRole",               {NULL, "ClusterRoleBinding", "roleRef/name", false}                             },
    {"Deployment",                {NULL, "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false}            },
    {"StatefulSet",               {NULL, "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false}            },
    {"ReplicaSet",                {NULL, "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false}            },
    {"IngressClass",              {NULL, "Ingress", "spec/ingressClassName", false}                               },
    {"ConfigMap",                 {NULL, "ClusterRole", "rules/resourceNames", false}                             },
    {"Secret",                    {NULL, "ClusterRole", "rules/resourceNames", false}                             },
    {"ValidatingAdmissionPolicy",
     {NULL, "ValidatingAdmissionPolicyBinding", "spec/policyName", false}                                         },
    {"Secret",                    {NULL, "PersistentVolume", "spec/azureFile/secretName", false}                  },
    {"Secret",                    {NULL, "StorageClass", "parameters/secretName", false}                          },
    {"Secret",                    {NULL, "StorageClass", "parameters/adminSecretName", false}                     },
    {"Secret",                    {NULL, "StorageClass", "parameters/userSecretName", false}                      },
    {"Secret",                    {NULL, "StorageClass", "parameters/secretRef", false}                           },
    {"ConfigMap",
     {NULL, "Ingress",
      "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap", false}                       },
    {"Secret",
     {NULL, "Ingress", "metadata/annotations/ingress.kubernetes.io\\/auth-secret", false}                         },
    {"Secret",
     {NULL, "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret", false}                   },
    {"Secret",
     {NULL, "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
      false}                                                                                                      },
    {"Service",                   {NULL, "HTTPRoute", "spec/rules/backendRefs/name", false}                       },
    {"ReplicationController",     {NULL, "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false}            },
    {"ConfigMap",                 {NULL, "Role", "rules/resourceNames", false}                                    },
    {"Secret",                    {NULL, "Role", "rules/resourceNames", false}                                    },
};

struct mend {
    struct kust_set *set;
    const struct kust_resource *from;
    const char *to;
};

static bool once_was(const struct kust_resource *r, const char *name, const char *ns)
{
    for (size_t i = 0; i < r->n_was; i++)
        if (strcmp(r->was[i].name, name) == 0 && (!*ns || kust_same_ns(r->was[i].ns, ns)))
            return true;
    return false;
}

/* Of several that once had the name: the one that went through the same layers. */
static const struct kust_resource *find(const struct mend *m, const char *name, const char *ns)
{
    const struct kust_resource *best = NULL;
    int score = -1;
    for (size_t i = 0; i < m->set->n; i++) {
        const struct kust_resource *r = m->set->items[i];
        if (strcmp(kust_kind(r), m->to) != 0 || !once_was(r, name, ns))
            continue;
        bool same_ns = strcmp(kust_ns(r), kust_ns(m->from)) == 0 || kust_cluster_scoped(m->from);
        int s = 4 * same_ns + 2 * (strcmp(r->prefixes, m->from->prefixes) == 0 &&
                                   strcmp(r->suffixes, m->from->suffixes) == 0);
        if (s > score)
            best = r, score = s;
    }
    return best;
}

/* {name, namespace}: what is meant must have been in that namespace. */
static int mend_place(const struct mend *m, struct value *at)
{
    const char *ns = value_at_str(at, "namespace", "");
    const struct kust_resource *r = find(m, value_at_str(at, "name", ""), ns);
    if (!r)
        return 0;
    (void)value_set_str(m->set->a, at, "name", kust_name(r));
    if (*ns && *kust_ns(r))
        (void)value_set_str(m->set->a, at, "namespace", kust_ns(r));
    return 0;
}

/* A subject without namespace must not mean several accounts that are now apart. */
static bool ambiguous(const struct mend *m, const struct kust_resource *found, const char *name)
{
    for (size_t i = 0; i < m->set->n; i++) {
        const struct kust_resource *r = m->set->items[i];
        if (r != found && strcmp(kust_kind(r), m->to) == 0 && once_was(r, name, "") &&
            strcmp(r->prefixes, found->prefixes) == 0 &&
            strcmp(r->suffixes, found->suffixes) == 0 &&
            !kust_same_ns(kust_ns(r), kust_ns(found)) && kust_cluster_scoped(m->from))
            return true;
    }
    return false;
}

static int mend_at(void *arg, struct value *at, struct err *e)
{
    const struct mend *m = arg;
    (void)e;
    struct arena *a = m->set->a;
    if (value_is(at, VALUE_OBJECT) && !value_get(at, "kind"))
        return mend_place(m, at);
    if (value_is(at, VALUE_OBJECT)) { /* a binding's subject */
        const char *ns = value_at_str(at, "namespace", "");
        if (value_get(at, "namespace") && !*ns)
            return err_set(e, ERR_INVALID, "%s %s: a subject's namespace is blank",
                           kust_kind(m->from), kust_name(m->from));
        if (strcmp(value_at_str(at, "kind", ""), m->to) != 0)
            return 0;
        const struct kust_resource *r = find(m, value_at_str(at, "name", ""), "");
        if (r && !*ns && ambiguous(m, r, value_at_str(at, "name", "")))
            return err_set(e, ERR_INVALID, "%s %s: subject %s may be one of several",
                           kust_kind(m->from), kust_name(m->from), value_at_str(at, "name", ""));
        if (r && (!*ns || kust_same_ns(ns, kust_ns(r)) ||
                  once_was(r, value_at_str(at, "name", ""), ns))) {
            (void)value_set_str(a, at, "name", kust_name(r));
            if (*kust_ns(r))
                (void)value_set_str(a, at, "namespace", kust_ns(r));
        }
        return 0;
    }
    if (!value_is(at, VALUE_STRING))
        return 0;
    const struct kust_resource *r = find(m, at->text, "");
    if (r && strcmp(kust_name(r), at->text) != 0)
        *at = *value_new_str(a, kust_name(r));
    return 0;
}

static int mend_path(struct kust_set *s, struct kust_resource *from, const struct reference *ref,
                     const char *path, struct err *e)
{
    struct mend m = {s, from, ref->to};
    return kust_visit(s->a, from->object, path, false, mend_at, &m, e);
}

/* roleRef and scaleTargetRef say which kind they mean. */
static bool meant(const struct reference *ref, const struct kust_resource *r)
{
    const char *kind = ref->to;
    if (strcmp(ref->at.path, "roleRef/name") == 0)
        kind = value_at_str(r->object, "roleRef.kind", kind);
    else if (strcmp(ref->at.path, "spec/scaleTargetRef/name") == 0)
        kind = value_at_str(r->object, "spec.scaleTargetRef.kind", kind);
    return strcmp(kind, ref->to) == 0;
}

static int mend_reference(struct kust_set *s, struct kust_resource *r, const struct reference *ref,
                          struct err *e)
{
    static const char *const pods[] = {"spec", "spec/template/spec",
                                       "spec/jobTemplate/spec/template/spec"};
    if (!kust_place_fits(&ref->at, r, s->a) || !meant(ref, r))
        return 0;
    if (strncmp(ref->at.path, "$pod/", 5) != 0)
        return mend_path(s, r, ref, ref->at.path, e);
    bool pod = strcmp(kust_kind(r), "Pod") == 0;
    int rc = 0;
    for (size_t i = pod ? 0 : 1; rc == 0 && i < (pod ? 1 : ARRAY_LEN(pods)); i++)
        rc = mend_path(s, r, ref, arena_printf(s->a, "%s/%s", pods[i], ref->at.path + 5), e);
    return rc;
}

/* What `configurations` adds: {kind, fieldSpecs} */
static int mend_configured(struct kust_set *s, struct kust_resource *r, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (ref, value_get(s->config, "nameReference")) {
        struct mend m = {s, r, value_at_str(ref, "kind", "")};
        if (rc == 0)
            rc = kust_at_specs(s->a, r, value_get(ref, "fieldSpecs"), mend_at, &m, e);
    }
    return rc;
}

int kust_references(struct kust_set *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        for (size_t k = 0; rc == 0 && k < ARRAY_LEN(references); k++)
            rc = mend_reference(s, s->items[i], &references[k], e);
        if (rc == 0)
            rc = mend_configured(s, s->items[i], e);
    }
    return rc;
}
