/* selector.h - label and field selectors: parse, match, print.
 *
 * Lifetime A selector lives in the arena it was made in.                                 */
#pragma once
#include "codec/value.h"

enum selector_op {
    SELECTOR_IN,
    SELECTOR_NOT_IN,
    SELECTOR_EQ,
    SELECTOR_NE,
    SELECTOR_EXISTS,
    SELECTOR_NOT_EXISTS,
    SELECTOR_GT,
    SELECTOR_LT,
};

struct selector_req {
    const char *key;
    enum selector_op op;
    const char *const *values; /* sorted */
    size_t n;
};

struct selector {
    const struct selector_req *reqs; /* by key; all must hold */
    size_t n;
    bool nothing; /* matches no object at all */
};

/* "a=b,c!=d,e in (f,g),!h,i>3". Errors as upstream words them ("unable to parse requirement:
 * …"). */
int selector_parse(const char *text, struct arena *a, struct selector *out,
                   struct err *e) MUST_CHECK;
/* metav1.LabelSelector; NULL matches nothing, {} everything. */
int selector_from_value(const struct value *label_selector, struct arena *a, struct selector *out,
                        struct err *e) MUST_CHECK;
/* {"app": "web"}: every pair must be there. NULL or {} matches everything. */
struct selector selector_from_map(const struct value *labels, struct arena *a);

bool selector_matches(const struct selector *s, const struct value *labels);
const char *selector_text(const struct selector *s, struct arena *a);

/* Field selectors: "metadata.name=a,status.phase!=Running". Reqs are SELECTOR_EQ or _NE. */
int selector_parse_fields(const char *text, struct arena *a, struct selector *out,
                          struct err *e) MUST_CHECK;

/* Which fields a kind can be selected by, and their values. False: `field label not supported`.
 * `selectable`: a CRD's (".spec.color"), or NULL. *out is "" where the object has none. */
struct kind;
bool selector_field(const struct kind *k, const struct value *obj, const char *field,
                    struct arena *a, const char **out);
/* ERR_INVALID `field label not supported: x` for the first field a kind lacks. */
int selector_check_fields(const struct kind *k, const struct selector *s, struct err *e) MUST_CHECK;
bool selector_matches_fields(const struct selector *s, const struct kind *k,
                             const struct value *obj, struct arena *a);
