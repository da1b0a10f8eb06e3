#include "ctl/revisions/revisions.h"

#include <string.h>

#include "api/selector.h"
#include "codec/json.h"
#include "ctl/pods/pods.h"
#include "ctl/pods/template_hash.h"

#define REVISION_HASH "controller-revision-hash"

struct value *revision_data(const struct object *owner, struct arena *a)
{
    struct value *v = value_new_object(a);
    struct value *spec = value_make_object(a, v, "spec");
    struct value *t = value_copy(a, value_at(owner->root, "spec.template"));
    struct value *meta = value_make_object(a, t, "metadata");
    if (!value_get(meta, "creationTimestamp"))
        (void)value_set(a, meta, "creationTimestamp", value_null(a));
    (void)value_set_str(a, t, "$patch", "replace");
    (void)value_set(a, spec, "template", t);
    return v;
}

/* FNV-1 (not 1a), in decimal digits spelled with letters. */
const char *revision_hash(const struct value *data, int64_t collisions, struct arena *a)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *text =
        arena_printf(a, "%s%lld", json_text(a, data, JSON_SORTED), (long long)collisions);
    uint32_t h = 2166136261u;
    for (const char *p = text; *p; p++)
        h = (h * 16777619u) ^ (unsigned char)*p;
    char *out = arena_printf(a, "%u", h);
    for (char *p = out; *p; p++)
        *p = letters[(unsigned char)*p % (sizeof letters - 1)];
    return out;
}

static int64_t number(const struct object *o)
{
    return value_int(value_get(o->root, "revision"), 0);
}

static int by_number(const void *px, const void *py)
{
    const struct object *x = *(const struct object *const *)px;
    const struct object *y = *(const struct object *const *)py;
    if (number(x) != number(y))
        return number(x) < number(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

const struct object *revisions_find(const struct revisions *r, const char *name)
{
    for (size_t i = 0; i < r->all.n; i++)
        if (strcmp(r->all.items[i]->name, name) == 0)
            return r->all.items[i];
    return NULL;
}

static struct value *revision_new(const struct resource *owner_res, const struct object *owner,
                                  struct value *data, const struct revisions *r, struct arena *a)
{
    bool daemon = owner_res == &RES_DAEMON_SET;
    const char *hash = daemon ? template_hash(value_at(owner->root, "spec.template"),
                                              r->collisions ? r->collisions : -1, a)
                              : revision_hash(data, r->collisions, a);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", "apps/v1");
    (void)value_set_str(a, v, "kind", "ControllerRevision");
    struct value *meta = value_make_object(a, v, "metadata");
    (void)value_set_str(a, meta, "name", arena_printf(a, "%s-%s", owner->name, hash));
    (void)value_set_str(a, meta, "namespace", owner->ns);
    const struct value *labels = value_at(owner->root, "spec.template.metadata.labels");
    struct value *l =
        value_set(a, meta, "labels", labels ? value_copy(a, labels) : value_new_object(a));
    (void)value_set_str(a, l, daemon ? REVISION_HASH : "controller.kubernetes.io/hash", hash);
    const struct value *notes = value_at(owner->root, "metadata.annotations");
    if (value_count(notes)) {
        struct value *n = value_set(a, meta, "annotations", value_copy(a, notes));
        (void)value_remove(n, "kubectl.kubernetes.io/last-applied-configuration");
        if (value_count(n) == 0)
            (void)value_remove(meta, "annotations");
    }
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, owner_res, owner));
    (void)value_set(a, v, "data", data);
    size_t n = r->all.n;
    (void)value_set_int(a, v, "revision", n ? number(r->all.items[n - 1]) + 1 : 1);
    return v;
}

static int create(struct controller_ctx *c, const struct resource *owner_res,
                  const struct object *owner, struct value *data, struct revisions *r,
                  struct arena *a, struct err *e)
{
    for (int tries = 0; tries < 10; tries++) {
        struct value *v = revision_new(owner_res, owner, data, r, a);
        int rc = write_create(c, &RES_CONTROLLER_REVISION, v, a, &r->update, e);
        if (rc != ERR_EXISTS)
            return rc;
        struct object *o = NULL;
        rc = kube_get(c->kube, &RES_CONTROLLER_REVISION, owner->ns,
                      value_at_str(v, "metadata.name", ""), &o, e);
        if (rc < 0)
            return rc;
        const struct object *had = object_hold(a, o);
        object_unref(o);
        if (value_equal(value_get(had->root, "data"), data)) {
            r->update = had;
            return 0;
        }
        r->collisions++;
    }
    return err_set(e, ERR_AGAIN, "%s: no free name for a revision", owner->name);
}

/* A template that comes back: its revision becomes the newest. */
static int renumber(struct controller_ctx *c, const struct object *same, struct revisions *r,
                    struct arena *a, struct err *e)
{
    const struct object *newest = r->all.items[r->all.n - 1];
    r->update = same;
    if (same == newest)
        return 0;
    struct value *v = object_edit(a, same);
    (void)value_set_int(a, v, "revision", number(newest) + 1);
    return write_update(c, &RES_CONTROLLER_REVISION, v, a, &r->update, e);
}

int revisions_sync(struct controller_ctx *c, const struct resource *owner_res,
                   const struct object *owner, struct arena *a, struct revisions *out,
                   struct err *e)
{
    struct selector sel;
    struct revisions r = {.collisions = value_at_int(owner->root, "status.collisionCount", 0)};
    int rc = selector_from_value(value_at(owner->root, "spec.selector"), a, &sel, e);
    if (rc == 0)
        rc = claim_run(c,
                       &(struct claim){.owner_res = owner_res,
                                       .res = &RES_CONTROLLER_REVISION,
                                       .owner = owner,
                                       .selector = &sel},
                       a, &r.all, e);
    if (rc < 0)
        return rc;
    qsort(r.all.items, r.all.n, sizeof(struct object *), by_number);
    struct value *data = revision_data(owner, a);
    const struct object *same = NULL;
    for (size_t i = r.all.n; i-- > 0 && !same;)
        if (value_equal(value_get(r.all.items[i]->root, "data"), data))
            same = r.all.items[i];
    rc = same ? renumber(c, same, &r, a, e) : create(c, owner_res, owner, data, &r, a, e);
    *out = r;
    return rc;
}

static bool is_live(const struct object *o, const struct revisions *r,
                    const struct object_list *pods, const char *current)
{
    const char *hash = strrchr(o->name, '-');
    if (o == r->update || strcmp(o->name, r->update->name) == 0 ||
        (current && strcmp(o->name, current) == 0))
        return true;
    for (size_t i = 0; i < pods->n; i++) {
        const char *of = object_label(pods->items[i], REVISION_HASH);
        if (of && (strcmp(of, o->name) == 0 || (hash && strcmp(of, hash + 1) == 0)))
            return true;
    }
    return false;
}

int revisions_forget(struct controller_ctx *c, const struct object *owner,
                     const struct revisions *r, const struct object_list *pods, const char *current,
                     struct err *e)
{
    int64_t keep = value_at_int(owner->root, "spec.revisionHistoryLimit", 10), idle = 0;
    for (size_t i = 0; i < r->all.n; i++)
        idle += !is_live(r->all.items[i], r, pods, current);
    for (size_t i = 0; i < r->all.n && idle > keep; i++) {
        if (is_live(r->all.items[i], r, pods, current))
            continue;
        int rc = write_delete(c, &RES_CONTROLLER_REVISION, r->all.items[i], NULL, e);
        if (rc < 0)
            return rc;
        idle--;
    }
    return 0;
}
