#include <string.h>

#include "apiserver/discovery_int.h"
#include "codec/json.h"

/* Groups as upstream orders them; what CRDs bring follows by name. */
static const char *const group_order[] = {"",
                                          "apiregistration.k8s.io",
                                          "apps",
                                          "events.k8s.io",
                                          "authentication.k8s.io",
                                          "authorization.k8s.io",
                                          "autoscaling",
                                          "batch",
                                          "certificates.k8s.io",
                                          "networking.k8s.io",
                                          "policy",
                                          "rbac.authorization.k8s.io",
                                          "storage.k8s.io",
                                          "admissionregistration.k8s.io",
                                          "apiextensions.k8s.io",
                                          "scheduling.k8s.io",
                                          "coordination.k8s.io",
                                          "node.k8s.io",
                                          "discovery.k8s.io"};

static const char ALL[] = "create,delete,deletecollection,get,list,patch,update,watch";
static const char CUSTOM[] = "delete,deletecollection,get,list,patch,create,update,watch";
static const char SOME[] = "create,delete,get,list,patch,update,watch"; /* namespaces */

struct extra {
    const struct resource *of; /* NULL: not a subresource */
    const char *group, *version, *name, *singular, *kind, *verbs;
    const char *kind_group, *kind_version;
    bool namespaced;
};

static const struct extra extras[] = {
    {&RES_NAMESPACE,       "",                      "v1", "namespaces/finalize",       "",                         "Namespace",             "update",           "",       "",   false},
    {&RES_POD,             "",                      "v1", "pods/attach",               "",                         "PodAttachOptions",      "create,get",       "",       "",   true },
    {&RES_POD,             "",                      "v1", "pods/binding",              "",                         "Binding",               "create",           "",       "",   true },
    {&RES_POD,             "",                      "v1", "pods/ephemeralcontainers",  "",                         "Pod",                   "get,patch,update", "",       "",   true },
    {&RES_POD,             "",                      "v1", "pods/eviction",             "",                         "Eviction",              "create",           "policy", "v1", true },
    {&RES_POD,             "",                      "v1", "pods/exec",                 "",                         "PodExecOptions",        "create,get",       "",       "",   true },
    {&RES_POD,             "",                      "v1", "pods/log",                  "",                         "Pod",                   "get",              "",       "",   true },
    {&RES_POD,             "",                      "v1", "pods/portforward",          "",                         "PodPortForwardOptions", "create,get",       "",       "",
     true                                                                                                                                                                            },
    {&RES_SERVICE_ACCOUNT, "",                      "v1", "serviceaccounts/token",     "",                         "TokenRequest",          "create",
     "authentication.k8s.io",                                                                                                                                             "v1", true },
    {NULL,                 "",                      "v1", "bindings",                  "binding",                  "Binding",               "create",           "",       "",   true },
    {NULL,                 "authentication.k8s.io", "v1", "selfsubjectreviews",        "selfsubjectreview",
     "SelfSubjectReview",                                                                                                                   "create",           "",       "",   false},
    {NULL,                 "authentication.k8s.io", "v1", "tokenreviews",              "tokenreview",              "TokenReview",           "create",
     "",                                                                                                                                                                  "",   false},
    {NULL,                 "authorization.k8s.io",  "v1", "localsubjectaccessreviews", "localsubjectaccessreview",
     "LocalSubjectAccessReview",                                                                                                            "create",           "",       "",   true },
    {NULL,                 "authorization.k8s.io",  "v1", "selfsubjectaccessreviews",  "selfsubjectaccessreview",
     "SelfSubjectAccessReview",                                                                                                             "create",           "",       "",   false},
    {NULL,                 "authorization.k8s.io",  "v1", "selfsubjectrulesreviews",   "selfsubjectrulesreview",
     "SelfSubjectRulesReview",                                                                                                              "create",           "",       "",   false},
    {NULL,                 "authorization.k8s.io",  "v1", "subjectaccessreviews",      "subjectaccessreview",
     "SubjectAccessReview",                                                                                                                 "create",           "",       "",   false},
};

bool reviews__is(const char *group, const char *version, const char *plural)
{
    for (size_t i = 0; i < ARRAY_LEN(extras); i++)
        if (!extras[i].of && strcmp(extras[i].group, group) == 0 &&
            strcmp(extras[i].version, version) == 0 && strcmp(extras[i].name, plural) == 0)
            return true;
    return false;
}

/* ---- one flat list of everything there is ---- */

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct listed *)x)->name, ((const struct listed *)y)->name);
}

static void add_kind(struct arena *a, const struct served *k, struct listed *out, size_t *n)
{
    const struct resource *r = k->res;
    const char *verbs = r == &RES_NAMESPACE ? SOME : k->kind.crd ? CUSTOM : ALL;
    out[(*n)++] = (struct listed){.served = k,
                                  .name = r->plural,
                                  .singular = r->singular,
                                  .kind = r->kind,
                                  .verbs = verbs,
                                  .short_names = r->short_names,
                                  .categories = r->categories,
                                  .namespaced = r->namespaced};
    if (r->status)
        out[(*n)++] = (struct listed){.served = k,
                                      .name = arena_printf(a, "%s/status", r->plural),
                                      .singular = "",
                                      .kind = r->kind,
                                      .verbs = "get,patch,update",
                                      .namespaced = r->namespaced};
    if (r->scale)
        out[(*n)++] = (struct listed){.served = k,
                                      .name = arena_printf(a, "%s/scale", r->plural),
                                      .singular = "",
                                      .kind = "Scale",
                                      .verbs = "get,patch,update",
                                      .kind_group = "autoscaling",
                                      .kind_version = "v1",
                                      .namespaced = r->namespaced};
}

struct listed *discovery__resources(struct apiserver *s, const char *group, const char *version,
                                    struct arena *a, size_t *out_n)
{
    size_t n_kinds, n = 0;
    const struct served **kinds = kinds__all(s, a, &n_kinds);
    struct listed *out = ARENA_ARRAY(a, struct listed, n_kinds * 3 + ARRAY_LEN(extras) + 1);
    for (size_t i = 0; i < n_kinds; i++)
        if (strcmp(kinds[i]->res->group, group) == 0 &&
            strcmp(kinds[i]->res->version, version) == 0)
            add_kind(a, kinds[i], out, &n);
    for (size_t i = 0; i < ARRAY_LEN(extras); i++) {
        const struct extra *x = &extras[i];
        if (strcmp(x->group, group) == 0 && strcmp(x->version, version) == 0)
            out[n++] = (struct listed){.name = x->name,
                                       .singular = x->singular,
                                       .kind = x->kind,
                                       .verbs = x->verbs,
                                       .kind_group = x->kind_group,
                                       .kind_version = x->kind_version,
                                       .namespaced = x->namespaced};
    }
    qsort(out, n, sizeof *out, by_name);
    *out_n = n;
    return out;
}

static size_t rank(const char *group)
{
    for (size_t i = 0; i < ARRAY_LEN(group_order); i++)
        if (strcmp(group_order[i], group) == 0)
            return i;
    return ARRAY_LEN(group_order);
}

bool discovery__is_builtin(const char *group)
{
    return rank(group) < ARRAY_LEN(group_order);
}

/* v2 before v1 before v1beta2 before v1alpha1, as kube-aware version order has it. */
static void version_parts(const char *v, long *major, long *stage, long *minor)
{
    char *end = NULL;
    *major = *stage = *minor = 0;
    if (v[0] != 'v' || (*major = strtol(v + 1, &end, 10)) == 0)
        return;
    if (!*end)
        *stage = 3;
    else if (strncmp(end, "beta", 4) == 0)
        *stage = 2;
    else if (strncmp(end, "alpha", 5) == 0)
        *stage = 1;
    *minor = *stage == 2 ? strtol(end + 4, NULL, 10) : *stage == 1 ? strtol(end + 5, NULL, 10) : 0;
}

static int by_version(const char *a, const char *b)
{
    long x[3], y[3];
    version_parts(a, &x[0], &x[1], &x[2]);
    version_parts(b, &y[0], &y[1], &y[2]);
    static const int order[] = {1, 0, 2};
    for (size_t i = 0; i < 3; i++)
        if (x[order[i]] != y[order[i]])
            return x[order[i]] > y[order[i]] ? -1 : 1;
    return strcmp(a, b);
}

static int by_group(const void *x, const void *y)
{
    const struct group_version *a = x, *b = y;
    size_t ra = rank(a->group), rb = rank(b->group);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    int c = strcmp(a->group, b->group);
    return c ? c : by_version(a->version, b->version);
}

static void note(struct group_version *all, size_t *n, const char *group, const char *version)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(all[i].group, group) == 0 && strcmp(all[i].version, version) == 0)
            return;
    all[(*n)++] = (struct group_version){group, version};
}

struct group_version *discovery__groups(struct apiserver *s, struct arena *a, size_t *out_n)
{
    size_t n_kinds, n = 0;
    const struct served **kinds = kinds__all(s, a, &n_kinds);
    struct group_version *all =
        ARENA_ARRAY(a, struct group_version, n_kinds + ARRAY_LEN(extras) + 1);
    for (size_t i = 0; i < n_kinds; i++)
        note(all, &n, kinds[i]->res->group, kinds[i]->res->version);
    for (size_t i = 0; i < ARRAY_LEN(extras); i++)
        note(all, &n, extras[i].group, extras[i].version);
    qsort(all, n, sizeof *all, by_group);
    *out_n = n;
    return all;
}

/* ---- the plain documents ---- */

struct value *discovery__split(struct arena *a, const char *text)
{
    struct value *list = value_new_array(a);
    while (text && *text) {
        size_t n = strcspn(text, ",");
        value_push(a, list, value_new_strn(a, text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

static struct value *document(struct arena *a, const char *kind, bool versioned)
{
    struct value *v = value_new_object(a);
    value_set_str(a, v, "kind", kind);
    if (versioned)
        value_set_str(a, v, "apiVersion", "v1");
    return v;
}

static struct value *group_document(struct arena *a, const struct group_version *all, size_t n,
                                    const char *group)
{
    struct value *g = value_new_object(a), *versions = NULL;
    value_set_str(a, g, "name", group);
    versions = value_make_array(a, g, "versions");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].group, group) != 0)
            continue;
        struct value *v = value_new_object(a);
        value_set_str(a, v, "groupVersion", arena_printf(a, "%s/%s", all[i].group, all[i].version));
        value_set_str(a, v, "version", all[i].version);
        value_push(a, versions, v);
    }
    if (value_count(versions) == 0)
        return NULL;
    value_set(a, g, "preferredVersion", value_copy(a, value_item(value_get(g, "versions"), 0)));
    return g;
}

static struct value *api_versions(struct web *w)
{
    struct arena *a = w->call.a;
    struct value *v = document(a, "APIVersions", false);
    value_push_str(a, value_make_array(a, v, "versions"), "v1");
    struct value *address = value_new_object(a);
    value_set_str(a, address, "clientCIDR", "0.0.0.0/0");
    value_set_str(a, address, "serverAddress", w->call.s->address);
    value_push(a, value_make_array(a, v, "serverAddressByClientCIDRs"), address);
    return v;
}

static struct value *group_list(struct web *w)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct group_version *all = discovery__groups(w->call.s, a, &n);
    struct value *v = document(a, "APIGroupList", true), *groups = value_make_array(a, v, "groups");
    for (size_t i = 0; i < n; i++)
        if (*all[i].group && (i == 0 || strcmp(all[i - 1].group, all[i].group) != 0))
            value_push(a, groups, group_document(a, all, n, all[i].group));
    return v;
}

static struct value *one_group(struct web *w, const char *group)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct group_version *all = discovery__groups(w->call.s, a, &n);
    struct value *g = group_document(a, all, n, group);
    if (!g)
        return NULL;
    struct value *v = document(a, "APIGroup", true);
    VALUE_EACH_MEMBER (m, g) {
        value_set(a, v, m->key, &m->value);
    }
    return v;
}

static struct value *resource_list(struct web *w, const char *group, const char *version)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct listed *all = discovery__resources(w->call.s, group, version, a, &n);
    if (n == 0)
        return NULL;
    struct value *v = document(a, "APIResourceList", *group != '\0');
    value_set_str(a, v, "groupVersion",
                  *group ? arena_printf(a, "%s/%s", group, version) : version);
    struct value *list = value_make_array(a, v, "resources");
    for (size_t i = 0; i < n; i++) {
        const struct listed *l = &all[i];
        struct value *r = value_new_object(a);
        value_set_str(a, r, "name", l->name);
        value_set_str(a, r, "singularName", l->singular);
        value_set_bool(a, r, "namespaced", l->namespaced);
        if (l->kind_group && *l->kind_group) {
            value_set_str(a, r, "group", l->kind_group);
            value_set_str(a, r, "version", l->kind_version);
        }
        value_set_str(a, r, "kind", l->kind);
        value_set(a, r, "verbs", discovery__split(a, l->verbs));
        if (l->short_names && *l->short_names)
            value_set(a, r, "shortNames", discovery__split(a, l->short_names));
        if (l->categories && *l->categories)
            value_set(a, r, "categories", discovery__split(a, l->categories));
        value_push(a, list, r);
    }
    return v;
}

static struct value *root_paths(struct web *w)
{
    static const char *const fixed[] = {"/.well-known/openid-configuration",
                                        "/healthz",
                                        "/livez",
                                        "/metrics",
                                        "/openapi/v2",
                                        "/openapi/v3",
                                        "/readyz",
                                        "/version"};
    struct arena *a = w->call.a;
    size_t n;
    const struct group_version *all = discovery__groups(w->call.s, a, &n);
    struct value *v = value_new_object(a), *paths = value_make_array(a, v, "paths");
    value_push_str(a, paths, "/api");
    value_push_str(a, paths, "/api/v1");
    value_push_str(a, paths, "/apis");
    for (size_t i = 0; i < n; i++) {
        if (!*all[i].group)
            continue;
        if (i == 0 || strcmp(all[i - 1].group, all[i].group) != 0)
            value_push_str(a, paths, arena_printf(a, "/apis/%s", all[i].group));
        value_push_str(a, paths, arena_printf(a, "/apis/%s/%s", all[i].group, all[i].version));
    }
    for (size_t i = 1; i < ARRAY_LEN(fixed); i++)
        value_push_str(a, paths, fixed[i]);
    return v;
}

static struct value *version_document(struct arena *a)
{
    static const char *const pairs[][2] = {
        {"major",        "1"                        },
        {"minor",        "33"                       },
        {"gitVersion",   API_KUBE_VERSION "+slipway"},
        {"gitCommit",    "unknown"                  },
        {"gitTreeState", "clean"                    },
        {"buildDate",    "1970-01-01T00:00:00Z"     },
        {"goVersion",    "none"                     },
        {"compiler",     "gcc"                      },
        {"platform",     "linux/amd64"              },
    };
    struct value *v = value_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        value_set_str(a, v, pairs[i][0], pairs[i][1]);
    return v;
}

/* ---- paths ---- */

static bool is(const char *path, const char *what)
{
    size_t n = strlen(what);
    return strncmp(path, what, n) == 0 && (path[n] == '\0' || (path[n] == '/' && !path[n + 1]));
}

static bool send(struct web *w, struct value *v)
{
    if (!v)
        return false;
    struct call *c = &w->call;
    if (web__negotiate(w, false, false) < 0) {
        web_refuse(w);
    } else if (w->media.as != MEDIA_OBJECT) {
        refuse(c, ERR_UNSUPPORTED, 406, "NotAcceptable",
               "only the following media types are accepted: application/json, application/yaml, "
               "application/vnd.kubernetes.protobuf");
        web_refuse(w);
    } else
        web_send_value(w, 200, v);
    return true;
}

static void send_metrics(struct web *w)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 64 << 20);
    metrics_print(w->call.s, &b);
    w->status = 200;
    http_send(w->q, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
}

static bool group_paths(struct web *w, const char *path)
{
    struct arena *a = w->call.a;
    if (is(path, "/api/v1"))
        return send(w, resource_list(w, "", "v1"));
    if (strncmp(path, "/apis/", 6) != 0)
        return false;
    char *group = arena_strdup(a, path + 6), *slash = strchr(group, '/');
    if (!slash || !slash[1]) {
        if (slash)
            *slash = '\0';
        return send(w, one_group(w, group));
    }
    *slash++ = '\0';
    size_t n = strlen(slash);
    if (n > 0 && slash[n - 1] == '/')
        slash[n - 1] = '\0';
    return !strchr(slash, '/') && send(w, resource_list(w, group, slash));
}

bool web_discovery(struct web *w)
{
    const char *p = w->q->path;
    if (is(p, "/healthz") || is(p, "/livez") || is(p, "/readyz") ||
        strncmp(p, "/healthz/", 9) == 0 || strncmp(p, "/livez/", 7) == 0 ||
        strncmp(p, "/readyz/", 8) == 0) {
        web_send_text(w, 200, "ok");
        return true;
    }
    if (strcmp(p, "/") == 0)
        return send(w, root_paths(w));
    if (is(p, "/version"))
        return send(w, version_document(w->call.a));
    if (is(p, "/metrics")) {
        send_metrics(w);
        return true;
    }
    if (is(p, "/api") || is(p, "/apis")) {
        bool core = is(p, "/api");
        return discovery__aggregated(w, core) || send(w, core ? api_versions(w) : group_list(w));
    }
    return openapi__serve(w, p) || group_paths(w, p) || discovery__missing(w, p);
}
