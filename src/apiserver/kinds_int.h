/* kinds_int.h - how CRDs come to be served. Callers hold crd_mutex. */
#pragma once
#include "apiserver/apiserver_int.h"

struct served *kinds__make(struct arena *a, const struct kind *kind);
/* Takes over the arena that the CRD lives in. */
void kinds__serve_crd(struct apiserver *s, struct arena *owned, const struct crd *crd);
void kinds__drop(struct apiserver *s, const char *group, const char *plural);
