#include "api/quota.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* ---- usages ---- */

const struct quantity *quota_usage_get(const struct quota_usage *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->items[i].name, name) == 0)
            return &u->items[i].amount;
    return NULL;
}

void quota_usage_add(struct quota_usage *to, const char *name, const struct quantity *amount,
                     struct arena *a)
{
    for (size_t i = 0; i < to->n; i++)
        if (strcmp(to->items[i].name, name) == 0) {
            quantity_add(&to->items[i].amount, amount);
            return;
        }
    to->items =
        arena_grow(a, to->items, to->n * sizeof *to->items, (to->n + 1) * sizeof *to->items);
    to->items[to->n++] = (struct quota_use){name, *amount};
}

static void add_int(struct quota_usage *u, const char *name, int64_t n, struct arena *a)
{
    struct quantity q = quantity_from_int(n, QUANTITY_DECIMAL);
    quota_usage_add(u, name, &q, a);
}

static bool read_quantity(const struct value *v, struct quantity *out)
{
    bool scalar = v && (v->kind == VALUE_STRING || v->kind == VALUE_INT || v->kind == VALUE_FLOAT);
    return scalar && quantity_parse(v->text, out, NULL) == 0;
}

/* ---- pods ---- */

static void add_list(struct quota_usage *u, const struct value *list, struct arena *a)
{
    VALUE_EACH_MEMBER (m, list) {
        struct quantity q;
        if (read_quantity(&m->value, &q))
            quota_usage_add(u, m->key, &q, a);
    }
}

static void raise_to(struct quota_usage *u, const struct quota_usage *least, struct arena *a)
{
    for (size_t i = 0; i < least->n; i++) {
        const struct quantity *has = quota_usage_get(u, least->items[i].name);
        if (!has)
            quota_usage_add(u, least->items[i].name, &least->items[i].amount, a);
        else if (quantity_cmp(has, &least->items[i].amount) < 0)
            *(struct quantity *)(uintptr_t)has = least->items[i].amount;
    }
}

struct quota_usage quota_pod_total(const struct value *pod, const char *what, struct arena *a)
{
    const char *path = arena_printf(a, "resources.%s", what);
    struct quota_usage sum = {0}, sidecars = {0}, peak = {0};
    VALUE_EACH_ITEM (c, value_at(pod, "spec.containers"))
        add_list(&sum, value_at(c, path), a);
    VALUE_EACH_ITEM (c, value_at(pod, "spec.initContainers")) {
        bool sidecar = strcmp(value_str(value_get(c, "restartPolicy"), ""), "Always") == 0;
        if (sidecar) {
            add_list(&sidecars, value_at(c, path), a);
            raise_to(&peak, &sidecars, a);
            continue;
        }
        struct quota_usage one = {0};
        add_list(&one, value_at(c, path), a);
        for (size_t i = 0; i < sidecars.n; i++)
            quota_usage_add(&one, sidecars.items[i].name, &sidecars.items[i].amount, a);
        raise_to(&peak, &one, a);
    }
    for (size_t i = 0; i < sidecars.n; i++)
        quota_usage_add(&sum, sidecars.items[i].name, &sidecars.items[i].amount, a);
    raise_to(&sum, &peak, a);
    add_list(&sum, value_at(pod, "spec.overhead"), a);
    return sum;
}

static bool has_ended(const struct value *pod)
{
    const char *phase = value_at_str(pod, "status.phase", "");
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static bool is_plain(const char *name)
{
    return strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 ||
           strcmp(name, "ephemeral-storage") == 0;
}

static void add_pod(struct quota_usage *u, const struct value *pod, struct arena *a)
{
    if (has_ended(pod))
        return;
    add_int(u, "pods", 1, a);
    struct quota_usage requests = quota_pod_total(pod, "requests", a);
    struct quota_usage limits = quota_pod_total(pod, "limits", a);
    for (size_t i = 0; i < requests.n; i++) {
        const struct quota_use *x = &requests.items[i];
        if (is_plain(x->name))
            quota_usage_add(u, x->name, &x->amount, a);
        quota_usage_add(u, arena_printf(a, "requests.%s", x->name), &x->amount, a);
    }
    for (size_t i = 0; i < limits.n; i++)
        quota_usage_add(u, arena_printf(a, "limits.%s", limits.items[i].name),
                        &limits.items[i].amount, a);
}

/* ---- other kinds ---- */

static void add_service(struct quota_usage *u, const struct value *service, struct arena *a)
{
    const char *type = value_at_str(service, "spec.type", "ClusterIP");
    int64_t ports = (int64_t)value_count(value_at(service, "spec.ports"));
    bool balanced = strcmp(type, "LoadBalancer") == 0;
    bool on_nodes =
        strcmp(type, "NodePort") == 0 ||
        (balanced && value_at_bool(service, "spec.allocateLoadBalancerNodePorts", true));
    add_int(u, "services", 1, a);
    add_int(u, "services.nodeports", on_nodes ? ports : 0, a);
    add_int(u, "services.loadbalancers", balanced, a);
}

static void add_claim(struct quota_usage *u, const struct value *claim, struct arena *a)
{
    const char *class = value_at_str(claim, "spec.storageClassName", "");
    struct quantity q;
    bool sized = read_quantity(value_at(claim, "spec.resources.requests.storage"), &q);
    if (sized) /* parts of a byte count as one */
        q = quantity_from_int(quantity_value(&q), q.format);
    add_int(u, "persistentvolumeclaims", 1, a);
    if (sized)
        quota_usage_add(u, "requests.storage", &q, a);
    if (!*class)
        return;
    add_int(u, arena_printf(a, "%s.storageclass.storage.k8s.io/persistentvolumeclaims", class), 1,
            a);
    if (sized)
        quota_usage_add(
            u, arena_printf(a, "%s.storageclass.storage.k8s.io/requests.storage", class), &q, a);
}

static const struct resource *const COUNTED[] = {&RES_CONFIG_MAP, &RES_SECRET,
                                                 &RES_REPLICATION_CONTROLLER, &RES_RESOURCE_QUOTA};

struct quota_usage quota_usage_of(const struct resource *r, const struct value *obj,
                                  struct arena *a)
{
    struct quota_usage u = {0};
    add_int(&u, arena_printf(a, *r->group ? "count/%s.%s" : "count/%s", r->plural, r->group), 1, a);
    if (r == &RES_POD)
        add_pod(&u, obj, a);
    else if (r == &RES_SERVICE)
        add_service(&u, obj, a);
    else if (r == &RES_PERSISTENT_VOLUME_CLAIM)
        add_claim(&u, obj, a);
    for (size_t i = 0; i < sizeof COUNTED / sizeof COUNTED[0]; i++)
        if (r == COUNTED[i])
            add_int(&u, r->plural, 1, a);
    return u;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

const struct resource *quota_resource(const char *name)
{
    if (strncmp(name, "count/", 6) == 0) {
        const char *dot = strchr(name + 6, '.');
        size_t n = dot ? (size_t)(dot - name) - 6 : strlen(name + 6);
        for (size_t i = 0; RESOURCES[i]; i++)
            if (strlen(RESOURCES[i]->plural) == n &&
                strncmp(RESOURCES[i]->plural, name + 6, n) == 0 &&
                strcmp(RESOURCES[i]->group, dot ? dot + 1 : "") == 0)
                return RESOURCES[i];
        return NULL;
    }
    for (size_t i = 0; i < sizeof COUNTED / sizeof COUNTED[0]; i++)
        if (strcmp(name, COUNTED[i]->plural) == 0)
            return COUNTED[i];
    if (strncmp(name, "services", 8) == 0)
        return &RES_SERVICE;
    if (ends_with(name, "persistentvolumeclaims") || ends_with(name, "requests.storage"))
        return &RES_PERSISTENT_VOLUME_CLAIM;
    return &RES_POD;
}

/* ---- scopes ---- */

static bool is_best_effort(const struct value *pod)
{
    static const char *const lists[] = {"spec.containers", "spec.initContainers"};
    for (size_t i = 0; i < 2; i++) {
        VALUE_EACH_ITEM (c, value_at(pod, lists[i]))
            if (value_count(value_at(c, "resources.requests")) ||
                value_count(value_at(c, "resources.limits")))
                return false;
    }
    return true;
}

static bool reaches_elsewhere(const struct value *terms)
{
    VALUE_EACH_ITEM (t, terms) {
        const struct value *x = value_get(t, "podAffinityTerm");
        x = x ? x : t;
        if (value_count(value_get(x, "namespaces")) || value_get(x, "namespaceSelector"))
            return true;
    }
    return false;
}

static bool has_far_affinity(const struct value *pod)
{
    static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
    const struct value *affinity = value_at(pod, "spec.affinity");
    for (size_t i = 0; i < 2; i++) {
        const struct value *k = value_get(affinity, kinds[i]);
        if (reaches_elsewhere(value_get(k, "requiredDuringSchedulingIgnoredDuringExecution")) ||
            reaches_elsewhere(value_get(k, "preferredDuringSchedulingIgnoredDuringExecution")))
            return true;
    }
    return false;
}

static bool one_of(const struct value *values, const char *text)
{
    VALUE_EACH_ITEM (v, values)
        if (strcmp(value_str(v, ""), text) == 0)
            return true;
    return false;
}

static bool scope_takes(const char *scope, const char *op, const struct value *values,
                        const struct value *pod)
{
    bool ends = value_at(pod, "spec.activeDeadlineSeconds") != NULL;
    if (strcmp(scope, "Terminating") == 0)
        return ends;
    if (strcmp(scope, "NotTerminating") == 0)
        return !ends;
    if (strcmp(scope, "BestEffort") == 0)
        return is_best_effort(pod);
    if (strcmp(scope, "NotBestEffort") == 0)
        return !is_best_effort(pod);
    if (strcmp(scope, "CrossNamespacePodAffinity") == 0)
        return has_far_affinity(pod);
    const char *class = value_at_str(pod, "spec.priorityClassName", "");
    if (strcmp(op, "DoesNotExist") == 0)
        return !*class;
    if (strcmp(op, "NotIn") == 0)
        return !one_of(values, class);
    return *class && (strcmp(op, "Exists") == 0 || one_of(values, class));
}

bool quota_selects(const struct value *quota, const struct resource *r, const struct value *obj)
{
    const struct value *scopes = value_at(quota, "spec.scopes");
    const struct value *selector = value_at(quota, "spec.scopeSelector.matchExpressions");
    if (r != &RES_POD)
        return value_count(scopes) == 0 && value_count(selector) == 0;
    VALUE_EACH_ITEM (s, scopes)
        if (!scope_takes(value_str(s, ""), "Exists", NULL, obj))
            return false;
    VALUE_EACH_ITEM (x, selector)
        if (!scope_takes(value_str(value_get(x, "scopeName"), ""),
                         value_str(value_get(x, "operator"), "Exists"), value_get(x, "values"),
                         obj))
            return false;
    return true;
}

/* ---- what must be said ---- */

static bool says(const struct value *container, const char *name)
{
    static const char *const kinds[] = {"requests.", "limits."};
    static const char *const paths[] = {"resources.requests", "resources.limits"};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            return value_get(value_at(container, paths[i]), name + strlen(kinds[i])) != NULL;
    return value_get(value_at(container, paths[0]), name) != NULL;
}

static bool is_compute(const char *name)
{
    const char *plain = strncmp(name, "requests.", 9) == 0 ? name + 9
                        : strncmp(name, "limits.", 7) == 0 ? name + 7
                                                           : name;
    return strcmp(plain, "cpu") == 0 || strcmp(plain, "memory") == 0;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void silent_containers(const struct value *containers, const char *name, struct buf *out)
{
    VALUE_EACH_ITEM (c, containers)
        if (!says(c, name))
            buf_printf(out, "%s%s", out->len ? "," : "", value_str(value_get(c, "name"), ""));
}

const char *quota_missing(const struct value *quota, const struct value *pod, struct arena *a)
{
    const struct value *hard = value_at(quota, "spec.hard");
    const char **names = ARENA_ARRAY(a, const char *, value_count(hard) + 1);
    size_t n = 0;
    VALUE_EACH_MEMBER (m, hard)
        if (is_compute(m->key))
            names[n++] = m->key;
    qsort(names, n, sizeof *names, by_text);
    AUTO_BUF struct buf all;
    buf_init(&all, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        AUTO_BUF struct buf who;
        buf_init(&who, 1 << 14);
        silent_containers(value_at(pod, "spec.containers"), names[i], &who);
        silent_containers(value_at(pod, "spec.initContainers"), names[i], &who);
        if (who.len)
            buf_printf(&all, "%s%s for: %s", all.len ? "; " : "", names[i], buf_text(&who));
    }
    return all.len ? arena_strdup(a, buf_text(&all)) : NULL;
}

const char *quota_text(const struct quota_usage *u, const char *const *names, size_t n,
                       struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        char text[QUANTITY_TEXT_MAX] = "0";
        const struct quantity *q = quota_usage_get(u, names[i]);
        if (q)
            quantity_print(q, text);
        buf_printf(&b, "%s%s=%s", i ? "," : "", names[i], text);
    }
    return arena_strdup(a, buf_text(&b));
}
