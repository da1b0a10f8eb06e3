#include "scan/version.h"

#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "scan/version_int.h"

int version__sign(long v)
{
    return v < 0 ? -1 : v > 0;
}

bool version__digit(char c)
{
    return c >= '0' && c <= '9';
}

int version__digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
    while (*a < a_end && **a == '0')
        ++*a;
    while (*b < b_end && **b == '0')
        ++*b;
    int first = 0;
    while (*a < a_end && version__digit(**a) && *b < b_end && version__digit(**b)) {
        if (!first)
            first = **a - **b;
        ++*a;
        ++*b;
    }
    if (*a < a_end && version__digit(**a))
        return 1;
    if (*b < b_end && version__digit(**b))
        return -1;
    return version__sign(first);
}

int version__numbers(const char *a, size_t na, const char *b, size_t nb)
{
    return version__digits(&a, a + na, &b, b + nb);
}

int version__text(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? version__sign(c) : version__sign((long)na - (long)nb);
}

int version__text_nocase(const char *a, size_t na, const char *b, size_t nb)
{
    int c = strncasecmp(a, b, na < nb ? na : nb);
    return c ? version__sign(c) : version__sign((long)na - (long)nb);
}

int version__dotted(const char **a, const char **b, size_t count)
{
    for (size_t i = 0; i < count && (version__digit(**a) || version__digit(**b)); i++) {
        const char *a_end = *a + strspn(*a, "0123456789"), *b_end = *b + strspn(*b, "0123456789");
        int c = version__digits(a, a_end, b, b_end);
        if (c)
            return c;
        *a = a_end + (*a_end == '.' && version__digit(a_end[1]));
        *b = b_end + (*b_end == '.' && version__digit(b_end[1]));
    }
    return 0;
}

int version__lists(const char *a, const char *b, const char *separators)
{
    while (*a && *b) {
        size_t na = strcspn(a, separators), nb = strcspn(b, separators);
        int c = version__numbers(a, na, b, nb);
        if (c)
            return c;
        a += na + (a[na] != '\0');
        b += nb + (b[nb] != '\0');
    }
    return (*a != '\0') - (*b != '\0');
}

static int identifier_compare(const char *a, size_t na, const char *b, size_t nb,
                              int (*text)(const char *, size_t, const char *, size_t))
{
    bool numeric_a = na && strspn(a, "0123456789") >= na,
         numeric_b = nb && strspn(b, "0123456789") >= nb;
    if (numeric_a && numeric_b)
        return version__numbers(a, na, b, nb);
    if (numeric_a != numeric_b)
        return numeric_a ? -1 : 1;
    return text(a, na, b, nb);
}

int version__identifiers(const char *a, const char *b,
                         int (*text)(const char *, size_t, const char *, size_t))
{
    for (;;) {
        size_t na = strcspn(a, ".+"), nb = strcspn(b, ".+");
        int c = identifier_compare(a, na, b, nb, text);
        if (c)
            return c;
        a += na;
        b += nb;
        bool more_a = *a == '.', more_b = *b == '.';
        if (!more_a || !more_b)
            return more_a - more_b;
        a++;
        b++;
    }
}

int version__prerelease(const char *a, const char *b,
                        int (*text)(const char *, size_t, const char *, size_t))
{
    bool pre_a = *a == '-', pre_b = *b == '-';
    if (pre_a && pre_b)
        return version__identifiers(a + 1, b + 1, text);
    return pre_b - pre_a;
}

const char *version__unprefixed(const char *v)
{
    v += strspn(v, " =");
    v += *v == 'v' || *v == 'V';
    return v + strspn(v, " ");
}

bool version__is_zero(const struct version_token *t)
{
    return t->number && strspn(t->at, "0") >= t->n;
}

static const struct {
    const char *ecosystem;
    int (*compare)(const char *, const char *);
} orders[] = {
    {"AlmaLinux",      version_compare_rpm      },
    {"Alpaquita",      version_compare_apk      },
    {"Alpine",         version_compare_apk      },
    {"Amazon Linux",   version_compare_rpm      },
    {"Azure Linux",    version_compare_rpm      },
    {"Bitnami",        version_compare_semver   },
    {"CBL-Mariner",    version_compare_rpm      },
    {"CRAN",           version_compare_cran     },
    {"Chainguard",     version_compare_apk      },
    {"CocoaPods",      version_compare_semver   },
    {"ConanCenter",    version_compare_semver   },
    {"Conda",          version_compare_pypi     },
    {"Debian",         version_compare_dpkg     },
    {"Fedora",         version_compare_rpm      },
    {"GitHub Actions", version_compare_semver   },
    {"Go",             version_compare_semver   },
    {"Hackage",        version_compare_hackage  },
    {"Hex",            version_compare_semver   },
    {"Mageia",         version_compare_rpm      },
    {"Maven",          version_compare_maven    },
    {"NuGet",          version_compare_nuget    },
    {"Oracle Linux",   version_compare_rpm      },
    {"Packagist",      version_compare_packagist},
    {"Photon OS",      version_compare_rpm      },
    {"Pub",            version_compare_pub      },
    {"PyPI",           version_compare_pypi     },
    {"Red Hat",        version_compare_rpm      },
    {"Rocky Linux",    version_compare_rpm      },
    {"RubyGems",       version_compare_rubygems },
    {"SUSE",           version_compare_rpm      },
    {"SwiftURL",       version_compare_semver   },
    {"Ubuntu",         version_compare_dpkg     },
    {"Wolfi",          version_compare_apk      },
    {"crates.io",      version_compare_semver   },
    {"npm",            version_compare_semver   },
    {"openEuler",      version_compare_rpm      },
    {"openSUSE",       version_compare_rpm      },
};

int version_compare(const char *ecosystem, const char *a, const char *b, int *out, struct err *e)
{
    size_t n = strcspn(ecosystem, ":");
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        if (strlen(orders[i].ecosystem) == n && strncmp(orders[i].ecosystem, ecosystem, n) == 0) {
            *out = orders[i].compare(a, b);
            return 0;
        }
    return err_set(e, ERR_UNSUPPORTED, "the order of %s versions is not known here", ecosystem);
}
