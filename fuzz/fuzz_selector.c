#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "fuzz.h"

/* Property: a selector that parses prints to text that parses and prints to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct selector s, again;
    if (size > 4096 || memchr(data, 0, size))
        return 0;
    const char *in = arena_strndup(a, (const char *)data, size);
    (void)!selector_parse_fields(in, a, &s, NULL);
    if (selector_parse(in, a, &s, NULL) < 0)
        return 0;
    const char *text = selector_text(&s, a);
    MUST(selector_parse(text, a, &again, NULL) == 0);
    MUST(strcmp(selector_text(&again, a), text) == 0);
    return 0;
}
