#include "api/table.h"

#include <string.h>

#include "api/quantity.h"
#include "api/selector.h"
#include "api/table_int.h"
#include "base/clock.h"

/* ---- cells ---- */

void row__text(struct row *r, const char *text)
{
    (void)value_push_str(r->a, r->cells, text);
}

void row__or_none(struct row *r, const char *text)
{
    row__text(r, *text ? text : "<none>");
}

void row__int(struct row *r, int64_t n)
{
    (void)value_push(r->a, r->cells, value_new_int(r->a, n));
}

const char *table_age(int64_t ms, struct arena *a)
{
    long long s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;
    if (s < -1)
        return "<invalid>";
    if (s < 0)
        return "0s";
    if (s < 120)
        return arena_printf(a, "%llds", s);
    if (m < 10)
        return s % 60 ? arena_printf(a, "%lldm%llds", m, s % 60) : arena_printf(a, "%lldm", m);
    if (m < 180)
        return arena_printf(a, "%lldm", m);
    if (h < 8)
        return m % 60 ? arena_printf(a, "%lldh%lldm", h, m % 60) : arena_printf(a, "%lldh", h);
    if (h < 48)
        return arena_printf(a, "%lldh", h);
    if (h < 192)
        return h % 24 ? arena_printf(a, "%lldd%lldh", d, h % 24) : arena_printf(a, "%lldd", d);
    if (d < 730)
        return arena_printf(a, "%lldd", d);
    if (d < 2920)
        return d % 365 ? arena_printf(a, "%lldy%lldd", d / 365, d % 365)
                       : arena_printf(a, "%lldy", d / 365);
    return arena_printf(a, "%lldy", d / 365);
}

const char *row__since(struct row *r, const struct value *time)
{
    int64_t ns;
    if (!value_is(time, VALUE_STRING) || clock_parse_rfc3339(time->text, &ns, NULL) < 0)
        return "<unknown>";
    return table_age(r->now_ms - ns / 1000000, r->a);
}

void row__age(struct row *r, const struct value *time)
{
    row__text(r, row__since(r, time));
}

void row__images(struct row *r, const struct value *pod_spec)
{
    const char *names = "", *images = "";
    VALUE_EACH_ITEM (c, value_get(pod_spec, "containers")) {
        names = arena_printf(r->a, "%s%s%s", names, *names ? "," : "", str(c, "name"));
        images = arena_printf(r->a, "%s%s%s", images, *images ? "," : "", str(c, "image"));
    }
    row__text(r, names);
    row__text(r, images);
}

const char *row__selector(struct row *r, const struct value *label_selector)
{
    struct selector s;
    if (!label_selector || selector_from_value(label_selector, r->a, &s, NULL) < 0)
        return "<none>";
    const char *text = selector_text(&s, r->a);
    return *text ? text : "<none>";
}

const char *row__labels(struct row *r, const struct value *map)
{
    struct selector s = selector_from_map(map, r->a);
    const char *text = selector_text(&s, r->a);
    return *text ? text : "<none>";
}

static void age(struct row *r, const struct value *o)
{
    row__age(r, value_at(o, "metadata.creationTimestamp"));
}

/* ---- small kinds ---- */

static void config_map(struct row *r, const struct value *o)
{
    row__int(
        r, (int64_t)(value_count(value_get(o, "data")) + value_count(value_get(o, "binaryData"))));
    age(r, o);
}

static void secret(struct row *r, const struct value *o)
{
    row__text(r, str(o, "type"));
    row__int(r, (int64_t)value_count(value_get(o, "data")));
    age(r, o);
}

static void created_at(struct row *r, const struct value *o)
{
    row__text(r, value_at_str(o, "metadata.creationTimestamp", ""));
}

static void namespace_(struct row *r, const struct value *o)
{
    row__text(r, value_at_str(o, "status.phase", ""));
    age(r, o);
}

static void service_account(struct row *r, const struct value *o)
{
    row__int(r, (int64_t)value_count(value_get(o, "secrets")));
    age(r, o);
}

static void only_age(struct row *r, const struct value *o)
{
    age(r, o);
}

static const char *subjects(struct row *r, const struct value *o, const char *kind)
{
    const char *text = "";
    bool account = is(kind, "ServiceAccount");
    VALUE_EACH_ITEM (s, value_get(o, "subjects"))
        if (is(str(s, "kind"), kind))
            text = arena_printf(r->a, "%s%s%s%s%s", text, *text ? ", " : "",
                                account ? str(s, "namespace") : "", account ? "/" : "",
                                str(s, "name"));
    return text;
}

static void binding(struct row *r, const struct value *o)
{
    row__text(r, arena_printf(r->a, "%s/%s", value_at_str(o, "roleRef.kind", ""),
                              value_at_str(o, "roleRef.name", "")));
    age(r, o);
    row__text(r, subjects(r, o, "User"));
    row__text(r, subjects(r, o, "Group"));
    row__text(r, subjects(r, o, "ServiceAccount"));
}

static void revision(struct row *r, const struct value *o)
{
    const char *owner = "<none>";
    VALUE_EACH_ITEM (ref, value_at(o, "metadata.ownerReferences"))
        if (value_bool(value_get(ref, "controller"), false)) {
            const char *version = str(ref, "apiVersion"), *slash = strchr(version, '/');
            char *kind = arena_strdup(r->a, str(ref, "kind"));
            for (char *p = kind; *p; p++)
                *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
            owner = arena_printf(r->a, "%s%s%.*s/%s", kind, slash ? "." : "",
                                 slash ? (int)(slash - version) : 0, version, str(ref, "name"));
        }
    row__text(r, owner);
    row__int(r, value_int(value_get(o, "revision"), 0));
    age(r, o);
}

/* At most three, and how many more there are. */
static const char *first_three(struct row *r, const char *text, size_t n)
{
    return n > 3 ? arena_printf(r->a, "%s + %zu more...", text, n - 3) : *text ? text : "<unset>";
}

static void endpoint_slice(struct row *r, const struct value *o)
{
    const char *ports = "", *addresses = "";
    size_t n = 0, m = 0;
    row__text(r, str(o, "addressType"));
    VALUE_EACH_ITEM (p, value_get(o, "ports")) {
        const char *one = "*";
        if (has(p, "port"))
            one = arena_printf(r->a, "%lld", (long long)value_int(value_get(p, "port"), 0));
        else if (*str(p, "name"))
            one = str(p, "name");
        if (n++ < 3)
            ports = arena_printf(r->a, "%s%s%s", ports, *ports ? "," : "", one);
    }
    VALUE_EACH_ITEM (e, value_get(o, "endpoints"))
        VALUE_EACH_ITEM (x, value_get(e, "addresses"))
            if (m++ < 3)
                addresses = arena_printf(r->a, "%s%s%s", addresses, *addresses ? "," : "",
                                         value_str(x, ""));
    row__text(r, first_three(r, ports, n));
    row__text(r, first_three(r, addresses, m));
    age(r, o);
}

static void endpoints(struct row *r, const struct value *o)
{
    const char *text = "";
    size_t n = 0;
    VALUE_EACH_ITEM (s, value_get(o, "subsets")) {
        const struct value *ports = value_get(s, "ports");
        for (size_t i = 0; i < (value_count(ports) ? ports->n : 1); i++)
            VALUE_EACH_ITEM (x, value_get(s, "addresses")) {
                if (n++ >= 3)
                    continue;
                const char *ip = str(x, "ip");
                if (value_count(ports))
                    ip = arena_printf(r->a, "%s:%lld", ip,
                                      (long long)value_int(value_get(&ports->items[i], "port"), 0));
                text = arena_printf(r->a, "%s%s%s", text, *text ? "," : "", ip);
            }
    }
    row__text(r, n > 3 ? first_three(r, text, n) : *text ? text : "<none>");
    age(r, o);
}

static void ingress(struct row *r, const struct value *o)
{
    const char *hosts = "", *addresses = "";
    const struct value *spec = value_get(o, "spec");
    size_t n = 0;
    row__text(r, *str(spec, "ingressClassName") ? str(spec, "ingressClassName") : "<none>");
    VALUE_EACH_ITEM (rule, value_get(spec, "rules")) {
        if (!*str(rule, "host"))
            continue;
        if (n++ < 3)
            hosts = arena_printf(r->a, "%s%s%s", hosts, *hosts ? "," : "", str(rule, "host"));
    }
    row__text(r, n > 3    ? arena_printf(r->a, "%s + %zu more...", hosts, n - 3)
                 : *hosts ? hosts
                          : "*");
    VALUE_EACH_ITEM (g, value_at(o, "status.loadBalancer.ingress")) {
        const char *one = *str(g, "ip") ? str(g, "ip") : str(g, "hostname");
        addresses = arena_printf(r->a, "%s%s%s", addresses, *addresses ? "," : "", one);
    }
    row__text(r, addresses);
    row__text(r, value_count(value_get(spec, "tls")) ? "80, 443" : "80");
    age(r, o);
}

static void ingress_class(struct row *r, const struct value *o)
{
    const struct value *p = value_at(o, "spec.parameters");
    row__text(r, value_at_str(o, "spec.controller", ""));
    row__text(
        r, !p ? "<none>"
           : *str(p, "apiGroup")
               ? arena_printf(r->a, "%s.%s/%s", str(p, "kind"), str(p, "apiGroup"), str(p, "name"))
               : arena_printf(r->a, "%s/%s", str(p, "kind"), str(p, "name")));
    age(r, o);
}

static void network_policy(struct row *r, const struct value *o)
{
    row__text(r, row__selector(r, value_at(o, "spec.podSelector")));
    age(r, o);
}

static void lease(struct row *r, const struct value *o)
{
    row__text(r, value_at_str(o, "spec.holderIdentity", ""));
    age(r, o);
}

static void storage_class(struct row *r, const struct value *o)
{
    const char *name = value_at_str(o, "metadata.name", "");
    const char *dflt =
        str(value_at(o, "metadata.annotations"), "storageclass.kubernetes.io/is-default-class");
    if (is(dflt, "true"))
        r->cells->items[0] = *value_new_strf(r->a, "%s (default)", name);
    row__text(r, str(o, "provisioner"));
    row__text(r, *str(o, "reclaimPolicy") ? str(o, "reclaimPolicy") : "Delete");
    row__text(r, *str(o, "volumeBindingMode") ? str(o, "volumeBindingMode") : "<unset>");
    (void)value_push(r->a, r->cells,
                     value_new_bool(r->a, value_bool(value_get(o, "allowVolumeExpansion"), false)));
    age(r, o);
}

static void priority_class(struct row *r, const struct value *o)
{
    row__int(r, value_int(value_get(o, "value"), 0));
    (void)value_push(r->a, r->cells,
                     value_new_bool(r->a, value_bool(value_get(o, "globalDefault"), false)));
    age(r, o);
    row__text(r, *str(o, "preemptionPolicy") ? str(o, "preemptionPolicy") : "PreemptLowerPriority");
}

static const char *amount(struct row *r, const struct value *v)
{
    if (!v)
        return "N/A";
    return v->kind == VALUE_STRING ? v->text : arena_printf(r->a, "%lld", (long long)v->i);
}

static void disruption_budget(struct row *r, const struct value *o)
{
    row__text(r, amount(r, value_at(o, "spec.minAvailable")));
    row__text(r, amount(r, value_at(o, "spec.maxUnavailable")));
    row__int(r, value_at_int(o, "status.disruptionsAllowed", 0));
    age(r, o);
}

static int by_key(const void *x, const void *y)
{
    const struct member *const *a = x, *const *b = y;
    return strcmp((*a)->key, (*b)->key);
}

static void resource_quota(struct row *r, const struct value *o)
{
    const struct value *hard = value_at(o, "status.hard"), *used = value_at(o, "status.used");
    const char *requests = "", *limits = "";
    const struct member **order = ARENA_ARRAY(r->a, const struct member *, value_count(hard) + 1);
    for (size_t i = 0; i < value_count(hard); i++)
        order[i] = &hard->members[i];
    qsort(order, value_count(hard), sizeof(void *), by_key);
    for (size_t i = 0; i < value_count(hard); i++) {
        const char *key = order[i]->key;
        const char **to = strncmp(key, "limits.", 7) == 0 ? &limits : &requests;
        *to = arena_printf(r->a, "%s%s%s: %s/%s", *to, **to ? ", " : "", key,
                           *str(used, key) ? str(used, key) : "0", value_str(&order[i]->value, ""));
    }
    row__text(r, requests);
    row__text(r, limits);
    age(r, o);
}

static void replication(struct row *r, const struct value *o)
{
    row__int(r, value_at_int(o, "spec.replicas", 0));
    row__int(r, value_at_int(o, "status.replicas", 0));
    row__int(r, value_at_int(o, "status.readyReplicas", 0));
    age(r, o);
    row__images(r, value_at(o, "spec.template.spec"));
    row__text(r, row__labels(r, value_at(o, "spec.selector")));
}

static void pod_template(struct row *r, const struct value *o)
{
    row__images(r, value_at(o, "template.spec"));
    row__text(r, row__labels(r, value_at(o, "template.metadata.labels")));
}

static void runtime_class(struct row *r, const struct value *o)
{
    row__text(r, str(o, "handler"));
    age(r, o);
}

static void api_service(struct row *r, const struct value *o)
{
    const struct value *s = value_at(o, "spec.service");
    row__text(r, s ? arena_printf(r->a, "%s/%s", str(s, "namespace"), str(s, "name")) : "Local");
    row__text(r, "True");
    age(r, o);
}

static void csi_driver(struct row *r, const struct value *o)
{
    static const char *const flags[] = {"attachRequired", "podInfoOnMount", "storageCapacity"};
    const struct value *spec = value_get(o, "spec");
    const char *tokens = "", *modes = "";
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        (void)value_push(r->a, r->cells,
                         value_new_bool(r->a, value_at_bool(spec, flags[i], false)));
    VALUE_EACH_ITEM (t, value_get(spec, "tokenRequests"))
        tokens = arena_printf(r->a, "%s%s%s", tokens, *tokens ? "," : "", str(t, "audience"));
    VALUE_EACH_ITEM (m, value_get(spec, "volumeLifecycleModes"))
        modes = arena_printf(r->a, "%s%s%s", modes, *modes ? "," : "", value_str(m, ""));
    row__text(r, *tokens ? tokens : "<unset>");
    (void)value_push(r->a, r->cells,
                     value_new_bool(r->a, value_at_bool(spec, "requiresRepublish", false)));
    row__or_none(r, modes);
    age(r, o);
}

static void csi_node(struct row *r, const struct value *o)
{
    row__int(r, (int64_t)value_count(value_at(o, "spec.drivers")));
    age(r, o);
}

static void storage_capacity(struct row *r, const struct value *o)
{
    row__text(r, str(o, "storageClassName"));
    row__text(r, *str(o, "capacity") ? str(o, "capacity") : "<unset>");
    age(r, o);
}

static void volume_attachment(struct row *r, const struct value *o)
{
    row__text(r, value_at_str(o, "spec.attacher", ""));
    row__text(r, value_at_str(o, "spec.source.persistentVolumeName", ""));
    row__text(r, value_at_str(o, "spec.nodeName", ""));
    (void)value_push(r->a, r->cells,
                     value_new_bool(r->a, value_at_bool(o, "status.attached", false)));
    age(r, o);
}

static void webhooks(struct row *r, const struct value *o)
{
    row__int(r, (int64_t)value_count(value_get(o, "webhooks")));
    age(r, o);
}

/* ---- which kind has which columns ---- */

/* Columns: name[:type][/format][*], "_" for a space, * when only wide output shows it. */
static const struct {
    const struct resource *resource;
    const char *columns;
    void (*fill)(struct row *r, const struct value *o);
} TABLES[] = {
    {&RES_POD,                          "Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*", table__pod         },
    {&RES_NODE,
     "Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* "
     "Container-Runtime*",                                                                                      table__node        },
    {&RES_SERVICE,                      "Type Cluster-IP External-IP Port(s) Age Selector*",                    table__service     },
    {&RES_DEPLOYMENT,                   "Ready Up-to-date Available Age Containers* Images* Selector*",
     table__deployment                                                                                                             },
    {&RES_REPLICA_SET,
     "Desired:integer Current:integer Ready:integer Age Containers* Images* Selector*",                         table__replica_set },
    {&RES_STATEFUL_SET,                 "Ready Age Containers* Images*",                                        table__stateful_set},
    {&RES_DAEMON_SET,
     "Desired:integer Current:integer Ready:integer Up-to-date:integer Available:integer "
     "Node_Selector Age Containers* Images* Selector*",                                                         table__daemon_set  },
    {&RES_REPLICATION_CONTROLLER,
     "Desired:integer Current:integer Ready:integer Age Containers* Images* Selector*",                         replication        },
    {&RES_JOB,                          "Status Completions Duration Age Containers* Images* Selector*",        table__job         },
    {&RES_CRON_JOB,
     "Schedule Timezone Suspend:boolean Active:integer Last_Schedule Age Containers* Images* "
     "Selector*",                                                                                               table__cron_job    },
    {&RES_HORIZONTAL_POD_AUTOSCALER,    "Reference Targets MinPods MaxPods Replicas Age",
     table__autoscaler                                                                                                             },
    {&RES_HORIZONTAL_POD_AUTOSCALER_V1, "Reference Targets MinPods MaxPods Replicas Age",
     table__autoscaler                                                                                                             },
    {&RES_CONFIG_MAP,                   "Data Age",                                                             config_map         },
    {&RES_SECRET,                       "Type Data Age",                                                        secret             },
    {&RES_NAMESPACE,                    "Status Age",                                                           namespace_         },
    {&RES_SERVICE_ACCOUNT,              "Secrets Age",                                                          service_account    },
    {&RES_ENDPOINTS,                    "Endpoints Age",                                                        endpoints          },
    {&RES_ENDPOINT_SLICE,               "AddressType Ports Endpoints Age",                                      endpoint_slice     },
    {&RES_INGRESS,                      "Class Hosts Address Ports Age",                                        ingress            },
    {&RES_INGRESS_CLASS,                "Controller Parameters Age",                                            ingress_class      },
    {&RES_NETWORK_POLICY,               "Pod-Selector Age",                                                     network_policy     },
    {&RES_ROLE,                         "Created_At:date",                                                      created_at         },
    {&RES_CLUSTER_ROLE,                 "Created_At:date",                                                      created_at         },
    {&RES_LIMIT_RANGE,                  "Created_At:date",                                                      created_at         },
    {&RES_CRD,                          "Created_At:date",                                                      created_at         },
    {&RES_ROLE_BINDING,                 "Role Age Users* Groups* ServiceAccounts*",                             binding            },
    {&RES_CLUSTER_ROLE_BINDING,         "Role Age Users* Groups* ServiceAccounts*",                             binding            },
    {&RES_CONTROLLER_REVISION,          "Controller Revision Age",                                              revision           },
    {&RES_LEASE,                        "Holder Age",                                                           lease              },
    {&RES_STORAGE_CLASS,                "Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
     storage_class                                                                                                                 },
    {&RES_PRIORITY_CLASS,               "Value Global-Default Age PreemptionPolicy",                            priority_class     },
    {&RES_POD_DISRUPTION_BUDGET,        "Min_Available Max_Unavailable Allowed_Disruptions:integer Age",
     disruption_budget                                                                                                             },
    {&RES_RESOURCE_QUOTA,               "Request Limit Age",                                                    resource_quota     },
    {&RES_PERSISTENT_VOLUME,
     "Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass "
     "Reason Age VolumeMode*",                                                                                  table__volume      },
    {&RES_PERSISTENT_VOLUME_CLAIM,
     "Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*",                  table__claim       },
    {&RES_POD_TEMPLATE,                 "Containers Images Pod_Labels",                                         pod_template       },
    {&RES_RUNTIME_CLASS,                "Handler Age",                                                          runtime_class      },
    {&RES_API_SERVICE,                  "Service Available Age",                                                api_service        },
    {&RES_CSI_DRIVER,
     "AttachRequired:boolean PodInfoOnMount:boolean StorageCapacity:boolean TokenRequests "
     "RequiresRepublish:boolean Modes Age",                                                                     csi_driver         },
    {&RES_CSI_NODE,                     "Drivers:integer Age",                                                  csi_node           },
    {&RES_CSI_STORAGE_CAPACITY,         "StorageClassName Capacity Age",                                        storage_capacity   },
    {&RES_VOLUME_ATTACHMENT,            "Attacher PV Node Attached:boolean Age",                                volume_attachment  },
    {&RES_VALIDATING_WEBHOOKS,          "Webhooks:integer Age",                                                 webhooks           },
    {&RES_MUTATING_WEBHOOKS,            "Webhooks:integer Age",                                                 webhooks           },
};

static void add_column(struct arena *a, struct value *list, const char *name, const char *type,
                       const char *format, bool wide)
{
    struct value *c = value_new_object(a);
    (void)value_set_str(a, c, "name", name);
    (void)value_set_str(a, c, "type", type);
    (void)value_set_str(a, c, "format", format);
    (void)value_set_str(a, c, "description", "");
    (void)value_set_int(a, c, "priority", wide);
    (void)value_push(a, list, c);
}

static void read_columns(struct arena *a, struct value *list, const char *spec)
{
    char *save = NULL, *copy = arena_strdup(a, spec);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(w);
        bool wide = w[n - 1] == '*';
        if (wide)
            w[n - 1] = '\0';
        char *colon = strchr(w, ':'), *slash = strchr(w, '/');
        if (colon)
            *colon = '\0';
        if (slash)
            *slash = '\0';
        for (char *p = w; *p; p++)
            if (*p == '_')
                *p = ' ';
        add_column(a, list, w, colon ? colon + 1 : "string", slash ? slash + 1 : "", wide);
    }
}

static void custom_columns(const struct kind *k, struct value *list, struct arena *a)
{
    for (size_t i = 0; i < k->crd->n_columns; i++) {
        const struct crd_column *c = &k->crd->columns[i];
        add_column(a, list, c->name, c->type, c->format, false);
        struct value *last = &list->items[list->n - 1];
        (void)value_set_int(a, last, "priority", c->priority);
        (void)value_set_str(a, last, "description",
                            *c->description
                                ? c->description
                                : arena_printf(a,
                                               "Custom resource definition column (in JSONPath "
                                               "format): %s",
                                               c->json_path));
    }
    if (!k->crd->n_columns)
        add_column(a, list, "Age", "date", "", false);
}

struct value *table_columns(const struct kind *k, struct arena *a)
{
    struct value *list = value_new_array(a);
    if (k->resource == &RES_EVENT || k->resource == &RES_EVENT_EVENTS) {
        read_columns(a, list,
                     "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* "
                     "Name:string/name*");
        return list;
    }
    add_column(a, list, "Name", "string", "name", false);
    if (k->crd) {
        custom_columns(k, list, a);
        return list;
    }
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        if (TABLES[i].resource == k->resource) {
            read_columns(a, list, TABLES[i].columns);
            return list;
        }
    read_columns(a, list, "Age");
    return list;
}

struct value *table_cells(const struct kind *k, const struct value *obj, int64_t now_ms,
                          struct arena *a)
{
    struct row r = {.a = a, .cells = value_new_array(a), .now_ms = now_ms};
    if (k->resource == &RES_EVENT || k->resource == &RES_EVENT_EVENTS) {
        table__event(&r, obj);
        return r.cells;
    }
    row__text(&r, value_at_str(obj, "metadata.name", ""));
    if (k->crd) {
        table__custom(&r, k, obj);
        return r.cells;
    }
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        if (TABLES[i].resource == k->resource) {
            TABLES[i].fill(&r, obj);
            return r.cells;
        }
    only_age(&r, obj);
    return r.cells;
}

struct value *table_row_conditions(const struct kind *k, const struct value *obj, struct arena *a)
{
    const char *phase = value_at_str(obj, "status.phase", "");
    bool good = is(phase, "Succeeded");
    if (k->resource != &RES_POD || (!good && !is(phase, "Failed")))
        return NULL;
    struct value *list = value_new_array(a), *c = value_new_object(a);
    (void)value_set_str(a, c, "type", "Completed");
    (void)value_set_str(a, c, "status", "True");
    (void)value_set_str(a, c, "reason", phase);
    (void)value_set_str(a, c, "message",
                        good ? "The pod has completed successfully." : "The pod failed.");
    (void)value_push(a, list, c);
    return list;
}
