/* managed_int.h - the rules of ownership, without the API's bookkeeping around them.     */
#pragma once
#include "api/managed.h"
#include "api/typed_int.h"

struct owner {
    const char *id; /* what tells owners apart */
    const char *manager, *subresource, *api_version, *time;
    bool applied;
    struct fieldset set;
};

struct owners {
    struct owner *items;
    size_t n, cap;
};

struct owner *owners__find(struct owners *o, const char *id);
struct owner *owners__get(struct owners *o, const char *id, struct arena *a); /* makes it */
void owners__drop_empty(struct owners *o);

/* `ignored`: what this writer may not own. */
struct ownership {
    const struct schema *schema;
    const char *id, *api_version;
    const struct fieldset *ignored;
    bool force;
    struct arena *a;
};

void ownership__update(const struct ownership *w, const struct value *live, const struct value *obj,
                       struct owners *o);
/* *out: the merged object. ERR_CONFLICT: `conflicts` has what each other owner loses, and o is
 * as it was. */
int ownership__apply(const struct ownership *w, const struct value *live,
                     const struct value *applied, struct owners *o, struct value **out,
                     struct owners *conflicts, struct err *e);
