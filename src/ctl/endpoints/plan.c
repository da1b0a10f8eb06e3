#include "ctl/endpoints/plan.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "ctl/pods/pods.h"

enum { ADDRESSES_MAX = 1000 };

static struct value *ports_of(const struct service_view *v, const struct object *pod,
                              struct arena *a)
{
    struct value *l = value_new_array(a);
    VALUE_EACH_ITEM (sp, value_at(v->service->root, "spec.ports")) {
        int64_t n = service_target_port(pod, sp);
        if (n == 0)
            continue;
        struct value *port = value_new_object(a);
        const char *name = value_str(value_get(sp, "name"), "");
        if (*name)
            (void)value_set_str(a, port, "name", name);
        (void)value_set_int(a, port, "port", n);
        (void)value_set_str(a, port, "protocol", value_str(value_get(sp, "protocol"), "TCP"));
        if (value_get(sp, "appProtocol"))
            (void)value_set(a, port, "appProtocol", value_get(sp, "appProtocol"));
        (void)value_push(a, l, port);
    }
    return l;
}

static struct value *address_of(const struct service_view *v, const struct object *pod,
                                struct arena *a)
{
    struct value *x = value_new_object(a);
    (void)value_set_str(a, x, "ip", value_at_str(pod->root, "status.podIP", ""));
    const char *host = service_hostname(v->service, pod);
    if (host)
        (void)value_set_str(a, x, "hostname", host);
    const char *node = value_at_str(pod->root, "spec.nodeName", "");
    if (*node)
        (void)value_set_str(a, x, "nodeName", node);
    (void)value_set(a, x, "targetRef", service_pod_ref(a, pod));
    return x;
}

static struct value *subset_of(struct value *subsets, const struct value *ports, struct arena *a)
{
    for (size_t i = 0; i < value_count(subsets); i++)
        if (value_equal(value_get(&subsets->items[i], "ports"), ports))
            return &subsets->items[i];
    struct value *s = value_push(a, subsets, value_new_object(a));
    (void)value_set(a, s, "ports", ports);
    return s;
}

static int by_ip(const void *px, const void *py)
{
    const char *x = value_str(value_get(px, "ip"), ""), *y = value_str(value_get(py, "ip"), "");
    int d = strcmp(x, y);
    return d ? d
             : strcmp(value_at_str(px, "targetRef.uid", ""), value_at_str(py, "targetRef.uid", ""));
}

struct value *endpoints_subsets(const struct service_view *v, struct arena *a)
{
    bool all = service_publishes_not_ready(v->service);
    struct value *subsets = value_new_array(a);
    size_t n = 0;
    for (size_t i = 0; i < v->pods.n && n < ADDRESSES_MAX; i++) {
        const struct object *p = v->pods.items[i];
        if (!service_may_serve(p) || (p->deleting && !all))
            continue;
        struct value *ports = ports_of(v, p, a);
        if (!value_count(ports) && !service_is_headless(v->service))
            continue;
        const char *list = all || pod_is_ready(p) ? "addresses" : "notReadyAddresses";
        struct value *s = subset_of(subsets, ports, a);
        (void)value_push(a, value_make_array(a, s, list), address_of(v, p, a));
        n++;
    }
    for (size_t i = 0; i < value_count(subsets); i++) {
        struct value *s = &subsets->items[i], *l;
        if ((l = value_get_mut(s, "addresses")))
            qsort(l->items, l->n, sizeof *l->items, by_ip);
        if ((l = value_get_mut(s, "notReadyAddresses")))
            qsort(l->items, l->n, sizeof *l->items, by_ip);
        if (value_count(value_get(s, "ports")) == 0)
            (void)value_remove(s, "ports");
    }
    return value_count(subsets) ? subsets : NULL;
}

struct value *endpoints_labels(const struct service_view *v, struct arena *a)
{
    const struct value *of = value_at(v->service->root, "metadata.labels");
    struct value *l = of ? value_copy(a, of) : value_new_object(a);
    (void)value_remove(l, "service.kubernetes.io/headless");
    if (service_is_headless(v->service))
        (void)value_set_str(a, l, "service.kubernetes.io/headless", "");
    (void)value_set_str(a, l, "endpoints.kubernetes.io/managed-by", "endpoint-controller");
    return l;
}
