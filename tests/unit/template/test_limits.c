/* What templates may cost: every bomb ends in words that name its place. */
#include "render.h"

/* Ten of it, twelve times over: a million million parts in a few hundred bytes. */
#define LISTS                                                                                      \
    "{{ $d := list 1 }}{{ range until 12 }}{{ $d = list $d $d $d $d $d $d $d $d $d $d }}{{ end }}"
#define MAPS                                                                                       \
    "{{ $d := dict }}{{ range until 12 }}{{ $d = dict \"a\" $d \"b\" $d \"c\" $d \"d\" $d \"e\" "  \
    "$d \"f\" $d \"g\" $d \"h\" $d \"i\" $d \"j\" $d }}{{ end }}"
#define PARTS "a value of more than 10000000 parts"

/* Each is alone in the template's second line. */
static void at_their_defaults(void)
{
    static const struct {
        const char *before, *bomb, *says;
    } cases[] = {
        {"",    "{{ repeat 2000000000 \"xxxxxxxxxx\" }}",                           "a text of more than 268435456 bytes"   },
        {"",    "{{ indent 2000000000 \"a\" }}",                                    "a text of more than 268435456 bytes"   },
        {"",    "{{ nindent 999999999 \"a\" }}",                                    "a text of more than 268435456 bytes"   },
        {"",    "{{ randAlphaNum 2000000000 }}",                                    "more than 400000000 steps"             },
        {"",    "{{ randBytes 2000000000 }}",                                       "more than 1073741824 bytes of memory"  },
        {"",    "{{ until 2000000000 }}",                                           "a list of more than 10000000 numbers"  },
        {"",    "{{ until 999999999999 }}",                                         "a list of more than 10000000 numbers"  },
        {"",    "{{ untilStep 0 2000000000 1 }}",                                   "a list of more than 10000000 numbers"  },
        {"",    "{{ seq 1 2000000000 }}",                                           "a list of more than 10000000 numbers"  },
        {"",    "{{ repeat 17000000 \"a\" | fromYaml }}",                           "a document of more than 16777216 bytes"},
        {"",    "{{ repeat 17000000 \"a\" | fromJsonArray }}",
         "a document of more than 16777216 bytes"                                                                           },
        {"",    "{{ repeat 17000000 \"a\" | fromToml }}",                           "a document of more than 16777216 bytes"},
        {"",    "{{ regexMatch \"^(a|a)*$\" (print (repeat 50000 \"a\") \"b\") }}",
         "regular expression: matching depth limit exceeded"                                                                },
        {"",    "{{ semverCompare (repeat 9999 \">1 || \") \"1.0.0\" }}",
         "constraint string is too long"                                                                                    },
        {LISTS, "{{ $d }}",                                                         PARTS                                   },
        {LISTS, "{{ print $d }}",                                                   PARTS                                   },
        {LISTS, "{{ printf \"%v\" $d }}",                                           PARTS                                   },
        {LISTS, "{{ toString $d }}",                                                PARTS                                   },
        {LISTS, "{{ quote $d }}",                                                   PARTS                                   },
        {LISTS, "{{ join \",\" $d }}",                                              PARTS                                   },
        {LISTS, "{{ toYaml $d }}",                                                  PARTS                                   },
        {LISTS, "{{ toJson $d }}",                                                  PARTS                                   },
        {LISTS, "{{ deepCopy $d }}",                                                PARTS                                   },
        {LISTS, "{{ deepEqual $d $d }}",                                            PARTS                                   },
        {LISTS, "{{ has $d (list 1) }}",                                            PARTS                                   },
        {LISTS, "{{ uniq $d }}",                                                    PARTS                                   },
        {MAPS,  "{{ $d }}",                                                         PARTS                                   },
        {MAPS,  "{{ toYaml $d }}",                                                  PARTS                                   },
        {MAPS,  "{{ toToml $d }}",                                                  PARTS                                   },
        {MAPS,  "{{ merge (dict) $d }}",                                            PARTS                                   },
        {MAPS,  "{{ mergeOverwrite (dict) $d }}",                                   PARTS                                   },
        {"",    "{{ tpl \"{{ tpl .t . }}\" (dict \"t\" \"{{ tpl .t . }}\") }}",
         "templates call one another too deeply (6291456 bytes of stack)"                                                   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *made =
            render_text(a, arena_printf(a, "%s\n%s", cases[i].before, cases[i].bomb), NULL);
        if (!strstr(made, cases[i].says) || !strstr(made, "snip/templates/snippet.txt:2:"))
            T_FAIL(cases[i].bomb, "got %.300s", made);
    }
}

/* Work that no node shows is counted, too. */
static void steps_of_functions(void)
{
    static const char *const cases[] = {
        "{{ range 99999999999 }}{{ end }}",
        "{{ $x := repeat 1000000 \"a\" }}{{ range 9999 }}{{ $y := contains \"b\" $x }}{{ end }}",
        "{{ $x := repeat 1000000 \"a\" }}{{ range 9999 }}{{ $y := sha256sum $x }}{{ end }}",
        "{{ $x := repeat 100000 \"a\" }}{{ range 9999 }}{{ $y := regexMatch \"b\" $x }}{{ end }}",
        "{{ $x := until 10000 }}{{ range 9999 }}{{ $y := has -1 $x }}{{ end }}",
        "{{ $x := repeat 100000 \"a\" }}{{ range 9999 }}{{ $y := shuffle $x }}{{ end }}",
        "{{ range 9999 }}{{ $y := htpasswd \"a\" \"b\" }}{{ end }}",
        "{{ range 9999 }}{{ $y := genPrivateKey \"ecdsa\" }}{{ end }}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct template_options options = {.limits = {.steps = 5000000}};
        const char *made = render_text(a, cases[i], &options);
        if (!strstr(made, "more than 5000000 steps"))
            T_FAIL(cases[i], "got %.300s", made);
    }
}

/* What is wide but small stays as it is. */
static void what_is_allowed(void)
{
    static const struct render_case cases[] = {
        {"{{ len (repeat 20000000 \"ab\") }}",                                     "40000000"                 },
        {"{{ len (until 1000000) }}",                                              "1000000"                  },
        {"{{ printf \"%999999999d\" 1 }}",                                         "%!(NOVERB)%!(EXTRA int=1)"},
        {"{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ len (toJson $d) }}",       "0"                        },
        {"{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ len (merge (dict) $d) }}", "1"                        },
        {"{{ $d := list 1 }}{{ range until 5 }}{{ $d = list $d $d $d }}{{ end }}{{ len (toJson $d) "
         "}}",                                                            "1213"                     },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void templates_share_their_steps(void)
{
    static const char text[] = "{{ range 3000 }}{{ end }}";
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf out = {.max = 1 << 20};
    struct template_options options = {.limits = {.steps = 5000}};
    struct template_set *s = template_set_new(a, NULL);
    struct err e = {0};
    T_RC(template_parse(s, "t", text, sizeof text - 1, &e), &e, text);
    struct template_run *r = template_run_new(a, s, &options);
    T_RC(template_execute(r, "t", go_nil(), &out, &e), &e, "the first time");
    T_OK(template_execute(r, "t", go_nil(), &out, &e) < 0, "the second time");
    T_OK(strstr(template_run_error(r), "more than 5000 steps") != NULL, template_run_error(r));
}

T_MAIN(at_their_defaults, steps_of_functions, what_is_allowed, templates_share_their_steps)
