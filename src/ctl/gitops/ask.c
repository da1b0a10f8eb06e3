/* What people ask of an Application: sync now, go back. */
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "kube/kube.h"

int gitops_rollback(struct kube *k, const char *ns, const char *application, const char *reason,
                    const char *user, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(object) struct object *o = NULL;
    struct value *rollout = NULL;
    int rc = kube_get(k, &RES_APPLICATION, ns, application, &o, e);
    if (rc < 0)
        return rc;
    const char *text = object_annotation(o, APP_ROLLOUT);
    if (text && json_parse(a, text, strlen(text), 0, &rollout, e) < 0)
        return ERR_INVALID;
    bool back = value_get(rollout, value_get(rollout, "trial") ? "good" : "previous") != NULL;
    if (!back)
        return err_set(e, ERR_NOT_FOUND, "Application %s/%s has no earlier good revision", ns,
                       application);
    struct value *patch = value_new_object(a);
    (void)value_set_str(a, value_make_object(a, patch, "metadata.annotations"), APP_CONDEMN,
                        arena_printf(a, "condemned by %s%s%s", user && *user ? user : "hand",
                                     reason && *reason ? ": " : "", reason ? reason : ""));
    return kube_patch(k, &RES_APPLICATION, ns, application, NULL, KUBE_PATCH_MERGE, patch, NULL, e);
}

int gitops_sync(struct kube *k, const char *ns, const char *application, int64_t history_id,
                const char *user, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(object) struct object *o = NULL;
    int rc = kube_get(k, &RES_APPLICATION, ns, application, &o, e);
    if (rc < 0)
        return rc;
    struct value *patch = value_new_object(a);
    struct value *sync = value_make_object(a, patch, "operation.sync");
    const struct value *policy = value_at(o->root, "spec.syncPolicy");
    (void)value_set_bool(a, sync, "prune", value_at_bool(policy, "automated.prune", false));
    (void)value_set_str(a, value_make_object(a, patch, "operation.initiatedBy"), "username",
                        user ? user : "");
    const struct value *entry = NULL;
    VALUE_EACH_ITEM (h, value_at(o->root, "status.history"))
        if (value_at_int(h, "id", -1) == history_id)
            entry = h;
    const struct value *automated = value_get(policy, "automated");
    if (history_id >= 0 && automated && !value_is(automated, VALUE_NULL)) {
        (void)err_set(e, ERR_CONFLICT, "Application %s/%s syncs by itself and would undo this", ns,
                      application);
        return err_hint(e, "condemn what it runs instead (rollback without an id)");
    }
    if (history_id >= 0 && !entry)
        return err_set(e, ERR_NOT_FOUND, "Application %s/%s has no history entry %lld", ns,
                       application, (long long)history_id);
    /* Both, as Argo CD does it: the same version with other values is another release. */
    if (entry) {
        revision_put(a, sync, revision_get(a, entry), gitops_sources_of(entry));
        revision_put_source(a, sync, gitops_sources_of(entry));
    }
    return kube_patch(k, &RES_APPLICATION, ns, application, NULL, KUBE_PATCH_MERGE, patch, NULL, e);
}
