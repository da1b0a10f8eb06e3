/* A text of YAML in which the server's host becomes another, as Kustomize prints it. */
#include "t.h"
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

#define HOST "server:\n  host: old\n"
#define NEW  "server:\n  host: new"

static void keeps_what_is_beside(void)
{
    static const char *const cases[][2] = {
        {HOST,                                             NEW                                      },
        {"# lead\n\n# second\n" HOST,                      "# lead\n\n# second\n" NEW               },
        {"server:\n    host: old   # keep\n",              "server:\n  host: new # keep"            },
        {"server:\n  host: 'old'\n  n: \"q\"   \n",        "server:\n  host: 'new'\n  n: \"q\""     },
        {HOST "  p: [80,443 ] # c\n",                      NEW "\n  p: [80, 443] # c"               },
        {HOST "  n: { a: [1,2] }\n  m: {}\n",              NEW "\n  n: {a: [1, 2]}\n  m: {}"        },
        {HOST "other:\n  - 1\n  -   b: 'x'\n      c: 1\n", NEW "\nother:\n- 1\n- b: 'x'\n  c: 1"    },
        {HOST "  t: |\n      x\n\n        y\nlast: ~\n",   NEW "\n  t: |\n    x\n\n      y\nlast: ~"},
        {HOST "\n# foot\nother: 1\n",                      NEW "\n# foot\nother: 1"                 },
        {HOST "\n# end\n",                                 NEW "\n\n# end"                          },
        {HOST "  # after\nx: 1 # y\n",                     NEW "\n  # after\nx: 1 # y"              },
        {"a: 1\n# foot of a\n\n" HOST,                     "a: 1\n# foot of a\n\n" NEW              },
        {"s:\n  a: 1\n  # foot of a\n\n" HOST,             "s:\n  a: 1\n  # foot of a\n" NEW        },
        {"a:\n- - 1\n  - 2 # z\n" HOST,                    "a:\n- - 1\n  - 2 # z\n" NEW             },
 /* what is left to others */
        {"x: &a 1\n" HOST "y: *a\n",                       NULL                                     },
        {HOST "  long: some text\n    goes on\n",          NULL                                     },
        {HOST "  t: >\n    a\n",                           NULL                                     },
        {HOST "  t: \"a\\x41\"\n",                         NULL                                     },
        {"---\n" HOST,                                     NULL                                     },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct value *doc;
        struct err e = {0};
        size_t n = strlen(cases[i][0]);
        T_RC(yaml_parse(a, cases[i][0], n, YAML_NODES, &doc, &e), &e, cases[i][0]);
        struct value *host = value_get_mut(value_get_mut(doc, "server"), "host");
        host->text = "new";
        host->n = 3;
        const char *got = kust_rewritten(a, cases[i][0], n, doc);
        T_EQ_STR(got ? got : "nothing", cases[i][1] ? cases[i][1] : "nothing", cases[i][0]);
    }
}

T_MAIN(keeps_what_is_beside)
