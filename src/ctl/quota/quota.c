#include "ctl/quota/quota.h"

#include <string.h>

#include "api/quota.h"
#include "ctl/pods/pods.h"

enum { RECOUNT_MS = 300000 };

static void count_kind(struct controller_ctx *c, const struct object *quota,
                       const struct resource *r, struct quota_usage *used, struct arena *a)
{
    struct object_list l = cache_list(c->cache, r, quota->ns, a);
    for (size_t i = 0; i < l.n; i++) {
        if (!quota_selects(quota->root, r, l.items[i]->root))
            continue;
        struct quota_usage u = quota_usage_of(r, l.items[i]->root, a);
        for (size_t k = 0; k < u.n; k++)
            quota_usage_add(used, u.items[k].name, &u.items[k].amount, a);
    }
}

/* Each kind that the quota names, once. */
static struct quota_usage count(struct controller_ctx *c, const struct object *quota,
                                struct arena *a)
{
    struct quota_usage used = {0};
    const struct resource *seen[64];
    size_t n = 0;
    VALUE_EACH_MEMBER (m, value_at(quota->root, "spec.hard")) {
        const struct resource *r = quota_resource(m->key);
        bool again = !r || !cache_watches(c->cache, r) || n == ARRAY_LEN(seen);
        for (size_t i = 0; i < n; i++)
            again |= seen[i] == r;
        if (again)
            continue;
        seen[n++] = r;
        count_kind(c, quota, r, &used, a);
    }
    return used;
}

static struct value *status_of(const struct object *quota, const struct quota_usage *used,
                               struct arena *a)
{
    const struct value *hard = value_at(quota->root, "spec.hard");
    struct value *s = value_new_object(a), *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, hard) {
        char text[QUANTITY_TEXT_MAX] = "0";
        const struct quantity *q = quota_usage_get(used, m->key);
        if (q)
            quantity_print(q, text);
        (void)value_set_str(a, out, m->key, text);
    }
    if (value_count(hard))
        (void)value_set(a, s, "hard", hard);
    if (value_count(hard))
        (void)value_set(a, s, "used", out);
    return s;
}

static int quota_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    const struct object *quota = cache_get(c->cache, &RES_RESOURCE_QUOTA, key->ns, key->name, a);
    if (!quota || quota->deleting)
        return 0;
    struct quota_usage used = count(c, quota, a);
    return write_status(c, &RES_RESOURCE_QUOTA, quota, status_of(quota, &used, a), e);
}

/* A quota whose status is up to date with its spec is left to admission. */
static void of_quota(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    const struct value *hard = value_at(o->root, "spec.hard");
    if (!value_equal(hard, value_at(o->root, "status.hard")) || !value_at(o->root, "status.used"))
        key_add(s, o->ns, o->name);
}

/* Something that counted and counts no more. */
static void of_counted(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_RESOURCE_QUOTA, o->ns, a);
    if (l.n == 0)
        return;
    const struct resource *r =
        resource_find(value_at_str(o->root, "apiVersion", ""), value_at_str(o->root, "kind", ""));
    const struct object *now = r ? cache_get(c->cache, r, o->ns, o->name, a) : NULL;
    bool gone = !now || strcmp(now->uid, o->uid) != 0;
    if (!gone && (r != &RES_POD || !pod_is_finished(o)))
        return;
    for (size_t i = 0; i < l.n; i++)
        key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_RESOURCE_QUOTA,          of_quota  },
    {&RES_POD,                     of_counted},
    {&RES_SERVICE,                 of_counted},
    {&RES_PERSISTENT_VOLUME_CLAIM, of_counted},
    {&RES_CONFIG_MAP,              of_counted},
    {&RES_SECRET,                  of_counted},
    {&RES_REPLICATION_CONTROLLER,  of_counted},
    {&RES_DEPLOYMENT,              of_counted},
    {&RES_REPLICA_SET,             of_counted},
    {&RES_STATEFUL_SET,            of_counted},
    {&RES_DAEMON_SET,              of_counted},
    {&RES_JOB,                     of_counted},
    {&RES_CRON_JOB,                of_counted},
    {&RES_INGRESS,                 of_counted},
    {&RES_LEASE,                   of_counted},
    {NULL,                         NULL      },
};

const struct controller quota_controller = {
    .name = "resource-quota-controller",
    .watches = WATCHES,
    .workers = 1,
    .resync_ms = RECOUNT_MS,
    .sync = quota_sync,
};
