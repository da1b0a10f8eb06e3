/* when.c - evaluating `when`. */
#include "ctl/tekton/when.h"

#include <string.h>

#include "codec/cel.h"

static int cel_allows(const char *text, struct arena *a, bool *out, struct err *e)
{
    struct cel_program *program;
    const struct cel_env env = {0};
    int r = cel_compile(a, text, strlen(text), &program, e);
    if (r == 0)
        r = cel_eval_bool(a, program, &env, out, e);
    return r < 0 ? err_wrap(e, r, "cel \"%s\"", text) : 0;
}

static int one_allows(const struct value *w, struct arena *a, bool *out, struct err *e)
{
    const char *cel = value_at_str(w, "cel", "");
    if (*cel)
        return cel_allows(cel, a, out, e);
    const char *input = value_at_str(w, "input", ""), *op = value_at_str(w, "operator", "");
    bool found = false, in = strcmp(op, "in") == 0;
    if (!in && strcmp(op, "notin") != 0)
        return err_set(e, ERR_INVALID, "when: operator \"%s\" is not in or notin", op);
    VALUE_EACH_ITEM (v, value_get(w, "values"))
        found = found || strcmp(value_str(v, ""), input) == 0;
    *out = found == in;
    return 0;
}

int when_allows(const struct value *list, struct arena *a, bool *out, struct err *e)
{
    bool all = true;
    VALUE_EACH_ITEM (w, list) {
        bool one;
        int r = one_allows(w, a, &one, e);
        if (r < 0)
            return r;
        all = all && one;
    }
    *out = all;
    return 0;
}
