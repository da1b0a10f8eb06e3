/* parse_int.h - tokens and trees, between lexer, parser and executor. */
#pragma once
#include "template/template.h"
#include "template/unicode_int.h"
#include "template/value_int.h"

/* A text and the name its errors show. */
struct source {
    const char *name;
    const char *text;
    size_t n;
};

enum token_kind {
    TOKEN_ERROR, /* text says what */
    TOKEN_BOOL,
    TOKEN_CHAR, /* printable ASCII, a grab bag */
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_EOF,
    TOKEN_FIELD,
    TOKEN_IDENTIFIER,
    TOKEN_LEFT_DELIM,
    TOKEN_LEFT_PAREN,
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_RAW_STRING,
    TOKEN_RIGHT_DELIM,
    TOKEN_RIGHT_PAREN,
    TOKEN_STRING,
    TOKEN_TEXT,
    TOKEN_VARIABLE,
    TOKEN_KEYWORDS, /* the rest are keywords */
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
};

/* Lines are counted where an error names one. */
struct token {
    const char *s;
    uint32_t n, pos;
    uint32_t space; /* where the white space before it begins */
    uint16_t kind;
    bool spaced; /* there is some */
};

struct lexer {
    struct arena *arena; /* of error texts */
    const char *text;
    size_t n, pos, start, space;
    int parens;
    bool inside; /* between {{ and }} */
    bool spaced; /* the next token comes behind white space */
    bool broken; /* an error was handed out */
};

void lexer__init(struct lexer *l, struct arena *a, const struct source *s);
struct token lexer__next(struct lexer *l);

struct ident {
    const char *s;
    uint32_t n, hash;
};

/* A function of the table with its signature taken apart. */
struct function {
    struct ident name;
    const struct go_func *func;
    const char *params;
    uint8_t n_params;
    bool variadic;
    bool boxes; /* the result is an interface{} */
    uint8_t special;
};

enum function_special {
    SPECIAL_NONE,
    SPECIAL_AND,
    SPECIAL_OR,
    SPECIAL_CALL,
};

struct function function__of(const struct go_func *f);

struct number {
    bool is_int, is_uint, is_float, is_complex;
    int64_t i;
    uint64_t u;
    double f;
    struct go_complex c;
};

enum node_kind {
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_RANGE,
    NODE_WITH,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_LIST,
    NODE_PIPE,
    NODE_COMMAND,
    NODE_FUNCTION,
    NODE_FIELD,
    NODE_CHAIN,
    NODE_VARIABLE,
    NODE_DOT,
    NODE_NIL,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_END, /* these two only while parsing */
    NODE_ELSE,
};

/* What a template says outright. */
struct literal {
    const char *s; /* STRING: with its quotes; NUMBER: as written */
    size_t n;
    const struct number *number; /* of a NUMBER */
    struct go_value constant;    /* nothing: a number that has none without a context */
};

/* Small, because charts have a hundred thousand of them. */
struct node {
    uint8_t kind;      /* enum node_kind */
    bool assigns;      /* PIPE: "=", not ":=" */
    uint16_t n;        /* PIPE: declarations; FIELD, CHAIN, VARIABLE: names */
    uint32_t pos;      /* byte of the source */
    struct node *next; /* in its list, pipe, command or declaration */
    union {
        struct {
            const char *s;
            size_t n;
        } text;
        const struct literal *literal; /* STRING, NUMBER, BOOL */
        struct {
            struct node *pipe, *list;
        } branch; /* IF, RANGE, WITH; pipe: ACTION */
        struct {
            const struct ident *name;
            struct node *pipe;
        } call; /* TEMPLATE */
        struct {
            struct node *first;
            struct node *otherwise; /* LIST of a branch: what follows {{else}} */
        } list;                     /* LIST, COMMAND: its words */
        struct {
            struct node *decls, *first;
        } pipe;
        struct {
            struct node *of; /* CHAIN: what the fields are of */
            const struct ident *idents;
        } path; /* FIELD, CHAIN, VARIABLE: the first ident is its name */
        const struct function *function;
    };
};

struct tree {
    struct ident name;
    const struct node *root;
    const struct source *source;
    bool blank; /* nothing but space and comments */
};

/* As Go's Node.String(): what errors show after "at". */
void node__print(struct buf *b, const struct node *n);

/* ---- the set ---- */

struct template_set {
    struct arena *arena;
    struct go_map *functions; /* name: struct function in opaque */
    struct go_map *trees;     /* name: struct tree in opaque */
    const char *error;
    const struct template_set *parent; /* of a tpl: where names are looked for next */
};

const struct function *set__function(const struct template_set *s, const char *name, size_t n);
const struct tree *set__tree(const struct template_set *s, const struct ident *name);

/* Parses a text into trees; the set's error has the text of a failure. *out, which may be NULL, is
 * the text's own tree. */
int parse__text(struct template_set *s, const char *name, const char *text, size_t n,
                struct tree **out, struct err *e) MUST_CHECK;

/* A set of a tpl over `parent`. */
struct template_set *set__child(struct arena *a, const struct template_set *parent);

/* ---- texts ---- */

/* strconv.Quote(), or with ascii QuoteToASCII() */
void text__quote(struct buf *b, const char *s, size_t n);
void text__quote_with(struct buf *b, const char *s, size_t n, bool ascii);
void text__quote_char(struct buf *b, uint32_t c, bool ascii);
/* strconv.Unquote(); NULL: invalid syntax. */
const char *text__unquote(struct arena *a, const char *s, size_t n, size_t *out_n);
/* strconv.UnquoteChar(): the bytes read, 0: malformed. */
size_t text__unquote_char(const char *s, size_t n, char quote, uint32_t *out);
