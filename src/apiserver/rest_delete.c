#include <string.h>

#include "apiserver/rest_int.h"

const struct delete_opts DELETE_DEFAULT = {.grace_s = -1, .orphan_dependents = -1};

int rest__remove(struct call *c, const struct served *k, const char *key, struct value *obj,
                 uint64_t expect, uint64_t *out_rv)
{
    if (c->dry_run)
        return 0;
    struct err e = {0};
    int rc = store_delete(c->s->store, key, expect, out_rv, &e);
    if (rc == ERR_CONFLICT || rc == ERR_NOT_FOUND)
        return rc;
    if (rc < 0)
        return refuse_err(c, &e);
    admission_release(c, k, obj);
    admission_wrote(c->s, k, obj, true);
    return 0;
}

bool rest_returns_deleted(const struct served *k)
{
    static const struct resource *const kinds[] = {&RES_POD,
                                                   &RES_SERVICE,
                                                   &RES_SERVICE_ACCOUNT,
                                                   &RES_POD_TEMPLATE,
                                                   &RES_RESOURCE_QUOTA,
                                                   &RES_PERSISTENT_VOLUME,
                                                   &RES_PERSISTENT_VOLUME_CLAIM,
                                                   &RES_STORAGE_CLASS};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (k->res == kinds[i])
            return true;
    return false;
}

static int check_preconditions(struct call *c, const struct served *k, const char *name,
                               const struct delete_opts *o, const struct value *live)
{
    const char *uid = value_at_str(live, "metadata.uid", "");
    const char *rv = value_at_str(live, "metadata.resourceVersion", "");
    const char *why = NULL;
    if (k->res == &RES_NAMESPACE && o->uid && strcmp(o->uid, uid) != 0)
        return refuse_conflict(
            c, k, name,
            arena_printf(c->a,
                         "Precondition failed: UID in precondition: %s, UID in object meta: %s",
                         o->uid, uid));
    if (o->uid && strcmp(o->uid, uid) != 0)
        why =
            arena_printf(c->a,
                         "the UID in the precondition (%s) does not match the UID in record (%s). "
                         "The object might have been deleted and then recreated",
                         o->uid, uid);
    else if (o->rv && strcmp(o->rv, rv) != 0)
        why = arena_printf(c->a,
                           "the ResourceVersion in the precondition (%s) does not match the "
                           "ResourceVersion in record (%s). The object might have been modified",
                           o->rv, rv);
    if (!why)
        return 0;
    refuse(c, ERR_CONFLICT, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
           k->qualified_kind, name, why);
    refuse_details(c, k->res->group, k->res->kind, name);
    return ERR_CONFLICT;
}

static bool has(const struct value *finalizers, const char *name)
{
    VALUE_EACH_ITEM (f, finalizers) {
        if (strcmp(value_str(f, ""), name) == 0)
            return true;
    }
    return false;
}

/* What the propagation policy makes of the garbage collector's finalizers. */
static bool set_propagation(struct call *c, const struct served *k, const struct delete_opts *o,
                            struct value *meta)
{
    const struct value *old = value_get(meta, "finalizers");
    bool orphan = has(old, "orphan"), foreground = has(old, "foregroundDeletion");
    bool was_orphan = orphan, was_foreground = foreground;
    if (o->orphan_dependents >= 0) {
        orphan = o->orphan_dependents == 1;
        foreground = false;
    } else if (o->propagation) {
        orphan = strcmp(o->propagation, "Orphan") == 0;
        foreground = strcmp(o->propagation, "Foreground") == 0;
    } else if (!orphan && !foreground) {
        orphan = k->res == &RES_JOB || k->res == &RES_REPLICATION_CONTROLLER;
    }
    if (orphan == was_orphan && foreground == was_foreground)
        return false;
    struct value *now = value_new_array(c->a);
    VALUE_EACH_ITEM (f, old) {
        const char *name = value_str(f, "");
        if (strcmp(name, "orphan") != 0 && strcmp(name, "foregroundDeletion") != 0)
            value_push_str(c->a, now, name);
    }
    if (orphan)
        value_push_str(c->a, now, "orphan");
    if (foreground)
        value_push_str(c->a, now, "foregroundDeletion");
    if (value_count(now) > 0)
        value_set(c->a, meta, "finalizers", now);
    else
        value_remove(meta, "finalizers");
    return true;
}

/* Pods are given time where someone runs them; nothing else is. */
static int64_t grace_of(const struct served *k, const struct delete_opts *o,
                        const struct value *live)
{
    if (k->res != &RES_POD)
        return 0;
    const char *phase = value_at_str(live, "status.phase", "");
    if (!*value_at_str(live, "spec.nodeName", "") || strcmp(phase, "Failed") == 0 ||
        strcmp(phase, "Succeeded") == 0)
        return 0;
    int64_t grace =
        o->grace_s >= 0 ? o->grace_s : value_at_int(live, "spec.terminationGracePeriodSeconds", 30);
    return grace < 0 ? 1 : grace;
}

static void mark(struct call *c, const struct served *k, struct value *meta, int64_t grace)
{
    bool graceful = k->res == &RES_POD;
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(c->now_ms + grace * 1000, text);
    value_set_str(c->a, meta, "deletionTimestamp", text);
    if (k->res == &RES_NAMESPACE)
        return;
    value_set_int(c->a, meta, "deletionGracePeriodSeconds", grace);
    int64_t generation = value_int(value_get(meta, "generation"), 0);
    if (generation > 0 || graceful)
        value_set_int(c->a, meta, "generation", generation + 1);
}

/* An object that was marked before may only be given less time. False: nothing changes. */
static bool shorten(struct call *c, struct value *meta, int64_t grace)
{
    int64_t had = value_int(value_get(meta, "deletionGracePeriodSeconds"), 0), at_ns = 0;
    struct err e = {0};
    if (grace >= had ||
        clock_parse_rfc3339(value_str(value_get(meta, "deletionTimestamp"), ""), &at_ns, &e) < 0)
        return false;
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(at_ns / 1000000 - (had - grace) * 1000, text);
    value_set_str(c->a, meta, "deletionTimestamp", text);
    value_set_int(c->a, meta, "deletionGracePeriodSeconds", grace);
    return true;
}

static bool held(const struct served *k, const struct value *obj)
{
    return value_count(value_at(obj, "metadata.finalizers")) > 0 ||
           (k->res == &RES_NAMESPACE && value_count(value_at(obj, "spec.finalizers")) > 0);
}

static int delete_once(struct call *c, const struct served *k, const char *ns, const char *name,
                       const struct delete_opts *o, struct result *out, bool *gone)
{
    struct entry *n = NULL;
    struct value *live = NULL;
    struct err e = {0};
    int rc = rest__load(c, k, ns, name, &n);
    if (rc == 0 && stored__decode(k, n, c->a, &live, &e) < 0)
        rc = refuse_err(c, &e);
    if (rc == 0)
        rc = check_preconditions(c, k, name, o, live);
    if (rc == 0)
        rc = admission_check_delete(c, k, ns, live);
    if (rc < 0)
        return rc;
    struct value *obj = value_copy(c->a, live), *meta = value_get_mut(obj, "metadata");
    bool marked = value_get(meta, "deletionTimestamp") != NULL;
    if (k->res == &RES_CRD && !marked) /* its instances go first: crds.c */
        value_push_str(c->a, value_make_array(c->a, meta, "finalizers"),
                       "customresourcecleanup.apiextensions.k8s.io");
    bool changed = set_propagation(c, k, o, meta);
    int64_t grace = grace_of(k, o, live);
    bool waits = held(k, obj);
    if (!waits && (grace == 0 || (marked && o->grace_s == 0))) {
        uint64_t rv = n->rev;
        if (k->res == &RES_POD) { /* watchers see it marked before it goes */
            if (!marked)
                mark(c, k, meta, 0);
            else
                (void)shorten(c, meta, 0);
            rc = rest__store(c, k, obj, n->key, n->rev, out);
            if (rc < 0)
                return rc;
            rv = out->rv;
        }
        rc = rest__remove(c, k, n->key, obj, rv, &rv);
        value_set(c->a, meta, "resourceVersion",
                  value_new_strf(c->a, "%llu", (unsigned long long)rv));
        *out = (struct result){.tree = obj, .rv = rv};
        *gone = rc == 0 || k->res == &RES_POD; /* marked, at least */
        return rc;
    }
    if (!marked) {
        mark(c, k, meta, grace);
        if (k->res == &RES_NAMESPACE)
            value_set_str(c->a, value_make_object(c->a, obj, "status"), "phase", "Terminating");
        changed = true;
    } else if (shorten(c, meta, grace)) {
        changed = true;
    }
    *gone = false;
    *out = (struct result){.tree = live, .entry = n, .rv = n->rev};
    return changed ? rest__store(c, k, obj, n->key, n->rev, out) : 0;
}

int rest_delete(struct call *c, const struct served *k, const char *ns, const char *name,
                const struct delete_opts *o, struct result *out, bool *gone)
{
    int rc = admission_delete(c, k, ns, name);
    if (rc < 0)
        return rc;
    if (k->res == &RES_JOB && !o->propagation && o->orphan_dependents < 0)
        call_warn(c, "child pods are preserved by default when jobs are deleted; set "
                     "propagationPolicy=Background to remove them or set propagationPolicy=Orphan "
                     "to suppress this warning");
    struct delete_opts mine = *o;
    *gone = false;
    for (int i = 0; i < API_TRIES; i++) {
        const bool marked = *gone; /* by the last try; then somebody came between */
        const struct result had = *out;
        if (marked) {
            mine.uid = value_at_str(had.tree, "metadata.uid", "");
            mine.rv = NULL;
        }
        c->refusal = (struct refusal){0};
        rc = delete_once(c, k, ns, name, &mine, out, gone);
        if (marked && rc < 0 && c->refusal.code != 0) { /* the node saw the mark and was quicker */
            c->refusal = (struct refusal){0};
            *out = had;
            *gone = true;
            return 0;
        }
        if (rc == 0 || c->refusal.code != 0)
            return rc;
    }
    return refuse_conflict(c, k, name, NULL);
}
