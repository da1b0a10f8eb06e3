#include <string.h>

#include "apiserver/rest_int.h"
#include "apiserver/subs_int.h"
#include "codec/json.h"

/* Questions by POST: who is this, and what may they do? */

static struct value *texts(struct arena *a, const char *const *list, size_t n)
{
    struct value *v = value_new_array(a);
    for (size_t i = 0; i < n; i++)
        value_push_str(a, v, list[i]);
    return v;
}

static void put_user(struct arena *a, struct value *out, const struct identity *who,
                     const struct value *extra)
{
    value_set_str(a, out, "username", who->user);
    if (who->uid && *who->uid)
        value_set_str(a, out, "uid", who->uid);
    if (who->n_groups > 0)
        value_set(a, out, "groups", texts(a, who->groups, who->n_groups));
    if (value_count(extra) > 0)
        value_set(a, out, "extra", extra);
}

/* ---- authentication ---- */

static int token_review(struct call *c, struct value *obj)
{
    const char *token = value_at_str(obj, "spec.token", "");
    const struct value *audiences = value_at(obj, "spec.audiences");
    if (!*token)
        return refuse_bad_request(c, "token is required for TokenReview in authentication");
    struct value *status = value_new_object(c->a), *user = NULL, *extra = NULL;
    value_set(c->a, obj, "status", status);
    status = value_get_mut(obj, "status");
    struct identity who = {0};
    struct err e = {0};
    const char *audience = value_str(value_item(audiences, 0), NULL);
    int rc = strchr(token, '.') ? tokens__verify(c->s, token, audience, c->a, &who, &extra, &e)
                                : apiserver_authenticate(c->s, token, c->a, &who, &e);
    if (rc == 0)
        value_set_bool(c->a, status, "authenticated", true);
    user = value_make_object(c->a, status, "user");
    if (rc < 0) {
        const char *aud = tokens__audience_error(c->s, token, audience, c->a);
        value_set_str(c->a, status, "error",
                      aud ? arena_printf(c->a, "[invalid bearer token, %s]", aud)
                          : "invalid bearer token");
        return 0;
    }
    put_user(c->a, user, &who, extra);
    struct value *valid = value_make_array(c->a, status, "audiences");
    value_push_str(c->a, valid,
                   audience ? audience : "https://kubernetes.default.svc.cluster.local");
    return 0;
}

static int self_review(struct call *c, struct value *obj)
{
    struct value *status = value_make_object(c->a, obj, "status");
    put_user(c->a, value_make_object(c->a, status, "userInfo"), &c->who, NULL);
    value_set_str(c->a, value_make_object(c->a, obj, "metadata"), "creationTimestamp",
                  rest__now(c));
    return 0;
}

/* ---- authorization ---- */

static struct access access_of(const struct value *spec)
{
    const struct value *r = value_get(spec, "resourceAttributes");
    const struct value *p = value_get(spec, "nonResourceAttributes");
    if (p)
        return (struct access){.verb = value_at_str(p, "verb", ""),
                               .path = value_at_str(p, "path", "")};
    return (struct access){.verb = value_at_str(r, "verb", ""),
                           .group = value_at_str(r, "group", ""),
                           .resource = value_at_str(r, "resource", ""),
                           .subresource = value_at_str(r, "subresource", ""),
                           .ns = value_at_str(r, "namespace", ""),
                           .name = value_at_str(r, "name", "")};
}

static int check_spec(struct call *c, const char *kind, const struct value *spec, bool self)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    bool resource = value_is(value_get(spec, "resourceAttributes"), VALUE_OBJECT);
    bool path = value_is(value_get(spec, "nonResourceAttributes"), VALUE_OBJECT);
    (void)kind;
    if (resource && path)
        field_errors_add(&l, FIELD_INVALID, "spec.nonResourceAttributes",
                         value_get(spec, "nonResourceAttributes"),
                         "cannot be specified in combination with resourceAttributes");
    else if (!resource && !path)
        field_errors_add_str(&l, FIELD_INVALID, "spec.resourceAttributes", "null",
                             "exactly one of nonResourceAttributes or resourceAttributes must be "
                             "specified");
    if (!self && !*value_at_str(spec, "user", "") && value_count(value_get(spec, "groups")) == 0)
        field_errors_add_str(&l, FIELD_INVALID, "spec.user", "",
                             "at least one of user or group must be specified");
    return l.n ? refuse_invalid_as(c, "authorization.k8s.io", "", "", &l) : 0;
}

static struct identity asked(struct call *c, const struct value *spec)
{
    const struct value *groups = value_get(spec, "groups");
    const char **list = ARENA_ARRAY(c->a, const char *, value_count(groups) + 1);
    for (size_t i = 0; i < value_count(groups); i++)
        list[i] = value_str(value_item(groups, i), "");
    return (struct identity){.user = value_at_str(spec, "user", ""),
                             .uid = value_at_str(spec, "uid", ""),
                             .groups = list,
                             .n_groups = value_count(groups)};
}

static int refuse_local(struct call *c, const char *field, const char *bad, const char *why)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    field_errors_add_str(&l, FIELD_INVALID, field, bad, why);
    return refuse_invalid_as(c, "authorization.k8s.io", "", "", &l);
}

static int access_review(struct call *c, const struct target *t, struct value *obj, bool self)
{
    const struct value *spec = value_get(obj, "spec");
    int rc = check_spec(c, value_at_str(obj, "kind", ""), spec, self);
    if (rc < 0)
        return rc;
    struct identity who = self ? c->who : asked(c, spec);
    struct access w = access_of(spec);
    if (strcmp(t->plural, "localsubjectaccessreviews") == 0 && w.path)
        return refuse_local(c, "spec.nonResourceAttributes",
                            json_text(c->a, value_get(spec, "nonResourceAttributes"), 0),
                            "disallowed on this kind of request");
    if (strcmp(t->plural, "localsubjectaccessreviews") == 0 &&
        strcmp(w.ns ? w.ns : "", t->ns ? t->ns : "") != 0)
        return refuse_local(c, "spec.resourceAttributes.namespace", w.ns ? w.ns : "",
                            "must match metadata.namespace");
    const char *why = NULL;
    bool allowed = rbac__allowed(c->s, &who, &w, c->a, &why);
    struct value *status = value_make_object(c->a, obj, "status");
    value_set_bool(c->a, status, "allowed", allowed);
    if (why)
        value_set_str(c->a, status, "reason", why);
    return 0;
}

static int rules_review(struct call *c, struct value *obj)
{
    const char *ns = value_at_str(obj, "spec.namespace", "");
    if (!*ns)
        return refuse_bad_request(c, "no namespace on request");
    struct value *resources = value_new_array(c->a), *paths = value_new_array(c->a);
    rbac__rules_of(c->s, &c->who, ns, c->a, resources, paths);
    struct value *status = value_make_object(c->a, obj, "status");
    value_set(c->a, status, "resourceRules", resources);
    value_set(c->a, status, "nonResourceRules", paths);
    value_set_bool(c->a, status, "incomplete", false);
    value_set(c->a, obj, "spec", value_new_object(c->a));
    return 0;
}

static int bind(struct call *c, const struct target *t, struct value *obj)
{
    int rc = subs__bind(c, t->ns, value_at_str(obj, "metadata.name", ""), obj);
    if (rc < 0)
        return rc;
    struct value *s = value_new_object(c->a);
    value_set_str(c->a, s, "kind", "Status");
    value_set_str(c->a, s, "apiVersion", "v1");
    value_set(c->a, s, "metadata", value_new_object(c->a));
    value_set_str(c->a, s, "status", "Success");
    value_set_int(c->a, s, "code", 201);
    *obj = *s;
    return 0;
}

static const char *kind_of(const char *plural)
{
    static const char *const pairs[][2] = {
        {"bindings",                  "Binding"                 },
        {"selfsubjectreviews",        "SelfSubjectReview"       },
        {"tokenreviews",              "TokenReview"             },
        {"localsubjectaccessreviews", "LocalSubjectAccessReview"},
        {"selfsubjectaccessreviews",  "SelfSubjectAccessReview" },
        {"selfsubjectrulesreviews",   "SelfSubjectRulesReview"  },
        {"subjectaccessreviews",      "SubjectAccessReview"     },
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (strcmp(pairs[i][0], plural) == 0)
            return pairs[i][1];
    return "";
}

int reviews__create(struct call *c, const struct target *t, struct value *obj, struct value **out)
{
    const char *version =
        *t->group ? arena_printf(c->a, "%s/%s", t->group, t->version) : t->version;
    const struct served *k = kinds__of_kind(c->s, version, kind_of(t->plural));
    c->validation = VALIDATE_IGNORE;
    int rc = rest__decode_body(c, k, obj);
    if (rc < 0)
        return rc;
    struct value *meta = value_make_object(c->a, obj, "metadata");
    value_set(c->a, meta, "creationTimestamp", value_null(c->a));
    const char *p = t->plural;
    if (strcmp(p, "bindings") == 0)
        rc = bind(c, t, obj);
    else if (strcmp(p, "tokenreviews") == 0)
        rc = token_review(c, obj);
    else if (strcmp(p, "selfsubjectreviews") == 0)
        rc = self_review(c, obj);
    else if (strcmp(p, "selfsubjectrulesreviews") == 0)
        rc = rules_review(c, obj);
    else
        rc = access_review(c, t, obj, strcmp(p, "selfsubjectaccessreviews") == 0);
    *out = obj;
    return rc;
}
