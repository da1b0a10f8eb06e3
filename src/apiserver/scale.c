#include <string.h>

#include "api/managed.h"
#include "api/selector.h"
#include "api/strategic.h"
#include "apiserver/rest_int.h"
#include "apiserver/subs_int.h"
#include "codec/patch.h"

/* autoscaling/v1 Scale: a view of an object that has replicas. */

struct paths {
    const char *spec, *status,
        *selector; /* without the leading dot; selector NULL: spec.selector */
};

static const char *after_dot(const char *p)
{
    return p && *p == '.' ? p + 1 : p;
}

static struct paths paths_of(const struct served *k)
{
    if (!k->kind.crd)
        return (struct paths){"spec.replicas", "status.replicas", NULL};
    return (struct paths){after_dot(k->kind.crd->scale_spec), after_dot(k->kind.crd->scale_status),
                          after_dot(k->kind.crd->scale_selector)};
}

static const char *selector_of(struct call *c, const struct served *k, const struct value *obj)
{
    struct paths p = paths_of(k);
    if (k->kind.crd)
        return p.selector ? value_at_str(obj, p.selector, "") : "";
    if (k->res == &RES_REPLICATION_CONTROLLER) {
        struct selector sel = selector_from_map(value_at(obj, "spec.selector"), c->a);
        return selector_text(&sel, c->a);
    }
    struct selector sel;
    struct err e = {0};
    if (selector_from_value(value_at(obj, "spec.selector"), c->a, &sel, &e) < 0)
        return "";
    return selector_text(&sel, c->a);
}

static struct value *view(struct call *c, const struct served *k, const struct value *obj)
{
    static const char *const kept[] = {"name", "namespace", "uid", "resourceVersion",
                                       "creationTimestamp"};
    struct arena *a = c->a;
    struct paths p = paths_of(k);
    struct value *s = value_new_object(a);
    value_set_str(a, s, "kind", "Scale");
    value_set_str(a, s, "apiVersion", "autoscaling/v1");
    struct value *meta = value_make_object(a, s, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct value *v = value_get(value_get(obj, "metadata"), kept[i]);
        if (v)
            value_set(a, meta, kept[i], v);
    }
    struct value *spec = value_make_object(a, s, "spec");
    int64_t replicas = value_at_int(obj, p.spec, 0);
    if (replicas)
        value_set_int(a, spec, "replicas", replicas);
    struct value *status = value_make_object(a, s, "status");
    value_set_int(a, status, "replicas", value_at_int(obj, p.status, 0));
    const char *selector = selector_of(c, k, obj);
    if (*selector)
        value_set_str(a, status, "selector", selector);
    return s;
}

/* ---- writing ---- */

struct scale_work {
    enum { SCALE_PUT, SCALE_PATCH } how;
    enum patch_type type;
    struct value *body;
    const char *name;
};

static int set_replicas(struct call *c, const struct served *k, const struct value *live,
                        int64_t replicas, const struct value *scale, struct value **out)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    if (replicas < 0 && k->kind.crd) {
        field_errors_add_int(&l, FIELD_INVALID, k->kind.crd->scale_spec, replicas,
                             "should be a non-negative integer");
        return refuse_invalid(c, k, value_at_str(live, "metadata.name", ""), &l);
    }
    if (replicas < 0) {
        field_errors_add_int(&l, FIELD_INVALID, "spec.replicas", replicas,
                             "must be greater than or equal to 0");
        return refuse_invalid_as(c, "autoscaling", "Scale", value_at_str(live, "metadata.name", ""),
                                 &l);
    }
    struct value *obj = value_copy(c->a, live);
    struct paths p = paths_of(k);
    const char *dot = strrchr(p.spec, '.');
    struct value *parent =
        value_make_object(c->a, obj, arena_strndup(c->a, p.spec, (size_t)(dot - p.spec)));
    value_set_int(c->a, parent, dot + 1, replicas);
    /* what the client said about name and revision is checked as for any update */
    static const char *const said[] = {"name", "namespace", "resourceVersion", "uid"};
    struct value *meta = value_get_mut(obj, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        const char *text = value_str(value_get(value_get(scale, "metadata"), said[i]), "");
        if (*text)
            value_set_str(c->a, meta, said[i], text);
    }
    *out = obj;
    return 0;
}

static int apply_scale(struct call *c, const struct served *k, const struct value *live,
                       const struct scale_work *w, struct value **out)
{
    struct paths p = paths_of(k);
    struct value *said = value_new_object(c->a);
    value_set_str(c->a, said, "apiVersion", k->api_version);
    value_set_str(c->a, said, "kind", k->res->kind);
    value_set_str(c->a, value_make_object(c->a, said, "metadata"), "name", w->name);
    const char *dot = strrchr(p.spec, '.');
    value_set_int(
        c->a, value_make_object(c->a, said, arena_strndup(c->a, p.spec, (size_t)(dot - p.spec))),
        dot + 1, value_at_int(w->body, "spec.replicas", 0));
    struct managed_opts o = {
        .manager = c->manager, .subresource = "scale", .now_ms = c->now_ms, .force = c->force};
    struct managed_conflicts conflicts = {0};
    struct err e = {0};
    int rc = managed_apply(&k->kind, live, said, &o, c->a, out, &conflicts, &e);
    if (rc == ERR_CONFLICT) {
        refuse(c, rc, 409, "Conflict", "%s", managed_conflicts_text(&conflicts, c->a));
        c->refusal.details = value_new_object(c->a);
        value_set(c->a, c->refusal.details, "causes", managed_conflicts_causes(&conflicts, c->a));
        return rc;
    }
    if (rc < 0)
        return refuse_err(c, &e);
    *out = value_copy(c->a, *out);
    return 0;
}

static int change(struct call *c, const struct served *k, const struct value *live, void *arg,
                  struct value **out)
{
    const struct scale_work *w = arg;
    struct err e = {0};
    struct value *scale = w->body;
    if (w->how == SCALE_PATCH && w->type == PATCH_APPLY)
        return apply_scale(c, k, live, w, out);
    if (w->how == SCALE_PATCH) {
        struct value *was = view(c, k, live);
        int rc = 0;
        if (w->type == PATCH_JSON) /* 0 is left out of the view, yet can be replaced */
            value_set_int(c->a, value_get_mut(was, "spec"), "replicas",
                          value_at_int(was, "spec.replicas", 0));
        if (w->type == PATCH_JSON)
            rc = patch_json(c->a, was, w->body, &scale, &e);
        else
            scale = patch_merge(c->a, was, w->body);
        if (rc < 0)
            return refuse_bad_request(c, "%s", e.msg);
    }
    return set_replicas(c, k, live, value_at_int(scale, "spec.replicas", 0), scale, out);
}

static int write_scale(struct call *c, const struct served *k, const char *ns, const char *name,
                       const struct scale_work *w, struct value **out)
{
    struct result r = {0};
    const struct rest_write rw = {.k = k,
                                  .ns = ns,
                                  .name = name,
                                  .sub = "scale",
                                  .change = change,
                                  .arg = (void *)(uintptr_t)w,
                                  .applied = w->how == SCALE_PATCH && w->type == PATCH_APPLY};
    int rc = rest_write(c, &rw, &r);
    if (rc == 0)
        *out = view(c, k, rest__tree(c, k, &r));
    return rc;
}

int scale__get(struct call *c, const struct served *k, const char *ns, const char *name,
               struct value **out)
{
    struct result r = {0};
    int rc = rest_get(c, k, ns, name, &r);
    if (rc < 0)
        return rc;
    const struct value *obj = rest__tree(c, k, &r);
    if (k->kind.crd && !value_at(obj, paths_of(k).spec)) {
        const char *why = arena_printf(c->a, "the spec replicas field \"%s\" does not exist",
                                       k->kind.crd->scale_spec);
        refuse(c, ERR_SYSTEM, 500, "InternalError", "Internal error occurred: %s", why);
        struct value *cause = value_new_object(c->a);
        value_set_str(c->a, cause, "message", why);
        c->refusal.details = value_new_object(c->a);
        value_push(c->a, value_make_array(c->a, c->refusal.details, "causes"), cause);
        return ERR_SYSTEM;
    }
    *out = view(c, k, obj);
    return 0;
}

int scale__put(struct call *c, const struct served *k, const char *ns, const char *name,
               struct value *body, struct value **out)
{
    const struct served *scale = kinds__of_kind(c->s, "autoscaling/v1", "Scale");
    int rc = rest__decode_body(c, scale, body);
    const struct scale_work w = {.how = SCALE_PUT, .body = body, .name = name};
    return rc < 0 ? rc : write_scale(c, k, ns, name, &w, out);
}

int scale__patch(struct call *c, const struct served *k, const char *ns, const char *name,
                 enum patch_type type, struct value *body, struct value **out)
{
    const struct scale_work w = {.how = SCALE_PATCH, .type = type, .body = body, .name = name};
    return write_scale(c, k, ns, name, &w, out);
}

int subs_scale(struct web *w, const struct served *k)
{
    const char *m = w->q->method;
    struct call *c = &w->call;
    struct value *body = NULL, *out = NULL;
    enum patch_type type;
    int rc;
    if (strcmp(m, "GET") == 0) {
        rc = scale__get(c, k, w->t.ns, w->t.name, &out);
    } else if (strcmp(m, "PUT") == 0) {
        rc = web__write_opts(w, k, "UpdateOptions");
        if (rc == 0)
            rc = web__body(w, &body);
        if (rc == 0)
            rc = scale__put(c, k, w->t.ns, w->t.name, body, &out);
    } else if (strcmp(m, "PATCH") == 0) {
        rc = web__patch_type(w, k, &type);
        if (rc == 0)
            rc = web__write_opts(w, k, "PatchOptions");
        if (rc == 0)
            rc = web__patch_body(w, k, type, &body);
        if (rc == 0)
            rc = scale__patch(c, k, w->t.ns, w->t.name, type, body, &out);
    } else {
        return subs_not_allowed(w);
    }
    if (rc == 0)
        web_send_value(w, 200, out);
    return rc;
}
