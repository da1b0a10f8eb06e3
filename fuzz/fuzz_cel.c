/* Any text compiles or is refused, and gives the same result every time within its limits. */
#include "fuzz.h"

#include "codec/cel.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char body[] = "{\"a\":[1,2.5,\"x\",{\"b\":null}],\"s\":\"text\",\"t\":true}";
    AUTO(arena) struct arena *a = arena_new(0);
    struct cel_program *p = NULL;
    struct value *v = NULL, *first = NULL, *second = NULL;
    struct err e;
    MUST(json_parse(a, body, sizeof body - 1, 0, &v, &e) == 0);
    const struct cel_var vars[] = {
        {"x", v}
    };
    const struct cel_env env = {.vars = vars, .n_vars = 1, .cost_max = 20000};
    if (cel_compile(a, (const char *)data, size, &p, &e))
        return 0;
    int rc = cel_eval(a, p, &env, &first, &e);
    MUST(cel_eval(a, p, &env, &second, &e) == rc);
    MUST(rc || value_equal(first, second));
    return 0;
}
