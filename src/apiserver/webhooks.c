#include "apiserver/webhooks_int.h"

#include <stdatomic.h>
#include <string.h>

#include "apiserver/rest_int.h"
#include "codec/base64.h"
#include "codec/cel.h"
#include "codec/json.h"
#include "codec/patch.h"

/* ---- which there are ---- */

void webhooks__changed(struct apiserver *s)
{
    atomic_fetch_add(&s->webhook_changes, 1);
}

struct webhook_list {
    struct webhook *items;
    size_t n;
};

static void add_config(struct call *c, const struct object *o, struct webhook_list *out)
{
    const struct value *list = value_get(o->root, "webhooks");
    size_t more = value_count(list), size = sizeof *out->items;
    if (more == 0)
        return;
    out->items = arena_grow(c->a, out->items, out->n * size, (out->n + more) * size);
    const char *config = arena_strdup(c->a, o->name);
    VALUE_EACH_ITEM (h, value_copy(c->a, list))
        out->items[out->n++] = (struct webhook){h, value_at_str(h, "name", ""), config};
}

static int list_of(struct call *c, const struct resource *r, struct webhook_list *out)
{
    const struct served *k = kinds__of(c->s, r);
    struct entry_list l = {0};
    struct err e = {0};
    *out = (struct webhook_list){.n = 0};
    if (store_list(c->s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return refuse_err(c, &e);
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(c->s, k, l.items[i]);
        add_config(c, o, out);
    }
    entry_list_done(&l);
    return 0;
}

/* Nearly always there are none of either kind; `changes` says since when that is known. */
static bool are_none(struct call *c)
{
    uint64_t changes = atomic_load(&c->s->webhook_changes);
    struct webhook_list one, two;
    if (atomic_load(&c->s->webhooks_none) == changes + 1)
        return true;
    if (list_of(c, &RES_VALIDATING_WEBHOOKS, &one) < 0 ||
        list_of(c, &RES_MUTATING_WEBHOOKS, &two) < 0 || one.n + two.n > 0)
        return false;
    atomic_store(&c->s->webhooks_none, changes + 1);
    return true;
}

/* ---- which are for this write ---- */

static bool lists(const struct value *list, const char *text)
{
    VALUE_EACH_ITEM (v, list)
        if (strcmp(value_str(v, ""), "*") == 0 || strcmp(value_str(v, ""), text) == 0)
            return true;
    return false;
}

/* "pods", "pods/status", or with a star in the place of either. */
static bool lists_resource(const struct value *list, const char *plural, const char *sub)
{
    VALUE_EACH_ITEM (v, list) {
        const char *text = value_str(v, ""), *slash = strchr(text, '/');
        size_t n = strcspn(text, "/");
        bool resource =
            (n == 1 && *text == '*') || (strlen(plural) == n && strncmp(text, plural, n) == 0);
        bool part =
            slash ? strcmp(slash + 1, "*") == 0 || (sub && strcmp(slash + 1, sub) == 0) : !sub;
        if (resource && part)
            return true;
    }
    return false;
}

static bool rule_fits(const struct value *rule, const struct webhook_write *w)
{
    const struct resource *r = w->k->res;
    const char *scope = value_at_str(rule, "scope", "*");
    bool there =
        strcmp(scope, "*") == 0 || strcmp(scope, r->namespaced ? "Namespaced" : "Cluster") == 0;
    return there && lists(value_get(rule, "operations"), w->operation) &&
           lists(value_get(rule, "apiGroups"), r->group) &&
           lists(value_get(rule, "apiVersions"), r->version) &&
           lists_resource(value_get(rule, "resources"), r->plural, w->sub);
}

static bool selected(struct call *c, const struct value *selector, const struct value *object)
{
    struct selector s;
    if (selector_from_value(selector, c->a, &s, NULL) < 0)
        return false;
    return selector_matches(&s, value_at(object, "metadata.labels"));
}

/* Of the namespace that the object is in, or is; what is in none is always meant. */
static bool namespace_fits(struct call *c, const struct value *selector,
                           const struct webhook_write *w)
{
    if (value_count(selector) == 0)
        return true;
    if (w->k->res == &RES_NAMESPACE)
        return selected(c, selector, w->obj ? w->obj : w->old);
    if (!w->k->res->namespaced)
        return true;
    AUTO(object) struct object *ns = peek(c->s, &RES_NAMESPACE, NULL, w->ns);
    return ns && selected(c, selector, ns->root);
}

static bool fits(struct call *c, const struct webhook *h, const struct webhook_write *w)
{
    bool rule = false;
    VALUE_EACH_ITEM (r, value_get(h->doc, "rules"))
        rule |= rule_fits(r, w);
    const struct value *objects = value_get(h->doc, "objectSelector");
    return rule && namespace_fits(c, value_get(h->doc, "namespaceSelector"), w) &&
           (value_count(objects) == 0 || (w->obj && selected(c, objects, w->obj)) ||
            (w->old && selected(c, objects, w->old)));
}

/* ---- the question ---- */

static struct value *three(struct arena *a, const struct resource *r, const char *key,
                           const char *text)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "group", r->group);
    (void)value_set_str(a, v, "version", r->version);
    (void)value_set_str(a, v, key, text);
    return v;
}

static struct value *user_of(struct call *c)
{
    struct value *u = value_new_object(c->a), *groups = value_new_array(c->a);
    (void)value_set_str(c->a, u, "username", c->who.user ? c->who.user : "");
    if (c->who.uid && *c->who.uid)
        (void)value_set_str(c->a, u, "uid", c->who.uid);
    for (size_t i = 0; i < c->who.n_groups; i++)
        (void)value_push_str(c->a, groups, c->who.groups[i]);
    (void)value_set(c->a, u, "groups", groups);
    if (value_count(c->who.extra) > 0)
        (void)value_set(c->a, u, "extra", c->who.extra);
    return u;
}

static struct value *options_of(struct call *c, const struct webhook_write *w)
{
    struct value *o = value_new_object(c->a);
    const char *kind = strcmp(w->operation, "CREATE") == 0   ? "CreateOptions"
                       : strcmp(w->operation, "UPDATE") == 0 ? "UpdateOptions"
                                                             : "DeleteOptions";
    (void)value_set_str(c->a, o, "kind", kind);
    (void)value_set_str(c->a, o, "apiVersion", "meta.k8s.io/v1");
    if (c->manager && strcmp(w->operation, "DELETE") != 0)
        (void)value_set_str(c->a, o, "fieldManager", c->manager);
    return o;
}

static struct value *request_of(struct call *c, const struct webhook_write *w, const char *uid)
{
    struct arena *a = c->a;
    struct value *q = value_new_object(a);
    const struct resource *r = w->k->res;
    const struct value *is = w->obj ? w->obj : w->old;
    static const char *const kinds[] = {"kind", "requestKind"};
    static const char *const resources[] = {"resource", "requestResource"};
    (void)value_set_str(a, q, "uid", uid);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        (void)value_set(a, q, kinds[i], three(a, r, "kind", r->kind));
        (void)value_set(a, q, resources[i], three(a, r, "resource", r->plural));
        if (w->sub)
            (void)value_set_str(a, q, i ? "requestSubResource" : "subResource", w->sub);
    }
    (void)value_set_str(a, q, "name", value_at_str(is, "metadata.name", ""));
    if (r->namespaced)
        (void)value_set_str(a, q, "namespace", w->ns);
    (void)value_set_str(a, q, "operation", w->operation);
    (void)value_set(a, q, "userInfo", user_of(c));
    (void)value_set(a, q, "object", w->obj ? w->obj : value_null(a));
    (void)value_set(a, q, "oldObject", w->old ? w->old : value_null(a));
    (void)value_set_bool(a, q, "dryRun", c->dry_run);
    (void)value_set(a, q, "options", options_of(c, w));
    return q;
}

/* matchConditions, by CEL. *out false: the hook is not for this one. */
static int conditions_hold(struct call *c, const struct webhook *h, const struct value *request,
                           bool *out, struct err *e)
{
    const struct cel_var vars[] = {
        {"request",          request     },
        { "object", value_get(request,    "object")},
        { "oldObject", value_get(request, "oldObject")},
    };
    const struct cel_env env = {.vars = vars, .n_vars = ARRAY_LEN(vars)};
    *out = true;
    VALUE_EACH_ITEM (m, value_get(h->doc, "matchConditions")) {
        const char *text = value_at_str(m, "expression", "");
        struct cel_program *p;
        bool yes = false;
        int rc = cel_compile(c->a, text, strlen(text), &p, e);
        if (rc == 0)
            rc = cel_eval_bool(c->a, p, &env, &yes, e);
        if (rc < 0)
            return err_wrap(e, rc, "match condition %s", value_at_str(m, "name", ""));
        *out &= yes;
    }
    return 0;
}

/* ---- the answer ---- */

static int denied(struct call *c, const struct webhook *h, const struct value *response)
{
    const struct value *status = value_get(response, "status");
    const char *message = value_at_str(status, "message", ""),
               *reason = value_at_str(status, "reason", "");
    int64_t code = value_at_int(status, "code", 0);
    const char *why = *message ? message : reason;
    return refuse(c, code == 403 ? ERR_DENIED : ERR_INVALID,
                  code >= 400 && code < 600 ? (int)code : 400, reason,
                  "admission webhook \"%s\" denied the request%s%s", h->name, *why ? ": " : "",
                  *why ? why : " without explanation");
}

/* It did not answer, or what it said makes no sense. */
static int failed(struct call *c, const struct webhook *h, const struct err *e)
{
    if (strcmp(value_at_str(h->doc, "failurePolicy", "Fail"), "Ignore") == 0)
        return 0;
    return refuse(c, ERR_AGAIN, 500, "InternalError",
                  "Internal error occurred: failed calling webhook \"%s\": %s", h->name, e->msg);
}

/* What a hook may not change: which object it is. */
static int check_identity(const struct webhook_write *w, const struct value *made, struct err *e)
{
    static const char *const fixed[] = {"kind",
                                        "apiVersion",
                                        "metadata.name",
                                        "metadata.namespace",
                                        "metadata.uid",
                                        "metadata.resourceVersion",
                                        "metadata.creationTimestamp",
                                        "metadata.deletionTimestamp"};
    if (!value_is(made, VALUE_OBJECT))
        return err_set(e, ERR_INVALID,
                       "received invalid webhook response: the patch leaves no object");
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (strcmp(value_at_str(made, fixed[i], ""), value_at_str(w->obj, fixed[i], "")) != 0)
            return err_set(e, ERR_INVALID,
                           "received invalid webhook response: the patch changes %s", fixed[i]);
    return 0;
}

/* What a patch makes of it is read as the client's own text is. */
static int apply_patch(struct call *c, const struct webhook_write *w, const struct value *response,
                       bool *changed, struct err *e)
{
    const char *text = value_at_str(response, "patch", "");
    struct strict_errors found = {0};
    struct value *ops, *made;
    char *json;
    size_t n;
    if (!*text)
        return 0;
    if (strcmp(value_at_str(response, "patchType", ""), "JSONPatch") != 0)
        return err_set(e, ERR_INVALID,
                       "received invalid webhook response: patchType must be "
                       "JSONPatch");
    int rc = base64_decode(c->a, text, strlen(text), BASE64_STD, &json, &n, e);
    if (rc == 0)
        rc = json_parse(c->a, json, n, 0, &ops, e);
    if (rc == 0)
        rc = patch_json(c->a, w->obj, ops, &made, e);
    if (rc == 0)
        rc = check_identity(w, made, e);
    if (rc < 0)
        return rc;
    made = value_copy(c->a, made);
    rc = admit_decode(&w->k->kind, made, &found, c->a, e);
    if (rc < 0)
        return rc;
    admit_default(&w->k->kind, made, c->a);
    admit_normalize(&w->k->kind, made, c->a);
    *changed = !value_equal(made, w->obj);
    *w->obj = *made;
    return 0;
}

static int ask(struct call *c, const struct webhook *h, const struct webhook_write *w,
               const struct value **response, struct err *e)
{
    const char *uid = rest__uid(c->a);
    struct value *review = value_new_object(c->a), *request = request_of(c, w, uid);
    bool wanted;
    *response = NULL;
    int rc = conditions_hold(c, h, request, &wanted, e);
    if (rc < 0 || !wanted)
        return rc;
    (void)value_set_str(c->a, review, "kind", "AdmissionReview");
    (void)value_set_str(c->a, review, "apiVersion", "admission.k8s.io/v1");
    (void)value_set(c->a, review, "request", request);
    return webhooks__ask(c, h, review, uid, response, e);
}

static int call_one(struct call *c, const struct webhook *h, const struct webhook_write *w,
                    bool mutates, bool *changed)
{
    const struct value *response;
    struct err e = {0};
    *changed = false;
    int rc = ask(c, h, w, &response, &e);
    if (rc == 0 && !response)
        return 0;
    if (rc == 0 && mutates && w->obj && value_at_bool(response, "allowed", false))
        rc = apply_patch(c, w, response, changed, &e);
    if (rc < 0)
        return failed(c, h, &e);
    VALUE_EACH_ITEM (text, value_get(response, "warnings"))
        call_warn(c, value_str(text, ""));
    return value_at_bool(response, "allowed", false) ? 0 : denied(c, h, response);
}

/* ---- a write ---- */

static bool exempt(const struct webhook_write *w)
{
    return w->k->res == &RES_VALIDATING_WEBHOOKS || w->k->res == &RES_MUTATING_WEBHOOKS;
}

int webhooks__validate(struct call *c, const struct webhook_write *w)
{
    struct webhook_list all;
    bool changed;
    if (exempt(w) || are_none(c))
        return 0;
    int rc = list_of(c, &RES_VALIDATING_WEBHOOKS, &all);
    for (size_t i = 0; rc == 0 && i < all.n; i++)
        if (fits(c, &all.items[i], w))
            rc = call_one(c, &all.items[i], w, false, &changed);
    return rc;
}

int webhooks__mutate(struct call *c, const struct webhook_write *w)
{
    struct webhook_list all;
    size_t last = 0; /* the one that changed it last, from 1 */
    bool changed;
    if (exempt(w) || are_none(c))
        return 0;
    int rc = list_of(c, &RES_MUTATING_WEBHOOKS, &all);
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        if (!fits(c, &all.items[i], w))
            continue;
        rc = call_one(c, &all.items[i], w, true, &changed);
        last = changed ? i + 1 : last;
    }
    /* Once more those who want to see what others have changed after them. */
    for (size_t i = 0; rc == 0 && i + 1 < last; i++) {
        const char *again = value_at_str(all.items[i].doc, "reinvocationPolicy", "Never");
        if (strcmp(again, "IfNeeded") == 0 && fits(c, &all.items[i], w))
            rc = call_one(c, &all.items[i], w, true, &changed);
    }
    return rc;
}
