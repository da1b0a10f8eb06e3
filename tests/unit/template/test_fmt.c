#include "render.h"

static void verbs(void)
{
    static const struct render_case cases[] = {
        {"{{ printf \"%%v\" }}",                                                         "%v"},
        {"{{ printf \"%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%q|%U\" 42 42 42 42 42 42 42 42 5 65 65 "
         "65 }}",                                                                               "42|   42|42   |00042|+42|2a|2A|52|101|A|'A'|U+0041"},
        {"{{ printf \"%f|%.2f|%8.3f|%e|%g|%G\" 1.5 2.675 3.14159 12345.678 1e21 1e-7 }}",
         "1.500000|2.67|   3.142|1.234568e+04|1e+21|1E-07"},
        {"{{ printf \"%s|%10s|%-10s|%q|%x|%.2s\" \"abc\" \"abc\" \"abc\" \"a\\\"b\" \"abc\" "
         "\"abc\" }}",                                                                              "abc|       abc|abc       |\"a\\\"b\"|616263|ab"                                                          },
        {"{{ printf \"%t|%v|%T\" true nil 1.0 }}","true|<nil>|float64"},
        {"{{ printf \"%d %s\" \"x\" 1 }}",                                                                                                          "%!d(string=x) %!s(int=1)"                                                                                                                                                                                                                   },
        {"{{ printf \"%d\" }}{{ printf \"x\" 1 nil }}","%!d(MISSING)x%!(EXTRA int=1, <nil>)"},
        {"{{ printf \"%[2]v %[1]v\" 1 2 }}{{ printf \"%*d\" 5 42 }}{{ printf \"%!\" }}{{ printf "
         "\"%\" }}",                                                                                               "2 1   42%!!(MISSING)%!(NOVERB)"                                                                                                                                                                                                                                                                                                                                                                       },
        {"{{ printf \"%#v %#x %+v\" (dict \"a\" (list 1 \"x\" nil)) \"hi\" (list 1) }}",
         "map[string]interface {}{\"a\":[]interface {}{1, \"x\", interface {}(nil)}} 0x6869 [1]"},
        {"{{ printf \"%v %d\" (list 1 (list 2) nil \"x\") (list 1 \"a\") }}",
         "[1 [2] <nil> x] [1 %!d(string=a)]"},
        {"{{ printf \"%6.2f%%|%+.1e|% d\" 12.345 12345.678 7 }}",            " 12.35%|+1.2e+04| 7"},
        {"{{ printf \"%08.3f|%x|%v\" 3.14159 255.0 1i }}",                        "0003.142|0x1.fep+07|(0+1i)"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void values(void)
{
    static const struct render_case cases[] = {
        {"{{ .Values.n }} {{ .Values.f }} {{ .Values.big }} {{ 1e6 }} {{ 1e21 }} {{ 0.000001 }} {{ "
         "100000 }}",                                                            "42 1.5 1.234567e+06 1e+06 1e+21 1e-06 100000"},
        { "{{ .Values.map }} {{ .Values.list }} {{ list 1 nil }}",
         "map[a:map[x:y] b:2] [a b c] [1 <nil>]"},
        { "{{ print 1 2 \"a\" \"b\" 3 nil }}|{{ println \"a\" 1 }}",           "1 2ab3 <nil>|a 1\n"},
        { "{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 'a' }} {{ 017 }}", "31 5 15 1000 97 15"},
        { "{{ toString 1.0 }}{{ toString .Values.big }}{{ int .Values.big }}",
         "11.234567e+061234567"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

T_MAIN(verbs, values)
