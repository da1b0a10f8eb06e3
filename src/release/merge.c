/* merge.c - from what is there to what is wanted: the patch that Helm would send. */
#include <string.h>

#include "api/schema.h"
#include "api/strategic.h"
#include "codec/patch.h"
#include "release/release_int.h"

/* A kind of Kubernetes' own, whose lists have keys; those of CRDs have a merge patch only. */
static const struct schema *strategic_schema(const struct resource *r, struct arena *a)
{
    for (const struct resource *const *p = RESOURCES; *p; p++)
        if (strcmp((*p)->group, r->group) == 0 && strcmp((*p)->kind, r->kind) == 0)
            return schema_builtin(resource_api_version(r, a), r->kind);
    return NULL;
}

/* A merge patch's deletions alone, or all but those. */
static struct value *part_of(struct arena *a, const struct value *patch, bool deletions)
{
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, patch) {
        bool null = value_is(&m->value, VALUE_NULL);
        if (value_is(&m->value, VALUE_OBJECT)) {
            struct value *sub = part_of(a, &m->value, deletions);
            if (sub->n || (!deletions && m->value.n == 0))
                (void)value_setn(a, out, m->key, m->key_len, sub);
        } else if (null == deletions) {
            (void)value_setn(a, out, m->key, m->key_len, &m->value);
        }
    }
    return out;
}

/* Puts one merge patch over another; nulls of both stay. */
static void join(struct arena *a, struct value *into, const struct value *more)
{
    VALUE_EACH_MEMBER (m, more) {
        struct value *old = value_get_mutn(into, m->key, m->key_len);
        if (value_is(old, VALUE_OBJECT) && value_is(&m->value, VALUE_OBJECT))
            join(a, old, &m->value);
        else
            (void)value_setn(a, into, m->key, m->key_len, value_copy(a, &m->value));
    }
}

static struct value *three_way_merge(struct arena *a, const struct value *original,
                                     const struct value *target, const struct value *live)
{
    struct value *patch = part_of(a, patch_merge_diff(a, original, target), true);
    join(a, patch, part_of(a, patch_merge_diff(a, live, target), false));
    return patch;
}

int release__patch(const struct release_object *target, const struct value *original,
                   const struct value *live, bool three_way, struct arena *a,
                   enum kube_patch_type *type, struct value **out, struct err *e)
{
    const struct schema *schema = strategic_schema(target->res, a);
    if (schema) {
        *type = KUBE_PATCH_STRATEGIC;
        return strategic_diff3(a, schema, original, target->root, live, true, out, e);
    }
    *type = KUBE_PATCH_MERGE;
    *out = three_way ? three_way_merge(a, original, target->root, live)
                     : patch_merge_diff(a, original, target->root);
    return 0;
}
