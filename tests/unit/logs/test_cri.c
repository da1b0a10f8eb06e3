#include "logs/cri.h"

#include "base/own.h"
#include "t.h"

static void parses(void)
{
    static const struct {
        const char *line, *text;
        bool ok, is_err, partial;
    } cases[] = {
        {"2026-11-23T06:32:19.123456789Z stdout F hello world", "hello world", true,  false, false},
        {"2026-11-23T06:32:19Z stderr P half",                  "half",        true,  true,  true },
        {"2026-11-23T06:32:19Z stdout F ",                      "",            true,  false, false},
        {"2026-11-23T06:32:19Z stdout F",                       "",            true,  false, false},
        {"2026-11-23T06:32:19Z stdlog F x",                     NULL,          false, false, false},
        {"2026-11-23T06:32:19Z stdout X x",                     NULL,          false, false, false},
        {"yesterday stdout F x",                                NULL,          false, false, false},
        {"",                                                    NULL,          false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cri_line l = {0};
        T_EQ_INT(cri_parse(cases[i].line, strlen(cases[i].line), &l), cases[i].ok, cases[i].line);
        if (!cases[i].ok)
            continue;
        T_OK(l.n == strlen(cases[i].text) && memcmp(l.text, cases[i].text, l.n) == 0,
             cases[i].line);
        T_EQ_INT(l.stderr_stream, cases[i].is_err, cases[i].line);
        T_EQ_INT(l.partial, cases[i].partial, cases[i].line);
    }
}

T_MAIN(parses)
