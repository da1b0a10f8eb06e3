/* relabel.h - Prometheus's relabelling: rules that change labels, or drop what has them. Pure.
 *
 * Lifetime   Rules own their compiled expressions; what applying them makes is in the arena given.
 */
#pragma once
#include "base/own.h"
#include "codec/value.h"
#include "tsdb/labels.h"

enum { LABEL_SET_MAX = 512, RELABEL_RULES_MAX = 256 };

/* Labels that are being changed; names are distinct. */
struct label_set {
    struct label items[LABEL_SET_MAX];
    size_t n;
};

const char *label_set_get(const struct label_set *s, const char *name); /* "" when absent */
/* "" takes it out. Past the maximum nothing is added. The texts are borrowed. */
void label_set_put(struct label_set *s, const char *name, const char *value);

struct relabel;

/* A list of rules with the names of a configuration file (source_labels) or, `camel`, of an object
 * (sourceLabels). NULL and an empty list give no rules. ERR_INVALID names the rule. */
int relabel_new(const struct value *rules, bool camel, struct relabel **out,
                struct err *e) MUST_CHECK;
void relabel_free(struct relabel *r);
AUTO_DEFINE(relabel)

/* False: what has these labels is dropped. `r` NULL: nothing changes. */
bool relabel_apply(const struct relabel *r, struct label_set *s, struct arena *a);
