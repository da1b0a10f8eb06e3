/* protobuf.h - bodies of type application/vnd.kubernetes.protobuf, as typed Go clients send them.
 *
 * Model      An envelope names apiVersion and kind; its content becomes the tree that the same
 *            object would be in JSON. Zero values that JSON leaves out are left out.
 * Not here   Writing it: answers are JSON, which every such client accepts.                  */
#pragma once
#include "codec/value.h"

int protobuf_parse(struct arena *a, const void *bytes, size_t n, struct value **out,
                   struct err *e) MUST_CHECK;
