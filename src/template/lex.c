#include "base/own.h"
#include "codec/utf8.h"
#include "template/parse_int.h"
#include "template/unicode_int.h"

#include "base/banned.h"

enum { END = -1 };

void lexer__init(struct lexer *l, struct arena *a, const struct source *s)
{
    *l = (struct lexer){.arena = a, .text = s->text, .n = s->n};
}

enum { SPACE = 1, WORD = 2, DIGIT = 4, TERMINATOR = 8 };

/* What ASCII characters are, inside of an action. */
static const unsigned char classes[256] = {[' '] = SPACE | TERMINATOR,
                                           ['\t'] = SPACE | TERMINATOR,
                                           ['\r'] = SPACE | TERMINATOR,
                                           ['\n'] = SPACE | TERMINATOR,
                                           ['.'] = TERMINATOR,
                                           [','] = TERMINATOR,
                                           ['|'] = TERMINATOR,
                                           [':'] = TERMINATOR,
                                           [')'] = TERMINATOR,
                                           ['('] = TERMINATOR,
                                           ['a' ... 'z'] = WORD,
                                           ['A' ... 'Z'] = WORD,
                                           ['_'] = WORD,
                                           ['0' ... '9'] = WORD | DIGIT};

static inline unsigned class_of(char c)
{
    return classes[(unsigned char)c];
}

static inline bool is_space(char c)
{
    return class_of(c) & SPACE;
}

static inline bool is_word(int c)
{
    return c < 0x80 ? c >= 0 && class_of((char)c) & WORD
                    : unicode_is_letter((uint32_t)c) || unicode_is_digit((uint32_t)c);
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

/* The byte `ahead` of pos; 0 past the end. */
static inline char byte_at(const struct lexer *l, size_t ahead)
{
    return l->n - l->pos > ahead ? l->text[l->pos + ahead] : '\0';
}

/* Whether "}}" stands there. */
static inline bool closes(const struct lexer *l, size_t pos)
{
    return pos + 2 <= l->n && l->text[pos] == '}' && l->text[pos + 1] == '}';
}

static inline struct token emit(struct lexer *l, enum token_kind kind)
{
    struct token t = {.s = l->text + l->start,
                      .n = (uint32_t)(l->pos - l->start),
                      .pos = (uint32_t)l->start,
                      .space = (uint32_t)l->space,
                      .kind = (uint16_t)kind,
                      .spaced = l->spaced};
    l->start = l->pos;
    l->spaced = false;
    return t;
}

static void ignore(struct lexer *l)
{
    l->start = l->pos;
}

static struct token fail(struct lexer *l, const char *text)
{
    struct token t = emit(l, TOKEN_ERROR);
    t.s = text;
    t.n = (uint32_t)strlen(text);
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

/* " -}}" */
static inline bool at_trimming_delim(const struct lexer *l)
{
    return byte_at(l, 1) == '-' && is_space(l->text[l->pos]) && closes(l, l->pos + 2);
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
    bool trims = at_trimming_delim(l);
    if (!trims && !closes(l, l->pos)) {
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
            return emit(l, l->pos > l->start ? TOKEN_TEXT : TOKEN_EOF);
        }
        l->pos = (size_t)(delim - l->text);
        if (delim > from) {
            struct token t = text_before(l);
            if (t.n)
                return t;
        }
        size_t past = l->pos + 2 + (trims_left(l, l->pos + 2) ? 2 : 0);
        if (past + 2 > l->n || l->text[past] != '/' || l->text[past + 1] != '*')
            return left_delim(l);
        l->pos = past;
        ignore(l);
        struct token t;
        if (!skip_comment(l, &t))
            return t;
    }
}

/* ---- inside ---- */

static struct token right_delim(struct lexer *l, bool trims)
{
    if (l->parens)
        return fail(l, "unclosed left paren");
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

/* From a space up to the next word, or to the last space when that belongs to " -}}". */
static inline void pass_spaces(struct lexer *l)
{
    l->spaced = true;
    l->space = l->pos++;
    while (is_space(byte_at(l, 0)) && !at_trimming_delim(l))
        l->pos++;
    ignore(l);
}

/* What may stand behind an identifier. */
static inline bool at_terminator(const struct lexer *l)
{
    return l->pos == l->n || class_of(l->text[l->pos]) & TERMINATOR || closes(l, l->pos);
}

static enum token_kind word_kind(const char *s, size_t n)
{
    static const struct {
        const char *word;
        size_t n;
        enum token_kind kind;
    } words[] = {
        {"if",       2, TOKEN_IF      },
        {"end",      3, TOKEN_END     },
        {"nil",      3, TOKEN_NIL     },
        {"else",     4, TOKEN_ELSE    },
        {"true",     4, TOKEN_BOOL    },
        {"with",     4, TOKEN_WITH    },
        {"block",    5, TOKEN_BLOCK   },
        {"break",    5, TOKEN_BREAK   },
        {"false",    5, TOKEN_BOOL    },
        {"range",    5, TOKEN_RANGE   },
        {"define",   6, TOKEN_DEFINE  },
        {"continue", 8, TOKEN_CONTINUE},
        {"template", 8, TOKEN_TEMPLATE},
    };
    for (size_t i = 0; i < ARRAY_LEN(words) && words[i].n <= n; i++)
        if (words[i].n == n && words[i].word[0] == *s && memcmp(s, words[i].word, n) == 0)
            return words[i].kind;
    return TOKEN_IDENTIFIER;
}

/* Reads letters and digits; false when what follows may not. *t is then the error. */
static bool word(struct lexer *l, struct token *t)
{
    const char *at = l->text + l->pos, *end = l->text + l->n;
    while (at < end && class_of(*at) & WORD)
        at++;
    l->pos = (size_t)(at - l->text);
    if (at_terminator(l))
        return true;
    size_t len;
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

/* A backslash keeps the character behind it from ending the text; nothing keeps a line's end. */
static struct token quoted(struct lexer *l, char quote, enum token_kind kind, const char *unended)
{
    for (; l->pos < l->n; l->pos++) {
        char c = l->text[l->pos];
        if (c == quote) {
            l->pos++;
            return emit(l, kind);
        }
        l->pos += c == '\\';
        if (c == '\n' || byte_at(l, 0) == '\n')
            break;
    }
    if (l->pos > l->n)
        l->pos = l->n;
    return fail(l, unended);
}

static struct token raw_quoted(struct lexer *l)
{
    const char *from = l->text + l->pos, *end = memchr(from, '`', l->n - l->pos);
    if (!end)
        return fail(l, "unterminated raw quoted string");
    l->pos = (size_t)(end - l->text) + 1;
    return emit(l, TOKEN_RAW_STRING);
}

static bool accept(struct lexer *l, const char *set)
{
    char c = byte_at(l, 0);
    if (c && strchr(set, c)) {
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

static struct token one(struct lexer *l, enum token_kind kind)
{
    l->pos++;
    return emit(l, kind);
}

static struct token declare(struct lexer *l)
{
    l->pos++;
    if (byte_at(l, 0) == '=')
        return one(l, TOKEN_DECLARE);
    return fail(l, "expected :=");
}

static struct token parenthesis(struct lexer *l, bool opens)
{
    l->parens += opens ? 1 : -1;
    if (l->parens >= 0)
        return one(l, opens ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
    return fail(l, "unexpected right paren");
}

static struct token other(struct lexer *l)
{
    size_t len;
    int c = peek(l, &len);
    if (c == END)
        return fail(l, "unclosed action");
    if (is_word(c))
        return identifier(l);
    l->pos += len;
    return c > ' ' && c < 0x7f ? emit(l, TOKEN_CHAR)
                               : fail_at(l, "unrecognized character in action: ", c);
}

static struct token inside(struct lexer *l)
{
    if (is_space(byte_at(l, 0)) && !at_trimming_delim(l))
        pass_spaces(l);
    char c = byte_at(l, 0), ahead = byte_at(l, 1);
    if (is_space(c) || closes(l, l->pos))
        return right_delim(l, is_space(c));
    if (class_of(c) & DIGIT || c == '+' || c == '-' ||
        (c == '.' && (class_of(ahead) & DIGIT || l->pos + 1 == l->n)))
        return number(l);
    if (class_of(c) & WORD)
        return identifier(l);
    switch (c) {
    case '"':
        l->pos++;
        return quoted(l, c, TOKEN_STRING, "unterminated quoted string");
    case '`':
        l->pos++;
        return raw_quoted(l);
    case '\'':
        l->pos++;
        return quoted(l, c, TOKEN_CHAR_CONSTANT, "unterminated character constant");
    case '$':
        l->pos++;
        return field_or_variable(l, TOKEN_VARIABLE);
    case '.':
        l->pos++;
        return field_or_variable(l, TOKEN_FIELD);
    case '=':
        return one(l, TOKEN_ASSIGN);
    case ':':
        return declare(l);
    case '|':
        return one(l, TOKEN_PIPE);
    case '(':
    case ')':
        return parenthesis(l, c == '(');
    default:
        return other(l);
    }
}

struct token lexer__next(struct lexer *l)
{
    if (l->broken)
        return emit(l, TOKEN_EOF);
    return l->inside ? inside(l) : outside(l);
}
