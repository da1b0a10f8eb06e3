/* What nodes of YAML settle to is printed so that it reads as the same, and nothing is left to
 * settle then; what went through JSON stays, too. */
#include "fuzz.h"

#include "codec/yaml.h"

static void same_when_printed(struct arena *a, const struct value *v)
{
    struct value *again = NULL;
    struct err e;
    const char *text = yaml_text(a, v, YAML_FOLD);
    MUST(yaml_parse(a, text, strlen(text), YAML_NODES, &again, &e) == 0);
    MUST(yaml_settle(a, again, &e) == 0);
    MUST(value_equal(v, again));
    MUST(strcmp(text, yaml_text(a, again, YAML_FOLD)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct value **docs = NULL;
    size_t n = 0;
    struct err e;
    if (size > 65536 ||
        yaml_parse_all(a, (const char *)data, size, YAML_NODES | YAML_STRICT_KEYS, &docs, &n, &e))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (yaml_settle(a, docs[i], &e))
            continue;
        same_when_printed(a, docs[i]);
        if (yaml_through_json(a, docs[i], &e) == 0)
            same_when_printed(a, docs[i]);
    }
    return 0;
}
