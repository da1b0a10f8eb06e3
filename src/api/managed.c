#include "api/managed.h"

#include <string.h>

#include "api/admit.h"
#include "api/managed_int.h"
#include "base/clock.h"
#include "codec/json.h"

enum { UPDATERS_MAX = 10 }; /* more are joined into "ancient-changes" */

/* ---- entries ---- */

static const char *identify(const char *manager, bool applied, const char *subresource,
                            const char *api_version, struct arena *a)
{
    return arena_join(a, applied ? "Apply\n" : "Update\n", manager, "\n", subresource, "\n",
                      applied ? "" : api_version, NULL);
}

static const char *text_at(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static int read_owners(const struct value *list, struct arena *a, struct owners *out, struct err *e)
{
    struct owners o = {0};
    VALUE_EACH_ITEM (m, list) {
        const char *op = text_at(m, "operation");
        bool applied = strcmp(op, "Apply") == 0;
        struct fieldset set = {0};
        if (!applied && strcmp(op, "Update") != 0)
            return err_set(e, ERR_INVALID, "invalid operation type: \"%s\"", op);
        if (strcmp(text_at(m, "fieldsType"), "FieldsV1") != 0)
            return err_set(e, ERR_INVALID, "unsupported fieldsType: \"%s\"",
                           text_at(m, "fieldsType"));
        const struct value *fields = value_get(m, "fieldsV1");
        int r = fields ? fieldset__from_value(fields, a, &set, e) : 0;
        if (r < 0)
            return r;
        const char *version = text_at(m, "apiVersion"), *sub = text_at(m, "subresource");
        struct owner *w =
            owners__get(&o, identify(text_at(m, "manager"), applied, sub, version, a), a);
        w->manager = arena_strdup(a, text_at(m, "manager"));
        w->subresource = arena_strdup(a, sub);
        w->api_version = arena_strdup(a, version);
        w->time = value_str(value_get(m, "time"), NULL);
        w->time = w->time ? arena_strdup(a, w->time) : NULL;
        w->applied = applied;
        w->set = fieldset__union(&w->set, &set, a);
    }
    *out = o;
    return 0;
}

static int by_order(const void *x, const void *y)
{
    const struct owner *p = x, *q = y;
    if (p->applied != q->applied)
        return p->applied ? -1 : 1;
    int c = strcmp(p->time ? p->time : "", q->time ? q->time : "");
    if (!c)
        c = strcmp(p->manager, q->manager);
    if (!c)
        c = strcmp(p->api_version, q->api_version);
    return c ? c : strcmp(p->subresource, q->subresource);
}

static void write_owners(struct value *obj, struct owners *o, struct arena *a)
{
    struct value *meta = value_make_object(a, obj, "metadata");
    (void)value_remove(meta, "managedFields");
    owners__drop_empty(o);
    if (!o->n)
        return;
    qsort(o->items, o->n, sizeof *o->items, by_order);
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < o->n; i++) {
        const struct owner *w = &o->items[i];
        struct value *m = value_new_object(a);
        (void)value_set_str(a, m, "manager", w->manager);
        (void)value_set_str(a, m, "operation", w->applied ? "Apply" : "Update");
        (void)value_set_str(a, m, "apiVersion", w->api_version);
        if (w->time)
            (void)value_set_str(a, m, "time", w->time);
        (void)value_set_str(a, m, "fieldsType", "FieldsV1");
        (void)value_set(a, m, "fieldsV1", fieldset__to_value(&w->set, a));
        if (*w->subresource)
            (void)value_set_str(a, m, "subresource", w->subresource);
        (void)value_push(a, list, m);
    }
    (void)value_set(a, meta, "managedFields", list);
}

/* ---- one operation ---- */

struct operation {
    const struct kind *k;
    const struct managed_opts *o;
    struct arena *a;
    const char *api_version, *id, *now;
    struct fieldset stripped, ignored;
};

static void insert_path(struct fieldset *s, const char *first, const char *second, struct arena *a)
{
    struct field_path up = {NULL, first}, p = {&up, second};
    fieldset__insert(s, second ? &p : &up, a);
}

/* What nobody owns: it is the server's. */
static void add_stripped(struct fieldset *s, struct arena *a)
{
    static const char *const meta[] = {
        "f:name",        "f:namespace",  "f:creationTimestamp", "f:selfLink",        "f:uid",
        "f:clusterName", "f:generation", "f:managedFields",     "f:resourceVersion",
    };
    insert_path(s, "f:apiVersion", NULL, a);
    insert_path(s, "f:kind", NULL, a);
    insert_path(s, "f:metadata", NULL, a);
    for (size_t i = 0; i < ARRAY_LEN(meta); i++)
        insert_path(s, "f:metadata", meta[i], a);
}

/* What a write through this door cannot change. */
static void add_ignored(struct operation *op)
{
    const struct resource *r = op->k->resource;
    bool status = strcmp(op->o->subresource, "status") == 0;
    if (!*op->o->subresource && r->status)
        insert_path(&op->ignored, "f:status", NULL, op->a);
    if (!status)
        return;
    insert_path(&op->ignored, "f:spec", NULL, op->a);
    if (r == &RES_POD) {
        insert_path(&op->ignored, "f:metadata", "f:deletionTimestamp", op->a);
        insert_path(&op->ignored, "f:metadata", "f:ownerReferences", op->a);
    }
    if (r == &RES_DEPLOYMENT)
        insert_path(&op->ignored, "f:metadata", "f:labels", op->a);
    if (r == &RES_CRD)
        insert_path(&op->ignored, "f:metadata", NULL, op->a);
}

static void operation_init(struct operation *op, const struct kind *k, const struct managed_opts *o,
                           bool apply, struct arena *a)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(o->now_ms, now);
    *op = (struct operation){.k = k, .o = o, .a = a, .now = arena_strdup(a, now)};
    op->api_version = resource_api_version(k->resource, a);
    op->id = identify(o->manager, apply, o->subresource, op->api_version, a);
    add_stripped(&op->stripped, a);
    add_ignored(op);
}

static void own_members(struct value *object, struct arena *a)
{
    object->members = arena_dup(a, object->members, object->n * sizeof *object->members);
    object->cap = object->n;
}

/* For reading: what does not lead to the managed fields is shared. */
static const struct value *without_managed(const struct value *v, struct arena *a)
{
    if (!value_at(v, "metadata.managedFields"))
        return v;
    struct value *out = arena_dup(a, v, sizeof *v), *meta;
    own_members(out, a);
    meta = value_get_mut(out, "metadata");
    own_members(meta, a);
    (void)value_remove(meta, "managedFields");
    return out;
}

/* The object before it existed: what Go's type prints when nothing is set. */
static struct value *empty_object(const struct kind *k, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", resource_api_version(k->resource, a));
    (void)value_set_str(a, v, "kind", k->resource->kind);
    if (!k->crd)
        admit_normalize(k, v, a);
    return v;
}

static struct ownership writer(const struct operation *op, const char *id)
{
    return (struct ownership){.schema = op->k->schema,
                              .id = id,
                              .api_version = op->api_version,
                              .ignored = &op->ignored,
                              .force = op->o->force,
                              .a = op->a};
}

static void name_owner(const struct operation *op, struct owner *w, const char *manager,
                       bool applied)
{
    w->manager = arena_strdup(op->a, manager);
    w->subresource = arena_strdup(op->a, op->o->subresource);
    w->api_version = op->api_version;
    w->applied = applied;
}

/* Adds what changed between live and obj to `manager`'s update entry. */
static void track_update(const struct operation *op, const char *manager, const char *sub,
                         const struct value *live, const struct value *obj, struct owners *o)
{
    static const char self[] = "current-operation";
    struct ownership w = writer(op, self);
    ownership__update(&w, live, obj, o);
    struct owner *mine = owners__find(o, self);
    if (!mine)
        return;
    struct fieldset took = fieldset__difference(&mine->set, &op->stripped, op->a);
    mine->set = (struct fieldset){0};
    if (!fieldset__empty(&took)) {
        struct owner *entry =
            owners__get(o, identify(manager, false, sub, op->api_version, op->a), op->a);
        name_owner(op, entry, manager, false);
        entry->subresource = sub;
        entry->set = fieldset__union(&entry->set, &took, op->a);
        entry->time = op->now;
    }
    owners__drop_empty(o);
}

/* Old updaters share one entry per version, so that the list stays short. */
static void cap_updaters(const struct operation *op, struct owners *o)
{
    static const char bucket[] = "ancient-changes";
    for (;;) {
        size_t n = 0, oldest = o->n;
        for (size_t i = 0; i < o->n; i++) {
            const struct owner *w = &o->items[i];
            if (w->applied || *w->subresource)
                continue;
            n++;
            if (strcmp(w->manager, bucket) != 0 &&
                (oldest == o->n || by_order(w, &o->items[oldest]) < 0))
                oldest = i;
        }
        if (n <= UPDATERS_MAX || oldest == o->n)
            return;
        struct owner old = o->items[oldest];
        o->items[oldest].set = (struct fieldset){0};
        struct owner *b =
            owners__get(o, identify(bucket, false, "", old.api_version, op->a), op->a);
        b->manager = bucket;
        b->subresource = "";
        b->api_version = old.api_version;
        b->set = fieldset__union(&b->set, &old.set, op->a);
        b->time = old.time;
        owners__drop_empty(o);
    }
}

static bool is_reset(const struct value *list)
{
    return list && list->kind == VALUE_ARRAY &&
           (list->n == 0 || (list->n == 1 && value_count(&list->items[0]) == 0));
}

int managed_update(const struct kind *k, const struct value *live, struct value *obj,
                   const struct managed_opts *o, struct arena *a, struct err *e)
{
    struct operation op;
    struct owners own = {0};
    operation_init(&op, k, o, false, a);
    const struct value *sent = value_at(obj, "metadata.managedFields");
    const struct value *kept = value_at(live, "metadata.managedFields");
    if (*o->subresource || !value_count(sent))
        (void)(is_reset(sent) && !*o->subresource ? 0 : read_owners(kept, a, &own, NULL));
    else if (!is_reset(sent) && read_owners(sent, a, &own, e) < 0)
        (void)read_owners(kept, a, &own, NULL);
    if (!own.n && live) { /* never tracked: an update does not begin to */
        (void)value_remove(value_get_mut(obj, "metadata"), "managedFields");
        return 0;
    }
    const struct value *before = live ? without_managed(live, a) : empty_object(k, a);
    track_update(&op, o->manager, arena_strdup(a, o->subresource), before, without_managed(obj, a),
                 &own);
    cap_updaters(&op, &own);
    write_owners(obj, &own, a);
    return 0;
}

/* ---- apply ---- */

struct conflict_list {
    struct managed_conflicts *c;
    const char *manager;
    struct arena *a;
};

static void keep_conflict(void *arg, const char *path)
{
    struct conflict_list *l = arg;
    l->c->items = arena_grow(l->a, l->c->items, l->c->n * sizeof *l->c->items,
                             (l->c->n + 1) * sizeof *l->c->items);
    l->c->items[l->c->n++] = (struct managed_conflict){l->manager, path};
}

static const char *manager_text(const struct owner *w, struct arena *a)
{
    const char *text = field_errors_quote(a, w->manager, strlen(w->manager));
    if (*w->subresource)
        text = arena_printf(a, "%s with subresource \"%s\"", text, w->subresource);
    return w->applied ? text : arena_printf(a, "%s using %s", text, w->api_version);
}

static void list_conflicts(const struct owners *losers, struct arena *a,
                           struct managed_conflicts *out)
{
    *out = (struct managed_conflicts){0};
    for (size_t i = 0; i < losers->n; i++) {
        struct conflict_list l = {out, manager_text(&losers->items[i], a), a};
        fieldset__each(&losers->items[i].set, a, keep_conflict, &l);
    }
}

static const char LAST_APPLIED[] = "kubectl.kubernetes.io/last-applied-configuration";

static const char *last_applied(const struct value *live)
{
    return value_str(value_get(value_at(live, "metadata.annotations"), LAST_APPLIED), NULL);
}

/* kubectl moving from client-side to server-side apply may take back what it wrote before. */
static bool only_own_history(const struct operation *op, const struct value *live,
                             struct owners *losers)
{
    struct value *last;
    struct fieldset said, rest = {0};
    struct comparison c;
    const char *text = last_applied(live);
    if (strcmp(op->o->manager, "kubectl") != 0 || !text ||
        json_parse(op->a, text, strlen(text), 0, &last, NULL) < 0)
        return false;
    typed__to_set(op->k->schema, last, op->a, &said);
    typed__compare(op->k->schema, last, live, op->a, &c);
    said = fieldset__difference(&said, &c.modified, op->a);
    said = fieldset__difference(&said, &c.removed, op->a);
    for (size_t i = 0; i < losers->n; i++) {
        losers->items[i].set = fieldset__difference(&losers->items[i].set, &said, op->a);
        rest = fieldset__union(&rest, &losers->items[i].set, op->a);
    }
    owners__drop_empty(losers);
    return fieldset__empty(&rest);
}

static int check_applied(const struct operation *op, const struct value *applied, struct err *e)
{
    const struct resource *r = op->k->resource;
    if (value_at(applied, "metadata.managedFields"))
        return err_set(e, ERR_INVALID, "metadata.managedFields must be nil");
    int rc = typed__check(op->k->schema, applied, false, op->a, e);
    if (rc < 0)
        return err_wrap(e, rc, "failed to create typed patch object (%s/%s; %s/%s, Kind=%s)",
                        value_at_str(applied, "metadata.namespace", ""),
                        value_at_str(applied, "metadata.name", ""), r->group, r->version, r->kind);
    return 0;
}

static int apply_once(const struct operation *op, const struct value *before,
                      const struct value *applied, struct owners *own, struct value **out,
                      struct managed_conflicts *conflicts, struct err *e)
{
    struct owners losers = {0};
    struct ownership w = writer(op, op->id);
    int r = ownership__apply(&w, before, applied, own, out, &losers, e);
    if (r == ERR_CONFLICT && only_own_history(op, before, &losers)) {
        w.force = true;
        r = ownership__apply(&w, before, applied, own, out, &losers, e);
    }
    if (r < 0) {
        list_conflicts(&losers, op->a, conflicts);
        return err_set(e, ERR_CONFLICT, "%s", managed_conflicts_text(conflicts, op->a));
    }
    struct owner *self = owners__find(own, op->id);
    if (self) {
        name_owner(op, self, op->o->manager, true);
        self->set = fieldset__difference(&self->set, &op->stripped, op->a);
    }
    owners__drop_empty(own);
    return 0;
}

int managed_apply(const struct kind *k, const struct value *live, const struct value *applied,
                  const struct managed_opts *o, struct arena *a, struct value **out,
                  struct managed_conflicts *conflicts, struct err *e)
{
    struct operation op;
    struct owners own = {0};
    struct value *obj;
    operation_init(&op, k, o, true, a);
    int r = check_applied(&op, applied, e);
    if (r < 0)
        return r;
    const struct value *before = live ? without_managed(live, a) : empty_object(k, a);
    if (live)
        (void)read_owners(value_at(live, "metadata.managedFields"), a, &own, NULL);
    if (live && !own.n)
        track_update(&op, "before-first-apply", "", empty_object(k, a), before, &own);
    r = apply_once(&op, before, applied, &own, &obj, conflicts, e);
    if (r < 0)
        return r;
    struct owner *self = owners__find(&own, op.id);
    if (self && (!live || !value_equal(before, obj)))
        self->time = op.now;
    if (last_applied(live) && strcmp(o->manager, "kubectl") == 0) {
        struct value *text = value_copy(a, applied);
        (void)value_remove(value_get_mut(value_get_mut(text, "metadata"), "annotations"),
                           LAST_APPLIED);
        struct value *notes = value_make_object(a, obj, "metadata.annotations");
        (void)value_set_str(a, notes, LAST_APPLIED,
                            arena_printf(a, "%s\n", json_text(a, text, JSON_SORTED)));
    }
    write_owners(obj, &own, a);
    *out = obj;
    return 0;
}

const char *managed_conflicts_text(const struct managed_conflicts *c, struct arena *a)
{
    if (c->n == 1)
        return arena_printf(a, "Apply failed with 1 conflict: conflict with %s: %s",
                            c->items[0].manager, c->items[0].field);
    const char *text = arena_printf(a, "Apply failed with %zu conflicts:", c->n);
    const char *done = "", *sep = " ";
    for (;;) { /* managers by name */
        const char *next = NULL;
        for (size_t i = 0; i < c->n; i++)
            if (strcmp(c->items[i].manager, done) > 0 &&
                (!next || strcmp(c->items[i].manager, next) < 0))
                next = c->items[i].manager;
        if (!next)
            return text;
        text = arena_printf(a, "%s%sconflicts with %s:", text, sep, next);
        for (size_t i = 0; i < c->n; i++)
            if (strcmp(c->items[i].manager, next) == 0)
                text = arena_printf(a, "%s\n- %s", text, c->items[i].field);
        done = next;
        sep = "\n";
    }
}

struct value *managed_conflicts_causes(const struct managed_conflicts *c, struct arena *a)
{
    struct value *causes = value_new_array(a);
    for (size_t i = 0; i < c->n; i++) {
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "reason", "FieldManagerConflict");
        (void)value_set_str(a, v, "message",
                            arena_printf(a, "conflict with %s", c->items[i].manager));
        (void)value_set_str(a, v, "field", c->items[i].field);
        (void)value_push(a, causes, v);
    }
    return causes;
}
