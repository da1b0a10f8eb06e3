/* NuGet: four numbers, then a semantic prerelease without regard to case. */
#include "scan/version_int.h"

int version_compare_nuget(const char *a, const char *b)
{
    a = version__unprefixed(a);
    b = version__unprefixed(b);
    int c = version__dotted(&a, &b, 4);
    return c ? c : version__prerelease(a, b, version__text_nocase);
}
