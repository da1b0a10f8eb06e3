#include "ctl/quota/quota.h"

#include <string.h>

#include "api/quota.h"
#include "ctl/pods/pods.h"

#define RECOUNT "recount/"

enum { RECOUNT_MS = 300000, YOUNG_MS = 1500 };

/* As the API has it now: the cache may not have seen yet what admission has counted. */
static int count_kind(struct controller_ctx *c, const struct object *quota,
                      const struct resource *r, struct quota_usage *used, struct arena *a,
                      struct err *e)
{
    struct kube_list l = {0};
    int rc = kube_list(c->kube, r, quota->ns, NULL, &l, e);
    for (size_t i = 0; i < l.n; i++) {
        if (!quota_selects(quota->root, r, l.items[i]->root))
            continue;
        struct quota_usage u = quota_usage_of(r, l.items[i]->root, a);
        for (size_t k = 0; k < u.n; k++)
            quota_usage_add(used, arena_strdup(a, u.items[k].name), &u.items[k].amount, a);
    }
    kube_list_done(&l);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Each kind that the quota names, once. */
static int count(struct controller_ctx *c, const struct object *quota, struct arena *a,
                 struct quota_usage *used, struct err *e)
{
    const struct resource *seen[64];
    size_t n = 0;
    VALUE_EACH_MEMBER (m, value_at(quota->root, "spec.hard")) {
        const struct resource *r = quota_resource(m->key);
        bool again = !r || n == ARRAY_LEN(seen);
        for (size_t i = 0; i < n; i++)
            again |= seen[i] == r;
        if (again)
            continue;
        seen[n++] = r;
        int rc = count_kind(c, quota, r, used, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
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

static bool is_in_line(const struct object *quota)
{
    return value_equal(value_at(quota->root, "spec.hard"), value_at(quota->root, "status.hard")) &&
           value_at(quota->root, "status.used");
}

/* Keys are "namespace": count a quota that has not been counted for what it limits now; and
 * "recount/namespace": count it though it has been. Admission counts what comes and goes while
 * objects are on their way, so recounting is left to when nothing else would notice. */
static int quota_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    bool again = strncmp(key->ns, RECOUNT, strlen(RECOUNT)) == 0;
    const char *ns = again ? key->ns + strlen(RECOUNT) : key->ns;
    struct object *now = NULL;
    struct quota_usage used = {0};
    int rc = kube_get(c->kube, &RES_RESOURCE_QUOTA, ns, key->name, &now, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    const struct object *quota = object_hold(a, now);
    object_unref(now);
    int64_t age = c->clock->real_ms(c->clock) -
                  time_ms(value_at(quota->root, "metadata.creationTimestamp"), 0);
    if (again) /* once soon: what was being made while the quota was is in no count yet */
        c->requeue_after_ms = age < YOUNG_MS ? YOUNG_MS - age : RECOUNT_MS;
    if (quota->deleting || (is_in_line(quota) && (!again || age < YOUNG_MS)))
        return 0;
    rc = count(c, quota, a, &used, e);
    return rc < 0 ? rc : write_status(c, &RES_RESOURCE_QUOTA, quota, status_of(quota, &used, a), e);
}

static void add_recount(const struct object *quota, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    key_add(s, arena_printf(a, RECOUNT "%s", quota->ns), quota->name);
}

static void of_quota(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    if (is_in_line(o))
        return;
    key_add(s, o->ns, o->name);
    add_recount(o, s);
}

/* A pod that ended counts no more, though it is there. */
static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    if (!pod_is_finished(o))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_RESOURCE_QUOTA, o->ns, a);
    for (size_t i = 0; i < l.n; i++)
        add_recount(l.items[i], s);
}

static const struct controller_watch WATCHES[] = {
    {&RES_RESOURCE_QUOTA, of_quota},
    {&RES_POD,            of_pod  },
    {NULL,                NULL    },
};

const struct controller quota_controller = {
    .name = "resource-quota-controller",
    .watches = WATCHES,
    .workers = 1,
    .sync = quota_sync,
};
