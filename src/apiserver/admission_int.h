/* admission_int.h - the plug-ins behind admission.c. */
#pragma once
#include "apiserver/apiserver_int.h"

const char *admission__default_of(struct call *c, const struct resource *r, const char *annotation);
void crds__instance_gone(struct apiserver *s, const struct served *k);
