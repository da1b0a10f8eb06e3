/* admit_limits.c - LimitRanges: what containers get when they say nothing, and what no container,
 * pod or claim may ask for. */
#include <string.h>

#include "api/quota.h"
#include "apiserver/admission_int.h"
#include "apiserver/rest_int.h"
#include "base/buf.h"

enum { RANGES_MAX = 64, ERRORS_MAX = 256 };

/* The LimitRanges of a namespace, in order of name; held by the arena. */
struct ranges {
    const struct object *items[RANGES_MAX];
    size_t n;
};

static void drop(void *o)
{
    object_unref(o);
}

static void ranges_of(struct call *c, const char *ns, struct ranges *out)
{
    const struct served *k = kinds__of(c->s, &RES_LIMIT_RANGE);
    const char *prefix = k ? stored__key(k, ns, "", c->a) : NULL;
    struct entry_list l = {0};
    struct err e = {0};
    out->n = 0;
    if (!k || store_count(c->s->store, prefix) == 0 ||
        store_list(c->s->store, prefix, NULL, RANGES_MAX, 0, &l, &e) < 0)
        return;
    for (size_t i = 0; i < l.n; i++) {
        struct object *o = stored__object(c->s, k, l.items[i]);
        arena_defer(c->a, drop, o);
        out->items[out->n++] = o;
    }
    entry_list_done(&l);
}

static bool is_about(const struct value *limit, const char *type)
{
    return strcmp(value_str(value_get(limit, "type"), ""), type) == 0;
}

/* ---- defaults ---- */

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Adds what is missing; writes "cpu, memory request for container c" when anything was. */
static void fill(struct call *c, struct value *container, const struct value *dflt,
                 const char *path, const char *what, struct buf *note)
{
    const char **set = ARENA_ARRAY(c->a, const char *, value_count(dflt) + 1);
    size_t n = 0;
    VALUE_EACH_MEMBER (m, dflt) {
        struct value *list = value_make_object(c->a, container, path);
        if (value_get(list, m->key))
            continue;
        value_set(c->a, list, m->key, &m->value);
        set[n++] = m->key;
    }
    if (n == 0)
        return;
    qsort(set, n, sizeof *set, by_text);
    buf_puts(note, note->len ? "; " : "");
    for (size_t i = 0; i < n; i++)
        buf_printf(note, "%s%s", i ? ", " : "", set[i]);
    buf_printf(note, " %s %s", what, value_str(value_get(container, "name"), ""));
}

static void fill_containers(struct call *c, struct value *list, const struct value *limit,
                            const char *kind, struct buf *note)
{
    const char *request = arena_printf(c->a, "request for %s", kind);
    const char *most = arena_printf(c->a, "limit for %s", kind);
    for (size_t i = 0; i < value_count(list); i++) {
        fill(c, &list->items[i], value_get(limit, "defaultRequest"), "resources.requests", request,
             note);
        fill(c, &list->items[i], value_get(limit, "default"), "resources.limits", most, note);
    }
}

void admit_limit_defaults(struct call *c, const char *ns, struct value *pod)
{
    struct ranges ranges;
    ranges_of(c, ns, &ranges);
    AUTO_BUF struct buf note;
    buf_init(&note, 1 << 16);
    for (size_t i = 0; i < ranges.n; i++) {
        VALUE_EACH_ITEM (limit, value_at(ranges.items[i]->root, "spec.limits")) {
            if (!is_about(limit, "Container"))
                continue;
            fill_containers(c, value_at_mut(pod, "spec.containers"), limit, "container", &note);
            fill_containers(c, value_at_mut(pod, "spec.initContainers"), limit, "init container",
                            &note);
        }
    }
    if (note.len)
        value_set_str(c->a, value_make_object(c->a, pod, "metadata.annotations"),
                      "kubernetes.io/limit-ranger",
                      arena_printf(c->a, "LimitRanger plugin set: %s", buf_text(&note)));
}

/* ---- checks ---- */

struct check {
    struct arena *a;
    const char *type; /* "Container" */
    struct quota_usage requests, limits;
    const char *errors[ERRORS_MAX];
    size_t n;
};

static void wrong(struct check *k, const char *text)
{
    if (k->n < ERRORS_MAX)
        k->errors[k->n++] = text;
}

static const char *text_of(struct check *k, const struct quantity *q)
{
    char *text = arena_alloc(k->a, QUANTITY_TEXT_MAX);
    quantity_print(q, text);
    return text;
}

static bool read_quantity(const struct member *m, struct quantity *out)
{
    return m->value.kind != VALUE_OBJECT && m->value.kind != VALUE_ARRAY && m->value.text &&
           quantity_parse(m->value.text, out, NULL) == 0;
}

static void check_min(struct check *k, const char *name, const struct quantity *min)
{
    const struct quantity *r = quota_usage_get(&k->requests, name);
    const struct quantity *l = quota_usage_get(&k->limits, name);
    const char *what =
        arena_printf(k->a, "minimum %s usage per %s is %s", name, k->type, text_of(k, min));
    if (!r)
        wrong(k, arena_printf(k->a, "%s.  No request is specified", what));
    else if (quantity_cmp(r, min) < 0)
        wrong(k, arena_printf(k->a, "%s, but request is %s", what, text_of(k, r)));
    else if (l && quantity_cmp(l, min) < 0)
        wrong(k, arena_printf(k->a, "%s, but limit is %s", what, text_of(k, l)));
}

static void check_max(struct check *k, const char *name, const struct quantity *max)
{
    const struct quantity *r = quota_usage_get(&k->requests, name);
    const struct quantity *l = quota_usage_get(&k->limits, name);
    bool claim = strcmp(k->type, "PersistentVolumeClaim") == 0;
    const char *what =
        arena_printf(k->a, "maximum %s usage per %s is %s", name, k->type, text_of(k, max));
    if (claim && !r)
        wrong(k, arena_printf(k->a, "%s.  No request is specified", what));
    else if (!claim && !l)
        wrong(k, arena_printf(k->a, "%s.  No limit is specified", what));
    else if (l && quantity_cmp(l, max) > 0)
        wrong(k, arena_printf(k->a, "%s, but limit is %s", what, text_of(k, l)));
    else if (r && quantity_cmp(r, max) > 0)
        wrong(k, arena_printf(k->a, "%s, but request is %s", what, text_of(k, r)));
}

static void check_ratio(struct check *k, const char *name, const struct quantity *max)
{
    const struct quantity *r = quota_usage_get(&k->requests, name);
    const struct quantity *l = quota_usage_get(&k->limits, name);
    const char *what = arena_printf(k->a, "%s max limit to request ratio per %s is %s", name,
                                    k->type, text_of(k, max));
    if (!r || r->nano == 0) {
        wrong(k, arena_printf(k->a, "%s, but no request is specified or request is 0", what));
        return;
    }
    if (!l || l->nano == 0) {
        wrong(k, arena_printf(k->a, "%s, but no limit is specified or limit is 0", what));
        return;
    }
    double ratio = (double)l->nano / (double)r->nano;
    if (ratio > (double)max->nano / 1e9)
        wrong(k, arena_printf(k->a, "%s, but provided ratio is %f", what, ratio));
}

static void check_limit(struct check *k, const struct value *limit)
{
    static const struct {
        const char *key;
        void (*check)(struct check *k, const char *name, const struct quantity *q);
    } rules[] = {
        {"min",                  check_min  },
        {"max",                  check_max  },
        {"maxLimitRequestRatio", check_ratio}
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        VALUE_EACH_MEMBER (m, value_get(limit, rules[i].key)) {
            struct quantity q;
            if (read_quantity(m, &q))
                rules[i].check(k, m->key, &q);
        }
    }
}

static struct quota_usage amounts(const struct value *list, struct arena *a)
{
    struct quota_usage u = {0};
    VALUE_EACH_MEMBER (m, list) {
        struct quantity q;
        if (read_quantity(m, &q))
            quota_usage_add(&u, m->key, &q, a);
    }
    return u;
}

static void check_containers(struct check *k, const struct value *list, const struct value *limit)
{
    VALUE_EACH_ITEM (x, list) {
        k->requests = amounts(value_at(x, "resources.requests"), k->a);
        k->limits = amounts(value_at(x, "resources.limits"), k->a);
        check_limit(k, limit);
    }
}

static void check_pod(struct check *k, const struct value *pod, const struct value *limit)
{
    if (is_about(limit, "Container")) {
        k->type = "Container";
        check_containers(k, value_at(pod, "spec.containers"), limit);
        check_containers(k, value_at(pod, "spec.initContainers"), limit);
    } else if (is_about(limit, "Pod")) {
        k->type = "Pod";
        k->requests = quota_pod_total(pod, "requests", k->a);
        k->limits = quota_pod_total(pod, "limits", k->a);
        check_limit(k, limit);
    }
}

static void check_claim(struct check *k, const struct value *claim, const struct value *limit)
{
    if (!is_about(limit, "PersistentVolumeClaim"))
        return;
    k->type = "PersistentVolumeClaim";
    k->requests = amounts(value_at(claim, "spec.resources.requests"), k->a);
    k->limits = (struct quota_usage){0};
    check_limit(k, limit);
}

int admit_limits(struct call *c, const struct served *k, const char *ns, const struct value *obj)
{
    const struct resource *r = k->storage->res;
    if (r != &RES_POD && r != &RES_PERSISTENT_VOLUME_CLAIM)
        return 0;
    struct ranges ranges;
    struct check *check = ARENA_NEW(c->a, struct check);
    check->a = c->a;
    ranges_of(c, ns, &ranges);
    for (size_t i = 0; i < ranges.n; i++) {
        VALUE_EACH_ITEM (limit, value_at(ranges.items[i]->root, "spec.limits")) {
            if (r == &RES_POD)
                check_pod(check, obj, limit);
            else
                check_claim(check, obj, limit);
        }
        if (check->n)
            break; /* as upstream: the first range that refuses */
    }
    if (check->n == 0)
        return 0;
    AUTO_BUF struct buf all;
    buf_init(&all, 1 << 16);
    for (size_t i = 0; i < check->n; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", check->errors[i]);
    return refuse_forbidden(c, k, value_at_str(obj, "metadata.name", ""),
                            check->n > 1 ? "[%s]" : "%s", buf_text(&all));
}
