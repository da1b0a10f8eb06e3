/* strategic_int.h - what making and applying strategic merge patches share.              */
#pragma once
#include "api/strategic.h"

#define STRATEGIC_ORDER  "$setElementOrder/"
#define STRATEGIC_DELETE "$deleteFromPrimitiveList/"
#define STRATEGIC_RETAIN "$retainKeys"
#define STRATEGIC_PATCH  "$patch"

struct smp {
    struct arena *a;
    struct err *e;
    bool keep_lists;   /* merging two patches: directives are kept for later */
    bool ignore_nulls; /* a null for what is not there is dropped */
    unsigned depth;
};

enum { STRATEGIC_DEPTH_MAX = 1000 };

bool strategic__has_prefix(const char *s, const char *prefix);
/* As fmt's %v prints it; equal texts are equal merge keys. */
const char *strategic__text(struct arena *a, const struct value *v);
bool strategic__deletes(const struct value *item); /* {"$patch": "delete", …} */

/* Sorts list like `order`: items (by merge key; key NULL: by value) that order lacks first. */
void strategic__sort_like(struct arena *a, struct value *list, const struct value *order,
                          const char *key);

/* Merges patch into original; both may be changed. */
int strategic__merge(struct smp *m, const struct schema *s, struct value *original,
                     struct value *patch, struct value **out);
int strategic__no_key(struct smp *m, const struct value *item, const char *key);
