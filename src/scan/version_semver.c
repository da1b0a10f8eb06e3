/* Semantic versions, leniently: one to three numbers, "v" in front; what follows the third
 * number without a dash is build metadata. */
#include "scan/version_int.h"

int version_compare_semver(const char *a, const char *b)
{
    a = version__unprefixed(a);
    b = version__unprefixed(b);
    int c = version__dotted(&a, &b, 3);
    return c ? c : version__prerelease(a, b, version__text);
}
