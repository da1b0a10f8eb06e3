#include "api/crd_int.h"
#include "api/validate_int.h"

void crd__check(const struct value *crd, const struct value *old, struct field_errors *l)
{
    (void)old;
    if (!value_get(crd, "spec"))
        required(l, "spec", NULL);
}
