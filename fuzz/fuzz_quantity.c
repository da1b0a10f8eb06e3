#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "fuzz.h"

/* Property: whatever parses prints to something that parses to the same value, and that text is
 * canonical: printing it again changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char in[256], text[QUANTITY_TEXT_MAX], again[QUANTITY_TEXT_MAX];
    struct quantity q, r;
    if (size >= sizeof in || memchr(data, 0, size))
        return 0;
    memcpy(in, data, size);
    in[size] = '\0';
    if (quantity_parse(in, &q, NULL) < 0)
        return 0;
    quantity_print(&q, text);
    MUST(quantity_parse(text, &r, NULL) == 0);
    MUST(quantity_cmp(&q, &r) == 0);
    quantity_print(&r, again);
    MUST(strcmp(text, again) == 0);
    return 0;
}
