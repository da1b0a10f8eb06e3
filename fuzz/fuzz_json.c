/* What parses prints to a text that parses to the same value and prints the same again. */
#include "fuzz.h"

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned flags[] = {0, JSON_SORTED, JSON_PRETTY | JSON_NO_HTML};
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL, *again = NULL;
    struct err e;
    if (json_parse(a, (const char *)data, size, 0, &v, &e))
        return 0;
    MUST(value_equal(v, value_copy(a, v)));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const char *text = json_text(a, v, flags[i]);
        MUST(json_parse(a, text, strlen(text), JSON_STRICT_KEYS, &again, &e) == 0);
        MUST(value_equal(v, again));
        MUST(strcmp(text, json_text(a, again, flags[i])) == 0);
    }
    return 0;
}
