/* pod_int.h - the parts of a pod that have checks of their own.                          */
#pragma once
#include "api/errors.h"

void validate__name_errors_port(struct field_errors *l, const char *at, const char *name);
/* volume: of a downward API file, which may show other fields than variables may. */
void validate__field_ref(const struct value *r, const char *at, bool volume,
                         struct field_errors *l);
void validate__resources(const struct value *r, const char *at, struct field_errors *l);
void validate__volumes(const struct value *volumes, const char *at, struct field_errors *l);
void validate__container_security(const struct value *s, const char *at, struct field_errors *l);
void validate__pod_security(const struct value *spec, const char *base, struct field_errors *l);
void validate__affinity(const struct value *affinity, const char *at, struct field_errors *l);
