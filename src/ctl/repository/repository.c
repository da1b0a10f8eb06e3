#include "ctl/repository/repository.h"

#include <limits.h>
#include <string.h>

#include "api/conditions.h"
#include "codec/base64.h"
#include "kube/events.h"
#include "kube/write.h"
#include "vcs/repo.h"

enum { POLL_MS = 60 * 1000, HEADS_MAX = 2000, LOCK_LOOK_MS = 1000 };

const char *repository_path(const struct repository_opts *o, const char *name, struct arena *a)
{
    return arena_printf(a, "%s/%s.git", o->root, name);
}

static const char *secret_text(const struct value *secret, const char *key, struct arena *a)
{
    const char *text = value_str(value_get(value_get(secret, "data"), key), NULL);
    char *plain;
    size_t n;
    if (!text || base64_decode(a, text, strlen(text), BASE64_STD, &plain, &n, NULL) < 0)
        return NULL;
    while (n > 0 && (plain[n - 1] == '\n' || plain[n - 1] == '\r')) /* of an editor */
        plain[--n] = '\0';
    return plain;
}

int repository_remote(struct kube *k, const struct object *repository, struct arena *a,
                      struct repo_remote *out, struct err *e)
{
    const char *name = value_at_str(repository->root, "spec.secretRef.name", "");
    struct repo_remote r = {.url = value_at_str(repository->root, "spec.url", "")};
    AUTO(object) struct object *secret = NULL;
    if (*name) {
        int rc = kube_get(k, &RES_SECRET, repository->ns, name, &secret, e);
        if (rc < 0)
            return err_wrap(e, rc, "spec.secretRef");
        r.user = secret_text(secret->root, "username", a);
        r.password = secret_text(secret->root, "password", a);
        r.token = secret_text(secret->root, "token", a);
    }
    *out = r;
    return 0;
}

/* ---- one sync ---- */

struct work {
    struct controller_ctx *c;
    const struct repository_opts *opts;
    const struct object *obj;
    struct arena *a;
    struct value *status; /* the new one */
    const char *reason;   /* of what goes wrong now */
};

static const char fetch_failed[] = "FetchFailed";

static int condition(struct work *w, bool ready, const char *reason, const char *message)
{
    struct value *root = value_new_object(w->a);
    (void)value_set(w->a, root, "status", w->status);
    struct condition c = {"Ready", ready ? "True" : "False", reason, message,
                          value_at_int(w->obj->root, "metadata.generation", 0)};
    (void)condition_set(w->a, root, &c, w->c->clock->real_ms(w->c->clock));
    w->status = value_get_mut(root, "status");
    return 0;
}

/* The folder belongs to the first object that took the name. */
static int claim(struct work *w, struct repo *r, struct err *e)
{
    const char *mine = arena_printf(w->a, "%s/%s", w->obj->ns, w->obj->name);
    const char *owner = repo_config_get(r, "slipway.owner", w->a);
    if (owner && strcmp(owner, mine) == 0)
        return 0;
    if (owner) {
        const char *slash = strchr(owner, '/');
        AUTO(object) struct object *other = NULL;
        int rc = slash ? kube_get(w->c->kube, &RES_REPOSITORY,
                                  arena_strndup(w->a, owner, (size_t)(slash - owner)), slash + 1,
                                  &other, e)
                       : ERR_NOT_FOUND;
        if (rc == 0)
            return err_set(e, ERR_EXISTS, "the name %s is taken by Repository %s", w->obj->name,
                           owner);
        if (rc != ERR_NOT_FOUND)
            return rc;
    }
    return repo_config_set(r, "slipway.owner", mine, e);
}

static int64_t interval_ms(const struct value *root)
{
    int64_t seconds = value_at_int(root, "spec.pollSeconds", 0);
    return seconds > 0 ? seconds * 1000 : POLL_MS;
}

/* How long until the mirror must be fetched; 0: now. */
static int64_t due_ms(const struct work *w, int64_t now)
{
    const struct value *old = value_get(w->obj->root, "status");
    const char *asked = object_annotation(w->obj, "slipway.dev/refresh");
    const char *last = value_at_str(old, "lastFetchTime", "");
    int64_t at;
    if (!*last || clock_parse_rfc3339(last, &at, NULL) < 0 ||
        (asked && strcmp(asked, value_at_str(old, "observedRefresh", "")) != 0) ||
        value_at_int(old, "observedGeneration", 0) !=
            value_at_int(w->obj->root, "metadata.generation", 0))
        return 0;
    int64_t left = at / 1000000 + interval_ms(w->obj->root) - now;
    return left > 0 ? left : 0;
}

/* The path of a file: URL, or the path that the URL is; NULL for another host's, "host:x.git" too.
 */
static const char *local_path(const char *url)
{
    size_t first = strcspn(url, ":/");
    if (strncmp(url, "file://", 7) == 0)
        return strchr(url + 7, '/');
    return url[first] == ':' ? NULL : url;
}

/* What is hosted here has rights of its own, which reading its folder would go round. */
static int check_url(const struct work *w, const char *url, struct err *e)
{
    char here[PATH_MAX], there[PATH_MAX];
    const char *path = local_path(url);
    if (!path || !realpath(path, there) || !realpath(w->opts->root, here))
        return 0;
    size_t n = strlen(here);
    if (strncmp(there, here, n) != 0 || (there[n] && there[n] != '/'))
        return 0;
    return err_set(e, ERR_DENIED, "%s is a repository of this server: name it by its URL", url);
}

/* What the last fetch came to holds until the next one. */
static int last_fetch(const struct work *w, struct err *e)
{
    const struct value *ready = object_condition(w->obj->root, "Ready");
    if (strcmp(value_at_str(ready, "reason", ""), fetch_failed) != 0)
        return 0;
    return err_set(e, ERR_AGAIN, "%s", value_at_str(ready, "message", "the fetch failed"));
}

static int mirror(struct work *w, struct repo *r, struct err *e)
{
    int64_t now = w->c->clock->real_ms(w->c->clock), left = due_ms(w, now);
    struct repo_remote remote;
    w->c->requeue_after_ms = left ? left : interval_ms(w->obj->root);
    w->reason = fetch_failed;
    if (left)
        return last_fetch(w, e);
    int rc = repository_remote(w->c->kube, w->obj, w->a, &remote, e);
    if (rc == 0)
        rc = check_url(w, remote.url, e);
    if (rc == 0)
        rc = repo_fetch_mirror(r, &remote, e);
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(now, text);
    (void)value_set_str(w->a, w->status, "lastFetchTime", text);
    const char *asked = object_annotation(w->obj, "slipway.dev/refresh");
    if (asked)
        (void)value_set_str(w->a, w->status, "observedRefresh", asked);
    return rc;
}

/* The first branch that is pushed is the default one, whatever it is called. */
static int adopt_branch(struct repo *r, const struct repo_ref *refs, size_t n, struct err *e)
{
    char sha[REPO_SHA_MAX];
    static const char heads[] = "refs/heads/";
    for (size_t i = 0; i < n && repo_resolve(r, "HEAD", sha, NULL) < 0; i++)
        if (strncmp(refs[i].name, heads, sizeof heads - 1) == 0)
            return repo_set_head_branch(r, refs[i].name + sizeof heads - 1, e);
    return 0;
}

static int list_heads(struct work *w, struct repo *r, struct err *e)
{
    struct repo_ref *refs;
    size_t n;
    const char *head;
    int rc = repo_refs(r, w->a, &refs, &n, e);
    if (rc == 0)
        rc = adopt_branch(r, refs, n, e);
    if (rc < 0)
        return rc;
    struct value *heads = value_new_object(w->a);
    for (size_t i = 0; i < n && i < HEADS_MAX; i++)
        (void)value_set_str(w->a, heads, refs[i].name, refs[i].sha);
    (void)value_set(w->a, w->status, "heads", heads);
    if (repo_head_branch(r, w->a, &head, NULL) == 0)
        (void)value_set_str(w->a, w->status, "defaultBranch", head);
    return 0;
}

static int observe(struct work *w, struct err *e)
{
    AUTO(repo) struct repo *r = NULL;
    if (!host_name_valid(w->obj->name))
        return err_set(e, ERR_INVALID, "\"%s\" is no name for a repository", w->obj->name);
    int rc = repo_create(repository_path(w->opts, w->obj->name, w->a),
                         value_at_str(w->obj->root, "spec.defaultBranch", "main"), &r, e);
    bool younger = false;
    if (rc == 0)
        rc = repo_break_locks(r, &younger, e);
    if (rc == 0)
        rc = claim(w, r, e);
    if (rc == 0 && *value_at_str(w->obj->root, "spec.url", ""))
        rc = mirror(w, r, e);
    if (rc == 0) {
        w->reason = "Failed";
        rc = list_heads(w, r, e);
    }
    if (younger)
        w->c->requeue_after_ms = LOCK_LOOK_MS;
    return rc;
}

static int repository_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    AUTO(object) struct object *obj = NULL;
    int rc = kube_get(c->kube, &RES_REPOSITORY, key->ns, key->name, &obj, e);
    if (rc == ERR_NOT_FOUND || (rc == 0 && obj->deleting))
        return 0;
    if (rc < 0)
        return rc;
    struct work w = {.c = c, .opts = c->arg, .obj = obj, .a = a, .reason = "Failed"};
    const struct value *old = value_get(obj->root, "status");
    w.status = old ? value_copy(a, old) : value_new_object(a);
    struct err why = {.code = ERR_OK};
    rc = observe(&w, &why);
    (void)value_set_int(a, w.status, "observedGeneration",
                        value_at_int(obj->root, "metadata.generation", 0));
    if (w.opts->url)
        (void)value_set_str(a, w.status, "url",
                            arena_printf(a, "%s%s.git", w.opts->url, obj->name));
    (void)condition(&w, rc == 0,
                    rc == 0            ? "Ready"
                    : rc == ERR_EXISTS ? "NameTaken"
                                       : w.reason,
                    rc == 0 ? "" : why.msg);
    int wrote = write_status(c, &RES_REPOSITORY, obj, w.status, e);
    if (wrote < 0)
        return wrote;
    if (rc < 0 && e)
        *e = why;
    /* A mirror that cannot be reached is tried again when it is due. */
    return rc < 0 && c->requeue_after_ms ? 0 : rc;
}

static const struct controller_watch watches[] = {
    {&RES_REPOSITORY, NULL},
    {NULL,            NULL}
};

const struct controller repository_controller = {
    .name = "repository", .watches = watches, .resync_ms = 60 * 1000, .sync = repository_sync};
