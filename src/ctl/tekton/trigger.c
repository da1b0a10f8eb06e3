/* trigger.c - firing the triggers of a listener. */
#include "ctl/tekton/trigger.h"

#include "base/own.h"
#include "codec/base64.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/pod.h"

static bool worth_retrying(int r)
{
    return r == ERR_AGAIN || r == ERR_CONFLICT || r == ERR_TIMEOUT || r == ERR_SYSTEM;
}

/* ---- secrets for interceptors ---- */

static int get_secret(void *arg, const char *ns, const char *name, const char *key, struct arena *a,
                      const char **out, size_t *out_n, struct err *e)
{
    struct kube *k = arg;
    AUTO(object) struct object *secret = NULL;
    int r = kube_get(k, &RES_SECRET, ns, name, &secret, e);
    if (r < 0)
        return r;
    const struct value *v = value_get(value_get(secret->root, "data"), key);
    if (!v)
        return err_set(e, ERR_NOT_FOUND, "cannot find %s key in secret %s/%s", key, ns, name);
    char *bytes;
    r = base64_decode(a, value_str(v, ""), value_count(v), BASE64_STD, &bytes, out_n, e);
    if (r == 0)
        *out = bytes;
    return r;
}

/* ---- references ---- */

static int get_held(struct kube *k, const struct resource *res, const char *ns, const char *name,
                    struct arena *a, const struct value **out, struct err *e)
{
    struct object *o;
    int r = kube_get(k, res, ns, name, &o, e);
    if (r < 0)
        return r;
    *out = object_hold(a, o)->root;
    object_unref(o);
    return 0;
}

/* All bindings' params in one list. */
static int collect_bindings(const struct firing *f, const struct value *trigger, struct arena *a,
                            struct value **out, struct err *e)
{
    struct value *all = value_new_array(a);
    VALUE_EACH_ITEM (b, value_get(trigger, "bindings")) {
        const char *ref = value_at_str(b, "ref", "");
        const struct value *root = NULL, *params = value_at(b, "spec.params");
        if (value_get(b, "value"))
            (void)value_push(a, all, b);
        if (*ref) {
            bool cluster = strcmp(value_at_str(b, "kind", ""), "ClusterTriggerBinding") == 0;
            int r = get_held(f->kube, cluster ? &RES_CLUSTER_TRIGGER_BINDING : &RES_TRIGGER_BINDING,
                             cluster ? NULL : f->ns, ref, a, &root, e);
            if (r < 0)
                return err_wrap(e, r, "failed to resolve bindings");
            params = value_at(root, "spec.params");
        }
        VALUE_EACH_ITEM (p, params)
            (void)value_push(a, all, p);
    }
    *out = all;
    return 0;
}

static int find_template(const struct firing *f, const struct value *trigger, struct arena *a,
                         const struct value **spec, struct err *e)
{
    const struct value *template = value_get(trigger, "template"), *root;
    *spec = value_get(template, "spec");
    if (*spec)
        return 0;
    const char *name = value_at_str(template, "ref", value_at_str(template, "name", ""));
    int r = get_held(f->kube, &RES_TRIGGER_TEMPLATE, f->ns, name, a, &root, e);
    if (r < 0)
        return err_wrap(e, r, "error getting TriggerTemplate %s", name);
    *spec = value_get(root, "spec");
    return 0;
}

/* ---- what a template makes ---- */

static void set_all(struct value *meta, const char *key, const struct value *add, struct arena *a)
{
    VALUE_EACH_MEMBER (m, add)
        (void)value_set(a, value_make_object(a, meta, key), m->key, &m->value);
}

/* A generated name follows from the event, so that the event is acted on once. */
static void settle_name(const struct firing *f, const char *trigger, size_t i, struct value *meta,
                        struct arena *a)
{
    const char *base = value_at_str(meta, "generateName", "");
    if (*value_at_str(meta, "name", "") || !*base)
        return;
    size_t n = strlen(base);
    const char *stem = arena_strndup(a, base, n - (base[n - 1] == '-'));
    const char *key = arena_printf(a, "%s/%s/%s/%s/%zu", f->ns, f->listener, trigger, f->seed, i);
    uint64_t hash = map_hash(key, strlen(key));
    (void)value_remove(meta, "generateName");
    (void)value_set_str(
        a, meta, "name",
        child_name(stem, arena_printf(a, "-%010llx", (unsigned long long)(hash & 0xffffffffffull)),
                   a));
}

/* A template must not reach further than its listener's account. */
static int may_create(const struct firing *f, const struct resource *res, const char *ns,
                      struct err *e)
{
    if (strcmp(res->group, "tekton.dev") == 0 && ns && strcmp(ns, f->ns) == 0)
        return 0;
    if (f->ports && f->ports->may_create)
        return f->ports->may_create(f->ports->arg, f->ns, *f->account ? f->account : "default", res,
                                    ns ? ns : "", e);
    return err_set(e, ERR_DENIED, "event listener %s may not create %s", f->listener, res->plural);
}

static int create_resource(const struct firing *f, const char *trigger, size_t i,
                           const struct event *ev, struct value *obj, struct arena *a,
                           struct err *e)
{
    const struct resource *res;
    const char *kind = value_at_str(obj, "kind", "");
    const char *version = value_at_str(obj, "apiVersion", "");
    int r = kube_find(f->kube, version, kind, &res, e);
    if (r == ERR_NOT_FOUND && strncmp(version, "tekton.dev/", 11) == 0) {
        (void)value_set_str(a, obj, "apiVersion", "tekton.dev/v1"); /* reads older forms as well */
        r = kube_find(f->kube, "tekton.dev/v1", kind, &res, e);
    }
    if (r < 0)
        return r;
    struct value *meta = value_make_object(a, obj, "metadata");
    if (res->namespaced && !*value_at_str(meta, "namespace", ""))
        (void)value_set_str(a, meta, "namespace", f->ns);
    settle_name(f, trigger, i, meta, a);
    set_all(meta, "labels", f->labels, a);
    set_all(meta, "annotations", f->annotations, a);
    struct value *labels = value_make_object(a, meta, "labels");
    (void)value_set_str(a, labels, "triggers.tekton.dev/eventlistener",
                        label_value(f->listener, a));
    (void)value_set_str(a, labels, "triggers.tekton.dev/triggers-eventid", label_value(ev->id, a));
    if (*trigger)
        (void)value_set_str(a, labels, "triggers.tekton.dev/trigger", label_value(trigger, a));
    const char *ns = res->namespaced ? value_at_str(meta, "namespace", "") : NULL;
    if ((r = may_create(f, res, ns, e)) < 0)
        return r;
    r = kube_create(f->kube, res, ns, obj, NULL, e);
    if (r == ERR_EXISTS)
        return 0;
    return r < 0 ? err_wrap(e, r, "create %s %s", kind, value_at_str(meta, "name", "")) : 0;
}

static int create_all(const struct firing *f, const char *name, const struct value *trigger,
                      const struct event *ev, struct arena *a, size_t *created, struct err *e)
{
    struct value *bindings, *params, *obj;
    const struct value *template;
    int r = collect_bindings(f, trigger, a, &bindings, e);
    if (r == 0)
        r = find_template(f, trigger, a, &template, e);
    if (r == 0)
        r = event_params(ev, bindings, value_get(template, "params"), a, &params, e);
    if (r < 0)
        return r;
    const struct value *list = value_get(template, "resourcetemplates");
    if (!list)
        list = value_get(template, "resourceTemplates");
    size_t i = 0;
    VALUE_EACH_ITEM (t, list) {
        r = event_resource(t, params, ev->id, a, &obj, e);
        if (r == 0)
            r = create_resource(f, name, i++, ev, obj, a, e);
        if (r < 0)
            return r;
        (*created)++;
    }
    return 0;
}

/* ---- triggers ---- */

static int intercept_all(const struct firing *f, const struct value *list, struct event *ev,
                         struct arena *a, struct err *e)
{
    const struct event_secrets secrets = {get_secret, f->kube, f->ns};
    VALUE_EACH_ITEM (i, list) {
        int r = event_intercept(ev, i, &secrets, a, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ERR_DENIED is an answer: the trigger does not want the event. */
static int fire_one(const struct firing *f, const char *name, const struct value *trigger,
                    const struct event *original, struct arena *a, size_t *created, struct err *e)
{
    struct event ev = *original;
    struct err why = {0};
    int r = intercept_all(f, value_get(trigger, "interceptors"), &ev, a, &why);
    if (r == ERR_DENIED)
        return 0;
    if (r == 0)
        r = create_all(f, name, trigger, &ev, a, created, &why);
    if (r == 0)
        return 0;
    if (worth_retrying(r)) {
        if (e)
            *e = why;
        return r;
    }
    f->complain(f->arg, name, why.msg);
    return 0;
}

static int fire_ref(const struct firing *f, const char *name, const struct event *ev,
                    struct arena *a, size_t *created, struct err *e)
{
    const struct value *root;
    struct err why = {0};
    if (get_held(f->kube, &RES_TRIGGER, f->ns, name, a, &root, &why) < 0) {
        f->complain(f->arg, name, why.msg);
        return 0;
    }
    return fire_one(f, name, value_get(root, "spec"), ev, a, created, e);
}

static const char *selector_text(const struct value *labels, struct arena *a)
{
    const char *out = "";
    VALUE_EACH_MEMBER (m, labels)
        out = arena_printf(a, "%s%s%s=%s", out, *out ? "," : "", m->key, value_str(&m->value, ""));
    return *out ? out : NULL;
}

/* The Trigger objects that a selector takes, in the listener's namespace. */
static int fire_selected(const struct firing *f, const struct value *selector,
                         const struct event *ev, struct arena *a, size_t *created, struct err *e)
{
    const struct kube_list_opts opts = {.labels =
                                            selector_text(value_at(selector, "matchLabels"), a)};
    struct kube_list list;
    int r = kube_list(f->kube, &RES_TRIGGER, f->ns, &opts, &list, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n && r == 0; i++) {
        const struct object *o = object_hold(a, list.items[i]);
        r = fire_one(f, o->name, value_get(o->root, "spec"), ev, a, created, e);
    }
    kube_list_done(&list);
    return r;
}

static int fire_group(const struct firing *f, const struct value *group, const struct event *ev,
                      struct arena *a, size_t *created, struct err *e)
{
    struct event own = *ev;
    struct err why = {0};
    int r = intercept_all(f, value_get(group, "interceptors"), &own, a, &why);
    if (r == 0)
        return fire_selected(f, value_at(group, "triggerSelector.labelSelector"), &own, a, created,
                             e);
    if (r != ERR_DENIED)
        f->complain(f->arg, value_at_str(group, "name", ""), why.msg);
    return 0;
}

int trigger_fire(const struct firing *f, const struct value *listener, const struct event *ev,
                 struct arena *a, size_t *created, struct err *e)
{
    const struct value *spec = value_get(listener, "spec");
    struct firing own = *f;
    own.account = value_at_str(spec, "serviceAccountName", "");
    f = &own;
    int r = 0;
    *created = 0;
    VALUE_EACH_ITEM (t, value_get(spec, "triggers")) {
        const char *ref = value_at_str(t, "triggerRef", "");
        r = *ref ? fire_ref(f, ref, ev, a, created, e)
                 : fire_one(f, value_at_str(t, "name", ""), t, ev, a, created, e);
        if (r < 0)
            return r;
    }
    VALUE_EACH_ITEM (g, value_get(spec, "triggerGroups"))
        if ((r = fire_group(f, g, ev, a, created, e)) < 0)
            return r;
    if (value_get(spec, "labelSelector") || value_get(spec, "namespaceSelector"))
        r = fire_selected(f, value_get(spec, "labelSelector"), ev, a, created, e);
    return r;
}
