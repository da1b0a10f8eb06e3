#include "base/own.h"
#include "codec/regex.h"
#include "template/sprig_int.h"

#include "base/banned.h"

static void free_regex(void *r)
{
    regex_free(r);
}

/* Compiled once a run. NULL: the pattern is wrong, and *why says so as Go does. */
static const struct regex *compile(struct go_call *c, const struct go_value *pattern,
                                   const char **why)
{
    struct go_value *known = go_map_get(c->run->regexes, pattern->s, pattern->n);
    if (known)
        return known->opaque;
    struct regex *r = NULL;
    struct err e = {0};
    const char *text = go_cstr(c->arena, pattern);
    *why = regex__error(c->arena, text, pattern->n);
    if (!*why && regex_compile(text, pattern->n, 0, &r, &e))
        *why = arena_printf(c->arena, "error parsing regexp: %s", e.msg);
    if (*why)
        return NULL;
    arena_defer(c->arena, free_regex, r);
    go_map_set(c->run->regexes, text, pattern->n, (struct go_value){.opaque = r});
    return r;
}

/* For what Sprig compiles with or without MustCompile(), which says where it failed. */
static int compile_or_fail(struct go_call *c, const struct go_value *pattern,
                           const struct regex **out)
{
    const char *why = NULL;
    *out = compile(c, pattern, &why);
    if (*out)
        return 0;
    if (strncmp(c->func->name, "must", 4) == 0)
        return go_fail(c, "%s", why);
    struct buf *b = call__scratch(c);
    bool raw = !memchr(pattern->s, '`', pattern->n);
    for (uint32_t i = 0; i < pattern->n; i++)
        raw = raw && (unsigned char)pattern->s[i] >= ' ' && pattern->s[i] != 0x7f;
    if (raw)
        buf_printf(b, "`%.*s`", (int)pattern->n, pattern->s);
    else
        text__quote(b, pattern->s, pattern->n);
    return go_fail(c, "regexp: Compile(%s): %s", buf_text(b), why);
}

static int search(struct go_call *c, const struct regex *r, const struct go_value *s, size_t from,
                  struct regex_span *span, bool *hit)
{
    struct err e = {0};
    int rc = call__spend(c, s->n - from);
    if (rc)
        return rc;
    if (regex_match(r, s->s, s->n, from, span, 1, hit, &e) == 0)
        return 0;
    return go_fail(c, "%s", e.msg);
}

GO_FN(match)
{
    const char *why = NULL;
    const struct regex *r = compile(c, &args[0], &why);
    bool hit = false;
    if (!r && strncmp(c->func->name, "must", 4) == 0)
        return go_fail(c, "%s", why);
    struct regex_span span;
    int rc = r ? search(c, r, &args[1], 0, &span, &hit) : 0;
    *out = go_bool(hit);
    return rc;
}

GO_FN(find)
{
    const struct regex *r;
    struct regex_span span;
    bool hit = false;
    int rc = compile_or_fail(c, &args[0], &r);
    if (rc == 0)
        rc = search(c, r, &args[1], 0, &span, &hit);
    *out = hit ? go_strn(args[1].s + span.start, span.end - span.start) : go_str("");
    return rc;
}

struct spans {
    struct regex_span *all;
    size_t n, cap;
};

/* All matches, at most `most` when it is not negative; an empty one right behind another is none.
 */
static int find_spans(struct go_call *c, const struct regex *r, const struct go_value *s,
                      int64_t most, struct spans *out)
{
    size_t at = 0, before = SIZE_MAX;
    while (at <= s->n && (most < 0 || out->n < (size_t)most)) {
        struct regex_span span;
        bool hit = false;
        int rc = search(c, r, s, at, &span, &hit);
        if (rc)
            return rc;
        if (!hit)
            break;
        bool accept = true;
        if (span.end == at && span.start == span.end) {
            accept = span.start != before;
            size_t len = 1;
            if (at < s->n)
                (void)unicode_decode(s->s + at, s->n - at, &len);
            at += len;
        } else {
            at = span.end;
        }
        before = span.end;
        if (!accept)
            continue;
        if (out->n == out->cap) {
            size_t cap = out->cap ? out->cap * 2 : 8;
            out->all = arena_grow(c->arena, out->all, out->cap * sizeof span, cap * sizeof span);
            out->cap = cap;
        }
        out->all[out->n++] = span;
    }
    return 0;
}

GO_FN(find_all)
{
    const struct regex *r;
    struct spans found = {0};
    int rc = compile_or_fail(c, &args[0], &r);
    if (rc == 0)
        rc = find_spans(c, r, &args[1], args[2].i, &found);
    if (rc)
        return rc;
    *out = (struct go_value){.type = &go_strings_type};
    if (found.n == 0)
        return 0;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, found.n);
    for (size_t i = 0; i < found.n; i++)
        items[i] = go_strn(args[1].s + found.all[i].start, found.all[i].end - found.all[i].start);
    *out = go_typed_list(&go_strings_type, items, found.n);
    return 0;
}

GO_FN(split)
{
    const struct regex *r;
    struct spans found = {0};
    const struct go_value *s = &args[1];
    int64_t most = args[2].i;
    int rc = compile_or_fail(c, &args[0], &r);
    *out = (struct go_value){.type = &go_strings_type};
    if (rc || most == 0)
        return rc;
    if (args[0].n && s->n == 0) {
        *out = go_typed_list(&go_strings_type, arena_dup(c->arena, s, sizeof *s), 1);
        return 0;
    }
    rc = find_spans(c, r, s, most, &found);
    if (rc)
        return rc;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, found.n + 2);
    size_t count = 0, begin = 0, end = 0;
    for (size_t i = 0; i < found.n; i++) {
        if (most > 0 && count == (size_t)most - 1)
            break;
        end = found.all[i].start;
        if (found.all[i].end != 0)
            items[count++] = go_strn(s->s + begin, end - begin);
        begin = found.all[i].end;
    }
    if (end != s->n)
        items[count++] = go_strn(s->s + begin, s->n - begin);
    *out = go_typed_list(&go_strings_type, items, count);
    return 0;
}

static int replace_text(struct go_call *c, const struct go_value *args, bool expand,
                        struct go_value *out)
{
    const struct regex *r;
    struct err e = {0};
    int rc = compile_or_fail(c, &args[0], &r);
    if (rc)
        return rc;
    struct buf *b = call__scratch(c);
    if (regex_replace(r, args[1].s, args[1].n, go_cstr(c->arena, &args[2]), expand, -1, b, &e))
        return go_fail(c, "%s", e.msg);
    return call__finish(c, out);
}

GO_FN(replace)
{
    return replace_text(c, args, true, out);
}

GO_FN(replace_literal)
{
    return replace_text(c, args, false, out);
}

GO_FN(quote_meta)
{
    struct buf *b = call__scratch(c);
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (args[0].s[i] && strchr("\\.+*?()|[]{}^$", args[0].s[i]))
            buf_putc(b, '\\');
        buf_putc(b, args[0].s[i]);
    }
    return call__finish(c, out);
}

const struct go_func regex_functions[] = {
    {"mustRegexFind",              "ss",  find           },
    {"mustRegexFindAll",           "ssi", find_all       },
    {"mustRegexMatch",             "ss",  match          },
    {"mustRegexReplaceAll",        "sss", replace        },
    {"mustRegexReplaceAllLiteral", "sss", replace_literal},
    {"mustRegexSplit",             "ssi", split          },
    {"regexFind",                  "ss",  find           },
    {"regexFindAll",               "ssi", find_all       },
    {"regexMatch",                 "ss",  match          },
    {"regexQuoteMeta",             "s",   quote_meta     },
    {"regexReplaceAll",            "sss", replace        },
    {"regexReplaceAllLiteral",     "sss", replace_literal},
    {"regexSplit",                 "ssi", split          },
    {NULL,                         NULL,  NULL           },
};
