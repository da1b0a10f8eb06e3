/* Configuration that Git does not hold: Secrets (and ConfigMaps) that pods use and that no
 * manifest makes. A change of it rolls the pods, is judged like any other change, and comes back
 * with a rollback. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "kube/cache.h"
#include "kube/controller.h"

struct outside {
    struct app *p;
    struct app_manifests *m;
    struct value *all;  /* digest by "Secret/NS/NAME" */
    struct value *here; /* the same, of one pod template */
    const char *ns;
    int rc;
    struct err *e;
};

static const char *hex12(struct arena *a, const char *text)
{
    unsigned char sum[32];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), sum) < 0)
        return "";
    return arena_printf(a, "%02x%02x%02x%02x%02x%02x", sum[0], sum[1], sum[2], sum[3], sum[4],
                        sum[5]);
}

static const char *data_digest(struct arena *a, const struct value *o)
{
    struct value *v = value_new_object(a);
    static const char *const parts[] = {"data", "binaryData"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (value_count(value_get(o, parts[i])) > 0)
            (void)value_set(a, v, parts[i], value_get(o, parts[i]));
    return hex12(a, json_text(a, v, JSON_SORTED));
}

static bool in_git(const struct app_manifests *m, const char *kind, const char *ns,
                   const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(value_at_str(m->objects[i], "kind", ""), kind) == 0 &&
            strcmp(value_at_str(m->objects[i], "metadata.name", ""), name) == 0 &&
            strcmp(value_at_str(m->objects[i], "metadata.namespace", ""), ns) == 0)
            return true;
    return false;
}

static void refer(struct outside *o, const struct resource *res, const char *name)
{
    if (!*name || o->rc < 0 || in_git(o->m, res->kind, o->ns, name))
        return;
    const char *key = arena_printf(o->p->a, "%s/%s/%s", res->kind, o->ns, name);
    const char *known = value_str(value_get(o->all, key), NULL);
    if (!known) {
        AUTO(object) struct object *live = NULL;
        int rc = kube_get(o->p->c->kube, res, o->ns, name, &live, o->e);
        if (rc < 0 && rc != ERR_NOT_FOUND) {
            o->rc = rc;
            return;
        }
        known = live ? data_digest(o->p->a, live->root) : "absent";
        (void)value_set_str(o->p->a, o->all, key, known);
    }
    (void)value_set_str(o->p->a, o->here, key, known);
}

/* Wherever a pod's spec names a Secret or a ConfigMap. */
static void find(struct outside *o, const struct value *v, int depth)
{
    static const struct {
        const char *key, *name;
        const struct resource *res;
    } places[] = {
        {"secretKeyRef",    "name",       &RES_SECRET    },
        {"secretRef",       "name",       &RES_SECRET    },
        {"secret",          "secretName", &RES_SECRET    },
        {"secret",          "name",       &RES_SECRET    },
        {"configMapKeyRef", "name",       &RES_CONFIG_MAP},
        {"configMapRef",    "name",       &RES_CONFIG_MAP},
        {"configMap",       "name",       &RES_CONFIG_MAP},
    };
    if (depth > 64)
        return;
    VALUE_EACH_ITEM (item, v)
        find(o, item, depth + 1);
    VALUE_EACH_MEMBER (m, v) {
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
            if (strcmp(m->key, places[i].key) == 0)
                refer(o, places[i].res, value_at_str(&m->value, places[i].name, ""));
        find(o, &m->value, depth + 1);
    }
}

int app_outside_config(struct app *p, struct app_manifests *m, struct err *e)
{
    struct outside o = {.p = p, .m = m, .all = value_new_object(p->a), .e = e};
    for (size_t i = 0; trial_wanted(p) && i < m->n; i++) {
        struct value *pod = value_at_mut(m->objects[i], "spec.template");
        if (!value_is(value_get(pod, "spec"), VALUE_OBJECT))
            continue;
        o.here = value_new_object(p->a);
        o.ns = value_at_str(m->objects[i], "metadata.namespace", "");
        find(&o, value_get(pod, "spec"), 0);
        if (o.rc < 0)
            return o.rc;
        if (value_count(o.here) > 0)
            (void)value_set_str(p->a, value_make_object(p->a, pod, "metadata.annotations"),
                                APP_CONFIG_HASH, hex12(p->a, json_text(p->a, o.here, JSON_SORTED)));
    }
    m->config = o.all;
    return 0;
}

/* ---- copies ---- */

struct place {
    const char *kind, *ns, *name, *digest;
};

static bool place_of(struct arena *a, const struct member *m, struct place *out)
{
    const char *s = strchr(m->key, '/'), *t = s ? strchr(s + 1, '/') : NULL;
    if (!t)
        return false;
    *out = (struct place){arena_strndup(a, m->key, (size_t)(s - m->key)),
                          arena_strndup(a, s + 1, (size_t)(t - s - 1)), t + 1,
                          value_str(&m->value, "")};
    return strcmp(out->digest, "absent") != 0;
}

static const struct resource *resource_of(const struct place *w)
{
    return strcmp(w->kind, "Secret") == 0 ? &RES_SECRET : &RES_CONFIG_MAP;
}

static const char *copy_name(struct app *p, const struct place *w)
{
    return arena_printf(p->a, "%.200s-saved-%s", w->name, w->digest);
}

static int save(struct app *p, const struct place *w, struct err *e)
{
    const struct resource *res = resource_of(w);
    AUTO(object) struct object *live = NULL;
    int rc = kube_get(p->c->kube, res, w->ns, w->name, &live, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    if (strcmp(data_digest(p->a, live->root), w->digest) != 0)
        return 0; /* it changed already; that change has its own trial */
    struct value *o = value_new_object(p->a);
    (void)value_set_str(p->a, o, "apiVersion", "v1");
    (void)value_set_str(p->a, o, "kind", res->kind);
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", copy_name(p, w));
    (void)value_set_str(p->a, meta, "namespace", w->ns);
    struct value *labels = value_make_object(p->a, meta, "labels");
    (void)value_set_str(p->a, labels, "slipway.dev/saved-of", w->name);
    (void)value_set_str(p->a, labels, "slipway.dev/application", p->name);
    static const char *const parts[] = {"type", "data", "binaryData"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (value_get(live->root, parts[i]))
            (void)value_set(p->a, o, parts[i], value_get(live->root, parts[i]));
    rc = kube_create(p->c->kube, res, w->ns, o, NULL, e);
    return rc == ERR_EXISTS ? 0 : rc;
}

/* Copies of states before the last good one are of no use any more. */
static void drop_older(struct app *p, const struct place *w)
{
    struct kube_list l = {.n = 0};
    struct kube_list_opts opts = {
        .labels = arena_printf(p->a, "slipway.dev/saved-of=%s,slipway.dev/application=%s", w->name,
                               p->name)};
    if (kube_list(p->c->kube, resource_of(w), w->ns, &opts, &l, NULL) < 0)
        return;
    for (size_t i = 0; i < l.n; i++) {
        struct kube_delete_opts del = {.grace_s = -1, .uid = l.items[i]->uid};
        if (strcmp(l.items[i]->name, copy_name(p, w)) != 0)
            (void)!kube_delete(p->c->kube, resource_of(w), w->ns, l.items[i]->name, &del, NULL);
    }
    kube_list_done(&l);
}

int app_config_save(struct app *p, const struct value *config, struct err *e)
{
    VALUE_EACH_MEMBER (m, config) {
        struct place w;
        if (!place_of(p->a, m, &w))
            continue;
        int rc = save(p, &w, e);
        if (rc < 0)
            return err_wrap(e, rc, "keep a copy of %s %s/%s", w.kind, w.ns, w.name);
        drop_older(p, &w);
    }
    return 0;
}

static int restore(struct app *p, const struct place *w, struct err *e)
{
    const struct resource *res = resource_of(w);
    AUTO(object) struct object *live = NULL;
    AUTO(object) struct object *copy = NULL;
    int rc = kube_get(p->c->kube, res, w->ns, w->name, &live, e);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (live && strcmp(data_digest(p->a, live->root), w->digest) == 0)
        return 0;
    rc = kube_get(p->c->kube, res, w->ns, copy_name(p, w), &copy, e);
    if (rc < 0)
        return rc;
    struct value *o = live ? value_copy(p->a, live->root) : value_new_object(p->a);
    static const char *const parts[] = {"data", "binaryData"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)value_remove(o, parts[i]);
        if (value_get(copy->root, parts[i]))
            (void)value_set(p->a, o, parts[i], value_get(copy->root, parts[i]));
    }
    if (live)
        return kube_update(p->c->kube, res, w->ns, w->name, NULL, o, NULL, e);
    (void)value_set_str(p->a, o, "apiVersion", "v1");
    (void)value_set_str(p->a, o, "kind", res->kind);
    if (value_get(copy->root, "type"))
        (void)value_set(p->a, o, "type", value_get(copy->root, "type"));
    (void)value_set_str(p->a, value_make_object(p->a, o, "metadata"), "name", w->name);
    (void)value_set_str(p->a, value_make_object(p->a, o, "metadata"), "namespace", w->ns);
    return kube_create(p->c->kube, res, w->ns, o, NULL, e);
}

int app_config_restore(struct app *p, const struct value *config, struct err *e)
{
    VALUE_EACH_MEMBER (m, config) {
        struct place w;
        int rc = place_of(p->a, m, &w) ? restore(p, &w, e) : 0;
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return err_wrap(e, rc, "restore %s %s/%s", w.kind, w.ns, w.name);
    }
    return 0;
}
