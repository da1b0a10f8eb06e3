/* Input: a document, 0xff, a patch. Patching leaves the document as it was, and the merge patch
 * between two documents makes one of the other. */
#include "fuzz.h"

#include "codec/json.h"
#include "codec/patch.h"

/* A merge patch cannot put null into an object. */
static bool has_null_member(const struct value *v)
{
    VALUE_EACH_MEMBER (m, v) {
        if (m->value.kind == VALUE_NULL || has_null_member(&m->value))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t n = fuzz_split(data, size);
    struct value *doc = NULL, *patch = NULL, *out = NULL;
    struct err e;
    if (n == size || json_parse(a, (const char *)data, n, JSON_SHALLOW, &doc, &e) ||
        json_parse(a, (const char *)data + n + 1, size - n - 1, JSON_SHALLOW, &patch, &e))
        return 0;
    const char *before = json_text(a, doc, 0);
    if (patch_json(a, doc, patch, &out, &e) == 0)
        MUST(value_equal(out, value_copy(a, out)));
    const struct value *diff = patch_merge_diff(a, doc, patch);
    const struct value *merged = patch_merge(a, doc, diff);
    MUST(has_null_member(patch) || value_equal(merged, patch));
    (void)patch_merge(a, doc, patch);
    MUST(strcmp(before, json_text(a, doc, 0)) == 0);
    return 0;
}
