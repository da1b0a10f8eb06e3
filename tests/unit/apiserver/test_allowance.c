/* Who owns an ImageAllowance: its writer, or whom the writer may act as. */
#include <string.h>

#include "apiserver/local.h"
#include "codec/json.h"
#include "t.h"

struct world {
    struct arena *a;
    struct store *store;
    struct apiserver *api;
    struct kube *admin, *ann, *bob;
};

static struct value *doc(struct world *w, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(w->a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static struct kube *as(struct world *w, const char *user)
{
    static const char *const groups[] = {"system:authenticated"};
    const struct identity who = {.user = user, .groups = groups, .n_groups = 1};
    return kube_local_new(w->api, "test", &who);
}

/* Ann and Bob may write allowances; Bob may act as Carol. */
static void world_init(struct world *w)
{
    struct err e = {0};
    *w = (struct world){.a = arena_new(64 << 20)};
    T_RC(store_open(NULL, &w->store, &e), &e, "store");
    struct apiserver_opts o = {.store = w->store, .admin_token = "secret"};
    T_RC(apiserver_new(&o, &w->api, &e), &e, "server");
    w->admin = kube_local_new(w->api, "test", NULL);
    w->ann = as(w, "ann");
    w->bob = as(w, "bob");
    static const struct {
        const char *user, *rule;
    } given[] = {
        {"ann", "\"apiGroups\":[\"slipway.dev\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]"},
        {"bob", "\"apiGroups\":[\"slipway.dev\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]"},
        {"bob", "\"apiGroups\":[\"\"],\"resources\":[\"users\"],\"resourceNames\":[\"carol\"],"
         "\"verbs\":[\"impersonate\"]"                                                                          },
    };
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        const char *role = arena_printf(w->a, "{\"metadata\":{\"name\":\"r%zu\"},\"rules\":[{%s}]}",
                                        i, given[i].rule);
        const char *binding = arena_printf(
            w->a,
            "{\"metadata\":{\"name\":\"r%zu\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."
            "io"
            "\",\"kind\":\"ClusterRole\",\"name\":\"r%zu\"},\"subjects\":[{\"apiGroup\":"
            "\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"%s\"}]}",
            i, i, given[i].user);
        T_RC(kube_create(w->admin, &RES_CLUSTER_ROLE, NULL, doc(w, role), NULL, &e), &e, role);
        T_RC(kube_create(w->admin, &RES_CLUSTER_ROLE_BINDING, NULL, doc(w, binding), NULL, &e), &e,
             binding);
    }
}

static void world_done(struct world *w)
{
    kube_free(w->admin);
    kube_free(w->ann);
    kube_free(w->bob);
    apiserver_stop(w->api);
    apiserver_free(w->api);
    store_free(w->store);
    arena_free(w->a);
}

static int make(struct world *w, struct kube *by, const char *name, const char *owner,
                struct object **out, struct err *e)
{
    *e = (struct err){0};
    const char *says = owner ? arena_printf(w->a, "\"owner\":\"%s\",", owner) : "";
    return kube_create(by, &RES_IMAGE_ALLOWANCE, "default",
                       doc(w, arena_printf(w->a,
                                           "{\"metadata\":{\"name\":\"%s\"},\"spec\":{%s\"image\":"
                                           "\"nginx\",\"reason\":\"r\",\"expires\":"
                                           "\"2100-01-01T00:00:00Z\"}}",
                                           name, says)),
                       out, e);
}

static void is_the_writer(void)
{
    struct world w;
    struct err e;
    world_init(&w);
    const struct {
        struct kube *by;
        const char *owner, *want; /* NULL: refused */
    } cases[] = {
        {w.ann,   NULL,    "ann"         },
        {w.ann,   "",      "ann"         },
        {w.ann,   "ann",   "ann"         },
        {w.ann,   "bob",   NULL          },
        {w.ann,   "carol", NULL          },
        {w.bob,   "carol", "carol"       },
        {w.bob,   "ann",   NULL          },
        {w.admin, NULL,    "system:admin"},
        {w.admin, "ann",   "ann"         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(object) struct object *o = NULL;
        const char *what = arena_printf(w.a, "case%zu", i);
        int rc = make(&w, cases[i].by, what, cases[i].owner, &o, &e);
        if (cases[i].want)
            T_RC(rc, &e, what);
        else
            T_EQ_INT(rc, ERR_DENIED, what);
        if (rc == 0)
            T_EQ_STR(value_at_str(o->root, "spec.owner", ""), cases[i].want, what);
    }
    world_done(&w);
}

/* Another's allowance is not made longer in their name. */
static void stays_the_writer(void)
{
    struct world w;
    struct err e;
    AUTO(object) struct object *o = NULL;
    static const char longer[] = "{\"spec\":{\"expires\":\"2200-01-01T00:00:00Z\"}}";
    static const char mine[] = "{\"spec\":{\"owner\":null}}";
    static const char label[] = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}";
    world_init(&w);
    T_RC(make(&w, w.ann, "x", NULL, NULL, &e), &e, "ann's");
    T_EQ_INT(kube_patch(w.bob, &RES_IMAGE_ALLOWANCE, "default", "x", NULL, KUBE_PATCH_MERGE,
                        doc(&w, longer), NULL, &e),
             ERR_DENIED, "in her name");
    T_RC(kube_patch(w.bob, &RES_IMAGE_ALLOWANCE, "default", "x", NULL, KUBE_PATCH_MERGE,
                    doc(&w, label), NULL, &e),
         &e, "a label is no matter");
    T_RC(kube_patch(w.ann, &RES_IMAGE_ALLOWANCE, "default", "x", NULL, KUBE_PATCH_MERGE,
                    doc(&w, longer), NULL, &e),
         &e, "she may");
    T_RC(kube_patch(w.bob, &RES_IMAGE_ALLOWANCE, "default", "x", NULL, KUBE_PATCH_MERGE,
                    doc(&w, mine), &o, &e),
         &e, "he takes it over");
    T_EQ_STR(value_at_str(o->root, "spec.owner", ""), "bob", "and answers for it");
    world_done(&w);
}

T_MAIN(is_the_writer, stays_the_writer)
