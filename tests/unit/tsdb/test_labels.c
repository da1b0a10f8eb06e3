#include "tsdb/labels.h"

#include "t.h"

static void sorts_and_prints(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const struct label some[] = {
        {"job",      "x"   },
        {"__name__", "up"  },
        {"empty",    ""    },
        {"code",     "a\"b"},
        {"job",      "y"   }
    };
    struct labels l = labels_make(a, some, ARRAY_LEN(some));
    T_EQ_STR(labels_text(&l, a), "up{code=\"a\\\"b\", job=\"y\"}", "text");
    T_EQ_STR(labels_get(&l, "job"), "y", "the last one counts");
    T_EQ_STR(labels_get(&l, "empty"), "", "empty is absent");
    struct labels none = labels_make(a, NULL, 0);
    T_EQ_STR(labels_text(&none, a), "{}", "no labels");
    T_OK(labels_compare(&none, &l) < 0 && labels_compare(&l, &l) == 0, "order");
    struct labels copy = labels_copy(a, &l);
    T_OK(labels_hash(&l) == labels_hash(&copy), "hash");
}

T_MAIN(sorts_and_prints)
