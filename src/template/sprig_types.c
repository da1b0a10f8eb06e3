#include "template/sprig_int.h"

#include "base/banned.h"

GO_FN(default_of)
{
    *out = n > 1 && go_truth(&args[1]) ? args[1] : args[0];
    return 0;
}

GO_FN(empty)
{
    *out = go_bool(!go_truth(&args[0]));
    return 0;
}

GO_FN(coalesce)
{
    *out = go_nil();
    for (size_t i = 0; i < n; i++)
        if (go_truth(&args[i])) {
            *out = args[i];
            break;
        }
    return 0;
}

GO_FN(all)
{
    *out = go_bool(true);
    for (size_t i = 0; i < n && out->b; i++)
        out->b = go_truth(&args[i]);
    return 0;
}

GO_FN(any)
{
    *out = go_bool(false);
    for (size_t i = 0; i < n && !out->b; i++)
        out->b = go_truth(&args[i]);
    return 0;
}

GO_FN(ternary)
{
    *out = args[args[2].b ? 0 : 1];
    return 0;
}

static const char *kind_name(const struct go_value *v)
{
    return go_kind_name(go_kind_of(v) == GO_INTERFACE ? GO_INVALID : go_kind_of(v));
}

static bool is_text(const struct go_value *s, const char *text)
{
    return s->n == strlen(text) && memcmp(s->s, text, s->n) == 0;
}

GO_FN(kind_of)
{
    *out = go_str(kind_name(&args[0]));
    return 0;
}

GO_FN(kind_is)
{
    *out = go_bool(is_text(&args[0], kind_name(&args[1])));
    return 0;
}

GO_FN(type_of)
{
    *out = go_str(go_type_name(&args[0]));
    return 0;
}

GO_FN(type_is)
{
    *out = go_bool(is_text(&args[0], go_type_name(&args[1])));
    return 0;
}

GO_FN(type_is_like)
{
    const char *name = go_type_name(&args[1]);
    *out = go_bool(is_text(&args[0], name) || (*name == '*' && is_text(&args[0], name + 1)));
    return 0;
}

GO_FN(deep_equal)
{
    *out = go_bool(go_deep_equal(&args[0], &args[1]));
    return 0;
}

GO_FN(hello)
{
    *out = go_str("Hello!");
    return 0;
}

const struct go_func type_functions[] = {
    {"all",        "a...",    all         },
    {"any",        "a...",    any         },
    {"coalesce",   "a...>a",  coalesce    },
    {"deepEqual",  "AA",      deep_equal  },
    {"default",    "aa...>a", default_of  },
    {"empty",      "a",       empty       },
    {"hello",      "",        hello       },
    {"kindIs",     "sa",      kind_is     },
    {"kindOf",     "a",       kind_of     },
    {"ternary",    "aab>a",   ternary     },
    {"typeIs",     "sa",      type_is     },
    {"typeIsLike", "sa",      type_is_like},
    {"typeOf",     "a",       type_of     },
    {NULL,         NULL,      NULL        },
};
