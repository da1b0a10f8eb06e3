/* namespace, namePrefix and nameSuffix. */
#include "base/map.h"
#include "render/kustomize/kust_int.h"

struct ns_job {
    struct arena *a;
    const struct value *ns;
    bool unset_only;
    const char *subjects; /* whose namespaces are set in bindings of roles */
    const struct kust_place *places;
    size_t n_places;
};

static int set_ns(void *arg, struct value *at, struct err *e)
{
    const struct ns_job *job = arg;
    if (value_is(at, VALUE_OBJECT) || value_is(at, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "namespace field specs must target scalars");
    if (job->unset_only && *value_str(at, ""))
        return 0;
    uint32_t line = at->line;
    *at = *job->ns;
    at->line = line;
    return 0;
}

static bool binds_role(const struct kust_resource *r)
{
    return strcmp(kust_kind(r), "RoleBinding") == 0 ||
           strcmp(kust_kind(r), "ClusterRoleBinding") == 0;
}

static int set_subjects(struct ns_job *job, struct kust_resource *r, struct err *e)
{
    struct value *subjects = value_get_mut(r->object, "subjects");
    bool all = strcmp(job->subjects, "allServiceAccounts") == 0;
    for (size_t i = 0; i < value_count(subjects); i++) {
        struct value *s = &subjects->items[i];
        bool fits = all ? strcmp(value_at_str(s, "kind", ""), "ServiceAccount") == 0
                        : strcmp(value_at_str(s, "name", ""), "default") == 0;
        int rc = fits ? kust_visit(job->a, s, "namespace", true, set_ns, job, e) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* metadata.namespace and subjects have rules of their own, whatever field specs say. */
static bool spared(const struct kust_place *p, const struct kust_resource *r)
{
    return strcmp(p->path, "metadata/namespace") == 0 ||
           (strcmp(p->path, "metadata/name") == 0 &&
            strcmp(value_at_str(r->object, "apiVersion", ""), "v1") != 0) ||
           (binds_role(r) && strcmp(p->path, "subjects/namespace") == 0);
}

static int set_namespace(struct ns_job *job, struct kust_resource *r, struct err *e)
{
    int rc = 0;
    if (!kust_cluster_scoped(r))
        rc = kust_visit(job->a, r->object, "metadata/namespace", true, set_ns, job, e);
    if (rc == 0 && binds_role(r) && strcmp(job->subjects, "none") != 0)
        rc = set_subjects(job, r, e);
    for (size_t i = 0; rc == 0 && i < job->n_places; i++) {
        const struct kust_place *p = &job->places[i];
        if (kust_place_fits(p, r) && !spared(p, r))
            rc = kust_visit(job->a, r->object, p->path, p->create, set_ns, job, e);
    }
    return rc;
}

/* Resources that were apart by their namespaces only. */
static int check_conflicts(const struct kust_layer *l, struct err *e)
{
    struct map seen;
    int rc = 0;
    map_init(&seen);
    for (size_t i = 0; rc == 0 && i < l->set->n; i++) {
        const struct kust_resource *r = l->set->items[i];
        const char *id =
            arena_printf(l->a, "%s %s %s/%s", value_at_str(r->object, "apiVersion", ""),
                         kust_kind(r), kust_ns(r), kust_name(r));
        if (map_get(&seen, id))
            rc = kust_error(l, value_get(l->doc, "namespace"), e,
                            "namespace: there would be two of %s", id);
        else
            (void)map_put(&seen, id, l->set->items[i]);
    }
    map_done(&seen);
    return rc;
}

int kust_namespace(struct kust_layer *l, struct err *e)
{
    static const char *const modes[] = {"defaultOnly", "allServiceAccounts", "none"};
    const struct value *ns = value_get(l->doc, "namespace");
    const struct value *config = l->plugin ? l->plugin->object : NULL;
    struct ns_job job = {.a = l->a,
                         .ns = ns,
                         .unset_only = value_at_bool(config, "unsetOnly", false),
                         .subjects = value_at_str(config, "setRoleBindingSubjects", modes[0])};
    bool known = false;
    if (!ns || !*value_str(ns, ""))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        known |= strcmp(job.subjects, modes[i]) == 0;
    if (!known)
        return kust_error(l, NULL, e, "setRoleBindingSubjects: \"%s\" is not one of %s, %s, %s",
                          job.subjects, modes[0], modes[1], modes[2]);
    job.places = kust_places(l, "namespace", &job.n_places);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        rc = l->set->items[i]->of_chart ? 0 : set_namespace(&job, l->set->items[i], e);
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        kust_renamed(l->set->items[i]);
    return rc < 0 ? rc : check_conflicts(l, e);
}

static bool keeps_name(const struct kust_resource *r)
{
    return strcmp(kust_kind(r), "CustomResourceDefinition") == 0 ||
           (strcmp(kust_kind(r), "APIService") == 0 &&
            strncmp(value_at_str(r->object, "apiVersion", ""), "apiregistration.k8s.io/", 23) ==
                0) ||
           strcmp(kust_kind(r), "Namespace") == 0;
}

struct affix {
    struct arena *a;
    const char *prefix, *suffix;
};

static int put_affix(void *arg, struct value *at, struct err *e)
{
    const struct affix *x = arg;
    (void)e;
    if (value_is(at, VALUE_STRING))
        *at = *value_new_strf(x->a, "%s%s%s", x->prefix, at->text, x->suffix);
    return 0;
}

static const char *listed(struct arena *a, const char *list, const char *affix)
{
    return *list ? arena_printf(a, "%s,%s", list, affix) : affix;
}

static int put_affixes(struct kust_layer *l, const char *field, struct affix *x, struct err *e)
{
    size_t n;
    const struct kust_place *places = kust_places(l, field, &n);
    for (size_t i = 0; i < l->set->n; i++) {
        struct kust_resource *r = l->set->items[i];
        bool named = false;
        for (size_t k = 0; k < n && !keeps_name(r); k++) {
            if (!kust_place_fits(&places[k], r))
                continue;
            named |= strcmp(places[k].path, "metadata/name") == 0;
            int rc = kust_visit(l->a, r->object, places[k].path, false, put_affix, x, e);
            if (rc < 0)
                return rc;
        }
        if (!named)
            continue;
        if (*x->prefix)
            r->prefixes = listed(l->a, r->prefixes, x->prefix);
        if (*x->suffix)
            r->suffixes = listed(l->a, r->suffixes, x->suffix);
        kust_renamed(r);
    }
    return 0;
}

int kust_prefix(struct kust_layer *l, struct err *e)
{
    struct affix x = {l->a, value_at_str(l->doc, "namePrefix", ""), ""};
    return *x.prefix ? put_affixes(l, "namePrefix", &x, e) : 0;
}

int kust_suffix(struct kust_layer *l, struct err *e)
{
    struct affix x = {l->a, "", value_at_str(l->doc, "nameSuffix", "")};
    return *x.suffix ? put_affixes(l, "nameSuffix", &x, e) : 0;
}
