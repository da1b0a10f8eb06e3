#include "ctl/volume/volume.h"

#include <string.h>

#include "base/fs.h"
#include "ctl/ctl.h"
#include "ctl/volume/plan.h"
#include "kube/events.h"
#include "kube/write.h"

/* ---- claims ---- */

static int bind(struct controller_ctx *c, const struct object *claim, const struct object *volume,
                struct arena *a, struct err *e)
{
    struct value *v = volume_bound(volume, claim, a), *k;
    int rc = v ? write_update(c, &RES_PERSISTENT_VOLUME, v, a, &volume, e) : 0;
    if (rc == 0 && (k = claim_bound(claim, volume, a)))
        rc = write_update(c, &RES_PERSISTENT_VOLUME_CLAIM, k, a, &claim, e);
    if (rc == 0)
        rc = write_status(c, &RES_PERSISTENT_VOLUME_CLAIM, claim,
                          claim_bound_status(claim, volume, a), e);
    return rc;
}

static int provision(struct controller_ctx *c, const struct object *claim, const struct value *body,
                     struct arena *a, struct err *e)
{
    const struct object *volume = NULL;
    int rc = write_create(c, &RES_PERSISTENT_VOLUME, body, a, &volume, e);
    if (rc == ERR_EXISTS)
        return err_set(e, ERR_AGAIN, "the volume is not in the cache yet");
    if (rc < 0)
        return rc;
    event_normal(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, "ProvisioningSucceeded",
                 "Successfully provisioned volume %s", volume->name);
    return bind(c, claim, volume, a, e);
}

static int set_phase(struct controller_ctx *c, const struct resource *r, const struct object *o,
                     const char *phase, struct arena *a, struct err *e)
{
    if (strcmp(value_at_str(o->root, "status.phase", ""), phase) == 0)
        return 0;
    const struct value *was = value_get(o->root, "status");
    struct value *s = was ? value_copy(a, was) : value_new_object(a);
    (void)value_set_str(a, s, "phase", phase);
    return write_status(c, r, o, s, e);
}

static int claim_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    const struct ctl_opts *opts = c->arg;
    struct claim_view v = {
        .claim = cache_get(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, key->ns, key->name, a),
        .volumes = cache_list(c->cache, &RES_PERSISTENT_VOLUME, NULL, a),
        .classes = cache_list(c->cache, &RES_STORAGE_CLASS, NULL, a),
        .volume_dir = opts ? opts->volume_dir : NULL,
    };
    if (!v.claim || v.claim->deleting)
        return 0;
    struct claim_plan p = claim_plan(&v, a);
    switch (p.verb) {
    case CLAIM_BIND:
        return bind(c, v.claim, p.volume, a, e);
    case CLAIM_PROVISION:
        return provision(c, v.claim, p.body, a, e);
    case CLAIM_LOST:
        return set_phase(c, &RES_PERSISTENT_VOLUME_CLAIM, v.claim, "Lost", a, e);
    case CLAIM_WAIT:
        event_normal(c, &RES_PERSISTENT_VOLUME_CLAIM, v.claim, p.reason, "%s", p.why);
        break;
    }
    return set_phase(c, &RES_PERSISTENT_VOLUME_CLAIM, v.claim, "Pending", a, e);
}

/* A volume that comes free may suit any claim that waits. */
static void of_volume(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *ref = value_at(o->root, "spec.claimRef");
    if (ref)
        key_add(s, value_str(value_get(ref, "namespace"), ""),
                value_str(value_get(ref, "name"), ""));
    struct object_list l = cache_list(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, NULL, a);
    for (size_t i = 0; !ref && i < l.n; i++)
        if (strcmp(value_at_str(l.items[i]->root, "status.phase", ""), "Bound") != 0)
            key_add(s, l.items[i]->ns, l.items[i]->name);
}

static void of_class(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, NULL, a);
    for (size_t i = 0; i < l.n; i++)
        key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch CLAIM_WATCHES[] = {
    {&RES_PERSISTENT_VOLUME_CLAIM, NULL     },
    {&RES_PERSISTENT_VOLUME,       of_volume},
    {&RES_STORAGE_CLASS,           of_class },
    {NULL,                         NULL     },
};

/* One worker: two claims must not both take the last volume. */
const struct controller claim_controller = {
    .name = "persistentvolume-controller",
    .watches = CLAIM_WATCHES,
    .workers = 1,
    .sync = claim_sync,
};

/* ---- volumes ---- */

/* Only folders that this controller made, below its own. */
static int reclaim(struct controller_ctx *c, const struct object *volume, struct err *e)
{
    const struct ctl_opts *opts = c->arg;
    const char *dir = opts ? opts->volume_dir : NULL;
    const char *path = value_at_str(volume->root, "spec.hostPath.path", "");
    if (!dir || !object_annotation(volume, "pv.kubernetes.io/provisioned-by") ||
        strncmp(path, dir, strlen(dir)) != 0 || path[strlen(dir)] != '/' || strstr(path, "/.."))
        return 0;
    int rc = fs_remove_tree(path, e);
    return rc < 0 ? rc : write_delete(c, &RES_PERSISTENT_VOLUME, volume, NULL, e);
}

static int volume_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    const struct object *volume = cache_get(c->cache, &RES_PERSISTENT_VOLUME, NULL, key->name, a);
    if (!volume || volume->deleting)
        return 0;
    const struct value *ref = value_at(volume->root, "spec.claimRef");
    const struct object *claim = ref ? cache_get(c->cache, &RES_PERSISTENT_VOLUME_CLAIM,
                                                 value_str(value_get(ref, "namespace"), ""),
                                                 value_str(value_get(ref, "name"), ""), a)
                                     : NULL;
    const char *phase = volume_phase(volume, claim);
    int rc = set_phase(c, &RES_PERSISTENT_VOLUME, volume, phase, a, e);
    const char *policy = value_at_str(volume->root, "spec.persistentVolumeReclaimPolicy", "");
    if (rc == 0 && strcmp(phase, "Released") == 0 && strcmp(policy, "Delete") == 0)
        rc = reclaim(c, volume, e);
    return rc;
}

static void of_claim(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    const char *name = value_at_str(o->root, "spec.volumeName", "");
    if (*name)
        key_add(s, "", name);
}

static const struct controller_watch VOLUME_WATCHES[] = {
    {&RES_PERSISTENT_VOLUME,       NULL    },
    {&RES_PERSISTENT_VOLUME_CLAIM, of_claim},
    {NULL,                         NULL    },
};

const struct controller volume_controller = {
    .name = "persistentvolume-phase-controller",
    .watches = VOLUME_WATCHES,
    .sync = volume_sync,
};
