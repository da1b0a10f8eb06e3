/* remote_int.h - where an image store's references lead. */
#pragma once
#include "oci/remote.h"
#include "oci/store_int.h"

/* The registry of a reference, or its mirror. */
int store__remote(struct image_store *s, const struct reference *ref,
                  const struct image_mirror *mirror, const char *actions,
                  const struct image_auth *auth, struct remote *out, struct err *e) MUST_CHECK;
