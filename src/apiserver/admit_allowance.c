/* admit_allowance.c - who answers for an ImageAllowance is who wrote it, not who they say. Another
 * owner is for those to name who may act as them (RBAC's verb impersonate on users). */
#include <string.h>

#include "apiserver/admission_int.h"

bool is_allowance(const struct served *k)
{
    return strcmp(k->res->group, RES_IMAGE_ALLOWANCE.group) == 0 &&
           strcmp(k->res->plural, RES_IMAGE_ALLOWANCE.plural) == 0;
}

int admit_allowance(struct call *c, const struct served *k, struct value *allowance,
                    const struct value *old)
{
    const char *owner = value_at_str(allowance, "spec.owner", "");
    if (old && *owner && value_equal(value_get(allowance, "spec"), value_get(old, "spec")))
        return 0;
    if (!*owner) {
        struct value *spec = value_make_object(c->a, allowance, "spec");
        (void)value_set_str(c->a, spec, "owner", c->who.user);
        return 0;
    }
    const struct access as = {
        .verb = "impersonate", .group = "", .resource = "users", .name = owner};
    const char *why;
    if (strcmp(owner, c->who.user) == 0 || rbac__allowed(c->s, &c->who, &as, c->a, &why))
        return 0;
    return refuse_forbidden(c, k, value_at_str(allowance, "metadata.name", ""),
                            "spec.owner is %s, but %s writes it, who may not act as them: leave "
                            "the owner out, and it is set",
                            owner, c->who.user);
}
