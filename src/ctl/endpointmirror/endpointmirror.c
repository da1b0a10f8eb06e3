#include "ctl/endpointmirror/endpointmirror.h"

#include <string.h>

#include "kube/cache.h"
#include "kube/write.h"

#define MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define SERVICE    "kubernetes.io/service-name"
#define OUR_NAME   "endpointslicemirroring-controller.k8s.io"
#define SKIP       "endpointslice.kubernetes.io/skip-mirror"
#define LEADER     "control-plane.alpha.kubernetes.io/leader"

enum { ADDRESSES_MAX = 1000 };

static bool is_mirrored(const struct object *service, const struct object *endpoints)
{
    const char *skip = endpoints ? object_label(endpoints, SKIP) : NULL;
    return endpoints && service && !service->deleting && !endpoints->deleting &&
           value_count(value_at(service->root, "spec.selector")) == 0 &&
           !object_annotation(endpoints, LEADER) && !(skip && strcmp(skip, "true") == 0);
}

static struct value *endpoint_of(struct arena *a, const struct value *address, bool ready)
{
    static const char *const kept[] = {"hostname", "nodeName", "targetRef"};
    struct value *ep = value_new_object(a);
    (void)value_push_str(a, value_make_array(a, ep, "addresses"),
                         value_str(value_get(address, "ip"), ""));
    (void)value_set_bool(a, value_make_object(a, ep, "conditions"), "ready", ready);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (value_get(address, kept[i]))
            (void)value_set(a, ep, kept[i], value_get(address, kept[i]));
    return ep;
}

static void add_addresses(struct arena *a, struct value *out, const struct value *list, bool v6,
                          bool ready)
{
    VALUE_EACH_ITEM (x, list) {
        bool is_v6 = strchr(value_str(value_get(x, "ip"), ""), ':') != NULL;
        if (is_v6 == v6 && value_count(out) < ADDRESSES_MAX)
            (void)value_push(a, out, endpoint_of(a, x, ready));
    }
}

static struct value *ports_of(struct arena *a, const struct value *subset)
{
    struct value *l = value_new_array(a);
    VALUE_EACH_ITEM (p, value_get(subset, "ports")) {
        struct value *port = value_copy(a, p);
        if (!value_get(port, "name"))
            (void)value_set_str(a, port, "name", "");
        (void)value_push(a, l, port);
    }
    return l;
}

static struct value *labels_of(struct arena *a, const struct object *endpoints)
{
    const struct value *had = value_at(endpoints->root, "metadata.labels");
    struct value *l = had ? value_copy(a, had) : value_new_object(a);
    (void)value_set_str(a, l, SERVICE, endpoints->name);
    (void)value_set_str(a, l, MANAGED_BY, OUR_NAME);
    return l;
}

static struct value *slice_of(struct arena *a, const struct object *endpoints,
                              const struct value *subset, bool v6)
{
    struct value *list = value_new_array(a);
    add_addresses(a, list, value_get(subset, "addresses"), v6, true);
    add_addresses(a, list, value_get(subset, "notReadyAddresses"), v6, false);
    if (value_count(list) == 0)
        return NULL;
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "discovery.k8s.io/v1");
    (void)value_set_str(a, o, "kind", "EndpointSlice");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "generateName", arena_printf(a, "%s-", endpoints->name));
    (void)value_set_str(a, meta, "namespace", endpoints->ns);
    (void)value_set(a, meta, "labels", labels_of(a, endpoints));
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, &RES_ENDPOINTS, endpoints));
    (void)value_set_str(a, o, "addressType", v6 ? "IPv6" : "IPv4");
    (void)value_set(a, o, "endpoints", list);
    (void)value_set(a, o, "ports", ports_of(a, subset));
    return o;
}

static bool says_the_same(const struct object *had, const struct value *want)
{
    static const char *const compared[] = {"addressType", "endpoints", "ports"};
    for (size_t i = 0; i < ARRAY_LEN(compared); i++)
        if (!value_equal(value_get(had->root, compared[i]), value_get(want, compared[i])))
            return false;
    return value_equal(value_at(had->root, "metadata.labels"), value_at(want, "metadata.labels"));
}

/* One subset and family: kept when a slice says it already (used[i]), else made. */
static int mirror(struct controller_ctx *c, const struct object_list *had, bool *used,
                  const struct value *want, struct arena *a, struct err *e)
{
    for (size_t i = 0; i < had->n; i++)
        if (!used[i] && says_the_same(had->items[i], want)) {
            used[i] = true;
            return 0;
        }
    return write_create(c, &RES_ENDPOINT_SLICE, want, a, NULL, e);
}

static struct object_list slices_of(struct controller_ctx *c, const struct key *key,
                                    struct arena *a)
{
    struct object_list l = cache_list(c->cache, &RES_ENDPOINT_SLICE, key->ns, a), out = {0};
    out.items = ARENA_ARRAY(a, const struct object *, l.n + 1);
    for (size_t i = 0; i < l.n; i++) {
        const char *by = object_label(l.items[i], MANAGED_BY);
        const char *of = object_label(l.items[i], SERVICE);
        if (by && of && strcmp(by, OUR_NAME) == 0 && strcmp(of, key->name) == 0 &&
            !cache_is_deleting(c->cache, &RES_ENDPOINT_SLICE, l.items[i]))
            out.items[out.n++] = l.items[i];
    }
    return out;
}

static int endpointmirror_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                               struct err *e)
{
    const struct object *service = cache_get(c->cache, &RES_SERVICE, key->ns, key->name, a);
    const struct object *endpoints = cache_get(c->cache, &RES_ENDPOINTS, key->ns, key->name, a);
    struct object_list had = slices_of(c, key, a);
    bool *used = ARENA_ARRAY(a, bool, had.n + 1);
    int rc = 0;
    const struct value *subsets =
        is_mirrored(service, endpoints) ? value_get(endpoints->root, "subsets") : NULL;
    VALUE_EACH_ITEM (subset, subsets) {
        for (int v6 = 0; v6 < 2 && rc == 0; v6++) {
            struct value *want = slice_of(a, endpoints, subset, v6);
            rc = want ? mirror(c, &had, used, want, a, e) : 0;
        }
    }
    for (size_t i = 0; i < had.n && rc == 0; i++)
        if (!used[i])
            rc = write_delete(c, &RES_ENDPOINT_SLICE, had.items[i], NULL, e);
    return rc;
}

static void of_slice(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    const char *by = object_label(o, MANAGED_BY), *of = object_label(o, SERVICE);
    if (by && of && strcmp(by, OUR_NAME) == 0)
        key_add(s, o->ns, of);
}

static const struct controller_watch WATCHES[] = {
    {&RES_ENDPOINTS,      NULL    },
    {&RES_SERVICE,        NULL    },
    {&RES_ENDPOINT_SLICE, of_slice},
    {NULL,                NULL    },
};

const struct controller endpointmirror_controller = {
    .name = "endpoint-slice-mirroring-controller",
    .watches = WATCHES,
    .sync = endpointmirror_sync,
};
