/* Any page is read or refused with its line; what is read is the same again, and a page without its
 * end is always refused. */
#include "fuzz.h"

#include <string.h>

#include "monitor/openmetrics.h"

struct seen {
    size_t n;
    uint64_t hash;
};

static void keep(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    struct seen *s = arg;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    s->n++;
    s->hash = s->hash * 31 + labels_hash(l) + bits + (uint64_t)t_ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen first = {0}, second = {0}, cut = {0};
    struct err e = {0};
    const char *text = (const char *)data;
    int r = openmetrics_parse(text, size, keep, &first, &e);
    MUST(r == 0 || e.msg[0]);
    MUST(openmetrics_parse(text, size, keep, &second, &e) == r);
    MUST(first.n == second.n && first.hash == second.hash);
    MUST(r || openmetrics_parse(text, size > 6 ? size - 6 : 0, keep, &cut, &e) < 0);
    return 0;
}
