#include "codec/json.h"
#include "codec/patch.h"
#include "t.h"

static struct value *parse(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static void operations(void)
{
    static const struct {
        const char *doc, *patch, *want; /* NULL: refused */
    } cases[] = {
        {"{}",                  "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]",                 "{\"a\":1}"                                },
        {"[1]",
         "[{\"op\":\"add\",\"path\":\"/-\",\"value\":2},{\"op\":\"add\",\"path\":\"/"
         "0\",\"value\":0}]",                                                                     "[0,1,2]"                                  },
        {"[1]",                 "[{\"op\":\"add\",\"path\":\"/2\",\"value\":2}]",                 NULL                                       },
        {"[1]",                 "[{\"op\":\"remove\",\"path\":\"/00\"}]",                         NULL                                       },
        {"{\"a/b\":{\"~\":1}}", "[{\"op\":\"replace\",\"path\":\"/a~1b/~0\",\"value\":2}]",
         "{\"a/b\":{\"~\":2}}"                                                                                                               },
        {"{\"a\":[1,2]}",       "[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/b\"}]",
         "{\"a\":[2],\"b\":1}"                                                                                                               },
        {"{\"a\":{\"b\":1}}",   "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/c\"}]",          NULL                                       },
        {"{\"a\":{\"b\":1}}",
         "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"},{\"op\":\"add\",\"path\":\"/c/"
         "d\",\"value\":2}]",                                                                     "{\"a\":{\"b\":1},\"c\":{\"b\":1,\"d\":2}}"},
        {"{\"a\":1}",
         "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0},{\"op\":\"remove\",\"path\":\"/a\"}]", "{}"                                       },
        {"{\"a\":1}",           "[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]",             NULL                                       },
        {"{\"a\":1}",           "[{\"op\":\"jump\",\"path\":\"/a\"}]",                            NULL                                       },
        {"{\"a\":1}",           "{}",                                                             NULL                                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *doc = parse(a, cases[i].doc), *out = NULL;
        struct err e = {0};
        int rc = patch_json(a, doc, parse(a, cases[i].patch), &out, &e);
        T_EQ_STR(rc ? NULL : json_text(a, out, 0), cases[i].want, cases[i].patch);
        T_EQ_STR(json_text(a, doc, 0), cases[i].doc, "the original stays");
    }
}

/* 40 copies of the whole into itself would be 2^40 times as large. */
static void limits_growth(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 40; i++)
        buf_printf(&b, "%c{\"op\":\"copy\",\"from\":\"\",\"path\":\"/k%d\"}", i ? ',' : '[', i);
    buf_putc(&b, ']');
    struct value *out = NULL;
    struct err e = {0};
    int rc = patch_json(a, parse(a, "{\"a\":[1,2,3]}"), parse(a, buf_text(&b)), &out, &e);
    T_EQ_INT(rc, ERR_TOO_LARGE, "doubling");
}

static void merges(void)
{
    static const struct {
        const char *doc, *patch, *want;
    } cases[] = {
        {"{\"a\":\"b\"}",             "{\"a\":\"c\"}",                    "{\"a\":\"c\"}"        },
        {"{\"a\":\"b\"}",             "{\"a\":null}",                     "{}"                   },
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}",                     "{\"b\":\"c\"}"        },
        {"{\"a\":{\"b\":\"c\"}}",     "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}",   "{\"a\":[1]}",                      "{\"a\":[1]}"          },
        {"[\"a\"]",                   "{\"a\":1}",                        "{\"a\":1}"            },
        {"{\"e\":null}",              "{\"a\":1}",                        "{\"e\":null,\"a\":1}" },
        {"{}",                        "{\"a\":{\"bb\":{\"ccc\":null}}}",  "{\"a\":{\"bb\":{}}}"  },
        {"{\"a\":1}",                 "[2]",                              "[2]"                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *doc = parse(a, cases[i].doc);
        struct value *out = patch_merge(a, doc, parse(a, cases[i].patch));
        T_EQ_STR(json_text(a, out, 0), cases[i].want, cases[i].patch);
        T_EQ_STR(json_text(a, doc, 0), cases[i].doc, "the original stays");
    }
}

static void diffs(void)
{
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        {"{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"a\":1,\"b\":{\"c\":3},\"e\":[1]}",
         "{\"b\":{\"d\":null,\"c\":3},\"e\":[1]}"                                                 },
        {"{\"a\":1}",                         "{\"a\":1}",                           "{}"         },
        {"{\"a\":{\"b\":1}}",                 "{\"a\":2}",                           "{\"a\":2}"  },
        {"{\"a\":[1,2]}",                     "{\"a\":[2]}",                         "{\"a\":[2]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *from = parse(a, cases[i].from), *to = parse(a, cases[i].to);
        struct value *diff = patch_merge_diff(a, from, to);
        T_EQ_STR(json_text(a, diff, 0), cases[i].want, cases[i].from);
        T_OK(value_equal(patch_merge(a, from, diff), to), "applied, it gives what was wanted");
    }
}

T_MAIN(operations, limits_growth, merges, diffs)
