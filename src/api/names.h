/* names.h - whether objects may be called so. */
#pragma once
#include "base/arena.h"

/* NULL, or what Kubernetes says of the name of an object of this kind, in whatever case it is. */
const char *name_complaint(const char *kind, const char *name, struct arena *a);
