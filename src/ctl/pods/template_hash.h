/* template_hash.h - the name that Kubernetes gives a pod template: "758d58495".
 *
 * Model      Upstream hashes the text that a Go program prints of the template's structs, so the
 *            same text is printed here, from a table of these structs. ReplicaSets and pods then
 *            have the names they have on any other cluster.                              */
#pragma once
#include "codec/value.h"

/* collisions < 0: none have been counted. */
const char *template_hash(const struct value *template, int64_t collisions, struct arena *a);

/* What is hashed; for tests. */
const char *template_text(const struct value *template, struct arena *a);
