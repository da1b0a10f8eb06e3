/* Input: an expression, 0xff, a text. JSONPath, globs, versions, regular expressions and base64:
 * what parses prints to what parses again, and matching ends. */
#include "fuzz.h"

#include "codec/base64.h"
#include "codec/glob.h"
#include "codec/json.h"
#include "codec/jsonpath.h"
#include "codec/regex.h"
#include "codec/semver.h"

static void paths(struct arena *a, const char *expr, const char *text, size_t n)
{
    AUTO_BUF struct buf b;
    struct jsonpath *p = NULL;
    struct value *v = NULL;
    struct err e;
    buf_init(&b, 1 << 20);
    if (jsonpath_compile(a, expr, &p, &e) == 0 && json_parse(a, text, n, 0, &v, &e) == 0)
        MUST(jsonpath_print(p, v, JSONPATH_ALLOW_MISSING, &b, &e) <= 0);
}

static void versions(struct arena *a, const char *expr, const char *text)
{
    struct semver_range *range = NULL;
    struct semver v, again;
    struct err e;
    if (semver_parse(a, text, &v, &e))
        return;
    MUST(semver_parse_strict(a, semver_text(a, &v), &again, &e) == 0);
    MUST(semver_cmp(&v, &again) == 0);
    if (semver_range_parse(a, expr, &range, &e) == 0)
        MUST(semver_range_has(range, &v) == semver_range_has(range, &again));
}

static void regexes(const char *expr, const char *text)
{
    AUTO(regex) struct regex *re = NULL;
    AUTO_BUF struct buf b;
    struct err e;
    buf_init(&b, 1 << 20);
    if (regex_compile(expr, strlen(expr), 0, &re, &e) == 0)
        MUST(regex_replace(re, text, strlen(text), "<$0>", true, 50, &b, &e) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t n = fuzz_split(data, size), rest = size - n - (n < size), out_n = 0;
    const char *expr = arena_strndup(a, (const char *)data, n);
    const char *text = arena_strndup(a, (const char *)data + size - rest, rest);
    char *out = NULL;
    struct err e;
    paths(a, expr, text, rest);
    versions(a, expr, text);
    regexes(expr, text);
    (void)glob_match(expr, text, GLOB_PREFIX);
    MUST(!glob_match(expr, text, 0) || glob_match(expr, text, GLOB_PREFIX));
    if (base64_decode(a, text, rest, BASE64_STD, &out, &out_n, &e) == 0 && !strpbrk(text, "\r\n"))
        MUST(strcmp(base64_encode(a, out, out_n, BASE64_STD), text) == 0);
    return 0;
}
