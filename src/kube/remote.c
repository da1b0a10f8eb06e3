#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "kube/remote_int.h"

enum { ANSWER_MAX = 256 << 20, PAGE = 500 };

static struct remote *remote_of(struct kube *k)
{
    return container_of(k, struct remote, kube);
}

/* ---- requests ---- */

const char *remote__query(struct arena *a, const char *const pairs[][2])
{
    static const char plain[] = "-._~";
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 16);
    for (size_t i = 0; pairs[i][0]; i++) {
        if (!pairs[i][1])
            continue;
        buf_printf(&b, "%c%s=", b.len ? '&' : '?', pairs[i][0]);
        for (const char *p = pairs[i][1]; *p; p++) {
            bool keep = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                        (*p >= '0' && *p <= '9') || strchr(plain, *p);
            if (keep)
                buf_putc(&b, *p);
            else
                buf_printf(&b, "%%%02X", (unsigned char)*p);
        }
    }
    return arena_strdup(a, buf_text(&b));
}

static int code_of(int status, const char *reason)
{
    static const struct {
        int status, code;
    } table[] = {
        {400, ERR_INVALID        },
        {401, ERR_UNAUTHENTICATED},
        {403, ERR_DENIED         },
        {404, ERR_NOT_FOUND      },
        {405, ERR_UNSUPPORTED    },
        {406, ERR_UNSUPPORTED    },
        {409, ERR_CONFLICT       },
        {410, ERR_GONE           },
        {413, ERR_TOO_LARGE      },
        {415, ERR_UNSUPPORTED    },
        {422, ERR_INVALID        },
        {429, ERR_AGAIN          },
        {501, ERR_UNSUPPORTED    },
        {502, ERR_AGAIN          },
        {503, ERR_AGAIN          },
        {504, ERR_TIMEOUT        },
    };
    if (strcmp(reason, "AlreadyExists") == 0)
        return ERR_EXISTS;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].status == status)
            return table[i].code;
    return ERR_SYSTEM;
}

int remote__refusal(const struct http_answer *r, const char *what, struct arena *a, struct err *e)
{
    struct value *v = NULL;
    if (!r->body || json_parse(a, r->body, r->body_len, 0, &v, NULL) < 0 ||
        !value_is(value_get(v, "message"), VALUE_STRING))
        return err_set(e, code_of(r->status, ""), "%s: the server answered %d", what, r->status);
    return err_set(e, code_of(r->status, value_str(value_get(v, "reason"), "")), "%s",
                   value_str(value_get(v, "message"), ""));
}

int remote__ask(struct remote *r, const struct ask *q, struct arena *a, struct value **out,
                struct err *e)
{
    const char *headers[] = {"Accept: application/json", NULL, NULL};
    if (q->accept)
        headers[0] = arena_printf(a, "Accept: %s", q->accept);
    struct http_call call = {.method = q->method, .headers = headers, .max_answer = ANSWER_MAX};
    call.url = arena_printf(a, "%s%s%s", r->server, q->path, q->query ? q->query : "");
    if (q->body) {
        headers[1] = arena_printf(a, "Content-Type: %s", q->type ? q->type : "application/json");
        call.body = json_text(a, q->body, 0);
        call.body_len = strlen(call.body);
    }
    struct http_answer ans;
    int rc = http_do(r->http, &call, a, &ans, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s %s", q->method, q->path);
    if (ans.status < 200 || ans.status > 299)
        return remote__refusal(&ans, q->path, a, e);
    return json_parse(a, ans.body, ans.body_len, 0, out, e);
}

/* Makes the answer an object of its own. */
static int ask_object(struct remote *r, const struct ask *q, struct object **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)2 * ANSWER_MAX);
    struct value *v = NULL;
    int rc = remote__ask(r, q, a, &v, e);
    if (rc == 0 && out) {
        struct arena *own = arena_new(0);
        *out = object_new(own, value_copy(own, v));
    }
    return rc;
}

/* ---- verbs ---- */

static int remote_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
                      struct object **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return ask_object(remote_of(k),
                      &(struct ask){.method = "GET", .path = resource_path(r, ns, name, NULL, a)},
                      out, e);
}

static void list_add(struct kube_list *l, size_t *cap, const struct resource *r,
                     const struct value *item)
{
    if (l->n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        l->items = realloc(l->items, *cap * sizeof *l->items);
        if (!l->items)
            log_die("out of memory");
    }
    struct arena *own = arena_new(0);
    struct value *v = value_copy(own, item);
    (void)value_set_str(own, v, "apiVersion", resource_api_version(r, own));
    (void)value_set_str(own, v, "kind", r->kind);
    l->items[l->n++] = object_new(own, v);
}

static int remote_list(struct kube *k, const struct resource *r, const char *ns,
                       const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    struct kube_list l = {0};
    size_t cap = 0;
    AUTO(arena) struct arena *keep = arena_new(0);
    const char *more = NULL;
    do {
        AUTO(arena) struct arena *a = arena_new((size_t)2 * ANSWER_MAX);
        const char *const pairs[][2] = {
            {"labelSelector", opts ? opts->labels : NULL},
            {"fieldSelector", opts ? opts->fields : NULL},
            {"limit",         arena_printf(a,             "%d", PAGE)},
            {"continue",          more                                   },
            {NULL,  NULL}
        };
        struct value *v = NULL;
        int rc = remote__ask(remote_of(k),
                             &(struct ask){.method = "GET",
                                           .path = resource_path(r, ns, NULL, NULL, a),
                                           .query = remote__query(a, pairs)},
                             a, &v, e);
        if (rc < 0) {
            kube_list_done(&l);
            return rc;
        }
        VALUE_EACH_ITEM (item, value_get(v, "items"))
            list_add(&l, &cap, r, item);
        l.rv = strtoull(value_at_str(v, "metadata.resourceVersion", "0"), NULL, 10);
        more = arena_strdup(keep, value_at_str(v, "metadata.continue", ""));
    } while (*more);
    *out = l;
    return 0;
}

static const char *managed(struct remote *r, struct arena *a)
{
    const char *const pairs[][2] = {
        {"fieldManager", r->manager},
        {NULL,           NULL      }
    };
    return remote__query(a, pairs);
}

static int remote_create(struct kube *k, const struct resource *r, const char *ns,
                         const struct value *obj, struct object **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return ask_object(remote_of(k),
                      &(struct ask){.method = "POST",
                                    .path = resource_path(r, ns, NULL, NULL, a),
                                    .query = managed(remote_of(k), a),
                                    .body = obj},
                      out, e);
}

static bool is_posted(const char *sub)
{
    return sub && (strcmp(sub, "binding") == 0 || strcmp(sub, "eviction") == 0 ||
                   strcmp(sub, "token") == 0);
}

static int remote_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                         const char *sub, const struct value *obj, struct object **out,
                         struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return ask_object(remote_of(k),
                      &(struct ask){.method = is_posted(sub) ? "POST" : "PUT",
                                    .path = resource_path(r, ns, name, sub, a),
                                    .query = managed(remote_of(k), a),
                                    .body = obj},
                      out, e);
}

static int remote_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
                        const char *sub, enum kube_patch_type type, const struct value *patch,
                        struct object **out, struct err *e)
{
    static const char *const types[] = {"application/json-patch+json",
                                        "application/merge-patch+json",
                                        "application/strategic-merge-patch+json"};
    AUTO(arena) struct arena *a = arena_new(0);
    return ask_object(remote_of(k),
                      &(struct ask){.method = "PATCH",
                                    .path = resource_path(r, ns, name, sub, a),
                                    .query = managed(remote_of(k), a),
                                    .type = types[type],
                                    .body = patch},
                      out, e);
}

static int remote_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
                        const char *sub, const char *manager, bool force, bool dry_run,
                        const struct value *obj, struct object **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *const pairs[][2] = {
        {"fieldManager", manager               },
        {"force",        force ? "true" : NULL },
        {"dryRun",       dry_run ? "All" : NULL},
        {NULL,           NULL                  }
    };
    return ask_object(remote_of(k),
                      &(struct ask){.method = "PATCH",
                                    .path = resource_path(r, ns, name, sub, a),
                                    .query = remote__query(a, pairs),
                                    .type = "application/apply-patch+yaml",
                                    .body = obj},
                      out, e);
}

static int remote_delete(struct kube *k, const struct resource *r, const char *ns, const char *name,
                         const struct kube_delete_opts *opts, struct err *e)
{
    static const char *const policies[] = {"Background", "Foreground", "Orphan"};
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *b = value_new_object(a);
    (void)value_set_str(a, b, "apiVersion", "v1");
    (void)value_set_str(a, b, "kind", "DeleteOptions");
    (void)value_set_str(a, b, "propagationPolicy", policies[opts->propagation]);
    if (opts->grace_s >= 0)
        (void)value_set_int(a, b, "gracePeriodSeconds", opts->grace_s);
    if (opts->uid)
        (void)value_set_str(a, value_make_object(a, b, "preconditions"), "uid", opts->uid);
    if (opts->rv)
        (void)value_set(a, value_make_object(a, b, "preconditions"), "resourceVersion",
                        value_new_strf(a, "%llu", (unsigned long long)opts->rv));
    return ask_object(
        remote_of(k),
        &(struct ask){.method = "DELETE", .path = resource_path(r, ns, name, NULL, a), .body = b},
        NULL, e);
}

/* ---- kinds ---- */

static const struct resource *resource_of(struct arena *own, const char *api_version,
                                          const struct value *listed)
{
    struct resource *r = ARENA_NEW(own, struct resource);
    const char *slash = strchr(api_version, '/');
    r->group = slash ? arena_strndup(own, api_version, (size_t)(slash - api_version)) : "";
    r->version = arena_strdup(own, slash ? slash + 1 : api_version);
    r->kind = arena_strdup(own, value_str(value_get(listed, "kind"), ""));
    r->plural = arena_strdup(own, value_str(value_get(listed, "name"), ""));
    r->singular = arena_strdup(own, value_str(value_get(listed, "singularName"), ""));
    r->short_names = "";
    r->namespaced = value_bool(value_get(listed, "namespaced"), false);
    return r;
}

/* Under the lock: remembers every kind of one group and version. */
static int discover(struct remote *r, const char *api_version, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)2 * ANSWER_MAX);
    struct value *v = NULL;
    const char *path =
        arena_printf(a, strchr(api_version, '/') ? "/apis/%s" : "/api/%s", api_version);
    int rc = remote__ask(r, &(struct ask){.method = "GET", .path = path}, a, &v, e);
    if (rc < 0)
        return rc;
    VALUE_EACH_ITEM (x, value_get(v, "resources")) {
        if (strchr(value_str(value_get(x, "name"), "/"), '/'))
            continue; /* a subresource */
        const char *key =
            arena_printf(a, "%s %s", api_version, value_str(value_get(x, "kind"), ""));
        if (!map_has(&r->found, key))
            (void)map_put(&r->found, key,
                          (void *)(uintptr_t)resource_of(r->found_arena, api_version, x));
    }
    return 0;
}

static int remote_find(struct kube *k, const char *api_version, const char *kind,
                       const struct resource **out, struct err *e)
{
    struct remote *r = remote_of(k);
    const struct resource *res = resource_find(api_version, kind);
    if (!res) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *key = arena_printf(a, "%s %s", api_version, kind);
        LOCK_SCOPE(&r->lock);
        res = map_get(&r->found, key);
        int rc = res ? 0 : discover(r, api_version, e);
        if (rc < 0)
            return rc;
        res = map_get(&r->found, key);
    }
    if (!res)
        return err_set(e, ERR_NOT_FOUND, "no matches for kind \"%s\" in version \"%s\"", kind,
                       api_version);
    *out = res;
    return 0;
}

/* ---- life ---- */

void remote__unref(struct remote *r)
{
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    http_client_free(r->http);
    map_done(&r->found);
    arena_free(r->found_arena);
    arena_free(r->arena);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

static void remote_free(struct kube *k)
{
    remote__unref(remote_of(k));
}

static const struct kube_ops REMOTE_OPS = {
    .name = "remote",
    .get = remote_get,
    .list = remote_list,
    .create = remote_create,
    .update = remote_update,
    .patch = remote_patch,
    .apply = remote_apply,
    .del = remote_delete,
    .watch_open = remote__watch_open,
    .watch_next = remote__watch_next,
    .watch_close = remote__watch_close,
    .watch_wake = remote__watch_wake,
    .find = remote_find,
    .free = remote_free,
};

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

struct kube *kube_remote_new(const struct kube_config *c, const char *manager)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    r->kube.ops = &REMOTE_OPS;
    atomic_init(&r->refs, 1);
    r->arena = arena_new(0);
    r->found_arena = arena_new(0);
    r->manager = copy(r->arena, manager);
    char *server = arena_strdup(r->arena, c->server);
    for (size_t n = strlen(server); n > 0 && server[n - 1] == '/';)
        server[--n] = '\0';
    r->server = server;
    (void)pthread_mutex_init(&r->lock, NULL);
    map_init(&r->found);
    struct http_client_opts o = {.ca_pem = copy(r->arena, c->ca_pem),
                                 .cert_pem = copy(r->arena, c->cert_pem),
                                 .key_pem = copy(r->arena, c->key_pem),
                                 .bearer = copy(r->arena, c->token),
                                 .user = copy(r->arena, c->user),
                                 .password = copy(r->arena, c->password),
                                 .insecure = c->insecure};
    r->http = http_client_new(&o);
    return &r->kube;
}
