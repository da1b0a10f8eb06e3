#include <string.h>

#include "apiserver/rbac_int.h"

/* Nobody gives what he has not: the rules of a new role, or of the role a binding names, must be
 * covered by the rules of the writer, permission by permission. */

struct missing {
    const char *group, *resource, *name, *path;
    struct value *verbs;
    struct missing *next;
};

struct check {
    struct call *c;
    struct rbac_view *view;
    const char *ns;
    struct missing *missing;
};

static bool covered(const struct check *k, const struct access *w)
{
    for (const struct binding *b = k->view->bindings; b; b = b->next) {
        if (!b->role || !rbac__applies(b, &k->c->who, w->path ? "" : k->ns))
            continue;
        for (size_t i = 0; i < b->role->n; i++)
            if (rbac__rule_allows(&b->role->rules[i], w))
                return true;
    }
    return false;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void note(struct check *k, const struct access *w)
{
    struct missing **at = &k->missing;
    for (; *at; at = &(*at)->next)
        if (same((*at)->group, w->group) && same((*at)->resource, w->resource) &&
            same((*at)->name, w->name) && same((*at)->path, w->path))
            break;
    if (!*at) {
        *at = ARENA_NEW(k->c->a, struct missing);
        **at = (struct missing){.group = w->group,
                                .resource = w->resource,
                                .name = w->name,
                                .path = w->path,
                                .verbs = value_new_array(k->c->a)};
    }
    VALUE_EACH_ITEM (v, (*at)->verbs) {
        if (strcmp(value_str(v, ""), w->verb) == 0)
            return;
    }
    value_push_str(k->c->a, (*at)->verbs, w->verb);
}

static void check_one(struct check *k, const struct access *w)
{
    if (!covered(k, w))
        note(k, w);
}

static void check_resource(struct check *k, const struct rule *r, const char *verb,
                           const char *group, const char *resource)
{
    const char *slash = strchr(resource, '/');
    struct access w = {.verb = verb, .group = group, .ns = k->ns};
    w.resource = slash ? arena_strndup(k->c->a, resource, (size_t)(slash - resource)) : resource;
    w.subresource = slash ? slash + 1 : NULL;
    for (size_t n = 0; n < (r->n_names ? r->n_names : 1); n++) {
        w.name = r->n_names ? r->names[n] : NULL;
        if (!covered(k, &w)) {
            w.resource = resource;
            w.subresource = NULL;
            note(k, &w);
        }
    }
}

static void check_rules(struct check *k, const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct rule *r = &rules[i];
        for (size_t v = 0; v < r->n_verbs; v++) {
            for (size_t g = 0; g < r->n_groups; g++)
                for (size_t o = 0; o < r->n_resources; o++)
                    check_resource(k, r, r->verbs[v], r->groups[g], r->resources[o]);
            for (size_t p = 0; p < r->n_paths; p++) {
                const struct access w = {.verb = r->verbs[v], .path = r->paths[p]};
                check_one(k, &w);
            }
        }
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *describe(const struct missing *m, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 64 * 1024);
    buf_putc(&b, '{');
    if (m->path) {
        buf_printf(&b, "NonResourceURLs:[\"%s\"]", m->path);
    } else {
        buf_printf(&b, "APIGroups:[\"%s\"], Resources:[\"%s\"]", m->group, m->resource);
        if (m->name)
            buf_printf(&b, ", ResourceNames:[\"%s\"]", m->name);
    }
    buf_puts(&b, ", Verbs:[");
    for (size_t i = 0; i < value_count(m->verbs); i++)
        buf_printf(&b, "%s\"%s\"", i ? " " : "", value_str(value_item(m->verbs, i), ""));
    buf_puts(&b, "]}");
    return arena_strndup(a, buf_text(&b), b.len);
}

static int refuse_escalation(struct check *k, const struct served *served, const char *name)
{
    struct call *c = k->c;
    size_t n = 0;
    for (struct missing *m = k->missing; m; m = m->next)
        n++;
    const char **lines = ARENA_ARRAY(c->a, const char *, n + 1);
    n = 0;
    for (struct missing *m = k->missing; m; m = m->next)
        lines[n++] = describe(m, c->a);
    qsort(lines, n, sizeof *lines, by_text);
    AUTO_BUF struct buf b;
    buf_init(&b, 256 * 1024);
    buf_printf(&b, "user \"%s\" (groups=[", c->who.user);
    for (size_t i = 0; i < c->who.n_groups; i++)
        buf_printf(&b, "%s\"%s\"", i ? " " : "", c->who.groups[i]);
    buf_puts(&b, "]) is attempting to grant RBAC permissions not currently held:");
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "\n%s", lines[i]);
    return refuse_forbidden(c, served, name, "%s", buf_text(&b));
}

static bool has_verb(struct call *c, const char *verb, const char *resource, const char *ns,
                     const char *name)
{
    const struct access w = {.verb = verb,
                             .group = "rbac.authorization.k8s.io",
                             .resource = resource,
                             .ns = ns,
                             .name = name};
    const char *why;
    return rbac__allowed(c->s, &c->who, &w, c->a, &why);
}

static int check_role(struct check *k, const struct served *served, const struct value *obj,
                      const struct value *old)
{
    const char *name = value_at_str(obj, "metadata.name", "");
    if (old && value_equal(value_get(obj, "rules"), value_get(old, "rules")))
        return 0;
    if (has_verb(k->c, "escalate", served->res->plural, k->ns, name))
        return 0;
    size_t n = 0;
    const struct rule *rules = rbac__rules(value_get(obj, "rules"), k->c->a, &n);
    check_rules(k, rules, n);
    return k->missing ? refuse_escalation(k, served, name) : 0;
}

static int check_binding(struct check *k, const struct served *served, const struct value *obj,
                         const struct value *old)
{
    const char *kind = value_at_str(obj, "roleRef.kind", "");
    const char *role = value_at_str(obj, "roleRef.name", "");
    bool cluster = strcmp(kind, "ClusterRole") == 0;
    if (old && value_equal(value_get(obj, "subjects"), value_get(old, "subjects")) &&
        value_equal(value_get(obj, "roleRef"), value_get(old, "roleRef")))
        return 0;
    if (has_verb(k->c, "bind", cluster ? "clusterroles" : "roles", k->ns, role))
        return 0;
    const struct role *r = map_get(&k->view->roles, arena_printf(k->c->a, "%s/%s",
                                                                 cluster ? ""
                                                                 : k->ns ? k->ns
                                                                         : "",
                                                                 role));
    if (!r) {
        const struct served *rk = kinds__of(k->c->s, cluster ? &RES_CLUSTER_ROLE : &RES_ROLE);
        return refuse_not_found(k->c, rk, role);
    }
    check_rules(k, r->rules, r->n);
    return k->missing ? refuse_escalation(k, served, value_at_str(obj, "metadata.name", "")) : 0;
}

int rbac__escalation(struct call *c, const struct served *k, const char *ns,
                     const struct value *obj, const struct value *old)
{
    const struct resource *r = k->res;
    bool role = r == &RES_ROLE || r == &RES_CLUSTER_ROLE;
    bool binding = r == &RES_ROLE_BINDING || r == &RES_CLUSTER_ROLE_BINDING;
    if (c->trusted || (!role && !binding))
        return 0;
    struct check check = {.c = c, .ns = r->namespaced ? ns : "", .view = rbac__view(c->s)};
    int rc = role ? check_role(&check, k, obj, old) : check_binding(&check, k, obj, old);
    rbac__view_unref(c->s, check.view);
    return rc;
}

/* ---- SelfSubjectRulesReview ---- */

static void put_texts(struct arena *a, struct value *out, const char *key, const char *const *list,
                      size_t n)
{
    if (n == 0)
        return;
    struct value *v = value_new_array(a);
    for (size_t i = 0; i < n; i++)
        value_push_str(a, v, list[i]);
    value_set(a, out, key, v);
}

void rbac__rules_of(struct apiserver *s, const struct identity *who, const char *ns,
                    struct arena *a, struct value *resource_rules, struct value *path_rules)
{
    struct rbac_view *view = rbac__view(s);
    for (const struct binding *b = view->bindings; b; b = b->next) {
        for (size_t i = 0; b->role && rbac__applies(b, who, ns) && i < b->role->n; i++) {
            const struct rule *r = &b->role->rules[i];
            struct value *v = value_new_object(a);
            put_texts(a, v, "verbs", r->verbs, r->n_verbs);
            if (r->n_paths > 0) {
                put_texts(a, v, "nonResourceURLs", r->paths, r->n_paths);
                value_push(a, path_rules, v);
                continue;
            }
            put_texts(a, v, "apiGroups", r->groups, r->n_groups);
            put_texts(a, v, "resources", r->resources, r->n_resources);
            put_texts(a, v, "resourceNames", r->names, r->n_names);
            value_push(a, resource_rules, v);
        }
    }
    rbac__view_unref(s, view);
}
