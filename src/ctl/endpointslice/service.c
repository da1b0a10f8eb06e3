#include "ctl/endpointslice/service.h"

#include <string.h>

#include "api/selector.h"
#include "ctl/pods/pods.h"

bool service_is_selecting(const struct object *service)
{
    return value_count(value_at(service->root, "spec.selector")) > 0 &&
           strcmp(value_at_str(service->root, "spec.type", ""), "ExternalName") != 0;
}

bool service_is_headless(const struct object *service)
{
    return strcmp(value_at_str(service->root, "spec.clusterIP", ""), "None") == 0;
}

bool service_publishes_not_ready(const struct object *service)
{
    return value_at_bool(service->root, "spec.publishNotReadyAddresses", false);
}

static const struct value *container_port(const struct value *containers, const char *name,
                                          const char *protocol)
{
    VALUE_EACH_ITEM (c, containers) {
        VALUE_EACH_ITEM (p, value_get(c, "ports"))
            if (strcmp(value_str(value_get(p, "name"), ""), name) == 0 &&
                strcmp(value_str(value_get(p, "protocol"), "TCP"), protocol) == 0)
                return value_get(p, "containerPort");
    }
    return NULL;
}

int64_t service_target_port(const struct object *pod, const struct value *port)
{
    const struct value *target = value_get(port, "targetPort");
    if (!value_is(target, VALUE_STRING)) {
        int64_t n = value_int(target, 0);
        return n ? n : value_int(value_get(port, "port"), 0);
    }
    const char *name = value_str(target, "");
    const char *protocol = value_str(value_get(port, "protocol"), "TCP");
    const struct value *found =
        container_port(value_at(pod->root, "spec.containers"), name, protocol);
    if (found)
        return value_int(found, 0);
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.initContainers")) { /* sidecars serve too */
        struct value one = {.kind = VALUE_ARRAY, .n = 1, .items = (struct value *)(uintptr_t)c};
        if (strcmp(value_str(value_get(c, "restartPolicy"), ""), "Always") == 0 &&
            (found = container_port(&one, name, protocol)))
            return value_int(found, 0);
    }
    return 0;
}

const char *service_hostname(const struct object *service, const struct object *pod)
{
    const char *host = value_at_str(pod->root, "spec.hostname", "");
    const char *sub = value_at_str(pod->root, "spec.subdomain", "");
    return *host && strcmp(sub, service->name) == 0 ? host : NULL;
}

bool service_may_serve(const struct object *pod)
{
    return !pod_is_finished(pod) && *value_at_str(pod->root, "status.podIP", "");
}

bool service_node_known(const struct service_view *v, const struct object *pod)
{
    const char *node = value_at_str(pod->root, "spec.nodeName", "");
    if (!*node || service_publishes_not_ready(v->service))
        return true;
    for (size_t i = 0; i < v->nodes.n; i++)
        if (strcmp(v->nodes.items[i]->name, node) == 0)
            return true;
    return false;
}

struct value *service_pod_ref(struct arena *a, const struct object *pod)
{
    struct value *ref = value_new_object(a);
    (void)value_set_str(a, ref, "kind", "Pod");
    (void)value_set_str(a, ref, "namespace", pod->ns);
    (void)value_set_str(a, ref, "name", pod->name);
    (void)value_set_str(a, ref, "uid", pod->uid);
    return ref;
}

void keys_of_service(const struct object *pod, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *labels = value_at(pod->root, "metadata.labels");
    struct object_list l = cache_list(c->cache, &RES_SERVICE, pod->ns, a);
    for (size_t i = 0; i < l.n; i++) {
        struct selector sel = selector_from_map(value_at(l.items[i]->root, "spec.selector"), a);
        if (service_is_selecting(l.items[i]) && selector_matches(&sel, labels))
            key_add(s, l.items[i]->ns, l.items[i]->name);
    }
}

void service_observe(struct controller_ctx *c, struct service_view *v, struct arena *a)
{
    struct selector sel = selector_from_map(value_at(v->service->root, "spec.selector"), a);
    struct object_list all = cache_list(c->cache, &RES_POD, v->service->ns, a);
    v->pods = (struct object_list){.items = ARENA_ARRAY(a, const struct object *, all.n + 1)};
    for (size_t i = 0; i < all.n; i++)
        if (selector_matches(&sel, value_at(all.items[i]->root, "metadata.labels")))
            v->pods.items[v->pods.n++] = all.items[i];
    v->nodes = cache_list(c->cache, &RES_NODE, NULL, a);
}
