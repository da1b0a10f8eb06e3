/* Input: a condition, 0xff, a JSON text. It is evaluated or refused within its limits, twice the
 * same. */
#include "fuzz.h"

#include "codec/json.h"
#include "ctl/analysis/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *first = NULL, *second = NULL;
    struct value *result = NULL;
    struct err e;
    if (!cut || size > 8192)
        return 0;
    const char *condition = arena_strndup(a, (const char *)data, (size_t)(cut - data));
    if (json_parse(a, (const char *)cut + 1, size - (size_t)(cut + 1 - data), 0, &result, &e) < 0)
        return 0;
    int rc = expr_eval(a, condition, result, &first, &e);
    MUST(expr_eval(a, condition, result, &second, &e) == rc);
    MUST(rc || first->kind == second->kind);
    return 0;
}
