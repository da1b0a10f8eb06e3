#include "base/own.h"
#include "codec/json.h"
#include "fuzz.h"
#include "scan/report.h"

/* Property: a bill of material that is read is written, in both formats, as one that is read; and
 * the same bytes as statements of other tools either are refused or name something. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct sbom_about about = {"fuzz", "0", false, 0};
    struct inventory inv, again;
    struct scan_policy policy = {0};
    struct err e = {0};
    const char *text = arena_strndup(a, (const char *)data, size);
    if (size > 1 << 16)
        return 0;
    if (scan_policy_add(&policy, text, size, a, NULL) == 0)
        for (size_t i = 0; i < policy.n_ignores; i++)
            MUST(policy.ignores[i].id && policy.ignores[i].reason);
    if (sbom_read(text, size, a, &inv, NULL) < 0)
        return 0;
    const char *written = json_text(a, sbom_cyclonedx(&inv, &about, NULL, a), 0);
    MUST(sbom_read(written, strlen(written), a, &again, &e) == 0 && again.n <= inv.n);
    written = json_text(a, sbom_spdx(&inv, &about, a), 0);
    MUST(sbom_read(written, strlen(written), a, &again, &e) == 0 && again.n <= inv.n);
    return 0;
}
