#include "api/kind.h"

struct kind kind_builtin(const struct resource *r)
{
    char group_version[128];
    (void)snprintf(group_version, sizeof group_version, "%s%s%s", r->group, *r->group ? "/" : "",
                   r->version);
    return (struct kind){.resource = r, .schema = schema_builtin(group_version, r->kind)};
}

struct kind kind_custom(const struct crd_version *v)
{
    return (struct kind){.resource = &v->resource, .schema = v->schema, .crd = v};
}
