#include <errno.h>
#include <string.h>

#include "api/strategic.h"
#include "apiserver/rest_int.h"
#include "codec/json.h"
#include "codec/patch.h"

/* ---- what an update may not do to the system's fields ---- */

static int check_identity(struct call *c, const struct rest_write *w, const struct value *obj)
{
    const char *name = value_at_str(obj, "metadata.name", "");
    const char *ns = value_at_str(obj, "metadata.namespace", "");
    if (*name && strcmp(name, w->name) != 0)
        return refuse_bad_request(
            c, "the name of the object (%s) does not match the name on the URL (%s)", name,
            w->name);
    if (*ns && strcmp(ns, w->k->res->namespaced ? w->ns : "") != 0)
        return refuse_bad_request(c, "the namespace of the provided object does not match the "
                                     "namespace sent on the request");
    return 0;
}

/* As etcd's client says it, with the key that upstream would have used. */
static const char *other_uid(struct call *c, const struct rest_write *w, const char *said,
                             const char *is)
{
    const struct resource *r = w->k->res;
    const char *folder = r->plural;
    if (w->k->kind.crd)
        folder = arena_printf(c->a, "%s/%s", r->group, r->plural);
    else if (r == &RES_SERVICE || r == &RES_ENDPOINTS)
        folder = r == &RES_SERVICE ? "services/specs" : "services/endpoints";
    return arena_printf(c->a,
                        "StorageError: invalid object, Code: 4, Key: /registry/%s/%s%s%s, "
                        "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                        "precondition: %s, UID in object meta: %s",
                        folder, r->namespaced ? w->ns : "", r->namespaced ? "/" : "", w->name, said,
                        is);
}

static int check_revision(struct call *c, const struct rest_write *w, const struct value *obj,
                          const struct value *live)
{
    const char *rv = value_at_str(obj, "metadata.resourceVersion", "");
    const char *uid = value_at_str(obj, "metadata.uid", "");
    const char *live_uid = value_at_str(live, "metadata.uid", "");
    if (w->replace && *uid && strcmp(uid, live_uid) != 0)
        return refuse_conflict(c, w->k, w->name, other_uid(c, w, uid, live_uid));
    if (!*rv || strcmp(rv, "0") == 0) {
        if (admit_unconditional_update(w->k->res))
            return 0;
        const struct value zero = {.kind = VALUE_FLOAT, .n = 3, .text = "0x0"};
        struct field_errors l;
        field_errors_init(&l, c->a);
        field_errors_add(&l, FIELD_INVALID, "metadata.resourceVersion", &zero,
                         "must be specified for an update");
        return refuse_invalid_as(c, w->k->res->group, w->k->res->plural, w->name, &l);
    }
    char *end = NULL;
    errno = 0;
    (void)strtoull(rv, &end, 10);
    if (errno || *end)
        return refuse(c, ERR_INVALID, 500, "", "strconv.ParseUint: parsing \"%s\": invalid syntax",
                      rv);
    if (strcmp(rv, value_at_str(live, "metadata.resourceVersion", "")) != 0)
        return refuse_conflict(c, w->k, w->name, NULL);
    return 0;
}

static void keep_system_fields(struct call *c, const struct rest_write *w, struct value *obj,
                               const struct value *live)
{
    static const char *const kept[] = {"name", "uid", "creationTimestamp", "deletionTimestamp",
                                       "deletionGracePeriodSeconds"};
    struct value *meta = value_make_object(c->a, obj, "metadata");
    const struct value *old = value_get(live, "metadata");
    if (w->k->res->namespaced)
        value_set_str(c->a, meta, "namespace", w->ns);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct value *was = value_get(old, kept[i]), *is = value_get(meta, kept[i]);
        bool ours = strcmp(kept[i], "creationTimestamp") == 0; /* whatever the client says */
        if (was &&
            (ours || !is || is->kind == VALUE_NULL || (is->kind == VALUE_STRING && is->n == 0)))
            value_set(c->a, meta, kept[i], was);
    }
    const struct value *generation = value_get(old, "generation");
    if (generation)
        value_set(c->a, meta, "generation", generation);
    else
        value_remove(meta, "generation");
    value_remove(meta, "selfLink");
}

static int validate(struct call *c, const struct rest_write *w, const struct value *obj,
                    const struct value *live)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    admit_validate_update(&w->k->kind, w->sub, obj, live, &l);
    return l.n ? refuse_invalid(c, w->k, w->name, &l) : 0;
}

/* With the last finalizer an object that waits to be deleted goes. */
static bool is_last_breath(const struct served *k, const struct value *obj)
{
    const struct value *meta = value_get(obj, "metadata");
    if (!value_get(meta, "deletionTimestamp") || value_count(value_get(meta, "finalizers")) > 0)
        return false;
    if (k->res == &RES_NAMESPACE && value_count(value_at(obj, "spec.finalizers")) > 0)
        return false;
    return value_int(value_get(meta, "deletionGracePeriodSeconds"), 0) == 0;
}

static bool same(struct call *c, const struct value *obj, const struct value *live)
{
    struct value *meta = value_copy(c->a, value_get(obj, "metadata"));
    value_set(c->a, meta, "resourceVersion", value_at(live, "metadata.resourceVersion"));
    if (!value_equal(meta, value_get(live, "metadata")))
        return false;
    if (value_count(obj) != value_count(live))
        return false;
    VALUE_EACH_MEMBER (m, obj) {
        if (strcmp(m->key, "metadata") != 0 && !value_equal(&m->value, value_get(live, m->key)))
            return false;
    }
    return true;
}

static int judge(struct call *c, const struct rest_write *w, struct value *obj,
                 const struct value *live)
{
    keep_system_fields(c, w, obj, live);
    if (w->raw)
        return 0;
    int rc = w->applied ? 0 : rest__own(c, w->k, w->sub, live, obj);
    struct value *meta = value_get_mut(obj, "metadata");
    static const char *const lists[] = {"finalizers", "ownerReferences", "labels", "annotations"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (value_get(meta, lists[i]) && value_count(value_get(meta, lists[i])) == 0)
            value_remove(meta, lists[i]);
    if (rc == 0)
        rc = admission_update(c, w->k, w->ns, w->sub, obj, live);
    if (rc < 0)
        return rc;
    admit_prepare_update(&w->k->kind, w->sub, obj, live, c->a);
    admit_normalize(&w->k->kind, obj, c->a);
    rc = validate(c, w, obj, live);
    if (rc == 0)
        rc = admission_check_update(c, w->k, w->ns, w->sub, obj, live);
    if (rc == 0)
        rest__warn(c, w->k, obj, live);
    return rc;
}

/* Once: read, change, judge, write. ERR_CONFLICT without a refusal: lost a race. */
static int write_once(struct call *c, const struct rest_write *w, struct result *out)
{
    struct entry *n = NULL;
    int rc = rest__load(c, w->k, w->ns, w->name, &n);
    struct value *obj = NULL, *live = NULL;
    if (rc == ERR_NOT_FOUND && w->create) {
        const struct access x = {.verb = "create",
                                 .group = w->k->res->group,
                                 .resource = w->k->res->plural,
                                 .ns = w->ns,
                                 .name = w->name};
        rc = rbac__authorize(c, &x);
        if (rc == 0)
            rc = w->change(c, w->k, NULL, w->arg, &obj);
        if (rc == 0)
            rc = check_identity(c, w, obj);
        return rc < 0 ? rc : rest__create_decoded(c, w->k, w->ns, obj, w->applied, out);
    }
    struct err e = {0};
    if (rc == 0 && stored__decode(w->k, n, c->a, &live, &e) < 0)
        rc = refuse_err(c, &e);
    if (rc == 0)
        rc = w->change(c, w->k, live, w->arg, &obj);
    if (rc == 0)
        rc = check_identity(c, w, obj);
    if (rc == 0)
        rc = check_revision(c, w, obj, live);
    if (rc == 0)
        rc = judge(c, w, obj, live);
    if (rc < 0)
        return rc;
    if (is_last_breath(w->k, obj)) {
        uint64_t rv = n->rev;
        rc = rest__remove(c, w->k, n->key, obj, n->rev, &rv);
        value_set(c->a, value_get_mut(obj, "metadata"), "resourceVersion",
                  value_new_strf(c->a, "%llu", (unsigned long long)n->rev));
        *out = (struct result){.tree = obj, .rv = n->rev};
        return rc;
    }
    if (same(c, obj, live)) {
        *out = (struct result){.tree = live, .entry = n, .rv = n->rev};
        return 0;
    }
    rc = rest__store(c, w->k, obj, n->key, n->rev, out);
    if (rc == 0 && w->k->res == &RES_SERVICE && !c->dry_run)
        service_release(c, live, obj);
    return rc;
}

int rest_write(struct call *c, const struct rest_write *w, struct result *out)
{
    for (int i = 0; i < API_TRIES; i++) {
        c->refusal = (struct refusal){0};
        int rc = write_once(c, w, out);
        if (rc < 0 || c->dry_run)
            admission_undo(c);
        if (rc == 0 || c->refusal.code != 0) {
            if (rc == ERR_EXISTS && w->create)
                continue; /* someone else made it between our read and our write */
            return rc;
        }
    }
    return refuse_conflict(c, w->k, w->name, NULL);
}

/* ---- PUT ---- */

static int replace(struct call *c, const struct served *k, const struct value *live, void *arg,
                   struct value **out)
{
    (void)k;
    *out = value_copy(c->a, arg);
    if (!live) { /* creates */
        struct value *meta = value_make_object(c->a, *out, "metadata");
        value_remove(meta, "resourceVersion");
    }
    return 0;
}

static int refuse_nameless(struct call *c, const char *name)
{
    return refuse_bad_request(c,
                              "the name of the object (%s based on URL) was undeterminable: name "
                              "must be provided",
                              name);
}

int rest_update(struct call *c, const struct served *k, const char *ns, const char *name,
                const char *sub, struct value *obj, struct result *out)
{
    int rc = rest__decode_body(c, k, obj);
    if (rc < 0)
        return rc;
    if (!*value_at_str(obj, "metadata.name", ""))
        return refuse_nameless(c, name);
    bool create = !sub && admit_create_on_update(k->res);
    if (create && *value_at_str(obj, "metadata.uid", ""))
        create = false;
    const struct rest_write w = {.k = k,
                                 .ns = ns,
                                 .name = name,
                                 .sub = sub,
                                 .change = replace,
                                 .arg = obj,
                                 .create = create,
                                 .replace = true};
    return rest_write(c, &w, out);
}

/* ---- PATCH ---- */

struct patch_work {
    enum patch_type type;
    const struct value *patch;
    const char *ns, *name, *sub;
};

static int refuse_patch(struct call *c, const struct value *patch, const char *why)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    field_errors_add_str(&l, FIELD_INVALID, "patch", json_text(c->a, patch, JSON_NO_HTML), why);
    return refuse_invalid_as(c, "", "", "", &l);
}

/* After a patch: the result must be an object of the kind, as Go's decoder would see it. */
static int decode_patched(struct call *c, const struct served *k, const struct patch_work *p,
                          struct value *obj)
{
    struct strict_errors found = {0};
    struct err e = {0};
    const char *kind = value_str(value_get(obj, "kind"), k->res->kind);
    const char *version = value_str(value_get(obj, "apiVersion"), k->api_version);
    if (strcmp(kind, k->res->kind) != 0 || strcmp(version, k->api_version) != 0)
        return refuse_patch(
            c, p->patch,
            arena_printf(c->a,
                         "no kind \"%s\" is registered for version \"%s\" in scheme "
                         "\"pkg/runtime/scheme.go:110\"",
                         kind, version));
    int rc = p->type == PATCH_STRATEGIC ? admit_restore(&k->kind, obj, &found, c->a, &e)
                                        : admit_decode(&k->kind, obj, &found, c->a, &e);
    if (rc < 0)
        return refuse_patch(c, p->patch, e.msg);
    const char *strict = NULL;
    if (rest__strict(c, &found, &strict) < 0)
        return refuse_patch(c, p->patch, strict);
    admit_default(&k->kind, obj, c->a);
    admit_normalize(&k->kind, obj, c->a);
    return 0;
}

/* One operation as kube-apiserver's library reads it: replacing what is not there adds it, a
 * path may lack its first slash, a value may be left out, and -1 is the end of a list. */
static struct value *lenient(struct arena *a, const struct value *op)
{
    struct value *o = value_copy(a, op);
    const char *path = value_str(value_get(o, "path"), NULL);
    const char *name = value_str(value_get(o, "op"), "");
    if (!path)
        return o;
    size_t n = strlen(path);
    if (*path && *path != '/')
        path = strchr(path, '/') ? strchr(path, '/') : arena_printf(a, "/%s", path);
    if (strcmp(name, "add") == 0 && n > 2 && strcmp(path + strlen(path) - 3, "/-1") == 0)
        path = arena_printf(a, "%.*s/-", (int)strlen(path) - 3, path);
    if (!value_get(o, "value") && (strcmp(name, "add") == 0 || strcmp(name, "replace") == 0))
        value_set(a, o, "value", value_null(a));
    value_set_str(a, o, "path", path);
    return o;
}

static int patch__json(struct arena *a, const struct value *doc, const struct value *ops,
                       struct value **out, struct err *e)
{
    const struct value *now = doc;
    VALUE_EACH_ITEM (op, ops) {
        struct value *one = value_new_array(a), *o = lenient(a, op);
        struct value *made = NULL;
        value_push(a, one, o);
        int rc = patch_json(a, now, one, &made, e);
        if (rc < 0 && strcmp(value_at_str(o, "op", ""), "replace") == 0) {
            value_set_str(a, &one->items[0], "op", "add");
            rc = patch_json(a, now, one, &made, e);
        }
        if (rc < 0)
            return rc;
        now = made;
    }
    *out = value_copy(a, now);
    return 0;
}

static int apply_patch(struct call *c, const struct served *k, const struct value *live, void *arg,
                       struct value **out)
{
    const struct patch_work *p = arg;
    struct err e = {0};
    struct value *made = NULL;
    int rc = 0;
    if (p->type == PATCH_JSON)
        rc = patch__json(c->a, live, p->patch, &made, &e);
    else if (p->type == PATCH_MERGE)
        made = patch_merge(c->a, live, p->patch);
    else
        rc = strategic_apply(c->a, k->kind.schema, live, p->patch, &made, &e);
    if (rc < 0 && p->type == PATCH_JSON) {
        refuse(c, ERR_INVALID, 422, "Invalid",
               "the server rejected our request due to an error in our request");
        c->refusal.details = value_new_object(c->a);
        return ERR_INVALID;
    }
    if (rc < 0) /* upstream gives no reason here */
        return rc == ERR_INVALID ? refuse_bad_request(c, "%s", e.msg)
                                 : refuse(c, ERR_INVALID, 500, "", "%s", e.msg);
    if (!value_is(made, VALUE_OBJECT))
        return refuse_patch(c, p->patch, "the result of the patch is not an object");
    made = value_copy(c->a, made); /* the result shares with its inputs; what follows writes */
    rc = decode_patched(c, k, p, made);
    *out = made;
    return rc;
}

static int refuse_apply(struct call *c, const struct served *k, const struct patch_work *p, int rc,
                        const struct managed_conflicts *conflicts, const struct err *e)
{
    if (rc == ERR_SYSTEM) /* upstream's typed conversion fails without a reason */
        return refuse(c, rc, 500, "", "%s", e->msg);
    if (rc != ERR_CONFLICT)
        return refuse_err(c, e);
    refuse(c, ERR_CONFLICT, 409, "Conflict", "%s", managed_conflicts_text(conflicts, c->a));
    struct value *d = value_new_object(c->a);
    value_set(c->a, d, "causes", managed_conflicts_causes(conflicts, c->a));
    c->refusal.details = d;
    (void)k;
    (void)p;
    return ERR_CONFLICT;
}

static int apply_server_side(struct call *c, const struct served *k, const struct value *live,
                             void *arg, struct value **out)
{
    const struct patch_work *p = arg;
    struct managed_opts o = {.manager = c->manager,
                             .subresource = p->sub ? p->sub : "",
                             .now_ms = c->now_ms,
                             .force = c->force};
    struct managed_conflicts conflicts = {0};
    struct err e = {0};
    struct value *applied = value_copy(c->a, p->patch), *made = NULL;
    struct strict_errors found = {0};
    const char *version = value_str(value_get(applied, "apiVersion"), "");
    const char *kind = value_str(value_get(applied, "kind"), "");
    if (strcmp(version, k->api_version) != 0 || strcmp(kind, k->res->kind) != 0)
        return refuse_bad_request(c, "invalid object type: %s%s, Kind=%s",
                                  strchr(version, '/') ? "" : "/", version, kind);
    const char *strict = NULL;
    if (rest__strict(c, &found, &strict) < 0)
        return refuse_bad_request(c, "error decoding patch: %s", strict);
    if (!live && !*value_at_str(applied, "metadata.name", ""))
        return refuse_nameless(c, p->name);
    const char *uid = value_at_str(applied, "metadata.uid", "");
    if (!live && *uid)
        return refuse_conflict(c, k, p->name,
                               arena_printf(c->a,
                                            "uid mismatch: the provided object specified uid %s, "
                                            "and no existing object was found",
                                            uid));
    int rc = managed_apply(&k->kind, live, applied, &o, c->a, &made, &conflicts, &e);
    if (rc < 0)
        return refuse_apply(c, k, p, rc, &conflicts, &e);
    made = value_copy(c->a, made);
    if (admit_decode(&k->kind, made, &found, c->a, &e) < 0)
        return refuse_bad_request(c, "%s", e.msg);
    struct value *meta = value_make_object(c->a, made, "metadata");
    if (!live)
        value_remove(meta, "resourceVersion");
    if (!value_get(meta, "name"))
        value_set_str(c->a, meta, "name", p->name);
    admit_default(&k->kind, made, c->a);
    admit_normalize(&k->kind, made, c->a);
    *out = made;
    return 0;
}

int rest_patch(struct call *c, const struct served *k, const char *ns, const char *name,
               const char *sub, enum patch_type type, struct value *patch, struct result *out)
{
    struct patch_work p = {.type = type, .patch = patch, .ns = ns, .name = name, .sub = sub};
    const struct rest_write w = {
        .k = k,
        .ns = ns,
        .name = name,
        .sub = sub,
        .change = type == PATCH_APPLY ? apply_server_side : apply_patch,
        .arg = &p,
        .create = type == PATCH_APPLY && !sub,
        .applied = type == PATCH_APPLY,
    };
    return rest_write(c, &w, out);
}
