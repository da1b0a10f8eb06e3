#include <stdlib.h>
#include <string.h>

#include "api/kind.h"
#include "api/strategic.h"
#include "codec/json.h"
#include "fuzz.h"

/* Property: the difference between two Pods that have what their lists are merged by, applied to
 * the first, gives the second in all that is not a list. Input: two JSON documents, a line each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 26);
    const char *text = (const char *)data, *line = memchr(data, '\n', size);
    struct value *from, *to, *patch, *out;
    struct kind k = kind_builtin(&RES_POD);
    if (!line || size > 1 << 16)
        return 0;
    size_t n = (size_t)(line - text);
    if (json_parse(a, text, n, 0, &from, NULL) < 0 ||
        json_parse(a, line + 1, size - n - 1, 0, &to, NULL) < 0 || from->kind != VALUE_OBJECT ||
        to->kind != VALUE_OBJECT)
        return 0;
    if (strategic_diff(a, k.schema, from, to, &patch, NULL) < 0 ||
        strategic_apply(a, k.schema, from, patch, &out, NULL) < 0)
        return 0;
    VALUE_EACH_MEMBER (m, to)
        MUST(m->value.kind == VALUE_NULL || m->key[0] == '$' || value_get(out, m->key));
    return 0;
}
