#include "cli/options.h"

#include <stdint.h>

#include "t.h"

static struct {
    bool flag;
    const char *text;
    long number;
    struct option_list list;
} got;

static const struct option table[] = {
    {"flag",       'f', OPTION_FLAG, &got.flag, NULL, "a flag"},
    {"text", 't', OPTION_TEXT, &got.text, "TEXT", "a text"},
    {"number",        0, OPTION_NUMBER, &got.number, "N", "a number"},
    {"list",            'l', OPTION_LIST, &got.list, "ITEM", "some"},
    {0        }
};

static void parses(void)
{
    static const struct {
        const char *name, *words[8], *want; /* flag text number list arguments */
        int rc;
    } cases[] = {
        {"nothing",         {NULL},                  "0 - 0 0 0",   0          },
        {"flag",            {"--flag"},              "1 - 0 0 0",   0          },
        {"flag with value", {"--flag=false"},        "0 - 0 0 0",   0          },
        {"text",            {"--text", "x"},         "0 x 0 0 0",   0          },
        {"text with =",     {"--text=a=b"},          "0 a=b 0 0 0", 0          },
        {"short",           {"-tx", "-f"},           "1 x 0 0 0",   0          },
        {"number",          {"--number", "-7"},      "0 - -7 0 0",  0          },
        {"list",            {"-l", "a", "--list=b"}, "0 - 0 2 0",   0          },
        {"arguments",       {"a", "-f", "b"},        "1 - 0 0 2",   0          },
        {"after --",        {"--", "-f", "--flag"},  "0 - 0 0 2",   0          },
        {"a dash alone",    {"-"},                   "0 - 0 0 1",   0          },
        {"unknown",         {"--nope"},              "",            ERR_INVALID},
        {"unknown letter",  {"-x"},                  "",            ERR_INVALID},
        {"value missing",   {"--text"},              "",            ERR_INVALID},
        {"no number",       {"--number", "7x"},      "",            ERR_INVALID},
        {"flag with text",  {"--flag=maybe"},        "",            ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        memset(&got, 0, sizeof got);
        int argc = 0;
        while (cases[i].words[argc])
            argc++;
        struct arguments args;
        struct err e;
        int rc = options_parse(table, argc, (char **)(uintptr_t)cases[i].words, a, &args, &e);
        T_EQ_INT(rc, cases[i].rc, cases[i].name);
        if (rc == 0)
            T_EQ_STR(arena_printf(a, "%d %s %ld %zu %zu", got.flag, got.text ? got.text : "-",
                                  got.number, got.list.n, args.n),
                     cases[i].want, cases[i].name);
    }
}

T_MAIN(parses)
