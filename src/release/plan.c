/* plan.c - decisions about releases and their objects, without an API. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "release/release_int.h"

#define MANAGED_BY   "app.kubernetes.io/managed-by"
#define RELEASE_NAME "meta.helm.sh/release-name"
#define RELEASE_NS   "meta.helm.sh/release-namespace"
#define POLICY       "helm.sh/resource-policy"

/* ---- which object is which ---- */

bool release__same_object(const struct release_object *x, const struct release_object *y)
{
    return strcmp(x->name, y->name) == 0 && strcmp(x->ns, y->ns) == 0 &&
           strcmp(x->res->kind, y->res->kind) == 0 && strcmp(x->res->group, y->res->group) == 0;
}

const struct release_object *release__find(const struct release_objects *list,
                                           const struct release_object *o)
{
    for (size_t i = 0; list && i < list->n; i++)
        if (release__same_object(&list->items[i], o))
            return &list->items[i];
    return NULL;
}

const char *release__object_name(const struct release_object *o, struct arena *a)
{
    return arena_printf(a, "%s \"%s\" in namespace \"%s\"", o->res->kind, o->name, o->ns);
}

/* ---- whose it is ---- */

static const char *wrong(const struct value *map, const char *what, const char *key,
                         const char *want, struct arena *a)
{
    const char *got = value_str(value_get(map, key), NULL);
    if (!got)
        return arena_printf(a, "; %s validation error: missing key \"%s\": must be set to \"%s\"",
                            what, key, want);
    if (strcmp(got, want) != 0)
        return arena_printf(a,
                            "; %s validation error: key \"%s\" must equal \"%s\": current value is "
                            "\"%s\"",
                            what, key, want, got);
    return "";
}

const char *release__ownership(const struct value *live, const char *name, const char *ns,
                               struct arena *a)
{
    const struct value *annotations = value_at(live, "metadata.annotations");
    const char *all =
        arena_join(a, wrong(value_at(live, "metadata.labels"), "label", MANAGED_BY, "Helm", a),
                   wrong(annotations, "annotation", RELEASE_NAME, name, a),
                   wrong(annotations, "annotation", RELEASE_NS, ns, a), NULL);
    return *all ? arena_join(a, "invalid ownership metadata", all, NULL) : "";
}

void release__own(struct release_objects *list, const char *name, const char *ns, struct arena *a)
{
    for (size_t i = 0; i < list->n; i++) {
        struct value *root = value_copy(a, list->items[i].root);
        struct value *labels = value_make_object(a, root, "metadata.labels");
        (void)value_set_str(a, labels, MANAGED_BY, "Helm");
        struct value *annotations = value_make_object(a, root, "metadata.annotations");
        (void)value_set_str(a, annotations, RELEASE_NAME, name);
        (void)value_set_str(a, annotations, RELEASE_NS, ns);
        list->items[i].root = root;
    }
}

bool release__keeps(const struct value *object)
{
    const struct value *annotations = value_at(object, "metadata.annotations");
    const char *policy = value_str(value_get(annotations, POLICY), "");
    policy += strspn(policy, " \t\r\n");
    return strncasecmp(policy, "keep", 4) == 0 && policy[4 + strspn(policy + 4, " \t\r\n")] == '\0';
}

/* ---- order ---- */

static const char *const deletion_order[] = {
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
};

static size_t deletion_rank(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(deletion_order); i++)
        if (strcmp(kind, deletion_order[i]) == 0)
            return i;
    return ARRAY_LEN(deletion_order);
}

/* Kinds that Helm does not know come last, by their names. */
static int deleted_before(const struct release_object *x, const struct release_object *y)
{
    size_t a = deletion_rank(x->res->kind), b = deletion_rank(y->res->kind);
    if (a != b)
        return a < b ? -1 : 1;
    return a == ARRAY_LEN(deletion_order) ? strcmp(x->res->kind, y->res->kind) : 0;
}

void release__sort_for_deletion(struct release_objects *list)
{
    for (size_t i = 1; i < list->n; i++) { /* stable */
        struct release_object o = list->items[i];
        size_t at = i;
        for (; at > 0 && deleted_before(&o, &list->items[at - 1]) < 0; at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = o;
    }
}

/* ---- hooks ---- */

static bool lists(const struct value *array, const char *text)
{
    VALUE_EACH_ITEM (i, array)
        if (strcmp(value_str(i, ""), text) == 0)
            return true;
    return false;
}

bool release__has_policy(const struct value *hook, const char *list, const char *policy)
{
    return lists(value_get(hook, list), policy);
}

static int runs_before(const struct value *x, const struct value *y)
{
    int64_t a = value_int(value_get(x, "weight"), 0), b = value_int(value_get(y, "weight"), 0);
    if (a != b)
        return a < b ? -1 : 1;
    return strcmp(value_str(value_get(x, "name"), ""), value_str(value_get(y, "name"), ""));
}

size_t release_hooks(const struct release *r, const char *event, struct arena *a,
                     const struct value ***out)
{
    const struct value *all = value_get(r->doc, "hooks");
    const struct value **list = ARENA_ARRAY(a, const struct value *, value_count(all) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (hook, all) {
        if (!lists(value_get(hook, "events"), event))
            continue;
        size_t at = n++;
        for (; at > 0 && runs_before(hook, list[at - 1]) < 0; at--) /* stable */
            list[at] = list[at - 1];
        list[at] = hook;
    }
    *out = list;
    return n;
}

bool release_filter_has(const struct release_filter *f, const char *name)
{
    bool in = f->n_only == 0;
    for (size_t i = 0; i < f->n_only && !in; i++)
        in = strcmp(f->only[i], name) == 0;
    for (size_t i = 0; i < f->n_but && in; i++)
        in = strcmp(f->but[i], name) != 0;
    return in;
}

/* ---- revisions ---- */

struct release_list release__attempts(const struct release_list *history,
                                      const struct release *base, struct arena *a)
{
    struct release_list out = {ARENA_ARRAY(a, struct release *, history->n + 1), 0};
    for (size_t i = 0; i < history->n; i++)
        if (history->items[i]->revision > base->revision &&
            release_status(history->items[i]) == RELEASE_FAILED)
            out.items[out.n++] = history->items[i];
    return out;
}

struct value *release__labels(struct arena *a, const struct value *had, const struct value *given)
{
    struct value *out = had ? value_copy(a, had) : value_new_object(a);
    VALUE_EACH_MEMBER (m, given) {
        if (strcmp(value_str(&m->value, ""), "null") == 0)
            (void)value_remove(out, m->key);
        else
            (void)value_set(a, out, m->key, &m->value);
    }
    return out;
}

struct release_list release__surplus(const struct release_list *history, int max, struct arena *a)
{
    struct release_list out = {ARENA_ARRAY(a, struct release *, history->n + 1), 0};
    const struct release *deployed = release__deployed(history);
    for (size_t i = 0; i < history->n && (int)(history->n - out.n) > max; i++)
        if (history->items[i] != deployed)
            out.items[out.n++] = history->items[i];
    return out;
}
