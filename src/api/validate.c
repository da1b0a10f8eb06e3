#include <string.h>

#include "api/crd_int.h"
#include "api/selector.h"
#include "api/validate_int.h"

static int by_key(const void *x, const void *y)
{
    const struct member *const *a = x, *const *b = y;
    return strcmp((*a)->key, (*b)->key);
}

const char *validate__go_string_map(const struct value *m, struct arena *a)
{
    const char *text = "map[string]string{";
    if (!value_count(m))
        return "map[string]string(nil)";
    const struct member **order = ARENA_ARRAY(a, const struct member *, m->n);
    for (size_t i = 0; i < m->n; i++)
        order[i] = &m->members[i];
    qsort(order, m->n, sizeof(void *), by_key);
    for (size_t i = 0; i < m->n; i++)
        text = arena_printf(a, "%s%s\"%s\":\"%s\"", text, i ? ", " : "", order[i]->key,
                            value_str(&order[i]->value, ""));
    return arena_printf(a, "%s}", text);
}

/* ---- metadata ---- */

void validate__meta_labels(struct field_errors *l, const char *at, const struct value *labels)
{
    VALUE_EACH_MEMBER (m, labels) {
        name_errors(l, at, m->key, name__qualified(m->key, l->arena));
        name_errors(l, at, value_str(&m->value, ""),
                    name__label_value(value_str(&m->value, ""), l->arena));
    }
}

static void check_annotations(struct field_errors *l, const struct value *notes)
{
    size_t total = 0;
    VALUE_EACH_MEMBER (m, notes) {
        char *lower = arena_strdup(l->arena, m->key);
        for (char *p = lower; *p; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p + 32);
        name_errors(l, "metadata.annotations", m->key, name__qualified(lower, l->arena));
        total += m->key_len + value_count(&m->value);
    }
    if (total > 262144)
        field_errors_add(l, FIELD_TOO_LONG, "metadata.annotations", NULL,
                         "may not be more than 262144 bytes");
}

static void check_owners(struct field_errors *l, const struct value *owners)
{
    size_t i = 0;
    const char *controller = NULL;
    VALUE_EACH_ITEM (o, owners) {
        const char *at = path(l, "metadata.ownerReferences[%zu]", i++);
        static const char *const fields[] = {"apiVersion", "kind", "name", "uid"};
        for (size_t f = 0; f < 4; f++)
            if (!*str(o, fields[f]))
                bad_str(l, path(l, "%s.%s", at, fields[f]), "",
                        f == 0 ? "version must not be empty"
                               : path(l, "%s must not be empty", fields[f]));
        if (!value_bool(value_get(o, "controller"), false))
            continue;
        if (controller)
            bad_str(l, "metadata.ownerReferences", path(l, "%s", str(o, "name")),
                    path(l,
                         "Only one reference can have Controller set to true. Found "
                         "\"true\" in references for %s and %s",
                         controller, str(o, "name")));
        controller = str(o, "name");
    }
}

/* Those of metadata; only Kubernetes' own kinds ask for a domain in front. */
static void check_meta_finalizers(struct field_errors *l, const struct value *meta, bool custom)
{
    static const char *const known[] = {"orphan", "foregroundDeletion", "kubernetes"};
    const struct value *list = value_get(meta, "finalizers");
    bool seen[3] = {false};
    VALUE_EACH_ITEM (f, list) {
        const char *name = value_str(f, "");
        name_errors(l, "metadata.finalizers", name, name__qualified(name, l->arena));
        for (size_t i = 0; i < 3; i++)
            seen[i] |= is(known[i], name);
    }
    if (seen[0] && seen[1])
        bad(l, "metadata.finalizers", list,
            "finalizer orphan and foregroundDeletion cannot be both set");
    for (size_t i = 0; !custom && i < value_count(list); i++) {
        const char *name = value_str(&list->items[i], "");
        bool fine = strchr(name, '/') != NULL;
        for (size_t k = 0; k < 3; k++)
            fine |= is(known[k], name);
        if (!fine)
            bad_str(l, path(l, "metadata.finalizers[%zu]", i), name,
                    "name is neither a standard finalizer name nor is it fully qualified");
    }
}

static void check_finalizers(struct field_errors *l, const char *at, const struct value *list)
{
    static const char *const known[] = {"orphan", "foregroundDeletion", "kubernetes"};
    size_t i = 0;
    VALUE_EACH_ITEM (f, list) {
        const char *name = value_str(f, ""), *where = path(l, "%s[%zu]", at, i++);
        bool standard = false;
        for (size_t k = 0; k < 3; k++)
            standard |= is(name, known[k]);
        name_errors(l, where, name, name__qualified(name, l->arena));
        if (!standard && !strchr(name, '/'))
            bad_str(l, where, name,
                    "name is neither a standard finalizer name nor is it fully qualified");
    }
}

static struct name_errors kind_name(const struct kind *k, const char *name, struct arena *a)
{
    const struct resource *r = k->resource;
    if (r == &RES_SERVICE)
        return name__dns1035_label(name, a);
    if (r == &RES_NAMESPACE || r == &RES_STATEFUL_SET)
        return name__dns1123_label(name, a);
    if (is(r->group, RES_ROLE.group) && !k->crd)
        return name__path_segment(name, a);
    if (r == &RES_API_SERVICE)
        return name__path_segment(name, a);
    return name__dns1123_subdomain(name, a);
}

const char *admit_name_error(const struct resource *r, const char *name, struct arena *a)
{
    struct kind k = {.resource = r};
    struct name_errors n = kind_name(&k, name, a);
    return n.n ? n.text[0] : NULL;
}

static void check_meta(const struct kind *k, const struct value *obj, struct field_errors *l)
{
    const struct value *meta = value_get(obj, "metadata");
    const char *name = str(meta, "name"), *base = str(meta, "generateName");
    if (*base) {
        char *masked = arena_strdup(l->arena, base);
        size_t n = strlen(masked);
        if (masked[n - 1] == '-' && n > 1)
            masked[n - 1] = 'a';
        name_errors(l, "metadata.generateName", base, kind_name(k, masked, l->arena));
    }
    if (!*name)
        required(l, "metadata.name", "name or generateName is required");
    else
        name_errors(l, "metadata.name", name, kind_name(k, name, l->arena));
    if (k->resource->namespaced && !*str(meta, "namespace"))
        required(l, "metadata.namespace", NULL);
    else if (k->resource->namespaced)
        name_errors(l, "metadata.namespace", str(meta, "namespace"),
                    name__dns1123_label(str(meta, "namespace"), l->arena));
    else if (*str(meta, "namespace"))
        forbidden(l, "metadata.namespace", "not allowed on this type");
    validate__meta_labels(l, "metadata.labels", value_get(meta, "labels"));
    check_annotations(l, value_get(meta, "annotations"));
    check_owners(l, value_get(meta, "ownerReferences"));
    check_meta_finalizers(l, meta, k->crd);
}

static void check_new_finalizers(const struct value *now, const struct value *old,
                                 struct field_errors *l)
{
    const char *added = "";
    VALUE_EACH_ITEM (f, value_get(now, "finalizers")) {
        bool had = false;
        VALUE_EACH_ITEM (o, value_get(old, "finalizers"))
            had |= value_equal(f, o);
        if (!had)
            added = path(l, "%s%s\"%s\"", added, *added ? ", " : "", value_str(f, ""));
    }
    if (*added)
        forbidden(l, "metadata.finalizers",
                  path(l,
                       "no new finalizers can be added if the object is being deleted, found "
                       "new finalizers []string{%s}",
                       added));
}

static void check_meta_update(const struct kind *k, const struct value *obj,
                              const struct value *old, struct field_errors *l)
{
    static const char *const fixed[] = {"metadata.name", "metadata.namespace", "metadata.uid",
                                        "metadata.deletionTimestamp",
                                        "metadata.deletionGracePeriodSeconds"};
    const struct value *now = value_get(obj, "metadata"), *was = value_get(old, "metadata");
    (void)k;
    if (has(was, "deletionTimestamp"))
        check_new_finalizers(now, was, l);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        const char *key = fixed[i] + sizeof "metadata";
        if (has(now, key) || has(was, key))
            immutable(l, fixed[i], value_get(now, key), value_get(was, key));
    }
    validate__meta_labels(l, "metadata.labels", value_get(now, "labels"));
    check_annotations(l, value_get(now, "annotations"));
    check_owners(l, value_get(now, "ownerReferences"));
    check_meta_finalizers(l, now, true);
}

/* ---- selectors ---- */

static void check_expression(struct field_errors *l, const char *at, const struct value *x)
{
    const char *op = str(x, "operator"), *key = str(x, "key");
    size_t n = value_count(value_get(x, "values"));
    if (is(op, "In") || is(op, "NotIn")) {
        if (!n)
            required(l, path(l, "%s.values", at),
                     "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (is(op, "Exists") || is(op, "DoesNotExist")) {
        if (n)
            forbidden(l, path(l, "%s.values", at),
                      "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else {
        bad_str(l, path(l, "%s.operator", at), op, "not a valid selector operator");
    }
    name_errors(l, path(l, "%s.key", at), key, name__qualified(key, l->arena));
    size_t i = 0;
    VALUE_EACH_ITEM (v, value_get(x, "values"))
        name_errors(l, path(l, "%s.values[%zu]", at, i++), value_str(v, ""),
                    name__label_value(value_str(v, ""), l->arena));
}

void validate__label_selector(struct field_errors *l, const char *at, const struct value *s,
                              bool empty_forbidden)
{
    size_t i = 0;
    (void)empty_forbidden;
    if (!value_is(s, VALUE_OBJECT))
        return;
    validate__meta_labels(l, path(l, "%s.matchLabels", at), value_get(s, "matchLabels"));
    VALUE_EACH_ITEM (x, value_get(s, "matchExpressions"))
        check_expression(l, path(l, "%s.matchExpressions[%zu]", at, i++), x);
}

bool validate__selector_fits(const struct value *selector, const struct value *labels,
                             struct arena *a)
{
    struct selector s;
    if (selector_from_value(selector, a, &s, NULL) < 0)
        return true; /* said elsewhere */
    return selector_matches(&s, labels);
}

/* ---- which kind has which checks ---- */

static const struct {
    const struct resource *resource;
    validate_fn *create;
    validate_update_fn *update, *status;
    bool recheck; /* the checks of a creation hold for an update, too */
} CHECKS[] = {
    {&RES_POD,                          validate_pod,                  validate__update_pod,                 NULL,                              false},
    {&RES_POD_TEMPLATE,                 validate_pod_template,         NULL,                                 NULL,                              true },
    {&RES_DEPLOYMENT,                   validate_deployment,           validate__update_deployment,          NULL,                              true },
    {&RES_REPLICA_SET,                  validate_replica_set,          validate__update_replica_set,         NULL,                              true },
    {&RES_STATEFUL_SET,                 validate_stateful_set,         validate__update_stateful_set,        NULL,                              true },
    {&RES_DAEMON_SET,                   validate_daemon_set,           validate__update_daemon_set,          NULL,                              true },
    {&RES_REPLICATION_CONTROLLER,       validate_replication,          NULL,                                 NULL,                              true },
    {&RES_JOB,                          validate_job,                  validate__update_job,                 validate__update_job_status,       true },
    {&RES_CRON_JOB,                     validate_cron_job,             NULL,                                 NULL,                              true },
    {&RES_CONFIG_MAP,                   validate_config_map,           validate__update_config_map,          NULL,                              true },
    {&RES_SECRET,                       validate_secret,               validate__update_secret,              NULL,                              true },
    {&RES_SERVICE,                      validate_service,              validate__update_service,             validate__update_service_status,
     true                                                                                                                                            },
    {&RES_ENDPOINTS,                    validate_endpoints,            NULL,                                 NULL,                              true },
    {&RES_NODE,                         validate_node,                 validate__update_node,                NULL,                              true },
    {&RES_NAMESPACE,                    validate_namespace,            NULL,                                 validate__update_namespace_status, true },
    {&RES_LIMIT_RANGE,                  validate_limit_range,          NULL,                                 NULL,                              true },
    {&RES_RESOURCE_QUOTA,               validate_resource_quota,       NULL,                                 NULL,                              true },
    {&RES_PERSISTENT_VOLUME,            validate_volume,               validate__update_volume,              NULL,                              true },
    {&RES_PERSISTENT_VOLUME_CLAIM,      validate_claim,                validate__update_claim,               NULL,                              true },
    {&RES_EVENT,                        validate_event,                NULL,                                 NULL,                              true },
    {&RES_EVENT_EVENTS,                 validate_event,                NULL,                                 NULL,                              true },
    {&RES_ENDPOINT_SLICE,               validate_endpoint_slice,       validate__update_endpoint_slice,      NULL,                              true },
    {&RES_INGRESS,                      validate_ingress,              NULL,                                 validate__update_ingress_status,   true },
    {&RES_INGRESS_CLASS,                validate_ingress_class,        validate__update_ingress_class,       NULL,                              true },
    {&RES_NETWORK_POLICY,               validate_network_policy,       NULL,                                 NULL,                              true },
    {&RES_ROLE,                         validate_role,                 NULL,                                 NULL,                              true },
    {&RES_CLUSTER_ROLE,                 validate_cluster_role,         NULL,                                 NULL,                              true },
    {&RES_ROLE_BINDING,                 validate_role_binding,         validate__update_role_binding,        NULL,                              true },
    {&RES_CLUSTER_ROLE_BINDING,         validate_cluster_role_binding, validate__update_role_binding,        NULL,
     true                                                                                                                                            },
    {&RES_LEASE,                        validate_lease,                NULL,                                 NULL,                              true },
    {&RES_STORAGE_CLASS,                validate_storage_class,        validate__update_storage_class,       NULL,                              true },
    {&RES_CSI_DRIVER,                   validate_csi_driver,           NULL,                                 NULL,                              true },
    {&RES_CSI_NODE,                     validate_csi_node,             NULL,                                 NULL,                              true },
    {&RES_CSI_STORAGE_CAPACITY,         validate_storage_capacity,     NULL,                                 NULL,                              true },
    {&RES_VOLUME_ATTACHMENT,            validate_volume_attachment,    validate__update_volume_attachment,   NULL,
     true                                                                                                                                            },
    {&RES_VALIDATING_WEBHOOKS,          validate_webhooks,             NULL,                                 NULL,                              true },
    {&RES_MUTATING_WEBHOOKS,            validate_webhooks,             NULL,                                 NULL,                              true },
    {&RES_POD_DISRUPTION_BUDGET,        validate_disruption_budget,    NULL,                                 NULL,                              true },
    {&RES_HORIZONTAL_POD_AUTOSCALER,    validate_autoscaler,           NULL,                                 NULL,                              true },
    {&RES_HORIZONTAL_POD_AUTOSCALER_V1, validate_autoscaler_v1,        NULL,                                 NULL,                              true },
    {&RES_PRIORITY_CLASS,               validate_priority_class,       validate__update_priority_class,      NULL,                              true },
    {&RES_RUNTIME_CLASS,                validate_runtime_class,        validate__update_runtime_class,       NULL,                              true },
    {&RES_CONTROLLER_REVISION,          validate_controller_revision,  validate__update_controller_revision,
     NULL,                                                                                                                                      true },
    {&RES_TOKEN_REQUEST,                validate_token_request,        NULL,                                 NULL,                              true },
};

static void check_kind(const struct kind *k, const struct value *obj, const struct value *old,
                       bool status, struct field_errors *l)
{
    for (size_t i = 0; i < ARRAY_LEN(CHECKS); i++) {
        if (CHECKS[i].resource != k->resource)
            continue;
        if (status) {
            if (CHECKS[i].status)
                CHECKS[i].status(obj, old, l);
            return;
        }
        /* data says first that it is frozen, workloads what is wrong with the new spec */
        bool frozen_first = k->resource == &RES_CONFIG_MAP || k->resource == &RES_SECRET ||
                            k->resource == &RES_STATEFUL_SET;
        if (old && CHECKS[i].update && frozen_first)
            CHECKS[i].update(obj, old, l);
        if (CHECKS[i].create && (!old || CHECKS[i].recheck))
            CHECKS[i].create(obj, l);
        if (old && CHECKS[i].update && !frozen_first)
            CHECKS[i].update(obj, old, l);
        return;
    }
}

/* ---- custom resources ---- */

static void check_type_meta(const struct kind *k, const struct value *obj, struct field_errors *l)
{
    const char *version = resource_api_version(k->resource, l->arena);
    if (!is(str(obj, "kind"), k->resource->kind))
        bad_str(l, "kind", str(obj, "kind"), path(l, "must be %s", k->resource->kind));
    if (!is(str(obj, "apiVersion"), version))
        bad_str(l, "apiVersion", str(obj, "apiVersion"), path(l, "must be %s", version));
}

static void check_scale(const struct kind *k, const struct value *obj, struct field_errors *l)
{
    if (!k->crd->scale_spec)
        return;
    const struct value *n = value_at(obj, k->crd->scale_spec + 1);
    if (n && value_int(n, 0) < 0)
        bad(l, k->crd->scale_spec, n, "should be a non-negative integer");
}

static void check_custom(const struct kind *k, const struct value *obj, const struct value *old,
                         bool status, struct field_errors *l)
{
    const struct value *node = k->crd->open_api, *v = obj, *was = old;
    const char *at = "";
    check_type_meta(k, obj, l);
    if (!node)
        return;
    if (status) {
        const struct value *s = value_get(value_get(node, "properties"), "status");
        struct field_errors below;
        field_errors_init(&below, l->arena);
        if (s && value_get(obj, "status"))
            crd__validate(s, value_get(obj, "status"), "", &below);
        for (size_t i = 0; i < below.n; i++) { /* upstream's sentences leave "status." out */
            struct field_error e = below.items[i];
            e.field = path(l, "status%s%s", *e.field ? "." : "", e.field);
            field_errors_keep(l, &e);
        }
    } else {
        crd__validate(node, v, at, l);
    }
    crd__validate_embedded(node, obj, "", l);
    if (!status)
        check_scale(k, obj, l);
    crd__validate_lists(node, obj, "", l);
    if (l->n == 0)
        crd__validate_rules(node, obj, was, "", l);
}

void admit_validate_create(const struct kind *k, const struct value *obj, struct field_errors *l)
{
    if (k->resource == &RES_CRD) {
        crd__check(obj, NULL, l);
        return;
    }
    check_meta(k, obj, l);
    if (k->crd)
        check_custom(k, obj, NULL, false, l);
    else
        check_kind(k, obj, NULL, false, l);
}

void admit_validate_update(const struct kind *k, const char *sub, const struct value *obj,
                           const struct value *old, struct field_errors *l)
{
    bool status = sub && is(sub, "status");
    check_meta_update(k, obj, old, l);
    check_meta_update(k, obj, old, l); /* upstream asks twice, and both answers are causes */
    if (k->resource == &RES_CONFIG_MAP || k->resource == &RES_SECRET) /* … or four times */
        for (int i = 0; i < 2; i++) {
            validate__meta_labels(l, "metadata.labels", value_at(obj, "metadata.labels"));
            check_annotations(l, value_at(obj, "metadata.annotations"));
        }
    if (k->crd)
        check_custom(k, obj, old, status, l);
    else if (k->resource == &RES_CRD) {
        if (!status)
            crd__check(obj, old, l);
    } else if (sub && is(sub, "finalize")) {
        check_finalizers(l, "spec.finalizers", value_at(obj, "spec.finalizers"));
    } else {
        check_kind(k, obj, old, status, l);
    }
}
