/* apply.c - objects are created, patched and deleted. */
#include <string.h>

#include "release/release_int.h"

static int step(struct release_session *s, struct err *e)
{
    release__renew(s);
    int rc = s->port->pause(s->port->self, 0, e);
    return rc < 0 ? release__note(s, e, rc) : 0;
}

/* ---- creating ---- */

static int create(struct release_session *s, const struct release_object *o, struct err *e)
{
    return kube_create(s->kube, o->res, o->ns, o->root, NULL, e);
}

int release__create_all(struct release_session *s, const struct release_objects *list,
                        struct err *e)
{
    struct arena *a = s->log->arena;
    const char **errors = ARENA_ARRAY(a, const char *, list->n + 1);
    size_t n = 0;
    int code = 0;
    for (size_t i = 0; i < list->n; i++) {
        int rc = step(s, e);
        if (rc < 0)
            return rc;
        rc = create(s, &list->items[i], e);
        if (rc < 0) {
            errors[n++] = arena_strdup(a, e->msg);
            code = rc;
        }
    }
    return n ? release__fail(s, e, (enum err_code)code, "%s", release__errors(a, errors, n)) : 0;
}

/* ---- what is there ---- */

int release__existing(struct release_session *s, const struct release_objects *list,
                      const char *name, bool any, struct release_objects *out, struct err *e)
{
    struct arena *a = s->log->arena;
    *out = (struct release_objects){0};
    for (size_t i = 0; i < list->n; i++) {
        const struct release_object *o = &list->items[i];
        struct object *live;
        int rc = *o->name ? kube_get(s->kube, o->res, o->ns, o->name, &live, e)
                          : err_set(e, ERR_INVALID, "resource name may not be empty");
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc < 0) {
            (void)release__note(s, e, rc);
            return release__wrap(s, e, rc, "could not get information about the resource %s",
                                 release__object_name(o, a));
        }
        const char *why = any ? "" : release__ownership(live->root, name, s->ns, a);
        object_unref(live);
        if (*why)
            return release__fail(s, e, ERR_CONFLICT,
                                 "%s exists and cannot be imported into the current release: %s",
                                 release__object_name(o, a), why);
        release__push(a, out, *o);
    }
    return 0;
}

/* ---- changing ---- */

static int replace(struct release_session *s, const struct release_object *o,
                   const struct object *live, struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *root = value_copy(a, o->root);
    (void)value_set(a, value_make_object(a, root, "metadata"), "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)live->rv));
    int rc = kube_update(s->kube, o->res, o->ns, o->name, NULL, root, NULL, e);
    (void)release__note(s, e, rc);
    return rc < 0 ? release__wrap(s, e, rc, "failed to replace object") : 0;
}

/* One patch, from what one revision said; *live is what the API has then. */
static int patch(struct release_session *s, const struct release_object *o,
                 const struct value *original, bool three_way, struct object **live, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    enum kube_patch_type type;
    struct value *p;
    struct object *now = NULL;
    int rc = release__patch(o, original, (*live)->root, three_way, a, &type, &p, e);
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "failed to create patch");
    }
    if (p->n == 0)
        return 0;
    rc = kube_patch(s->kube, o->res, o->ns, o->name, NULL, type, p, &now, e);
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "cannot patch \"%s\" with kind %s", o->name, o->res->kind);
    }
    object_unref(*live);
    *live = now;
    return 0;
}

/* What a revision that came to no end may have added goes first, then as from the base. */
static int update(struct release_session *s, struct release__change *ch,
                  const struct release_object *o, struct object **live, struct err *e)
{
    if (ch->force)
        return replace(s, o, *live, e);
    int rc = 0;
    for (size_t i = 0; i < ch->n_attempts && rc == 0; i++) {
        const struct release_object *tried = release__find(&ch->attempts[i], o);
        if (tried)
            rc = patch(s, o, tried->root, ch->three_way, live, e);
    }
    const struct release_object *before = release__find(ch->original, o);
    if (rc == 0)
        rc = patch(s, o, before ? before->root : (*live)->root, ch->three_way, live, e);
    return rc;
}

static int bring(struct release_session *s, struct release__change *ch,
                 const struct release_object *o, struct err *e)
{
    struct object *live = NULL;
    int rc = kube_get(s->kube, o->res, o->ns, o->name, &live, e);
    if (rc == 0) {
        release__push(s->log->arena, &ch->updated, *o);
        rc = update(s, ch, o, &live, e);
        object_unref(live);
        return rc < 0 ? ERR_AGAIN : 0; /* the others come all the same */
    }
    (void)release__note(s, e, rc);
    if (rc != ERR_NOT_FOUND)
        return release__wrap(s, e, rc, "could not get information about the resource");
    release__push(s->log->arena, &ch->created, *o);
    rc = create(s, o, e);
    (void)release__note(s, e, rc);
    return rc < 0 ? release__wrap(s, e, rc, "failed to create resource") : 0;
}

/* ---- deleting ---- */

static int delete_one(struct release_session *s, const struct release_object *o,
                      enum kube_propagation propagation, struct err *e)
{
    const struct kube_delete_opts opts = {.propagation = propagation, .grace_s = -1};
    int rc = kube_delete(s->kube, o->res, o->ns, o->name, &opts, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Nobody wants it any more; what is kept, or somebody else's by now, stays. Failures stay behind,
 * as Helm leaves them. */
static void drop(struct release_session *s, struct release__change *ch,
                 const struct release_object *o, bool check_owner)
{
    struct object *live;
    if (release__find(ch->target, o) || kube_get(s->kube, o->res, o->ns, o->name, &live, NULL) < 0)
        return;
    bool keep = release__keeps(live->root) ||
                (check_owner && *release__ownership(live->root, ch->name, ch->ns, s->log->arena));
    object_unref(live);
    if (!keep)
        (void)delete_one(s, o, KUBE_BACKGROUND, NULL);
}

int release__delete_all(struct release_session *s, const struct release_objects *list,
                        enum kube_propagation propagation, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *all = NULL;
    int code = 0;
    for (size_t i = 0; i < list->n; i++) {
        release__renew(s);
        int rc = delete_one(s, &list->items[i], propagation, e);
        if (rc == 0)
            continue;
        all = all ? arena_printf(a, "%s; %s", all, e->msg) : arena_strdup(a, e->msg);
        code = rc;
    }
    return all ? release__fail(s, e, (enum err_code)code, "%s", all) : 0;
}

int release__change(struct release_session *s, struct release__change *ch, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *all = NULL;
    for (size_t i = 0; i < ch->target->n; i++) {
        int rc = step(s, e);
        if (rc == 0)
            rc = bring(s, ch, &ch->target->items[i], e);
        if (rc < 0 && rc != ERR_AGAIN)
            return rc;
        if (rc < 0)
            all = all ? arena_printf(a, "%s && %s", all, s->log->error) : s->log->error;
    }
    if (all)
        return release__fail(s, e, ERR_INVALID, "%s", all);
    for (size_t i = 0; ch->original && i < ch->original->n; i++)
        drop(s, ch, &ch->original->items[i], false);
    for (size_t k = 0; k < ch->n_attempts; k++)
        for (size_t i = 0; i < ch->attempts[k].n; i++)
            drop(s, ch, &ch->attempts[k].items[i], true);
    return 0;
}

/* ---- pods anew ---- */

static const struct value *selector_of(const struct release_object *o)
{
    if (o->res == &RES_REPLICATION_CONTROLLER || o->res == &RES_SERVICE)
        return value_at(o->root, "spec.selector");
    return value_at(o->root, "spec.selector.matchLabels");
}

int release__recreate_pods(struct release_session *s, const struct release_objects *list,
                           struct err *e)
{
    struct arena *a = s->log->arena;
    int rc = 0;
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        const struct release_object *o = &list->items[i];
        const char *labels = "";
        struct kube_list pods;
        VALUE_EACH_MEMBER (m, selector_of(o))
            labels = arena_printf(a, "%s%s%s=%s", labels, *labels ? "," : "", m->key,
                                  value_str(&m->value, ""));
        if (!*labels)
            continue;
        const struct kube_list_opts opts = {.labels = labels};
        rc = kube_list(s->kube, &RES_POD, o->ns, &opts, &pods, e);
        for (size_t k = 0; rc == 0 && k < pods.n; k++) {
            const struct kube_delete_opts del = {
                .propagation = KUBE_BACKGROUND, .grace_s = -1, .uid = pods.items[k]->uid};
            int r = kube_delete(s->kube, &RES_POD, o->ns, pods.items[k]->name, &del, e);
            rc = r == ERR_NOT_FOUND ? 0 : r;
        }
        if (rc == 0)
            kube_list_done(&pods);
    }
    return rc < 0 ? release__note(s, e, rc) : 0;
}
