#include "template/sprig_int.h"

#include "base/banned.h"

/* ---- letters ---- */

static int map_letters(struct go_call *c, const struct go_value *s, uint32_t (*map)(uint32_t),
                       struct go_value *out)
{
    struct buf *b = call__scratch(c);
    for (size_t i = 0, len; i < s->n; i += len)
        unicode_put(b, map(unicode_decode(s->s + i, s->n - i, &len)));
    return call__finish(c, out);
}

GO_FN(upper)
{
    return map_letters(c, &args[0], unicode_upper, out);
}

GO_FN(lower)
{
    return map_letters(c, &args[0], unicode_lower, out);
}

/* strings.Title's idea of what divides words. */
static bool divides(uint32_t ch)
{
    if (ch < 0x80)
        return !unicode_is_letter(ch) && !unicode_is_digit(ch) && ch != '_';
    return !unicode_is_letter(ch) && !unicode_is_digit(ch) && unicode_is_space(ch);
}

GO_FN(title)
{
    struct buf *b = call__scratch(c);
    uint32_t before = ' ';
    for (size_t i = 0, len; i < args[0].n; i += len) {
        uint32_t ch = unicode_decode(args[0].s + i, args[0].n - i, &len);
        unicode_put(b, divides(before) ? unicode_title(ch) : ch);
        before = ch;
    }
    return call__finish(c, out);
}

GO_FN(untitle)
{
    struct buf *b = call__scratch(c);
    bool first = true;
    for (size_t i = 0, len; i < args[0].n; i += len) {
        uint32_t ch = unicode_decode(args[0].s + i, args[0].n - i, &len);
        bool space = unicode_is_space(ch);
        unicode_put(b, first && !space ? unicode_lower(ch) : ch);
        first = space;
    }
    return call__finish(c, out);
}

GO_FN(swapcase)
{
    struct buf *b = call__scratch(c);
    bool first = true;
    for (size_t i = 0, len; i < args[0].n; i += len) {
        uint32_t ch = unicode_decode(args[0].s + i, args[0].n - i, &len);
        if (unicode_is_upper(ch)) {
            unicode_put(b, unicode_lower(ch));
            first = false;
        } else if (unicode_is_lower(ch)) {
            unicode_put(b, first ? unicode_title(ch) : unicode_upper(ch));
            first = false;
        } else {
            unicode_put(b, ch);
            first = unicode_is_space(ch);
        }
    }
    return call__finish(c, out);
}

/* These two take bytes for characters. */
GO_FN(initials)
{
    struct buf *b = call__scratch(c);
    bool gap = true;
    for (uint32_t i = 0; i < args[0].n; i++) {
        uint32_t ch = (unsigned char)args[0].s[i];
        bool space = unicode_is_space(ch);
        if (gap && !space)
            unicode_put(b, ch);
        gap = space;
    }
    return call__finish(c, out);
}

GO_FN(nospace)
{
    struct buf *b = call__scratch(c);
    bool some = false;
    for (uint32_t i = 0; i < args[0].n; i++) {
        uint32_t ch = (unsigned char)args[0].s[i];
        some = some || unicode_is_space(ch);
        if (!unicode_is_space(ch))
            unicode_put(b, ch);
    }
    *out = args[0];
    return some ? call__finish(c, out) : 0;
}

/* ---- words ---- */

static bool connects(uint32_t ch)
{
    return ch == '-' || ch == '_' || unicode_is_space(ch);
}

static uint32_t take(const char **s, size_t *n)
{
    size_t len;
    uint32_t ch = unicode_decode(*s, *n, &len);
    *s += len;
    *n -= len;
    return ch;
}

/* xstrings.ToPascalCase */
GO_FN(camelcase)
{
    const char *s = args[0].s;
    size_t left = args[0].n;
    struct buf *b = call__scratch(c);
    uint32_t now = 0, before;
    bool shout = false, begun = false;
    while (left && !begun) {
        now = take(&s, &left);
        begun = !connects(now);
        if (begun) {
            shout = unicode_is_upper(now);
            now = unicode_upper(now);
        } else {
            unicode_put(b, now);
        }
    }
    if (left == 0) {
        if (args[0].n)
            unicode_put(b, now);
        return call__finish(c, out);
    }
    while (left) {
        before = now;
        now = take(&s, &left);
        if (connects(now) && connects(before)) {
            unicode_put(b, before);
        } else if (connects(before)) {
            shout = unicode_is_upper(now);
            now = unicode_upper(now);
        } else {
            shout = shout && unicode_is_upper(now);
            now = shout ? unicode_lower(now) : now;
            unicode_put(b, before);
        }
    }
    unicode_put(b, now);
    return call__finish(c, out);
}

enum word {
    WORD_NONE,
    WORD_NUMBER,
    WORD_UPPER,
    WORD_ALPHABET,
    WORD_CONNECTOR,
    WORD_PUNCT,
    WORD_OTHER
};

/* A letter that is no ideograph. */
static bool is_alphabet(uint32_t ch)
{
    bool ideograph = (ch >= 0x4e00 && ch <= 0x9fcc) || (ch >= 0x3400 && ch <= 0x4d85) ||
                     (ch >= 0x20000 && ch <= 0x2b81d);
    return unicode_is_letter(ch) && !ideograph;
}

static enum word kind_of(uint32_t ch)
{
    if (connects(ch))
        return WORD_CONNECTOR;
    if (unicode_is_punct(ch))
        return WORD_PUNCT;
    if (unicode_is_upper(ch))
        return WORD_UPPER;
    if (is_alphabet(ch))
        return WORD_ALPHABET;
    return unicode_is_number(ch) ? WORD_NUMBER : WORD_OTHER;
}

struct words {
    const char *s;
    size_t n;
    enum word kind; /* of the word at hand */
    const char *word;
    size_t len;
};

static enum word kind_at(const struct words *w, size_t at, size_t *len)
{
    if (at >= w->n)
        return WORD_NONE;
    return kind_of(unicode_decode(w->s + at, w->n - at, len));
}

/* "HTTPServer" is HTTP and Server: an upper case letter goes with the lower case ones after it. */
static size_t upper_word(const struct words *w, size_t first)
{
    size_t at = first, len = 0, last = 0;
    enum word kind = kind_at(w, at, &len);
    if (kind == WORD_ALPHABET) {
        for (; kind == WORD_ALPHABET; kind = kind_at(w, at, &len))
            at += len;
        return at;
    }
    for (; kind == WORD_UPPER; kind = kind_at(w, at, &len)) {
        last = len;
        at += len;
    }
    return kind == WORD_ALPHABET ? at - last : at;
}

static void next_word(struct words *w)
{
    size_t len = 0, at = 0;
    w->kind = kind_at(w, 0, &len);
    w->word = w->s;
    if (w->kind == WORD_UPPER)
        at = upper_word(w, len);
    else if (w->kind != WORD_NONE)
        for (enum word kind = w->kind; kind == w->kind; kind = kind_at(w, at, &len))
            at += len;
    w->len = at;
    w->s += at;
    w->n -= at;
}

static void put_word(struct buf *b, enum word kind, const char *s, size_t n, char connector)
{
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t ch = unicode_decode(s + i, n - i, &len);
        if (kind == WORD_CONNECTOR)
            buf_putc(b, connector);
        else
            unicode_put(b, kind == WORD_UPPER ? unicode_lower(ch) : ch);
    }
}

static void put_words(struct buf *b, struct words *w, char connector)
{
    while (w->kind == WORD_ALPHABET || w->kind == WORD_NUMBER) {
        put_word(b, w->kind, w->word, w->len, connector);
        next_word(w);
    }
}

static bool wants_connector(enum word kind)
{
    return kind != WORD_NONE && kind != WORD_CONNECTOR && kind != WORD_PUNCT;
}

/* A number after a word belongs to it, unless lower case letters follow: bld4_floor, http_2xx. */
static void after_word(struct buf *b, struct words *w, char connector)
{
    if (w->kind != WORD_NUMBER) {
        if (w->kind != WORD_CONNECTOR && w->kind != WORD_PUNCT)
            buf_putc(b, connector);
        return;
    }
    if (w->n == 0)
        return;
    const char *number = w->word;
    size_t len = w->len;
    next_word(w);
    bool glued = w->kind != WORD_ALPHABET;
    if (!glued)
        buf_putc(b, connector);
    put_word(b, WORD_NUMBER, number, len, connector);
    if (!glued)
        put_words(b, w, connector);
    if (glued ? w->kind != WORD_CONNECTOR && w->kind != WORD_PUNCT : wants_connector(w->kind))
        buf_putc(b, connector);
}

/* xstrings.ToSnakeCase, ToKebabCase */
static int lower_words(struct go_call *c, const struct go_value *s, char connector,
                       struct go_value *out)
{
    struct buf *b = call__scratch(c);
    struct words w = {.s = s->s, .n = s->n};
    next_word(&w);
    while (w.n) {
        struct words before = w;
        if (w.kind != WORD_CONNECTOR)
            put_word(b, w.kind, w.word, w.len, connector);
        next_word(&w);
        if (before.kind == WORD_NUMBER) {
            put_words(b, &w, connector);
            if (wants_connector(w.kind))
                buf_putc(b, connector);
        } else if (before.kind == WORD_CONNECTOR) {
            put_word(b, WORD_CONNECTOR, before.word, before.len, connector);
        } else if (before.kind != WORD_PUNCT) {
            after_word(b, &w, connector);
        }
    }
    put_word(b, w.kind, w.word, w.len, connector);
    return call__finish(c, out);
}

GO_FN(snakecase)
{
    return lower_words(c, &args[0], '_', out);
}

GO_FN(kebabcase)
{
    return lower_words(c, &args[0], '-', out);
}

/* ---- wrapping ---- */

static int wrap_text(struct go_call *c, const struct go_value *text, int64_t width,
                     const struct go_value *line_end, bool cut_long, struct go_value *out)
{
    struct buf *b = call__scratch(c);
    const char *s = text->s, *end = s + text->n;
    size_t w = width < 1 ? 1 : (size_t)width;
    const char *sep = line_end->n ? line_end->s : "\n";
    size_t n_sep = line_end->n ? line_end->n : 1;
    while ((size_t)(end - s) > w) {
        if (*s == ' ') {
            s++;
            continue;
        }
        const char *space = memrchr(s, ' ', w + 1), *next = space ? space + 1 : NULL;
        if (!space && cut_long) {
            space = next = s + w;
        } else if (!space) {
            space = memchr(s + w, ' ', (size_t)(end - s) - w);
            if (!space)
                break;
            next = space + 1;
        }
        buf_add(b, s, (size_t)(space - s));
        buf_add(b, sep, n_sep);
        s = next;
    }
    buf_add(b, s, (size_t)(end - s));
    return call__finish(c, out);
}

GO_FN(wrap)
{
    struct go_value none = go_str("");
    return wrap_text(c, &args[1], args[0].i, &none, false, out);
}

GO_FN(wrap_with)
{
    return wrap_text(c, &args[2], args[0].i, &args[1], true, out);
}

const struct go_func case_functions[] = {
    {"camelcase", "s",   camelcase},
    {"initials",  "s",   initials },
    {"kebabcase", "s",   kebabcase},
    {"lower",     "s",   lower    },
    {"nospace",   "s",   nospace  },
    {"snakecase", "s",   snakecase},
    {"swapcase",  "s",   swapcase },
    {"title",     "s",   title    },
    {"untitle",   "s",   untitle  },
    {"upper",     "s",   upper    },
    {"wrap",      "is",  wrap     },
    {"wrapWith",  "iss", wrap_with},
    {NULL,        NULL,  NULL     },
};
