#include "ctl/serviceaccount/serviceaccount.h"

#include <string.h>

#include "ctl/ctl.h"
#include "kube/cache.h"
#include "kube/write.h"

#define CA_MAP "kube-root-ca.crt"

static struct value *named(struct arena *a, const char *kind, const char *ns, const char *name)
{
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", kind);
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", ns);
    return o;
}

static struct value *ca_map(struct arena *a, const char *ns, const char *ca)
{
    struct value *o = named(a, "ConfigMap", ns, CA_MAP);
    (void)value_set_str(
        a, value_make_object(a, o, "metadata.annotations"), "kubernetes.io/description",
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
        "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
        "guaranteed across distributions of Kubernetes clusters.");
    (void)value_set_str(a, value_make_object(a, o, "data"), "ca.crt", ca);
    return o;
}

static int tend_ca(struct controller_ctx *c, const char *ns, struct arena *a, struct err *e)
{
    const struct ctl_opts *opts = c->arg;
    const char *ca = opts && opts->ca_pem ? opts->ca_pem : "";
    struct value *want = ca_map(a, ns, ca);
    const struct object *had = cache_get(c->cache, &RES_CONFIG_MAP, ns, CA_MAP, a);
    if (!had)
        return write_create(c, &RES_CONFIG_MAP, want, a, NULL, e);
    if (value_equal(value_get(had->root, "data"), value_get(want, "data")))
        return 0;
    struct value *o = object_edit(a, had);
    (void)value_set(a, o, "data", value_get(want, "data"));
    return write_update(c, &RES_CONFIG_MAP, o, a, NULL, e);
}

/* The cache may not have it yet, or the namespace may be going: both are told by an event. */
static int settled(int rc)
{
    return rc == ERR_EXISTS || rc == ERR_NOT_FOUND || rc == ERR_DENIED ? 0 : rc;
}

static int serviceaccount_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                               struct err *e)
{
    const struct object *ns = cache_get(c->cache, &RES_NAMESPACE, NULL, key->name, a);
    if (!ns || ns->deleting)
        return 0;
    int rc = 0;
    if (!cache_get(c->cache, &RES_SERVICE_ACCOUNT, key->name, "default", a))
        rc = settled(write_create(c, &RES_SERVICE_ACCOUNT,
                                  named(a, "ServiceAccount", key->name, "default"), a, NULL, e));
    return rc < 0 ? rc : settled(tend_ca(c, key->name, a, e));
}

static void of_account(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    if (strcmp(o->name, "default") == 0)
        key_add(s, "", o->ns);
}

static void of_map(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    if (strcmp(o->name, CA_MAP) == 0)
        key_add(s, "", o->ns);
}

static const struct controller_watch WATCHES[] = {
    {&RES_NAMESPACE,       NULL      },
    {&RES_SERVICE_ACCOUNT, of_account},
    {&RES_CONFIG_MAP,      of_map    },
    {NULL,                 NULL      },
};

const struct controller serviceaccount_controller = {
    .name = "service-account-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = serviceaccount_sync,
};
