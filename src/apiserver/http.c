#include <errno.h>
#include <string.h>
#include <strings.h>

#include "apiserver/discovery_int.h"
#include "base/log.h"

/* ---- where a request goes ---- */

static char *next_part(char **at)
{
    char *p = *at;
    while (*p == '/')
        p++;
    if (!*p)
        return NULL;
    char *end = strchr(p, '/');
    if (end)
        *end++ = '\0';
    *at = end ? end : p + strlen(p);
    return p;
}

/* Names may hold %2F: parts are cut first and decoded after. */
static const char *decode_part(struct arena *a, const char *p)
{
    if (!p || !strchr(p, '%'))
        return p;
    char *out = arena_alloc(a, strlen(p) + 1), *o = out;
    for (; *p; p++) {
        unsigned v;
        if (*p == '%' && sscanf(p + 1, "%2x", &v) == 1) {
            *o++ = (char)v;
            p += 2;
        } else {
            *o++ = *p;
        }
    }
    return out;
}

bool web__target(const char *raw_path, struct arena *a, struct target *t)
{
    char *at = arena_strdup(a, raw_path), *part = next_part(&at);
    memset(t, 0, sizeof *t);
    if (!part)
        return false;
    if (strcmp(part, "api") == 0)
        t->group = "";
    else if (strcmp(part, "apis") != 0 || !(t->group = next_part(&at)))
        return false;
    t->version = next_part(&at);
    t->plural = next_part(&at);
    if (t->plural && strcmp(t->plural, "watch") == 0) {
        t->legacy_watch = true;
        t->plural = next_part(&at);
    }
    if (!t->version || !t->plural)
        return false;
    if (strcmp(t->plural, "namespaces") == 0) {
        const char *ns = next_part(&at), *plural = ns ? next_part(&at) : NULL;
        bool own = !plural || strcmp(plural, "status") == 0 || strcmp(plural, "finalize") == 0;
        if (own) {
            t->name = decode_part(a, ns);
            t->ns = t->name;
            t->sub = plural;
            return next_part(&at) == NULL;
        }
        t->ns = decode_part(a, ns);
        t->plural = plural;
    }
    t->name = decode_part(a, next_part(&at));
    t->sub = next_part(&at);
    t->rest = *at ? at : NULL;
    return true;
}

static const char *verb_of(const struct web *w)
{
    const char *m = w->q->method;
    if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0) {
        if (w->t.legacy_watch)
            return "watch";
        if (w->t.name)
            return "get";
        const char *watch = http_query(w->q, "watch");
        return watch && web__truth(watch) ? "watch" : "list";
    }
    if (strcmp(m, "POST") == 0)
        return "create";
    if (strcmp(m, "PUT") == 0)
        return "update";
    if (strcmp(m, "PATCH") == 0)
        return "patch";
    if (strcmp(m, "DELETE") == 0)
        return w->t.name ? "delete" : "deletecollection";
    return "";
}

static int authorize(struct web *w, bool resource)
{
    struct access x = {.verb = verb_of(w)};
    if (resource) {
        x.group = w->t.group;
        x.resource = w->t.plural;
        x.subresource = w->t.sub;
        x.ns = w->t.ns;
        x.name = w->t.name;
    } else {
        const char *m = w->q->method;
        x.path = w->q->path;
        x.verb = strcmp(m, "GET") == 0 ? "get" : arena_strdup(w->call.a, m);
        for (char *p = (char *)(uintptr_t)x.verb; strcmp(m, "GET") != 0 && *p; p++)
            *p |= 0x20;
    }
    return rbac__authorize(&w->call, &x);
}

/* Upstream's two ways of saying so: its own groups have a Status, the rest a page. */
static int not_found(struct web *w)
{
    if (w->t.plural && !discovery__is_builtin(w->t.group)) {
        web_send_text(w, 404, "404 page not found\n");
        return 0;
    }
    refuse(&w->call, ERR_NOT_FOUND, 404, "NotFound",
           "the server could not find the requested resource");
    w->call.refusal.details = value_new_object(w->call.a);
    return ERR_NOT_FOUND;
}

static int method_not_allowed(struct web *w)
{
    refuse(&w->call, ERR_UNSUPPORTED, 405, "MethodNotAllowed",
           "the server does not allow this method on the requested resource");
    w->call.refusal.details = value_new_object(w->call.a);
    return ERR_UNSUPPORTED;
}

/* ---- verbs ---- */

/* kubectl logs asks for the pod before its log, and tkn asks for pods for nothing else. */
static bool wants_logs(const struct web *w)
{
    const char *command = http_header(w->q, "Kubectl-Command");
    const char *agent = http_header(w->q, "User-Agent");
    return (command && strcmp(command, "kubectl logs") == 0) ||
           (agent && strncmp(agent, "tkn/", 4) == 0);
}

static int get_past_pod(struct web *w)
{
    AUTO(object) struct object *pod = streams_past(w);
    if (pod)
        web_send_value(w, 200, value_copy(w->call.a, pod->root));
    return pod ? 0 : ERR_NOT_FOUND;
}

static int do_get(struct web *w, const struct served *k)
{
    struct result r = {0};
    int rc = list__check_get(&w->call, http_query(w->q, "resourceVersion"));
    if (rc == 0)
        rc = rest_get(&w->call, k, w->t.ns, w->t.name, &r);
    if (rc == ERR_NOT_FOUND && k->res == &RES_POD && wants_logs(w) && get_past_pod(w) == 0)
        return 0;
    if (rc == 0)
        web_send_result(w, k, 200, &r);
    return rc;
}

static int do_list(struct web *w, const struct served *k)
{
    struct list_opts o;
    int rc = web__list_opts(w, &o);
    if (rc < 0)
        return rc;
    const char *ns = k->res->namespaced ? w->t.ns : NULL;
    if (w->t.legacy_watch) {
        o.watch = true;
        if (w->t.name)
            o.fields = arena_printf(w->call.a, "metadata.name=%s", w->t.name);
    }
    if (o.watch)
        return web_watch(w, k, ns, &o);
    struct listing l;
    rc = rest_list(&w->call, k, ns, &o, &l);
    if (rc == 0)
        web_send_list(w, k, &l);
    return rc;
}

static int do_create(struct web *w, const struct served *k)
{
    struct value *obj = NULL;
    struct result r = {0};
    int rc = crds__check_create(&w->call, k);
    if (rc == 0)
        rc = web__write_opts(w, k, "CreateOptions");
    if (rc == 0)
        rc = web__body(w, &obj);
    if (rc == 0)
        rc = rest_create(&w->call, k, w->t.ns ? w->t.ns : "", obj, &r);
    if (rc == 0)
        web_send_result(w, k, 201, &r);
    return rc;
}

static int do_update(struct web *w, const struct served *k)
{
    struct value *obj = NULL;
    struct result r = {0};
    int rc = web__write_opts(w, k, "UpdateOptions");
    if (rc == 0)
        rc = web__body(w, &obj);
    if (rc == 0)
        rc = rest_update(&w->call, k, w->t.ns ? w->t.ns : "", w->t.name, w->t.sub, obj, &r);
    if (rc == 0)
        web_send_result(w, k, r.created ? 201 : 200, &r);
    return rc;
}

static int do_patch(struct web *w, const struct served *k)
{
    enum patch_type type;
    struct value *patch = NULL;
    struct result r = {0};
    int rc = web__patch_type(w, k, &type);
    if (rc == 0)
        rc = web__write_opts(w, k, "PatchOptions");
    if (rc == 0)
        rc = web__patch_body(w, k, type, &patch);
    if (rc == 0)
        rc = rest_patch(&w->call, k, w->t.ns ? w->t.ns : "", w->t.name, w->t.sub, type, patch, &r);
    if (rc == 0)
        web_send_result(w, k, r.created ? 201 : 200, &r);
    return rc;
}

static struct value *deleted_status(struct web *w, const struct served *k, const struct value *obj)
{
    struct arena *a = w->call.a;
    struct value *s = value_new_object(a);
    value_set_str(a, s, "kind", "Status");
    value_set_str(a, s, "apiVersion", "v1");
    value_set(a, s, "metadata", value_new_object(a));
    value_set_str(a, s, "status", "Success");
    struct value *d = value_make_object(a, s, "details");
    value_set_str(a, d, "name", value_at_str(obj, "metadata.name", ""));
    if (*k->res->group)
        value_set_str(a, d, "group", k->res->group);
    value_set_str(a, d, "kind", k->res->plural);
    value_set_str(a, d, "uid", value_at_str(obj, "metadata.uid", ""));
    return s;
}

static int do_delete(struct web *w, const struct served *k)
{
    struct delete_opts o;
    struct result r = {0};
    bool gone = false;
    int rc = web__delete_opts(w, &o);
    if (rc == 0)
        rc = rest_delete(&w->call, k, w->t.ns ? w->t.ns : "", w->t.name, &o, &r, &gone);
    if (rc < 0)
        return rc;
    bool accepted = !gone && o.orphan_dependents == 0;
    if (gone && !rest_returns_deleted(k))
        web_send_value(w, 200, deleted_status(w, k, r.tree));
    else
        web_send_result(w, k, accepted ? 202 : 200, &r);
    return 0;
}

static int do_delete_collection(struct web *w, const struct served *k)
{
    struct delete_opts o;
    struct list_opts lo;
    struct listing l;
    int rc = web__delete_opts(w, &o);
    if (rc == 0)
        rc = web__list_opts(w, &lo);
    if (rc == 0)
        rc = rest_list(&w->call, k, w->t.ns, &lo, &l);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        AUTO(object) struct object *obj = stored__object(w->call.s, k, l.items[i]);
        struct result r = {0};
        bool gone;
        rc = rest_delete(&w->call, k, obj->ns, obj->name, &o, &r, &gone);
        if (rc == ERR_NOT_FOUND)
            rc = 0;
    }
    if (rc == 0)
        web_send_list(w, k, &l);
    return rc;
}

/* ---- dispatch ---- */

static bool has_sub(const struct served *k, const char *sub)
{
    if (strcmp(sub, "status") == 0)
        return k->res->status;
    if (strcmp(sub, "scale") == 0)
        return k->res->scale;
    return false;
}

static int dispatch_object(struct web *w, const struct served *k)
{
    const char *m = w->q->method;
    if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0)
        return w->t.legacy_watch ? do_list(w, k) : do_get(w, k);
    if (strcmp(m, "PUT") == 0)
        return do_update(w, k);
    if (strcmp(m, "PATCH") == 0)
        return do_patch(w, k);
    if (strcmp(m, "DELETE") == 0 && !w->t.sub)
        return do_delete(w, k);
    return method_not_allowed(w);
}

static int dispatch_collection(struct web *w, const struct served *k)
{
    const char *m = w->q->method;
    if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0)
        return do_list(w, k);
    if (strcmp(m, "POST") == 0 && k->res->namespaced && !w->t.ns)
        return method_not_allowed(w);
    if (strcmp(m, "POST") == 0)
        return do_create(w, k);
    if (strcmp(m, "DELETE") == 0 && k->res != &RES_NAMESPACE && k->res != &RES_SERVICE)
        return do_delete_collection(w, k);
    if (strcmp(m, "DELETE") == 0 && k->res == &RES_SERVICE && w->t.ns)
        return do_delete_collection(w, k);
    return method_not_allowed(w);
}

static int do_post_kind(struct web *w)
{
    struct value *obj = NULL, *out = NULL;
    if (strcmp(w->q->method, "POST") != 0)
        return method_not_allowed(w);
    int rc = web__body(w, &obj);
    if (rc == 0)
        rc = reviews__create(&w->call, &w->t, obj, &out);
    if (rc == 0)
        web_send_value(w, 201, out);
    return rc;
}

static int dispatch(struct web *w)
{
    struct call *c = &w->call;
    if (reviews__is(w->t.group, w->t.version, w->t.plural) && !w->t.name)
        return do_post_kind(w);
    const struct served *k = kinds__find(c->s, w->t.group, w->t.version, w->t.plural);
    if (!k || (k->res->namespaced && w->t.name && !w->t.ns) ||
        (!k->res->namespaced && w->t.ns && k->res != &RES_NAMESPACE))
        return not_found(w);
    bool watching = strcmp(verb_of(w), "watch") == 0;
    int rc = web__negotiate(w, w->t.name == NULL && verb_of(w)[0] != 'c', watching);
    if (rc < 0)
        return rc;
    rc = web__check_include(w);
    if (rc < 0)
        return rc;
    if (k->res == &RES_ENDPOINTS)
        call_warn(c, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    if (k->kind.crd && k->kind.crd->deprecation_warning)
        call_warn(c, k->kind.crd->deprecation_warning);
    if (!w->t.name)
        return dispatch_collection(w, k);
    if (!w->t.sub)
        return dispatch_object(w, k);
    if (strcmp(w->t.sub, "scale") == 0 && has_sub(k, "scale"))
        return subs_scale(w, k);
    if (has_sub(k, w->t.sub))
        return dispatch_object(w, k);
    rc = subs_other(w, k);
    return rc == ERR_UNSUPPORTED && !c->refusal.code ? not_found(w) : rc;
}

static int handle(struct web *w)
{
    bool resource = web__target(w->q->raw_path, w->call.a, &w->t);
    int rc = authn__request(w->call.s, w->q, &w->call);
    if (rc == 0)
        rc = authorize(w, resource);
    if (rc < 0)
        return rc;
    if (resource)
        return dispatch(w);
    return web_discovery(w) ? 0 : not_found(w);
}

void apiserver_http(struct http_request *q, void *arg)
{
    struct apiserver *s = arg;
    int64_t start_us = clock_mono_us();
    struct web w = {
        .q = q, .call = {.s = s, .a = q->arena}
    };
    w.call.now_ms = s->clock->real_ms(s->clock);
    w.media.as = MEDIA_OBJECT;
    http_accept_gzip(q);
    if (handle(&w) < 0)
        web_refuse(&w);
    metrics_count(s->metrics, w.t.plural ? verb_of(&w) : q->method, w.t.plural ? w.t.plural : "",
                  w.status, clock_mono_us() - start_us);
}
