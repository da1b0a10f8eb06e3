#include "registry/registry.h"

#include <string.h>

#include "registry/upstream_int.h"

int registry_new(const struct registry_opts *o, struct registry **out, struct err *e)
{
    (void)e;
    struct registry *r = calloc(1, sizeof *r);
    r->opts = *o;
    if (r->opts.max_manifest_bytes == 0 || r->opts.max_manifest_bytes > MANIFEST_MAX_BYTES)
        r->opts.max_manifest_bytes = MANIFEST_MAX_BYTES;
    r->blobs = image_store_blobs(o->images);
    r->refs = image_store_refs(o->images);
    (void)pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->flown);
    map_init(&r->uploads);
    map_init(&r->asked);
    map_init(&r->flights);
    *out = r;
    return 0;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    flights__free(r);
    uploads__free(r);
    map_done(&r->uploads);
    map_done(&r->asked);
    map_done(&r->flights);
    (void)pthread_cond_destroy(&r->flown);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* The last place where `part` stands in the path: names may hold "blobs" and "tags", too. */
static char *find_last(char *path, const char *part)
{
    char *found = NULL;
    for (char *at = path; (at = strstr(at, part)); at++)
        found = at;
    return found;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

/* Cuts "name/part/reference" in two. */
static bool cut(struct registry_call *c, char *path, const char *part, enum registry_kind kind)
{
    char *at = find_last(path, part);
    if (!at)
        return false;
    const char *reference = at + strlen(part);
    if (strchr(reference, '/'))
        return false;
    *at = '\0';
    c->repository = path;
    c->reference = *reference ? reference : NULL;
    c->kind = kind;
    return true;
}

static void parse_path(struct registry_call *c)
{
    const char *all = c->q->path;
    c->kind = ASK_UNKNOWN;
    if (strcmp(all, "/v2/") == 0 || strcmp(all, "/v2") == 0) {
        c->kind = ASK_PING;
        return;
    }
    if (strncmp(all, "/v2/", 4) != 0)
        return;
    char *path = arena_strdup(c->arena, all + 4);
    if (strcmp(path, "_catalog") == 0) {
        c->kind = ASK_CATALOG;
        return;
    }
    if (ends_with(path, "/blobs/uploads")) {
        path[strlen(path) - strlen("/blobs/uploads")] = '\0';
        c->repository = path;
        c->kind = ASK_UPLOADS;
        return;
    }
    if (ends_with(path, "/tags/list")) {
        path[strlen(path) - strlen("/tags/list")] = '\0';
        c->repository = path;
        c->kind = ASK_TAGS;
        return;
    }
    if (cut(c, path, "/blobs/uploads/", ASK_UPLOAD)) {
        c->kind = c->reference ? ASK_UPLOAD : ASK_UPLOADS;
        return;
    }
    if (cut(c, path, "/manifests/", ASK_MANIFEST) || cut(c, path, "/referrers/", ASK_REFERRERS) ||
        cut(c, path, "/blobs/", ASK_BLOB))
        c->kind = c->reference ? c->kind : ASK_UNKNOWN;
}

static enum registry_action action_of(const struct registry_call *c)
{
    const char *m = c->q->method;
    bool reads = strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0;
    if (c->kind == ASK_PING)
        return REGISTRY_PING;
    if (c->kind == ASK_CATALOG)
        return REGISTRY_CATALOG;
    if (c->kind == ASK_UPLOADS || c->kind == ASK_UPLOAD)
        return REGISTRY_PUSH;
    if (strcmp(m, "DELETE") == 0)
        return REGISTRY_DELETE;
    return reads ? REGISTRY_PULL : REGISTRY_PUSH;
}

static void ping(struct registry_call *c)
{
    http_send(c->q, 200, "application/json", "{}", 2);
}

/* False, and answered, when it is not known and has a say. */
static bool know_policy(struct registry_call *c)
{
    const struct registry_opts *o = &c->registry->opts;
    enum registry_action action = action_of(c);
    struct err e = {0};
    if (!o->policy || o->policy(o->arg, &c->policy, &e) == 0)
        return true;
    c->policy = NULL;
    if (action != REGISTRY_PUSH && action != REGISTRY_DELETE)
        return true;
    e.code = ERR_AGAIN;
    answer__err(c, &e, "DENIED");
    return false;
}

/* What another registry has the say of. True: answered. */
static bool copied(struct registry_call *c)
{
    struct upstream u;
    enum registry_action action = action_of(c);
    if (!c->repository || !upstream__of(c->policy, c->repository, &u))
        return false;
    if (action == REGISTRY_PUSH) {
        answer__error(c, 405, "UNSUPPORTED",
                      arena_printf(c->arena, "%s is a copy of %s at %s: push there", c->repository,
                                   u.path, u.at->urls[0]));
        return true;
    }
    if (action != REGISTRY_PULL ||
        (c->kind == ASK_BLOB && blob_digest_check(c->reference, NULL) < 0))
        return false;
    return (c->kind == ASK_MANIFEST && upstream__manifest(c, &u)) ||
           (c->kind == ASK_BLOB && upstream__blob(c, &u));
}

void registry_handle(struct http_request *q, void *arg)
{
    static void (*const doors[])(struct registry_call *) = {
        [ASK_PING] = ping,
        [ASK_CATALOG] = repositories__catalog,
        [ASK_UPLOADS] = uploads__handle,
        [ASK_UPLOAD] = uploads__handle,
        [ASK_BLOB] = blobs__handle,
        [ASK_MANIFEST] = manifests__handle,
        [ASK_TAGS] = repositories__tags,
        [ASK_REFERRERS] = repositories__referrers,
    };
    struct registry_call c = {.registry = arg, .q = q, .arena = q->arena};
    http_set_header(q, "Docker-Distribution-Api-Version", "registry/2.0");
    access__read(&c);
    if (c.registry->opts.token && token__path(q->path)) {
        token__handle(&c);
        return;
    }
    parse_path(&c);
    if (c.kind == ASK_UNKNOWN) {
        answer__error(&c, 404, "NOT_FOUND", "no such resource in the distribution API");
        return;
    }
    if (c.repository && !reference_path_ok(c.repository)) {
        answer__error(&c, 400, "NAME_INVALID", "the repository name is not allowed");
        return;
    }
    if (access__check(&c, action_of(&c), c.repository) < 0 || !know_policy(&c))
        return;
    if (!copied(&c))
        doors[c.kind](&c);
    registry_policy_free(c.policy);
}
