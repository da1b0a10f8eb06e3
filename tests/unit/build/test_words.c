#include "base/own.h"
#include "build/words.h"
#include "t.h"

static const char *get(void *arg, const char *name)
{
    (void)arg;
    static const struct {
        const char *name, *value;
    } set[] = {
        {"A",     "apple"                     },
        {"EMPTY", ""                          },
        {"P",     "/usr/local/bin/tool.tar.gz"},
        {"Q",     "a b"                       },
        {"_x1",   "u"                         },
    };
    for (size_t i = 0; i < ARRAY_LEN(set); i++) {
        if (strcmp(set[i].name, name) == 0)
            return set[i].value;
    }
    return NULL;
}

static void expands(void)
{
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"plain",                  "plain"                     },
        {"$A",                     "apple"                     },
        {"${A}s",                  "apples"                    },
        {"$As",                    ""                          },
        {"$A/$_x1",                "apple/u"                   },
        {"'$A'",                   "$A"                        },
        {"\"$A pie\"",             "apple pie"                 },
        {"\\$A",                   "$A"                        },
        {"\"\\$A \\\" \\\\ \\n\"", "$A \" \\ \\n"              },
        {"a\\ b",                  "a b"                       },
        {"${NO:-dflt}",            "dflt"                      },
        {"${NO-dflt}",             "dflt"                      },
        {"${EMPTY:-dflt}",         "dflt"                      },
        {"${EMPTY-dflt}",          ""                          },
        {"${A:+yes}",              "yes"                       },
        {"${NO:+yes}",             ""                          },
        {"${EMPTY:+yes}",          ""                          },
        {"${EMPTY+yes}",           "yes"                       },
        {"${NO:-$A}",              "apple"                     },
        {"${NO:-${EMPTY:-x}y}",    "xy"                        },
        {"${A:?never}",            "apple"                     },
        {"${P#*/}",                "usr/local/bin/tool.tar.gz" },
        {"${P##*/}",               "tool.tar.gz"               },
        {"${P%.*}",                "/usr/local/bin/tool.tar"   },
        {"${P%%.*}",               "/usr/local/bin/tool"       },
        {"${P/local/share}",       "/usr/share/bin/tool.tar.gz"},
        {"${A/p/b}",               "abple"                     },
        {"${A//p/b}",              "abble"                     },
        {"${A//p}",                "ale"                       },
        {"$",                      "$"                         },
        {"a$",                     "a$"                        },
        {"$-",                     ""                          },
        {"100%",                   "100%"                      },
        {"\"a'b\"'c\"d'",          "a'bc\"d"                   },
    };
    const struct variables v = {get, NULL, '\\'};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        const char *out = NULL;
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        T_RC(words_expand(&v, cases[i].word, a, &out, &e), &e, cases[i].word);
        T_EQ_STR(out, cases[i].want, cases[i].word);
    }
}

static void refuses(void)
{
    static const char *const bad[] = {
        "${A", "${}", "'open", "\"open", "${A:x}", "${NO:?is missing}", "${A:-${B}"};
    const struct variables v = {get, NULL, '\\'};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *out;
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        T_EQ_INT(words_expand(&v, bad[i], a, &out, NULL), ERR_INVALID, bad[i]);
    }
}

static void keeps_quotes_of_text(void)
{
    const struct variables v = {get, NULL, '\\'};
    const char *out = NULL;
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    T_RC(words_expand_text(&v, "say \"$A\" '$Q' \\$A\n", a, &out, &e), &e, "text");
    T_EQ_STR(out, "say \"apple\" 'a b' $A\n", "text");
}

T_MAIN(expands, refuses, keeps_quotes_of_text)
