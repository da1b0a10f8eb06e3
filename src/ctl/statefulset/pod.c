#include "ctl/statefulset/pod.h"

#include <string.h>

#include "ctl/pods/pods.h"

const char *statefulset_claim_name(const struct object *set, const struct value *template,
                                   int64_t ordinal, struct arena *a)
{
    return arena_printf(a, "%s-%s-%lld", value_at_str(template, "metadata.name", ""), set->name,
                        (long long)ordinal);
}

/* The set's claims take the place of the template's volumes of the same name. */
static void set_volumes(const struct object *set, int64_t ordinal, struct value *spec,
                        struct arena *a)
{
    const struct value *claims = value_at(set->root, "spec.volumeClaimTemplates");
    struct value *volumes = value_new_array(a);
    VALUE_EACH_ITEM(t, claims)
    {
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "name", value_at_str(t, "metadata.name", ""));
        (void)value_set_str(a, value_make_object(a, v, "persistentVolumeClaim"), "claimName",
                            statefulset_claim_name(set, t, ordinal, a));
        (void)value_push(a, volumes, v);
    }
    VALUE_EACH_ITEM(had, value_get(spec, "volumes"))
    {
        bool replaced = false;
        VALUE_EACH_ITEM(t, claims)
        replaced |= strcmp(value_at_str(t, "metadata.name", ""),
                           value_str(value_get(had, "name"), "")) == 0;
        if (!replaced)
            (void)value_push(a, volumes, had);
    }
    if (value_count(volumes))
        (void)value_set(a, spec, "volumes", volumes);
}

struct value *statefulset_pod(const struct object *set, int64_t ordinal, const char *revision,
                              const struct value *template, struct arena *a)
{
    struct value *pod = pod_of_template(a, template, &RES_STATEFUL_SET, set);
    struct value *meta = value_get_mut(pod, "metadata"), *spec = value_get_mut(pod, "spec");
    const char *name = arena_printf(a, "%s-%lld", set->name, (long long)ordinal);
    (void)value_set_str(a, meta, "name", name);
    struct value *labels = value_make_object(a, meta, "labels");
    (void)value_set_str(a, labels, "controller-revision-hash", revision);
    (void)value_set_str(a, labels, "statefulset.kubernetes.io/pod-name", name);
    (void)value_set_str(a, labels, "apps.kubernetes.io/pod-index",
                        arena_printf(a, "%lld", (long long)ordinal));
    (void)value_set_str(a, spec, "hostname", name);
    const char *service = value_at_str(set->root, "spec.serviceName", "");
    if (*service)
        (void)value_set_str(a, spec, "subdomain", service);
    set_volumes(set, ordinal, spec, a);
    return pod;
}

struct value *statefulset_claim(const struct object *set, const struct value *template,
                                int64_t ordinal, struct arena *a)
{
    struct value *c = value_copy(a, template);
    (void)value_set_str(a, c, "apiVersion", "v1");
    (void)value_set_str(a, c, "kind", "PersistentVolumeClaim");
    (void)value_remove(c, "status");
    struct value *meta = value_make_object(a, c, "metadata");
    (void)value_remove(meta, "creationTimestamp");
    (void)value_set_str(a, meta, "name", statefulset_claim_name(set, template, ordinal, a));
    (void)value_set_str(a, meta, "namespace", set->ns);
    VALUE_EACH_MEMBER(m, value_at(set->root, "spec.selector.matchLabels"))
    (void)value_set(a, value_make_object(a, meta, "labels"), m->key, &m->value);
    return c;
}

static struct value *reference(struct arena *a, const char *av, const char *kind,
                               const struct object *o)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", av);
    (void)value_set_str(a, v, "kind", kind);
    (void)value_set_str(a, v, "name", o->name);
    (void)value_set_str(a, v, "uid", o->uid);
    return v;
}

static bool deletes(const struct object *set, const char *when)
{
    const struct value *p = value_at(set->root, "spec.persistentVolumeClaimRetentionPolicy");
    return strcmp(value_str(value_get(p, when), "Retain"), "Delete") == 0;
}

struct value *statefulset_claim_owners(const struct object *set, const struct object *claim,
                                       const struct object *pod, struct arena *a)
{
    struct value *l = value_new_array(a);
    VALUE_EACH_ITEM(ref, value_at(claim->root, "metadata.ownerReferences"))
    {
        const char *uid = value_str(value_get(ref, "uid"), "");
        const char *kind = value_str(value_get(ref, "kind"), "");
        bool ours = strcmp(uid, set->uid) == 0 || (strcmp(kind, "Pod") == 0);
        if (!ours)
            (void)value_push(a, l, ref);
    }
    if (pod && deletes(set, "whenScaled"))
        (void)value_push(a, l, reference(a, "v1", "Pod", pod));
    else if (!pod && deletes(set, "whenDeleted"))
        (void)value_push(a, l, reference(a, "apps/v1", "StatefulSet", set));
    else if (pod && deletes(set, "whenDeleted"))
        (void)value_push(a, l, reference(a, "apps/v1", "StatefulSet", set));
    return l;
}
