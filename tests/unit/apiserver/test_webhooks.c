/* Admission webhooks over TLS from a server in this process: who is asked, what of the answers
 * counts, and what becomes of a write when there is none. */
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "apiserver/local.h"
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/issue.h"
#include "net/http_server.h"
#include "t.h"

struct world {
    struct arena *a;
    struct store *store;
    struct apiserver *api;
    struct kube *kube;
    struct http_server *server;
    const char *ca; /* base64 */
    unsigned asked;
};

/* ---- the hook ---- */

/* What it was told, in a line. */
static const char *told(struct arena *a, const struct value *q)
{
    return arena_printf(
        a, "%s %s/%s %s %s by %s: %s -> %s%s", value_at_str(q, "operation", ""),
        value_at_str(q, "namespace", ""), value_at_str(q, "name", ""),
        value_at_str(q, "resource.resource", ""), value_at_str(q, "kind.kind", ""),
        value_at_str(q, "userInfo.username", ""), value_at_str(q, "oldObject.data.k", "-"),
        value_at_str(q, "object.data.k", "-"), value_at_bool(q, "dryRun", false) ? " dry" : "");
}

static void answer(struct http_request *q, void *arg)
{
    static const char patch[] = "[{\"op\":\"add\",\"path\":\"/data/hooked\",\"value\":\"yes\"}]";
    struct world *w = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *review = NULL;
    char *body;
    const char *status = "";
    size_t n;
    __atomic_add_fetch(&w->asked, 1, __ATOMIC_SEQ_CST);
    if (http_read_all(q, 1 << 20, &body, &n, NULL) < 0 ||
        json_parse(a, body, n, 0, &review, NULL) < 0) {
        http_send_text(q, 400, "no");
        return;
    }
    const struct value *request = value_get(review, "request");
    const struct value *object = value_get(request, "object");
    bool deny = strcmp(q->path, "/deny") == 0, tell = strcmp(q->path, "/tell") == 0;
    if (deny)
        status = ",\"status\":{\"code\":403,\"reason\":\"Forbidden\",\"message\":\"not today\"}";
    else if (tell)
        status = arena_printf(a, ",\"status\":{\"message\":\"%s\"}", told(a, request));
    else if (strcmp(q->path, "/change") == 0)
        status = arena_printf(a, ",\"patchType\":\"JSONPatch\",\"patch\":\"%s\"",
                              base64_encode(a, patch, strlen(patch), BASE64_STD));
    else if (strcmp(q->path, "/patch") == 0 && value_at_str(object, "data.patch", NULL))
        status =
            arena_printf(a, ",\"patchType\":\"JSONPatch\",\"patch\":\"%s\"",
                         base64_encode(a, value_at_str(object, "data.patch", ""),
                                       strlen(value_at_str(object, "data.patch", "")), BASE64_STD));
    const char *uid = strcmp(q->path, "/other") == 0 ? "x" : value_at_str(request, "uid", "");
    const char *text = arena_printf(a,
                                    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":"
                                    "\"AdmissionReview\",\"response\":{\"uid\":\"%s\","
                                    "\"allowed\":%s%s}}",
                                    uid, deny || tell ? "false" : "true", status);
    http_send(q, 200, "application/json", text, strlen(text));
}

static void serve(struct world *w)
{
    static const unsigned char seed[ISSUE_SEED] = {1};
    static const char *const ips[] = {"127.0.0.1"}, *const names[] = {"s.default.svc"};
    const int64_t now = clock_real_ms() / 1000;
    const struct issue_request r = {.common_name = "hook",
                                    .ips = ips,
                                    .n_ips = 1,
                                    .dns = names,
                                    .n_dns = 1,
                                    .not_before = now - 3600,
                                    .not_after = now + 3600,
                                    .is_ca = true,
                                    .serial = {1}};
    char *key, *cert;
    struct err e = {0};
    T_RC(issue_key(ISSUE_ECDSA_P256, seed, w->a, &key, &e), &e, "key");
    T_RC(issue_certificate(&r, key, NULL, w->a, &cert, &e), &e, "certificate");
    const struct http_listen l = {.address = "127.0.0.1:0", .cert_pem = cert, .key_pem = key};
    T_RC(http_server_start(&l, answer, w, &w->server, &e), &e, "listen");
    w->ca = base64_encode(w->a, cert, strlen(cert), BASE64_STD);
}

static void world_init(struct world *w)
{
    struct err e = {0};
    *w = (struct world){.a = arena_new(64 << 20)};
    T_RC(store_open(NULL, &w->store, &e), &e, "store");
    struct apiserver_opts o = {.store = w->store, .admin_token = "secret"};
    T_RC(apiserver_new(&o, &w->api, &e), &e, "server");
    w->kube = kube_local_new(w->api, "test", NULL);
    serve(w);
}

static void world_done(struct world *w)
{
    kube_free(w->kube);
    apiserver_stop(w->api);
    apiserver_free(w->api);
    store_free(w->store);
    http_server_free(w->server);
    arena_free(w->a);
}

static struct value *doc(struct world *w, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(w->a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

/* A configuration with one hook for ConfigMaps; `more` begins with a comma. */
static void install(struct world *w, const struct resource *r, const char *name, const char *client,
                    const char *more)
{
    struct err e = {0};
    const char *text = arena_printf(
        w->a,
        "{\"metadata\":{\"name\":\"%s\"},\"webhooks\":[{\"name\":\"%s.example.com\","
        "\"admissionReviewVersions\":[\"v1\"],\"sideEffects\":\"None\",\"timeoutSeconds\":30,"
        "\"clientConfig\":{%s,"
        "\"caBundle\":\"%s\"},\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],"
        "\"resources\":[\"configmaps\"],\"operations\":[\"*\"]}]%s}]}",
        name, name, client, w->ca, more);
    T_RC(kube_create(w->kube, r, NULL, doc(w, text), NULL, &e), &e, text);
}

static const char *at(struct world *w, const char *path)
{
    return arena_printf(w->a, "\"url\":\"https://127.0.0.1:%u%s\"", http_server_port(w->server),
                        path);
}

static int make(struct world *w, const char *name, struct object **out, struct err *e)
{
    *e = (struct err){0};
    const char *text =
        arena_printf(w->a,
                     "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                     "\"name\":\"%s\",\"labels\":{\"a\":\"b\"}},\"data\":{\"k\":\"1\"}"
                     "}",
                     name);
    return kube_create(w->kube, &RES_CONFIG_MAP, "default", doc(w, text), out, e);
}

/* ---- what comes of it ---- */

static void judges(void)
{
    static const struct {
        const char *path, *more, *want; /* "": it is made */
    } cases[] = {
        {"/allow", "",                                                                                ""                                                                 },
        {"/deny",  "",                                                                                "admission webhook \"w.example.com\" denied the request: not today"},
        {"/tell",  "",
         "admission webhook \"w.example.com\" denied the request: CREATE default/m configmaps "
         "ConfigMap by system:admin: - -> 1"                                                                                                                             },
        {"/other", "",                                                                                "expected response.uid"                                            },
        {"/other", ",\"failurePolicy\":\"Ignore\"",                                                   ""                                                                 },
        {"/deny",  ",\"objectSelector\":{\"matchLabels\":{\"a\":\"x\"}}",                             ""                                                                 },
        {"/deny",  ",\"objectSelector\":{\"matchLabels\":{\"a\":\"b\"}}",                             "not today"                                                        },
        {"/deny",
         ",\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"x\"}}",          ""                                                                 },
        {"/deny",
         ",\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"default\"}}",    "not today"                                                        },
        {"/deny",  ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"object.data.k == '2'\"}]",
         ""                                                                                                                                                              },
        {"/deny",
         ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"request.operation == 'CREATE'\"}]",  "not today"                                                        },
        {"/deny",  ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"object.x.y\"}]",
         "failed calling webhook \"w.example.com\": match condition c"                                                                                                   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct err e;
        world_init(&w);
        install(&w, &RES_VALIDATING_WEBHOOKS, "w", at(&w, cases[i].path), cases[i].more);
        int rc = make(&w, "m", NULL, &e);
        if (*cases[i].want)
            T_OK(rc < 0 && strstr(e.msg, cases[i].want) != NULL, e.msg);
        else
            T_RC(rc, &e, cases[i].more);
        world_done(&w);
    }
}

static void changes(void)
{
    struct world w;
    struct err e;
    AUTO(object) struct object *o = NULL;
    world_init(&w);
    install(&w, &RES_MUTATING_WEBHOOKS, "w", at(&w, "/change"), "");
    T_RC(make(&w, "m", &o, &e), &e, "create");
    T_EQ_STR(value_at_str(o->root, "data.hooked", ""), "yes", "patched");
    T_RC(kube_delete(w.kube, &RES_MUTATING_WEBHOOKS, NULL, "w", NULL, &e), &e, "not asked itself");
    unsigned asked = w.asked;
    object_unref(o);
    o = NULL;
    T_RC(make(&w, "n", &o, &e), &e, "create");
    T_EQ_STR(value_at_str(o->root, "data.hooked", ""), "", "gone with its configuration");
    T_EQ_INT(w.asked, asked, "nobody is asked");
    world_done(&w);
}

/* A hook changes what is in an object, not which object it is. */
static void keeps_identity(void)
{
    static const struct {
        const char *patch, *more;
        bool made;
    } cases[] = {
        {"[{'op':'add','path':'/data/x','value':'y'}]",                                        "", true },
        {"[{'op':'replace','path':'/metadata/name','value':'other'}]",                         "", false},
        {"[{'op':'replace','path':'/metadata/namespace','value':'kube-system'}]",              "", false},
        {"[{'op':'replace','path':'/metadata/uid','value':'other'}]",                          "", false},
        {"[{'op':'remove','path':'/metadata/uid'}]",                                           "", false},
        {"[{'op':'add','path':'/metadata/deletionTimestamp','value':'2026-01-01T00:00:00Z'}]", "",
         false                                                                                          },
        {"[{'op':'replace','path':'/kind','value':'Secret'}]",                                 "", false},
        {"[{'op':'remove','path':'/metadata'}]",                                               "", false},
        {"[{'op':'replace','path':'','value':5}]",                                             "", false},
        {"[{'op':'replace','path':'','value':[]}]",                                            "", false},
        {"[{'op':'replace','path':'/metadata/name','value':'other'}]",
         ",\"failurePolicy\":\"Ignore\"",                                                          true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct err e = {0};
        AUTO(object) struct object *o = NULL;
        world_init(&w);
        install(&w, &RES_MUTATING_WEBHOOKS, "w", at(&w, "/patch"), cases[i].more);
        struct value *v = doc(&w, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
                                  "\"metadata\":{\"name\":\"m\"}}");
        char *patch = arena_strdup(w.a, cases[i].patch);
        for (char *c = patch; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        (void)value_set_str(w.a, value_make_object(w.a, v, "data"), "patch", patch);
        int rc = kube_create(w.kube, &RES_CONFIG_MAP, "default", v, &o, &e);
        T_EQ_INT(rc == 0, cases[i].made, cases[i].patch);
        if (rc == 0)
            T_EQ_STR(o->name, "m", cases[i].patch);
        else
            T_OK(strstr(e.msg, "received invalid webhook response: the patch") != NULL, e.msg);
        world_done(&w);
    }
}

/* However many warnings a hook has, a call keeps few, and none of them is long. */
static void warns_within_bounds(void)
{
    AUTO(arena) struct arena *a = arena_new(256 << 20);
    struct call c = {.a = a};
    char *text = arena_alloc(a, 100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    call_warn(&c, text);
    call_warn(&c, text);
    T_EQ_INT(c.warnings.n, 1, "the same once");
    T_OK(strlen(c.warnings.items[0]) < 10000, "cut");
    for (int i = 0; i < 1000; i++)
        call_warn(&c, arena_printf(a, "%d", i));
    T_OK(c.warnings.n < 100, "some are left out");
}

static void sees_updates_and_deletions(void)
{
    struct world w;
    struct err e;
    world_init(&w);
    T_RC(make(&w, "m", NULL, &e), &e, "create");
    install(&w, &RES_VALIDATING_WEBHOOKS, "w", at(&w, "/tell"), "");
    T_EQ_INT(kube_patch(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, KUBE_PATCH_MERGE,
                        doc(&w, "{\"data\":{\"k\":\"2\"}}"), NULL, &e),
             ERR_INVALID, "refused");
    T_OK(strstr(e.msg, "UPDATE default/m configmaps ConfigMap by system:admin: 1 -> 2"), e.msg);
    T_OK(kube_delete(w.kube, &RES_CONFIG_MAP, "default", "m", NULL, &e) < 0, "refused");
    T_OK(strstr(e.msg, "DELETE default/m configmaps ConfigMap by system:admin: 1 -> -"), e.msg);
    T_OK(kube_apply_dry(w.kube, &RES_CONFIG_MAP, "default", "n", "t",
                        doc(&w, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                                "\"name\":\"n\"},\"data\":{\"k\":\"3\"}}"),
                        NULL, &e) < 0,
         "refused");
    T_OK(strstr(e.msg, "CREATE default/n configmaps ConfigMap by system:admin: - -> 3 dry"), e.msg);
    world_done(&w);
}

/* A service is asked at one of its pods, by its own name. */
static void finds_services(void)
{
    struct world w;
    struct err e;
    world_init(&w);
    install(&w, &RES_VALIDATING_WEBHOOKS, "w",
            "\"service\":{\"namespace\":\"default\",\"name\":\"s\",\"path\":\"/deny\"}", "");
    T_OK(make(&w, "m", NULL, &e) < 0 && strstr(e.msg, "service \"s\" not found"), e.msg);
    T_RC(kube_create(w.kube, &RES_SERVICE, "default",
                     doc(&w, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"name\":"
                             "\"https\",\"port\":443}]}}"),
                     NULL, &e),
         &e, "service");
    T_OK(make(&w, "m", NULL, &e) < 0 && strstr(e.msg, "no endpoints available"), e.msg);
    /* Not by the API, which takes no loopback address for an endpoint. */
    const char *slice = arena_printf(
        w.a,
        "{\"metadata\":{\"name\":\"s\",\"namespace\":\"default\",\"uid\":\"u\",\"labels\":{"
        "\"kubernetes.io/service-name\":\"s\"}},\"addressType\":\"IPv4\",\"endpoints\":[{"
        "\"addresses\":[\"127.0.0.1\"]}],\"ports\":[{\"name\":\"https\",\"port\":%u}]}",
        http_server_port(w.server));
    const struct served *k = kinds__of(w.api, &RES_ENDPOINT_SLICE);
    uint64_t rev;
    T_RC(store_put(w.store, stored__key(k, "default", "s", w.a), slice, strlen(slice), 0, &rev, &e),
         &e, "slice");
    T_OK(make(&w, "m", NULL, &e) < 0 && strstr(e.msg, "not today"), e.msg);
    world_done(&w);
}

T_MAIN(judges, changes, keeps_identity, warns_within_bounds, sees_updates_and_deletions,
       finds_services)
