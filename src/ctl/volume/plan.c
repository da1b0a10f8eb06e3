#include "ctl/volume/plan.h"

#include <string.h>

#include "api/quantity.h"
#include "api/selector.h"
#include "kube/write.h"

#define PROVISIONER "slipway.dev/local"

/* Provisioners that mean "a folder of this machine". */
static const char *const LOCAL[] = {PROVISIONER, "rancher.io/local-path",
                                    "k8s.io/minikube-hostpath", "docker.io/hostpath",
                                    "microk8s.io/hostpath"};

static struct quantity storage(const struct object *o, const char *path)
{
    struct quantity q = {0};
    const struct value *v = value_at(o->root, path);
    const char *text = v && (v->kind == VALUE_STRING || v->kind == VALUE_INT) ? v->text : "0";
    if (quantity_parse(text, &q, NULL) < 0)
        return (struct quantity){0};
    return q;
}

static const char *class_of(const struct object *o)
{
    const char *c = value_at_str(o->root, "spec.storageClassName", NULL);
    if (!c)
        c = object_annotation(o, "volume.beta.kubernetes.io/storage-class");
    return c ? c : "";
}

static bool offers_modes(const struct object *volume, const struct object *claim)
{
    VALUE_EACH_ITEM (want, value_at(claim->root, "spec.accessModes")) {
        bool has = false;
        VALUE_EACH_ITEM (m, value_at(volume->root, "spec.accessModes"))
            has |= strcmp(value_str(m, ""), value_str(want, "")) == 0;
        if (!has)
            return false;
    }
    return true;
}

static bool is_free_for(const struct object *volume, const struct object *claim)
{
    const struct value *ref = value_at(volume->root, "spec.claimRef");
    if (!ref)
        return !volume->deleting;
    const char *uid = value_str(value_get(ref, "uid"), "");
    return strcmp(value_str(value_get(ref, "name"), ""), claim->name) == 0 &&
           strcmp(value_str(value_get(ref, "namespace"), ""), claim->ns) == 0 &&
           (!*uid || strcmp(uid, claim->uid) == 0);
}

static bool fits(const struct object *volume, const struct object *claim, struct arena *a)
{
    struct quantity has = storage(volume, "spec.capacity.storage");
    struct quantity want = storage(claim, "spec.resources.requests.storage");
    if (!is_free_for(volume, claim) || quantity_cmp(&has, &want) < 0 ||
        !offers_modes(volume, claim) ||
        strcmp(value_at_str(volume->root, "spec.volumeMode", "Filesystem"),
               value_at_str(claim->root, "spec.volumeMode", "Filesystem")) != 0)
        return false;
    if (value_at(volume->root, "spec.claimRef"))
        return true; /* set aside for this claim: its class and labels do not matter */
    const struct value *sel = value_at(claim->root, "spec.selector");
    struct selector s;
    if (sel && (selector_from_value(sel, a, &s, NULL) < 0 ||
                !selector_matches(&s, value_at(volume->root, "metadata.labels"))))
        return false;
    return strcmp(class_of(volume), class_of(claim)) == 0;
}

/* The one set aside for the claim, or else the smallest that fits. */
static const struct object *best_volume(const struct claim_view *v, struct arena *a)
{
    const struct object *best = NULL;
    for (size_t i = 0; i < v->volumes.n; i++) {
        const struct object *x = v->volumes.items[i];
        if (!fits(x, v->claim, a))
            continue;
        if (value_at(x->root, "spec.claimRef"))
            return x;
        struct quantity q = storage(x, "spec.capacity.storage");
        struct quantity b = best ? storage(best, "spec.capacity.storage") : q;
        if (!best || quantity_cmp(&q, &b) < 0)
            best = x;
    }
    return best;
}

static const struct object *named(const struct object_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i]->name, name) == 0)
            return l->items[i];
    return NULL;
}

/* NULL: claims of this class are somebody else's to provide for. */
static const char *provisioner_of(const struct claim_view *v)
{
    const struct object *class = named(&v->classes, class_of(v->claim));
    const char *p = class ? value_at_str(class->root, "provisioner", "") : "";
    for (size_t i = 0; i < sizeof LOCAL / sizeof LOCAL[0]; i++)
        if (strcmp(p, LOCAL[i]) == 0)
            return p;
    /* No class was named and none is the default: a folder is what people expect. */
    bool named_none = !value_at(v->claim->root, "spec.storageClassName");
    return named_none && v->classes.n == 0 ? PROVISIONER : NULL;
}

static struct value *volume_new(const struct claim_view *v, const char *provisioner,
                                struct arena *a)
{
    const struct object *class = named(&v->classes, class_of(v->claim));
    const char *name = arena_printf(a, "pvc-%s", v->claim->uid);
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", "PersistentVolume");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, value_make_object(a, meta, "annotations"),
                        "pv.kubernetes.io/provisioned-by", provisioner);
    struct value *spec = value_make_object(a, o, "spec");
    const struct value *want = value_at(v->claim->root, "spec.resources.requests.storage");
    (void)value_set(a, value_make_object(a, spec, "capacity"), "storage",
                    want ? want : value_new_str(a, "1Gi"));
    (void)value_set(a, spec, "accessModes", value_at(v->claim->root, "spec.accessModes"));
    struct value *path = value_make_object(a, spec, "hostPath");
    (void)value_set_str(a, path, "path", arena_printf(a, "%s/%s", v->volume_dir, name));
    (void)value_set_str(a, path, "type", "DirectoryOrCreate");
    (void)value_set_str(a, spec, "persistentVolumeReclaimPolicy",
                        class ? value_at_str(class->root, "reclaimPolicy", "Delete") : "Delete");
    if (*class_of(v->claim))
        (void)value_set_str(a, spec, "storageClassName", class_of(v->claim));
    (void)value_set_str(a, spec, "volumeMode", "Filesystem");
    return o;
}

static struct claim_plan wait_for(const struct claim_view *v, struct arena *a)
{
    const char *class = class_of(v->claim);
    if (!*class)
        return (struct claim_plan){.verb = CLAIM_WAIT,
                                   .reason = "FailedBinding",
                                   .why = "no persistent volumes available for this claim and no "
                                          "storage class is set"};
    if (!named(&v->classes, class))
        return (struct claim_plan){
            .verb = CLAIM_WAIT,
            .reason = "ProvisioningFailed",
            .why = arena_printf(a, "storageclass.storage.k8s.io \"%s\" not found", class)};
    return (struct claim_plan){
        .verb = CLAIM_WAIT,
        .reason = "ExternalProvisioning",
        .why = arena_printf(a,
                            "Waiting for a volume to be created by the provisioner of storage "
                            "class '%s'",
                            class)};
}

struct claim_plan claim_plan(const struct claim_view *v, struct arena *a)
{
    const char *name = value_at_str(v->claim->root, "spec.volumeName", "");
    const struct object *volume = *name ? named(&v->volumes, name) : best_volume(v, a);
    bool bound = object_annotation(v->claim, "pv.kubernetes.io/bind-completed") != NULL;
    if (*name && !volume)
        return bound ? (struct claim_plan){.verb = CLAIM_LOST}
                     : (struct claim_plan){
                           .verb = CLAIM_WAIT,
                           .reason = "FailedBinding",
                           .why = arena_printf(a, "volume \"%s\" does not exist yet", name)};
    if (volume && !is_free_for(volume, v->claim))
        return (struct claim_plan){.verb = CLAIM_WAIT,
                                   .reason = "FailedBinding",
                                   .why = arena_printf(a,
                                                       "volume \"%s\" already bound to a "
                                                       "different claim.",
                                                       volume->name)};
    if (volume)
        return (struct claim_plan){.verb = CLAIM_BIND, .volume = volume};
    const char *provisioner = provisioner_of(v);
    if (provisioner && v->volume_dir)
        return (struct claim_plan){.verb = CLAIM_PROVISION, .body = volume_new(v, provisioner, a)};
    return wait_for(v, a);
}

/* ---- what binding writes ---- */

static struct value *annotations_of(struct value *o, struct arena *a)
{
    struct value *meta = value_get_mut(o, "metadata");
    const struct value *had = value_get(meta, "annotations");
    return value_set(a, meta, "annotations", had ? value_shallow(a, had) : value_new_object(a));
}

struct value *volume_bound(const struct object *volume, const struct object *claim, struct arena *a)
{
    const struct value *had = value_at(volume->root, "spec.claimRef");
    if (had && strcmp(value_str(value_get(had, "uid"), ""), claim->uid) == 0)
        return NULL;
    struct value *o = object_edit(a, volume), *ref = value_new_object(a);
    (void)value_set_str(a, ref, "kind", "PersistentVolumeClaim");
    (void)value_set_str(a, ref, "namespace", claim->ns);
    (void)value_set_str(a, ref, "name", claim->name);
    (void)value_set_str(a, ref, "uid", claim->uid);
    (void)value_set_str(a, ref, "apiVersion", "v1");
    (void)value_set(a, ref, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)claim->rv));
    (void)value_set(a, value_get_mut(o, "spec"), "claimRef", ref);
    if (!had)
        (void)value_set_str(a, annotations_of(o, a), "pv.kubernetes.io/bound-by-controller", "yes");
    return o;
}

struct value *claim_bound(const struct object *claim, const struct object *volume, struct arena *a)
{
    const char *name = value_at_str(claim->root, "spec.volumeName", "");
    if (*name && object_annotation(claim, "pv.kubernetes.io/bind-completed"))
        return NULL;
    struct value *o = object_edit(a, claim), *notes = annotations_of(o, a);
    (void)value_set_str(a, notes, "pv.kubernetes.io/bind-completed", "yes");
    if (!*name)
        (void)value_set_str(a, notes, "pv.kubernetes.io/bound-by-controller", "yes");
    (void)value_set_str(a, value_get_mut(o, "spec"), "volumeName", volume->name);
    return o;
}

struct value *claim_bound_status(const struct object *claim, const struct object *volume,
                                 struct arena *a)
{
    const struct value *was = value_get(claim->root, "status");
    struct value *s = was ? value_copy(a, was) : value_new_object(a);
    (void)value_set_str(a, s, "phase", "Bound");
    const struct value *modes = value_at(volume->root, "spec.accessModes");
    const struct value *capacity = value_at(volume->root, "spec.capacity");
    if (modes)
        (void)value_set(a, s, "accessModes", modes);
    if (capacity && !value_get(s, "capacity"))
        (void)value_set(a, s, "capacity", capacity);
    return s;
}

const char *volume_phase(const struct object *volume, const struct object *claim)
{
    const struct value *ref = value_at(volume->root, "spec.claimRef");
    const char *uid = value_str(value_get(ref, "uid"), "");
    if (!ref || !*uid)
        return "Available";
    if (!claim || strcmp(claim->uid, uid) != 0)
        return "Released";
    return "Bound";
}
