#include <string.h>

#include "base/own.h"
#include "fuzz.h"
#include "scan/version.h"

/* Property: of any two texts each order says the same from both sides, and that a text equals
 * itself. The texts are split at 0xff. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const orders[])(const char *, const char *) = {
        version_compare_apk,       version_compare_cran,     version_compare_dpkg,
        version_compare_hackage,   version_compare_maven,    version_compare_nuget,
        version_compare_packagist, version_compare_pub,      version_compare_pypi,
        version_compare_rpm,       version_compare_rubygems, version_compare_semver,
    };
    size_t n = fuzz_split(data, size), rest = size - n - (n < size);
    AUTO_MEM char *a = strndup((const char *)data, n);
    AUTO_MEM char *b = strndup((const char *)data + size - rest, rest);
    MUST(a && b);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        int c = orders[i](a, b);
        MUST(c >= -1 && c <= 1);
        MUST(orders[i](b, a) == -c);
        MUST(orders[i](a, a) == 0);
    }
    return 0;
}
