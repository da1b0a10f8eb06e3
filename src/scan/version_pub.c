/* Pub: semantic versions whose build counts, too: without one, then by its identifiers. */
#include <string.h>

#include "scan/version_int.h"

static int builds(const char *a, const char *b)
{
    a = strchr(a, '+');
    b = strchr(b, '+');
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return version__identifiers(a + 1, b + 1, version__text);
}

int version_compare_pub(const char *a, const char *b)
{
    a = version__unprefixed(a);
    b = version__unprefixed(b);
    int c = version__dotted(&a, &b, 3);
    if (!c)
        c = version__prerelease(a, b, version__text);
    return c ? c : builds(a, b);
}
