/* store.c - revisions as Secrets, in the form that Helm reads and writes. */
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "release/release_int.h"

#define SECRET_TYPE "helm.sh/release.v1"
#define KEY_PREFIX  "sh.helm.release.v1."

static const char *key_of(const struct release *r, struct arena *a)
{
    return arena_printf(a, KEY_PREFIX "%s.v%d", r->name, r->revision);
}

static bool is_system_label(const char *key)
{
    static const char *const names[] = {"name",    "owner",     "status",
                                        "version", "createdAt", "modifiedAt"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

/* ---- reading ---- */

static int64_t number_label(const struct value *labels, const char *key)
{
    int64_t n = 0;
    (void)value_int_from_text(value_str(value_get(labels, key), "0"), &n);
    return n;
}

static int read_secret(struct release_session *s, const struct object *o, struct release **out,
                       struct err *e)
{
    struct arena *a = s->log->arena;
    const struct value *labels = value_at(o->root, "metadata.labels");
    const char *data = value_at_str(o->root, "data.release", "");
    const char *seed = value_at_str(o->root, "data.seed", NULL);
    struct value *doc;
    size_t n;
    int rc = release__decode(a, data, &doc, e);
    if (rc < 0)
        return rc;
    struct release *r = release__of(a, doc);
    VALUE_EACH_MEMBER (m, labels)
        if (!is_system_label(m->key))
            (void)value_set(a, r->labels, m->key, value_copy(a, &m->value));
    char *plain = NULL;
    if (seed && base64_decode(a, seed, strlen(seed), BASE64_STD, &plain, &n, NULL) == 0)
        r->seed = plain;
    const char *owner = object_annotation(o, RELEASE__OPERATION);
    r->owner = owner ? arena_strdup(a, owner) : NULL;
    int64_t created = number_label(labels, "createdAt"),
            modified = number_label(labels, "modifiedAt");
    r->written_s = created > modified ? created : modified;
    r->rv = o->rv;
    *out = r;
    return 0;
}

static int by_revision(const void *x, const void *y)
{
    const struct release *const *a = x, *const *b = y;
    return (*a)->revision - (*b)->revision;
}

/* Records that cannot be read are passed over, as Helm does. */
static int query(struct release_session *s, const char *ns, const char *labels,
                 struct release_list *out, struct err *e)
{
    struct kube_list_opts opts = {.labels = labels};
    struct kube_list l;
    int rc = kube_list(s->kube, &RES_SECRET, ns, &opts, &l, e);
    if (rc < 0)
        return release__note(s, e, rc);
    *out = (struct release_list){ARENA_ARRAY(s->log->arena, struct release *, l.n + 1), 0};
    for (size_t i = 0; i < l.n; i++)
        if (read_secret(s, l.items[i], &out->items[out->n], NULL) == 0)
            out->n++;
    kube_list_done(&l);
    return 0;
}

int release_all(struct release_session *s, const char *ns, struct release_list *out, struct err *e)
{
    int rc = query(s, ns, "owner=helm", out, e);
    return rc < 0 ? release__wrap(s, e, rc, "list: failed to list") : 0;
}

int release_history(struct release_session *s, const char *name, struct release_list *out,
                    struct err *e)
{
    int rc = helm_release_name_check(name, s->log, e);
    if (rc < 0)
        return release__fail(s, e, ERR_INVALID, "release name is invalid: %s", name);
    rc = query(s, s->ns, arena_printf(s->log->arena, "name=%s,owner=helm", name), out, e);
    if (rc < 0)
        return release__wrap(s, e, rc, "query: failed to query with labels");
    if (out->n == 0)
        return release__fail(s, e, ERR_NOT_FOUND, "release: not found");
    qsort(out->items, out->n, sizeof(struct release *), by_revision);
    return 0;
}

int release_get(struct release_session *s, const char *name, int revision, struct release **out,
                struct err *e)
{
    struct release_list list;
    if (helm_release_name_check(name, s->log, e) < 0)
        return release__fail(s, e, ERR_INVALID, "releaseContent: Release name is invalid: %s",
                             name);
    int rc = release_history(s, name, &list, e);
    if (rc < 0)
        return rc;
    *out = revision <= 0 ? release__last(&list) : NULL;
    for (size_t i = 0; i < list.n && !*out; i++)
        if (list.items[i]->revision == revision)
            *out = list.items[i];
    return *out ? 0 : release__fail(s, e, ERR_NOT_FOUND, "release: not found");
}

struct release *release__last(const struct release_list *history)
{
    return history->n ? history->items[history->n - 1] : NULL;
}

struct release *release__deployed(const struct release_list *history)
{
    for (size_t i = history->n; i-- > 0;)
        if (release_status(history->items[i]) == RELEASE_DEPLOYED)
            return history->items[i];
    return NULL;
}

/* ---- writing ---- */

static bool is_owned(const struct release *r)
{
    return release_is_pending(r) || release_status(r) == RELEASE_UNINSTALLING;
}

/* labels, annotations and data, the same for a new record and for a change. */
static int fill(struct release_session *s, struct release *r, struct value *root, const char *stamp,
                struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *meta = value_make_object(a, root, "metadata");
    struct value *labels = value_make_object(a, meta, "labels");
    const char *data = release__encode(a, r->doc);
    if (!data)
        return release__fail(s, e, ERR_TOO_LARGE, "failed to encode release \"%s\"", r->name);
    VALUE_EACH_MEMBER (m, r->labels)
        (void)value_set(a, labels, m->key, &m->value);
    r->written_s = s->clock->real_ms(s->clock) / 1000;
    (void)value_set(a, labels, stamp, value_new_strf(a, "%lld", (long long)r->written_s));
    (void)value_set_str(a, labels, "name", r->name);
    (void)value_set_str(a, labels, "owner", "helm");
    (void)value_set_str(a, labels, "status", release_status_name(release_status(r)));
    (void)value_set(a, labels, "version", value_new_strf(a, "%d", r->revision));
    r->owner = is_owned(r) ? release__claim(s) : NULL;
    (void)value_set(a, value_make_object(a, meta, "annotations"), RELEASE__OPERATION,
                    r->owner ? value_new_str(a, r->owner) : value_null(a));
    struct value *content = value_make_object(a, root, "data");
    (void)value_set_str(a, content, "release", data);
    if (r->seed)
        (void)value_set_str(a, content, "seed",
                            base64_encode(a, r->seed, strlen(r->seed), BASE64_STD));
    return 0;
}

/* What was written is what the API has now; a claim is renewed from here on. */
static void wrote(struct release_session *s, struct release *r, struct object *o)
{
    r->rv = o->rv;
    object_unref(o);
    s->renewing = r->owner ? r : NULL;
    s->renewed_ms = s->clock->mono_ms(s->clock);
}

static int make_room(struct release_session *s, const char *name, int max, struct err *e)
{
    struct release_list history, surplus;
    int rc = release_history(s, name, &history, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    surplus = release__surplus(&history, max - 1, s->log->arena);
    for (size_t i = 0; i < surplus.n; i++) {
        int r = release__delete(s, surplus.items[i], e);
        rc = rc < 0 ? rc : r;
    }
    return rc;
}

int release__create(struct release_session *s, struct release *r, int history_max, struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *root = value_new_object(a);
    struct object *o;
    int rc = history_max > 0 ? make_room(s, r->name, history_max, e) : 0;
    (void)value_set_str(a, root, "apiVersion", "v1");
    (void)value_set_str(a, root, "kind", "Secret");
    (void)value_set_str(a, root, "type", SECRET_TYPE);
    (void)value_set_str(a, value_make_object(a, root, "metadata"), "name", key_of(r, a));
    if (rc == 0)
        rc = fill(s, r, root, "createdAt", e);
    if (rc < 0)
        return rc;
    if (!r->owner)
        (void)value_remove(value_at_mut(root, "metadata"), "annotations");
    rc = kube_create(s->kube, &RES_SECRET, s->ns, root, &o, e);
    if (rc == ERR_EXISTS)
        return release__fail(s, e, ERR_EXISTS, "release: already exists");
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "create: failed to create");
    }
    wrote(s, r, o);
    return 0;
}

int release__update(struct release_session *s, struct release *r, bool only_as_read, struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *root = value_new_object(a);
    struct object *o;
    int rc = fill(s, r, root, "modifiedAt", e);
    if (rc < 0)
        return rc;
    if (only_as_read)
        (void)value_set(a, value_make_object(a, root, "metadata"), "resourceVersion",
                        value_new_strf(a, "%llu", (unsigned long long)r->rv));
    rc = kube_patch(s->kube, &RES_SECRET, s->ns, key_of(r, a), NULL, KUBE_PATCH_MERGE, root, &o, e);
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "update: failed to update");
    }
    wrote(s, r, o);
    return 0;
}

void release__record(struct release_session *s, struct release *r)
{
    const char *why = s->log->error;
    if (release__update(s, r, false, NULL) < 0)
        s->log->error = why;
}

int release__delete(struct release_session *s, const struct release *r, struct err *e)
{
    const struct kube_delete_opts opts = {.propagation = KUBE_BACKGROUND, .grace_s = -1};
    if (s->renewing && s->renewing->revision == r->revision)
        s->renewing = NULL;
    int rc = kube_delete(s->kube, &RES_SECRET, s->ns, key_of(r, s->log->arena), &opts, e);
    return rc < 0 && rc != ERR_NOT_FOUND ? release__note(s, e, rc) : 0;
}
