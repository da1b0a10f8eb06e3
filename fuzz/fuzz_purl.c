#include "base/own.h"
#include "fuzz.h"
#include "scan/purl.h"

/* Property: what is printed of a package URL that parses is canonical: it parses, and prints to
 * the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct purl p, again;
    char *text = arena_strndup(a, (const char *)data, size);
    if (size > 2048 || purl_parse(text, a, &p, NULL) < 0)
        return 0;
    char *printed = purl_print(&p, a);
    struct err e = {0};
    int r = purl_parse(printed, a, &again, &e);
    MUST(r == ERR_INVALID ? strlen(printed) > PURL_TEXT_MAX : r == 0);
    MUST(r < 0 || strcmp(purl_print(&again, a), printed) == 0);
    return 0;
}
