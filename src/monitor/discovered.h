/* discovered.h - from what was discovered to what is scraped: meta labels in, URL and labels out.
 * Pure. */
#pragma once
#include "api/object.h"
#include "monitor/relabel.h"

enum { DISCOVERED_MAX = 10000 }; /* targets of one monitor or job */

/* "PREFIXname" with every character that no label's name has as "_". */
const char *discovered_name(struct arena *a, const char *prefix, const char *name);
/* __meta_kubernetes_KIND_name, _label_…, _labelpresent_…, _annotation_…, _annotationpresent_… */
void discovered_object(struct label_set *l, const char *kind, const struct object *o,
                       struct arena *a);
/* The same of its labels alone. */
void discovered_labels(struct label_set *l, const char *kind, const struct object *o,
                       struct arena *a);
const char *discovered_address(struct arena *a, const char *host, int64_t port);

/* How targets are asked where their labels do not say otherwise. */
struct discovered_spec {
    const char *scheme, *path;
    const struct value *params;    /* names to lists of texts */
    const struct relabel *relabel; /* of targets; NULL: none */
};

/* Adds what the specification says and relabels; __… are left in `l` for the caller. False: it is
 * dropped. `out`: the target's own labels, `instance` among them. */
bool discovered_target(const struct discovered_spec *s, struct label_set *l, struct arena *a,
                       const char **url, struct labels *out);
