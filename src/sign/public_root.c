/* public_root.c - the trusted root that is part of the program: public_root.json. */
#include "sign/trust.h"

int trust_root_public(struct arena *a, struct trust_root **out, struct err *e)
{
    extern const char public_root[], public_root_end[];
    return trust_root_read(public_root, (size_t)(public_root_end - public_root), a, out, e);
}
