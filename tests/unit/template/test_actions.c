#include "render.h"

static void control(void)
{
    static const struct render_case cases[] = {
        {"{{ if .Values.nope }}x{{ else if .Values.t }}y{{ else }}z{{ end }}", "y"              },
        {"{{ with .Values.map.a }}{{ .x }}{{ else }}-{{ end }}",               "y"              },
        {"{{ with .Values.nope }}a{{ else with .Values.s }}{{ . }}{{ end }}",  "hello"          },
        {"{{ range .Values.list }}{{ . }};{{ end }}",                          "a;b;c;"         },
        {"{{ range $i, $e := .Values.list }}{{ $i }}{{ $e }}{{ end }}",        "0a1b2c"         },
        {"{{ range $k, $v := .Values.map }}{{ $k }}={{ $v }} {{ end }}",       "a=map[x:y] b=2 "},
        {"{{ range 3 }}{{ . }}{{ else }}none{{ end }}",                        "012"            },
        {"{{ range .Values.empty }}x{{ else }}none{{ end }}",                  "none"           },
        {"{{ range $i := until 9 }}{{ if eq $i 2 }}{{ continue }}{{ end }}{{ if gt $i 4 }}{{ break "
         "}}{{ end }}{{ $i }}{{ end }}",                              "0134"           },
        {"a {{- 1 -}} b",                                                      "a1b"            },
        {"a\n  {{- /* c */ -}}\n  b",                                          "ab"             },
        {"{{ block \"b\" .Values.s }}<{{ . }}>{{ end }}",                      "<hello>"        },
        {"{{ define \"d\" }}[{{ .x }}]{{ end }}{{ template \"d\" .Values.map.a }}{{ include \"d\" "
         ".Values.map.a | upper }}",                                  "[y][Y]"         },
        {"{{ define \"r\" }}{{ if . }}{{ . }}{{ template \"r\" (sub . 1) }}{{ end }}{{ end }}{{ "
         "template \"r\" 3 }}",                                       "321"            },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void variables(void)
{
    static const struct render_case cases[] = {
        {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", "2"                },
        {"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}",             "1"                },
        {"{{ range $x := .Values.list }}{{ $x }}{{ end }}",                      "abc"              },
        {"{{ $m := dict }}{{ range $k, $v := .Values.map }}{{ $_ := set $m $k 1 }}{{ end }}{{ $m | "
         "toJson }}",                                                   "{\"a\":1,\"b\":1}"},
        {"{{ with $x := .Values.s }}{{ $x }}{{ $.Values.n }}{{ end }}",          "hello42"          },
        {"{{ $a := .Values.map.a.x }}{{ $a }}{{ $a | len }}",                    "y1"               },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void pipelines(void)
{
    static const struct render_case cases[] = {
        {"{{ \"a\" | printf \"%s-%s\" \"b\" }}",                                                   "b-a"      },
        {"{{ .Values.s | upper | quote }}",                                                        "\"HELLO\""},
        {"{{ (dict \"a\" (dict \"b\" 1)).a.b }}",                                                  "1"        },
        {"{{ and 1 0 (fail \"no\") }}|{{ or 0 \"x\" (fail \"no\") }}",                             "0|x"      },
        {"{{ not .Values.nope }}{{ .Values.nope }}{{ .Values.map.zz }}",                           "true"     },
        {"{{ index .Values.list 1 }}{{ index .Values.map \"a\" \"x\" }}",                          "by"       },
        {"{{ len .Values.list }}{{ len .Values.s }}",                                              "35"       },
        {"{{ eq .Values.s \"x\" \"hello\" }}{{ ne 1 2 }}{{ lt \"a\" \"b\" }}{{ ge 2 2 }}",
         "truetruetruetrue"                                                                                   },
        {"{{ tpl \"{{ .Values.s }}{{ define \\\"in\\\" }}I{{ end }}{{ include \\\"in\\\" . }}\" . "
         "}}",                                                                            "helloI"   },
        {"{{ tpl \"plain\" . }}{{ tpl \"{{ .x }}\" (dict) }}",                                     "plain"    },
        {"{{ .Values.AsMap.s }}{{ .Values | typeOf }}{{ .Values.map | typeOf }}",
         "hellochartutil.Valuesmap[string]interface {}"                                                       },
        {"{{ \"\\u00e9\" | title }}{{ html \"<a&b>\" }}{{ js \"it's\" }}{{ urlquery \"a b&c\" }}",
         "É&lt;a&amp;b&gt;it\\'sa+b%26c"                                                                     },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void strict_and_lint(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct template_options strict = {.strict = true}, lint = {.lint = true};
    T_EQ_STR(render_text(a, "{{ .Values.nope }}", &strict),
             "error: template: snip/templates/snippet.txt:1:10: executing "
             "\"snip/templates/snippet.txt\" at <.Values.nope>: map has no entry for key \"nope\"",
             "strict");
    T_EQ_STR(render_text(a, "a{{ required \"x\" .Values.nope }}{{ fail \"y\" }}b", &lint), "ab",
             "lint");
}

static void limits(void)
{
    static const struct {
        const char *text, *says;
        struct template_limits limits;
    } cases[] = {
        {"{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
         "rendering template has a nested reference name: r: unable to execute template",                              {0}                    },
        {"{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
         "templates call one another too deeply (100000 bytes of stack)",                                              {.stack_bytes = 100000}},
        {"{{ range until 1000000 }}{{ upper \"a\" }}{{ end }}",
         "more than 1000 steps",                                                                                       {.steps = 1000}        },
        {"{{ repeat 2000 \"aaaaaaaaaa\" }}",                                        "a text of more than 10000 bytes", {.output = 10000}      },
        {"{{ range until 20000 }}x{{ end }}",                                       "more than 10000 bytes of output", {.output = 10000}      },
        {"{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}{{ deepEqual $d (deepCopy $d) "
         "}}",                                                             "false",
         {0}                                                                                                                                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct template_options options = {.limits = cases[i].limits};
        const char *made = render_text(a, cases[i].text, &options);
        if (!strstr(made, cases[i].says))
            T_FAIL(cases[i].text, "got %.300s", made);
    }
}

/* The same seed draws the same, another one something else. */
static void seeds(void)
{
    static const char text[] = "{{ randAlphaNum 20 }}{{ uuidv4 }}{{ randInt 0 1000 }}"
                               "{{ htpasswd \"u\" \"p\" }}{{ genPrivateKey \"ecdsa\" }}"
                               "{{ genPrivateKey \"ed25519\" }}{{ shuffle \"abcdefghijkl\" }}";
    AUTO(arena) struct arena *a = arena_new(0);
    struct template_host one = {.seed = "one", .seed_n = 3}, two = {.seed = "two", .seed_n = 3};
    struct template_options first = {.host = &one}, second = {.host = &two};
    const char *made = render_text(a, text, &first);
    T_EQ_STR(render_text(a, text, &first), made, "same seed");
    T_OK(strcmp(render_text(a, text, &second), made) != 0, "another seed");
}

/* Later files win, but not with a blank body; parsing errors keep the set as it was. */
static void sets(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const char *const files[] = {"{{ define \"x\" }}1{{ end }}{{ include \"x\" . }}",
                                        "{{ define \"x\" }}2{{ end }}",
                                        "{{ define \"x\" }}  {{/* no */}}{{ end }}"};
    struct template_set *s = template_set_new(a, NULL);
    struct err e = {0};
    struct buf out;
    buf_init(&out, 100);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        T_RC(template_parse(s, arena_printf(a, "f%zu", i), files[i], strlen(files[i]), &e), &e,
             files[i]);
    static const char bad[] = "{{ define \"x\" }}3{{ end }}{{";
    T_EQ_INT(template_parse(s, "bad", bad, sizeof bad - 1, &e), ERR_INVALID, bad);
    T_OK(template_set_has(s, "x") && !template_set_has(s, "bad"), "names");
    struct template_run *r = template_run_new(a, s, NULL);
    T_RC(template_execute(r, "f0", render_dot(a), &out, &e), &e, "run");
    T_EQ_STR(buf_text(&out), "2", "the later definition");
    struct template_place place = {0};
    T_EQ_INT(template_execute(r, "nope", render_dot(a), &out, &e), ERR_NOT_FOUND, "no such");
    T_OK(template_error_place(a, "template: a/b.yaml:3:14: executing", &place), "place");
    T_EQ_STR(place.name, "a/b.yaml", "place");
    T_EQ_INT(place.line * 100 + place.column, 314, "place");
    buf_done(&out);
}

T_MAIN(control, variables, pipelines, strict_and_lint, limits, seeds, sets)
