/* Hackage: numbers between dots; the one that goes on is newer. */
#include "scan/version_int.h"

int version_compare_hackage(const char *a, const char *b)
{
    return version__lists(a, b, ".");
}
