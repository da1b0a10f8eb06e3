#include "ctl/garbage/plan.h"

#include <string.h>

#define FOREGROUND "foregroundDeletion"
#define ORPHAN     "orphan"

bool has_finalizer(const struct object *o, const char *name)
{
    VALUE_EACH_ITEM (f, value_at(o->root, "metadata.finalizers"))
        if (strcmp(value_str(f, ""), name) == 0)
            return true;
    return false;
}

static struct garbage_plan of_deleting(const struct garbage_view *v)
{
    if (has_finalizer(v->o, ORPHAN))
        return (struct garbage_plan){.verb = GARBAGE_ORPHAN, .finalizer = ORPHAN};
    if (!has_finalizer(v->o, FOREGROUND))
        return (struct garbage_plan){.verb = GARBAGE_KEEP};
    for (size_t i = 0; i < v->n_dependents; i++)
        if (v->dependents[i].blocks)
            return (struct garbage_plan){.verb = GARBAGE_SEE_DEPENDENTS};
    return (struct garbage_plan){.verb = GARBAGE_RELEASE, .finalizer = FOREGROUND};
}

/* What the object's own finalizers ask for. */
static enum kube_propagation own_policy(const struct object *o)
{
    if (has_finalizer(o, ORPHAN))
        return KUBE_ORPHAN;
    return has_finalizer(o, FOREGROUND) ? KUBE_FOREGROUND : KUBE_BACKGROUND;
}

struct garbage_plan garbage_plan(const struct garbage_view *v)
{
    if (v->o->deleting)
        return of_deleting(v);
    size_t n = value_count(value_at(v->o->root, "metadata.ownerReferences"));
    size_t solid = 0, waiting = 0;
    for (size_t i = 0; i < n; i++) {
        solid += v->owners[i] == OWNER_SOLID;
        waiting += v->owners[i] == OWNER_WAITING;
    }
    if (n == 0 || solid == n)
        return (struct garbage_plan){.verb = GARBAGE_KEEP};
    if (solid)
        return (struct garbage_plan){.verb = GARBAGE_UNLINK};
    if (waiting && v->n_dependents)
        return (struct garbage_plan){.verb = GARBAGE_DELETE, .propagation = KUBE_FOREGROUND};
    return (struct garbage_plan){.verb = GARBAGE_DELETE, .propagation = own_policy(v->o)};
}

const char *garbage_verb_name(enum garbage_verb v)
{
    static const char *const names[] = {"keep",    "unlink",         "delete",
                                        "release", "see dependents", "orphan"};
    return names[v];
}
