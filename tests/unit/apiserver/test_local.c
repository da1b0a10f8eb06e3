/* The port in the process and the HTTP shell over one core: what one writes, the other sees. */
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "apiserver/local.h"
#include "codec/json.h"
#include "net/http_client.h"
#include "t.h"

struct world {
    struct arena *a;
    struct store *store;
    struct apiserver *api;
    struct kube *kube;
};

static void world_init(struct world *w)
{
    struct err e = {0};
    *w = (struct world){.a = arena_new(64 << 20)};
    T_RC(store_open(NULL, &w->store, &e), &e, "store");
    struct apiserver_opts o = {.store = w->store, .admin_token = "secret"};
    T_RC(apiserver_new(&o, &w->api, &e), &e, "server");
    w->kube = kube_local_new(w->api, "test", NULL);
}

static void world_done(struct world *w)
{
    kube_free(w->kube);
    apiserver_stop(w->api);
    apiserver_free(w->api);
    store_free(w->store);
    arena_free(w->a);
}

static struct value *doc(struct world *w, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(w->a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static int64_t hours_later(const struct clock *c)
{
    (void)c;
    return clock_real_ms() + 2 * 60 * 60 * 1000;
}

#define MAP                                                                                        \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\"},\"data\":{\"k\":" \
    "\"1\"}}"

static void writes(void)
{
    struct world w;
    struct err e = {0};
    world_init(&w);
    AUTO(object) struct object *made = NULL;
    AUTO(object) struct object *patched = NULL;
    AUTO(object) struct object *read = NULL;
    T_RC(kube_create(w.kube, &RES_CONFIG_MAP, "default", doc(&w, MAP), &made, &e), &e, "create");
    T_OK(made && *made->uid && made->rv > 0, "system fields");
    T_EQ_INT(kube_create(w.kube, &RES_CONFIG_MAP, "default", doc(&w, MAP), NULL, &e), ERR_EXISTS,
             "twice");
    T_EQ_STR(e.msg, "configmaps \"m\" already exists", "message");
    T_RC(kube_patch(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, KUBE_PATCH_MERGE,
                    doc(&w, "{\"data\":{\"k\":\"2\"}}"), &patched, &e),
         &e, "patch");
    T_EQ_INT(kube_update(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, made->root, NULL, &e),
             ERR_CONFLICT, "stale");
    T_RC(kube_get(w.kube, &RES_CONFIG_MAP, "default", "m", &read, &e), &e, "get");
    T_EQ_STR(value_at_str(read->root, "data.k", ""), "2", "patched");
    T_OK(read->rv == patched->rv && read->rv > made->rv, "versions rise");
    T_RC(kube_apply(
             w.kube, &RES_CONFIG_MAP, "default", "m", NULL, "other", true,
             doc(&w, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\"},"
                     "\"data\":{\"z\":\"3\"}}"),
             NULL, &e),
         &e, "apply");
    T_RC(kube_delete(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, &e), &e, "delete");
    T_EQ_INT(kube_get(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, &e), ERR_NOT_FOUND, "gone");
    world_done(&w);
}

static void watches(void)
{
    struct world w;
    struct err e = {0};
    struct kube_list l = {0};
    struct kube_watch *watch = NULL;
    struct kube_event ev;
    world_init(&w);
    const struct kube_list_opts opts = {.labels = "a=b"};
    T_RC(kube_list(w.kube, &RES_CONFIG_MAP, "default", &opts, &l, &e), &e, "list");
    T_RC(kube_watch_open(w.kube, &RES_CONFIG_MAP, "default", &opts, l.rv, &watch, &e), &e, "open");
    T_RC(kube_create(w.kube, &RES_CONFIG_MAP, "default", doc(&w, MAP), NULL, &e), &e, "create");
    T_RC(kube_patch(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, KUBE_PATCH_MERGE,
                    doc(&w, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"), NULL, &e),
         &e, "label");
    T_RC(kube_watch_next(w.kube, watch, 5000, &ev, &e), &e, "next");
    T_EQ_INT(ev.type, KUBE_ADDED, "begins to match");
    object_unref(ev.object);
    T_RC(kube_delete(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, &e), &e, "delete");
    T_RC(kube_watch_next(w.kube, watch, 5000, &ev, &e), &e, "next");
    T_EQ_INT(ev.type, KUBE_DELETED, "gone");
    object_unref(ev.object);
    T_EQ_INT(kube_watch_next(w.kube, watch, 10, &ev, &e), ERR_TIMEOUT, "nothing more");
    kube_watch_close(w.kube, watch);
    kube_list_done(&l);
    world_done(&w);
}

/* Rights of a named identity, and the roles every server starts with. */
static void rights(void)
{
    struct world w;
    struct err e = {0};
    world_init(&w);
    const char *const groups[] = {"system:authenticated"};
    const struct identity alice = {.user = "alice", .uid = "", .groups = groups, .n_groups = 1};
    struct kube *hers = kube_local_new(w.api, "alice", &alice);
    T_EQ_INT(kube_get(hers, &RES_CONFIG_MAP, "default", "m", NULL, &e), ERR_DENIED, "no role");
    T_EQ_STR(e.msg,
             "configmaps \"m\" is forbidden: User \"alice\" cannot get resource \"configmaps\" in "
             "API group \"\" in the namespace \"default\"",
             "message");
    const char *binding =
        "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"RoleBinding\",\"metadata\":"
        "{\"name\":\"b\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
        "\"ClusterRole\",\"name\":\"view\"},\"subjects\":[{\"kind\":\"User\",\"apiGroup\":"
        "\"rbac.authorization.k8s.io\",\"name\":\"alice\"}]}";
    T_RC(kube_create(w.kube, &RES_ROLE_BINDING, "default", doc(&w, binding), NULL, &e), &e, "bind");
    T_EQ_INT(kube_get(hers, &RES_CONFIG_MAP, "default", "m", NULL, &e), ERR_NOT_FOUND, "may look");
    T_EQ_INT(kube_create(hers, &RES_CONFIG_MAP, "default", doc(&w, MAP), NULL, &e), ERR_DENIED,
             "may not write");
    kube_free(hers);
    struct identity who;
    T_RC(apiserver_authenticate(w.api, "secret", w.a, &who, &e), &e, "admin");
    T_EQ_STR(who.groups[0], "system:masters", "masters");
    T_EQ_INT(apiserver_authenticate(w.api, "guess", w.a, &who, &e), ERR_UNAUTHENTICATED, "unknown");
    world_done(&w);
}

/* A service account's token dies with the account. */
static void tokens(void)
{
    struct world w;
    struct err e = {0};
    struct identity who;
    const char *token = NULL;
    world_init(&w);
    const char *sa =
        "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"r\"}}";
    T_RC(kube_create(w.kube, &RES_SERVICE_ACCOUNT, "default", doc(&w, sa), NULL, &e), &e,
         "account");
    T_RC(apiserver_service_token(w.api, "default", "r", NULL, NULL, 600, w.a, &token, &e), &e,
         "token");
    T_RC(apiserver_authenticate(w.api, token, w.a, &who, &e), &e, "valid");
    T_EQ_STR(who.user, "system:serviceaccount:default:r", "user");
    char *forged = arena_strdup(w.a, token);
    forged[strlen(forged) - 10] ^= 1;
    T_EQ_INT(apiserver_authenticate(w.api, forged, w.a, &who, &e), ERR_UNAUTHENTICATED, "forged");
    T_RC(kube_delete(w.kube, &RES_SERVICE_ACCOUNT, "default", "r", NULL, &e), &e, "delete");
    T_EQ_INT(apiserver_authenticate(w.api, token, w.a, &who, &e), ERR_UNAUTHENTICATED, "dead");
    world_done(&w);
}

/* CRDs are served when their installation returns. */
static void custom(void)
{
    struct world w;
    struct err e = {0};
    const struct resource *r = NULL;
    world_init(&w);
    const char *crd =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: things.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n"
        "  names: {plural: things, kind: Thing}\n  versions:\n  - name: v1\n    served: true\n"
        "    storage: true\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: "
        "object, properties: {size: {type: integer, default: 7}}}}}}\n";
    T_RC(apiserver_install_crds(w.api, crd, strlen(crd), &e), &e, "install");
    T_RC(kube_find(w.kube, "example.com/v1", "Thing", &r, &e), &e, "find");
    AUTO(object) struct object *made = NULL;
    if (r)
        T_RC(kube_create(w.kube, r, "default",
                         doc(&w,
                             "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\",\"metadata\":"
                             "{\"name\":\"t\"},\"spec\":{\"extra\":1}}"),
                         &made, &e),
             &e, "create");
    T_EQ_INT(value_at_int(made ? made->root : NULL, "spec.size", 0), 7, "default");
    T_OK(!value_at(made ? made->root : NULL, "spec.extra"), "pruned");
    world_done(&w);
}

static void over_http(void)
{
    struct world w;
    struct err e = {0};
    world_init(&w);
    const struct http_listen l = {.address = "127.0.0.1:0"};
    struct http_server *s = NULL;
    T_RC(http_server_start(&l, apiserver_http, w.api, &s, &e), &e, "serve");
    const struct http_client_opts o = {.bearer = "secret"};
    struct http_client *c = http_client_new(&o);
    const char *base = arena_printf(w.a, "http://127.0.0.1:%u", http_server_port(s));
    const char *json[] = {"Content-Type: application/json", NULL};
    struct http_call call = {.method = "POST",
                             .url =
                                 arena_printf(w.a, "%s/api/v1/namespaces/default/configmaps", base),
                             .headers = json,
                             .body = MAP,
                             .body_len = strlen(MAP)};
    struct http_answer r;
    T_RC(http_do(c, &call, w.a, &r, &e), &e, "post");
    T_EQ_INT(r.status, 201, "created");
    AUTO(object) struct object *seen = NULL;
    T_RC(kube_get(w.kube, &RES_CONFIG_MAP, "default", "m", &seen, &e), &e, "seen inside");
    call = (struct http_call){.method = "GET",
                              .url = arena_printf(w.a, "%s/api/v1/configmaps?limit=1", base)};
    T_RC(http_do(c, &call, w.a, &r, &e), &e, "list");
    T_EQ_STR(value_at_str(doc(&w, r.body), "items[0].metadata.name", ""), "m", "listed");
    call.url = arena_printf(w.a, "%s/api/v1/nopes", base);
    T_RC(http_do(c, &call, w.a, &r, &e), &e, "unknown");
    T_EQ_INT(r.status, 404, "unknown kind");
    http_client_free(c);
    apiserver_stop(w.api);
    http_server_free(s);
    world_done(&w);
}

/* An Event goes an hour after it last happened. */
static void events(void)
{
    struct world w;
    struct err e = {0};
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(clock_real_ms(), now);
    world_init(&w);
    static const char *const names[] = {"old", "new"};
    for (size_t i = 0; i < 2; i++) {
        struct value *v = doc(&w, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{},"
                                  "\"involvedObject\":{\"namespace\":\"default\"}}");
        value_set_str(w.a, value_get_mut(v, "metadata"), "name", names[i]);
        value_set_str(w.a, v, "lastTimestamp", now);
        T_RC(kube_create(w.kube, &RES_EVENT, "default", v, NULL, &e), &e, names[i]);
    }
    T_OK(e.code == 0, "made");
    const struct clock later = {.real_ms = hours_later, .mono_ms = clock_system.mono_ms};
    w.api->clock = &later;
    clock_format_rfc3339(hours_later(NULL), now);
    T_RC(kube_patch(w.kube, &RES_EVENT, "default", "new", NULL, KUBE_PATCH_MERGE,
                    doc(&w, arena_printf(w.a, "{\"lastTimestamp\":\"%s\"}", now)), NULL, &e),
         &e, "again");
    housekeeping__round(w.api);
    T_EQ_INT(kube_get(w.kube, &RES_EVENT, "default", "old", NULL, &e), ERR_NOT_FOUND, "old");
    T_RC(kube_get(w.kube, &RES_EVENT, "default", "new", NULL, &e), &e, "new");
    world_done(&w);
}

T_MAIN(events, writes, watches, rights, tokens, custom, over_http)
