/* rights.c - who a token belongs to and what they may. In a real cluster that is asked with a
 * TokenReview and a SubjectAccessReview each time, so that what it takes back is gone at once. */
#include "server/server_int.h"

static const char *const *texts(const struct value *list, struct arena *a, size_t *out_n)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list)
        out[n++] = arena_strdup(a, value_str(v, ""));
    *out_n = n;
    return out;
}

/* A request that is a kind: its status, in the arena. */
static int review(struct server *s, const struct resource *r, struct value *spec, struct arena *a,
                  const struct value **out_status, struct err *e)
{
    AUTO(object) struct object *answer = NULL;
    struct value *ask = value_new_object(a);
    (void)value_set_str(a, ask, "apiVersion", resource_api_version(r, a));
    (void)value_set_str(a, ask, "kind", r->kind);
    (void)value_set(a, ask, "metadata", value_new_object(a));
    (void)value_set(a, ask, "spec", spec);
    int rc = kube_create(s->kube, r, NULL, ask, &answer, e);
    if (rc < 0)
        return err_wrap(e, rc, "ask the cluster with a %s", r->kind);
    *out_status = value_copy(a, value_get(answer->root, "status"));
    return 0;
}

int rights_authenticate(struct server *s, const char *token, struct arena *a, struct identity *out,
                        struct err *e)
{
    const struct value *status;
    if (s->api)
        return apiserver_authenticate(s->api, token, a, out, e);
    struct value *spec = value_new_object(a);
    (void)value_set_str(a, spec, "token", token);
    int rc = review(s, &RES_TOKEN_REVIEW, spec, a, &status, e);
    if (rc < 0)
        return rc;
    if (!value_bool(value_get(status, "authenticated"), false))
        return err_set(e, ERR_UNAUTHENTICATED, "the cluster does not know this token");
    const struct value *user = value_get(status, "user");
    *out = (struct identity){.user = value_at_str(user, "username", ""),
                             .uid = value_at_str(user, "uid", ""),
                             .extra = value_get(user, "extra")};
    out->groups = texts(value_get(user, "groups"), a, &out->n_groups);
    return 0;
}

static void set_some(struct arena *a, struct value *v, const char *key, const char *text)
{
    if (text && *text)
        (void)value_set_str(a, v, key, text);
}

int rights_authorize(struct server *s, const struct identity *who, const struct access *w,
                     struct err *e)
{
    if (s->api)
        return apiserver_authorize(s->api, who, w, e);
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct value *status;
    struct value *spec = value_new_object(a);
    struct value *what = value_make_object(a, spec, "resourceAttributes");
    set_some(a, what, "verb", w->verb);
    set_some(a, what, "group", w->group);
    set_some(a, what, "resource", w->resource);
    set_some(a, what, "subresource", w->subresource);
    set_some(a, what, "namespace", w->ns);
    set_some(a, what, "name", w->name);
    set_some(a, spec, "user", who->user);
    set_some(a, spec, "uid", who->uid);
    struct value *groups = value_make_array(a, spec, "groups");
    for (size_t i = 0; i < who->n_groups; i++)
        (void)value_push_str(a, groups, who->groups[i]);
    if (who->extra)
        (void)value_set(a, spec, "extra", value_copy(a, who->extra));
    int rc = review(s, &RES_SUBJECT_ACCESS_REVIEW, spec, a, &status, e);
    if (rc < 0 || value_bool(value_get(status, "allowed"), false))
        return rc;
    return err_set(e, ERR_DENIED, "%s%s%s \"%s\" is forbidden: User \"%s\" cannot %s it",
                   w->resource, w->group && *w->group ? "." : "", w->group ? w->group : "",
                   w->name ? w->name : "", who->user, w->verb);
}
