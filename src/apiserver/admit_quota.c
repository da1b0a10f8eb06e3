/* admit_quota.c - nothing is made that a ResourceQuota has no room for.
 *
 * The room is taken before the object is written, by counting it in the quota's status; the
 * controller gives it back when the object goes (or, after a write that failed, recounts). */
#include <string.h>

#include "api/quota.h"
#include "apiserver/admission_int.h"
#include "apiserver/rest_int.h"

enum { QUOTAS_MAX = 32 };

struct room {
    struct call *c; /* of the object that wants in */
    const struct served *k;
    const char *name; /* of the object */
    const struct quota_usage *delta;
    int rc; /* refused: why is in c */
};

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static struct quota_usage usage_in(const struct value *list, struct arena *a)
{
    struct quota_usage u = {0};
    VALUE_EACH_MEMBER (m, list) {
        struct quantity q;
        if (m->value.text && quantity_parse(m->value.text, &q, NULL) == 0)
            quota_usage_add(&u, m->key, &q, a);
    }
    return u;
}

/* The names for which used + delta is more than hard, in order. */
static size_t exceeded(const struct quota_usage *hard, const struct quota_usage *used,
                       const struct quota_usage *delta, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < hard->n; i++) {
        const struct quantity *more = quota_usage_get(delta, hard->items[i].name);
        const struct quantity *has = quota_usage_get(used, hard->items[i].name);
        if (!more || more->nano <= 0)
            continue;
        struct quantity sum = *more;
        if (has)
            quantity_add(&sum, has);
        if (quantity_cmp(&sum, &hard->items[i].amount) > 0)
            names[n++] = hard->items[i].name;
    }
    qsort(names, n, sizeof *names, by_text);
    return n;
}

static int refuse_exceeded(const struct room *w, const char *quota, const struct quota_usage *hard,
                           const struct quota_usage *used, const char *const *names, size_t n)
{
    struct arena *a = w->c->a;
    return refuse_forbidden(w->c, w->k, w->name,
                            "exceeded quota: %s, requested: %s, used: %s, limited: %s", quota,
                            quota_text(w->delta, names, n, a), quota_text(used, names, n, a),
                            quota_text(hard, names, n, a));
}

/* Everything of one kind that is there and counts. */
static void count_kind(struct room *w, const struct value *quota, const struct resource *r,
                       struct quota_usage *used)
{
    const struct served *k = kinds__of(w->c->s, r);
    struct entry_list l = {0};
    struct err e = {0};
    const char *ns = value_at_str(quota, "metadata.namespace", "");
    if (!k || store_list(w->c->s->store, stored__key(k, ns, "", w->c->a), NULL, 0, 0, &l, &e) < 0)
        return;
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(w->c->s, k, l.items[i]);
        if (!quota_selects(quota, r, o->root))
            continue;
        struct quota_usage u = quota_usage_of(r, o->root, w->c->a);
        for (size_t j = 0; j < u.n; j++)
            quota_usage_add(used, u.items[j].name, &u.items[j].amount, w->c->a);
    }
    entry_list_done(&l);
}

/* A quota that the controller has not come to yet is counted here. */
static void recount(struct room *w, const struct value *quota, struct value *status)
{
    struct quota_usage used = {0};
    const struct resource *seen[64];
    size_t n = 0;
    const struct value *hard = value_at(quota, "spec.hard");
    VALUE_EACH_MEMBER (m, hard) {
        const struct resource *r = quota_resource(m->key);
        bool again = !r || n == ARRAY_LEN(seen);
        for (size_t i = 0; i < n; i++)
            again |= seen[i] == r;
        if (again)
            continue;
        seen[n++] = r;
        count_kind(w, quota, r, &used);
    }
    struct value *list = value_new_object(w->c->a);
    VALUE_EACH_MEMBER (m, hard) {
        char text[QUANTITY_TEXT_MAX] = "0";
        if (quota_usage_get(&used, m->key))
            quantity_print(quota_usage_get(&used, m->key), text);
        value_set_str(w->c->a, list, m->key, text);
    }
    value_set(w->c->a, status, "hard", hard);
    value_set(w->c->a, status, "used", list);
}

/* Counts the object in the quota as it is now, or refuses it. */
static int take_room(struct call *c, const struct served *k, const struct value *live, void *arg,
                     struct value **out)
{
    (void)k;
    struct room *w = arg;
    struct value *next = value_copy(c->a, live);
    struct value *status = value_make_object(c->a, next, "status");
    if (!value_equal(value_get(status, "hard"), value_at(live, "spec.hard")))
        recount(w, live, status);
    struct quota_usage hard = usage_in(value_get(status, "hard"), w->c->a);
    struct quota_usage used = usage_in(value_get(status, "used"), w->c->a);
    const char **names = ARENA_ARRAY(w->c->a, const char *, hard.n + 1);
    size_t n = exceeded(&hard, &used, w->delta, names);
    if (n) {
        w->rc = refuse_exceeded(w, value_at_str(live, "metadata.name", ""), &hard, &used, names, n);
        *out = next;
        return 0;
    }
    struct value *list = value_make_object(c->a, status, "used");
    for (size_t i = 0; i < hard.n; i++) {
        const struct quantity *more = quota_usage_get(w->delta, hard.items[i].name);
        if (!more)
            continue;
        quota_usage_add(&used, hard.items[i].name, more, w->c->a);
        char text[QUANTITY_TEXT_MAX];
        quantity_print(quota_usage_get(&used, hard.items[i].name), text);
        value_set_str(c->a, list, hard.items[i].name, text);
    }
    *out = next;
    return 0;
}

/* Is there anything in the quota that the object counts for? */
static bool concerns(const struct object *quota, const struct quota_usage *delta)
{
    VALUE_EACH_MEMBER (m, value_at(quota->root, "spec.hard")) {
        const struct quantity *q = quota_usage_get(delta, m->key);
        if (q && q->nano > 0)
            return true;
    }
    return false;
}

static int check_quota(struct room *w, const struct object *quota, const struct value *obj)
{
    const struct resource *r = w->k->storage->res;
    const char *missing = r == &RES_POD ? quota_missing(quota->root, obj, w->c->a) : NULL;
    if (missing)
        return refuse_forbidden(w->c, w->k, w->name, "failed quota: %s: must specify %s",
                                quota->name, missing);
    if (!concerns(quota, w->delta) || w->c->dry_run)
        return 0;
    struct call c;
    call_init_internal(&c, w->c->s, w->c->a, "kube-apiserver");
    struct result res = {0};
    const struct rest_write rw = {.k = kinds__of(w->c->s, &RES_RESOURCE_QUOTA),
                                  .ns = quota->ns,
                                  .name = quota->name,
                                  .sub = "status",
                                  .change = take_room,
                                  .arg = w,
                                  .raw = true};
    w->rc = 0;
    int rc = rest_write(&c, &rw, &res);
    if (w->rc < 0)
        return w->rc;
    /* A quota that went meanwhile limits nothing. */
    return rc < 0 && rc != ERR_NOT_FOUND ? refuse(w->c, ERR_AGAIN, 500, "InternalError",
                                                  "quota %s could not be counted", quota->name)
                                         : 0;
}

int admit_quota(struct call *c, const struct served *k, const char *ns, const struct value *obj)
{
    const struct served *quotas = kinds__of(c->s, &RES_RESOURCE_QUOTA);
    const struct resource *r = k->storage->res;
    if (!k->res->namespaced || r == &RES_RESOURCE_QUOTA || r == &RES_EVENT || !quotas)
        return 0;
    struct entry_list l = {0};
    struct err e = {0};
    const char *prefix = stored__key(quotas, ns, "", c->a);
    if (store_count(c->s->store, prefix) == 0)
        return 0;
    if (store_list(c->s->store, prefix, NULL, QUOTAS_MAX, 0, &l, &e) < 0)
        return refuse_err(c, &e);
    struct quota_usage delta = quota_usage_of(r, obj, c->a);
    struct room w = {
        .c = c, .k = k, .name = value_at_str(obj, "metadata.name", ""), .delta = &delta};
    int rc = 0;
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        AUTO(object) struct object *quota = stored__object(c->s, quotas, l.items[i]);
        if (quota_selects(quota->root, r, obj))
            rc = check_quota(&w, quota, obj);
    }
    entry_list_done(&l);
    return rc;
}

/* Gives back what the object counted for. */
static int give_room(struct call *c, const struct served *k, const struct value *live, void *arg,
                     struct value **out)
{
    (void)k;
    const struct quota_usage *delta = arg;
    struct value *next = value_copy(c->a, live);
    struct value *used = value_make_object(c->a, next, "status.used");
    struct quota_usage has = usage_in(value_at(live, "status.used"), c->a);
    for (size_t i = 0; i < has.n; i++) {
        const struct quantity *less = quota_usage_get(delta, has.items[i].name);
        if (!less)
            continue;
        quantity_sub(&has.items[i].amount, less);
        if (has.items[i].amount.nano < 0)
            has.items[i].amount.nano = 0;
        char text[QUANTITY_TEXT_MAX];
        quantity_print(&has.items[i].amount, text);
        value_set_str(c->a, used, has.items[i].name, text);
    }
    *out = next;
    return 0;
}

void quota_release(struct apiserver *s, const struct served *k, const struct value *obj)
{
    const struct served *quotas = kinds__of(s, &RES_RESOURCE_QUOTA);
    const struct resource *r = k->storage->res;
    const char *ns = value_at_str(obj, "metadata.namespace", "");
    if (!k->res->namespaced || r == &RES_RESOURCE_QUOTA || r == &RES_EVENT || !quotas)
        return;
    AUTO(arena) struct arena *a = arena_new(16 << 20);
    const char *prefix = stored__key(quotas, ns, "", a);
    struct entry_list l = {0};
    struct err e = {0};
    if (store_count(s->store, prefix) == 0 ||
        store_list(s->store, prefix, NULL, QUOTAS_MAX, 0, &l, &e) < 0)
        return;
    struct quota_usage delta = quota_usage_of(r, obj, a);
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *quota = stored__object(s, quotas, l.items[i]);
        if (!quota_selects(quota->root, r, obj) || !concerns(quota, &delta) ||
            !value_at(quota->root, "status.used"))
            continue;
        struct call c;
        call_init_internal(&c, s, a, "kube-apiserver");
        struct result res = {0};
        const struct rest_write w = {.k = quotas,
                                     .ns = quota->ns,
                                     .name = quota->name,
                                     .sub = "status",
                                     .change = give_room,
                                     .arg = &delta,
                                     .raw = true};
        (void)rest_write(&c, &w, &res); /* what fails here the controller makes good */
    }
    entry_list_done(&l);
}
