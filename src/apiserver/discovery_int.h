/* discovery_int.h - what there is, for the documents that say so. */
#pragma once
#include "apiserver/web_int.h"

struct listed {
    const struct served *served; /* NULL: not an object that is kept */
    const char *name;            /* "deployments/scale" */
    const char *singular, *kind, *verbs, *short_names, *categories;
    const char *kind_group, *kind_version; /* where they differ */
    bool namespaced;
};

struct group_version {
    const char *group, *version;
};

/* By name. */
struct listed *discovery__resources(struct apiserver *s, const char *group, const char *version,
                                    struct arena *a, size_t *out_n);
/* In upstream's order. */
struct group_version *discovery__groups(struct apiserver *s, struct arena *a, size_t *out_n);
bool discovery__is_builtin(const char *group);
struct value *discovery__split(struct arena *a, const char *text);

/* The aggregated form, where the client accepts it. */
bool discovery__aggregated(struct web *w, bool core);
/* Upstream's plain "404 page not found". */
bool discovery__missing(struct web *w, const char *path);
bool openapi__serve(struct web *w, const char *path);
