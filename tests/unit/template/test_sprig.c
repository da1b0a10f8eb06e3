#include "render.h"

static void text(void)
{
    static const struct render_case cases[] = {
        {"{{ trunc 3 \"abcdef\" }}{{ trunc -2 \"abcdef\" }}{{ substr 1 3 \"abcdef\" }}", "abcefbc"                                                  },
        {"{{ \"a-b_c d\" | camelcase }} {{ \"FooBarBaz2\" | snakecase }} {{ \"fooBar\" | kebabcase "
         "}}",                                                                               "ABCD foo_bar_baz2 foo-bar"                                                                                                                                       },
        {"{{ indent 2 \"a\\nb\" }}|{{ nindent 1 \"x\" }}",                                                                              "  a\n  b|\n x"},
        {"{{ repeat 3 \"ab\" }}{{ nospace \" a b \" }}{{ initials \"Foo Bar\" }}{{ abbrev 5 "
         "\"abcdefgh\" }}{{ swapcase \"aB\" }}",                                                                              "ababababFBab...Ab"                                                                                                                                                                                       },
        {"{{ quote 1 nil \"x\" }}{{ squote \"y\" }}{{ cat 1 nil \"b\" }}","\"1\" \"x\"'y'1 b"},
        {"{{ splitList \",\" \"a,b\" | join \"-\" }}{{ (split \".\" \"x.y\")._1 }}{{ splitn \",\" "
         "2 \"a,b,c\" | toJson }}",                                                                              "a-by{\"_0\":\"a\",\"_1\":\"b,c\"}"                                                                                                                                                                                                                                                                                       },
        {"{{ replace \"a\" \"b\" \"banana\" }}{{ plural \"one\" \"many\" 2 }}{{ wrap 5 \"aaa bbb "
         "ccc\" }}",                                                      "bbnbnbmanyaaa\nbbb\nccc"},
        {"{{ trimAll \"-\" \"--a--\" }}{{ trimPrefix \"a\" \"ab\" }}{{ trimSuffix \"b\" \"ab\" "
         "}}{{ contains \"b\" \"abc\" }}",                                                                               "abatrue"                                                                                                                                 },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void lists(void)
{
    static const struct render_case cases[] = {
        {"{{ list 3 1 2 | sortAlpha }}{{ first .Values.list }}{{ rest .Values.list }}{{ last "
         ".Values.list }}{{ initial .Values.list }}",                                            "[1 2 3]a[b c]c[a b]"},
        {                                                        "{{ append .Values.list \"d\" }}{{ prepend .Values.list \"z\" }}{{ concat (list 1) (list "
         "2) }}",                                                                                     "[a b c d][z a b c][1 2]"},
        { "{{ uniq (list 1 1 2) }}{{ without .Values.list \"a\" }}{{ has \"b\" .Values.list }}{{ "
         "compact (list 1 0 \"\" 2) }}{{ reverse .Values.list }}","[1 2][b c]true[1 2][c b a]"},
        {                                                        "{{ slice .Values.list 1 2 }}{{ chunk 2 .Values.list }}{{ until 3 }}{{ untilStep 6 0 -2 "
         "}}{{ seq 1 2 5 }}",                           "[b][[a b] [c]][0 1 2][6 4 2]1 3 5"},
        {                                                         "{{ concat (list) | toJson }}{{ list | toJson }}{{ rest (list) | toJson }}",                                                                    "null[]null"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void maps(void)
{
    static const struct render_case cases[] = {
        {"{{ $a := dict \"x\" (dict \"y\" 1) }}{{ $b := merge (dict \"z\" 1 \"x\" (dict \"w\" 2)) "
         "$a }}{{ toJson $b }}",                 "{\"x\":{\"w\":2,\"y\":1},\"z\":1}"},
        {                                                      "{{ mergeOverwrite (dict \"a\" 1 \"b\" (dict \"c\" 1)) (dict \"a\" 2 \"b\" (dict \"d\" "
         "3)) | toJson }}",                                     "{\"a\":2,\"b\":{\"c\":1,\"d\":3}}"},
        {                                         "{{ $s := dict \"in\" (dict) }}{{ $m := merge (dict) $s }}{{ $_ := set $m.in \"k\" 1 }}{{ "
         "toJson $s }}","{\"in\":{\"k\":1}}"},
        {                                                      "{{ $s := dict \"in\" (dict) }}{{ $m := deepCopy $s }}{{ $_ := set $m.in \"k\" 1 }}{{ "
         "toJson $s }}",                                       "{\"in\":{}}"},
        { "{{ pick .Values.map \"b\" | toJson }}{{ omit .Values.map \"b\" | toJson }}{{ dig \"a\" "
         "\"x\" \"-\" .Values.map }}{{ dig \"q\" \"r\" \"-\" .Values.map }}",                         "{\"b\":2}{\"a\":{\"x\":\"y\"}}y-"},
        {                                                       "{{ pluck \"b\" .Values.map (dict \"b\" 1) }}{{ get .Values.map \"zz\" }}{{ hasKey "
         ".Values.map \"a\" }}{{ unset (dict \"a\" 1) \"a\" }}",                                     "[2 1]truemap[]"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void numbers(void)
{
    static const struct render_case cases[] = {
        {"{{ add 1 2 \"3\" }}{{ sub 5 2 }}{{ mul 2 3 4 }}{{ div 7 2 }}{{ mod 7 3 }}{{ max 1 5 3 "
         "}}{{ min 4 2 }}",                                                                                      "63243152"},
        {                            "{{ addf 0.1 0.2 }} {{ subf 1 0.9 }} {{ mulf 1.1 1.1 }} {{ divf 10 3 }}",
         "0.3 0.1 1.21 3.3333333333333335"},
        {                            "{{ round 2.345 2 }} {{ floor 1.9 }} {{ ceil 1.1 }} {{ int \"0x10\" }} {{ int \"08\" }} "
         "{{ int 3.9 }} {{ float64 \"1.5\" }} {{ atoi \"9x\" }} {{ toDecimal \"755\" }}",                                                                                                     "2.35 1 2 16 0 3 1.5 0 493"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void codecs(void)
{
    static const struct render_case cases[] = {
        {"{{ \"x\" | b64enc }}{{ \"eA==\" | b64dec }}{{ \"bad!\" | b64dec }}{{ \"x\" | b32enc }}",
         "eA==xillegal base64 data at input byte 3PA======"                        },
        {"{{ sha256sum \"a\" }} {{ adler32sum \"a\" }}",
         "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb 6422626"},
        {"{{ toYaml .Values.map }}|{{ fromYaml \"a: [1, x]\" | toJson }}|{{ (fromYaml \"a: b: "
         "c\").Error }}",                                                                                         "a:\n  x: \"y\"\nb: 2|{\"a\":[1,\"x\"]}|error converting YAML to JSON: yaml: mapping "
         "values are not allowed in this context"                                                           },
        {"{{ toJson .Values.map }}{{ toPrettyJson .Values.list }}{{ toRawJson \"<\" }}{{ fromJson "
         "\"[\" }}",                                                                               "{\"a\":{\"x\":\"y\"},\"b\":2}[\n  \"a\",\n  \"b\",\n  \"c\"\n]\"<\"map[Error:unexpected "
         "end of JSON input]"},
        {"{{ toToml (dict \"a\" 1 \"t\" (dict \"b\" \"x\")) }}{{ (fromToml \"x = [1, 2]\\n[t]\\ny "
         "= \\\"z\\\"\").t.y }}",                                                          "a = 1\n\n[t]\n  b = \"x\"\nz"                                                               },
        {"{{ toYamlPretty (dict \"a\" (list 1 2)) }}",                                                                      "a:\n  - 1\n  - 2"                                                                                                   },
    };
    render_all(cases, ARRAY_LEN(cases));
}

static void other(void)
{
    static const struct render_case cases[] = {
        {"{{ semverCompare \">=1.2 <2\" \"1.5.0\" }}{{ (semver \"v1.2.3-rc.1\").Prerelease }}{{ "
         "(semver \"1.2.3\").IncMinor }}",                 "truerc.11.3.0"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "{{ regexMatch \"^a.c$\" \"abc\" }}{{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\" "
         "}}{{ regexFindAll \"[a-c]\" \"abcd\" 2 }}{{ regexSplit \"z+\" \"pizza\" -1 }}",                                               "true-W-xxW-[a b][pi a]"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "{{ urlParse \"http://u:p@h:80/a%20b?q=1#f\" | toJson }} {{ urlJoin (dict \"scheme\" "
         "\"http\" \"host\" \"h\" \"path\" \"/a b\") }}","{\"fragment\":\"f\",\"host\":\"h:80\",\"hostname\":\"h\",\"opaque\":\"\",\"path\":\"/a "
         "b\",\"query\":\"q=1\",\"scheme\":\"http\",\"userinfo\":\"u:p\"} http://h/a%20b"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "{{ base \"/a/b.c\" }}{{ dir \"/a/b\" }}{{ ext \"a.tar.gz\" }}{{ clean \"a/../b//c\" }}{{ "
         "isAbs \"/\" }}",                                               "b.c/a.gzb/ctrue"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "{{ date \"Mon Jan _2 15:04:05 2006\" (toDate \"2006-01-02\" \"2024-02-29\") }} {{ "
         "dateInZone \"2006-01-02T15:04:05Z07:00\" (toDate \"2006-01-02\" \"2024-07-01\") "
         "\"America/New_York\" }} {{ (toDate \"2006-01-02\" \"2024-02-29\").AddDate 1 0 0 }} {{ "
         "durationRound \"26h\" }} {{ ago 0 | kindOf }}","Thu Feb 29 00:00:00 2024 2024-06-30T20:00:00-04:00 2025-03-01 00:00:00 +0000 UTC 1d "
         "string"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "{{ ternary 1 2 true }}{{ default \"d\" \"\" }}{{ coalesce 0 \"\" \"x\" }}{{ empty "
         ".Values.empty }}{{ kindOf 1 }}{{ typeOf nil }}{{ all 1 0 }}{{ any 1 0 }}",                                               "1dxtrueint<nil>falsetrue"},
        {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "{{ derivePassword 1 \"long\" \"password\" \"user\" \"example.com\" }}{{ \"secret\" | "
         "encryptAES \"k\" | decryptAES \"k\" }}","ZedaFaxcZaso9*secret"},
    };
    render_all(cases, ARRAY_LEN(cases));
}

T_MAIN(text, lists, maps, numbers, codecs, other)
