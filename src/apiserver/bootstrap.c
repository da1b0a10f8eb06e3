#include <arpa/inet.h>
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "apiserver/rest_int.h"
#include "base/thread.h"

/* What a fresh cluster has: namespaces, the roles and bindings that upstream's documentation
 * promises, two priority classes and the kubernetes Service. A rule is "groups|resources|verbs",
 * or "paths|verbs". Objects that are there already are left alone. */

#define READ  "get,list,watch"
#define WRITE "create,delete,deletecollection,patch,update"
#define ALL   READ "," WRITE

struct role_spec {
    const char *name;
    const char *aggregate_to;   /* "view,edit,admin" or NULL */
    const char *aggregate_from; /* or NULL */
    const char *rules[24];
};

static const struct role_spec roles[] = {
    {"cluster-admin",             NULL,    NULL,              {"*|*|*", "*|*"}                                  },
    {"system:discovery",
     NULL,                                 NULL,
     {"/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/|"
      "get"}                                                                                                    },
    {"system:basic-user",
     NULL,                                 NULL,
     {"authorization.k8s.io|selfsubjectaccessreviews,selfsubjectrulesreviews|create",
      "authentication.k8s.io|selfsubjectreviews|create"}                                                        },
    {"system:public-info-viewer", NULL,    NULL,              {"/healthz,/livez,/readyz,/version,/version/|get"}},
    {"system:monitoring",
     NULL,                                 NULL,
     {"/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*|get"}                       },
    {"admin",                     NULL,    "admin,edit,view", {NULL}                                            },
    {"edit",                      "admin", "edit,view",       {NULL}                                            },
    {"view",                      "edit",  "view",            {NULL}                                            },
    {"system:aggregate-to-admin",
     "admin",                              NULL,
     {"authorization.k8s.io|localsubjectaccessreviews|create",
      "rbac.authorization.k8s.io|roles,rolebindings|" ALL}                                                      },
    {"system:aggregate-to-edit",
     "edit",                               NULL,
     {"|pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy|" READ,
      "|serviceaccounts|impersonate",
      "|pods,pods/attach,pods/exec,pods/portforward,pods/proxy|" WRITE, "|pods/eviction|create",
      "|configmaps,events,persistentvolumeclaims,replicationcontrollers,"
      "replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy|" WRITE,
      "|serviceaccounts/token|create",
      "apps|daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,"
      "replicasets/scale,statefulsets,statefulsets/scale|" WRITE,
      "autoscaling|horizontalpodautoscalers|" WRITE, "batch|cronjobs,jobs|" WRITE,
      "policy|poddisruptionbudgets|" WRITE, "networking.k8s.io|ingresses,networkpolicies|" WRITE,
      "coordination.k8s.io|leases|" ALL}                                                                        },
    {"system:aggregate-to-view",
     "view",                               NULL,
     {"|configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,"
      "replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,"
      "services/status|" READ,
      "|bindings,events,limitranges,namespaces/status,pods/log,pods/status,"
      "replicationcontrollers/status,resourcequotas,resourcequotas/status|" READ,
      "|namespaces|" READ, "discovery.k8s.io|endpointslices|" READ,
      "apps|controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,"
      "deployments/status,replicasets,replicasets/scale,replicasets/status,statefulsets,"
      "statefulsets/scale,statefulsets/status|" READ,
      "autoscaling|horizontalpodautoscalers,horizontalpodautoscalers/status|" READ,
      "batch|cronjobs,cronjobs/status,jobs,jobs/status|" READ,
      "policy|poddisruptionbudgets,poddisruptionbudgets/status|" READ,
      "networking.k8s.io|ingresses,ingresses/status,networkpolicies|" READ}                                     },
    {"slipway:aggregate-to-view",
     "view",                               NULL,
     {"tekton.dev,triggers.tekton.dev,argoproj.io,slipway.dev|*|" READ}                                         },
    {"slipway:aggregate-to-edit",
     "edit",                               NULL,
     {"tekton.dev,triggers.tekton.dev,argoproj.io|*|" WRITE}                                                    },
    {"system:auth-delegator",
     NULL,                                 NULL,
     {"authentication.k8s.io|tokenreviews|create",
      "authorization.k8s.io|subjectaccessreviews|create"}                                                       },
    {"system:node",
     NULL,                                 NULL,
     {"|nodes|create,get,list,watch,patch,update", "|nodes/status|patch,update",
      "|pods|get,list,watch,create,delete", "|pods/status|patch,update", "|pods/eviction|create",
      "|services,configmaps,secrets,persistentvolumes,persistentvolumeclaims|" READ,
      "|serviceaccounts/token|create", "|events|create,patch,update",
      "coordination.k8s.io|leases|create,delete,get,patch,update"}                                              },
    {"system:kube-scheduler",
     NULL,                                 NULL,
     {"|pods|delete,get,list,watch", "|pods/binding,bindings|create", "|pods/status|patch,update",
      "|nodes|" READ, "|events|create,patch,update"}                                                            },
};

static const struct {
    const char *name, *role, *groups;
} bindings[] = {
    {"cluster-admin",             "cluster-admin",             "system:masters"      },
    {"system:discovery",          "system:discovery",          "system:authenticated"},
    {"system:basic-user",         "system:basic-user",         "system:authenticated"},
    {"system:public-info-viewer", "system:public-info-viewer",
     "system:authenticated,system:unauthenticated"                                   },
    {"system:monitoring",         "system:monitoring",         "system:monitoring"   },
};

static const char *const namespaces[] = {"default", "kube-system", "kube-public",
                                         "kube-node-lease"};

static void push_split(struct arena *a, struct value *list, const char *text, size_t n)
{
    if (n == 0)
        value_push_str(a, list, "");
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        while (i + len < n && text[i + len] != ',')
            len++;
        value_push(a, list, value_new_strn(a, text + i, len));
        i += len + 1;
    }
}

static void add_rule(struct arena *a, struct value *rules, const char *text)
{
    struct value *r = value_new_object(a);
    const char *first = strchr(text, '|'), *last = strrchr(text, '|');
    push_split(a, value_make_array(a, r, "verbs"), last + 1, strlen(last + 1));
    if (first == last) {
        push_split(a, value_make_array(a, r, "nonResourceURLs"), text, (size_t)(first - text));
    } else {
        push_split(a, value_make_array(a, r, "apiGroups"), text, (size_t)(first - text));
        push_split(a, value_make_array(a, r, "resources"), first + 1, (size_t)(last - first - 1));
    }
    value_push(a, rules, r);
}

static struct value *new_object(struct arena *a, const struct served *k, const char *name)
{
    struct value *o = value_new_object(a);
    value_set_str(a, o, "apiVersion", k->api_version);
    value_set_str(a, o, "kind", k->res->kind);
    value_set_str(a, value_make_object(a, o, "metadata"), "name", name);
    return o;
}

static int put(struct apiserver *s, const struct resource *r, const char *ns, struct arena *a,
               struct value *obj, struct err *e)
{
    struct call c;
    call_init_internal(&c, s, a, "kube-apiserver");
    struct result res;
    const struct served *k = kinds__of(s, r);
    AUTO(object) struct object *had = peek(s, r, ns, value_at_str(obj, "metadata.name", ""));
    if (had)
        return 0;
    int rc = rest_create(&c, k, ns, obj, &res);
    if (rc == 0 || rc == ERR_EXISTS)
        return 0;
    refusal_err(&c.refusal, rc, e);
    return err_wrap(e, rc, "first objects");
}

static int put_role(struct apiserver *s, size_t i, struct err *e)
{
    const struct role_spec *spec = &roles[i];
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    struct value *o = new_object(a, kinds__of(s, &RES_CLUSTER_ROLE), spec->name);
    struct value *labels = value_make_object(a, o, "metadata.labels");
    value_set_str(a, labels, "kubernetes.io/bootstrapping", "rbac-defaults");
    if (spec->aggregate_to)
        value_set_str(
            a, labels,
            arena_printf(a, "rbac.authorization.k8s.io/aggregate-to-%s", spec->aggregate_to),
            "true");
    struct value *rules = value_make_array(a, o, "rules");
    for (size_t r = 0; spec->rules[r]; r++)
        add_rule(a, rules, spec->rules[r]);
    struct value *from = value_new_array(a);
    if (spec->aggregate_from)
        push_split(a, from, spec->aggregate_from, strlen(spec->aggregate_from));
    VALUE_EACH_ITEM (f, from) {
        struct value *sel = value_new_object(a), *match = value_new_object(a);
        value_set_str(
            a, match,
            arena_printf(a, "rbac.authorization.k8s.io/aggregate-to-%s", value_str(f, "")), "true");
        value_set(a, sel, "matchLabels", match);
        value_push(a, value_make_array(a, o, "aggregationRule.clusterRoleSelectors"), sel);
    }
    return put(s, &RES_CLUSTER_ROLE, NULL, a, o, e);
}

static int put_binding(struct apiserver *s, size_t i, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    struct value *o = new_object(a, kinds__of(s, &RES_CLUSTER_ROLE_BINDING), bindings[i].name);
    value_set_str(a, value_make_object(a, o, "metadata.labels"), "kubernetes.io/bootstrapping",
                  "rbac-defaults");
    struct value *ref = value_make_object(a, o, "roleRef");
    value_set_str(a, ref, "apiGroup", "rbac.authorization.k8s.io");
    value_set_str(a, ref, "kind", "ClusterRole");
    value_set_str(a, ref, "name", bindings[i].role);
    struct value *groups = value_new_array(a), *subjects = value_make_array(a, o, "subjects");
    push_split(a, groups, bindings[i].groups, strlen(bindings[i].groups));
    VALUE_EACH_ITEM (g, groups) {
        struct value *subject = value_new_object(a);
        value_set_str(a, subject, "kind", "Group");
        value_set_str(a, subject, "apiGroup", "rbac.authorization.k8s.io");
        value_set(a, subject, "name", g);
        value_push(a, subjects, subject);
    }
    return put(s, &RES_CLUSTER_ROLE_BINDING, NULL, a, o, e);
}

static int put_priority(struct apiserver *s, const char *name, int64_t value, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    struct value *o = new_object(a, kinds__of(s, &RES_PRIORITY_CLASS), name);
    value_set_int(a, o, "value", value);
    return put(s, &RES_PRIORITY_CLASS, NULL, a, o, e);
}

/* The first address of the range is the API's own. */
static int put_kubernetes_service(struct apiserver *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    struct value *o = new_object(a, kinds__of(s, &RES_SERVICE), "kubernetes");
    struct value *labels = value_make_object(a, o, "metadata.labels");
    value_set_str(a, labels, "component", "apiserver");
    value_set_str(a, labels, "provider", "kubernetes");
    struct value *port = value_new_object(a);
    value_set_str(a, port, "name", "https");
    value_set_int(a, port, "port", 443);
    value_set_int(
        a, port, "targetPort",
        strtol(strrchr(s->address, ':') ? strrchr(s->address, ':') + 1 : "6443", NULL, 10));
    value_push(a, value_make_array(a, o, "spec.ports"), port);
    value_set_str(a, value_get_mut(o, "spec"), "clusterIP", services__first(s, a));
    return put(s, &RES_SERVICE, "default", a, o, e);
}

/* Where that address leads: ours, as pods reach it. Written again when it moved; none where only
 * this machine's loopback answers. */
static int put_endpoints(struct apiserver *s, const struct resource *r, struct value *o,
                         const char *list, struct arena *a, struct err *e)
{
    AUTO(object) struct object *had = peek(s, r, "default", "kubernetes");
    if (had && value_equal(value_get(had->root, list), value_get(o, list)) &&
        value_equal(value_get(had->root, "ports"), value_get(o, "ports")))
        return 0;
    struct call c;
    struct result res;
    call_init_internal(&c, s, a, "kube-apiserver");
    c.force = true;
    int rc = rest_patch(&c, kinds__of(s, r), "default", "kubernetes", NULL, PATCH_APPLY, o, &res);
    if (rc < 0)
        refusal_err(&c.refusal, rc, e);
    return rc < 0 ? err_wrap(e, rc, "endpoints of the API") : 0;
}

static struct value *api_port(struct arena *a, const char *number)
{
    struct value *port = value_new_object(a);
    value_set_str(a, port, "name", "https");
    value_set_int(a, port, "port", strtol(number, NULL, 10));
    value_set_str(a, port, "protocol", "TCP");
    return port;
}

static int put_kubernetes_endpoints(struct apiserver *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    const char *colon = strrchr(s->address, ':');
    const char *host = arena_strndup(a, s->address, colon ? (size_t)(colon - s->address) : 0);
    struct in_addr ip;
    if (!colon || strtol(colon + 1, NULL, 10) == 0 || inet_pton(AF_INET, host, &ip) != 1 ||
        ip.s_addr == htonl(INADDR_ANY) || ntohl(ip.s_addr) >> 24 == IN_LOOPBACKNET)
        return 0;
    struct value *o = new_object(a, kinds__of(s, &RES_ENDPOINTS), "kubernetes");
    value_set_str(a, value_make_object(a, o, "metadata.labels"),
                  "endpointslice.kubernetes.io/skip-mirror", "true");
    struct value *subset = value_new_object(a), *address = value_new_object(a);
    value_set_str(a, address, "ip", host);
    value_push(a, value_make_array(a, subset, "addresses"), address);
    value_push(a, value_make_array(a, subset, "ports"), api_port(a, colon + 1));
    value_push(a, value_make_array(a, o, "subsets"), subset);
    int rc = put_endpoints(s, &RES_ENDPOINTS, o, "subsets", a, e);
    if (rc < 0)
        return rc;
    o = new_object(a, kinds__of(s, &RES_ENDPOINT_SLICE), "kubernetes");
    value_set_str(a, value_make_object(a, o, "metadata.labels"), "kubernetes.io/service-name",
                  "kubernetes");
    value_set_str(a, o, "addressType", "IPv4");
    struct value *endpoint = value_new_object(a);
    value_push_str(a, value_make_array(a, endpoint, "addresses"), host);
    value_set(a, value_make_object(a, endpoint, "conditions"), "ready", value_new_bool(a, true));
    value_push(a, value_make_array(a, o, "endpoints"), endpoint);
    value_push(a, value_make_array(a, o, "ports"), api_port(a, colon + 1));
    return put_endpoints(s, &RES_ENDPOINT_SLICE, o, "endpoints", a, e);
}

/* ---- a few threads at once ---- */

enum { CREW = 4 };

struct job {
    int (*fn)(struct apiserver *s, size_t i, struct err *e);
    size_t i;
};

struct crew {
    struct apiserver *s;
    const struct job *jobs;
    size_t n, next;
    int rc;
    struct err e;
    pthread_mutex_t mutex;
};

static bool next_job(struct crew *c, const struct job **out)
{
    LOCK_SCOPE(&c->mutex);
    if (c->next == c->n || c->rc < 0)
        return false;
    *out = &c->jobs[c->next++];
    return true;
}

static void *crew_main(void *arg)
{
    struct crew *c = arg;
    const struct job *j;
    while (next_job(c, &j)) {
        struct err e = {0};
        int rc = j->fn(c->s, j->i, &e);
        LOCK_SCOPE(&c->mutex);
        if (rc < 0 && c->rc == 0) {
            c->rc = rc;
            c->e = e;
        }
    }
    return NULL;
}

static int run_all(struct apiserver *s, const struct job *jobs, size_t n, struct err *e)
{
    struct crew c = {.s = s, .jobs = jobs, .n = n, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[CREW];
    size_t started = 0;
    while (started < CREW && started < n &&
           thread_start(&threads[started], "first-objects", 2048, crew_main, &c, e) == 0)
        started++;
    if (started == 0)
        (void)crew_main(&c);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_mutex_destroy(&c.mutex);
    if (c.rc < 0 && e)
        *e = c.e;
    return c.rc;
}

static int put_namespace(struct apiserver *s, size_t i, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(8 << 20);
    return put(s, &RES_NAMESPACE, NULL, a,
               new_object(a, kinds__of(s, &RES_NAMESPACE), namespaces[i]), e);
}

enum { N_OTHERS = 4 };

static int put_other(struct apiserver *s, size_t i, struct err *e)
{
    if (i == 0)
        return put_priority(s, "system-cluster-critical", 2000000000, e);
    if (i == 1)
        return put_priority(s, "system-node-critical", 2000001000, e);
    if (i == 2)
        return put_kubernetes_service(s, e);
    return put_kubernetes_endpoints(s, e);
}

/* ---- the CRDs that come along: read again only when their text is new ---- */

#define KNOWN "slipway-crds" /* ConfigMap in kube-system: name of the CRD → hash of its text */

static const char *hash_of(const char *text, struct arena *a)
{
    return arena_printf(a, "%016llx", (unsigned long long)map_hash(text, strlen(text)));
}

static int put_crd(struct apiserver *s, size_t i, struct err *e)
{
    const char *text = crd_builtin(i)->text;
    return apiserver_install_crds(s, text, strlen(text), e);
}

static bool is_there(struct apiserver *s, const struct object *known, const struct crd_text *t,
                     struct arena *a)
{
    const struct value *data = known ? value_get(known->root, "data") : NULL;
    AUTO(object) struct object *crd = peek(s, &RES_CRD, NULL, t->name);
    return crd && strcmp(value_str(value_get(data, t->name), ""), hash_of(t->text, a)) == 0;
}

static int remember(struct apiserver *s, struct arena *a, struct err *e)
{
    struct value *o = new_object(a, kinds__of(s, &RES_CONFIG_MAP), KNOWN);
    struct value *data = value_make_object(a, o, "data");
    const struct crd_text *t;
    for (size_t i = 0; (t = crd_builtin(i)); i++)
        value_set_str(a, data, t->name, hash_of(t->text, a));
    struct call c;
    struct result r;
    call_init_internal(&c, s, a, "slipway");
    c.force = true;
    int rc = rest_patch(&c, kinds__of(s, &RES_CONFIG_MAP), "kube-system", KNOWN, NULL, PATCH_APPLY,
                        o, &r);
    if (rc < 0)
        refusal_err(&c.refusal, rc, e);
    return rc;
}

static int install(struct apiserver *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct job first[ARRAY_LEN(namespaces)];
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
        first[i] = (struct job){put_namespace, i};
    size_t n = 0, n_crds = 0, new_crds = 0;
    while (crd_builtin(n_crds))
        n_crds++;
    struct job *jobs =
        ARENA_ARRAY(a, struct job, ARRAY_LEN(roles) + ARRAY_LEN(bindings) + N_OTHERS + n_crds);
    AUTO(object) struct object *known = peek(s, &RES_CONFIG_MAP, "kube-system", KNOWN);
    for (size_t i = 0; i < n_crds; i++) {
        if (is_there(s, known, crd_builtin(i), a))
            continue;
        jobs[n++] = (struct job){put_crd, i};
        new_crds++;
    }
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        jobs[n++] = (struct job){put_role, i};
    for (size_t i = 0; i < ARRAY_LEN(bindings); i++)
        jobs[n++] = (struct job){put_binding, i};
    for (size_t i = 0; i < N_OTHERS; i++)
        jobs[n++] = (struct job){put_other, i};
    int rc = run_all(s, first, ARRAY_LEN(first), e);
    if (rc == 0)
        rc = run_all(s, jobs, n, e);
    return rc == 0 && new_crds > 0 ? remember(s, a, e) : rc;
}

/* Nobody is served yet: the disk is waited for once, at the end. */
int bootstrap__install(struct apiserver *s, struct err *e)
{
    int rc = store_defer_sync(s->store, e);
    if (rc == 0)
        rc = install(s, e);
    return rc == 0 ? store_sync(s->store, e) : rc;
}
