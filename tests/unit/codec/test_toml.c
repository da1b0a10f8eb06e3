#include "codec/toml.h"

#include "codec/json.h"
#include "t.h"

/* Each text as JSON, or the line that is refused. */
static void parses(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"",                                          "{}"                                        },
        {"a = 1 # one\nb = \"x\"\r\n",                "{\"a\":1,\"b\":\"x\"}"                     },
        {"a.b.c = true\na.b.d = false",               "{\"a\":{\"b\":{\"c\":true,\"d\":false}}}"  },
        {"[a]\nx=1\n[a.b]\ny=2",                      "{\"a\":{\"x\":1,\"b\":{\"y\":2}}}"         },
        {"[[p]]\nn='a'\n[p.q]\nz=1\n[[p]]\nn='b'",
         "{\"p\":[{\"n\":\"a\",\"q\":{\"z\":1}},{\"n\":\"b\"}]}"                                  },
        {"a = [1, 2,\n # two\n 3,\n]",                "{\"a\":[1,2,3]}"                           },
        {"a = {b = 1, c.d = 'x'}",                    "{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}}}"     },
        {"a = \"\\u00e9\\t\\\\\"",                    "{\"a\":\"\xc3\xa9\\t\\\\\"}"               },
        {"a = '\\n'",                                 "{\"a\":\"\\\\n\"}"                         },
        {"a = \"\"\"\nx\\\n   y\"\"\"\"",             "{\"a\":\"xy\\\"\"}"                        },
        {"a = '''x\ny'''",                            "{\"a\":\"x\\ny\"}"                         },
        {"a = 0x1F\nb = 1_000\nc = -1.5e3\nd = 0o17", "{\"a\":31,\"b\":1000,\"c\":-1500,\"d\":15}"},
        {"a = 1979-05-27 07:32:00Z",                  "{\"a\":\"1979-05-27 07:32:00Z\"}"          },
        {"\"a b\".'c' = 1979-05-27",                  "{\"a b\":{\"c\":\"1979-05-27\"}}"          },
        {"a = 1\na = 2",                              "line 2"                                    },
        {"[a]\n[a]",                                  "line 2"                                    },
        {"a = {}\n[a.b]",                             "line 2"                                    },
        {"a = []\n[[a]]",                             "line 2"                                    },
        {"[a]\nb.c = 1\n[a.b]",                       "line 3"                                    },
        {"a = 01",                                    "line 1"                                    },
        {"a = 1__0",                                  "line 1"                                    },
        {"a = \"x\ny\"",                              "line 1"                                    },
        {"a = \"\\x\"",                               "line 1"                                    },
        {"a = [1",                                    "line 1"                                    },
        {"a = 1 b = 2",                               "line 1"                                    },
        {"= 1",                                       "line 1"                                    },
        {"a = 9223372036854775808",                   "line 1"                                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *v;
        struct err e = {0};
        int r = toml_parse(a, cases[i].text, strlen(cases[i].text), &v, &e);
        const char *got = r == 0 ? json_text(a, v, 0) : arena_strndup(a, e.msg, strlen("line 1"));
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
}

static void limits(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct value *v;
    buf_init(&b, 1 << 20);
    buf_puts(&b, "a = ");
    for (int i = 0; i < 1000; i++)
        buf_putc(&b, '[');
    T_EQ_INT(toml_parse(a, b.data, b.len, &v, NULL), ERR_TOO_LARGE, "deep");
    buf_clear(&b);
    for (int i = 0; i <= TOML_KEYS_MAX; i++)
        buf_printf(&b, "k%d = 1\n", i);
    T_EQ_INT(toml_parse(a, b.data, b.len, &v, NULL), ERR_TOO_LARGE, "many keys");
}

T_MAIN(parses, limits)
