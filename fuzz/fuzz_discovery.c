/* Property: a list of targets that is taken, from a file or a page, says only texts, and is the
 * same list when it is printed and read again; what is refused has a sentence. */
#include "fuzz.h"

#include "codec/json.h"
#include "monitor/discovery.h"

static void check_group(const struct value *g)
{
    VALUE_EACH_ITEM (t, value_get(g, "targets"))
        MUST(value_str(t, NULL));
    VALUE_EACH_MEMBER (m, value_get(g, "labels"))
        MUST(m->value.kind == VALUE_STRING || m->value.kind == VALUE_INT ||
             m->value.kind == VALUE_FLOAT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    const struct value *v, *again;
    struct err e = {0};
    if (size < 1 || size > 1 << 16)
        return 0;
    if (discovery_groups_read((const char *)data + 1, size - 1, *data == 'y', a, &v, &e) < 0) {
        MUST(e.code != 0 && e.msg[0]);
        return 0;
    }
    VALUE_EACH_ITEM (g, v)
        check_group(g);
    const char *text = json_text(a, v, 0);
    MUST(discovery_groups_read(text, strlen(text), false, a, &again, &e) == 0);
    MUST(value_equal(v, again));
    return 0;
}
