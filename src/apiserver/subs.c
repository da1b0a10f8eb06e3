#include <string.h>

#include "api/selector.h"
#include "apiserver/rest_int.h"
#include "apiserver/subs_int.h"
#include "base/log.h"

int subs_not_allowed(struct web *w)
{
    refuse(&w->call, ERR_UNSUPPORTED, 405, "MethodNotAllowed",
           "the server does not allow this method on the requested resource");
    w->call.refusal.details = value_new_object(w->call.a);
    return ERR_UNSUPPORTED;
}

static struct value *success(struct arena *a)
{
    struct value *s = value_new_object(a);
    value_set_str(a, s, "kind", "Status");
    value_set_str(a, s, "apiVersion", "v1");
    value_set(a, s, "metadata", value_new_object(a));
    value_set_str(a, s, "status", "Success");
    value_set_int(a, s, "code", 201);
    return s;
}

/* ---- binding ---- */

static int bind_change(struct call *c, const struct served *k, const struct value *live, void *arg,
                       struct value **out)
{
    const struct value *binding = arg;
    (void)k;
    const char *name = value_at_str(live, "metadata.name", "");
    const char *node = value_at_str(live, "spec.nodeName", "");
    const char *why = NULL;
    if (value_at(live, "metadata.deletionTimestamp"))
        why = arena_printf(c->a, "pod %s is being deleted, cannot be assigned to a host", name);
    else if (*node)
        why = arena_printf(c->a, "pod %s is already assigned to node \"%s\"", name, node);
    if (why) {
        refuse(c, ERR_CONFLICT, 409, "Conflict",
               "Operation cannot be fulfilled on pods/binding \"%s\": %s", name, why);
        refuse_details(c, NULL, "pods/binding", name);
        return ERR_CONFLICT;
    }
    struct value *obj = value_copy(c->a, live);
    value_set_str(c->a, value_make_object(c->a, obj, "spec"), "nodeName",
                  value_at_str(binding, "target.name", ""));
    VALUE_EACH_MEMBER (m, value_at(binding, "metadata.annotations")) {
        value_set(c->a, value_make_object(c->a, obj, "metadata.annotations"), m->key, &m->value);
    }
    struct value *conditions = value_make_array(c->a, obj, "status.conditions");
    struct value *scheduled = NULL;
    for (size_t i = 0; i < value_count(conditions); i++)
        if (strcmp(value_at_str(&conditions->items[i], "type", ""), "PodScheduled") == 0)
            scheduled = &conditions->items[i];
    if (!scheduled)
        scheduled = value_push(c->a, conditions, value_new_object(c->a));
    value_set_str(c->a, scheduled, "type", "PodScheduled");
    value_set_str(c->a, scheduled, "status", "True");
    value_set(c->a, scheduled, "lastProbeTime", value_null(c->a));
    value_set_str(c->a, scheduled, "lastTransitionTime", rest__now(c));
    value_remove(scheduled, "reason");
    value_remove(scheduled, "message");
    *out = obj;
    return 0;
}

int subs__bind(struct call *c, const char *ns, const char *name, struct value *binding)
{
    const char *kind = value_at_str(binding, "target.kind", "");
    if (*kind && strcmp(kind, "Node") != 0)
        return refuse(c, ERR_INVALID, 500, "",
                      "target.kind: Unsupported value: \"%s\": supported values: \"Node\", "
                      "\"<empty>\"",
                      kind);
    if (!*value_at_str(binding, "target.name", ""))
        return refuse(c, ERR_INVALID, 500, "", "target.name: Required value");
    struct result r = {0};
    const struct rest_write w = {.k = kinds__of(c->s, &RES_POD),
                                 .ns = ns,
                                 .name = name,
                                 .sub = "binding",
                                 .change = bind_change,
                                 .arg = binding,
                                 .raw = true};
    return rest_write(c, &w, &r);
}

/* ---- eviction ---- */

static int too_many(struct call *c, const char *message, const char *cause, const char *detail)
{
    refuse(c, ERR_AGAIN, 429, "TooManyRequests", "%s", message);
    struct value *d = c->refusal.details = value_new_object(c->a), *one = value_new_object(c->a);
    value_set_str(c->a, one, "reason", cause);
    value_set_str(c->a, one, "message", detail);
    value_push(c->a, value_make_array(c->a, d, "causes"), one);
    return ERR_AGAIN;
}

/* Takes one allowed disruption and names the pod, so that the budget's controller counts it. */
static int disrupt(struct call *c, const struct served *k, const struct value *live, void *arg,
                   struct value **out)
{
    (void)k;
    const char *name = value_at_str(live, "metadata.name", "");
    int64_t allowed = value_at_int(live, "status.disruptionsAllowed", 0);
    if (value_at_int(live, "status.observedGeneration", 0) <
        value_at_int(live, "metadata.generation", 0)) {
        int rc = too_many(c, "Cannot evict pod as it would violate the pod's disruption budget.",
                          "DisruptionBudget",
                          arena_printf(c->a,
                                       "The disruption budget %s is still being processed by the "
                                       "server.",
                                       name));
        value_set_int(c->a, c->refusal.details, "retryAfterSeconds", 10);
        c->refusal.retry_after = 10;
        return rc;
    }
    if (allowed <= 0)
        return too_many(
            c, "Cannot evict pod as it would violate the pod's disruption budget.",
            "DisruptionBudget",
            arena_printf(c->a,
                         "The disruption budget %s needs %lld healthy pods and has %lld currently",
                         name, (long long)value_at_int(live, "status.desiredHealthy", 0),
                         (long long)value_at_int(live, "status.currentHealthy", 0)));
    struct value *obj = value_copy(c->a, live);
    struct value *status = value_make_object(c->a, obj, "status");
    value_set_int(c->a, status, "disruptionsAllowed", allowed - 1);
    value_set_str(c->a, value_make_object(c->a, status, "disruptedPods"), arg, rest__now(c));
    *out = obj;
    return 0;
}

static int check_budgets(struct call *c, const struct object *pod)
{
    const struct served *k = kinds__of(c->s, &RES_POD_DISRUPTION_BUDGET);
    struct entry_list l = {0};
    struct err e = {0};
    if (store_list(c->s->store, stored__key(k, pod->ns, NULL, c->a), NULL, 0, 0, &l, &e) < 0)
        return refuse_err(c, &e);
    const char *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *pdb = stored__object(c->s, k, l.items[i]);
        struct selector sel;
        if (selector_from_value(value_at(pdb->root, "spec.selector"), c->a, &sel, &e) == 0 &&
            selector_matches(&sel, value_at(pod->root, "metadata.labels"))) {
            found = arena_strdup(c->a, pdb->name);
            n++;
        }
    }
    entry_list_done(&l);
    if (n > 1)
        return refuse(c, ERR_SYSTEM, 500, "InternalError",
                      "Internal error occurred: This pod has more than one PodDisruptionBudget, "
                      "which the eviction subresource does not support.");
    if (n == 0)
        return 0;
    struct result r = {0};
    const struct rest_write w = {.k = k,
                                 .ns = pod->ns,
                                 .name = found,
                                 .sub = "status",
                                 .change = disrupt,
                                 .arg = (void *)(uintptr_t)pod->name,
                                 .raw = true};
    return rest_write(c, &w, &r);
}

static bool budget_counts(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return !pod->deleting && strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0 &&
           strcmp(phase, "Pending") != 0;
}

static int mark_disrupted(struct call *c, const struct served *k, const struct value *live,
                          void *arg, struct value **out)
{
    (void)k;
    (void)arg;
    struct value *obj = value_copy(c->a, live);
    struct value *cond = value_new_object(c->a);
    value_set_str(c->a, cond, "type", "DisruptionTarget");
    value_set_str(c->a, cond, "status", "True");
    value_set_str(c->a, cond, "reason", "EvictionByEvictionAPI");
    value_set_str(c->a, cond, "message", "Eviction API: evicting");
    value_set(c->a, cond, "lastProbeTime", value_null(c->a));
    value_set_str(c->a, cond, "lastTransitionTime", rest__now(c));
    value_push(c->a, value_make_array(c->a, obj, "status.conditions"), cond);
    *out = obj;
    return 0;
}

int subs__evict(struct call *c, const char *ns, const char *name, struct value *eviction)
{
    const struct served *k = kinds__of(c->s, &RES_POD);
    const char *said = value_at_str(eviction, "metadata.name", "");
    if (*said && strcmp(said, name) != 0)
        return refuse_bad_request(c, "name in URL does not match name in Eviction object");
    AUTO(object) struct object *pod = peek(c->s, &RES_POD, ns, name);
    if (!pod)
        return refuse_not_found(c, k, name);
    const struct value *o = value_get(eviction, "deleteOptions");
    VALUE_EACH_ITEM (d, value_get(o, "dryRun")) {
        c->dry_run = c->dry_run || strcmp(value_str(d, ""), "All") == 0;
    }
    const char *uid = value_at_str(o, "preconditions.uid", NULL);
    if (uid && strcmp(uid, pod->uid) != 0) {
        refuse(c, ERR_CONFLICT, 409, "Conflict",
               "Operation cannot be fulfilled on Pod \"%s\": the UID in the precondition (%s) does "
               "not match the UID in record (%s). The object might have been deleted and then "
               "recreated",
               name, uid, pod->uid);
        refuse_details(c, NULL, "Pod", name);
        return ERR_CONFLICT;
    }
    int rc = budget_counts(pod) ? check_budgets(c, pod) : 0;
    struct result r = {0};
    const struct rest_write w = {
        .k = k, .ns = ns, .name = name, .sub = "status", .change = mark_disrupted, .raw = true};
    if (rc == 0 && !pod->deleting && *value_at_str(pod->root, "spec.nodeName", ""))
        rc = rest_write(c, &w, &r);
    struct delete_opts opts = DELETE_DEFAULT;
    opts.grace_s = value_at_int(o, "gracePeriodSeconds", -1);
    opts.propagation = value_at_str(o, "propagationPolicy", NULL);
    bool gone;
    return rc < 0 ? rc : rest_delete(c, k, ns, name, &opts, &r, &gone);
}

/* ---- namespaces/finalize ---- */

static int finalize_change(struct call *c, const struct served *k, const struct value *live,
                           void *arg, struct value **out)
{
    const struct value *said = arg;
    (void)k;
    struct value *obj = value_copy(c->a, live), *spec = value_make_object(c->a, obj, "spec");
    const struct value *finalizers = value_at(said, "spec.finalizers");
    if (value_count(finalizers) > 0)
        value_set(c->a, spec, "finalizers", value_copy(c->a, finalizers));
    else
        value_remove(spec, "finalizers");
    const char *rv = value_at_str(said, "metadata.resourceVersion", "");
    if (*rv)
        value_set_str(c->a, value_get_mut(obj, "metadata"), "resourceVersion", rv);
    *out = obj;
    return 0;
}

int subs__finalize(struct call *c, const char *name, struct value *obj, struct result *out)
{
    const struct served *k = kinds__of(c->s, &RES_NAMESPACE);
    int rc = rest__decode_body(c, k, obj);
    const struct rest_write w = {
        .k = k, .name = name, .sub = "finalize", .change = finalize_change, .arg = obj};
    return rc < 0 ? rc : rest_write(c, &w, out);
}

/* ---- serviceaccounts/token ---- */

static int check_token_request(struct call *c, const struct value *request)
{
    int64_t ttl = value_at_int(request, "spec.expirationSeconds", 3600);
    struct field_errors l;
    field_errors_init(&l, c->a);
    if (ttl < 600)
        field_errors_add_int(&l, FIELD_INVALID, "spec.expirationSeconds", ttl,
                             "may not specify a duration less than 10 minutes");
    if (ttl > (1LL << 32))
        field_errors_add_int(&l, FIELD_INVALID, "spec.expirationSeconds", ttl,
                             "may not specify a duration larger than 2^32 seconds");
    return l.n ? refuse_invalid_as(c, "authentication.k8s.io", "TokenRequest", "", &l) : 0;
}

static int bind_token(struct call *c, const char *ns, const struct value *ref,
                      struct token_claims *claims)
{
    if (!value_is(ref, VALUE_OBJECT))
        return 0;
    const char *kind = value_at_str(ref, "kind", ""), *name = value_at_str(ref, "name", "");
    const char *uid = value_at_str(ref, "uid", "");
    bool pod = strcmp(kind, "Pod") == 0;
    if (!pod && strcmp(kind, "Secret") != 0)
        return refuse_bad_request(c, "cannot bind token to object of type %s", kind);
    const struct resource *r = pod ? &RES_POD : &RES_SECRET;
    AUTO(object) struct object *o = peek(c->s, r, ns, name);
    if (!o)
        return refuse_not_found(c, kinds__of(c->s, r), name);
    if (*uid && strcmp(uid, o->uid) != 0)
        return refuse_conflict(c, kinds__of(c->s, r), name,
                               arena_printf(c->a,
                                            "the UID in the bound object reference (%s) does not "
                                            "match the UID in record. The object might have been "
                                            "deleted and then recreated",
                                            uid));
    claims->bound_kind = pod ? "pod" : "secret";
    claims->bound_name = arena_strdup(c->a, name);
    claims->bound_uid = arena_strdup(c->a, o->uid);
    return 0;
}

int subs__token(struct call *c, const char *ns, const char *name, struct value *request,
                struct value **out)
{
    const struct served *k = kinds__of_kind(c->s, "authentication.k8s.io/v1", "TokenRequest");
    int rc = rest__decode_body(c, k, request);
    if (rc == 0)
        rc = check_token_request(c, request);
    if (rc < 0)
        return rc;
    AUTO(object) struct object *sa = peek(c->s, &RES_SERVICE_ACCOUNT, ns, name);
    if (!sa)
        return refuse_not_found(c, kinds__of(c->s, &RES_SERVICE_ACCOUNT), name);
    struct value *spec = value_make_object(c->a, request, "spec");
    struct value *audiences = value_make_array(c->a, spec, "audiences");
    if (value_count(audiences) == 0)
        value_push_str(c->a, audiences, "https://kubernetes.default.svc.cluster.local");
    const char **list = ARENA_ARRAY(c->a, const char *, value_count(audiences) + 1);
    for (size_t i = 0; i < value_count(audiences); i++)
        list[i] = value_str(value_item(audiences, i), "");
    struct token_claims claims = {.ns = ns,
                                  .sa = name,
                                  .sa_uid = sa->uid,
                                  .audiences = list,
                                  .n_audiences = value_count(audiences),
                                  .ttl_s = value_at_int(spec, "expirationSeconds", 3600),
                                  .issued_s = c->now_ms / 1000,
                                  .jti = rest__uid(c->a)};
    rc = bind_token(c, ns, value_get(spec, "boundObjectRef"), &claims);
    const char *token = NULL;
    struct err e = {0};
    if (rc == 0 && tokens__sign(c->s, &claims, c->a, &token, &e) < 0)
        rc = refuse_err(c, &e);
    if (rc < 0)
        return rc;
    struct value *meta = value_make_object(c->a, request, "metadata");
    value_set_str(c->a, meta, "name", name);
    value_set_str(c->a, meta, "namespace", ns);
    value_set_str(c->a, meta, "creationTimestamp", rest__now(c));
    value_set_int(c->a, spec, "expirationSeconds", claims.ttl_s);
    if (!value_get(spec, "boundObjectRef"))
        value_set(c->a, spec, "boundObjectRef", value_null(c->a));
    struct value *status = value_make_object(c->a, request, "status");
    char until[CLOCK_TEXT_MAX];
    clock_format_rfc3339(c->now_ms + claims.ttl_s * 1000, until);
    value_set_str(c->a, status, "token", token);
    value_set_str(c->a, status, "expirationTimestamp", until);
    *out = request;
    return 0;
}

/* ---- where they are reached ---- */

static int post(struct web *w, const struct served *k, struct value **out)
{
    struct call *c = &w->call;
    struct value *body = NULL;
    const char *sub = w->t.sub;
    int rc = web__write_opts(w, k, "CreateOptions");
    if (rc == 0)
        rc = web__body(w, &body);
    if (rc < 0)
        return rc;
    if (strcmp(sub, "token") == 0)
        return subs__token(c, w->t.ns, w->t.name, body, out);
    bool bind = strcmp(sub, "binding") == 0;
    const struct served *body_kind =
        kinds__of_kind(c->s, bind ? "v1" : "policy/v1", bind ? "Binding" : "Eviction");
    rc = rest__decode_body(c, body_kind, body);
    if (rc == 0)
        rc = bind ? subs__bind(c, w->t.ns, w->t.name, body)
                  : subs__evict(c, w->t.ns, w->t.name, body);
    *out = success(c->a);
    return rc;
}

static int put_finalize(struct web *w, const struct served *k)
{
    struct value *body = NULL;
    struct result r = {0};
    int rc = web__write_opts(w, k, "UpdateOptions");
    if (rc == 0)
        rc = web__body(w, &body);
    if (rc == 0)
        rc = subs__finalize(&w->call, w->t.name, body, &r);
    if (rc == 0)
        web_send_result(w, k, 200, &r);
    return rc;
}

int subs_other(struct web *w, const struct served *k)
{
    const char *sub = w->t.sub, *m = w->q->method;
    bool pod = k->res == &RES_POD;
    bool posted = (pod && (strcmp(sub, "binding") == 0 || strcmp(sub, "eviction") == 0)) ||
                  (k->res == &RES_SERVICE_ACCOUNT && strcmp(sub, "token") == 0);
    if (posted) {
        struct value *out = NULL;
        if (strcmp(m, "POST") != 0)
            return subs_not_allowed(w);
        int rc = post(w, k, &out);
        if (rc == 0)
            web_send_value(w, 201, out);
        return rc;
    }
    if (k->res == &RES_NAMESPACE && strcmp(sub, "finalize") == 0)
        return strcmp(m, "PUT") == 0 ? put_finalize(w, k) : subs_not_allowed(w);
    if (pod && (strcmp(sub, "log") == 0 || strcmp(sub, "exec") == 0 || strcmp(sub, "attach") == 0 ||
                strcmp(sub, "portforward") == 0))
        return streams_serve(w, k);
    return ERR_UNSUPPORTED;
}

/* In the process: PUT on a subresource. */
int subs__update(struct call *c, const struct served *k, const char *ns, const char *name,
                 const char *sub, struct value *obj, struct result *out, bool *known)
{
    *known = true;
    if (strcmp(sub, "scale") == 0 && k->res->scale)
        return scale__put(c, k, ns, name, obj, &out->tree);
    if (k->res == &RES_POD && strcmp(sub, "binding") == 0) {
        out->tree = success(c->a);
        return subs__bind(c, ns, name, obj);
    }
    if (k->res == &RES_POD && strcmp(sub, "eviction") == 0) {
        out->tree = success(c->a);
        return subs__evict(c, ns, name, obj);
    }
    if (k->res == &RES_NAMESPACE && strcmp(sub, "finalize") == 0)
        return subs__finalize(c, name, obj, out);
    if (k->res == &RES_SERVICE_ACCOUNT && strcmp(sub, "token") == 0)
        return subs__token(c, ns, name, obj, &out->tree);
    *known = false;
    return 0;
}

int subs__patch(struct call *c, const struct served *k, const char *ns, const char *name,
                const char *sub, enum patch_type type, struct value *patch, struct result *out,
                bool *known)
{
    *known = strcmp(sub, "scale") == 0 && k->res->scale;
    return *known ? scale__patch(c, k, ns, name, type, patch, &out->tree) : 0;
}
