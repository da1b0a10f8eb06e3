/* dpkg: [epoch:]upstream[-revision], a tilde before anything, letters before the rest. */
#include <ctype.h>
#include <string.h>

#include "scan/version_int.h"

static int dpkg_weight(const char *p, const char *end)
{
    if (p >= end || version__digit(*p))
        return 0;
    if (isalpha((unsigned char)*p))
        return *p;
    return *p == '~' ? -1 : *p + 256;
}

static int dpkg_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while (a < a_end || b < b_end) {
        while ((a < a_end && !version__digit(*a)) || (b < b_end && !version__digit(*b))) {
            int wa = dpkg_weight(a, a_end), wb = dpkg_weight(b, b_end);
            if (wa != wb)
                return version__sign(wa - wb);
            a += a < a_end;
            b += b < b_end;
        }
        int c = version__digits(&a, a_end, &b, b_end);
        if (c)
            return c;
    }
    return 0;
}

struct dpkg {
    const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *end;
};

static struct dpkg dpkg_split(const char *v)
{
    struct dpkg d = {v, v, v, NULL, NULL, v + strlen(v)};
    const char *colon = strchr(v, ':'), *dash = strrchr(v, '-');
    if (colon) {
        d.epoch_end = colon;
        d.upstream = colon + 1;
    }
    bool revised = dash && dash >= d.upstream;
    d.upstream_end = revised ? dash : d.end;
    d.revision = revised ? dash + 1 : d.end;
    return d;
}

int version_compare_dpkg(const char *a, const char *b)
{
    struct dpkg x = dpkg_split(a), y = dpkg_split(b);
    int c = version__digits(&x.epoch, x.epoch_end, &y.epoch, y.epoch_end);
    if (!c)
        c = dpkg_part(x.upstream, x.upstream_end, y.upstream, y.upstream_end);
    return c ? c : dpkg_part(x.revision, x.end, y.revision, y.end);
}
