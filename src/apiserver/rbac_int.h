/* rbac_int.h - roles and bindings, compiled. */
#pragma once
#include "apiserver/apiserver_int.h"

struct rule {
    const char *const *verbs, *const *groups, *const *resources, *const *names, *const *paths;
    size_t n_verbs, n_groups, n_resources, n_names, n_paths;
};

struct role {
    struct rule *rules;
    size_t n;
};

struct subject {
    const char *kind, *name, *ns;
};

struct binding {
    struct binding *next;
    const char *ns; /* "": everywhere */
    const char *name, *role_kind, *role_name;
    const struct role *role; /* NULL: there is none of that name */
    struct subject *subjects;
    size_t n_subjects;
};

struct rbac_view {
    struct arena *arena;
    unsigned refs;
    struct map roles; /* "ns/name" → struct role; cluster roles have no ns */
    struct binding *bindings;
};

struct rbac_view *rbac__view(struct apiserver *s); /* a reference */
void rbac__view_unref(struct apiserver *s, struct rbac_view *v);
struct rule *rbac__rules(const struct value *list, struct arena *a, size_t *out_n);
bool rbac__rule_allows(const struct rule *r, const struct access *w);
bool rbac__subject_is(const struct binding *b, const struct subject *s, const struct identity *who);
/* The subject by which a binding concerns `who` in `ns`, or NULL. */
const struct subject *rbac__applies(const struct binding *b, const struct identity *who,
                                    const char *ns);
