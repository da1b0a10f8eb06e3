#include <string.h>

#include "api/conditions.h"
#include "apiserver/admission_int.h"
#include "apiserver/discovery_int.h"
#include "apiserver/kinds_int.h"
#include "apiserver/rest_int.h"
#include "base/log.h"
#include "base/thread.h"

static const char FINALIZER[] = "customresourcecleanup.apiextensions.k8s.io";

/* ---- names: the first CRD that wants one has it ---- */

struct claim {
    struct value *accepted;
    const char *reason, *message; /* of the last name that was refused */
};

static bool name_in(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (v, list) {
        if (strcmp(value_str(v, ""), name) == 0)
            return true;
    }
    return false;
}

static bool uses(const struct value *names, const char *name, bool kind)
{
    if (kind)
        return strcmp(value_at_str(names, "kind", ""), name) == 0 ||
               strcmp(value_at_str(names, "listKind", ""), name) == 0;
    return strcmp(value_at_str(names, "plural", ""), name) == 0 ||
           strcmp(value_at_str(names, "singular", ""), name) == 0 ||
           name_in(value_get(names, "shortNames"), name);
}

/* By another kind of the group that is served already: its status may not be written yet. */
static bool served_name(struct apiserver *s, const struct value *crd, const char *name, bool kind,
                        struct arena *a)
{
    size_t n;
    const struct served **all = kinds__all(s, a, &n);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = all[i]->res;
        if (strcmp(r->group, value_at_str(crd, "spec.group", "")) != 0 ||
            strcmp(r->plural, value_at_str(crd, "spec.names.plural", "")) == 0)
            continue;
        if (kind ? strcmp(r->kind, name) == 0 || strcmp(all[i]->list_kind, name) == 0
                 : strcmp(r->plural, name) == 0 || strcmp(r->singular, name) == 0 ||
                       name_in(discovery__split(a, r->short_names), name))
            return true;
    }
    return false;
}

static bool taken(struct apiserver *s, const struct value *crd, const char *name, bool kind,
                  struct arena *a)
{
    const struct served *k = kinds__of(s, &RES_CRD);
    struct entry_list l = {0};
    struct err e = {0};
    bool found = served_name(s, crd, name, kind, a);
    if (found || store_list(s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return found;
    for (size_t i = 0; i < l.n && !found; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        found = strcmp(o->name, value_at_str(crd, "metadata.name", "")) != 0 &&
                strcmp(value_at_str(o->root, "spec.group", ""),
                       value_at_str(crd, "spec.group", "")) == 0 &&
                uses(value_at(o->root, "status.acceptedNames"), name, kind);
    }
    entry_list_done(&l);
    return found;
}

static void claim_name(struct apiserver *s, struct arena *a, const struct value *crd,
                       struct claim *c, const char *field, const char *reason)
{
    const char *name = value_str(value_get(value_at(crd, "spec.names"), field), "");
    bool kind = strcmp(field, "kind") == 0 || strcmp(field, "listKind") == 0;
    if (!*name)
        return;
    if (taken(s, crd, name, kind, a)) {
        c->reason = reason;
        c->message = arena_printf(a, "\"%s\" is already in use", name);
        if (strcmp(field, "plural") == 0 || strcmp(field, "kind") == 0)
            value_set_str(a, c->accepted, field, "");
        return;
    }
    value_set_str(a, c->accepted, field, name);
}

static struct claim claim_names(struct apiserver *s, struct arena *a, const struct value *crd)
{
    struct claim c = {.accepted = value_new_object(a)};
    const struct value *shorts = value_at(crd, "spec.names.shortNames");
    claim_name(s, a, crd, &c, "plural", "PluralConflict");
    claim_name(s, a, crd, &c, "singular", "SingularConflict");
    bool free_shorts = true;
    VALUE_EACH_ITEM (v, shorts) {
        if (!taken(s, crd, value_str(v, ""), false, a))
            continue;
        free_shorts = false;
        c.reason = "ShortNamesConflict";
        c.message = arena_printf(a, "\"%s\" is already in use", value_str(v, ""));
    }
    if (free_shorts && value_count(shorts) > 0)
        value_set(a, c.accepted, "shortNames", value_copy(a, shorts));
    claim_name(s, a, crd, &c, "kind", "KindConflict");
    claim_name(s, a, crd, &c, "listKind", "ListKindConflict");
    const struct value *categories = value_at(crd, "spec.names.categories");
    if (value_count(categories) > 0)
        value_set(a, c.accepted, "categories", value_copy(a, categories));
    return c;
}

static void set_condition(struct arena *a, struct value *root, const char *type, bool on,
                          const char *reason, const char *message, int64_t now_ms)
{
    const struct condition c = {
        .type = type, .status = on ? "True" : "False", .reason = reason, .message = message};
    (void)condition_set(a, root, &c, now_ms);
}

static void note_storage(struct arena *a, struct value *obj, struct value *status)
{
    struct value *stored = value_make_array(a, status, "storedVersions");
    VALUE_EACH_ITEM (v, value_at(obj, "spec.versions")) {
        const char *name = value_at_str(v, "name", "");
        if (value_at_bool(v, "storage", false) && !name_in(stored, name))
            value_push_str(a, stored, name);
    }
}

/* status.acceptedNames, .storedVersions and the two conditions. */
static int establish(struct call *c, const struct served *k, const struct value *live, void *arg,
                     struct value **out)
{
    const struct claim *claim = arg;
    struct arena *a = c->a;
    struct value *obj = value_copy(a, live);
    (void)k;
    struct value *status = value_make_object(a, obj, "status");
    bool good = !claim->reason;
    value_set(a, status, "acceptedNames", value_copy(a, claim->accepted));
    set_condition(a, obj, "NamesAccepted", good, good ? "NoConflicts" : claim->reason,
                  good ? "no conflicts found" : claim->message, c->now_ms);
    set_condition(a, obj, "Established", good, good ? "InitialNamesAccepted" : "NotAccepted",
                  good ? "the initial names have been accepted" : "not all names are accepted",
                  c->now_ms);
    note_storage(a, obj, status);
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

int crds__check_create(struct call *c, const struct served *k)
{
    if (!k->kind.crd)
        return 0;
    AUTO(object) struct object *crd = peek(c->s, &RES_CRD, NULL, k->qualified);
    if (!crd || !crd->deleting)
        return 0;
    refuse(c, ERR_UNSUPPORTED, 405, "MethodNotAllowed",
           "create not allowed while custom resource definition is terminating");
    refuse_details(c, k->res->group, k->res->plural, NULL);
    return ERR_UNSUPPORTED;
}

/* Which spec of a CRD is being served: uid and generation. */
static const char *edition(const struct object *crd, struct arena *a)
{
    return arena_printf(a, "%s/%s/%lld", crd->name, crd->uid,
                        (long long)value_at_int(crd->root, "metadata.generation", 0));
}

/* Claims the names and serves, unless this edition is served already. True: say so in its status.
 */
static bool take_up(struct apiserver *s, const struct object *crd, struct arena *a,
                    struct claim *claim)
{
    LOCK_SCOPE(&s->crd_mutex);
    struct err e = {0};
    if (map_has(&s->crd_editions, edition(crd, a)) &&
        condition_is(crd->root, "Established", "True"))
        return false;
    *claim = claim_names(s, a, crd->root);
    if (claim->reason)
        return true;
    int rc = serve(s, crd->root, &e);
    if (rc < 0)
        log_warn("apiserver", "crd %s is not served: %s", crd->name, e.msg);
    else
        map_put(&s->crd_editions, edition(crd, a), s);
    return rc == 0;
}

void crds__changed(struct apiserver *s, const struct value *crd, bool deleted)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *name = value_at_str(crd, "metadata.name", "");
    /* Calls may overtake each other: what counts is what is stored now. */
    AUTO(object) struct object *now = peek(s, &RES_CRD, NULL, name);
    if (!now && deleted) {
        LOCK_SCOPE(&s->crd_mutex);
        kinds__drop(s, value_at_str(crd, "spec.group", ""),
                    value_at_str(crd, "spec.names.plural", ""));
    }
    if (!now)
        return;
    if (now->deleting) {
        finish_deletion(s, now->root);
        return;
    }
    struct claim claim = {0};
    if (!take_up(s, now, a, &claim))
        return;
    struct call c;
    call_init_internal(&c, s, a, "kube-apiserver");
    struct result r;
    const struct rest_write w = {.k = kinds__of(s, &RES_CRD),
                                 .name = name,
                                 .sub = "status",
                                 .change = establish,
                                 .arg = &claim,
                                 .raw = true};
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
        if (!condition_is(o->root, "Established", "True"))
            continue;
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        if (serve(s, o->root, &bad) < 0)
            log_warn("apiserver", "crd %s is not served: %s", o->name, bad.msg);
        else
            map_put(&s->crd_editions, edition(o, a), s);
    }
    entry_list_done(&l);
    return rc;
}
