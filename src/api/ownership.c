#include <string.h>

#include "api/managed_int.h"

struct owner *owners__find(struct owners *o, const char *id)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->items[i].id, id) == 0)
            return &o->items[i];
    return NULL;
}

struct owner *owners__get(struct owners *o, const char *id, struct arena *a)
{
    struct owner *found = owners__find(o, id);
    if (found)
        return found;
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 4;
        o->items = arena_grow(a, o->items, o->cap * sizeof *o->items, cap * sizeof *o->items);
        o->cap = cap;
    }
    o->items[o->n] = (struct owner){.id = id};
    return &o->items[o->n++];
}

void owners__drop_empty(struct owners *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++)
        if (!fieldset__empty(&o->items[i].set))
            o->items[n++] = o->items[i];
    o->n = n;
}

static void exclude(const struct ownership *w, struct comparison *c)
{
    if (!w->ignored)
        return;
    c->added = fieldset__without(&c->added, w->ignored, w->a);
    c->modified = fieldset__without(&c->modified, w->ignored, w->a);
    c->removed = fieldset__without(&c->removed, w->ignored, w->a);
}

/* Takes from all others what changed. False: they would lose something and force is off. */
static bool take_over(const struct ownership *w, const struct value *live, const struct value *obj,
                      bool force, struct owners *o, struct comparison *c, struct owners *conflicts)
{
    typed__compare(w->schema, live, obj, w->a, c);
    exclude(w, c);
    struct fieldset changed = fieldset__union(&c->added, &c->modified, w->a);
    for (size_t i = 0; i < o->n; i++) {
        const struct owner *other = &o->items[i];
        struct fieldset lost = fieldset__intersection(&other->set, &changed, w->a);
        if (strcmp(other->id, w->id) == 0 || fieldset__empty(&lost))
            continue;
        struct owner *loser = owners__get(conflicts, other->id, w->a);
        *loser = *other;
        loser->set = lost;
    }
    if (!force && conflicts->n)
        return false;
    for (size_t i = 0; i < o->n; i++) {
        struct owner *other = &o->items[i];
        if (strcmp(other->id, w->id) == 0)
            continue;
        const struct owner *loser = owners__find(conflicts, other->id);
        if (loser)
            other->set = fieldset__difference(&other->set, &loser->set, w->a);
        other->set = fieldset__difference(&other->set, &c->removed, w->a);
    }
    owners__drop_empty(o);
    return true;
}

void ownership__update(const struct ownership *w, const struct value *live, const struct value *obj,
                       struct owners *o)
{
    struct comparison c;
    struct owners losers = {0};
    (void)take_over(w, live, obj, true, o, &c, &losers);
    struct owner *self = owners__get(o, w->id, w->a);
    struct fieldset s = fieldset__difference(&self->set, &c.removed, w->a);
    s = fieldset__union(&s, &c.modified, w->a);
    s = fieldset__union(&s, &c.added, w->a);
    if (w->ignored)
        s = fieldset__without(&s, w->ignored, w->a);
    self->set = s;
    self->api_version = w->api_version;
    self->applied = false;
    owners__drop_empty(o);
}

static struct fieldset named_set(const struct ownership *w, const struct value *v)
{
    struct fieldset s = {0};
    if (v)
        typed__to_set(w->schema, v, w->a, &s);
    return fieldset__named(&s, w->schema, w->a);
}

/* What the owner said before and says no longer goes, unless someone else owns it. */
static struct value *prune(const struct ownership *w, struct value *merged, struct owners *o,
                           const struct fieldset *last)
{
    struct fieldset gone = fieldset__named(last, w->schema, w->a), owned = {0};
    struct value *pruned = typed__remove(w->schema, merged, &gone, false, w->a);
    struct fieldset all = named_set(w, merged), left = named_set(w, pruned);
    for (size_t i = 0; i < o->n; i++)
        owned = fieldset__union(&owned, &o->items[i].set, w->a);
    owned = fieldset__named(&owned, w->schema, w->a);
    left = fieldset__union(&left, &owned, w->a);
    struct fieldset cut = fieldset__difference(&all, &left, w->a);
    pruned = typed__remove(w->schema, merged, &cut, false, w->a);
    left = named_set(w, pruned);
    cut = fieldset__difference(&all, &left, w->a);
    cut = fieldset__intersection(&cut, &gone, w->a);
    pruned = typed__remove(w->schema, merged, &cut, false, w->a);
    return pruned ? pruned : value_null(w->a);
}

static struct owners copy_owners(const struct owners *o, struct arena *a)
{
    struct owners out = {.n = o->n, .cap = o->n};
    out.items = o->n ? arena_dup(a, o->items, o->n * sizeof *o->items) : NULL;
    return out;
}

int ownership__apply(const struct ownership *w, const struct value *live,
                     const struct value *applied, struct owners *o, struct value **out,
                     struct owners *conflicts, struct err *e)
{
    struct owners work = copy_owners(o, w->a);
    struct value *merged = typed__merge(w->schema, live, applied, w->a);
    if (!merged)
        merged = value_null(w->a);
    struct owner *self = owners__get(&work, w->id, w->a);
    struct fieldset last = self->set;
    typed__to_set(w->schema, applied, w->a, &self->set);
    if (w->ignored)
        self->set = fieldset__without(&self->set, w->ignored, w->a);
    self->api_version = w->api_version;
    self->applied = true;
    struct fieldset unsaid = fieldset__difference(&last, &self->set, w->a);
    if (!fieldset__empty(&unsaid))
        merged = prune(w, merged, &work, &last);
    struct comparison c;
    *conflicts = (struct owners){0};
    if (!take_over(w, live, merged, w->force, &work, &c, conflicts))
        return err_set(e, ERR_CONFLICT, "Apply failed");
    owners__drop_empty(&work);
    *o = work;
    *out = merged;
    return 0;
}
