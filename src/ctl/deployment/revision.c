/* revision.c - which template a set has, and what its annotations say about it. */
#include <string.h>

#include "ctl/deployment/plan_int.h"
#include "ctl/pods/template_hash.h"
#include "kube/write.h"

/* A template without what the controller or the server added to it. */
static const struct value *bare(const struct value *template, struct arena *a)
{
    struct value *t = value_copy(a, template);
    struct value *meta = value_get_mut(t, "metadata");
    struct value *labels = meta ? value_get_mut(meta, "labels") : NULL;
    if (labels)
        (void)value_remove(labels, TEMPLATE_HASH);
    if (labels && value_count(labels) == 0)
        (void)value_remove(meta, "labels");
    if (meta && value_is(value_get(meta, "creationTimestamp"), VALUE_NULL))
        (void)value_remove(meta, "creationTimestamp");
    if (meta && value_count(meta) == 0)
        (void)value_remove(t, "metadata");
    return t;
}

bool deployment__same_template(const struct value *x, const struct value *y, struct arena *a)
{
    return value_equal(bare(x, a), bare(y, a));
}

const char *deployment__hash(const struct object *d, struct arena *a)
{
    return template_hash(value_at(d->root, "spec.template"),
                         value_at_int(d->root, "status.collisionCount", -1), a);
}

struct value *deployment__edit(struct rollout *r, struct set *s)
{
    if (!s->edit) {
        s->edit = object_edit(r->a, s->o);
        struct value *meta = value_get_mut(s->edit, "metadata");
        const struct value *had = value_get(meta, "annotations");
        (void)value_set(r->a, meta, "annotations",
                        had ? value_shallow(r->a, had) : value_new_object(r->a));
    }
    return s->edit;
}

static const char *annotation(const struct set *s, const char *key)
{
    if (s->edit)
        return value_str(value_get(value_at(s->edit, "metadata.annotations"), key), NULL);
    return object_annotation(s->o, key);
}

static bool annotate(struct rollout *r, struct set *s, const char *key, const char *text)
{
    const char *had = annotation(s, key);
    if (had && strcmp(had, text) == 0)
        return false;
    struct value *edit = deployment__edit(r, s);
    (void)value_set_str(r->a, value_at_mut(edit, "metadata.annotations"), key, text);
    return true;
}

bool deployment__note_size(struct rollout *r, struct set *s)
{
    const char *desired = arena_printf(r->a, "%lld", (long long)r->replicas);
    const char *max = arena_printf(r->a, "%lld", (long long)(r->replicas + r->surge));
    bool changed = annotate(r, s, DESIRED_REPLICAS, desired);
    return annotate(r, s, MAX_REPLICAS, max) || changed;
}

static bool is_private(const char *key)
{
    static const char *const ours[] = {REVISION,
                                       REVISION_HISTORY,
                                       DESIRED_REPLICAS,
                                       MAX_REPLICAS,
                                       "kubectl.kubernetes.io/last-applied-configuration",
                                       "deprecated.deployment.rollback.to"};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcmp(key, ours[i]) == 0)
            return true;
    return false;
}

static void copy_annotations(struct rollout *r, struct set *s)
{
    VALUE_EACH_MEMBER(m, value_at(r->d->root, "metadata.annotations"))
    if (!is_private(m->key))
        (void)annotate(r, s, m->key, value_str(&m->value, ""));
}

static int64_t next_revision(const struct rollout *r)
{
    int64_t max = 0;
    for (size_t i = 0; i < r->n; i++)
        if (&r->sets[i] != r->fresh && r->sets[i].revision > max)
            max = r->sets[i].revision;
    return max + 1;
}

/* A set that is wanted again takes a new revision and remembers the one it had. */
static void renumber(struct rollout *r, struct set *s)
{
    int64_t next = next_revision(r);
    if (s->revision >= next)
        return;
    const char *had = annotation(s, REVISION), *past = annotation(s, REVISION_HISTORY);
    if (had && *had)
        (void)annotate(r, s, REVISION_HISTORY,
                       past && *past ? arena_printf(r->a, "%s,%s", past, had) : had);
    (void)annotate(r, s, REVISION, arena_printf(r->a, "%lld", (long long)next));
    s->revision = next;
}

/* What the Deployment's own annotation should say, or NULL when it does. */
static void note_revision(struct rollout *r)
{
    const char *now = annotation(r->fresh, REVISION);
    const char *had = object_annotation(r->d, REVISION);
    if (now && (!had || strcmp(had, now) != 0))
        r->revision = now;
}

void deployment__tend_fresh(struct rollout *r)
{
    struct set *s = r->fresh;
    copy_annotations(r, s);
    renumber(r, s);
    int64_t wait_s = value_at_int(r->d->root, "spec.minReadySeconds", 0);
    if (value_at_int(s->o->root, "spec.minReadySeconds", 0) != wait_s)
        (void)value_set_int(r->a, value_get_mut(deployment__edit(r, s), "spec"), "minReadySeconds",
                            wait_s);
    note_revision(r);
}

static struct value *fresh_spec(struct rollout *r, const char *hash)
{
    struct arena *a = r->a;
    const struct value *d = r->d->root;
    struct value *spec = value_new_object(a);
    int64_t wait_s = value_at_int(d, "spec.minReadySeconds", 0);
    if (wait_s)
        (void)value_set_int(a, spec, "minReadySeconds", wait_s);
    const struct value *sel = value_at(d, "spec.selector");
    (void)value_set(a, spec, "selector", sel ? value_copy(a, sel) : value_new_object(a));
    (void)value_set_str(a, value_make_object(a, spec, "selector.matchLabels"), TEMPLATE_HASH, hash);
    (void)value_set(a, spec, "template", value_copy(a, value_at(d, "spec.template")));
    (void)value_set_str(a, value_make_object(a, spec, "template.metadata.labels"), TEMPLATE_HASH,
                        hash);
    return spec;
}

void deployment__add_fresh(struct rollout *r)
{
    struct arena *a = r->a;
    const char *hash = deployment__hash(r->d, a);
    struct set s = {.name = arena_printf(a, "%s-%s", r->d->name, hash),
                    .edit = value_new_object(a)};
    (void)value_set_str(a, s.edit, "apiVersion", "apps/v1");
    (void)value_set_str(a, s.edit, "kind", "ReplicaSet");
    (void)value_set(a, s.edit, "metadata", value_new_object(a));
    (void)value_set(a, s.edit, "spec", fresh_spec(r, hash));
    struct value *meta = value_get_mut(s.edit, "metadata");
    (void)value_set_str(a, meta, "name", s.name);
    (void)value_set_str(a, meta, "namespace", r->d->ns);
    (void)value_set(a, meta, "labels",
                    value_copy(a, value_at(s.edit, "spec.template.metadata.labels")));
    (void)value_set(a, meta, "annotations", value_new_object(a));
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, &RES_DEPLOYMENT, r->d));
    r->fresh = &r->sets[r->n];
    r->sets[r->n++] = s;
    copy_annotations(r, r->fresh);
    r->fresh->revision = next_revision(r);
    (void)annotate(r, r->fresh, REVISION, arena_printf(a, "%lld", (long long)r->fresh->revision));
    note_revision(r);
}
