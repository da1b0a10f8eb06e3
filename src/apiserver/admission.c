#include <string.h>

#include "apiserver/admission_int.h"
#include "apiserver/apiserver_int.h"
#include "apiserver/rest_int.h"
#include "apiserver/webhooks_int.h"

struct object *peek(struct apiserver *s, const struct resource *r, const char *ns, const char *name)
{
    const struct served *k = kinds__of(s, r);
    if (!k)
        return NULL;
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    struct entry *n = NULL;
    struct err e = {0};
    if (!name || !*name || store_get(s->store, stored__key(k, ns, name, a), 0, &n, &e) < 0)
        return NULL;
    struct object *o = stored__object(s, k, n);
    entry_unref(n);
    return o;
}

/* ---- namespaces ---- */

static int refuse_namespace_gone(struct call *c, const char *ns)
{
    return refuse_not_found(c, kinds__of(c->s, &RES_NAMESPACE), ns);
}

static int refuse_terminating(struct call *c, const struct served *k, const char *ns,
                              const struct value *obj)
{
    refuse_forbidden(c, k, value_at_str(obj, "metadata.name", ""),
                     "unable to create new content in namespace %s because it is being terminated",
                     ns);
    struct value *cause = value_new_object(c->a);
    value_set_str(c->a, cause, "reason", "NamespaceTerminating");
    value_set_str(c->a, cause, "message",
                  arena_printf(c->a, "namespace %s is being terminated", ns));
    value_set_str(c->a, cause, "field", "metadata.namespace");
    value_push(c->a, value_make_array(c->a, c->refusal.details, "causes"), cause);
    return ERR_DENIED;
}

static int check_namespace(struct call *c, const struct served *k, const char *ns,
                           const struct value *obj)
{
    if (!k->res->namespaced)
        return 0;
    AUTO(object) struct object *o = peek(c->s, &RES_NAMESPACE, NULL, ns);
    if (!o)
        return refuse_namespace_gone(c, ns);
    return o->deleting ? refuse_terminating(c, k, ns, obj) : 0;
}

static bool is_eternal(const char *ns)
{
    return strcmp(ns, "default") == 0 || strcmp(ns, "kube-system") == 0 ||
           strcmp(ns, "kube-public") == 0;
}

int admission_delete(struct call *c, const struct served *k, const char *ns, const char *name)
{
    (void)ns;
    if (k->res == &RES_NAMESPACE && is_eternal(name))
        return refuse_forbidden(c, k, name, "this namespace may not be deleted");
    return 0;
}

int admission_check_delete(struct call *c, const struct served *k, const char *ns,
                           const struct value *live)
{
    const struct webhook_write w = {.k = k, .ns = ns, .operation = "DELETE", .old = live};
    int rc = webhooks__mutate(c, &w);
    return rc < 0 ? rc : webhooks__validate(c, &w);
}

static void label_namespace(struct call *c, struct value *obj)
{
    struct value *labels = value_make_object(c->a, obj, "metadata.labels");
    value_set_str(c->a, labels, "kubernetes.io/metadata.name",
                  value_at_str(obj, "metadata.name", ""));
}

/* ---- small plug-ins ---- */

static void add_finalizer(struct call *c, struct value *obj, const char *name)
{
    struct value *f = value_make_array(c->a, obj, "metadata.finalizers");
    VALUE_EACH_ITEM (had, f) {
        if (strcmp(value_str(had, ""), name) == 0)
            return;
    }
    value_push_str(c->a, f, name);
}

/* The newest object of a kind that is annotated as the default. */
const char *admission__default_of(struct call *c, const struct resource *r, const char *annotation)
{
    const struct served *k = kinds__of(c->s, r);
    struct entry_list l = {0};
    struct err e = {0};
    const char *best = NULL, *best_time = "";
    if (store_list(c->s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return NULL;
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(c->s, k, l.items[i]);
        const char *on = object_annotation(o, annotation);
        const char *when = value_at_str(o->root, "metadata.creationTimestamp", "");
        if (on && strcmp(on, "true") == 0 && strcmp(when, best_time) >= 0) {
            best = arena_strdup(c->a, o->name);
            best_time = arena_strdup(c->a, when);
        }
    }
    entry_list_done(&l);
    return best;
}

static void default_storage_class(struct call *c, struct value *pvc)
{
    struct value *spec = value_make_object(c->a, pvc, "spec");
    if (value_get(spec, "storageClassName") ||
        value_get(value_at(pvc, "metadata.annotations"), "volume.beta.kubernetes.io/storage-class"))
        return;
    const char *name =
        admission__default_of(c, &RES_STORAGE_CLASS, "storageclass.kubernetes.io/is-default-class");
    if (name)
        value_set_str(c->a, spec, "storageClassName", name);
}

static void default_ingress_class(struct call *c, struct value *ingress)
{
    struct value *spec = value_make_object(c->a, ingress, "spec");
    if (value_get(spec, "ingressClassName") ||
        value_get(value_at(ingress, "metadata.annotations"), "kubernetes.io/ingress.class"))
        return;
    const char *name =
        admission__default_of(c, &RES_INGRESS_CLASS, "ingressclass.kubernetes.io/is-default-class");
    if (name)
        value_set_str(c->a, spec, "ingressClassName", name);
}

static void taint_new_node(struct call *c, struct value *node)
{
    struct value *taints = value_make_array(c->a, node, "spec.taints");
    VALUE_EACH_ITEM (t, taints) {
        if (strcmp(value_at_str(t, "key", ""), "node.kubernetes.io/not-ready") == 0)
            return;
    }
    struct value *t = value_new_object(c->a);
    value_set_str(c->a, t, "key", "node.kubernetes.io/not-ready");
    value_set_str(c->a, t, "effect", "NoSchedule");
    value_push(c->a, taints, t);
}

static int check_priority_class(struct call *c, const struct served *k, const struct value *obj)
{
    if (!value_at_bool(obj, "globalDefault", false))
        return 0;
    struct entry_list l = {0};
    struct err e = {0};
    if (store_list(c->s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return refuse_err(c, &e);
    int rc = 0;
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        AUTO(object) struct object *o = stored__object(c->s, k, l.items[i]);
        const char *name = value_at_str(obj, "metadata.name", "");
        if (value_at_bool(o->root, "globalDefault", false) && strcmp(o->name, name) != 0)
            rc = refuse_forbidden(c, k, name,
                                  "PriorityClass %s is already marked as default. Only one default "
                                  "can exist",
                                  o->name);
    }
    entry_list_done(&l);
    return rc;
}

/* The root authority of the cluster, for every namespace. */
static int mutate_new(struct call *c, const struct served *k, const char *ns, struct value *obj)
{
    const struct resource *r = k->storage->res;
    if (r == &RES_POD) {
        admit_limit_defaults(c, ns, obj);
        return admit_pod_create(c, ns, obj);
    }
    if (r == &RES_NAMESPACE)
        label_namespace(c, obj);
    else if (r == &RES_PERSISTENT_VOLUME_CLAIM)
        default_storage_class(c, obj);
    else if (r == &RES_INGRESS)
        default_ingress_class(c, obj);
    else if (r == &RES_NODE)
        taint_new_node(c, obj);
    else if (r == &RES_PRIORITY_CLASS)
        return check_priority_class(c, k, obj);
    if (r == &RES_PERSISTENT_VOLUME_CLAIM)
        add_finalizer(c, obj, "kubernetes.io/pvc-protection");
    else if (r == &RES_PERSISTENT_VOLUME)
        add_finalizer(c, obj, "kubernetes.io/pv-protection");
    return 0;
}

int admission_create(struct call *c, const struct served *k, const char *ns, struct value *obj)
{
    int rc = check_namespace(c, k, ns, obj);
    if (rc == 0)
        rc = rbac__escalation(c, k, ns, obj, NULL);
    if (rc == 0)
        rc = mutate_new(c, k, ns, obj);
    const struct webhook_write w = {.k = k, .ns = ns, .operation = "CREATE", .obj = obj};
    if (rc == 0)
        rc = webhooks__mutate(c, &w);
    if (rc == 0 && k->storage->res == &RES_POD) /* what webhooks made of it, too */
        rc = admit_images(c, k, ns, obj, NULL);
    if (rc == 0 && is_allowance(k))
        rc = admit_allowance(c, k, obj, NULL);
    return rc;
}

int admission_update(struct call *c, const struct served *k, const char *ns, const char *sub,
                     struct value *obj, const struct value *old)
{
    if (k->res == &RES_NAMESPACE)
        label_namespace(c, obj);
    int rc = sub ? 0 : rbac__escalation(c, k, ns, obj, old);
    if (rc == 0 && !sub && k->res == &RES_PRIORITY_CLASS)
        rc = check_priority_class(c, k, obj);
    if (rc == 0 && !sub && k->res == &RES_POD)
        admit_pod_tolerations(c, obj);
    if (rc == 0 && !sub && k->res == &RES_SERVICE)
        rc = service_allocate(c, obj, old);
    const struct webhook_write w = {
        .k = k, .ns = ns, .sub = sub, .operation = "UPDATE", .obj = obj, .old = old};
    if (rc == 0)
        rc = webhooks__mutate(c, &w);
    if (rc == 0 && k->storage->res == &RES_POD && (!sub || strcmp(sub, "ephemeralcontainers") == 0))
        rc = admit_images(c, k, ns, obj, old);
    if (rc == 0 && is_allowance(k))
        rc = admit_allowance(c, k, obj, old);
    return rc;
}

int admission_check_create(struct call *c, const struct served *k, const char *ns,
                           const struct value *obj)
{
    int rc = 0;
    if (k->res == &RES_SERVICE) /* addresses are given after all else was found right */
        rc = service_allocate(c, (struct value *)(uintptr_t)obj, NULL);
    if (rc == 0 && k->res->namespaced) {
        AUTO(object) struct object *home = peek(c->s, &RES_NAMESPACE, NULL, ns);
        rc = admit_pod_security(c, k, home ? home->root : NULL, obj);
    }
    if (rc == 0)
        rc = admit_limits(c, k, ns, obj);
    const struct webhook_write w = {
        .k = k, .ns = ns, .operation = "CREATE", .obj = (struct value *)(uintptr_t)obj};
    if (rc == 0)
        rc = webhooks__validate(c, &w);
    if (rc == 0)
        rc = admit_quota(c, k, ns, obj);
    return rc;
}

int admission_check_update(struct call *c, const struct served *k, const char *ns, const char *sub,
                           const struct value *obj, const struct value *old)
{
    const struct webhook_write w = {.k = k,
                                    .ns = ns,
                                    .sub = sub,
                                    .operation = "UPDATE",
                                    .obj = (struct value *)(uintptr_t)obj,
                                    .old = old};
    return webhooks__validate(c, &w);
}

void admission_undo(struct call *c)
{
    service_undo(c);
}

void admission_release(struct call *c, const struct served *k, const struct value *obj)
{
    if (k->res == &RES_SERVICE)
        service_release(c, obj, NULL);
}

void admission_wrote(struct apiserver *s, const struct served *k, const struct value *obj,
                     bool deleted)
{
    const struct resource *r = k->storage->res;
    if (r == &RES_ROLE || r == &RES_ROLE_BINDING || r == &RES_CLUSTER_ROLE ||
        r == &RES_CLUSTER_ROLE_BINDING)
        rbac__changed(s);
    else if (r == &RES_VALIDATING_WEBHOOKS || r == &RES_MUTATING_WEBHOOKS)
        webhooks__changed(s);
    else if (r == &RES_CRD)
        crds__changed(s, obj, deleted);
    else if (deleted && k->kind.crd)
        crds__instance_gone(s, k);
    if (deleted)
        quota_release(s, k, obj);
}
