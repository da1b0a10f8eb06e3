/* discovery_int.h - what the files of discovery share. */
#pragma once
#include "api/selector.h"
#include "monitor/discovery.h"

/* One run: every target is built in an arena of its own. */
struct discovery_sink {
    discovery_found found;
    void *arg;
    size_t n;
    struct label_set group, target; /* what all targets of a group share; one target */
};

/* The target that was built, and the group's labels that it has not. */
int discovery__emit(struct discovery_sink *s, struct arena *a, struct err *e) MUST_CHECK;

/* An element of kubernetes_sd_configs. */
struct kube_discovery {
    const struct kube_role *role;
    const struct value *namespaces; /* names; none: all */
    struct selector selector;       /* of the role's own objects */
    bool with_node;
};

int discovery__kube_read(const struct value *v, struct arena *a, struct kube_discovery *out,
                         struct err *e) MUST_CHECK;
int discovery__kube_run(const struct kube_discovery *k, struct cache *cache,
                        struct discovery_sink *s, struct err *e) MUST_CHECK;
