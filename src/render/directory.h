/* directory.h - a plain folder of YAML and JSON files, as Argo CD's directory source. */
#pragma once
#include "render/render.h"

/* `opts`: recurse, include, exclude; NULL is none. */
int directory_objects(struct tree *t, const char *path, const struct value *opts, struct arena *a,
                      struct value ***out, size_t *n, struct err *e) MUST_CHECK;
