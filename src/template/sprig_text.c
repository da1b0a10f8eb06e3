#include "template/sprig_int.h"

#include "base/banned.h"

/* ---- cutting ---- */

static struct go_value part(const struct go_value *s, size_t from, size_t to)
{
    return go_strn(s->s + from, to - from);
}

GO_FN(trim)
{
    size_t from = 0, to = args[0].n, len;
    while (from < to && unicode_is_space(unicode_decode(args[0].s + from, to - from, &len)))
        from += len;
    while (to > from) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)args[0].s[at] & 0xc0) == 0x80 && to - at < 4)
            at--;
        if (!unicode_is_space(unicode_decode(args[0].s + at, to - at, &len)) || at + len != to)
            break;
        to = at;
    }
    *out = part(&args[0], from, to);
    return 0;
}

/* Whether the character at s is one of the set's. */
static bool in_set(const struct go_value *set, const char *s, size_t n, size_t *len)
{
    uint32_t ch = unicode_decode(s, n, len);
    for (size_t i = 0, l; i < set->n; i += l)
        if (unicode_decode(set->s + i, set->n - i, &l) == ch)
            return true;
    return false;
}

GO_FN(trim_all)
{
    size_t from = 0, to = args[1].n, len;
    while (from < to && in_set(&args[0], args[1].s + from, to - from, &len))
        from += len;
    while (to > from) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)args[1].s[at] & 0xc0) == 0x80 && to - at < 4)
            at--;
        if (!in_set(&args[0], args[1].s + at, to - at, &len))
            break;
        to = at;
    }
    *out = part(&args[1], from, to);
    return 0;
}

static bool starts(const struct go_value *s, const struct go_value *with)
{
    return s->n >= with->n && memcmp(s->s, with->s, with->n) == 0;
}

static bool ends(const struct go_value *s, const struct go_value *with)
{
    return s->n >= with->n && memcmp(s->s + s->n - with->n, with->s, with->n) == 0;
}

GO_FN(trim_prefix)
{
    *out = part(&args[1], starts(&args[1], &args[0]) ? args[0].n : 0, args[1].n);
    return 0;
}

GO_FN(trim_suffix)
{
    *out = part(&args[1], 0, args[1].n - (ends(&args[1], &args[0]) ? args[0].n : 0));
    return 0;
}

GO_FN(has_prefix)
{
    *out = go_bool(starts(&args[1], &args[0]));
    return 0;
}

GO_FN(has_suffix)
{
    *out = go_bool(ends(&args[1], &args[0]));
    return 0;
}

GO_FN(contains)
{
    *out = go_bool(memmem(args[1].s, args[1].n, args[0].s, args[0].n) != NULL);
    return 0;
}

GO_FN(substr)
{
    long long start = args[0].i, end = args[1].i, len = args[2].n;
    if (start < 0) {
        if (end < 0)
            return go_fail(c, "runtime error: slice bounds out of range [:%lld]", end);
        if (end > len)
            return go_fail(c, "runtime error: slice bounds out of range [:%lld] with length %lld",
                           end, len);
        start = 0;
    } else if (end < 0 || end > len) {
        end = len;
    }
    if (start > end)
        return go_fail(c, "runtime error: slice bounds out of range [%lld:%lld]", start, end);
    *out = part(&args[2], (size_t)start, (size_t)end);
    return 0;
}

GO_FN(trunc_text)
{
    int64_t count = args[0].i, len = args[1].n;
    *out = args[1];
    if (count < 0 && len + count > 0)
        *out = part(&args[1], (size_t)(len + count), args[1].n);
    else if (count >= 0 && len > count)
        *out = part(&args[1], 0, (size_t)count);
    return 0;
}

static int abbreviate(struct go_call *c, const struct go_value *s, int64_t offset, int64_t width,
                      struct go_value *out)
{
    int64_t len = s->n;
    *out = *s;
    if (len <= width)
        return 0;
    offset = offset > len ? len : offset;
    if (len - offset < width - 3)
        offset = len - (width - 3);
    struct buf *b = call__scratch(c);
    if (offset <= 4) {
        buf_add(b, s->s, (size_t)(width - 3));
        buf_puts(b, "...");
    } else if (offset + width - 3 < len) {
        buf_puts(b, "...");
        buf_add(b, s->s + offset, (size_t)(width - 6));
        buf_puts(b, "...");
    } else {
        buf_puts(b, "...");
        buf_add(b, s->s + len - (width - 3), (size_t)(width - 3));
    }
    return call__finish(c, out);
}

GO_FN(abbrev)
{
    *out = args[1];
    return args[0].i < 4 ? 0 : abbreviate(c, &args[1], 0, args[0].i, out);
}

GO_FN(abbrev_both)
{
    int64_t left = args[0].i, right = args[1].i;
    *out = args[2];
    return right < 4 || (left > 0 && right < 7) ? 0 : abbreviate(c, &args[2], left, right, out);
}

/* ---- repeating and indenting ---- */

static int check_repeat(struct go_call *c, int64_t count, size_t each)
{
    if (count < 0)
        return go_fail(c, "strings: negative Repeat count");
    size_t most = c->run->options.limits.output;
    if (each && (size_t)count > most / each)
        return go_fail(c, "a text of more than %zu bytes", most);
    return 0;
}

GO_FN(repeat)
{
    int rc = check_repeat(c, args[0].i, args[1].n);
    struct buf *b = call__scratch(c);
    for (int64_t i = 0; i < args[0].i && rc == 0 && args[1].n; i++)
        buf_add(b, args[1].s, args[1].n);
    return rc ? rc : call__finish(c, out);
}

static int indent_text(struct go_call *c, const struct go_value *args, bool new_line,
                       struct go_value *out)
{
    int rc = check_repeat(c, args[0].i, 1);
    if (rc)
        return rc;
    size_t pad = (size_t)args[0].i, lines = 1;
    const char *s = args[1].s, *end = s + args[1].n;
    for (const char *p = s; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    if (pad && lines > (c->run->options.limits.output - args[1].n) / pad)
        return go_fail(c, "a text of more than %zu bytes", c->run->options.limits.output);
    size_t size = new_line + lines * pad + args[1].n;
    void *memory = NULL;
    rc = call__alloc(c, size + 1, &memory);
    if (rc)
        return rc;
    char *text = memory, *to = text;
    if (new_line)
        *to++ = '\n';
    for (;;) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        size_t n_line = stop ? (size_t)(stop - s) + 1 : (size_t)(end - s);
        memset(to, ' ', pad);
        memcpy(to + pad, s, n_line);
        to += pad + n_line;
        if (!stop)
            break;
        s = stop + 1;
    }
    *out = go_strn(text, size);
    return 0;
}

GO_FN(indent)
{
    return indent_text(c, args, false, out);
}

GO_FN(nindent)
{
    return indent_text(c, args, true, out);
}

GO_FN(replace)
{
    const struct go_value *old = &args[0], *with = &args[1], *s = &args[2];
    struct buf *b = call__scratch(c);
    size_t at = 0;
    if (old->n == 0) { /* between all characters */
        for (size_t len; at < s->n; at += len) {
            (void)unicode_decode(s->s + at, s->n - at, &len);
            buf_add(b, with->s, with->n);
            buf_add(b, s->s + at, len);
        }
        buf_add(b, with->s, with->n);
        return call__finish(c, out);
    }
    for (const char *hit; (hit = memmem(s->s + at, s->n - at, old->s, old->n));) {
        buf_add(b, s->s + at, (size_t)(hit - s->s) - at);
        buf_add(b, with->s, with->n);
        at = (size_t)(hit - s->s) + old->n;
    }
    buf_add(b, s->s + at, s->n - at);
    return call__finish(c, out);
}

/* ---- quoting and joining ---- */

static bool is_nil(const struct go_value *v)
{
    return go_kind_of(v) == GO_INTERFACE || go_kind_of(v) == GO_INVALID;
}

GO_FN(quote)
{
    struct buf b;
    buf_init(&b, c->run->options.limits.output);
    for (size_t i = 0; i < n; i++) {
        if (is_nil(&args[i]))
            continue;
        struct go_value text = call__strval(c, &args[i]);
        if (b.len)
            buf_putc(&b, ' ');
        text__quote(&b, text.s, text.n);
    }
    *out = call__text(c, buf_text(&b), b.len);
    buf_done(&b);
    return 0;
}

GO_FN(squote)
{
    struct buf *b = call__scratch(c);
    for (size_t i = 0; i < n; i++) {
        if (is_nil(&args[i]))
            continue;
        buf_puts(b, b->len ? " '" : "'");
        fmt__print(c->run, b, &args[i]);
        buf_putc(b, '\'');
    }
    return call__finish(c, out);
}

GO_FN(cat)
{
    struct buf *b = call__scratch(c);
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (is_nil(&args[i]))
            continue;
        buf_puts(b, first ? "" : " ");
        first = false;
        fmt__print(c->run, b, &args[i]);
    }
    return call__finish(c, out);
}

struct go_value call__strings(struct go_call *c, const struct go_value *v)
{
    if (v->type == &go_strings_type)
        return *v;
    bool list = go_kind_of(v) == GO_SLICE;
    size_t count = list ? v->n : !is_nil(v), used = 0;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct go_value item = list ? go_item(v, i) : *v;
        if (!is_nil(&item))
            items[used++] = call__strval(c, &item);
    }
    return go_typed_list(&go_strings_type, items, used);
}

GO_FN(to_string)
{
    *out = call__strval(c, &args[0]);
    return 0;
}

GO_FN(to_strings)
{
    *out = call__strings(c, &args[0]);
    return 0;
}

GO_FN(join)
{
    struct go_value list = call__strings(c, &args[1]);
    struct buf *b = call__scratch(c);
    for (uint32_t i = 0; i < list.n; i++) {
        if (i)
            buf_add(b, args[0].s, args[0].n);
        buf_add(b, list.items[i].s, list.items[i].n);
    }
    return call__finish(c, out);
}

static int by_text(const void *a, const void *b)
{
    const struct go_value *x = a, *y = b;
    return go_compare_text(x->s, x->n, y->s, y->n);
}

GO_FN(sort_alpha)
{
    *out = call__strings(c, &args[0]); /* a []string is sorted where it is, as Sprig does */
    if (out->n > 1)
        qsort(out->items, out->n, sizeof *out->items, by_text);
    return 0;
}

/* ---- splitting ---- */

/* strings.SplitN(): at most `most` parts when it is not negative. */
static struct go_value split_text(struct go_call *c, const struct go_value *sep,
                                  const struct go_value *s, int64_t most)
{
    size_t count = 1, len;
    if (most == 0)
        return (struct go_value){.type = &go_strings_type};
    if (sep->n == 0)
        count = unicode_count(s->s, s->n);
    else
        for (const char *p = s->s, *end = s->s + s->n;
             (p = memmem(p, (size_t)(end - p), sep->s, sep->n)); p += sep->n)
            count++;
    if (most > 0 && count > (size_t)most)
        count = (size_t)most;
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count + 1);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t end = s->n, next = s->n;
        if (i + 1 < count && sep->n == 0) {
            (void)unicode_decode(s->s + at, s->n - at, &len);
            end = next = at + len;
        } else if (i + 1 < count) {
            const char *hit = memmem(s->s + at, s->n - at, sep->s, sep->n);
            end = (size_t)(hit - s->s);
            next = end + sep->n;
        }
        items[i] = part(s, at, end);
        at = next;
    }
    return go_typed_list(&go_strings_type, items, count);
}

GO_FN(split_list)
{
    *out = split_text(c, &args[0], &args[1], -1);
    return 0;
}

/* {_0: first, _1: second} */
static struct go_value numbered(struct go_call *c, const struct go_value *list)
{
    struct go_map *m = go_map_new(c->arena, list->n);
    for (uint32_t i = 0; i < list->n; i++)
        go_map_put(m, arena_printf(c->arena, "_%u", i), list->items[i]);
    return go_typed_map(&go_string_map_type, m);
}

GO_FN(split)
{
    struct go_value list = split_text(c, &args[0], &args[1], -1);
    *out = numbered(c, &list);
    return 0;
}

GO_FN(splitn)
{
    struct go_value list = split_text(c, &args[0], &args[2], args[1].i);
    *out = numbered(c, &list);
    return 0;
}

GO_FN(plural)
{
    *out = args[args[2].i == 1 ? 0 : 1];
    return 0;
}

const struct go_func text_functions[] = {
    {"abbrev",     "is",   abbrev     },
    {"abbrevboth", "iis",  abbrev_both},
    {"cat",        "A...", cat        },
    {"contains",   "ss",   contains   },
    {"hasPrefix",  "ss",   has_prefix },
    {"hasSuffix",  "ss",   has_suffix },
    {"indent",     "is",   indent     },
    {"join",       "sA",   join       },
    {"nindent",    "is",   nindent    },
    {"plural",     "ssi",  plural     },
    {"quote",      "A...", quote      },
    {"repeat",     "is",   repeat     },
    {"replace",    "sss",  replace    },
    {"sortAlpha",  "A",    sort_alpha },
    {"split",      "ss",   split      },
    {"splitList",  "ss",   split_list },
    {"splitn",     "sis",  splitn     },
    {"squote",     "A...", squote     },
    {"substr",     "iis",  substr     },
    {"toString",   "A",    to_string  },
    {"toStrings",  "A",    to_strings },
    {"trim",       "s",    trim       },
    {"trimAll",    "ss",   trim_all   },
    {"trimPrefix", "ss",   trim_prefix},
    {"trimSuffix", "ss",   trim_suffix},
    {"trimall",    "ss",   trim_all   },
    {"trunc",      "is",   trunc_text },
    {NULL,         NULL,   NULL       },
};
