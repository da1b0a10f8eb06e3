#include "ctl/endpoints/endpoints.h"

#include <string.h>

#include "ctl/endpoints/plan.h"
#include "kube/write.h"

/* Only what was made for a selector goes with its Service. */
static int forget(struct controller_ctx *c, const struct object *had, struct err *e)
{
    const char *by = had ? object_label(had, "endpoints.kubernetes.io/managed-by") : NULL;
    if (!by || strcmp(by, "endpoint-controller") != 0)
        return 0;
    return write_delete(c, &RES_ENDPOINTS, had, NULL, e);
}

static int create(struct controller_ctx *c, const struct service_view *v, struct value *labels,
                  struct value *subsets, struct arena *a, struct err *e)
{
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", "Endpoints");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", v->service->name);
    (void)value_set_str(a, meta, "namespace", v->service->ns);
    (void)value_set(a, meta, "labels", labels);
    if (subsets)
        (void)value_set(a, o, "subsets", subsets);
    int rc = write_create(c, &RES_ENDPOINTS, o, a, NULL, e);
    return rc == ERR_EXISTS ? err_set(e, ERR_AGAIN, "endpoints are not in the cache yet") : rc;
}

static int endpoints_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                          struct err *e)
{
    struct service_view v = {.service = cache_get(c->cache, &RES_SERVICE, key->ns, key->name, a)};
    const struct object *had = cache_get(c->cache, &RES_ENDPOINTS, key->ns, key->name, a);
    if (!v.service)
        return forget(c, had, e);
    if (v.service->deleting || !service_is_selecting(v.service))
        return 0;
    service_observe(c, &v, a);
    struct value *subsets = endpoints_subsets(&v, a), *labels = endpoints_labels(&v, a);
    if (!had)
        return create(c, &v, labels, subsets, a, e);
    const struct value *was = value_get(had->root, "subsets");
    bool same = subsets ? value_equal(was, subsets) : value_count(was) == 0;
    if (same && value_equal(value_at(had->root, "metadata.labels"), labels))
        return 0;
    struct value *o = object_edit(a, had);
    (void)value_set(a, value_get_mut(o, "metadata"), "labels", labels);
    (void)value_remove(o, "subsets");
    if (subsets)
        (void)value_set(a, o, "subsets", subsets);
    return write_update(c, &RES_ENDPOINTS, o, a, NULL, e);
}

static bool lists(const struct value *addresses, const struct object *pod)
{
    VALUE_EACH_ITEM (x, addresses) {
        if (strcmp(value_at_str(x, "targetRef.uid", ""), pod->uid) == 0)
            return true;
    }
    return false;
}

/* Those that select it now, and those that did when their endpoints were written. */
static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_service(o, c, s);
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_ENDPOINTS, o->ns, a);
    for (size_t i = 0; i < l.n; i++) {
        bool has = false;
        VALUE_EACH_ITEM (subset, value_get(l.items[i]->root, "subsets"))
            has |= lists(value_get(subset, "addresses"), o) ||
                   lists(value_get(subset, "notReadyAddresses"), o);
        if (has)
            key_add(s, o->ns, l.items[i]->name);
    }
}

static const struct controller_watch WATCHES[] = {
    {&RES_SERVICE,   NULL  },
    {&RES_POD,       of_pod},
    {&RES_ENDPOINTS, NULL  },
    {NULL,           NULL  },
};

const struct controller endpoints_controller = {
    .name = "endpoint-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = endpoints_sync,
};
