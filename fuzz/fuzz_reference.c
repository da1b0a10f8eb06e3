/* Property: a reference that parses prints to one that parses to itself. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "fuzz.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reference r, again;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    if (size > 2000 || reference_parse(arena_strndup(a, (const char *)data, size), a, &r, NULL) < 0)
        return 0;
    const char *text = reference_print(&r, a);
    if (reference_parse(text, a, &again, NULL) < 0 || strcmp(reference_print(&again, a), text) != 0)
        abort();
    if (reference_parse(reference_familiar(&r, a), a, &again, NULL) < 0 ||
        strcmp(reference_print(&again, a), text) != 0)
        abort();
    return 0;
}
