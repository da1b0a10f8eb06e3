#include <string.h>

#include "api/conditions.h"
#include "apiserver/admission_int.h"
#include "apiserver/kinds_int.h"
#include "apiserver/rest_int.h"
#include "base/log.h"
#include "base/thread.h"

static const char FINALIZER[] = "customresourcecleanup.apiextensions.k8s.io";

/* ---- names: the first CRD that wants one has it ---- */

static const char *taken_by_another(struct apiserver *s, const struct value *crd, struct arena *a)
{
    const char *group = value_at_str(crd, "spec.group", "");
    const char *plural = value_at_str(crd, "spec.names.plural", "");
    const char *kind = value_at_str(crd, "spec.names.kind", "");
    size_t n;
    const struct served **all = kinds__all(s, a, &n);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = all[i]->res;
        if (strcmp(r->group, group) != 0 || strcmp(r->plural, plural) == 0)
            continue;
        if (strcmp(r->kind, kind) == 0)
            return arena_printf(a, "\"%s\" is already in use", kind);
    }
    return NULL;
}

static void set_condition(struct arena *a, struct value *root, const char *type, bool on,
                          const char *reason, const char *message, int64_t now_ms)
{
    const struct condition c = {
        .type = type, .status = on ? "True" : "False", .reason = reason, .message = message};
    (void)condition_set(a, root, &c, now_ms);
}

/* status.acceptedNames, .storedVersions and the two conditions. */
static int establish(struct call *c, const struct served *k, const struct value *live, void *arg,
                     struct value **out)
{
    const char *conflict = arg;
    struct arena *a = c->a;
    struct value *obj = value_copy(a, live);
    (void)k;
    struct value *status = value_make_object(a, obj, "status");
    if (!conflict)
        value_set(a, status, "acceptedNames", value_copy(a, value_at(obj, "spec.names")));
    set_condition(a, obj, "NamesAccepted", !conflict, conflict ? "KindConflict" : "NoConflicts",
                  conflict ? conflict : "no conflicts found", c->now_ms);
    set_condition(a, obj, "Established", !conflict,
                  conflict ? "NotAccepted" : "InitialNamesAccepted",
                  conflict ? "not all names are accepted" : "the initial names have been accepted",
                  c->now_ms);
    struct value *stored = value_make_array(a, status, "storedVersions");
    VALUE_EACH_ITEM (v, value_at(obj, "spec.versions")) {
        const char *name = value_at_str(v, "name", "");
        bool known = !value_at_bool(v, "storage", false);
        VALUE_EACH_ITEM (had, stored) {
            if (strcmp(value_str(had, ""), name) == 0)
                known = true;
        }
        if (!known)
            value_push_str(a, stored, name);
    }
    *out = obj;
    return 0;
}

static int serve(struct apiserver *s, const struct value *crd, struct err *e)
{
    struct arena *a = arena_new(SIZE_MAX);
    const struct crd *made = NULL;
    int rc = crd_compile(a, value_copy(a, crd), &made, e);
    if (rc < 0) {
        arena_free(a);
        return rc;
    }
    kinds__drop(s, value_at_str(crd, "spec.group", ""), value_at_str(crd, "spec.names.plural", ""));
    kinds__serve_crd(s, a, made); /* the arena lives as long as the server: requests hold kinds */
    return 0;
}

/* ---- deletion: instances first ---- */

static int drop_finalizer(struct call *c, const struct served *k, const struct value *live,
                          void *arg, struct value **out)
{
    (void)k;
    (void)arg;
    struct value *obj = value_copy(c->a, live), *meta = value_get_mut(obj, "metadata");
    struct value *left = value_new_array(c->a);
    VALUE_EACH_ITEM (f, value_get(meta, "finalizers")) {
        if (strcmp(value_str(f, ""), FINALIZER) != 0)
            value_push(c->a, left, f);
    }
    if (value_count(left) > 0)
        value_set(c->a, meta, "finalizers", left);
    else
        value_remove(meta, "finalizers");
    *out = obj;
    return 0;
}

static const struct served *storage_of(struct apiserver *s, const struct value *crd)
{
    VALUE_EACH_ITEM (v, value_at(crd, "spec.versions")) {
        const struct served *k =
            kinds__find(s, value_at_str(crd, "spec.group", ""), value_at_str(v, "name", ""),
                        value_at_str(crd, "spec.names.plural", ""));
        if (k)
            return k->storage;
    }
    return NULL;
}

/* True when none is left. */
static bool delete_instances(struct apiserver *s, const struct served *k)
{
    AUTO(arena) struct arena *a = arena_new(SIZE_MAX);
    struct call c;
    call_init_internal(&c, s, a, "apiextensions-apiserver");
    struct entry_list l = {0};
    struct err e = {0};
    if (store_list(s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return false;
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        struct result r;
        bool gone;
        if (!o->deleting)
            (void)rest_delete(&c, k, o->ns, o->name, &DELETE_DEFAULT, &r, &gone);
    }
    entry_list_done(&l);
    return store_count(s->store, k->prefix) == 0;
}

static void finish_deletion(struct apiserver *s, const struct value *crd)
{
    const struct served *k = storage_of(s, crd);
    if (k && !delete_instances(s, k))
        return; /* finalizers hold some: crds__instance_gone() comes back */
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct call c;
    call_init_internal(&c, s, a, "apiextensions-apiserver");
    struct result r;
    const struct rest_write w = {.k = kinds__of(s, &RES_CRD),
                                 .name = value_at_str(crd, "metadata.name", ""),
                                 .change = drop_finalizer,
                                 .raw = true};
    (void)rest_write(&c, &w, &r);
}

void crds__instance_gone(struct apiserver *s, const struct served *k)
{
    char name[600];
    (void)snprintf(name, sizeof name, "%s.%s", k->res->plural, k->res->group);
    AUTO(object) struct object *crd = peek(s, &RES_CRD, NULL, name);
    if (crd && crd->deleting && store_count(s->store, k->storage->prefix) == 0)
        finish_deletion(s, crd->root);
}

void crds__changed(struct apiserver *s, const struct value *crd, bool deleted)
{
    LOCK_SCOPE(&s->crd_mutex);
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct err e = {0};
    if (deleted) {
        kinds__drop(s, value_at_str(crd, "spec.group", ""),
                    value_at_str(crd, "spec.names.plural", ""));
        return;
    }
    if (value_at(crd, "metadata.deletionTimestamp")) {
        finish_deletion(s, crd);
        return;
    }
    const char *conflict = taken_by_another(s, crd, a);
    if (!conflict && serve(s, crd, &e) < 0) {
        log_warn("apiserver", "crd %s is not served: %s", value_at_str(crd, "metadata.name", ""),
                 e.msg);
        return;
    }
    struct call c;
    call_init_internal(&c, s, a, "kube-apiserver");
    struct result r;
    const struct rest_write w = {.k = kinds__of(s, &RES_CRD),
                                 .name = value_at_str(crd, "metadata.name", ""),
                                 .sub = "status",
                                 .change = establish,
                                 .arg = (void *)(uintptr_t)conflict,
                                 .raw = true};
    if (!c.refusal.code)
        (void)rest_write(&c, &w, &r);
}

int crds__init(struct apiserver *s, struct err *e)
{
    const struct served *k = kinds__of(s, &RES_CRD);
    struct entry_list l = {0};
    int rc = store_list(s->store, k->prefix, NULL, 0, 0, &l, e);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        struct err bad = {0};
        if (condition_is(o->root, "Established", "True") && serve(s, o->root, &bad) < 0)
            log_warn("apiserver", "crd %s is not served: %s", o->name, bad.msg);
    }
    entry_list_done(&l);
    return rc;
}
