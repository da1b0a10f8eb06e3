/* openapi.h - OpenAPI documents from the schemas, for `kubectl explain` and apply.        */
#pragma once
#include "api/kind.h"

/* One group and version ("apps", "v1"; core is ""). `kinds`: those served there. */
struct value *openapi_v3(const struct kind *const *kinds, size_t n, const char *group,
                         const char *version, struct arena *a);

/* Definitions and paths of all of them in the form of OpenAPI 2. */
struct value *openapi_v2(const struct kind *const *kinds, size_t n, struct arena *a);
