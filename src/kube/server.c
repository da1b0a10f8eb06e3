/* server.c - what only an API server can be asked: its version, all kinds, logs, tables. */
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"
#include "kube/remote_int.h"

enum { VERSIONS_MAX = 100000, LOGS_MAX = 64 << 20 };

static struct remote *remote_of(struct kube *k)
{
    return container_of(k, struct remote, kube);
}

static int get(struct remote *r, const char *path, const char *accept, struct arena *a,
               struct value **out, struct err *e)
{
    return remote__ask(r, &(struct ask){.method = "GET", .path = path, .accept = accept}, a, out,
                       e);
}

static void add(struct kube_server *s, struct arena *a, const char *text)
{
    size_t n = s->n_api_versions, size = sizeof *s->api_versions;
    for (size_t i = n; i-- > 0;)
        if (strcmp(s->api_versions[i], text) == 0)
            return;
    if (n >= VERSIONS_MAX)
        return;
    if ((n & (n - 1)) == 0)
        s->api_versions = arena_grow(a, s->api_versions, n * size, (n ? 2 * n : 1) * size);
    s->api_versions[s->n_api_versions++] = text;
}

/* Subresources have a kind, too, and Helm counts those. */
static void add_kinds(struct kube_server *s, struct arena *a, const char *group_version,
                      const struct value *resources)
{
    VALUE_EACH_ITEM (r, resources)
        add(s, a, arena_printf(a, "%s/%s", group_version, value_str(value_get(r, "kind"), "")));
}

/* One version of a group in the answer that tells all at once. */
static void add_aggregated(struct kube_server *s, struct arena *a, const char *group,
                           const struct value *version)
{
    const char *name = value_str(value_get(version, "version"), "");
    const char *gv = *group ? arena_printf(a, "%s/%s", group, name) : name;
    add(s, a, gv);
    VALUE_EACH_ITEM (r, value_get(version, "resources")) {
        add(s, a, arena_printf(a, "%s/%s", gv, value_at_str(r, "responseKind.kind", "")));
        VALUE_EACH_ITEM (sub, value_get(r, "subresources"))
            add(s, a, arena_printf(a, "%s/%s", gv, value_at_str(sub, "responseKind.kind", "")));
    }
}

static int add_version(struct remote *r, struct kube_server *s, struct arena *a, const char *gv,
                       struct err *e)
{
    struct value *v;
    int rc = get(r, arena_printf(a, strchr(gv, '/') ? "/apis/%s" : "/api/%s", gv), NULL, a, &v, e);
    add(s, a, gv);
    if (rc == 0)
        add_kinds(s, a, gv, value_get(v, "resources"));
    /* A group whose own server is away takes nothing from the others. */
    return rc == ERR_NOT_FOUND || rc == ERR_AGAIN ? 0 : rc;
}

/* An answer of /api or /apis, in the new form or in the old one. */
static int add_groups(struct remote *r, struct kube_server *s, struct arena *a,
                      const struct value *v, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (g, value_get(v, "items"))
        VALUE_EACH_ITEM (version, value_get(g, "versions"))
            add_aggregated(s, a, value_at_str(g, "metadata.name", ""), version);
    VALUE_EACH_ITEM (g, value_get(v, "groups"))
        VALUE_EACH_ITEM (version, value_get(g, "versions"))
            if (rc == 0)
                rc = add_version(r, s, a, value_str(value_get(version, "groupVersion"), ""), e);
    VALUE_EACH_ITEM (version, value_get(v, "versions"))
        if (rc == 0)
            rc = add_version(r, s, a, value_str(version, ""), e);
    return rc;
}

int kube_remote_server(struct kube *k, struct arena *a, struct kube_server *out, struct err *e)
{
    static const char aggregated[] = "application/json;g=apidiscovery.k8s.io;v=v2;"
                                     "as=APIGroupDiscoveryList,application/json";
    static const char *const roots[] = {"/api", "/apis"};
    struct kube_server s = {0};
    struct value *v;
    int rc = get(remote_of(k), "/version", NULL, a, &v, e);
    if (rc < 0)
        return rc;
    s.version = value_str(value_get(v, "gitVersion"), "");
    for (size_t i = 0; i < ARRAY_LEN(roots) && rc == 0; i++) {
        rc = get(remote_of(k), roots[i], aggregated, a, &v, e);
        if (rc == 0)
            rc = add_groups(remote_of(k), &s, a, v, e);
    }
    if (rc == 0)
        *out = s;
    return rc;
}

int kube_remote_logs(struct kube *k, const char *ns, const char *pod, const char *container,
                     struct arena *a, const char **out, size_t *n, struct err *e)
{
    struct remote *r = remote_of(k);
    const char *const pairs[][2] = {
        {"container", container},
        {NULL,        NULL     }
    };
    const char *path = resource_path(&RES_POD, ns, pod, "log", a);
    struct http_call call = {.method = "GET", .max_answer = LOGS_MAX};
    struct http_answer ans;
    call.url = arena_printf(a, "%s%s%s", r->server, path, remote__query(a, pairs));
    int rc = http_do(r->http, &call, a, &ans, e);
    if (rc == 0 && (ans.status < 200 || ans.status > 299))
        rc = remote__refusal(&ans, path, a, e);
    if (rc == 0) {
        *out = ans.body;
        *n = ans.body_len;
    }
    return rc;
}

int kube_remote_table(struct kube *k, const struct resource *r, const char *ns, const char *name,
                      const char *labels, struct arena *a, struct value **out, struct err *e)
{
    const char *const pairs[][2] = {
        {"labelSelector", labels  },
        {"includeObject", "Object"},
        {NULL,            NULL    }
    };
    return remote__ask(remote_of(k),
                       &(struct ask){.method = "GET",
                                     .path = resource_path(r, ns, name, NULL, a),
                                     .query = remote__query(a, pairs),
                                     .accept = "application/json;as=Table;v=v1;g=meta.k8s.io,"
                                               "application/json"},
                       a, out, e);
}
