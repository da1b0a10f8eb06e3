/* Property: what an index lists is found again by its exact version, newest first, and the index as
 * it is written lists the same versions. */
#include "charts/index.h"

#include <string.h>

#include "base/own.h"
#include "codec/semver.h"
#include "fuzz.h"

enum { TEXT_MAX = 1 << 16 };

static void check_order(const struct charts_entry *all, size_t n, struct arena *a)
{
    for (size_t i = 0; i + 1 < n; i++) {
        struct semver x, y;
        MUST(semver_parse(a, all[i].version, &x, NULL) == 0);
        MUST(semver_parse(a, all[i + 1].version, &y, NULL) == 0);
        MUST(semver_cmp(&x, &y) >= 0);
    }
}

static void check_chart(const struct charts_index *ix, const struct charts_index *again,
                        const char *name, struct arena *a)
{
    struct charts_entry *all, *same, one;
    size_t n, m;
    if (charts_index_versions(ix, name, a, &all, &n, NULL) < 0)
        return;
    check_order(all, n, a);
    for (size_t i = 0; i < n; i++) {
        if (charts_index_get(ix, name, all[i].version, a, &one, NULL) == 0)
            MUST(strcmp(one.version, all[i].version) == 0);
    }
    MUST(charts_index_versions(again, name, a, &same, &m, NULL) == 0 && m == n);
    for (size_t i = 0; i < n; i++)
        MUST(strcmp(same[i].version, all[i].version) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct charts_index ix, again;
    if (size > TEXT_MAX || charts_index_parse((const char *)data, size, "fuzz", a, &ix, NULL) < 0)
        return 0;
    const char *text = charts_index_text(&ix, false, a);
    if (charts_index_parse(text, strlen(text), "again", a, &again, NULL) < 0)
        return 0;
    VALUE_EACH_MEMBER (m, value_get(ix.doc, "entries"))
        check_chart(&ix, &again, m->key, a);
    return 0;
}
