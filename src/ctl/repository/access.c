/* Who may do what with a repository. */
#include <string.h>

#include "ctl/repository/repository.h"
#include "vcs/repo.h"

static bool in_group(const struct host_identity *who, const char *group)
{
    for (const char *const *g = who->groups; g && *g; g++)
        if (strcmp(*g, group) == 0)
            return true;
    return false;
}

static bool is_account(const struct host_identity *who, const char *text, const char *ns,
                       struct arena *a)
{
    const char *slash = strpbrk(text, "/:");
    const char *user = slash ? arena_printf(a, "system:serviceaccount:%.*s:%s", (int)(slash - text),
                                            text, slash + 1)
                             : arena_printf(a, "system:serviceaccount:%s:%s", ns, text);
    return strcmp(who->user, user) == 0;
}

static bool concerns(const struct value *entry, const struct host_identity *who, const char *ns,
                     struct arena *a)
{
    const char *user = value_at_str(entry, "user", NULL);
    const char *group = value_at_str(entry, "group", NULL);
    const char *account = value_at_str(entry, "serviceAccount", NULL);
    return (user && strcmp(user, who->user) == 0) || (group && in_group(who, group)) ||
           (account && is_account(who, account, ns, a));
}

static enum host_role role_of(const char *text)
{
    if (strcmp(text, "admin") == 0)
        return HOST_ADMIN;
    if (strcmp(text, "write") == 0)
        return HOST_WRITE;
    return strcmp(text, "read") == 0 ? HOST_READ : HOST_NONE;
}

static void add_paths(struct host_grant *g, const struct value *paths, struct arena *a)
{
    size_t have = 0, more = value_count(paths);
    while (g->paths && g->paths[have])
        have++;
    const char **list = ARENA_ARRAY(a, const char *, have + more + 1);
    for (size_t i = 0; i < have; i++)
        list[i] = g->paths[i];
    VALUE_EACH_ITEM (p, paths)
        list[have++] = value_str(p, "");
    g->paths = list;
}

/* The highest role wins; of equal ones the path limits add up, and no limit beats any. */
void repository_grant(const struct value *repository, const struct host_identity *who,
                      struct arena *a, struct host_grant *out)
{
    struct host_grant g = {.role = HOST_NONE};
    const char *ns = value_at_str(repository, "metadata.namespace", "");
    bool limited = false;
    if (in_group(who, "system:masters"))
        g.role = HOST_ADMIN;
    VALUE_EACH_ITEM (entry, value_at(repository, "spec.access")) {
        enum host_role role = role_of(value_at_str(entry, "role", "read"));
        const struct value *paths = value_get(entry, "paths");
        if (role < g.role || role == HOST_NONE || !concerns(entry, who, ns, a))
            continue;
        if (role > g.role) {
            g = (struct host_grant){.role = role};
            limited = value_count(paths) > 0;
        } else if (!limited || value_count(paths) == 0) {
            limited = false;
            g.paths = NULL;
        }
        if (limited && role >= HOST_WRITE)
            add_paths(&g, paths, a);
    }
    *out = g;
}

int repository_owner(const struct repository_opts *o, const char *repository, struct arena *a,
                     const char **ns, const char **name, struct err *e)
{
    AUTO(repo) struct repo *r = NULL;
    if (!host_name_valid(repository))
        return err_set(e, ERR_NOT_FOUND, "\"%.100s\" is no name of a repository", repository);
    int rc = repo_open(repository_path(o, repository, a), &r, e);
    if (rc < 0)
        return rc;
    const char *owner = repo_config_get(r, "slipway.owner", a), *slash;
    if (!owner || !(slash = strchr(owner, '/')))
        return err_set(e, ERR_NOT_FOUND, "repository %s has no owner", repository);
    *ns = arena_strndup(a, owner, (size_t)(slash - owner));
    *name = slash + 1;
    return 0;
}

int repository_authorize(const struct repository_opts *o, struct kube *k,
                         const struct host_identity *who, const char *repository, struct arena *a,
                         struct host_grant *out, struct err *e)
{
    const char *ns, *name;
    AUTO(object) struct object *obj = NULL;
    int rc = repository_owner(o, repository, a, &ns, &name, e);
    if (rc == 0)
        rc = kube_get(k, &RES_REPOSITORY, ns, name, &obj, e);
    if (rc < 0)
        return rc;
    repository_grant(object_hold(a, obj)->root, who, a, out);
    /* A mirror belongs to the other side: nobody pushes here. */
    if (*value_at_str(obj->root, "spec.url", "") && out->role > HOST_READ)
        *out = (struct host_grant){.role = HOST_READ};
    return 0;
}
