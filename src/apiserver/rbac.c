#include <string.h>

#include "api/selector.h"
#include "apiserver/rbac_int.h"
#include "base/log.h"
#include "base/thread.h"

/* All roles and bindings as one immutable view, made anew after a change of any of them. */

static const char *const *texts(const struct value *list, struct arena *a, size_t *out_n)
{
    size_t n = value_count(list);
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = arena_strdup(a, value_str(value_item(list, i), ""));
    *out_n = n;
    return out;
}

struct rule *rbac__rules(const struct value *list, struct arena *a, size_t *out_n)
{
    size_t n = value_count(list);
    struct rule *rules = ARENA_ARRAY(a, struct rule, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct value *v = value_item(list, i);
        struct rule *r = &rules[i];
        r->verbs = texts(value_get(v, "verbs"), a, &r->n_verbs);
        r->groups = texts(value_get(v, "apiGroups"), a, &r->n_groups);
        r->resources = texts(value_get(v, "resources"), a, &r->n_resources);
        r->names = texts(value_get(v, "resourceNames"), a, &r->n_names);
        r->paths = texts(value_get(v, "nonResourceURLs"), a, &r->n_paths);
    }
    *out_n = n;
    return rules;
}

/* ---- loading ---- */

struct loader {
    struct apiserver *s;
    struct arena *a;
    struct rbac_view *view;
};

static void each(struct loader *l, const struct resource *r,
                 void (*fn)(struct loader *l, const struct object *o, size_t i))
{
    const struct served *k = kinds__of(l->s, r);
    struct entry_list list = {0};
    struct err e = {0};
    if (store_list(l->s->store, k->prefix, NULL, 0, 0, &list, &e) < 0)
        return;
    for (size_t i = 0; i < list.n; i++) {
        AUTO(object) struct object *o = stored__object(l->s, k, list.items[i]);
        fn(l, o, i);
    }
    entry_list_done(&list);
}

static void add_role(struct loader *l, const struct object *o, size_t i)
{
    (void)i;
    struct role *role = ARENA_NEW(l->a, struct role);
    role->rules = rbac__rules(value_get(o->root, "rules"), l->a, &role->n);
    const char *key = arena_printf(l->a, "%s/%s", o->ns, o->name);
    map_put(&l->view->roles, key, role);
}

/* A role that gathers others by label has their rules, too. */
static void aggregate(struct loader *l, const struct object *o, size_t at)
{
    (void)at;
    const struct value *wanted = value_at(o->root, "aggregationRule.clusterRoleSelectors");
    if (value_count(wanted) == 0)
        return;
    struct role *role = map_get(&l->view->roles, arena_printf(l->a, "/%s", o->name));
    const struct served *k = kinds__of(l->s, &RES_CLUSTER_ROLE);
    struct entry_list list = {0};
    struct err e = {0};
    if (store_list(l->s->store, k->prefix, NULL, 0, 0, &list, &e) < 0)
        return;
    for (size_t i = 0; i < list.n; i++) {
        AUTO(object) struct object *other = stored__object(l->s, k, list.items[i]);
        bool match = false;
        VALUE_EACH_ITEM (w, wanted) {
            struct selector sel;
            if (selector_from_value(w, l->a, &sel, &e) == 0 &&
                selector_matches(&sel, value_at(other->root, "metadata.labels")))
                match = true;
        }
        const struct role *more =
            match ? map_get(&l->view->roles, arena_printf(l->a, "/%s", other->name)) : NULL;
        if (!more || more == role)
            continue;
        struct rule *all = ARENA_ARRAY(l->a, struct rule, role->n + more->n + 1);
        memcpy(all, role->rules, role->n * sizeof *all);
        memcpy(all + role->n, more->rules, more->n * sizeof *all);
        role->rules = all;
        role->n += more->n;
    }
    entry_list_done(&list);
}

static void add_binding(struct loader *l, const struct object *o, size_t at)
{
    (void)at;
    struct binding *b = ARENA_NEW(l->a, struct binding);
    b->ns = arena_strdup(l->a, o->ns);
    b->name = arena_strdup(l->a, o->name);
    b->role_name = arena_strdup(l->a, value_at_str(o->root, "roleRef.name", ""));
    b->role_kind = arena_strdup(l->a, value_at_str(o->root, "roleRef.kind", ""));
    bool cluster = strcmp(b->role_kind, "ClusterRole") == 0;
    b->role =
        map_get(&l->view->roles, arena_printf(l->a, "%s/%s", cluster ? "" : b->ns, b->role_name));
    const struct value *subjects = value_get(o->root, "subjects");
    b->n_subjects = value_count(subjects);
    b->subjects = ARENA_ARRAY(l->a, struct subject, b->n_subjects + 1);
    for (size_t i = 0; i < b->n_subjects; i++) {
        const struct value *v = value_item(subjects, i);
        b->subjects[i].kind = arena_strdup(l->a, value_at_str(v, "kind", ""));
        b->subjects[i].name = arena_strdup(l->a, value_at_str(v, "name", ""));
        b->subjects[i].ns = arena_strdup(l->a, value_at_str(v, "namespace", ""));
    }
    b->next = l->view->bindings;
    l->view->bindings = b;
}

static struct rbac_view *load(struct apiserver *s)
{
    struct arena *a = arena_new(SIZE_MAX);
    struct rbac_view *v = ARENA_NEW(a, struct rbac_view);
    v->arena = a;
    v->refs = 1;
    map_init(&v->roles);
    struct loader l = {s, a, v};
    each(&l, &RES_CLUSTER_ROLE, add_role);
    each(&l, &RES_ROLE, add_role);
    each(&l, &RES_CLUSTER_ROLE, aggregate);
    each(&l, &RES_ROLE_BINDING, add_binding); /* the last added is asked first */
    each(&l, &RES_CLUSTER_ROLE_BINDING, add_binding);
    return v;
}

struct rbac {
    pthread_mutex_t mutex;
    struct rbac_view *view; /* NULL: to be made */
    uint64_t generation;    /* raised by every change */
};

int rbac__init(struct apiserver *s, struct err *e)
{
    (void)e;
    s->rbac = calloc(1, sizeof *s->rbac);
    if (!s->rbac)
        log_die("out of memory");
    (void)pthread_mutex_init(&s->rbac->mutex, NULL);
    return 0;
}

static void view_unref_locked(struct rbac_view *v)
{
    if (!v || --v->refs > 0)
        return;
    map_done(&v->roles);
    arena_free(v->arena);
}

void rbac__done(struct apiserver *s)
{
    if (!s->rbac)
        return;
    view_unref_locked(s->rbac->view);
    (void)pthread_mutex_destroy(&s->rbac->mutex);
    free(s->rbac);
}

void rbac__changed(struct apiserver *s)
{
    LOCK_SCOPE(&s->rbac->mutex);
    s->rbac->generation++;
    view_unref_locked(s->rbac->view);
    s->rbac->view = NULL;
}

struct rbac_view *rbac__view(struct apiserver *s)
{
    struct rbac *r = s->rbac;
    for (;;) {
        uint64_t generation;
        {
            LOCK_SCOPE(&r->mutex);
            if (r->view) {
                r->view->refs++;
                return r->view;
            }
            generation = r->generation;
        }
        struct rbac_view *v = load(s);
        LOCK_SCOPE(&r->mutex);
        if (generation == r->generation && !r->view)
            r->view = v;
        else
            view_unref_locked(v);
    }
}

void rbac__view_unref(struct apiserver *s, struct rbac_view *v)
{
    LOCK_SCOPE(&s->rbac->mutex);
    view_unref_locked(v);
}

/* ---- judging ---- */

static bool listed(const char *const *list, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], "*") == 0 || strcmp(list[i], what) == 0)
            return true;
    return false;
}

static bool resource_listed(const struct rule *r, const char *resource, const char *sub)
{
    char full[512], any[256];
    (void)snprintf(full, sizeof full, "%s/%s", resource, sub);
    (void)snprintf(any, sizeof any, "*/%s", sub);
    for (size_t i = 0; i < r->n_resources; i++) {
        const char *is = r->resources[i];
        if (strcmp(is, "*") == 0 || strcmp(is, *sub ? full : resource) == 0 ||
            (*sub && strcmp(is, any) == 0))
            return true;
    }
    return false;
}

static bool path_listed(const struct rule *r, const char *path)
{
    for (size_t i = 0; i < r->n_paths; i++) {
        size_t n = strlen(r->paths[i]);
        if (strcmp(r->paths[i], path) == 0 ||
            (n > 0 && r->paths[i][n - 1] == '*' && strncmp(r->paths[i], path, n - 1) == 0))
            return true;
    }
    return false;
}

bool rbac__rule_allows(const struct rule *r, const struct access *w)
{
    if (!listed(r->verbs, r->n_verbs, w->verb))
        return false;
    if (w->path)
        return path_listed(r, w->path);
    if (!listed(r->groups, r->n_groups, w->group ? w->group : "") ||
        !resource_listed(r, w->resource, w->subresource ? w->subresource : ""))
        return false;
    return r->n_names == 0 || (w->name && *w->name && listed(r->names, r->n_names, w->name));
}

bool rbac__subject_is(const struct binding *b, const struct subject *s, const struct identity *who)
{
    if (strcmp(s->kind, "User") == 0)
        return strcmp(s->name, who->user) == 0;
    if (strcmp(s->kind, "Group") == 0)
        return identity_in(who, s->name);
    if (strcmp(s->kind, "ServiceAccount") != 0)
        return false;
    char user[600];
    (void)snprintf(user, sizeof user, "system:serviceaccount:%s:%s", *s->ns ? s->ns : b->ns,
                   s->name);
    return strcmp(user, who->user) == 0;
}

const struct subject *rbac__applies(const struct binding *b, const struct identity *who,
                                    const char *ns)
{
    if (*b->ns && (!ns || strcmp(b->ns, ns) != 0))
        return NULL;
    for (size_t i = 0; i < b->n_subjects; i++)
        if (rbac__subject_is(b, &b->subjects[i], who))
            return &b->subjects[i];
    return NULL;
}

static const char *reason(const struct binding *b, const struct subject *s, struct arena *a)
{
    const char *subject =
        strcmp(s->kind, "ServiceAccount") == 0
            ? arena_printf(a, "%s \"%s/%s\"", s->kind, s->name, *s->ns ? s->ns : b->ns)
            : arena_printf(a, "%s \"%s\"", s->kind, s->name);
    if (*b->ns)
        return arena_printf(a, "RBAC: allowed by RoleBinding \"%s/%s\" of %s \"%s\" to %s", b->name,
                            b->ns, b->role_kind, b->role_name, subject);
    return arena_printf(a, "RBAC: allowed by ClusterRoleBinding \"%s\" of %s \"%s\" to %s", b->name,
                        b->role_kind, b->role_name, subject);
}

/* *out_why: the binding that allows it, or what was wrong with bindings that might have. */
static bool judge(struct apiserver *s, const struct identity *who, const struct access *w,
                  struct arena *a, const char **out_why)
{
    struct rbac_view *v = rbac__view(s);
    bool allowed = false;
    const char *missing = NULL;
    for (struct binding *b = v->bindings; b && !allowed; b = b->next) {
        const struct subject *is = rbac__applies(b, who, w->path ? "" : w->ns);
        if (!is)
            continue;
        if (!b->role && !missing && a)
            missing = arena_printf(a, "%s.rbac.authorization.k8s.io \"%s\" not found",
                                   strcmp(b->role_kind, "Role") == 0 ? "role" : "clusterrole",
                                   b->role_name);
        for (size_t i = 0; b->role && i < b->role->n && !allowed; i++)
            if (rbac__rule_allows(&b->role->rules[i], w)) {
                allowed = true;
                if (a && out_why)
                    *out_why = reason(b, is, a);
            }
    }
    if (!allowed && missing && out_why)
        *out_why = arena_printf(a, "RBAC: %s", missing);
    rbac__view_unref(s, v);
    return allowed;
}

bool rbac__allowed(struct apiserver *s, const struct identity *who, const struct access *w,
                   struct arena *a, const char **out_why)
{
    *out_why = NULL;
    return identity_in(who, "system:masters") || judge(s, who, w, a, out_why);
}

static const char *denial(const struct identity *who, const struct access *w, const char *why,
                          struct arena *a)
{
    const char *more = why ? arena_printf(a, ": %s", why) : "";
    if (w->path)
        return arena_printf(a, "forbidden: User \"%s\" cannot %s path \"%s\"%s", who->user, w->verb,
                            w->path, more);
    const char *group = w->group ? w->group : "";
    const char *sub = w->subresource ? w->subresource : "";
    const char *what = arena_printf(a, "%s%s%s", w->resource, *group ? "." : "", group);
    const char *name = w->name && *w->name ? arena_printf(a, " \"%s\"", w->name) : "";
    const char *where = w->ns && *w->ns ? arena_printf(a, "in the namespace \"%s\"", w->ns)
                                        : "at the cluster scope";
    return arena_printf(a,
                        "%s%s is forbidden: User \"%s\" cannot %s resource \"%s%s%s\" in API group "
                        "\"%s\" %s%s",
                        what, name, who->user, w->verb, w->resource, *sub ? "/" : "", sub, group,
                        where, more);
}

int rbac__authorize(struct call *c, const struct access *w)
{
    const char *why = NULL;
    if (c->trusted || judge(c->s, &c->who, w, c->a, &why))
        return 0;
    refuse(c, ERR_DENIED, 403, "Forbidden", "%s", denial(&c->who, w, why, c->a));
    refuse_details(c, w->group, w->path ? NULL : w->resource, w->name);
    return ERR_DENIED;
}

int apiserver_authorize(struct apiserver *s, const struct identity *who, const struct access *w,
                        struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const char *why = NULL;
    if (rbac__allowed(s, who, w, a, &why))
        return 0;
    return err_set(e, ERR_DENIED, "%s", denial(who, w, why, a));
}
