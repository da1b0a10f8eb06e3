#include "logdb/logdb_int.h"
#include "t.h"

static void finds(void)
{
    static const struct {
        const char *expression, *want;
    } cases[] = {
        {"plain",                    "plain"     },
        {"customer 4[0-9]*7: (a|b)", "customer 4"},
        {"a\\.b\\.c",                "a.b.c"     },
        {"colou?r",                  "colo"      },
        {"ab+c",                     "ab"        },
        {"ab+?cde",                  "cde"       },
        {"abc{2,3}def",              "def"       },
        {"^GET /x$",                 "GET /x"    },
        {"(foo|bar)baz",             "baz"       },
        {"(?:a(b[)]c)?)late",        "late"      },
        {"\\d+ms and",               "ms and"    },
        {"[]x]tail",                 "tail"      },
        {"[^]x]tail",                "tail"      },
        {"one|another",              ""          },
        {"(?i)fold",                 ""          },
        {"x(?i)fold",                ""          },
        {"(a(?i)b)fold",             ""          },
        {"\\x41bcd",                 ""          },
        {"\\Qa*b\\E",                ""          },
        {"(?=ahead)x",               ""          },
        {"[[:alpha:]]xyz",           ""          },
        {"a{b",                      ""          },
        {"",                         ""          },
        {"a*",                       ""          },
        {"ends\\",                   ""          },
        {"(open",                    ""          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *text;
        size_t n = literal_of(cases[i].expression, a, &text);
        T_EQ_STR(arena_strndup(a, text, n), cases[i].want, cases[i].expression);
    }
}

T_MAIN(finds)
