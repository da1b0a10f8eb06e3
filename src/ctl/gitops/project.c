/* What an AppProject allows. */
#include "ctl/gitops/app_int.h"
#include "vcs/match.h"

static const struct object *project_of(struct app *p)
{
    AUTO(object) struct object *o = NULL;
    const char *name = value_at_str(p->spec, "project", "default");
    if (kube_get(p->c->kube, &RES_APP_PROJECT, p->ns, *name ? name : "default", &o, NULL) < 0 &&
        kube_get(p->c->kube, &RES_APP_PROJECT, p->g->opts.namespace, *name ? name : "default", &o,
                 NULL) < 0)
        return NULL;
    return object_hold(p->a, o);
}

/* '*' here also spans slashes. */
static bool spans(const char *pattern, const char *text)
{
    if (strcmp(pattern, "*") == 0)
        return true;
    const char *star = strchr(pattern, '*');
    if (!star)
        return strcmp(pattern, text) == 0;
    size_t head = (size_t)(star - pattern), tail = strlen(star + 1), n = strlen(text);
    if (strchr(star + 1, '*'))
        return path_match(pattern, text);
    return n >= head + tail && strncmp(pattern, text, head) == 0 &&
           strcmp(text + n - tail, star + 1) == 0;
}

static bool source_allowed(const struct value *list, const char *url)
{
    bool allowed = false;
    VALUE_EACH_ITEM (item, list) {
        const char *pattern = value_str(item, "");
        if (*pattern == '!' && spans(pattern + 1, url))
            return false;
        allowed |= *pattern != '!' && spans(pattern, url);
    }
    return allowed;
}

static bool destination_allowed(const struct value *list, const struct value *dest)
{
    bool allowed = false;
    VALUE_EACH_ITEM (item, list) {
        const char *server = value_at_str(item, "server", ""),
                   *name = value_at_str(item, "name", "");
        const char *ns = value_at_str(item, "namespace", "*");
        bool deny = *ns == '!' || *server == '!';
        bool cluster =
            (*server && spans(server + (*server == '!'), value_at_str(dest, "server", ""))) ||
            (*name && spans(name, value_at_str(dest, "name", "")));
        bool place = spans(ns + (*ns == '!'), value_at_str(dest, "namespace", ""));
        if (deny && cluster && place)
            return false;
        allowed |= !deny && cluster && place;
    }
    return allowed;
}

int project_check_source(struct app *p, const char *url, struct err *e)
{
    const char *name = value_at_str(p->spec, "project", "default");
    const struct object *project = project_of(p);
    if (!project || source_allowed(value_at(project->root, "spec.sourceRepos"), url))
        return 0;
    return err_set(e, ERR_DENIED, "project %s does not allow the source %s", name, url);
}

int project_check(struct app *p, struct err *e)
{
    const char *name = value_at_str(p->spec, "project", "default");
    const struct value *dest = value_get(p->spec, "destination");
    const char *server = value_at_str(dest, "server", ""),
               *cluster = value_at_str(dest, "name", "");
    if (!*server == !*cluster)
        return err_set(e, ERR_INVALID, "spec.destination needs one of server and name");
    if ((*server && strcmp(server, "https://kubernetes.default.svc") != 0) ||
        (*cluster && strcmp(cluster, "in-cluster") != 0))
        return err_set(e, ERR_UNSUPPORTED,
                       "spec.destination: only this cluster (in-cluster, "
                       "https://kubernetes.default.svc) is offered");
    const struct object *project = project_of(p);
    if (!project && *name && strcmp(name, "default") != 0)
        return err_set(e, ERR_NOT_FOUND, "AppProject %s does not exist", name);
    if (!project)
        return 0;
    if (!destination_allowed(value_at(project->root, "spec.destinations"), dest))
        return err_set(e, ERR_DENIED, "project %s does not allow the destination %s/%s", name,
                       *server ? server : cluster, value_at_str(dest, "namespace", ""));
    return 0;
}

static bool kind_listed(const struct value *list, const struct app_item *i)
{
    VALUE_EACH_ITEM (k, list)
        if (spans(value_at_str(k, "group", ""), i->group) &&
            spans(value_at_str(k, "kind", ""), i->kind))
            return true;
    return false;
}

const char *project_refuses(struct app *p, const struct app_item *i)
{
    const struct object *project = project_of(p);
    if (!project || !i->res)
        return NULL;
    const struct value *spec = value_get(project->root, "spec");
    const struct value *deny = value_get(spec, i->res->namespaced ? "namespaceResourceBlacklist"
                                                                  : "clusterResourceBlacklist");
    const struct value *allow = value_get(spec, i->res->namespaced ? "namespaceResourceWhitelist"
                                                                   : "clusterResourceWhitelist");
    /* Kinds in namespaces are allowed unless a list says otherwise, cluster-wide ones are not. */
    bool allowed = allow ? kind_listed(allow, i) : i->res->namespaced;
    if (allowed && !kind_listed(deny, i))
        return NULL;
    return arena_printf(p->a, "resource %s:%s is not permitted in project %s", i->group, i->kind,
                        project->name);
}
