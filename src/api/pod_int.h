/* pod_int.h - the parts of a pod that have checks of their own.                          */
#pragma once
#include "api/errors.h"

void name_errors_port(struct field_errors *l, const char *at, const char *name);
/* volume: of a downward API file, which may show other fields than variables may. */
void check_field_ref(const struct value *r, const char *at, bool volume, struct field_errors *l);
void check_resources(const struct value *r, const char *at, struct field_errors *l);
void check_volumes(const struct value *volumes, const char *at, struct field_errors *l);
void check_container_security(const struct value *s, const char *at, struct field_errors *l);
void check_pod_security(const struct value *spec, const char *base, struct field_errors *l);
void check_affinity(const struct value *affinity, const char *at, struct field_errors *l);
