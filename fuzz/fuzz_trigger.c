/* Property: every expression found in a binding's value stands in it, and what an event gives for
 * it may be put between quotes in JSON. */
#include "codec/json.h"
#include "ctl/tekton/event.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char body[] = "{\"a\":[1,\"two\\n\",{\"b\":null}],\"c\":{\"d\":\"e\\\"\"}}";
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct err e;
    if (size > 2048 || memchr(data, 0, size))
        return 0;
    char *text = arena_strndup(a, (const char *)data, size);
    struct event ev = {.header = value_new_object(a),
                       .text = body,
                       .id = "id",
                       .url = "",
                       .extensions = value_new_object(a)};
    if (event_parse(&ev, a, &e) < 0)
        abort();
    struct value *canonical = value_new_array(a), *original = value_new_array(a), *v;
    event_expressions(text, a, canonical, original);
    for (size_t i = 0; i < value_count(canonical); i++) {
        const char *got;
        if (!strstr(text, value_item(original, i)->text))
            abort();
        if (event_lookup(&ev, value_item(canonical, i)->text, a, &got, &e) < 0)
            continue;
        const char *quoted = arena_printf(a, "\"%s\"", got);
        bool tree = *got == '{' || *got == '[';
        if (json_parse(a, tree ? got : quoted, strlen(tree ? got : quoted), 0, &v, &e) < 0)
            abort();
    }
    return 0;
}
