/* What is read from protobuf is a document: it prints as JSON that reads as the same value. */
#include "fuzz.h"

#include "apiserver/protobuf.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL, *again = NULL;
    struct err e;
    if (protobuf_parse(a, data, size, &v, &e) < 0)
        return 0;
    const char *text = json_text(a, v, 0);
    MUST(json_parse(a, text, strlen(text), 0, &again, &e) == 0);
    MUST(strcmp(text, json_text(a, again, 0)) == 0);
    return 0;
}
