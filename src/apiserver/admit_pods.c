#include <string.h>

#include "apiserver/admission_int.h"
#include "apiserver/rest_int.h"

static const char TOKEN_PATH[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static int refuse_pod(struct call *c, const struct value *pod, const char *why)
{
    return refuse_forbidden(c, kinds__of(c->s, &RES_POD), value_at_str(pod, "metadata.name", ""),
                            "%s", why);
}

/* ---- service account ---- */

static struct value *api_access_volume(struct call *c, const char *name)
{
    struct arena *a = c->a;
    struct value *v = value_new_object(a);
    value_set_str(a, v, "name", name);
    struct value *projected = value_make_object(a, v, "projected");
    struct value *sources = value_make_array(a, projected, "sources");
    struct value *token = value_new_object(a);
    struct value *t = value_make_object(a, token, "serviceAccountToken");
    value_set_int(a, t, "expirationSeconds", 3607);
    value_set_str(a, t, "path", "token");
    value_push(a, sources, token);
    struct value *ca = value_new_object(a), *item = value_new_object(a);
    struct value *map = value_make_object(a, ca, "configMap");
    value_set_str(a, map, "name", "kube-root-ca.crt");
    value_set_str(a, item, "key", "ca.crt");
    value_set_str(a, item, "path", "ca.crt");
    value_push(a, value_make_array(a, map, "items"), item);
    value_push(a, sources, ca);
    struct value *down = value_new_object(a), *file = value_new_object(a);
    value_set_str(a, file, "path", "namespace");
    struct value *ref = value_make_object(a, file, "fieldRef");
    value_set_str(a, ref, "apiVersion", "v1");
    value_set_str(a, ref, "fieldPath", "metadata.namespace");
    value_push(a, value_make_array(a, down, "downwardAPI.items"), file);
    value_push(a, sources, down);
    value_set_int(a, projected, "defaultMode", 420);
    return v;
}

static bool mounts_there(const struct value *container)
{
    VALUE_EACH_ITEM (m, value_get(container, "volumeMounts")) {
        if (strcmp(value_at_str(m, "mountPath", ""), TOKEN_PATH) == 0)
            return true;
    }
    return false;
}

static size_t mount_in(struct call *c, struct value *spec, const char *list, const char *volume)
{
    struct value *containers = value_get_mut(spec, list);
    size_t mounted = 0;
    for (size_t i = 0; i < value_count(containers); i++) {
        struct value *container = &containers->items[i];
        if (mounts_there(container))
            continue;
        struct value *m = value_new_object(c->a);
        value_set_str(c->a, m, "name", volume);
        value_set_bool(c->a, m, "readOnly", true);
        value_set_str(c->a, m, "mountPath", TOKEN_PATH);
        value_push(c->a, value_make_array(c->a, container, "volumeMounts"), m);
        mounted++;
    }
    return mounted;
}

static int admit_service_account(struct call *c, const char *ns, struct value *pod)
{
    struct value *spec = value_make_object(c->a, pod, "spec");
    if (value_get(value_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror"))
        return 0;
    const char *name = value_str(value_get(spec, "serviceAccountName"), "");
    if (!*name) {
        name = "default";
        value_set_str(c->a, spec, "serviceAccountName", name);
        value_set_str(c->a, spec, "serviceAccount", name);
    }
    AUTO(object) struct object *sa = peek(c->s, &RES_SERVICE_ACCOUNT, ns, name);
    if (!sa)
        return refuse_pod(c, pod,
                          arena_printf(c->a,
                                       "error looking up service account %s/%s: serviceaccount "
                                       "\"%s\" not found",
                                       ns, name, name));
    const struct value *pulls = value_get(sa->root, "imagePullSecrets");
    if (value_count(pulls) > 0 && value_count(value_get(spec, "imagePullSecrets")) == 0)
        value_set(c->a, spec, "imagePullSecrets", value_copy(c->a, pulls));
    bool mount = value_bool(value_get(spec, "automountServiceAccountToken"),
                            value_bool(value_get(sa->root, "automountServiceAccountToken"), true));
    if (!mount)
        return 0;
    const char *volume = arena_printf(c->a, "kube-api-access-%s", rest__suffix(c->a));
    size_t n =
        mount_in(c, spec, "containers", volume) + mount_in(c, spec, "initContainers", volume);
    if (n > 0)
        value_push(c->a, value_make_array(c->a, spec, "volumes"), api_access_volume(c, volume));
    return 0;
}

/* ---- priority ---- */

static struct object *default_priority(struct call *c)
{
    const struct served *k = kinds__of(c->s, &RES_PRIORITY_CLASS);
    struct entry_list l = {0};
    struct err e = {0};
    struct object *best = NULL;
    if (store_list(c->s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return NULL;
    for (size_t i = 0; i < l.n; i++) {
        struct object *o = stored__object(c->s, k, l.items[i]);
        bool better =
            value_at_bool(o->root, "globalDefault", false) &&
            (!best || value_at_int(o->root, "value", 0) < value_at_int(best->root, "value", 0));
        if (better) {
            object_unref(best);
            best = object_ref(o);
        }
        object_unref(o);
    }
    entry_list_done(&l);
    return best;
}

static int admit_priority(struct call *c, struct value *pod)
{
    struct value *spec = value_get_mut(pod, "spec");
    const char *name = value_str(value_get(spec, "priorityClassName"), "");
    AUTO(object)
    struct object *class =
        *name ? peek(c->s, &RES_PRIORITY_CLASS, NULL, name) : default_priority(c);
    if (*name && !class)
        return refuse_pod(c, pod,
                          arena_printf(c->a, "no PriorityClass with name %s was found", name));
    int64_t priority = class ? value_at_int(class->root, "value", 0) : 0;
    const char *policy =
        class ? value_at_str(class->root, "preemptionPolicy", "PreemptLowerPriority")
              : "PreemptLowerPriority";
    const struct value *asked = value_get(spec, "priority");
    if (asked && value_int(asked, 0) != priority)
        return refuse_pod(c, pod,
                          arena_printf(c->a,
                                       "the integer value of priority (%lld) must not be provided "
                                       "in pod spec; priority admission controller computed %lld "
                                       "from the given PriorityClass name",
                                       (long long)value_int(asked, 0), (long long)priority));
    const char *said = value_str(value_get(spec, "preemptionPolicy"), policy);
    if (strcmp(said, policy) != 0)
        return refuse_pod(c, pod,
                          arena_printf(c->a,
                                       "the string value of PreemptionPolicy (%s) must not be "
                                       "provided in pod spec; priority admission controller "
                                       "computed %s from the given PriorityClass name",
                                       said, policy));
    if (class && !*name)
        value_set_str(c->a, spec, "priorityClassName", class->name);
    value_set_int(c->a, spec, "priority", priority);
    value_set_str(c->a, spec, "preemptionPolicy", policy);
    return 0;
}

/* ---- tolerations ---- */

static bool tolerates(const struct value *tolerations, const char *key)
{
    VALUE_EACH_ITEM (t, tolerations) {
        const char *k = value_at_str(t, "key", ""), *effect = value_at_str(t, "effect", "");
        if ((!*k || strcmp(k, key) == 0) && (!*effect || strcmp(effect, "NoExecute") == 0))
            return true;
    }
    return false;
}

void admit_pod_tolerations(struct call *c, struct value *pod)
{
    static const char *const keys[] = {"node.kubernetes.io/not-ready",
                                       "node.kubernetes.io/unreachable"};
    struct value *spec = value_get_mut(pod, "spec");
    const struct value *had = value_copy(c->a, value_get(spec, "tolerations"));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (tolerates(had, keys[i]))
            continue;
        struct value *t = value_new_object(c->a);
        value_set_str(c->a, t, "key", keys[i]);
        value_set_str(c->a, t, "operator", "Exists");
        value_set_str(c->a, t, "effect", "NoExecute");
        value_set_int(c->a, t, "tolerationSeconds", 300);
        value_push(c->a, value_make_array(c->a, spec, "tolerations"), t);
    }
}

/* ---- runtime class ---- */

static int admit_runtime_class(struct call *c, struct value *pod)
{
    struct value *spec = value_get_mut(pod, "spec");
    const char *name = value_str(value_get(spec, "runtimeClassName"), "");
    if (!*name) {
        if (value_count(value_get(spec, "overhead")) > 0)
            return refuse_pod(c, pod,
                              "pod rejected: Pod Overhead set without corresponding "
                              "RuntimeClass defined Overhead");
        return 0;
    }
    AUTO(object) struct object *class = peek(c->s, &RES_RUNTIME_CLASS, NULL, name);
    if (!class)
        return refuse_pod(c, pod,
                          arena_printf(c->a, "pod rejected: RuntimeClass \"%s\" not found", name));
    const struct value *fixed = value_at(class->root, "overhead.podFixed");
    const struct value *said = value_get(spec, "overhead");
    if (fixed && said && !value_equal(fixed, said))
        return refuse_pod(c, pod,
                          "pod rejected: Pod's Overhead doesn't match RuntimeClass's "
                          "defined Overhead");
    if (fixed && !said)
        value_set(c->a, spec, "overhead", value_copy(c->a, fixed));
    VALUE_EACH_MEMBER (m, value_at(class->root, "scheduling.nodeSelector")) {
        value_set(c->a, value_make_object(c->a, spec, "nodeSelector"), m->key,
                  value_copy(c->a, &m->value));
    }
    VALUE_EACH_ITEM (t, value_at(class->root, "scheduling.tolerations")) {
        value_push(c->a, value_make_array(c->a, spec, "tolerations"), value_copy(c->a, t));
    }
    return 0;
}

int admit_pod_create(struct call *c, const char *ns, struct value *pod)
{
    int rc = admit_service_account(c, ns, pod);
    if (rc == 0)
        rc = admit_priority(c, pod);
    if (rc < 0)
        return rc;
    admit_pod_tolerations(c, pod);
    return admit_runtime_class(c, pod);
}
