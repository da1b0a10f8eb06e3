#include "apiserver/local.h"

#include <string.h>

#include "apiserver/apiserver_int.h"
#include "apiserver/rest_int.h"
#include "apiserver/watching_int.h"
#include "base/log.h"

enum { CALL_ARENA = 256 * 1024 * 1024 };

struct local {
    struct kube kube;
    struct apiserver *s;
    struct arena *arena; /* of the identity */
    const char *manager;
    struct identity who;
    bool trusted;
};

/* One call: its arena may end up owning the object that it returns. */
struct local_call {
    struct call c;
    const struct served *k;
};

static int begin(struct kube *kube, const struct resource *r, const char *verb, const char *ns,
                 const char *name, const char *sub, struct local_call *l, struct err *e)
{
    struct local *local = (struct local *)kube;
    memset(l, 0, sizeof *l);
    call_init_internal(&l->c, local->s, arena_new(CALL_ARENA), local->manager);
    l->c.who = local->who;
    l->c.trusted = local->trusted;
    l->k = kinds__of(local->s, r);
    if (!l->k)
        return err_set(e, ERR_NOT_FOUND, "the server does not serve %s.%s/%s", r->plural, r->group,
                       r->version);
    if (local->trusted)
        return 0;
    const struct access w = {.verb = verb,
                             .group = r->group,
                             .resource = r->plural,
                             .subresource = sub,
                             .ns = ns,
                             .name = name};
    int rc = rbac__authorize(&l->c, &w);
    if (rc < 0)
        refusal_err(&l->c.refusal, rc, e);
    return rc;
}

static void end(struct local_call *l)
{
    arena_free(l->c.a);
}
#define AUTO_CALL __attribute__((cleanup(end)))

static int fail(struct local_call *l, int rc, struct err *e)
{
    refusal_err(&l->c.refusal, rc, e);
    return rc;
}

/* The result as a shared object. A tree takes the arena along. */
static void give(struct local_call *l, struct result *r, struct object **out)
{
    if (!out)
        return;
    if (r->tree)
        *out = object_new(take_ptr(l->c.a), r->tree);
    else
        *out = stored__object(l->c.s, l->k, r->entry);
}

static int local_get(struct kube *kube, const struct resource *r, const char *ns, const char *name,
                     struct object **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    struct result res = {0};
    int rc = begin(kube, r, "get", ns, name, NULL, &l, e);
    if (rc < 0)
        return rc;
    rc = rest_get(&l.c, l.k, ns, name, &res);
    if (rc < 0)
        return fail(&l, rc, e);
    give(&l, &res, out);
    return 0;
}

static int local_list(struct kube *kube, const struct resource *r, const char *ns,
                      const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    AUTO_CALL struct local_call l;
    struct listing found = {0};
    int rc = begin(kube, r, "list", ns, NULL, NULL, &l, e);
    if (rc < 0)
        return rc;
    const struct list_opts o = {.labels = opts ? opts->labels : NULL,
                                .fields = opts ? opts->fields : NULL,
                                .send_initial = -1};
    rc = rest_list(&l.c, l.k, ns, &o, &found);
    if (rc < 0)
        return fail(&l, rc, e);
    out->rv = found.rv;
    out->n = found.n;
    out->items = calloc(found.n + 1, sizeof *out->items);
    if (!out->items)
        log_die("out of memory");
    for (size_t i = 0; i < found.n; i++)
        out->items[i] = stored__object(l.c.s, l.k, found.items[i]);
    return 0;
}

static int local_create(struct kube *kube, const struct resource *r, const char *ns,
                        const struct value *obj, struct object **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    struct result res = {0};
    if (!ns || !*ns)
        ns = value_at_str(obj, "metadata.namespace", "");
    int rc = begin(kube, r, "create", ns, NULL, NULL, &l, e);
    if (rc < 0)
        return rc;
    rc = rest_create(&l.c, l.k, ns, value_copy(l.c.a, obj), &res);
    if (rc < 0)
        return fail(&l, rc, e);
    give(&l, &res, out);
    return 0;
}

static int local_update(struct kube *kube, const struct resource *r, const char *ns,
                        const char *name, const char *sub, const struct value *obj,
                        struct object **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    struct result res = {0};
    int rc = begin(kube, r, "update", ns, name, sub, &l, e);
    if (rc < 0)
        return rc;
    struct value *copy = value_copy(l.c.a, obj);
    bool known = false;
    if (sub && *sub)
        rc = subs__update(&l.c, l.k, ns, name, sub, copy, &res, &known);
    if (!known)
        rc = rest_update(&l.c, l.k, ns, name, sub && *sub ? sub : NULL, copy, &res);
    if (rc < 0)
        return fail(&l, rc, e);
    give(&l, &res, out);
    return 0;
}

static int patch(struct kube *kube, const struct resource *r, const char *ns, const char *name,
                 const char *sub, enum patch_type type, const struct value *p, struct object **out,
                 struct local_call *l, struct err *e)
{
    struct result res = {0};
    struct value *copy = value_copy(l->c.a, p);
    bool known = false;
    int rc = 0;
    if (sub && *sub)
        rc = subs__patch(&l->c, l->k, ns, name, sub, type, copy, &res, &known);
    if (!known)
        rc = rest_patch(&l->c, l->k, ns, name, sub && *sub ? sub : NULL, type, copy, &res);
    (void)kube;
    (void)r;
    if (rc < 0)
        return fail(l, rc, e);
    give(l, &res, out);
    return 0;
}

static int local_patch(struct kube *kube, const struct resource *r, const char *ns,
                       const char *name, const char *sub, enum kube_patch_type type,
                       const struct value *p, struct object **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    int rc = begin(kube, r, "patch", ns, name, sub, &l, e);
    if (rc < 0)
        return rc;
    enum patch_type t = type == KUBE_PATCH_JSON    ? PATCH_JSON
                        : type == KUBE_PATCH_MERGE ? PATCH_MERGE
                                                   : PATCH_STRATEGIC;
    return patch(kube, r, ns, name, sub, t, p, out, &l, e);
}

static int local_apply(struct kube *kube, const struct resource *r, const char *ns,
                       const char *name, const char *sub, const char *manager, bool force,
                       bool dry_run, const struct value *obj, struct object **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    int rc = begin(kube, r, "patch", ns, name, sub, &l, e);
    if (rc < 0)
        return rc;
    if (manager)
        l.c.manager = manager;
    l.c.force = force;
    l.c.dry_run = dry_run;
    return patch(kube, r, ns, name, sub, PATCH_APPLY, obj, out, &l, e);
}

static int local_del(struct kube *kube, const struct resource *r, const char *ns, const char *name,
                     const struct kube_delete_opts *opts, struct err *e)
{
    AUTO_CALL struct local_call l;
    int rc = begin(kube, r, "delete", ns, name, NULL, &l, e);
    if (rc < 0)
        return rc;
    struct delete_opts o = DELETE_DEFAULT;
    if (opts) {
        static const char *const names[] = {[KUBE_BACKGROUND] = "Background",
                                            [KUBE_FOREGROUND] = "Foreground",
                                            [KUBE_ORPHAN] = "Orphan"};
        o.propagation = names[opts->propagation];
        o.grace_s = opts->grace_s;
        o.uid = opts->uid && *opts->uid ? opts->uid : NULL;
        if (opts->rv)
            o.rv = arena_printf(l.c.a, "%llu", (unsigned long long)opts->rv);
    }
    struct result res = {0};
    bool gone = false;
    rc = rest_delete(&l.c, l.k, ns, name, &o, &res, &gone);
    return rc < 0 ? fail(&l, rc, e) : 0;
}

/* ---- watches ---- */

struct kube_watch {
    struct apiserver *s;
    const struct served *k;
    struct watch *watch;
    struct live_watch live;
    struct selection selection;
    struct arena *arena;
};

static int local_watch_open(struct kube *kube, const struct resource *r, const char *ns,
                            const struct kube_list_opts *opts, uint64_t since,
                            struct kube_watch **out, struct err *e)
{
    AUTO_CALL struct local_call l;
    int rc = begin(kube, r, "watch", ns, NULL, NULL, &l, e);
    if (rc < 0)
        return rc;
    const struct list_opts o = {.labels = opts ? opts->labels : NULL,
                                .fields = opts ? opts->fields : NULL,
                                .send_initial = -1};
    struct selection sel;
    rc = list__selection(&l.c, l.k, &o, &sel);
    if (rc < 0)
        return fail(&l, rc, e);
    struct watch *w = NULL;
    rc = watch_open(l.c.s->store, stored__key(l.k, ns, NULL, l.c.a), since, &w, e);
    if (rc < 0)
        return rc;
    struct kube_watch *kw = calloc(1, sizeof *kw);
    if (!kw)
        log_die("out of memory");
    *kw = (struct kube_watch){
        .s = l.c.s, .k = l.k, .watch = w, .selection = sel, .arena = take_ptr(l.c.a)};
    live_watch_add(kw->s, &kw->live, w);
    *out = kw;
    return 0;
}

static int local_watch_next(struct kube_watch *w, int64_t timeout_ms, struct kube_event *out,
                            struct err *e)
{
    int64_t end_at = timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left = timeout_ms < 0 ? -1 : end_at - clock_mono_ms();
        struct watch_event ev;
        int rc = watch_next(w->watch, left < 0 && timeout_ms >= 0 ? 0 : left, &ev, e);
        if (rc < 0)
            return rc;
        struct entry view;
        enum watching kind = watching__classify(w->s, &w->selection, w->k, &ev, &view);
        if (kind != WATCHING_NOTHING) {
            static const enum kube_event_type types[] = {[WATCHING_ADDED] = KUBE_ADDED,
                                                         [WATCHING_MODIFIED] = KUBE_MODIFIED,
                                                         [WATCHING_DELETED] = KUBE_DELETED};
            *out = (struct kube_event){
                .type = types[kind], .object = stored__object(w->s, w->k, &view), .rv = ev.rev};
        }
        watch_event_done(&ev);
        if (kind != WATCHING_NOTHING)
            return 0;
    }
}

static void local_watch_wake(struct kube_watch *w)
{
    watch_wake(w->watch);
}

static void local_watch_close(struct kube_watch *w)
{
    live_watch_remove(w->s, &w->live);
    watch_close(w->watch);
    arena_free(w->arena);
    free(w);
}

static int local_find(struct kube *kube, const char *api_version, const char *kind,
                      const struct resource **out, struct err *e)
{
    const struct served *k = kinds__of_kind(((struct local *)kube)->s, api_version, kind);
    if (!k)
        return err_set(e, ERR_NOT_FOUND, "no kind %s in %s", kind, api_version);
    *out = k->res;
    return 0;
}

static void local_free(struct kube *kube)
{
    struct local *local = (struct local *)kube;
    arena_free(local->arena);
    free(local);
}

static const struct kube_ops local_ops = {
    .name = "local",
    .get = local_get,
    .list = local_list,
    .create = local_create,
    .update = local_update,
    .patch = local_patch,
    .apply = local_apply,
    .del = local_del,
    .watch_open = local_watch_open,
    .watch_next = local_watch_next,
    .watch_close = local_watch_close,
    .find = local_find,
    .free = local_free,
    .watch_wake = local_watch_wake,
};

static const char *const masters[] = {"system:masters", "system:authenticated"};

struct kube *kube_local_new(struct apiserver *s, const char *manager, const struct identity *who)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        log_die("out of memory");
    local->kube.ops = &local_ops;
    local->s = s;
    local->arena = arena_new(1 << 16);
    local->manager = arena_strdup(local->arena, manager);
    local->trusted = !who;
    local->who = (struct identity){
        .user = "system:admin", .uid = "", .groups = masters, .n_groups = ARRAY_LEN(masters)};
    if (who) {
        const char **groups = ARENA_ARRAY(local->arena, const char *, who->n_groups + 1);
        for (size_t i = 0; i < who->n_groups; i++)
            groups[i] = arena_strdup(local->arena, who->groups[i]);
        local->who = (struct identity){.user = arena_strdup(local->arena, who->user),
                                       .uid = arena_strdup(local->arena, who->uid ? who->uid : ""),
                                       .groups = groups,
                                       .n_groups = who->n_groups};
    }
    return &local->kube;
}
