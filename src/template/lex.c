#include "base/own.h"
#include "codec/utf8.h"
#include "template/parse_int.h"
#include "template/unicode_int.h"

#include "base/banned.h"

enum { END = -1 };

void lexer__init(struct lexer *l, struct arena *a, const struct source *s)
{
    *l = (struct lexer){.arena = a, .text = s->text, .n = s->n, .line = 1, .start_line = 1};
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(int c)
{
    if (c < 0x80)
        return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
    return unicode_is_letter((uint32_t)c) || unicode_is_digit((uint32_t)c);
}

/* The character at pos and its length; END past the end. */
static int peek(const struct lexer *l, size_t *len)
{
    if (l->pos >= l->n) {
        *len = 0;
        return END;
    }
    if ((unsigned char)l->text[l->pos] < 0x80) {
        *len = 1;
        return l->text[l->pos];
    }
    return (int)unicode_decode(l->text + l->pos, l->n - l->pos, len);
}

static int next(struct lexer *l)
{
    size_t len;
    int c = peek(l, &len);
    l->pos += len;
    l->line += c == '\n';
    return c;
}

static bool at(const struct lexer *l, size_t pos, const char *text)
{
    size_t n = strlen(text);
    return pos <= l->n && l->n - pos >= n && memcmp(l->text + pos, text, n) == 0;
}

static unsigned count_lines(const char *s, size_t n)
{
    unsigned lines = 0;
    for (const char *p = s, *end = s + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    return lines;
}

static struct token emit(struct lexer *l, enum token_kind kind)
{
    struct token t = {kind, l->text + l->start, l->pos - l->start, l->start, l->start_line};
    l->start = l->pos;
    l->start_line = l->line;
    return t;
}

/* Skips what lies before pos and was not read by next(). */
static void ignore(struct lexer *l)
{
    l->line += count_lines(l->text + l->start, l->pos - l->start);
    l->start = l->pos;
    l->start_line = l->line;
}

static struct token fail(struct lexer *l, const char *text)
{
    struct token t = {TOKEN_ERROR, text, strlen(text), l->start, l->start_line};
    l->broken = true;
    return t;
}

static struct token fail_at(struct lexer *l, const char *what, int c)
{
    struct buf b;
    buf_init(&b, 200);
    buf_puts(&b, what);
    unicode_print_name(&b, c < 0 ? UTF8_REPLACEMENT : (uint32_t)c, c == END);
    char *text = arena_strdup(l->arena, buf_text(&b));
    buf_done(&b);
    return fail(l, text);
}

static bool trims_left(const struct lexer *l, size_t pos)
{
    return pos + 2 <= l->n && l->text[pos] == '-' && is_space(l->text[pos + 1]);
}

static bool trims_right(const struct lexer *l, size_t pos)
{
    return pos + 2 <= l->n && is_space(l->text[pos]) && l->text[pos + 1] == '-';
}

static bool at_right_delim(const struct lexer *l, bool *trims)
{
    *trims = trims_right(l, l->pos) && at(l, l->pos + 2, "}}");
    return *trims || at(l, l->pos, "}}");
}

static void skip_spaces(struct lexer *l)
{
    while (l->pos < l->n && is_space(l->text[l->pos]))
        l->pos++;
}

/* ---- outside of actions ---- */

/* At a comment; its token is not wanted. False: *t says what is wrong. */
static bool skip_comment(struct lexer *l, struct token *t)
{
    const char *from = l->text + l->pos + 2;
    const char *end = memmem(from, l->n - l->pos - 2, "*/", 2);
    if (!end) {
        *t = fail(l, "unclosed comment");
        return false;
    }
    l->pos = (size_t)(end - l->text) + 2;
    bool trims;
    if (!at_right_delim(l, &trims)) {
        *t = fail(l, "comment ends before closing delimiter");
        return false;
    }
    l->pos += trims ? 4 : 2;
    if (trims)
        skip_spaces(l);
    ignore(l);
    return true;
}

static struct token left_delim(struct lexer *l)
{
    l->pos += 2;
    bool trims = trims_left(l, l->pos);
    struct token t = emit(l, TOKEN_LEFT_DELIM);
    l->pos += trims ? 2 : 0;
    ignore(l);
    l->inside = true;
    l->parens = 0;
    return t;
}

/* The text up to pos, less the spaces that the action there trims. */
static struct token text_before(struct lexer *l)
{
    size_t end = l->pos;
    if (trims_left(l, l->pos + 2))
        while (end > l->start && is_space(l->text[end - 1]))
            end--;
    size_t action = l->pos;
    l->pos = end;
    l->line += count_lines(l->text + l->start, l->pos - l->start);
    struct token t = emit(l, TOKEN_TEXT);
    l->pos = action;
    ignore(l);
    return t;
}

static const char *find_delim(const char *s, const char *end)
{
    while ((s = memchr(s, '{', (size_t)(end - s))) && (s + 1 == end || s[1] != '{'))
        s++;
    return s;
}

static struct token outside(struct lexer *l)
{
    for (;;) {
        const char *from = l->text + l->pos;
        const char *delim = find_delim(from, l->text + l->n);
        if (!delim) {
            l->pos = l->n;
            l->line += count_lines(l->text + l->start, l->pos - l->start);
            return emit(l, l->pos > l->start ? TOKEN_TEXT : TOKEN_EOF);
        }
        l->pos = (size_t)(delim - l->text);
        if (delim > from) {
            struct token t = text_before(l);
            if (t.n)
                return t;
        }
        size_t past = l->pos + 2 + (trims_left(l, l->pos + 2) ? 2 : 0);
        if (!at(l, past, "/*"))
            return left_delim(l);
        l->pos = past;
        ignore(l);
        struct token t;
        if (!skip_comment(l, &t))
            return t;
    }
}

/* ---- inside ---- */

static struct token right_delim(struct lexer *l)
{
    bool trims;
    (void)at_right_delim(l, &trims);
    if (trims) {
        l->pos += 2;
        ignore(l);
    }
    l->pos += 2;
    struct token t = emit(l, TOKEN_RIGHT_DELIM);
    if (trims) {
        skip_spaces(l);
        ignore(l);
    }
    l->inside = false;
    return t;
}

static struct token spaces(struct lexer *l)
{
    size_t first = l->pos;
    while (l->pos < l->n && is_space(l->text[l->pos]))
        (void)next(l);
    /* The last space may belong to " -}}". */
    if (trims_right(l, l->pos - 1) && at(l, l->pos + 1, "}}")) {
        l->pos--;
        l->line -= l->text[l->pos] == '\n';
        if (l->pos == first)
            return right_delim(l);
    }
    return emit(l, TOKEN_SPACE);
}

/* What may stand behind an identifier. */
static bool at_terminator(const struct lexer *l)
{
    size_t len;
    int c = peek(l, &len);
    return c == END || is_space(c) || (c > 0 && c < 0x80 && strchr(".,|:)(", c)) ||
           at(l, l->pos, "}}");
}

static enum token_kind word_kind(const char *s, size_t n)
{
    static const struct {
        const char *word;
        enum token_kind kind;
    } words[] = {
        {"true",     TOKEN_BOOL    },
        {"false",    TOKEN_BOOL    },
        {"block",    TOKEN_BLOCK   },
        {"break",    TOKEN_BREAK   },
        {"continue", TOKEN_CONTINUE},
        {"define",   TOKEN_DEFINE  },
        {"else",     TOKEN_ELSE    },
        {"end",      TOKEN_END     },
        {"if",       TOKEN_IF      },
        {"range",    TOKEN_RANGE   },
        {"nil",      TOKEN_NIL     },
        {"template", TOKEN_TEMPLATE},
        {"with",     TOKEN_WITH    },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i].word) == n && memcmp(s, words[i].word, n) == 0)
            return words[i].kind;
    return TOKEN_IDENTIFIER;
}

/* Reads letters and digits; false when what follows may not. *t is then the error. */
static bool word(struct lexer *l, struct token *t)
{
    static const bool ascii[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true};
    size_t len;
    while (l->pos < l->n && ascii[(unsigned char)l->text[l->pos]])
        l->pos++;
    int c = peek(l, &len);
    for (; is_word(c); c = peek(l, &len))
        l->pos += len;
    if (at_terminator(l))
        return true;
    *t = fail_at(l, "bad character ", c);
    return false;
}

static struct token field_or_variable(struct lexer *l, enum token_kind kind)
{
    if (at_terminator(l))
        return emit(l, kind == TOKEN_VARIABLE ? kind : TOKEN_DOT);
    struct token t;
    return word(l, &t) ? emit(l, kind) : t;
}

static struct token identifier(struct lexer *l)
{
    struct token t;
    if (!word(l, &t))
        return t;
    return emit(l, word_kind(l->text + l->start, l->pos - l->start));
}

/* Up to what may end a quoted text. */
static void skip_quoted(struct lexer *l, int quote)
{
    for (; l->pos < l->n; l->pos++) {
        char c = l->text[l->pos];
        if (c == quote || c == '\n' || c == '\\')
            return;
    }
}

static struct token quoted(struct lexer *l, int quote, enum token_kind kind, const char *unended)
{
    for (;;) {
        skip_quoted(l, quote);
        int c = next(l);
        if (c == quote)
            return emit(l, kind);
        if (c == '\\' && quote != '`') {
            c = next(l);
            if (c != END && c != '\n')
                continue;
        }
        if (c == END || (c == '\n' && quote != '`'))
            return fail(l, unended);
    }
}

static bool accept(struct lexer *l, const char *set)
{
    if (l->pos < l->n && l->text[l->pos] && strchr(set, l->text[l->pos])) {
        l->pos++;
        return true;
    }
    return false;
}

static void accept_run(struct lexer *l, const char *set)
{
    while (accept(l, set))
        ;
}

static bool scan_number(struct lexer *l)
{
    const char *digits = "0123456789_";
    bool decimal = true, hex = false;
    (void)accept(l, "+-");
    if (accept(l, "0")) {
        if (accept(l, "xX")) {
            digits = "0123456789abcdefABCDEF_";
            hex = true;
            decimal = false;
        } else if (accept(l, "oO")) {
            digits = "01234567_";
            decimal = false;
        } else if (accept(l, "bB")) {
            digits = "01_";
            decimal = false;
        }
    }
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if ((decimal && accept(l, "eE")) || (hex && accept(l, "pP"))) {
        (void)accept(l, "+-");
        accept_run(l, "0123456789_");
    }
    (void)accept(l, "i");
    size_t len;
    if (is_word(peek(l, &len))) {
        l->pos += len;
        return false;
    }
    return true;
}

static struct token number(struct lexer *l)
{
    enum token_kind kind = TOKEN_NUMBER;
    bool good = scan_number(l);
    if (good && l->pos < l->n && (l->text[l->pos] == '+' || l->text[l->pos] == '-')) {
        good = scan_number(l) && l->text[l->pos - 1] == 'i';
        kind = TOKEN_COMPLEX;
    }
    if (good)
        return emit(l, kind);
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, "bad number syntax: ");
    text__quote(&b, l->text + l->start, l->pos - l->start);
    char *text = arena_strdup(l->arena, buf_text(&b));
    buf_done(&b);
    return fail(l, text);
}

static struct token punctuation(struct lexer *l, int c)
{
    switch (c) {
    case '=':
        return emit(l, TOKEN_ASSIGN);
    case ':':
        return next(l) == '=' ? emit(l, TOKEN_DECLARE) : fail(l, "expected :=");
    case '|':
        return emit(l, TOKEN_PIPE);
    case '(':
        l->parens++;
        return emit(l, TOKEN_LEFT_PAREN);
    case ')':
        return --l->parens < 0 ? fail(l, "unexpected right paren") : emit(l, TOKEN_RIGHT_PAREN);
    default:
        if (c > ' ' && c < 0x7f)
            return emit(l, TOKEN_CHAR);
        return fail_at(l, "unrecognized character in action: ", c);
    }
}

static struct token inside(struct lexer *l)
{
    bool trims;
    if (at_right_delim(l, &trims))
        return l->parens ? fail(l, "unclosed left paren") : right_delim(l);
    size_t len;
    int c = peek(l, &len);
    if (c == END)
        return fail(l, "unclosed action");
    if (is_space(c))
        return spaces(l);
    bool digit_next = l->pos + 1 < l->n && l->text[l->pos + 1] >= '0' && l->text[l->pos + 1] <= '9';
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' ||
        (c == '.' && (digit_next || l->pos + 1 == l->n)))
        return number(l);
    if (is_word(c))
        return identifier(l);
    l->pos += len;
    switch (c) {
    case '"':
        return quoted(l, c, TOKEN_STRING, "unterminated quoted string");
    case '`':
        return quoted(l, c, TOKEN_RAW_STRING, "unterminated raw quoted string");
    case '\'':
        return quoted(l, c, TOKEN_CHAR_CONSTANT, "unterminated character constant");
    case '$':
        return field_or_variable(l, TOKEN_VARIABLE);
    case '.':
        return field_or_variable(l, TOKEN_FIELD);
    default:
        return punctuation(l, c);
    }
}

struct token lexer__next(struct lexer *l)
{
    if (l->broken)
        return (struct token){TOKEN_EOF, "EOF", 3, l->pos, l->start_line};
    return l->inside ? inside(l) : outside(l);
}
